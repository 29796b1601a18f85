"""Definitions that appear when a reader points at a term."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from diarbook.knowledge.ontology import Concept, plain
from diarbook.sphinx.base import load_leniently, write_static
from diarbook.sphinx.uses import links_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TERMS_FILE = "wsw-terms-data.js"
"""Hover definitions, among the static files of the built book."""


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
    links = links_of(app.env)
    if error is not None or app.builder.format != "html" or not links.anchors:
        return
    glossary = next(iter(links.anchors.values()))[0]
    write_static(app, TERMS_FILE, terms_script(load_leniently(), links.anchors, app.builder.get_target_uri(glossary)))


def setup(app: Sphinx) -> dict[str, object]:
    """Register scripts and style sheet."""
    app.add_css_file("wsw-concepts.css")
    app.add_js_file("wsw-terms.js", loading_method="defer")
    app.connect("build-finished", write_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
