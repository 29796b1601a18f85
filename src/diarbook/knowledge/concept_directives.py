"""Sphinx: what the pages show of the ontology besides the glossary.

Hover definitions, the concept map, the rosetta table, the reading lists, and the links between chapters that follow
from the terms that they share.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util import logging

from diarbook.files import repository_root, write_atomically
from diarbook.knowledge.ontology import CHAPTER_NAMES, CHAPTERS, TOOLKITS, Concept, bibliography_keys, ontology_files
from diarbook.knowledge.sphinx_ext import WswDirective, load_leniently, make_section, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.builders import Builder
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

TERMS_FILE = "wsw-terms-data.js"
"""Hover definitions, among the static files of the built book."""

PREREQUISITES = 3
"""How many chapters a list of prerequisites names, besides those that the author named."""

SHOWN_TERMS = 4
"""How many shared terms a link between two chapters shows."""


# ---- Which page uses which concept ---------------------------------------------------------------------------------


def by_name(concepts: Mapping[str, Concept]) -> dict[str, str]:
    """Id of the concept that each label and alternative label means, names in case-folded form."""
    names: dict[str, str] = {}
    for concept in concepts.values():
        for name in concept.names:
            names.setdefault(name.casefold(), concept.id)
    return names


def unlinked(
    concepts: Mapping[str, Concept], uses: Mapping[str, Collection[str]], pages: Mapping[str, str]
) -> dict[str, list[str]]:
    """Concepts that the page of their own chapter never links, by chapter.

    Parameters
    ----------
    concepts : mapping of str to Concept
    uses : mapping of str to collection of str
        Ids of the concepts that each page links.
    pages : mapping of str to str
        The page of each chapter word; a chapter without a page owes nothing yet.

    Returns
    -------
    dict of str to list of str
        Chapter words in the order of ``CHAPTERS``, each with ids sorted by label.
    """
    missing: dict[str, list[str]] = {}
    for concept in sorted(concepts.values(), key=lambda c: (order_of(c.chapter), c.label.casefold())):
        page = pages.get(concept.chapter)
        if page is not None and concept.id not in uses.get(page, ()):
            missing.setdefault(concept.chapter, []).append(concept.id)
    return missing


def order_of(chapter: str) -> int:
    """Position of a chapter in the plan."""
    return CHAPTERS.index(chapter) if chapter in CHAPTERS else len(CHAPTERS)


def neighbours(concept: Concept) -> tuple[str, ...]:
    """Ids that a concept's definition leans on: broader, related, and the stage that it is a part of."""
    return tuple(dict.fromkeys((*concept.broader, *concept.stage, *concept.related)))


def prerequisites(
    concepts: Mapping[str, Concept],
    uses: Mapping[str, Sequence[str]],
    pages: Mapping[str, str],
    order: Sequence[str],
    named: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, list[tuple[str, list[str]]]]:
    """What to read before each chapter, with the terms that it takes from there.

    A chapter needs the concepts that its page links, and those that the concepts which it teaches are broader than,
    related to, or a stage of, as far as another chapter teaches them. A chapter that comes earlier in the book and
    teaches at least two of them (or the only one that is needed at all) is a candidate. Candidates that a reader
    has met anyway on the way to another candidate are left out, so the list is short: reading follows the chain.
    Of the rest the ``PREREQUISITES`` with the most concepts stay. Chapters that the author named come first, always.

    Parameters
    ----------
    concepts : mapping of str to Concept
    uses : mapping of str to sequence of str
        Ids of the concepts that each page links, in their order on the page.
    pages : mapping of str to str
        The page of each chapter word.
    order : sequence of str
        Every page, in the order of the book.
    named : mapping of str to sequence of str, optional
        Pages that the author of a page says to read first.

    Returns
    -------
    dict of str to list of (str, list of str)
        For each chapter's page the pages to read first, each with the ids of the concepts taken from it.
    """
    place = {page: number for number, page in enumerate(order)}
    word_of = {page: word for word, page in pages.items()}
    before: dict[str, set[str]] = {}
    result: dict[str, list[tuple[str, list[str]]]] = {}
    for page in sorted(word_of, key=lambda name: place.get(name, len(place))):
        linked = [name for name in uses.get(page, ()) if name in concepts]
        own = [concept for concept in concepts.values() if concept.chapter == word_of[page]]
        taken: dict[str, list[str]] = {}
        for name in dict.fromkeys([*linked, *(other for concept in own for other in neighbours(concept))]):
            source = pages.get(concepts[name].chapter) if name in concepts else None
            if source not in (None, page) and place.get(source, len(place)) < place.get(page, len(place)):
                taken.setdefault(source, []).append(name)
        first = [name for name in (named or {}).get(page, ()) if name in place]
        enough = 2 if any(len(names) > 1 for names in taken.values()) else 1
        candidates = [name for name, names in taken.items() if len(names) >= enough and name not in first]
        met = {earlier for name in (*candidates, *first) for earlier in before.get(name, ())}
        kept = sorted((name for name in candidates if name not in met), key=lambda name: -len(taken[name]))
        chosen = [*first, *sorted(kept[:PREREQUISITES], key=place.__getitem__)]
        result[page] = [(name, taken.get(name, [])) for name in chosen]
        before[page] = {*chosen, *(earlier for name in chosen for earlier in before.get(name, ()))}
    return result


def followers(
    concepts: Mapping[str, Concept], uses: Mapping[str, Sequence[str]], pages: Mapping[str, str], order: Sequence[str]
) -> dict[str, list[tuple[str, list[str]]]]:
    """For each chapter's page the other pages that use the terms it teaches, with these terms, in book order."""
    result: dict[str, list[tuple[str, list[str]]]] = {}
    for word, page in pages.items():
        own = {concept.id for concept in concepts.values() if concept.chapter == word}
        shared = ((other, [name for name in uses.get(other, ()) if name in own]) for other in order if other != page)
        result[page] = [(other, names) for other, names in shared if names]
    return result


class TermUses(EnvironmentCollector):
    """Terms that each page links, and the pages that its card says to read first."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        for store in stores(env):
            store.pop(docname, None)

    def merge_other(self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
        """Take over what another process read."""
        for store, read in zip(stores(env), stores(other), strict=True):
            store.update({name: read[name] for name in docnames if name in read})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Note the terms of a page."""
        targets, first = stores(app.env)
        links = list(doctree.findall(addnodes.pending_xref))
        targets[app.env.docname] = tuple(
            dict.fromkeys(" ".join(link["reftarget"].split()) for link in links if link.get("reftype") == "term")
        )
        row = read_first(doctree)
        first[app.env.docname] = tuple(
            link["reftarget"].lstrip("/")
            for link in (row.findall(addnodes.pending_xref) if row else ())
            if link.get("reftype") == "doc"
        )


def stores(env: BuildEnvironment) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """What the environment keeps between builds: term targets and named prerequisites, by page."""
    if not hasattr(env, "wsw_targets"):
        env.wsw_targets, env.wsw_first = {}, {}
    return env.wsw_targets, env.wsw_first


def read_first(doctree: nodes.document) -> nodes.definition_list_item | None:
    """The row of the chapter card that says what to read first."""
    for card in chapter_cards(doctree):
        for item in card.findall(nodes.definition_list_item):
            if item[0].astext() == "Read first":
                return item
    return None


def chapter_cards(doctree: nodes.document) -> list[nodes.container]:
    """The chapter cards of a page; one, as a rule."""
    return [box for box in doctree.findall(nodes.container) if "wsw-chapter-card" in box["classes"]]


@dataclass
class Links:
    """What the pages show of each other, computed once a build.

    Parameters
    ----------
    anchors : dict of str to (str, str)
        Page and anchor of each concept's glossary entry.
    labels, titles : dict of str to str
        Labels by concept, short titles by page.
    used_in : dict of str to list of str
        Pages that link each concept.
    before, after : dict of str to list of (str, list of str)
        Prerequisites and followers of each chapter's page.
    """

    anchors: dict[str, tuple[str, str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    used_in: dict[str, list[str]] = field(default_factory=dict)
    before: dict[str, list[tuple[str, list[str]]]] = field(default_factory=dict)
    after: dict[str, list[tuple[str, list[str]]]] = field(default_factory=dict)

    def shown_on(self, page: str) -> list[object]:
        """What this page shows; another value than in the build before means that it must be written again."""
        shown: list[object] = []
        if page in self.before:
            rows = [*self.before[page], *self.after[page]]
            shown = [rows, [self.titles[other] for other, _ in rows], [self.labels[n] for _, ns in rows for n in ns]]
        if any(place[0] == page for place in self.anchors.values()):
            shown.append([(name, [self.titles[one] for one in pages]) for name, pages in self.used_in.items()])
        return shown


def reading_order(env: BuildEnvironment) -> list[str]:
    """Every page in the order of the table of contents; pages outside it follow by name."""
    seen: dict[str, None] = {}
    ahead = [env.config.root_doc]
    while ahead:
        page = ahead.pop()
        if page not in seen:
            seen[page] = None
            ahead += reversed(env.toctree_includes.get(page, []))
    return [*(page for page in seen if page in env.found_docs), *sorted(env.found_docs - set(seen))]


def chapter_pages(found: Collection[str]) -> dict[str, str]:
    """The page of each chapter that is written."""
    pages: dict[str, str] = {}
    for word in CHAPTERS:
        for folder in ("notebooks/", "book/", ""):
            if folder + word in found:
                pages.setdefault(word, folder + word)
    return pages


def term_anchors(env: BuildEnvironment, concepts: Mapping[str, Concept]) -> dict[str, tuple[str, str]]:
    """Page and anchor of each concept's entry in the glossary."""
    entries = env.get_domain("std").objects
    return {
        name: entries["term", concept.label] for name, concept in concepts.items() if ("term", concept.label) in entries
    }


def link_pages(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Compute what the pages show of each other; returns those that show something else than before."""
    concepts = load_leniently(lambda message: None)  # the glossary warns
    targets, first = stores(env)
    names = by_name(concepts)
    order = reading_order(env)
    told = {page for page, data in env.metadata.items() if "wsw_depends" in data or "wsw_claims" in data}
    uses = {
        page: list(dict.fromkeys(names[name.casefold()] for name in found if name.casefold() in names))
        for page, found in targets.items()
        if page in env.found_docs and page not in told  # pages that list terms do not use them
    }
    pages = chapter_pages(env.found_docs)
    links = Links(
        anchors=term_anchors(env, concepts),
        labels={name: concept.label for name, concept in concepts.items()},
        titles={page: env.titles[page].astext().partition(":")[0] for page in order if page in env.titles},
        used_in={name: [page for page in order if name in uses.get(page, ())] for name in concepts},
        before=prerequisites(concepts, uses, pages, order, first),
        after=followers(concepts, uses, pages, order),
    )
    env.wsw_links = links
    if links.anchors:
        for chapter, missing in unlinked(concepts, uses, pages).items():
            labels = ", ".join(concepts[name].label for name in missing)
            message = f"concepts of this chapter that its page never links with {{term}}, {len(missing)}: {labels}"
            logger.warning(message, location=pages[chapter], type="wsw", subtype="unlinked")
    digests = {
        page: hashlib.sha256(json.dumps(shown).encode()).hexdigest()
        for page in order
        if (shown := links.shown_on(page))
    }
    seen, env.wsw_shown = getattr(env, "wsw_shown", {}), digests
    return [page for page in order if digests.get(page) != seen.get(page)]


# ---- Links on the pages --------------------------------------------------------------------------------------------


def add_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the prerequisites into a chapter's card, the followers at its end, and the uses into the glossary."""
    links: Links = getattr(app.env, "wsw_links", None) or Links()
    for row in list(doctree.findall(used_in_row)):
        pages = links.used_in.get(row["concept"], [])
        if pages:
            body = paragraph(*joined([[page_reference(app.builder, docname, page, links)] for page in pages]))
            item = nodes.definition_list_item("", nodes.term("", "Used in"), nodes.definition("", body))
            row.replace_self(item)
        else:
            row.parent.remove(row)
    for place in list(doctree.findall(concept_map)):
        place.replace_self(nodes.raw("", map_html(app.builder, docname, links), format="html"))
    if docname not in links.before:
        return
    show_prerequisites(app.builder, doctree, docname, links)
    if rows := links.after[docname]:
        box = nodes.container(classes=["wsw-card", "wsw-links", "wsw-after"])
        box += paragraph("Used in", classes=["wsw-card-title"])
        box += shared_terms(app.builder, docname, rows, links)
        next(iter(doctree.findall(nodes.section)), doctree).append(box)


def show_prerequisites(builder: Builder, doctree: nodes.document, docname: str, links: Links) -> None:
    """Fill the card's row, which may hold what the author named; without a card, a box below the title."""
    rows = links.before[docname]
    if not rows:
        return
    grid = shared_terms(builder, docname, rows, links)
    cards = chapter_cards(doctree)
    old = read_first(doctree)
    item = nodes.definition_list_item("", nodes.term("", "Prerequisites"), nodes.definition("", grid))
    if old is not None:
        old.replace_self(item)
    elif cards and (facts := next(iter(cards[0].findall(nodes.definition_list)), None)) is not None:
        facts.insert(0, item)
    else:
        box = nodes.container(classes=["wsw-card", "wsw-links", "wsw-before"])
        box += [paragraph("Prerequisites", classes=["wsw-card-title"]), grid]
        section = next(iter(doctree.findall(nodes.section)), doctree)
        section.insert(1, box)


def shared_terms(
    builder: Builder, docname: str, rows: Sequence[tuple[str, list[str]]], links: Links
) -> nodes.bullet_list:
    """One page a line, with some of the terms that connect it to this page."""
    items = nodes.bullet_list(classes=["wsw-shared"])
    for page, names in rows:
        body: list[nodes.Node | str] = [page_reference(builder, docname, page, links)]
        terms = [[term_reference(builder, docname, name, links)] for name in names if name in links.anchors]
        if terms:
            rest = len(terms) - SHOWN_TERMS
            shown = joined(terms[:SHOWN_TERMS])
            more = [f" and {rest} more"] if rest > 0 else []
            body.append(nodes.inline("", "", *texts([": ", *shown, *more]), classes=["wsw-shared-terms"]))
        items += nodes.list_item("", paragraph(*body))
    return items


def texts(parts: Iterable[nodes.Node | str]) -> list[nodes.Node]:
    """Nodes, with a text node for each text."""
    return [nodes.Text(part) if isinstance(part, str) else part for part in parts]


def joined(items: Sequence[Sequence[nodes.Node | str]]) -> list[nodes.Node | str]:
    """The items with a comma between each two."""
    result: list[nodes.Node | str] = []
    for item in items:
        result += [", ", *item] if result else item
    return result


def page_reference(builder: Builder, docname: str, page: str, links: Links) -> nodes.reference:
    """Link to a page by its short title."""
    uri = builder.get_relative_uri(docname, page)
    return nodes.reference(
        "", "", nodes.inline("", links.titles.get(page, page), classes=["doc"]), refuri=uri, internal=True
    )


def term_reference(builder: Builder, docname: str, name: str, links: Links) -> nodes.reference:
    """Link to a concept's glossary entry, with the look of ``{term}``."""
    page, anchor = links.anchors[name]
    label = nodes.inline("", links.labels[name], classes=["xref", "std", "std-term"])
    return nodes.reference("", "", label, refuri=f"{builder.get_relative_uri(docname, page)}#{anchor}", internal=True)


class used_in_row(nodes.Part, nodes.Element):
    """Place of the row ``Used in`` of a glossary entry; filled when every page has been read."""


class concept_map(nodes.General, nodes.Element):
    """Place of the concept map; filled when every page has been read."""


# ---- Hover definitions ---------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """A definition without the marks of MyST."""
    return re.sub(r"[`$]|\*(?=\w)|(?<=\w)\*", "", text)


def terms_script(concepts: Mapping[str, Concept], anchors: Mapping[str, tuple[str, str]], glossary: str) -> str:
    """The hover definitions as a script: a page opened from a disk cannot fetch data, but it can run a script.

    Parameters
    ----------
    concepts : mapping of str to Concept
    anchors : mapping of str to (str, str)
        Page and anchor of each concept's entry.
    glossary : str
        Address of the glossary, from the book's root.
    """
    terms = {
        anchors[name][1]: [c.label, plain(c.definition)] for name, c in sorted(concepts.items()) if name in anchors
    }
    data = json.dumps({"glossary": glossary, "terms": terms}, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.wswTerms={data};\n"


def write_terms(app: Sphinx, error: Exception | None) -> None:
    """Write the hover definitions of this build."""
    links: Links = getattr(app.env, "wsw_links", None) or Links()
    if error is not None or app.builder.format != "html" or not links.anchors:
        return
    concepts = load_leniently(lambda message: None)
    page = next(iter(links.anchors.values()))[0]
    text = terms_script(concepts, links.anchors, app.builder.get_target_uri(page))
    target = Path(app.outdir) / "_static" / TERMS_FILE
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text)


# ---- Rosetta table -------------------------------------------------------------------------------------------------


def stage_of(concept: Concept, concepts: Mapping[str, Concept]) -> Concept | None:
    """The first stage of a system that a concept is, or belongs to, or whose chapter teaches it; else None."""
    stages = [concept] if concept.kind == "stage" else [concepts[name] for name in concept.stage if name in concepts]
    stages = stages or [
        other for other in concepts.values() if other.kind == "stage" and other.chapter == concept.chapter
    ]
    return min(stages, key=lambda stage: (order_of(stage.chapter), stage.label), default=None)


def by_stage(concepts: Mapping[str, Concept]) -> list[tuple[Concept | None, list[Concept]]]:
    """Concepts that toolkits name, by stage in the order of a pipeline; the whole task and the rest come last."""
    groups: dict[str | None, list[Concept]] = {}
    for concept in concepts.values():
        if concept.toolkits:
            stage = stage_of(concept, concepts)
            groups.setdefault(stage.id if stage else None, []).append(concept)
    stages = sorted((concepts[name] for name in groups if name), key=lambda c: (order_of(c.chapter), c.label))
    rest: list[Concept | None] = [None] if None in groups else []
    return [
        (
            stage,
            sorted(
                groups[stage.id if stage else None],
                key=lambda c: (c.kind != "stage", c.kind != "task", order_of(c.chapter), c.label.casefold()),
            ),
        )
        for stage in (*stages, *rest)
    ]


class Rosetta(WswDirective):
    """What each toolkit calls a concept, and its default; one row a concept, one column a toolkit."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        for path in ontology_files():
            self.note_file(path)
        self.env.metadata[self.env.docname]["wsw_depends"] = "ontology"
        concepts = load_leniently(lambda message: None)  # the glossary warns
        groups = by_stage(concepts)
        if not groups:
            return [paragraph("No toolkit is compared yet.", classes=["wsw-empty"])]
        table = nodes.table(classes=["wsw-table", "colwidths-auto"])
        group = nodes.tgroup(cols=1 + len(TOOLKITS))
        table += group
        group += [nodes.colspec(colwidth=1, stub=int(not column)) for column in range(1 + len(TOOLKITS))]
        head = [nodes.entry("", paragraph(name)) for name in ("Concept", *TOOLKITS)]
        group += nodes.thead("", nodes.row("", *head))
        body = nodes.tbody()
        group += body
        for stage, members in groups:
            title = stage.label[0].upper() + stage.label[1:] if stage else "Whole systems, and across stages"
            first = nodes.entry("", paragraph(title))
            rest = nodes.entry("", nodes.paragraph(), morecols=len(TOOLKITS) - 1)
            body += nodes.row("", first, rest, classes=["wsw-rosetta-stage"])
            for concept in members:
                told = dict(concept.toolkits)
                cells = [f"{{term}}`{concept.label}`", *(told.get(name, "") for name in TOOLKITS)]
                body += nodes.row("", *(nodes.entry("", *self.markdown(cell)) for cell in cells))
        box = nodes.container(classes=["wsw-rosetta"])
        box += table
        return [box]


# ---- Reading lists -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of the bibliography, as a reading list shows it.

    Parameters
    ----------
    key : str
    year : int
        0 when the entry has none.
    title : str
        Without marks of LaTeX.
    venue : str
    annotation : str
        What the work is good for; empty when nobody wrote it.
    concepts : tuple of str
        Ids of the concepts that it is about.
    """

    key: str
    year: int
    title: str
    venue: str
    annotation: str
    concepts: tuple[str, ...]


def load_readings(path: Path, concepts: Mapping[str, Concept]) -> list[Reading]:
    """Every entry of a BibTeX file, oldest first.

    An entry without the field ``concepts`` is about the concepts that give it as a source.

    Raises
    ------
    pybtex.exceptions.PybtexError
        When the file is not BibTeX.
    """
    from pybtex.database import parse_file
    from pybtex.richtext import Text

    naming: dict[str, list[str]] = {}
    for concept in concepts.values():
        for key in concept.sources:
            naming.setdefault(key, []).append(concept.id)

    def text(entry, *names: str) -> str:
        found = next((name for name in names if entry.fields.get(name)), None)
        return " ".join(Text.from_latex(entry.fields[found]).render_as("text").split()) if found else ""

    readings = []
    for key, entry in parse_file(str(path), bib_format="bibtex").entries.items():
        about = [name for name in re.split(r"[\s,;]+", entry.fields.get("concepts", "")) if name]
        year = re.search(r"\d{4}", entry.fields.get("year", ""))
        readings.append(
            Reading(
                key,
                int(year[0]) if year else 0,
                text(entry, "title"),
                text(entry, "journal", "booktitle", "publisher", "institution", "howpublished", "school"),
                " ".join(entry.fields.get("annotation", "").split()),
                tuple(about or naming.get(key, ())),
            )
        )
    return sorted(readings, key=lambda reading: (reading.year, reading.key))


def by_chapter(readings: Iterable[Reading], concepts: Mapping[str, Concept]) -> dict[str | None, list[Reading]]:
    """The readings of each chapter, in the order of the plan; None is for those that belong to no chapter."""
    lists: dict[str | None, list[Reading]] = {}
    for reading in readings:
        chapters = {concepts[name].chapter for name in reading.concepts if name in concepts}
        for chapter in chapters or {None}:
            lists.setdefault(chapter, []).append(reading)
    return dict(sorted(lists.items(), key=lambda pair: (pair[0] is None, order_of(pair[0] or ""))))


class ReadingLists(WswDirective):
    """What to read for each chapter, from the bibliography's fields ``annotation`` and ``concepts``."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        from pybtex.exceptions import PybtexError

        root = repository_root()
        path = (root or Path()) / "data" / "references.bib"
        for file in (path, *ontology_files()):
            if file.is_file():
                self.note_file(file)
        self.env.metadata[self.env.docname]["wsw_depends"] = "ontology"
        self.concepts = load_leniently(lambda message: None)  # the glossary warns
        try:
            readings = load_readings(path, self.concepts) if path.is_file() else []
        except PybtexError as error:
            self.warn(f"{path}: {error}")
            readings = []
        known = bibliography_keys(path) if path.is_file() else set()
        for reading in readings:
            for name in reading.concepts:
                if self.concepts and name not in self.concepts:
                    self.warn(f"references.bib: {reading.key}: concepts names {name!r}, which no file defines")
        result: list[nodes.Node] = []
        for chapter, members in by_chapter((one for one in readings if one.key in known), self.concepts).items():
            result.append(self.section(chapter, members))
        return result or [paragraph("No entries yet.", classes=["wsw-empty"])]

    def section(self, chapter: str | None, readings: Sequence[Reading]) -> nodes.section:
        """The list of one chapter."""
        section = make_section(
            self.state.document, CHAPTER_NAMES.get(chapter or "", chapter or "More"), f"reading-{chapter or 'more'}"
        )
        if chapter and self.page(chapter):
            section += paragraph("Chapter: ", self.page_link(chapter), ".", classes=["wsw-reading-chapter"])
        items = nodes.bullet_list(classes=["wsw-reading"])
        for reading in readings:
            items += nodes.list_item("", *self.item(reading))
        section += items
        return section

    def item(self, reading: Reading) -> list[nodes.Node]:
        """Citation, title, venue; then what the work is good for, and its terms."""
        [cited] = self.markdown(f"{{cite:t}}`{reading.key}`")
        end = "" if reading.title.endswith(("?", "!", ".")) else "."
        head = paragraph(*cited.children, " ", nodes.emphasis("", reading.title), end, classes=["wsw-reading-head"])
        if reading.venue:
            head += nodes.inline("", f" {reading.venue}.", classes=["wsw-reading-venue"])
        result: list[nodes.Node] = [head, *self.markdown(reading.annotation)]
        labels = [self.concepts[name].label for name in reading.concepts if name in self.concepts]
        if labels:
            terms = ", ".join(f"{{term}}`{label}`" for label in labels)
            [line] = self.markdown(f"Terms: {terms}")
            line["classes"].append("wsw-reading-terms")
            result.append(line)
        return result


# ---- Concept map ---------------------------------------------------------------------------------------------------

LETTER, LINE, DOT = 6.6, 15.0, 16.0
"""Width of a letter, height of a line and of a dot, in units of the map: pixels at zoom 1."""

GUTTER = 36.0
"""Between the boxes of two chapters."""

MOST_LETTERS = 18
"""Longer labels are broken into two lines."""


def label_lines(label: str) -> list[str]:
    """The label in one line, or in two that are as equal as its spaces and hyphens allow."""
    if len(label) <= MOST_LETTERS:
        return [label]
    breaks = [found.end() for found in re.finditer(r"[ -]", label[:-1])]
    if not breaks:
        return [label]
    cut = min(breaks, key=lambda place: abs(place - len(label) / 2))
    return [label[:cut].rstrip(), label[cut:]]


def edges_of(concepts: Mapping[str, Concept]) -> list[tuple[str, str, str]]:
    """Relations of the map: (from, to, ``broader`` or ``stage`` or ``related``), each pair of concepts once."""
    seen: dict[frozenset[str], tuple[str, str, str]] = {}
    for kind in ("broader", "stage", "related"):
        for _, concept in sorted(concepts.items()):
            for other in sorted(getattr(concept, kind)):
                if other in concepts and other != concept.id:
                    seen.setdefault(frozenset((concept.id, other)), (concept.id, other, kind))
    return list(seen.values())


def separated_boxes(places: np.ndarray, half: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Move boxes apart until none covers another.

    Parameters
    ----------
    places : array of shape (n, 2)
        Centres.
    half : array of shape (n, 2)
        Half widths and half heights.
    rounds : int
    """
    places = places.copy()
    need = half[:, None] + half[None]
    for _ in range(rounds):
        difference = places[:, None] - places[None]
        depth = need - np.abs(difference)
        touching = (depth > 1e-6).all(-1)
        np.fill_diagonal(touching, val=False)
        if not touching.any():
            break
        across = depth[..., 0] < depth[..., 1] * 2.2  # a push down costs less room than one to the side
        push = np.where(np.stack([across, ~across], -1), depth, 0) * touching[..., None]
        side = np.where(difference == 0, np.sign(np.subtract.outer(*(np.arange(len(places)),) * 2))[..., None], 0)
        places += 0.55 * (push * np.where(difference == 0, side, np.sign(difference))).sum(1)
    return places


def region_layout(half: np.ndarray, links: Sequence[tuple[int, int]], outward: np.ndarray) -> np.ndarray:
    """Places of the concepts of one chapter around the origin.

    Springs along relations, repulsion between all, a pull to the middle, and one in the direction of related
    concepts of other chapters; then the boxes of the labels are moved apart. Starts from a sunflower, so no seed.
    """
    count = len(half)
    turn, radius = np.arange(count) * 2.39996, 40 * np.sqrt(np.arange(count) + 0.5)
    places = np.stack([1.5 * radius * np.cos(turn), radius * np.sin(turn)], -1)
    pairs = np.array(links, dtype=int).reshape(-1, 2)
    for step in range(160):
        difference = (places[:, None] - places[None]) / [1.6, 1.0]
        square = (difference**2).sum(-1) + 25
        move = (140 * difference / square[..., None]).sum(1)
        spring = places[pairs[:, 1]] - places[pairs[:, 0]]
        length = np.linalg.norm(spring, axis=-1, keepdims=True) + 1e-9
        pull = 0.12 * spring * np.maximum(0, 1 - 60 / length)
        np.add.at(move, pairs[:, 0], pull)
        np.add.at(move, pairs[:, 1], -pull)
        move += outward * 3 - 0.06 * places * [0.8, 1.2]
        size = np.linalg.norm(move, axis=-1, keepdims=True) + 1e-9
        places += move / size * np.minimum(size, 24 * (1 - step / 160) + 0.5)
    return separated_boxes(places - places.mean(0), half)


def packed(sizes: np.ndarray, aspect: float = 1.35) -> np.ndarray:
    """Upper left corners of boxes in rows, in their order; a box goes below the one before it where there is room.

    Parameters
    ----------
    sizes : array of shape (n, 2)
        Widths and heights, gaps included.
    aspect : float
        Width over height that the whole should have.
    """

    def rows(width: float) -> np.ndarray:
        corners, x, y, tall, below, wide = [], 0.0, 0.0, 0.0, 0.0, 0.0
        for box_width, box_height in sizes:
            if corners and below + box_height <= tall and (box_width <= wide or x + box_width <= width):
                corners.append((x, y + below))  # under the box before it
                below, wide = below + box_height, max(wide, box_width)
                continue
            x += wide
            if corners and x + box_width > width:
                x, y, tall = 0.0, y + tall, 0.0
            corners.append((x, y))
            tall, below, wide = max(tall, box_height), box_height, box_width
        return np.array(corners)

    def badness(corners: np.ndarray) -> float:
        width, height = (corners + sizes).max(0)
        return max(width, height * aspect)

    whole = np.sqrt(sizes.prod(1).sum() * aspect)
    return min((rows(whole * factor) for factor in np.linspace(0.8, 1.6, 33)), key=badness)


def map_layout(concepts: Mapping[str, Concept]) -> tuple[dict[str, tuple[int, int]], dict[str, list[int]]]:
    """Where the map shows each concept, and the box of each chapter; the same for the same ontology.

    Chapters are laid out one by one; then their boxes are packed in rows, in the order of the plan.

    Returns
    -------
    places : dict of str to (int, int)
    regions : dict of str to [x, y, width, height]
    """
    chapters = sorted({concept.chapter for concept in concepts.values()}, key=order_of)
    members = {word: sorted(c.id for c in concepts.values() if c.chapter == word) for word in chapters}
    edges = edges_of(concepts)
    number = {word: index for index, word in enumerate(chapters)}
    columns = max(1, round(np.sqrt(len(chapters) * 0.9)))
    winding = [
        (index % columns if index // columns % 2 == 0 else columns - 1 - index % columns, index // columns)
        for index in range(len(chapters))
    ]
    centres = np.array(winding, dtype=float).reshape(-1, 2) * [460.0, 380.0]
    inner, boxes = {}, np.zeros((len(chapters), 2))
    for word in chapters:
        names = members[word]
        index = {name: place for place, name in enumerate(names)}
        half = np.array([label_box(concepts[name].label) for name in names])
        outward = np.zeros((len(names), 2))
        for start, end, _ in edges:
            for here, there in ((start, end), (end, start)):
                if here in index and there not in index:
                    way = centres[number[concepts[there].chapter]] - centres[number[word]]
                    outward[index[here]] += way / (np.linalg.norm(way) + 1e-9)
        links = [(index[start], index[end]) for start, end, _ in edges if start in index and end in index]
        places = region_layout(half, links, np.clip(outward, -2, 2))
        low, high = (places - half).min(0), (places + half).max(0)
        low[1] -= 46  # the chapter's name
        inner[word] = places - (low + high) / 2
        boxes[number[word]] = (high - low) / 2
    corners = packed(2 * boxes + GUTTER)
    centres = corners + boxes
    found = {
        name: tuple(round(value) for value in centres[number[word]] + place)
        for word in chapters
        for name, place in zip(members[word], inner[word], strict=True)
    }
    regions = {
        word: [round(value) for value in (*corners[number[word]], *(2 * boxes[number[word]]))] for word in chapters
    }
    return found, regions


def label_box(label: str) -> tuple[float, float]:
    """Half width and half height that a concept with its label needs on the map."""
    lines = label_lines(label)
    return max(map(len, lines)) * LETTER / 2 + 5, (DOT + LINE * len(lines)) / 2 + 3


def map_data(
    concepts: Mapping[str, Concept],
    glossary: Mapping[str, str] | None = None,
    pages: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, object]:
    """What the script of the map needs.

    Parameters
    ----------
    concepts : mapping of str to Concept
    glossary : mapping of str to str, optional
        Address of the glossary entry of each concept.
    pages : mapping of str to (str, str), optional
        Address and title of the page of each chapter.
    """
    glossary, pages = glossary or {}, pages or {}
    places, regions = map_layout(concepts)
    edges = edges_of(concepts)
    degree = Counter(name for start, end, _ in edges for name in (start, end))
    rank = sorted(concepts, key=lambda n: (concepts[n].kind not in ("stage", "task"), -degree[n], n))
    number = {name: index for index, name in enumerate(rank)}
    chapters = list(regions)
    return {
        "nodes": [
            {
                "id": name,
                "label": concepts[name].label,
                "lines": label_lines(concepts[name].label),
                "also": list(concepts[name].names[1:]),
                "definition": plain(concepts[name].definition),
                "kind": concepts[name].kind,
                "scheme": concepts[name].scheme,
                "chapter": chapters.index(concepts[name].chapter),
                "x": places[name][0],
                "y": places[name][1],
                "size": degree[name],
                "href": glossary.get(name, ""),
                "not": [number[o] for o in concepts[name].not_to_be_confused_with if o in number],
            }
            for name in rank
        ],
        "edges": [[number[start], number[end], kind] for start, end, kind in edges],
        "chapters": [
            {
                "word": word,
                "name": CHAPTER_NAMES.get(word, word),
                "box": regions[word],
                "href": pages.get(word, ("", ""))[0],
                "title": pages.get(word, ("", ""))[1],
            }
            for word in chapters
        ],
    }


def map_html(builder: Builder, docname: str, links: Links) -> str:
    """The element with its data, and in it the list that is read without the map."""
    concepts = load_leniently(lambda message: None)
    if not concepts:
        return '<p class="wsw-empty">No concepts yet.</p>'
    glossary = {
        name: f"{builder.get_relative_uri(docname, page)}#{anchor}" for name, (page, anchor) in links.anchors.items()
    }
    pages = {
        word: (builder.get_relative_uri(docname, page), links.titles.get(page, page))
        for word, page in chapter_pages(links.titles).items()
    }
    data = map_data(concepts, glossary, pages)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<wsw-concept-map><script type="application/json">{text}</script>'
        f'<div class="wsw-map-list">{map_list(data)}</div></wsw-concept-map>'
    )


def map_list(data: Mapping[str, object]) -> str:
    """Every concept by chapter, as a list with links."""
    parts = []
    for index, chapter in enumerate(data["chapters"]):
        name = html.escape(chapter["name"])
        title = f'<a class="reference internal" href="{chapter["href"]}">{name}</a>' if chapter["href"] else name
        parts.append(f'<section data-chapter="{index}"><p class="wsw-map-chapter">{title}</p><ul>')
        members = [node for node in data["nodes"] if node["chapter"] == index]
        for node in sorted(members, key=lambda n: n["label"].casefold()):
            label = html.escape(node["label"])
            link = f'<a class="reference internal" href="{node["href"]}">{label}</a>' if node["href"] else label
            text = f"{link} <small>{html.escape(node['kind'])}</small> {html.escape(node['definition'])}"
            parts.append(f'<li data-id="{node["id"]}">{text}</li>')
        parts.append("</ul></section>")
    return "".join(parts)


class ConceptMap(WswDirective):
    """The map of all concepts; drawn by ``wsw-map.js``, a list without it."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        for path in ontology_files():
            self.note_file(path)
        self.env.metadata[self.env.docname] |= {"wsw_depends": "ontology", "wsw_map": "yes"}
        return [concept_map()]


def add_map_script(app: Sphinx, pagename: str, templatename: str, context: dict[str, object], doctree: object) -> None:
    """The script of the map, on its page only."""
    if app.env.metadata.get(pagename, {}).get("wsw_map"):
        app.add_js_file("wsw-map.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives, and what is added to every page."""
    app.add_directive("concept-map", ConceptMap)
    app.add_directive("rosetta", Rosetta)
    app.add_directive("reading-lists", ReadingLists)
    for place in (used_in_row, concept_map):
        app.add_node(place)
    app.add_env_collector(TermUses)
    app.add_css_file("wsw-concepts.css")
    app.add_js_file("wsw-terms.js", loading_method="defer")
    app.connect("env-updated", link_pages)
    app.connect("doctree-resolved", add_links)
    app.connect("html-page-context", add_map_script)
    app.connect("build-finished", write_terms)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
