"""Tables of the cheat sheet, from the data that the other pages are made of, and its look on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives

import diarbook
from diarbook.knowledge.ontology import TOOLKITS, Concept
from diarbook.metrics.protocol import PRESETS, Protocol
from diarbook.sphinx.base import WswDirective, load_files_on, make_table, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARK = "wsw_sheet"
"""A page with this mark gets the style sheet that makes one sheet of paper of it."""


class Sheet(WswDirective):
    """Make one sheet of paper of this page when it is printed."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.mark_page(MARK)
        return []


class ToolkitDefaults(WswDirective):
    """What each toolkit calls some concepts, and its default: rows of the rosetta table."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"but": directives.unchanged}

    def run(self) -> list[nodes.Node]:  # noqa: D102
        concepts = self.ontology()
        left_out = [name.strip() for name in self.options.get("but", "").split(",")]
        toolkits = [name for name in TOOLKITS if name not in left_out]
        rows = []
        for name in self.arguments[0].split():
            if name not in concepts or not concepts[name].toolkits:
                self.warn(f"toolkit-defaults: the ontology has no defaults of {name!r}")
                continue
            rows.append(self.row(concepts[name], toolkits))
        if not rows:
            return [paragraph("No toolkit is compared yet.", classes=["wsw-empty"])]
        head = [nodes.entry("", paragraph(name)) for name in ("Concept", *toolkits)]
        return [make_table(head, rows, ["wsw-table", "colwidths-auto"], row_titles=True)]

    def row(self, concept: Concept, toolkits: list[str]) -> nodes.row:
        """One concept, with a cell for each toolkit."""
        names = dict(concept.toolkits)
        cells = [f"{{term}}`{concept.label}`", *(names.get(toolkit, "") for toolkit in toolkits)]
        return nodes.row("", *(nodes.entry("", *self.markdown(cell)) for cell in cells))


class ScoringPresets(WswDirective):
    """The protocols that ``diarbook score --preset`` knows."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        head = [
            nodes.entry("", paragraph(title)) for title in ("Preset", "Collar each side", "Overlap", "Region", "Map")
        ]
        rows = [
            nodes.row("", *(nodes.entry("", paragraph(cell)) for cell in (name, *preset_cells(protocol))))
            for name, protocol in PRESETS.items()
        ]
        return [make_table(head, rows, ["wsw-table", "colwidths-auto"], row_titles=True)]


def preset_cells(protocol: Protocol) -> tuple[str, str, str, str]:
    """Collar, overlap, region and mapping of a protocol in a few words."""
    region = "both sides" if protocol.region == "all" else "reference's extent"
    return (
        f"{protocol.collar:g} s",
        "left out" if protocol.skip_overlap else "scored",
        f"{region}, without NOSCORE" if protocol.skip_marked else region,
        protocol.mapping.replace("_", " "),
    )


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives and the style sheet."""
    app.add_directive("sheet", Sheet)
    app.add_directive("toolkit-defaults", ToolkitDefaults)
    app.add_directive("scoring-presets", ScoringPresets)
    app.connect("html-page-context", load_files_on(MARK, "wsw-sheet.css"))
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
