"""Pages whose notebook failed: they say so at their top, the build warns, and the other pages are built."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from myst_nb.core.execute import cache, direct
from myst_nb.sphinx_ import NbMetadataCollector, Parser
from nbclient import NotebookClient
from sphinx.errors import SphinxError

from diarbook.sphinx.base import logger, paragraph

if TYPE_CHECKING:
    from jupyter_cache.executors.utils import ExecutionResult
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

STARTUP_SECONDS = 600
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"^(?:\w+\.)*((?:(?<=\.)[A-Z]\w*|\w+Error)(?:: .*)?)$", re.MULTILINE)
_CELL = "In cell {} of the notebook."
"""The last line of a report."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a notebook did not run to its end.

    Parameters
    ----------
    message : str
        The error in one line.
    cell : int, optional
        Number of the code cell that failed, from 1; None when no cell ran.
    source : str
        Its first line.
    """

    message: str
    cell: int | None = None
    source: str = ""


def failure_of(notebook: Mapping[str, Any], report: str) -> Failure:
    """The cell that failed, and its error.

    Parameters
    ----------
    notebook : mapping
        The notebook as far as it ran.
    report : str
        What ``execute`` says of it: a traceback, and which cell had begun.
    """
    errors = _ERROR.findall(_COLOR.sub("", report))
    message = errors[-1].rstrip() if errors else "unknown error"
    begun = re.search(re.escape(_CELL).replace(r"\{\}", r"(\d+)") + r"\s*$", report)
    if begun is None:
        return Failure(message)
    cells = notebook["cells"][: int(begun[1])]
    source = "".join(cells[-1]["source"]).strip().partition("\n")[0]
    for output in cells[-1].get("outputs", ()):
        if output["output_type"] == "error":
            value = _COLOR.sub("", output["evalue"]).strip().partition("\n")[0]
            message = f"{output['ename']}: {value}" if value else output["ename"]
    return Failure(message, sum(cell["cell_type"] == "code" for cell in cells), source)


def notice(failure: Failure) -> nodes.admonition:
    """What a reader of the page sees first."""
    error = nodes.literal("", failure.message)
    if failure.cell is None:
        text = paragraph("It could not be read or started: ", error, ".")
    else:
        cell = nodes.literal("", failure.source)
        text = paragraph(
            f"Code cell {failure.cell} failed, ", cell, ": ", error, ". Results from there on are missing."
        )
    title = nodes.title("", "This page did not run to its end")
    return nodes.admonition("", title, text, classes=["danger", "wsw-failed"])


def show_failure(app: Sphinx, doctree: nodes.document) -> None:
    """Put the notice below the title of a page whose notebook failed, and warn."""
    docname = app.env.docname
    execution = NbMetadataCollector.get_exec_data(app.env, docname)
    if not execution or execution["succeeded"]:
        return
    executed = Path(app.env.mystnb_config.output_folder) / f"{docname}.ipynb"
    failure = failure_of(json.loads(executed.read_text(encoding="utf-8")), execution["traceback"] or "")
    section = next(iter(doctree.findall(nodes.section)), None)
    if section is None:
        doctree.insert(0, notice(failure))
    else:
        section.insert(1, notice(failure))
    logger.warning("code cell %s failed: %s", failure.cell, failure.message, location=docname, type="wsw")


class NotebookParser(Parser):
    """The notebook parser, which makes a page of a notice out of a notebook that cannot be read or executed at all."""

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse a page; an error becomes its notice."""
        try:
            super().parse(inputstring, document)
        except SphinxError:
            raise
        except Exception as error:
            if self.env.config.nb_execution_raise_on_error:
                raise
            message = " ".join(f"{type(error).__name__}: {error}".split())
            document.children.clear()
            document.attributes.pop("nb_renderer", None)
            name = self.env.docname.rpartition("/")[2]
            section = nodes.section(names=[nodes.fully_normalize_name(name)])
            section += [nodes.title("", name), notice(Failure(message))]
            document.note_implicit_target(section, section)
            document += section
            logger.warning("cannot be read or executed: %s", message, location=self.env.docname, type="wsw")


def execute(nb: NotebookNode, cwd: str | None, **options: Any) -> ExecutionResult:
    """Execute a notebook; an error of its kernel, which may die or not start, is a failure like that of a cell."""
    from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution

    begun: list[int] = []
    start = time.perf_counter()
    try:
        options["on_cell_start"] = lambda cell, cell_index: begun.append(cell_index)
        result = single_nb_execution(nb, cwd=cwd, **options)
    except Exception as error:
        result = ExecutionResult(nb, cwd, time.perf_counter() - start, error, traceback.format_exc())
    if result.err is not None and begun:
        result.exc_string += f"\n{_CELL.format(begun[-1] + 1)}\n"
    return result


def failed_pages(app: Sphinx, env: BuildEnvironment, *changes: set[str]) -> list[str]:
    """Pages that failed in the build before: they are executed again."""
    executions = ((name, data.get("exec_data")) for name, data in NbMetadataCollector.get_doc_data(env).items())
    return [name for name, data in executions if data and not data["succeeded"]]


def remove_old_reports(app: Sphinx, error: Exception | None) -> None:
    """Remove the traceback of a page that has succeeded since."""
    if error is None:
        for name, data in NbMetadataCollector.get_doc_data(app.env).items():
            if (data.get("exec_data") or {}).get("succeeded"):
                (Path(app.outdir) / "reports" / f"{name}.err.log").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the parser and the notice."""
    cache.single_nb_execution = direct.single_nb_execution = execute
    # Nothing above lets this be said: on a busy machine a kernel may take longer than a minute to start.
    NotebookClient.__init__ = partialmethod(NotebookClient.__init__, startup_timeout=STARTUP_SECONDS)
    app.add_source_parser(NotebookParser, override=True)
    app.connect("doctree-read", show_failure)
    app.connect("env-get-outdated", failed_pages)
    app.connect("build-finished", remove_old_reports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
