"""What the directives share: parsing MyST, links, tables, and writing files of the built book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from diarbook.errors import KnowledgeError
from diarbook.files import write_atomically
from diarbook.knowledge.chapters import subjects
from diarbook.knowledge.ontology import Concept, load_ontology, ontology_files

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)


class WswDirective(SphinxDirective):
    """What the directives share."""

    def note_file(self, path: Path) -> None:
        """Rebuild the page when this file changes."""
        self.env.note_dependency(str(path))

    def mark_page(self, mark: str, value: str = "yes") -> None:
        """Note in the environment what this page shows."""
        self.env.metadata[self.env.docname][mark] = value

    def ontology(self, warn: Callable[[str], None] = lambda message: None) -> dict[str, Concept]:
        """Every concept; the page is read again when one changes. The glossary's page alone warns of faults."""
        for path in ontology_files():
            self.note_file(path)
        self.mark_page("wsw_depends", "ontology")
        return load_leniently(warn)

    def markdown(self, text: str) -> list[nodes.Node]:
        """Nodes of MyST text."""
        holder = nodes.container()
        holder.document = self.state.document
        source, line = self.get_source_info()
        lines = text.split("\n")
        self.state.nested_parse(StringList(lines, items=[(source, line)] * len(lines)), self.content_offset, holder)
        return holder.children

    def inline(self, text: str) -> list[nodes.Node]:
        """Inline nodes of MyST text."""
        return [child for block in self.markdown(text) for child in block.children]

    def page(self, name: str) -> str | None:
        """Page of a chapter word or page name, or None when the book has no such page (yet)."""
        for folder in ("notebooks/", "book/", "book/landscape/", ""):
            if folder + name in self.env.found_docs:
                return folder + name
        return None

    def topic_link(self, topic: str) -> list[nodes.Node | str]:
        """Link to the page of a topic; its title and that the book has no such page yet, while it is planned."""
        found = subjects().get(topic)
        if found and found.planned:
            return [nodes.inline("", f"{found.title}, not in the book yet", classes=["wsw-planned"])]
        return [self.page_link(topic)]

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

    def anchor_link(self, page: str, anchor: str, text: str) -> nodes.Node:
        """Link to an anchor on another page of the book; the text alone where the book lacks that page."""
        if page not in self.env.found_docs:
            return nodes.inline("", text)
        address = self.env.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", text, refuri=f"{address}#{anchor}", internal=True)

    def warn(self, message: str) -> None:
        """One line in the build's log, with file and line."""
        logger.warning(message, location=self.get_location(), type="wsw")


def load_leniently(warn: Callable[[str], None] = lambda message: None) -> dict[str, Concept]:
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


def paragraph(*children: nodes.Node | str, classes: Sequence[str] = ()) -> nodes.paragraph:
    """A paragraph of texts and inline nodes."""
    made = nodes.paragraph(classes=list(classes))
    made += texts(children)
    return made


def texts(parts: Iterable[nodes.Node | str]) -> list[nodes.Node]:
    """Nodes, with a text node for each text."""
    return [nodes.Text(part) if isinstance(part, str) else part for part in parts]


def joined(items: Iterable[nodes.Node | str], separator: str = ", ") -> list[nodes.Node | str]:
    """The items with a separator between each two."""
    result: list[nodes.Node | str] = []
    for item in items:
        result += [separator, item] if result else [item]
    return result


def definition_grid(rows: Iterable[tuple[str, Sequence[nodes.Node | str]]], *classes: str) -> nodes.definition_list:
    """A definition list; the style sheet lays it out as a grid."""
    grid = nodes.definition_list(classes=list(classes))
    for name, body in rows:
        grid += nodes.definition_list_item("", nodes.term("", name), nodes.definition("", paragraph(*body)))
    return grid


def make_table(
    head: Sequence[nodes.entry],
    rows: Iterable[nodes.row],
    classes: Sequence[str],
    title: str | None = None,
    row_titles: bool = False,
) -> nodes.table:
    """A table; ``row_titles`` makes the first column headings of rows."""
    table = nodes.table("", *([nodes.title("", title)] if title else []), classes=list(classes))
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1, stub=int(row_titles and not column)) for column in range(len(head))]
    group += nodes.thead("", nodes.row("", *head))
    group += nodes.tbody("", *rows)
    table += group
    return table


def make_section(document: nodes.document, title: str, name: str) -> nodes.section:
    """A section with a title and a target of its own."""
    section = nodes.section(names=[nodes.fully_normalize_name(name)])
    section += nodes.title("", title)
    document.note_implicit_target(section, section)
    return section


def load_files_on(mark: str, *names: str) -> Callable[..., None]:
    """A handler of ``html-page-context`` that loads scripts and style sheets on pages with a mark only."""

    def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, object], doctree: object) -> None:
        if not app.env.metadata.get(pagename, {}).get(mark):
            return
        for name in names:
            if name.endswith(".css"):
                app.add_css_file(name)
            else:
                app.add_js_file(name, loading_method="defer")

    return add


def write_static(app: Sphinx, name: str, content: str | bytes) -> None:
    """Write a file below ``_static`` whole or not at all, in a folder that is made; one that is the same stays."""
    data = content.encode() if isinstance(content, str) else content
    target = Path(app.outdir) / "_static" / name
    if not target.is_file() or target.read_bytes() != data:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, data)
