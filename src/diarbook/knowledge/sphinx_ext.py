"""Sphinx directives that show the book's data: glossary, chapter card, evidence, API reference.

A directive writes MyST text where the text holds roles (terms, citations), and plain docutils nodes for the rest.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pkgutil
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.domains.std import make_glossary_term
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.evidence import PROTOCOL, Evidence, evidence_files, format_value, load_evidence
from diarbook.knowledge.ontology import Concept, load_ontology, ontology_files, problems, resolve

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

PARTS = (
    "measured",
    "downloads",
    "claims_directives",
    "concept_directives",
    "landscape_directives",
    "chooser_directive",
    "cited_directives",
)
"""Modules of this package with directives of their own."""

UNDOCUMENTED = (
    "diarbook.knowledge.sphinx_ext",
    *(f"diarbook.knowledge.{part}" for part in PARTS),
    "diarbook.commands",
    "diarbook.__main__",
)


class WswDirective(SphinxDirective):
    """What the directives share."""

    def note_file(self, path: Path) -> None:
        """Rebuild the page when this file changes."""
        self.env.note_dependency(str(path))

    def markdown(self, text: str) -> list[nodes.Node]:
        """Nodes of MyST text."""
        holder = nodes.container()
        holder.document = self.state.document
        source, line = self.get_source_info()
        lines = text.split("\n")
        self.state.nested_parse(StringList(lines, items=[(source, line)] * len(lines)), self.content_offset, holder)
        return holder.children

    def page(self, name: str) -> str | None:
        """Page of a chapter word or page name, or None when the book has no such page (yet)."""
        for folder in ("notebooks/", "book/", ""):
            if folder + name in self.env.found_docs:
                return folder + name
        return None

    def page_link(self, name: str, title: str | None = None) -> nodes.Node:
        """Link to a page; the page's title up to its colon by default."""
        page = self.page(name)
        if page is None:
            return nodes.inline("", name, classes=["wsw-planned"])
        link = addnodes.pending_xref(
            "",
            nodes.inline("", title or page, classes=["doc"]),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{page}",
            refdoc=self.env.docname,
            refexplicit=title is not None,
            refwarn=True,
        )
        link.source, link.line = self.get_source_info()
        return link if title else nodes.inline("", "", link, classes=["wsw-short-title"])

    def warn(self, message: str) -> None:
        """One line in the build's log, with the place."""
        logger.warning(message, location=self.get_location(), type="wsw")


def paragraph(*children: nodes.Node | str, classes: Sequence[str] = ()) -> nodes.paragraph:
    """A paragraph of texts and inline nodes."""
    made = nodes.paragraph(classes=list(classes))
    made += [nodes.Text(child) if isinstance(child, str) else child for child in children]
    return made


def definition_grid(rows: Iterable[tuple[str, Sequence[nodes.Node | str]]], *classes: str) -> nodes.definition_list:
    """A definition list; the style sheet lays it out as a grid."""
    grid = nodes.definition_list(classes=list(classes))
    for name, body in rows:
        grid += nodes.definition_list_item("", nodes.term("", name), nodes.definition("", paragraph(*body)))
    return grid


def load_leniently(warn) -> dict[str, Concept]:
    """Every concept of the files that can be read; the others give a warning each."""
    try:
        return load_ontology()
    except KnowledgeError as error:
        warn(str(error))
    concepts: dict[str, Concept] = {}
    for path in ontology_files():
        try:
            concepts |= load_ontology(path.parent, only=path.name)
        except KnowledgeError as error:
            logger.info("left out: %s", error)
    return concepts


class GlossaryFromOntology(WswDirective):
    """A glossary of every concept; ``{term}`` finds labels and alternative labels."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        for path in ontology_files():
            self.note_file(path)
        concepts = load_leniently(self.warn)
        for problem in problems(concepts):
            self.warn(problem)
        self.env.metadata[self.env.docname]["wsw_depends"] = "ontology"
        if not concepts:
            return [paragraph("No terms yet.", classes=["wsw-empty"])]
        taken: set[str] = set()
        result: list[nodes.Node] = []
        letter, entries = None, None
        for concept in sorted(concepts.values(), key=lambda c: (initial(c.label), c.label.casefold())):
            names = [name for name in concept.names if name.casefold() not in taken]
            if not names or names[0] != concept.label:
                continue  # the clash has its own warning
            taken.update(name.casefold() for name in names)
            if initial(concept.label) != letter:
                letter = initial(concept.label)
                result.append(nodes.rubric("", letter, classes=["wsw-letter"]))
                entries = nodes.definition_list(classes=["glossary", "simple", "wsw-glossary"])
                result.append(addnodes.glossary("", entries, sorted=False))
            entries += self.entry(concept, names, concepts)
        return result

    def entry(self, concept: Concept, names: list[str], concepts: dict[str, Concept]) -> nodes.definition_list_item:
        """One concept: its term with the anchors of all its names, and its definition."""
        source, line = self.get_source_info()
        term = make_glossary_term(
            self.env, [nodes.Text(concept.label)], initial(concept.label), source, line, None, self.state.document
        )
        standard = self.env.get_domain("std")
        for name in names[1:]:
            standard._note_term(name, term["ids"][0], location=term)
            index = next(term.findall(addnodes.index))
            index["entries"].append(("single", name, term["ids"][0], "main", initial(name)))
        definition = nodes.definition()
        definition += self.markdown(concept.definition)
        if concept.expert != concept.definition:
            expert = nodes.container(classes=["wsw-expert"])
            expert += self.markdown(concept.expert)
            definition += expert
        facts: list[tuple[str, Sequence[nodes.Node | str]]] = []
        if names[1:]:
            facts.append(("Also known as", [", ".join(names[1:])]))
        facts.append(("Scheme", [concept.scheme]))
        for field, heading in (
            ("stage", "Part of"),
            ("broader", "Broader"),
            ("related", "Related"),
            ("not_to_be_confused_with", "Not to be confused with"),
        ):
            if labels := [concepts[other].label for other in getattr(concept, field) if other in concepts]:
                facts.append((heading, self.inline(", ".join(f"{{term}}`{label}`" for label in labels))))
        for field in ("input", "output", "symbol", "unit"):
            if text := getattr(concept, field):
                facts.append((field.capitalize(), self.inline(text)))
        page = self.page(concept.chapter)
        chapter = self.page_link(concept.chapter) if page else f"{concept.chapter} (planned)"
        facts.append(("Chapter", [chapter]))
        if concept.function and (full_name := canonical_name(concept.function)):
            facts.append(("Function", [self.object_link(full_name, concept.function)]))
        if concept.sources:
            facts.append(("Sources", self.inline(f"{{cite:p}}`{','.join(concept.sources)}`")))
        grid = definition_grid(facts, "simple", "wsw-facts")
        if f"{__package__}.concept_directives" in self.env.app.extensions:  # fills the row when all pages are read
            from diarbook.knowledge.concept_directives import used_in_row

            grid += used_in_row(concept=concept.id)
        definition += grid
        return nodes.definition_list_item("", term, definition)

    def inline(self, text: str) -> list[nodes.Node]:
        """Inline nodes of MyST text."""
        return [child for block in self.markdown(text) for child in block.children]

    def object_link(self, full_name: str, shown: str) -> nodes.Node:
        """Link to an object of the API page."""
        link = addnodes.pending_xref(
            "",
            nodes.literal("", shown, classes=["xref", "py", "py-obj"]),
            refdomain="py",
            reftype="obj",
            reftarget=full_name,
            refdoc=self.env.docname,
            refexplicit=True,
        )
        link.source, link.line = self.get_source_info()
        return link


def initial(label: str) -> str:
    """Letter under which a term is listed."""
    first = label[0].upper()
    return first if first.isalpha() else "0–9"


def canonical_name(name: str) -> str | None:
    """Where an object is defined, whatever name re-exports it."""
    found = resolve(name)
    module, qualified = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return f"{module}.{qualified}" if module and qualified else None


class ChapterCard(WswDirective):
    """What a chapter asks, what to read first, how long it runs, on what data and models."""

    option_spec: ClassVar = {
        name: directives.unchanged_required for name in ("question", "after", "minutes", "data", "models")
    }

    def run(self) -> list[nodes.Node]:  # noqa: D102
        name = Path(self.env.docname).name
        if "question" not in self.options:
            self.warn("chapter-card: the option 'question' is missing")
        for after in self.names("after"):
            if self.page(after) is None:
                self.warn(f"chapter-card: 'after' names {after!r}, which is no page of the book")
        facts: list[tuple[str, Sequence[nodes.Node | str]]] = []
        if links := [self.page_link(after) for after in self.names("after")]:
            facts.append(("Read first", separated(links)))
        if minutes := self.options.get("minutes"):
            facts.append(("Runs in", [f"{minutes} min on two processor cores"]))
        for option, heading in (("data", "Data"), ("models", "Models")):
            if option in self.options:
                facts.append((heading, [self.options[option]]))
        card = nodes.container(classes=["wsw-card", "wsw-chapter-card"])
        card += paragraph(self.options.get("question", name), classes=["wsw-question"])
        card += definition_grid(facts, "simple", "wsw-facts")
        if self.env.doc2path(self.env.docname).endswith(".ipynb"):
            repository = self.env.config.wsw_repository
            colab = nodes.reference(
                "",
                "",
                nodes.inline("", "Open in Colab"),
                refuri=f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}.ipynb",
                internal=False,
                classes=["wsw-badge", "wsw-colab"],
            )
            download = addnodes.download_reference(
                "",
                "",
                nodes.inline("", "Download the notebook"),
                reftarget=f"/{self.env.docname}.ipynb",
                refdoc=self.env.docname,
                refdomain="",
                reftype="download",
                refexplicit=True,
                refwarn=False,
                classes=["wsw-badge", "wsw-download"],
            )
            card += paragraph(colab, " ", download, classes=["wsw-actions"])
        return [card]

    def names(self, option: str) -> list[str]:
        """Names of a comma-separated option."""
        return [name for part in self.options.get(option, "").split(",") if (name := part.strip())]


def separated(items: Sequence[nodes.Node], separator: str = ", ") -> list[nodes.Node | str]:
    """The items with a separator between each two."""
    result: list[nodes.Node | str] = []
    for item in items:
        result += [separator, item] if result else [item]
    return result


class EvidenceTable(WswDirective):
    """A table of measured results with its protocol card."""

    required_arguments = 1
    option_spec: ClassVar = {"columns": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:  # noqa: D102
        root = repository_root()
        path = (root or Path()) / "data" / "evidence" / f"{self.arguments[0]}.json"
        if path.is_file():
            self.note_file(path)
        try:
            evidence = load_evidence(path)
        except KnowledgeError as error:
            self.warn(str(error))
            return [paragraph(f"Not measured yet: {self.arguments[0]}.", classes=["wsw-empty"])]
        keys = list(evidence.columns)
        if wanted := self.options.get("columns"):
            keys = [key.strip() for key in wanted.split(",")]
            if unknown := [key for key in keys if key not in evidence.columns]:
                self.warn(
                    f"evidence {evidence.name}: unknown column {unknown[0]!r}; known: {', '.join(evidence.columns)}"
                )
                keys = [key for key in keys if key in evidence.columns]
        return [evidence_box(evidence, keys)]


def evidence_box(evidence: Evidence, keys: Sequence[str]) -> nodes.container:
    """Table and protocol card of one evidence file."""
    box = nodes.container(classes=["wsw-evidence"])
    box += evidence_table(evidence, keys)
    box += paragraph("Protocol", classes=["wsw-card-title"])
    rows = [(PROTOCOL[field], [format_value(value)]) for field, value in evidence.protocol.items()]
    box += definition_grid(rows, "simple", "wsw-facts", "wsw-protocol")
    return box


def evidence_table(evidence: Evidence, keys: Sequence[str]) -> nodes.table:
    """The rows as a table; columns of numbers are aligned right."""
    numeric = {key for key in keys if all(isinstance(row.get(key), int | float | list | None) for row in evidence.rows)}
    table = nodes.table("", nodes.title("", evidence.title), classes=["wsw-table", "colwidths-auto"])
    group = nodes.tgroup(cols=len(keys))
    table += group
    for _ in keys:
        group += nodes.colspec(colwidth=1)

    def line(texts: Sequence[tuple[str, str]]) -> nodes.row:
        row = nodes.row()
        for key, text in texts:
            entry = nodes.entry("", paragraph(text), classes=["wsw-number"] if key in numeric else [])
            row += entry
        return row

    group += nodes.thead("", line([(key, evidence.columns[key]) for key in keys]))
    group += nodes.tbody(
        "",
        *(
            line([(key, format_value(row.get(key), key, evidence.columns[key])) for key in keys])
            for row in evidence.rows
        ),
    )
    return table


class EvidenceIndex(WswDirective):
    """Every evidence file as a section: its table and its protocol card."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.env.metadata[self.env.docname]["wsw_depends"] = "evidence"
        sections: list[nodes.Node] = []
        for path in evidence_files():
            self.note_file(path)
            try:
                evidence = load_evidence(path)
            except KnowledgeError as error:
                self.warn(str(error))
                continue
            section = make_section(self.state.document, evidence.title, f"evidence-{evidence.name}")
            section += evidence_box(evidence, list(evidence.columns))
            sections.append(section)
        return sections or [paragraph("Nothing measured yet: run `make bench`.", classes=["wsw-empty"])]


def make_section(document: nodes.document, title: str, name: str) -> nodes.section:
    """A section with a title and a target of its own."""
    section = nodes.section(names=[nodes.fully_normalize_name(name)])
    section += nodes.title("", title)
    document.note_implicit_target(section, section)
    return section


class ApiReference(WswDirective):
    """Every public module of the package, a section each, by autodoc."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.env.metadata[self.env.docname]["wsw_depends"] = "api"
        sections: list[nodes.Node] = []
        for name in public_modules():
            section = make_section(self.state.document, name, f"module-reference-{name}")
            section += self.markdown(
                "\n".join(
                    [
                        "```{eval-rst}",
                        f".. automodule:: {name}",
                        "   :members:",
                        "   :ignore-module-all:",
                        "   :member-order: bysource",
                        "```",
                    ]
                )
            )
            sections.append(section)
        return sections


def public_modules() -> list[str]:
    """Modules of the package that a reader calls, and that import."""
    names = []
    for info in pkgutil.walk_packages(diarbook.__path__, "diarbook."):
        last = info.name.rpartition(".")[2]
        if last.startswith("_") or info.name.startswith(UNDOCUMENTED):
            continue
        names.append(info.name)
    return sorted(names)


def complete_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Turn bibliography keys under ``References`` into citations and the ``Chapter:`` line into a link."""
    text = inspect.cleandoc("\n".join(lines)).split("\n")
    result: list[str] = []
    keys: list[str] | None = None
    for index, line in enumerate(text):
        if line.strip() == "References" and text[index + 1 : index + 2] and set(text[index + 1]) == {"-"}:
            keys = []
        elif line.startswith("Chapter:"):
            result += [*closing(keys), "", chapter_line(app, line.partition(":")[2].strip()), ""]
            keys = None
        elif keys is None:
            result.append(line)
        elif line.strip() and set(line) != {"-"}:
            keys += line.replace(",", " ").split()
    lines[:] = [*result, *closing(keys), ""]


def closing(keys: list[str] | None) -> list[str]:
    """A paragraph that cites the keys."""
    return ["", f"Sources: :cite:p:`{','.join(keys)}`.", ""] if keys else []


def chapter_line(app: Sphinx, name: str) -> str:
    """A paragraph that links to the chapter, if it is written."""
    for folder in ("notebooks", "book"):
        if f"{folder}/{name}" in app.env.found_docs:
            return f"Chapter: :doc:`{name} </{folder}/{name}>`."
    return f"Chapter: {name} (planned)."


def shorten_titles(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Cut the titles of linked chapters at the colon: the question after it is too long for a list."""
    for holder in doctree.findall(lambda node: isinstance(node, nodes.inline) and "wsw-short-title" in node["classes"]):
        for reference in holder.findall(nodes.reference):
            title = reference.astext().partition(":")[0]
            reference.children = []
            reference += nodes.inline("", title, classes=["doc"])


def find_reexported(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Node):
    """Resolve ``diarbook.metrics.diarization_error`` to where it is defined and documented."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("diarbook."):
        return None
    defined = canonical_name(target)
    if defined is None or defined == target:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], defined, node, content)


def fingerprint(kind: str) -> str:
    """Which files a page that lists files would list."""
    if kind == "api":
        return json.dumps(public_modules())
    paths = ontology_files() if kind == "ontology" else evidence_files()
    return hashlib.sha256("".join(map(str, paths)).encode()).hexdigest()


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages that list files, when the files have become others; sphinx itself sees changes of known files."""
    seen = getattr(env, "wsw_fingerprints", {})
    env.wsw_fingerprints = {kind: fingerprint(kind) for kind in ("ontology", "evidence", "api")}
    moved = {kind for kind, value in env.wsw_fingerprints.items() if seen.get(kind) != value}
    pages = {name for name, data in env.metadata.items() if data.get("wsw_depends") in moved}
    if added or removed:  # links to chapters that were planned, or are gone
        pages |= {name for name, data in env.metadata.items() if "wsw_depends" in data}
    return sorted(pages & env.found_docs)


def execution_fingerprint(root: Path) -> str:
    """A digest of what a notebook's outputs depend on besides the notebook: code, data and package versions."""
    files = [
        *(root / "src" / "diarbook").rglob("*.py"),
        root / "data" / "audio.yaml",
        root / "data" / "models.yaml",
        *(root / "data" / "conformance").rglob("*"),
        *(root / "data" / "evidence").glob("*.json"),
        root / "requirements.lock",
    ]
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file()):
        if path.parent.name != "knowledge":  # the code of this folder makes pages, not outputs
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def choose_execution_cache(app: Sphinx, config) -> None:
    """Keep executed notebooks by the code that they ran on, so that an edit to the code runs them again."""
    root = repository_root()
    if root is not None and not config.nb_execution_cache_path:
        folder = Path(app.outdir).parent / ".jupyter_cache"
        config.nb_execution_cache_path = str(folder / execution_fingerprint(root))


def forget_old_executions(app: Sphinx, error: Exception | None) -> None:
    """Keep the executions of this code and of the code before it."""
    current = Path(getattr(app.config, "nb_execution_cache_path", "") or ".")
    if current.parent.name == ".jupyter_cache" and current.is_dir():
        os.utime(current)
        by_age = sorted((path for path in current.parent.iterdir() if path.is_dir()), key=lambda p: p.stat().st_mtime)
        for path in by_age[:-2]:
            shutil.rmtree(path, ignore_errors=True)


def configure(app: Sphinx, config) -> None:
    """Settings that the API page needs."""
    config.napoleon_google_docstring = False
    config.napoleon_numpy_docstring = True
    config.napoleon_use_param = False
    config.napoleon_use_rtype = False
    config.napoleon_use_ivar = True
    config.autodoc_typehints = "signature"
    config.autodoc_typehints_format = "short"
    config.python_use_unqualified_type_names = True
    config.python_maximum_signature_line_length = 100
    config.add_module_names = False
    # sphinx_external_toc leaves out what the table of contents lacks, but it does not look into hidden folders.
    config.exclude_patterns = [*config.exclude_patterns, ".*", "**/.*", "_build"]
    # Types of other packages have no pages here, and the book links to no other host's inventory.
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, (r"py:.*", r"(?!diarbook\.).*")]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_config_value("wsw_repository", "kb4ai/speaker-diarization-pub-kb", "env")
    app.add_directive("glossary-from-ontology", GlossaryFromOntology)
    app.add_directive("chapter-card", ChapterCard)
    app.add_directive("evidence", EvidenceTable)
    app.add_directive("evidence-index", EvidenceIndex)
    app.add_directive("api-reference", ApiReference)
    app.connect("config-inited", configure)
    if "myst_nb" in app.extensions:
        app.connect("config-inited", choose_execution_cache)
        app.connect("build-finished", forget_old_executions)
    app.connect("env-get-outdated", outdated)
    app.connect("doctree-resolved", shorten_titles)
    app.connect("missing-reference", find_reexported)
    app.connect("autodoc-process-docstring", complete_docstring, priority=400)
    for part in PARTS:
        app.setup_extension(f"diarbook.knowledge.{part}")
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
