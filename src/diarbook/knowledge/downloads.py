"""Sphinx: the ontology's exports, written beside the pages at each build, and a directive that links to them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.files import write_atomically
from diarbook.knowledge.ontology import SCHEMES, ontology_files, problems
from diarbook.knowledge.skos import FORMATS, export
from diarbook.knowledge.sphinx_ext import WswDirective, load_leniently

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TITLES = {"ttl": "Turtle", "jsonld": "JSON-LD", "csv": "CSV"}


class OntologyDownloads(WswDirective):
    """Links to the exports, and how many concepts each scheme has."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        for path in ontology_files():
            self.note_file(path)
        self.env.metadata[self.env.docname]["wsw_depends"] = "ontology"
        concepts = load_leniently(lambda message: None)  # the glossary warns
        up = "../" * self.env.docname.count("/")
        links = "".join(
            f'<a class="wsw-badge" download href="{up}_static/ontology.{form}">{TITLES[form]}</a> ' for form in FORMATS
        )
        counts = Counter(concept.scheme for concept in concepts.values())
        table = "\n".join(
            ["| scheme | concepts |", "|---|---:|"]
            + [f"| {title} | {counts[title]} |" for title in dict.fromkeys(SCHEMES.values()) if counts[title]]
            + [f"| **all** | **{sum(counts.values())}** |"]
        )
        return [nodes.raw("", f'<p class="wsw-actions">{links}</p>', format="html"), *self.markdown(table)]


def write_exports(app: Sphinx, error: Exception | None) -> None:
    """Write every export; a broken ontology has failed the build before."""
    if error is not None or app.builder.format != "html":
        return
    concepts = load_leniently(lambda message: None)
    if not concepts or problems(concepts):
        return
    for form in FORMATS:
        target = Path(app.outdir) / "_static" / f"ontology.{form}"
        text = export(concepts, form)
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            write_atomically(target, text)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and the exports."""
    app.add_directive("ontology-downloads", OntologyDownloads)
    app.connect("build-finished", write_exports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
