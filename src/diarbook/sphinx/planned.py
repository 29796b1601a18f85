"""The list of subjects that have no page yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.files import repository_root
from diarbook.knowledge.chapters import subjects
from diarbook.sphinx.base import WswDirective, definition_grid, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Planned(WswDirective):
    """Every subject of ``data/planned.yaml`` with what its page will hold."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        if root := repository_root():
            for path in (root / "_toc.yml", root / "data" / "planned.yaml"):
                self.note_file(path)
        rows = [(found.title, self.inline(found.holds)) for found in subjects().values() if found.planned]
        return (
            [definition_grid(rows, "simple", "wsw-facts")] if rows else [paragraph("Nothing.", classes=["wsw-empty"])]
        )


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("planned-subjects", Planned)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
