"""Everything about one scored corpus: each recording, pooled, mean, intervals, and the protocol, as text or JSON.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from diarbook.metrics.bootstrap import ratio_interval
from diarbook.metrics.der import DiarizationError, diarization_errors, mean_rate, pool
from diarbook.metrics.exclusions import corpus_exclusions
from diarbook.metrics.jer import JaccardError, jaccard_errors, pool_jaccard
from diarbook.metrics.protocol import Protocol, describe
from diarbook.rttm.parse import Mark
from diarbook.turns import Turn

TOO_FEW = "an interval over files needs two files or more with scored speech"


@dataclass(frozen=True)
class Interval:
    """Bootstrap intervals over files of the pooled rates.

    Chapter: evaluation
    """

    der: tuple[float, float]
    jer: tuple[float, float]
    samples: int
    level: float
    seed: int


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
    samples : int
        Bootstrap resamples of the files; 0 for no interval.
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
    interval = _interval(errors, jaccard, samples, level, seed) if samples else None
    return Report(protocol, errors, jaccard, interval, uem is not None)


def _interval(errors, jaccard, samples: int, level: float, seed: int) -> Interval:
    """Both intervals from rows of (part, whole), one row a file."""

    def bounds(rows: list[tuple[float, float]]) -> tuple[float, float]:
        if sum(whole > 0 for _, whole in rows) < 2:
            return math.nan, math.nan
        return ratio_interval(np.array(rows), samples, level, seed)

    return Interval(
        bounds([(error.error, error.total) for error in errors.values()]),
        bounds([(math.fsum(error.speakers.values()), float(len(error.speakers))) for error in jaccard.values()]),
        samples,
        level,
        seed,
    )


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
    entry = {name: [_number(value) for value in getattr(interval, name)] for name in ("der", "jer")}
    entry |= {"samples": interval.samples, "level": interval.level, "seed": interval.seed, "over": "files"}
    return entry | ({"reason": TOO_FEW} if None in entry["der"] else {})


def _interval_lines(interval: Interval, jer: bool) -> list[str]:
    if math.isnan(interval.der[0]):
        return [f"no interval: {TOO_FEW}"]
    names = ["der", "jer"] if jer else ["der"]
    return [
        f"{interval.level:.0%} interval of the pooled {name.upper()}: {_percent(low)} to {_percent(high)} %"
        f" (bootstrap over files, {interval.samples} resamples, seed {interval.seed})"
        for name in names
        for low, high in [getattr(interval, name)]
    ]


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
