"""The landscape as a table that one can sort and filter, and a card for each entry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from docutils import nodes

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.knowledge.evidence import evidence_files, load_evidence
from diarbook.knowledge.landscape import (
    Entry,
    cited,
    freshness,
    landscape_folder,
    load_landscape,
    measured_here,
    problems,
)
from diarbook.knowledge.ontology import bibliography_keys, load_ontology
from diarbook.sphinx.base import (
    WswDirective,
    definition_grid,
    load_files_on,
    make_section,
    make_table,
    paragraph,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "tools": {
        "kind": "Kind",
        "tasks": "For",
        "licence.code": "License, code",
        "licence.weights": "License, weights",
        "gated": "Gated",
        "streaming": "Streams",
        "release": "Last release seen",
    },
    "models": {
        "task": "Task",
        "licence.code": "License, code",
        "licence.weights": "License, weights",
        "gated": "Gated",
        "streaming": "Streams",
        "year": "Year",
    },
    "datasets": {"kind": "Speech", "hours": "Hours", "speakers": "Speakers", "licence": "License", "access": "Access"},
    "vector_stores": {"mode": "Runs", "indexes": "Indexes", "licence": "License", "release": "Last release seen"},
}
"""Columns of the tables; everything else is on the card."""

HEADINGS = {
    "what": "What it is",
    "licence": "License",
    "organisation": "Organization",
    "how": "How to get it",
    "call": "A search",
    "removed": "No longer",
    "offline": "Seen here",
    "hub": "Name on the hub",
    "load": "Load it",
    "first_lines": "First lines",
    "trained_on": "Trained on",
    "sample_rate": "Sample rate, Hz",
    "dimension": "Dimensions",
    "quirks": "Watch out",
    "gotchas": "Watch out",
    "not_verified": "Not verified",
}
"""Headings of fields that are not the field's name."""

HIDDEN = ("id", "name", "published", "sources", "scale_source", "concept", "checked", "url", "topic", "measured")


def shown(value: object) -> str:
    """A value as a reader sees it."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if value < 10_000 else f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {shown(item)}" for name, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(map(shown, value))
    return str(value)


def cell(entry: Entry, key: str) -> str:
    """Text of one cell; a dot leads into a mapping."""
    first, _, rest = key.partition(".")
    value = entry.fields.get(first)
    return shown(value.get(rest) if rest and isinstance(value, Mapping) else value)


class Landscape(WswDirective):
    """One file of the landscape: an overview table, then a card for each entry."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:  # noqa: D102
        kind = self.arguments[0]
        for path in (landscape_folder() / f"{kind}.yaml", landscape_folder() / "schema" / f"{kind}.json"):
            self.note_file(path)
        self.mark_page("wsw_landscape", kind)
        try:
            entries = load_landscape(kind)
            concepts = load_ontology()
        except KnowledgeError as error:
            self.warn(str(error))
            return []
        self.evidence = {path.stem: load_evidence(path) for path in evidence_files()}
        if faults := problems(entries, concepts, self.evidence, bibliography_keys()):
            for fault in faults:
                self.warn(fault)
            return []
        labels = {name: concept.label for name, concept in concepts.items()}
        entries.sort(key=lambda entry: entry.name.casefold())
        note = paragraph(freshness(entries, dt.date.today()), classes=["wsw-freshness"])
        return [self.table(kind, entries), note, *(self.card(entry, labels) for entry in entries)]

    def table(self, kind: str, entries: Sequence[Entry]) -> nodes.container:
        """The overview; the script of the page makes it sortable and filterable."""
        columns = COLUMNS[kind]
        rows = []
        for entry in entries:
            link = nodes.reference("", entry.name, refid=f"landscape-{entry.id}", internal=True)
            cells = [link, *(cell(entry, key) for key in columns)]
            rows.append(nodes.row("", *(nodes.entry("", paragraph(content)) for content in cells)))
        head = [nodes.entry("", paragraph(title)) for title in ("Name", *columns.values())]
        table = make_table(head, rows, ["wsw-table", "wsw-landscape"])
        return nodes.container("", table, classes=["wsw-evidence", "wsw-landscape-box"])

    def card(self, entry: Entry, labels: Mapping[str, str]) -> nodes.section:
        """Everything that is known of one entry."""
        section = make_section(self.state.document, entry.name, f"landscape-{entry.id}")
        section["ids"].insert(0, f"landscape-{entry.id}")
        section["classes"].append("wsw-landscape-card")
        rows: list[tuple[str, Sequence[nodes.Node | str]]] = []
        for key, value in entry.fields.items():
            if key in HIDDEN or value in (None, [], ""):
                continue
            heading = HEADINGS.get(key, key.replace("_", " ").capitalize())
            if key == "stages":
                rows.append((heading, self.inline(", ".join(f"{{term}}`{labels.get(name, name)}`" for name in value))))
            elif key in ("load", "call", "install", "hub", "loader", "first_lines"):
                rows.append((heading, [nodes.literal("", str(value))]))
            else:
                rows.append((heading, [shown(value)]))
        if concept := labels.get(str(entry.fields.get("concept"))):
            rows.append(("Term", self.inline(f"{{term}}`{concept}`")))
        for name, text in measured_here(entry, self.evidence):
            rows.append(
                ("Measured here", [f"{text} (", self.anchor_link("book/evidence", f"evidence-{name}", "protocol"), ")"])
            )
        if keys := cited(entry):
            rows.append(("Sources", self.inline(f"{{cite:p}}`{','.join(keys)}`")))
        address = str(entry.fields["url"])
        rows.append(("Address", [nodes.reference("", address, refuri=address, internal=False)]))
        rows.append(("Checked", [str(entry.fields["checked"])]))
        section += definition_grid(rows, "simple", "wsw-facts")
        if entry.fields.get("published"):
            section += self.results(entry)
        return section

    def results(self, entry: Entry) -> nodes.container:
        """Published results, each with its protocol and the page that it was read on."""
        lines = nodes.bullet_list(classes=["wsw-landscape-results"])
        for result in entry.fields["published"]:
            unit = result.get("unit", "%")
            text = f"{result['metric']} {result['value']:g} {unit} on {result['data']}: {result['protocol']}"
            lines += nodes.list_item(
                "", paragraph(text, nodes.inline("", f" ({result['where']})", classes=["wsw-where"]))
            )
        return nodes.container("", paragraph("Published results", classes=["wsw-card-title"]), lines)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("landscape", Landscape)
    app.connect("html-page-context", load_files_on("wsw_landscape", "wsw-table.js", "wsw-table.css"))
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
