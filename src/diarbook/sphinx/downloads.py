"""The ontology's exports, written beside the pages at each build, and a directive that links to them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.knowledge.ontology import KINDS, problems
from diarbook.knowledge.skos import FORMATS, export
from diarbook.sphinx.base import WswDirective, load_leniently, write_static

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TITLES = {"ttl": "Turtle", "jsonld": "JSON-LD", "csv": "CSV"}


class OntologyDownloads(WswDirective):
    """Links to the exports, and how many concepts each facet has."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        concepts = self.ontology()
        self.mark_page("wsw_downloads")
        up = "../" * self.env.docname.count("/")
        links = "".join(
            f'<a class="wsw-badge" download href="{up}_static/ontology.{form}">{TITLES[form]}</a> ' for form in FORMATS
        )
        counts = Counter(concept.kind for concept in concepts.values())
        table = "\n".join(
            ["| facet | group | concepts |", "|---|---|---:|"]
            + [
                f"| {{term}}`{concepts[facet].label}` | {title} | {counts[kind]} |"
                for kind, (facet, title) in KINDS.items()
                if counts[kind] and facet in concepts
            ]
            + [f"| **all, with the facets themselves** | | **{sum(counts.values())}** |"]
        )
        return [nodes.raw("", f'<p class="wsw-actions">{links}</p>', format="html"), *self.markdown(table)]


def write_exports(app: Sphinx, error: Exception | None) -> None:
    """Write every export that a page links to; a broken ontology has failed the build before."""
    linked = any("wsw_downloads" in data for data in app.env.metadata.values())
    if error is not None or app.builder.format != "html" or not linked:
        return
    concepts = load_leniently()
    if not concepts or problems(concepts):
        return
    for form in FORMATS:
        write_static(app, f"ontology.{form}", export(concepts, form))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and the exports."""
    app.add_directive("ontology-downloads", OntologyDownloads)
    app.connect("build-finished", write_exports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
