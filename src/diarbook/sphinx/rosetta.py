"""The rosetta table: what each toolkit calls a concept, and its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.knowledge.chapters import order_of
from diarbook.knowledge.ontology import TOOLKITS, Concept
from diarbook.sphinx.base import WswDirective, make_table, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def stage_of(concept: Concept, concepts: Mapping[str, Concept]) -> Concept | None:
    """The first stage of a system that a concept is, or belongs to, or with which it shares its topic; else None."""
    stages = [concept] if concept.kind == "stage" else [concepts[name] for name in concept.stage if name in concepts]
    stages = stages or [other for other in concepts.values() if other.kind == "stage" and other.topic == concept.topic]
    return min(stages, key=lambda stage: (order_of(stage.topic), stage.label), default=None)


def by_stage(concepts: Mapping[str, Concept]) -> list[tuple[Concept | None, list[Concept]]]:
    """Concepts that toolkits name, by stage in the order of a pipeline; the whole task and the rest come last."""
    groups: dict[str | None, list[Concept]] = {}
    for concept in concepts.values():
        if concept.toolkits:
            stage = stage_of(concept, concepts)
            groups.setdefault(stage.id if stage else None, []).append(concept)
    stages = sorted((concepts[name] for name in groups if name), key=lambda c: (order_of(c.topic), c.label))
    rest: list[Concept | None] = [None] if None in groups else []
    return [
        (
            stage,
            sorted(
                groups[stage.id if stage else None],
                key=lambda c: (c.kind != "stage", c.kind != "task", order_of(c.topic), c.label.casefold()),
            ),
        )
        for stage in (*stages, *rest)
    ]


class Rosetta(WswDirective):
    """What each toolkit calls a concept, and its default; one row a concept, one column a toolkit."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        groups = by_stage(self.ontology())
        if not groups:
            return [paragraph("No toolkit is compared yet.", classes=["wsw-empty"])]
        rows = []
        for stage, members in groups:
            title = stage.label[0].upper() + stage.label[1:] if stage else "Whole systems, and across stages"
            first = nodes.entry("", paragraph(title))
            rest = nodes.entry("", nodes.paragraph(), morecols=len(TOOLKITS) - 1)
            rows.append(nodes.row("", first, rest, classes=["wsw-rosetta-stage"]))
            rows += map(self.row, members)
        head = [nodes.entry("", paragraph(name)) for name in ("Concept", *TOOLKITS)]
        box = nodes.container(classes=["wsw-rosetta"])
        box += make_table(head, rows, ["wsw-table", "colwidths-auto"], row_titles=True)
        return [box]

    def row(self, concept: Concept) -> nodes.row:
        """One concept, with a cell for each toolkit."""
        names = dict(concept.toolkits)
        cells = [f"{{term}}`{concept.label}`", *(names.get(toolkit, "") for toolkit in TOOLKITS)]
        return nodes.row("", *(nodes.entry("", *self.markdown(cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("rosetta", Rosetta)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
