"""Everything about one scored corpus: each recording, pooled, mean, intervals, and the protocol, as text or JSON.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from diarbook.metrics.bootstrap import FEWEST_UNITS, Spread, error_rows, rate_spread
from diarbook.metrics.der import DiarizationError, diarization_errors, mean_rate, pool
from diarbook.metrics.exclusions import corpus_exclusions
from diarbook.metrics.jer import JaccardError, jaccard_errors, pool_jaccard
from diarbook.metrics.protocol import Protocol, describe
from diarbook.rttm.parse import Mark
from diarbook.turns import Turn

TOO_FEW = f"an interval needs {FEWEST_UNITS} independent files or more with scored speech"


@dataclass(frozen=True)
class Interval:
    """Bootstrap intervals of the pooled rates, or the ranges of too few files.

    Parameters
    ----------
    der, jer : Spread
    samples : int
    level : float
    seed : int
    over : {"files", "units"}
        What was drawn.

    Chapter: evaluation
    """

    der: Spread
    jer: Spread
    samples: int
    level: float
    seed: int
    over: str = "files"


@dataclass(frozen=True)
class Report:
    """Scores of a corpus.

    Parameters
    ----------
    protocol : Protocol
    errors : mapping of str to DiarizationError
    jaccard : mapping of str to JaccardError
    interval : Interval, optional
    has_uem : bool
        Whether a UEM said what to score.

    Chapter: evaluation
    """

    protocol: Protocol
    errors: Mapping[str, DiarizationError]
    jaccard: Mapping[str, JaccardError]
    interval: Interval | None = None
    has_uem: bool = False

    @property
    def pooled(self) -> DiarizationError:
        """Errors summed over the recordings."""
        return pool(self.errors.values())

    def to_json(self) -> dict:
        """Plain values: rates as fractions, times in seconds, NaN as None beside a ``reason``."""
        pooled, count = self.pooled, max(len(self.errors), 1)
        document = {
            "protocol": asdict(self.protocol),
            "pooled": _entry(pooled, pool_jaccard(self.jaccard), pooled.rate),
            "mean": _entry(
                DiarizationError(
                    pooled.missed / count, pooled.false_alarm / count, pooled.confusion / count, pooled.total / count
                ),
                JaccardError({"mean": self.mean_jer()} if not math.isnan(self.mean_jer()) else {}),
                mean_rate(self.errors.values()),
            ),
            "files": {
                name: _entry(error, self.jaccard[name], error.rate) | {"mapping": dict(error.mapping)}
                for name, error in self.errors.items()
            },
        }
        if self.interval is not None:
            document["pooled"]["interval"] = _interval_entry(self.interval)
        return document

    def mean_jer(self) -> float:
        """Mean of the recordings' Jaccard error rates."""
        rates = [error.rate for error in self.jaccard.values() if error.speakers]
        return math.fsum(rates) / len(rates) if rates else math.nan

    def to_text(self, per_file: bool = False, jer: bool = False) -> str:
        """A table for people, with the protocol above it."""
        heading = ["", "DER %", "missed %", "false alarm %", "confusion %", "speech s"] + ["JER %"] * jer
        rows = [_row(name, error, self.jaccard[name].rate) for name, error in self.errors.items()] if per_file else []
        count = len(self.errors)
        files = f"{count} file" if count == 1 else f"{count} files"
        pooled = _row(f"pooled ({files})", self.pooled, pool_jaccard(self.jaccard).rate)
        mean = [
            f"mean of {files}",
            _percent(mean_rate(self.errors.values())),
            "",
            "",
            "",
            "",
            _percent(self.mean_jer()),
        ]
        width = len(heading)
        body = [row[:width] for row in [*rows, pooled, mean]]
        widths = [max(len(row[column]) for row in [heading, *body]) for column in range(width)]
        rule = "-" * (sum(widths) + 2 * (width - 1))
        lines = [_line(row, widths) for row in body]
        text = [f"Protocol: {describe(self.protocol, self.has_uem)}", "", _line(heading, widths), rule, *lines[:-2]]
        text += ([rule] if rows else []) + lines[-2:]
        if self.interval is not None:
            text += ["", *_interval_lines(self.interval, jer)]
        reasons = [f"{name}: {error.reason}" for name, error in self.errors.items() if error.reason]
        text += ["", *[f"no rate for {reason}" for reason in reasons]] if reasons else []
        return "\n".join(text) + "\n"


def score(
    references: Mapping[str, Sequence[Turn]],
    hypotheses: Mapping[str, Sequence[Turn]],
    protocol: Protocol | None = None,
    *,
    uem: Mapping[str, np.ndarray] | None = None,
    marks: Mapping[str, Sequence[Mark]] | None = None,
    allow_missing: bool = False,
    allow_extra: bool = False,
    units: Mapping[str, Hashable] | None = None,
    samples: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> Report:
    """Score a corpus.

    Parameters
    ----------
    references, hypotheses : mapping of str to sequence of Turn
        By recording.
    protocol : Protocol, optional
        By default no collar, overlap scored.
    uem, allow_missing, allow_extra
        As in ``diarization_errors``.
    marks : mapping of str to sequence of Mark, optional
        Records of the reference other than SPEAKER, by recording; they count when the protocol says ``skip_marked``.
    units : mapping of str to hashable, optional
        Independent unit of each recording, such as from ``shared_people``; by default each is its own.
    samples : int
        Bootstrap resamples of the units; 0 for no interval. With fewer than five units their range stands in its place.
    level, seed
        As in ``bootstrap_interval``.

    Returns
    -------
    Report
        The Jaccard error takes the UEM and nothing else of the protocol: it has no collar.

    Examples
    --------
    >>> report = score({"a": [Turn(0, 10, "Ann")]}, {"a": [Turn(0, 9, "x")]})
    >>> print(report.to_text().splitlines()[-2])
    pooled (1 file)  10.00     10.00           0.00         0.00    10.000

    Chapter: evaluation
    """
    protocol = protocol or Protocol()
    allowed = {"uem": uem, "allow_missing": allow_missing, "allow_extra": allow_extra}
    excluded = corpus_exclusions(references, marks) if protocol.skip_marked and marks else None
    errors = diarization_errors(references, hypotheses, excluded=excluded, **allowed, **protocol.options())
    jaccard = jaccard_errors(references, hypotheses, **allowed)
    interval = _interval(errors, jaccard, units, samples, level, seed) if samples else None
    return Report(protocol, errors, jaccard, interval, uem is not None)


def _interval(errors, jaccard, units, samples: int, level: float, seed: int) -> Interval:
    """Both spreads from rows of (part, whole), one row a file."""
    speakers = {name: (math.fsum(one.speakers.values()), float(len(one.speakers))) for name, one in jaccard.items()}
    with_speech = {name: row for name, row in error_rows(errors).items() if row[1] > 0}
    der, jer = (rate_spread(rows, units, samples, level, seed) for rows in (with_speech, speakers))
    return Interval(der, jer, samples, level, seed, "files" if units is None else "units")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _entry(error: DiarizationError, jaccard: JaccardError, rate: float) -> dict:
    entry = {
        "der": _number(rate),
        "missed": error.missed,
        "false_alarm": error.false_alarm,
        "confusion": error.confusion,
        "total": error.total,
        "jer": _number(jaccard.rate),
    }
    reason = (error.reason if math.isnan(rate) else None) or jaccard.reason
    return entry | ({"reason": reason} if reason else {})


def _interval_entry(interval: Interval) -> dict:
    entry: dict = {
        name: [_number(spread.low), _number(spread.high)]
        for name, spread in (("der", interval.der), ("jer", interval.jer))
    }
    entry |= {"kind": "range" if interval.der.is_range else "interval", "count": interval.der.units}
    entry |= {"samples": interval.samples, "level": interval.level, "seed": interval.seed, "over": interval.over}
    return entry | ({"reason": TOO_FEW} if interval.der.is_range else {})


def _interval_lines(interval: Interval, jer: bool) -> list[str]:
    lines = []
    for name, spread in (("DER", interval.der), ("JER", interval.jer))[: 1 + jer]:
        ends = f"{_percent(spread.low)} to {_percent(spread.high)} %"
        if not spread.is_range:
            how = f"bootstrap over {spread.units} {interval.over}, {interval.samples} resamples, seed {interval.seed}"
            lines.append(f"{interval.level:.0%} interval of the pooled {name}: {ends} ({how})")
        elif spread.units > 1:
            lines.append(f"range of the {name} of {spread.units} {interval.over}: {ends} (no interval: {TOO_FEW})")
    return lines or [f"no interval: {TOO_FEW}"]


def _percent(fraction: float) -> str:
    return "-" if math.isnan(fraction) else f"{100 * fraction:.2f}"


def _row(name: str, error: DiarizationError, jer: float) -> list[str]:
    total = error.total if error.total > 0 else math.nan
    parts = [error.rate, error.missed / total, error.false_alarm / total, error.confusion / total]
    return [name, *[_percent(part) for part in parts], f"{error.total:.3f}", _percent(jer)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = [
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join([first, *rest]).rstrip()
