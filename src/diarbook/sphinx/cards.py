"""The card at the top of a chapter: what it asks, what to read first, how long it runs, on what data and models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes

from diarbook.sphinx.base import WswDirective, definition_grid, joined, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class ChapterCard(WswDirective):
    """What a chapter asks, what to read first, how long it runs, on what data and models."""

    option_spec: ClassVar = {
        name: directives.unchanged_required for name in ("question", "after", "minutes", "data", "models")
    }

    def run(self) -> list[nodes.Node]:  # noqa: D102
        name = Path(self.env.docname).name
        if "question" not in self.options:
            self.warn("chapter-card: the option 'question' is missing")
        for after in self.names("after"):
            if self.page(after) is None:
                self.warn(f"chapter-card: 'after' names {after!r}, which is no page of the book")
        facts: list[tuple[str, Sequence[nodes.Node | str]]] = []
        if links := [self.page_link(after) for after in self.names("after")]:
            facts.append(("Read first", joined(links)))
        if minutes := self.options.get("minutes"):
            facts.append(("Runs in", [f"{minutes} min on two processor cores"]))
        for option, heading in (("data", "Data"), ("models", "Models")):
            if option in self.options:
                facts.append((heading, [self.options[option]]))
        card = nodes.container(classes=["wsw-card", "wsw-chapter-card"])
        card += paragraph(self.options.get("question", name), classes=["wsw-question"])
        card += definition_grid(facts, "simple", "wsw-facts")
        if self.env.doc2path(self.env.docname).endswith(".ipynb"):
            card += paragraph(self.colab_link(name), " ", self.download_link(), classes=["wsw-actions"])
        return [card]

    def names(self, option: str) -> list[str]:
        """Names of a comma-separated option."""
        return [name for part in self.options.get(option, "").split(",") if (name := part.strip())]

    def colab_link(self, name: str) -> nodes.reference:
        """Open the notebook in Colab."""
        repository = self.env.config.wsw_repository
        return nodes.reference(
            "",
            "",
            nodes.inline("", "Open in Colab"),
            refuri=f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}.ipynb",
            internal=False,
            classes=["wsw-badge", "wsw-colab"],
        )

    def download_link(self) -> addnodes.download_reference:
        """Download the notebook."""
        return addnodes.download_reference(
            "",
            "",
            nodes.inline("", "Download the notebook"),
            reftarget=f"/{self.env.docname}.ipynb",
            refdoc=self.env.docname,
            refdomain="",
            reftype="download",
            refexplicit=True,
            refwarn=False,
            classes=["wsw-badge", "wsw-download"],
        )


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_config_value("wsw_repository", "kb4ai/speaker-diarization-pub-kb", "env")
    app.add_directive("chapter-card", ChapterCard)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
