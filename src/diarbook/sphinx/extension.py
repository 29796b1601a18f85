"""The book's Sphinx extension: every directive, and builds that can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import diarbook

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

PARTS = (
    "rebuild",
    "api",
    "cards",
    "cheat_sheet",
    "chooser",
    "cited",
    "claims",
    "concept_map",
    "downloads",
    "evidence",
    "glossary",
    "hover",
    "landscape",
    "links",
    "measured",
    "planned",
    "readings",
    "rosetta",
    "training_data",
    "troubleshooting",
    "uses",
)
"""Modules of this package that register something; ``theme`` is an extension of its own."""


def leave_out(app: Sphinx, config: Config) -> None:
    """Leave out hidden folders: sphinx_external_toc leaves out what the table of contents lacks, but not these."""
    config.exclude_patterns = [*config.exclude_patterns, ".*", "**/.*", "_build"]


def setup(app: Sphinx) -> dict[str, object]:
    """Register every part."""
    app.connect("config-inited", leave_out)
    for part in PARTS:
        app.setup_extension(f"diarbook.sphinx.{part}")
    if "myst_nb" in app.extensions:
        app.setup_extension("diarbook.sphinx.failures")
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
