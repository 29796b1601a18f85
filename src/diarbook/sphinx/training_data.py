"""The box that says which recordings are training data of which network, the same on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.training_data import box_text
from diarbook.sphinx.base import WswDirective, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TITLE = "What the network has heard before"


class TrainingData(WswDirective):
    """Which recordings are training data of the networks that are named, segmentation-3.0 by default."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:  # noqa: D102
        if (root := repository_root()) is not None:
            for name in ("models.yaml", "audio.yaml"):
                self.note_file(root / "data" / name)
        models = (self.arguments[0] if self.arguments else "").replace(",", " ").split()
        try:
            texts = box_text(*models)
        except KnowledgeError as error:
            self.warn(f"training-data: {error}")
            return []
        box = nodes.admonition(classes=["warning", "wsw-training-data"])
        box += nodes.title("", TITLE)
        box += [paragraph(text) for text in texts]
        return [box]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("training-data", TrainingData)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
