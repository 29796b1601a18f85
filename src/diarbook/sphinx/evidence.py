"""Measured results with their protocol cards, one table or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.evidence import PROTOCOL, Evidence, evidence_files, format_value, load_evidence
from diarbook.sphinx.base import WswDirective, definition_grid, make_section, make_table, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


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

    def cell(key: str, text: str) -> nodes.entry:
        return nodes.entry("", paragraph(text), classes=["wsw-number"] if key in numeric else [])

    rows = (
        nodes.row("", *(cell(key, format_value(row.get(key), key, evidence.columns[key])) for key in keys))
        for row in evidence.rows
    )
    head = [cell(key, evidence.columns[key]) for key in keys]
    return make_table(head, rows, ["wsw-table", "colwidths-auto"], evidence.title)


class EvidenceIndex(WswDirective):
    """Every evidence file as a section: its table and its protocol card."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.mark_page("wsw_depends", "evidence")
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


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives."""
    app.add_directive("evidence", EvidenceTable)
    app.add_directive("evidence-index", EvidenceIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
