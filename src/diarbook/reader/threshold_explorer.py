"""A threshold to move: the scores of verification trials, with false accepts and false rejects counted as it moves.

The element is ``book/_static/threshold-explorer.js``, one script without dependencies. Each output carries the script,
the trials and a few sounds, so it works in JupyterLab, in Colab, in the built book and in a page opened from disk, and
asks no other host for anything. Without JavaScript a table of thresholds is shown.

Chapter: verification
"""

from __future__ import annotations

import base64
import functools
import html
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from diarbook.backends import Calibration
from diarbook.embeddings.trials import Trials
from diarbook.errors import OptionError
from diarbook.files import read_script
from diarbook.metrics.verification import detection_cost, error_rates_at
from diarbook.reader.listen import encode_mp3

LONGEST_SOUND = 2.5
"""Seconds of one sound: a page carries every sound that its explorer plays."""

_SCALE = 10_000
_PLACES = 4
# The book's theme lays a light box under a cell's HTML in the dark; the element brings its own ground.
_BARE = (
    "html[data-theme=dark] .bd-content div.cell_output .text_html:has(threshold-explorer){background:none;padding:0}"
)


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a threshold is used, as far as its cost goes.

    Parameters
    ----------
    name : str
    prior : float
        Share of the attempts that are by the claimed person.
    cost_false_accept : float
        What a false accept costs; a false reject costs 1.

    Raises
    ------
    OptionError
        When the prior is not between 0 and 1, or the cost is not positive.

    Chapter: verification
    """

    name: str
    prior: float
    cost_false_accept: float

    def __post_init__(self) -> None:
        if not 0 < self.prior < 1:
            raise OptionError(f"{self.name}: the prior must be between 0 and 1, got {self.prior}")
        if not 0 < self.cost_false_accept < np.inf:
            raise OptionError(f"{self.name}: the cost must be positive, got {self.cost_false_accept}")


@dataclass(frozen=True)
class TrialSet:
    """Trials of one collection of speech, and what the explorer says and plays of their stretches.

    Parameters
    ----------
    trials : Trials
    names : sequence of str
        Of each stretch, at the positions that ``trials.first`` and ``trials.second`` hold.
    sounds : mapping of int to ndarray of shape (samples,)
        Of some stretches, at 16 kHz; only what may be passed on.

    Raises
    ------
    OptionError
        When one kind of trial is missing, a stretch has no name, or a sound is too long.

    Chapter: verification
    """

    trials: Trials
    names: Sequence[str]
    sounds: Mapping[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = np.asarray(self.trials.labels, dtype=bool)
        if not len(labels) or labels.all() or not labels.any():
            raise OptionError("both kinds of trial are needed: one voice on both sides, and two voices")
        last = int(max(self.trials.first.max(), self.trials.second.max()))
        if last >= len(self.names):
            raise OptionError(f"stretch {last} has no name: got {len(self.names)} names")
        for index, sound in self.sounds.items():
            if len(sound) > LONGEST_SOUND * 16_000:
                raise OptionError(
                    f"sound {index}: {len(sound) / 16_000:.1f} s, at most {LONGEST_SOUND:g} s; cut it shorter"
                )


@dataclass(frozen=True)
class ThresholdExplorer:
    """What :func:`threshold_explorer` returns; a notebook shows it when it is the last value of a cell.

    Parameters
    ----------
    case : mapping
        What the element reads: ``title``, ``note``, ``threshold``, ``prior``, ``cost_false_accept``, ``situations``,
        ``calibration`` (scale and offset, or None) and ``sets``: for each ``name``, ``scores``, ``labels``, ``first``,
        ``second`` (base64), ``names`` and ``sounds`` (data URIs by position).
    table : str
        HTML of a table of thresholds, for a reader without JavaScript.

    Chapter: verification
    """

    case: Mapping[str, object]
    table: str

    def __repr__(self) -> str:
        return f"ThresholdExplorer({self.case['title']!r}, {', '.join(s['name'] for s in self.case['sets'])})"

    def element(self) -> str:
        """The element alone, for a page that has the script already."""
        case = html.escape(json.dumps(self.case, ensure_ascii=False, allow_nan=False), quote=True)
        return f'<threshold-explorer case="{case}">{self.table}</threshold-explorer>'

    def _repr_html_(self) -> str:
        return f"{self.element()}<style>{_BARE}</style><script>{script()}</script>"

    def page(self, theme: str = "light") -> str:
        """A whole HTML page with this explorer, to save and open without the book."""
        if theme not in ("light", "dark"):
            raise OptionError(f"theme must be light or dark, got {theme!r}")
        title = html.escape(str(self.case["title"]))
        return (
            f'<!DOCTYPE html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            "<style>body{margin:0 auto;padding:8px;max-width:1000px}[data-theme=dark] body{background:#14181e}</style>"
            f"</head><body>{self._repr_html_()}</body></html>\n"
        )


def instructive_stretches(trials: Trials, most: int = 6, allowed: Sequence[int] | None = None) -> list[int]:
    """Stretches to be heard: those of the target trials that score lowest and of the other trials that score highest.

    Such trials are wrong at most thresholds that anybody would choose. The two kinds take turns.

    Parameters
    ----------
    trials : Trials
    most : int
        At most so many stretches.
    allowed : sequence of int, optional
        Positions that may be chosen; all by default.

    Returns
    -------
    list of int
        Sorted positions.

    Raises
    ------
    OptionError
        When ``most`` is below 2.

    Chapter: verification
    """
    if most < 2:
        raise OptionError(f"most must be 2 or more, got {most}")
    pool = None if allowed is None else set(allowed)
    order = np.argsort(trials.scores, kind="stable")
    queues = {True: deque(order[trials.labels[order]]), False: deque(order[~trials.labels[order]][::-1])}
    chosen: set[int] = set()
    kind = True
    while len(chosen) < most and (queues[True] or queues[False]):
        kind = not kind if queues[not kind] else kind
        trial = queues[kind].popleft()
        pair = {int(trials.first[trial]), int(trials.second[trial])}
        if (pool is None or pair <= pool) and len(chosen | pair) <= most:
            chosen |= pair
    return sorted(chosen)


def threshold_explorer(
    sets: Mapping[str, TrialSet],
    title: str,
    note: str,
    *,
    threshold: float,
    situations: Sequence[Situation],
    calibration: Calibration | None = None,
) -> ThresholdExplorer:
    """An explorer of thresholds over one or more sets of trials.

    Parameters
    ----------
    sets : mapping of str to TrialSet
        By the name on their buttons; the first one is shown first.
    title : str
    note : str
        Model, calibration and protocol of the scores.
    threshold : float
        Where it starts.
    situations : sequence of Situation
        To choose from; the first one is set at the start.
    calibration : Calibration, optional
        Adds a button for the threshold that it gives.

    Returns
    -------
    ThresholdExplorer

    Raises
    ------
    OptionError
        When there is no set, no situation, no note, or a score is outside -1 to 1.

    Chapter: verification
    """
    if not sets or not situations:
        raise OptionError("an explorer needs at least one set of trials and one situation")
    if not title.strip() or not note.strip():
        raise OptionError("title and note must not be empty; say of which model and protocol the scores are")
    if not np.isfinite(threshold):
        raise OptionError(f"threshold must be finite, got {threshold}")
    case = {
        "title": title,
        "note": note,
        "threshold": float(threshold),
        "prior": situations[0].prior,
        "cost_false_accept": situations[0].cost_false_accept,
        "situations": [
            {"name": one.name, "prior": one.prior, "cost_false_accept": one.cost_false_accept} for one in situations
        ],
        "calibration": None if calibration is None else [calibration.scale, calibration.offset],
        "sets": [_packed(name, one) for name, one in sets.items()],
    }
    return ThresholdExplorer(case, _table(sets, threshold, situations[0]))


def _packed(name: str, one: TrialSet) -> dict[str, object]:
    trials = one.trials
    if not (np.abs(trials.scores) <= 1).all():
        raise OptionError(f"{name}: scores must lie within -1 and 1, such as cosines")
    fields = {
        "scores": np.round(trials.scores * _SCALE).astype("<i2"),
        "labels": trials.labels.astype("u1"),
        "first": trials.first.astype("<u2"),
        "second": trials.second.astype("<u2"),
    }
    packed: dict[str, object] = {key: base64.b64encode(values.tobytes()).decode() for key, values in fields.items()}
    sounds = {
        str(index): "data:audio/mpeg;base64," + base64.b64encode(encode_mp3(sound)).decode()
        for index, sound in sorted(one.sounds.items())
    }
    return {"name": name, **packed, "names": list(one.names), "sounds": sounds}


def _table(sets: Mapping[str, TrialSet], threshold: float, situation: Situation) -> str:
    """Errors at several thresholds, as HTML without a script."""
    rows = []
    for name, one in sets.items():
        scores = np.round(one.trials.scores, _PLACES)
        for value in sorted({*np.round(np.arange(0.1, 0.75, 0.1), 1).tolist(), round(float(threshold), 3)}):
            missed, accepted = error_rates_at(scores, one.trials.labels, value)
            cost = detection_cost(
                scores,
                one.trials.labels,
                value,
                target_prior=situation.prior,
                false_alarm_cost=situation.cost_false_accept,
            )
            cells = (html.escape(name), f"{value:g}", f"{100 * accepted:.1f} %", f"{100 * missed:.1f} %", f"{cost:.2f}")
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = ("trials", "threshold", "false accepts", "false rejects", f"cost, {html.escape(situation.name)}")
    return (
        "<p>With JavaScript, this table becomes a slider over the scores.</p><table><thead><tr>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


@functools.lru_cache
def script() -> str:
    """Source of the element, from a checkout or from the installed package.

    Raises
    ------
    DiarbookError
        When the package was installed without it.

    Chapter: verification
    """
    return read_script("threshold-explorer.js")
