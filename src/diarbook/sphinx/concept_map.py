"""The concept map: its data for ``wsw-map.js``, and the list that is read without the script."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.knowledge.chapters import subjects
from diarbook.knowledge.map_layout import map_data
from diarbook.sphinx.base import WswDirective, load_files_on, load_leniently
from diarbook.sphinx.uses import Links, links_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.builders import Builder


class concept_map(nodes.General, nodes.Element):
    """Where the map will be; filled when every page has been read."""


class ConceptMap(WswDirective):
    """The map of all concepts; drawn by ``wsw-map.js``, a list without it."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.ontology()
        self.mark_page("wsw_map")
        return [concept_map()]


def map_html(builder: Builder, docname: str, links: Links) -> str:
    """The element with its data, and in it the list that is read without the map."""
    concepts = load_leniently()
    if not concepts:
        return '<p class="wsw-empty">No concepts yet.</p>'
    glossary = {
        name: f"{builder.get_relative_uri(docname, page)}#{anchor}" for name, (page, anchor) in links.anchors.items()
    }
    pages = {
        word: (builder.get_relative_uri(docname, found.page), links.titles[found.page])
        for word, found in subjects().items()
        if found.page in links.titles
    }
    data = map_data(concepts, glossary, pages)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<wsw-concept-map><script type="application/json">{text}</script>'
        f'<div class="wsw-map-list">{map_list(data)}</div></wsw-concept-map>'
    )


def map_list(data: Mapping[str, object]) -> str:
    """Every concept by subject, as a list with links."""
    parts = []
    for index, chapter in enumerate(data["chapters"]):
        name = html.escape(chapter["name"])
        linked = f'<a class="reference internal" href="{chapter["href"]}">{name}</a>'
        title = linked if chapter["href"] else f"{name}, not in the book yet"
        parts.append(f'<section data-chapter="{index}"><p class="wsw-map-chapter">{title}</p><ul>')
        members = [node for node in data["nodes"] if node["chapter"] == index]
        for node in sorted(members, key=lambda n: n["label"].casefold()):
            label = html.escape(node["label"])
            link = f'<a class="reference internal" href="{node["href"]}">{label}</a>' if node["href"] else label
            text = f"{link} <small>{html.escape(node['kind'])}</small> {html.escape(node['definition'])}"
            parts.append(f'<li data-id="{node["id"]}">{text}</li>')
        parts.append("</ul></section>")
    return "".join(parts)


def fill_map(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the map where it belongs."""
    for node in list(doctree.findall(concept_map)):
        node.replace_self(nodes.raw("", map_html(app.builder, docname, links_of(app.env)), format="html"))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_node(concept_map)
    app.add_directive("concept-map", ConceptMap)
    app.connect("doctree-resolved", fill_map)
    app.connect("html-page-context", load_files_on("wsw_map", "wsw-map.js"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
