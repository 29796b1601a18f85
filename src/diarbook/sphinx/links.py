"""Links between pages: prerequisites in a chapter's card, followers at its end, and uses in the glossary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.sphinx.base import joined, paragraph, texts
from diarbook.sphinx.glossary import used_in_row
from diarbook.sphinx.uses import Links, chapter_cards, links_of, read_first

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.builders import Builder

SHOWN_TERMS = 4
"""How many shared terms a link between two chapters shows."""


def add_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the prerequisites into a chapter's card, the followers at its end, and the uses into the glossary."""
    links = links_of(app.env)
    for row in list(doctree.findall(used_in_row)):
        pages = links.used_in.get(row["concept"], [])
        if pages:
            body = paragraph(*joined(page_reference(app.builder, docname, page, links) for page in pages))
            item = nodes.definition_list_item("", nodes.term("", "Used in"), nodes.definition("", body))
            row.replace_self(item)
        else:
            row.parent.remove(row)
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
        terms = [term_reference(builder, docname, name, links) for name in names if name in links.anchors]
        if terms:
            rest = len(terms) - SHOWN_TERMS
            shown = joined(terms[:SHOWN_TERMS])
            more = [f" and {rest} more"] if rest > 0 else []
            body.append(nodes.inline("", "", *texts([": ", *shown, *more]), classes=["wsw-shared-terms"]))
        items += nodes.list_item("", paragraph(*body))
    return items


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


def shorten_titles(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Cut the titles of linked chapters at the colon: the question after it is too long for a list."""
    for holder in doctree.findall(lambda node: isinstance(node, nodes.inline) and "wsw-short-title" in node["classes"]):
        for reference in holder.findall(nodes.reference):
            title = reference.astext().partition(":")[0]
            reference.children = []
            reference += nodes.inline("", title, classes=["doc"])


def setup(app: Sphinx) -> dict[str, object]:
    """Register what is added to pages."""
    app.connect("doctree-resolved", add_links)
    app.connect("doctree-resolved", shorten_titles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
