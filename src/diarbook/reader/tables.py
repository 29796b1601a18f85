"""Tables of results on a page.

Chapter: start
"""

from __future__ import annotations

import html
import math
import numbers
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from diarbook.assets import recordings_registry
from diarbook.errors import OptionError
from diarbook.knowledge.training_data import heard_recordings, training
from diarbook.reader.plots import theme_css

if TYPE_CHECKING:
    from diarbook.metrics.protocol import ProtocolCard


def _columns_and_rows(rows: Any) -> tuple[list[str], list[list[Any]]]:
    if hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        named = type(rows.index).__name__ != "RangeIndex"
        data = rows.reset_index() if named else rows
        return [str(column) for column in data.columns], [list(row) for row in data.itertuples(index=False)]
    rows = list(rows)
    if not all(isinstance(row, Mapping) for row in rows):
        raise OptionError("table: rows must be a DataFrame or a list of mappings from column to value")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return [str(column) for column in columns], [[row.get(column, "") for column in columns] for row in rows]


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


_NUMERIC_TEXT = re.compile(r"[-+−±≤≥<>≈]?\s*\d[\d,.\s]*(\s?(%|s|ms|Hz|kHz|MB|kB|GB|h|min|x|×|dB))?(\s*\[.*\])?|—|n/a|")


def _format_column(values: Sequence[Any]) -> list[str]:
    """Numbers of one column with the same number of decimals."""
    floats = [float(v) for v in values if _is_number(v) and not isinstance(v, numbers.Integral) and math.isfinite(v)]
    largest = max((abs(v) for v in floats), default=0.0)
    decimals = 3 if largest < 1 else 2 if largest < 10 else 1 if largest < 1000 else 0

    def text(value: Any) -> str:
        if not _is_number(value):
            return "—" if value is None else str(value)
        if not math.isfinite(value):
            return "undefined" if math.isnan(value) else ("∞" if value > 0 else "−∞")
        formatted = f"{value:,d}" if isinstance(value, numbers.Integral) else f"{value:,.{decimals}f}"
        return formatted.replace("-", "−")

    return [text(value) for value in values]


def table_html(rows: Any, caption: str | None = None, best: Mapping[str, str] | None = None) -> str:
    """The HTML that :func:`table` displays.

    Chapter: start
    """
    columns, cells = _columns_and_rows(rows)
    texts, classes = [], []
    for index, column in enumerate(columns):
        values = [row[index] for row in cells]
        text = _format_column(values)
        number = all(_is_number(v) or v is None or (isinstance(v, str) and _NUMERIC_TEXT.fullmatch(v)) for v in values)
        mark = [""] * len(values)
        if best and column in best:
            ranked = [v for v in values if _is_number(v) and math.isfinite(v)]
            winner = (min if best[column] == "min" else max)(ranked) if ranked else None
            mark = [" wsw-best" if winner is not None and v == winner else "" for v in values]
        texts.append(text)
        classes.append([("wsw-num" if number and len(values) else "wsw-text") + m for m in mark])
    head = "".join(
        f'<th scope="col" class="{(classes[i] or ["wsw-text"])[0].split()[0]}">{html.escape(column)}</th>'
        for i, column in enumerate(columns)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{classes[c][r]}">{html.escape(texts[c][r])}</td>' for c in range(len(columns)))
        + "</tr>"
        for r in range(len(cells))
    )
    css = (
        theme_css(".wsw-table")
        + ".wsw-table{margin:1rem 0;overflow-x:auto;color:var(--wsw-ink)}"
        + ".wsw-table table{border-collapse:collapse;font-size:.92em;margin:0;min-width:50%;border:0}"
        + ".wsw-table caption{caption-side:top;text-align:left;color:var(--wsw-muted);padding:0 .6em .4em;"
        + "font-size:.95em}"
        + ".wsw-table th,.wsw-table td{padding:.4em .8em;border:0;border-bottom:1px solid var(--wsw-grid);"
        + "background:none;text-align:left;vertical-align:baseline}"
        + ".wsw-table thead th{border-bottom:2px solid var(--wsw-muted);font-weight:600}"
        + ".wsw-table .wsw-num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
        + ".wsw-table .wsw-best{font-weight:700}.wsw-table td.wsw-text:first-child{min-width:8.5em}"
    )
    label = html.escape(caption or "table")
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wsw-table" role="region" tabindex="0" aria-label="{label}"><style>{css}</style>'
        f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def table(rows: Any, caption: str | None = None, *, best: Mapping[str, str] | None = None) -> None:
    """Display a table that scrolls in its own box, numbers aligned, one precision a column.

    Parameters
    ----------
    rows : DataFrame or list of mappings
        Each mapping is a row: column heading to value. Text is shown as it is, so format what needs a unit.
    caption : str, optional
    best : mapping of str to str, optional
        Column to ``"min"`` or ``"max"``; the winner is set in bold.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(table_html(rows, caption, best)))


def protocol_rows(card: ProtocolCard) -> list[dict[str, str]]:
    """Rows of a protocol card; each network with what it was trained on.

    Raises
    ------
    KnowledgeError
        When a network is not in ``data/models.yaml``.

    Chapter: evaluation
    """
    rows = [{"Protocol": heading, "of this page": text} for heading, text in card.rows()]
    for name in card.models:
        known = training(name)
        heard = heard_recordings(name)
        warning = f"; it has heard {len(heard)} of this book's clips" if heard else ""
        rows.append({"Protocol": f"Model: {known.title}", "of this page": f"trained on {known.data}{warning}"})
    return rows or [{"Protocol": "", "of this page": ""}]


def protocol(card: ProtocolCard) -> None:
    """Display the protocol card of a page's numbers.

    Parameters
    ----------
    card : ProtocolCard

    Chapter: evaluation
    """
    table(protocol_rows(card), caption="Under which conditions the numbers below were measured.")


def recordings_rows(*names: str, model: str = "segmentation-3.0") -> list[dict[str, Any]]:
    """Rows about the book's recordings: their use here, their meeting, and whether a network was trained on it.

    Parameters
    ----------
    *names : str
        All recordings by default.
    model : str

    Raises
    ------
    OptionError
        When there is no such recording.

    Chapter: evaluation
    """
    entries, heard = recordings_registry(), heard_recordings(model)
    if unknown := [name for name in names if name not in entries]:
        raise OptionError(f"no recording is called {unknown[0]!r}; known: {', '.join(entries)}")
    return [
        {
            "recording": name,
            "used here for": {"train": "training and choosing", "development": "development", "test": "test"}[
                entries[name]["split"]
            ],
            "meeting": entries[name].get("meeting", "not stated"),
            "partition": entries[name].get("partition", "–"),
            f"{training(model).title} was trained on it": "yes" if name in heard else "not that anybody says",
        }
        for name in (names or entries)
    ]


def recordings(*names: str, model: str = "segmentation-3.0") -> None:
    """Display what the book's recordings are, and which of them a network was trained on.

    Parameters
    ----------
    *names : str
        All recordings by default.
    model : str

    Chapter: evaluation
    """
    table(recordings_rows(*names, model=model), caption="The recordings, their meetings, and who has heard them.")
