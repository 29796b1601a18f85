"""A list of every number that the book's pages measured, and a check of tables that were typed.

A page's own run puts its numbers into sentences (``glue``), a benchmark's numbers come from an evidence file, and a
number from elsewhere needs a citation. A table of results that was typed with none of the three is a warning.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes

from diarbook.sphinx.base import WswDirective, logger, paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

RESULT = re.compile(
    r"\b(DER|JER|EER|(?:cp)?WER|WDER|minDCF|Cllr|AUC|RTF|real-time factor|accuracy|precision|recall|latency|purity"
    r"|coverage|error rates?|errors?|miss(?:ed)? rate|false[- ]alarm rate|parameters|memory|speed)\b",
    re.IGNORECASE,
)
"""Headings of columns whose numbers somebody measured."""

_START, _END = "\ue000", "\ue001"


def sentences_with_numbers(text: str) -> list[tuple[str, ...]]:
    """Sentences that hold a measured number, each as pieces; every second piece is such a number.

    Parameters
    ----------
    text : str
        A paragraph; measured numbers stand between two private characters.
    """
    sentences = []
    for sentence in re.split(r"(?<=[.!?])\s+(?=[^a-z])", " ".join(text.split())):
        pieces = tuple(re.split(f"[{_START}{_END}]", sentence))
        if any(re.search(r"\d", piece) for piece in pieces[1::2]):
            sentences.append(pieces)
    return sentences


def marked_text(node: nodes.Node) -> str:
    """Text of a paragraph with its measured numbers between private characters."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, nodes.math):
        return node.astext().replace("\\", "")
    inner = "".join(marked_text(child) for child in node.children)
    return f"{_START}{inner}{_END}" if "pasted-text" in getattr(node, "get", dict().get)("classes", []) else inner


def unsupported_rows(table: nodes.table) -> list[str]:
    """Rows of a typed table that give a result without a citation and without a measurement.

    A column gives results when its heading is a metric of ``RESULT`` and the cell has a digit. A citation counts in the
    row, in the column's heading, or in the table's title.
    """

    def supported(node: nodes.Node) -> bool:
        return any(
            (isinstance(child, addnodes.pending_xref) and child.get("refdomain") == "cite")
            or "pasted-text" in child.get("classes", [])
            or type(child).__name__ == "PendingGlueReference"
            for child in node.findall(nodes.Element)
        )

    if any(supported(title) for title in table.findall(nodes.title)):
        return []
    heads = [entry for row in table.findall(nodes.thead) for entry in row.findall(nodes.entry)]
    columns = [i for i, head in enumerate(heads) if RESULT.search(head.astext()) and not supported(head)]
    names = []
    for body in table.findall(nodes.tbody):
        for row in body.findall(nodes.row):
            cells = list(row.findall(nodes.entry))
            if supported(row):
                continue
            if any(i < len(cells) and re.search(r"\d", cells[i].astext()) for i in columns):
                names.append(cells[0].astext())
    return names


def read_page(app: Sphinx, doctree: nodes.document) -> None:
    """Note the page's measured sentences, and warn of its unsupported tables."""
    measured = app.env.__dict__.setdefault("wsw_measured", {})
    rows = [
        sentence
        for block in doctree.findall(nodes.paragraph)
        if any("pasted-text" in part["classes"] for part in block.findall(nodes.inline))
        for sentence in sentences_with_numbers(marked_text(block))
    ]
    measured.pop(app.env.docname, None)
    if rows:
        measured[app.env.docname] = rows
    for table in doctree.findall(nodes.table):
        if table.next_node(nodes.raw) or "wsw-table" in table["classes"]:
            continue  # made from an evidence file, or by the page's run
        for name in unsupported_rows(table):
            logger.warning(
                "the row %r gives a result without evidence or citation; glue it, or cite its source",
                name,
                location=table,
                type="wsw",
            )


def forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what a page that is read again, or is gone, had measured."""
    env.__dict__.setdefault("wsw_measured", {}).pop(docname, None)


def merge_pages(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: BuildEnvironment) -> None:
    """Take over what another process read."""
    theirs = getattr(other, "wsw_measured", {})
    env.__dict__.setdefault("wsw_measured", {}).update({name: theirs[name] for name in docnames if name in theirs})


class measured_numbers(nodes.General, nodes.Element):
    """Where the list will be; filled when every page has been read."""


class MeasuredNumbers(WswDirective):
    """Every sentence of the book that holds a number of the page's own run, by page."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.mark_page("wsw_lists_numbers")
        return [measured_numbers()]


def pages_with_the_list(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the list anew in every build: any page may have measured something else."""
    return [name for name, data in env.metadata.items() if data.get("wsw_lists_numbers")]


def fill_list(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the list where it belongs, in the order of the table of contents."""
    for node in list(doctree.findall(measured_numbers)):
        node.replace_self(list(lists_by_page(app, docname)))


def lists_by_page(app: Sphinx, docname: str) -> Iterable[nodes.Node]:
    """For each page a folded list of its sentences."""
    measured = getattr(app.env, "wsw_measured", {})
    order = list(app.env.toctree_includes.get(app.config.root_doc, []))
    for name in sorted(measured, key=lambda page: (order.index(page) if page in order else len(order), page)):
        title = app.env.titles[name].astext().partition(":")[0]
        link = nodes.reference("", title, refuri=app.builder.get_relative_uri(docname, name), internal=True)
        yield paragraph(nodes.strong("", "", link), f" ({len(measured[name])})", classes=["wsw-measured-page"])
        rows = nodes.bullet_list(classes=["wsw-measured"])
        for pieces in measured[name]:
            parts = [nodes.strong("", piece) if i % 2 else piece for i, piece in enumerate(pieces) if piece]
            rows += nodes.list_item("", paragraph(*parts))
        yield rows


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and the check."""
    app.add_node(measured_numbers)
    app.add_directive("measured-numbers", MeasuredNumbers)
    app.connect("doctree-read", read_page)
    app.connect("env-purge-doc", forget_page)
    app.connect("env-merge-info", merge_pages)
    app.connect("env-updated", pages_with_the_list)
    app.connect("doctree-resolved", fill_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
