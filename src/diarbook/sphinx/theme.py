"""Sphinx extension that keeps the built book self-contained, and the ``listen`` directive.

MathJax comes from one file of the package ``sphinx-mathjax-offline``, the SVG build, because it needs no fonts:
browsers refuse fonts to pages opened from a disk. Thebe, which Jupyter Book adds and which points to another
host, is taken out.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

import diarbook
from diarbook.sphinx.base import write_static

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

MATHJAX = "tex-svg.js"


def mathjax_file() -> Path:
    """Where the installed package holds MathJax.

    Raises
    ------
    FileNotFoundError
        When ``sphinx-mathjax-offline`` is not installed.
    """
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "static" / "mathjax" / MATHJAX
        if path.is_file():
            return path
    raise FileNotFoundError("MathJax is missing; install the package's `book` extra, which has sphinx-mathjax-offline")


class Listen(SphinxDirective):
    """A recording of the book with its reference turns, playable on a page without code."""

    required_arguments = 1
    option_spec: ClassVar = {"title": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:  # noqa: D102
        from diarbook.assets import recording
        from diarbook.reader.listen import player_html

        sound = recording(self.arguments[0])
        title = self.options.get("title", sound.name)
        return [nodes.raw("", player_html(sound.waveform, {"reference": sound.turns}, title), format="html")]


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point Sphinx to the script that loads the copy inside the book once an equation is near."""
    config.mathjax_path = "wsw-math.js"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax among the static files."""
    if error is not None or app.builder.format != "html":
        return
    write_static(app, f"mathjax/{MATHJAX}", mathjax_file().read_bytes())


def drop_icon_script(app: Sphinx, error: Exception | None) -> None:
    """Empty the theme's script of icons: its style sheet draws them already, from fonts, at a quarter of the weight."""
    name = "scripts/fontawesome.js"
    if error is None and (Path(app.outdir) / "_static" / name).is_file():
        write_static(app, name, "// The style sheet draws the icons from fonts.\n")


def remove_thebe(app: Sphinx) -> None:
    """Disconnect what would add scripts of another host to every page."""
    for event in ("env-before-read-docs", "doctree-resolved"):
        for listener in list(app.events.listeners.get(event, [])):
            if getattr(listener.handler, "__module__", "") == "sphinx_thebe":
                app.disconnect(listener.id)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and the changes to the build."""
    remove_thebe(app)
    app.add_directive("listen", Listen)
    app.connect("config-inited", use_local_mathjax)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", drop_icon_script)
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
