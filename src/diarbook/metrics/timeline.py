"""Where the errors are: which second is which error, and between whom.

Chapter: evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.metrics._cells import NANOSECONDS, Cells, cut, side
from diarbook.metrics.der import diarization_error
from diarbook.metrics.protocol import Protocol
from diarbook.turns import Turn

KINDS = ("missed", "false_alarm", "confusion")


@dataclass(frozen=True, order=True)
class ErrorSpan:
    """One stretch of one error.

    Parameters
    ----------
    start, end : float
        Seconds.
    kind : {"missed", "false_alarm", "confusion"}
    reference : str or None
        Who spoke; None for a false alarm.
    hypothesis : str or None
        Who was said to speak, as labeled in the hypothesis; None for missed speech.

    Chapter: evaluation
    """

    start: float
    end: float
    kind: str
    reference: str | None
    hypothesis: str | None

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


def error_timeline(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: np.ndarray | None = None,
    mapping: str = "before_collar",
    region: str = "all",
) -> list[ErrorSpan]:
    """Every error of one recording; options as in ``diarization_error``, whose parts the durations add up to.

    Where several people talk and several are wrong at once, wrong reference and hypothesis speakers are paired in the
    order of their names: the seconds of each kind are exact, the pairing is one of several.

    Returns
    -------
    list of ErrorSpan
        Sorted by time.

    Examples
    --------
    >>> for span in error_timeline([Turn(0, 10, "Ann")], [Turn(2, 12, "x")]):
    ...     print(span.start, span.end, span.kind)
    0.0 2.0 missed
    10.0 12.0 false_alarm

    Chapter: evaluation
    """
    protocol = Protocol(collar, skip_overlap, mapping, region)
    matched = diarization_error(reference, hypothesis, uem=uem, **protocol.options()).mapping
    cells = cut(
        side([sorted(reference)]),
        side([sorted(hypothesis)]),
        collar=protocol.collar,
        skip_overlap=protocol.skip_overlap,
        uem=None if uem is None else [uem],
        region=protocol.region,
    )
    seconds = ((cells.edges - cells.offset[0]) / NANOSECONDS).tolist()
    open_spans: dict[tuple[str, str | None, str | None], int] = {}
    spans: list[ErrorSpan] = []

    def close(key: tuple[str, str | None, str | None], cell: int) -> None:
        spans.append(ErrorSpan(seconds[open_spans.pop(key)], seconds[cell], *key))

    for cell, (spoken, guessed) in enumerate(_speakers(cells)):
        errors = _errors(spoken, guessed, matched) if cells.scored[cell] else set()
        for key in [key for key in open_spans if key not in errors]:
            close(key, cell)
        for key in errors:
            open_spans.setdefault(key, cell)
    for key in list(open_spans):
        close(key, len(cells.length))
    return sorted(
        spans, key=lambda span: (span.start, span.end, span.kind, span.reference or "", span.hypothesis or "")
    )


def _speakers(cells: Cells):
    """The set of reference and of hypothesis speakers of each cell, in turn."""
    changes: list[list[tuple[int, str, bool]]] = [[] for _ in range(len(cells.length) + 1)]
    for number, name in enumerate(("reference", "hypothesis")):
        columns = getattr(cells, name)
        labels = columns.labels[0]
        first, last = getattr(cells, f"{name}_start").tolist(), getattr(cells, f"{name}_end").tolist()
        for speaker, start, end in zip(columns.speaker.tolist(), first, last, strict=True):
            changes[start].append((number, labels[speaker], True))
            changes[end].append((number, labels[speaker], False))
    active: tuple[set[str], set[str]] = (set(), set())
    for change in changes[:-1]:
        for number, label, begins in change:
            (active[number].add if begins else active[number].discard)(label)
        yield active


def _errors(spoken: set[str], guessed: set[str], matched) -> set[tuple[str, str | None, str | None]]:
    """Errors of a cell: pairs of wrong speakers are confused, who is left over is missed or a false alarm."""
    right = {guess for guess in guessed if matched.get(guess) in spoken}
    missed = sorted(spoken - {matched[guess] for guess in right})
    wrong = sorted(guessed - right)
    pairs = min(len(missed), len(wrong))
    return (
        {("confusion", who, guess) for who, guess in zip(missed, wrong, strict=False)}
        | {("missed", who, None) for who in missed[pairs:]}
        | {("false_alarm", None, guess) for guess in wrong[pairs:]}
    )
