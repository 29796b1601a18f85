"""How far the number of speakers is off, beside how much time is wrong.

Chapter: evaluation
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.turns import Turn, speakers


@dataclass(frozen=True, slots=True)
class CountSummary:
    """Errors of the number of speakers over recordings; NaN where there is none.

    Parameters
    ----------
    mean_absolute : float
        Speakers too many or too few in a recording.
    bias : float
        The same with its sign: above 0 when speakers are split, below when they are merged.
    within_one : float
        Share of the recordings whose number is right or off by one.

    Chapter: evaluation
    """

    mean_absolute: float
    bias: float
    within_one: float


def speaker_count_error(reference: Sequence[Turn], hypothesis: Sequence[Turn]) -> int:
    """Number of speakers of the hypothesis less that of the reference.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn

    Returns
    -------
    int

    Examples
    --------
    >>> speaker_count_error([Turn(0, 1, "A")], [Turn(0, 0.5, "x"), Turn(0.5, 1, "y")])
    1

    Chapter: evaluation
    """
    return len(speakers(hypothesis)) - len(speakers(reference))


def count_summary(errors: Iterable[int]) -> CountSummary:
    """Mean absolute error, bias, and share within one, of :func:`speaker_count_error` over recordings.

    Examples
    --------
    >>> count_summary([0, 1, -1, 2])
    CountSummary(mean_absolute=1.0, bias=0.5, within_one=0.75)

    Chapter: evaluation
    """
    values = np.array(list(errors), dtype=float)
    if len(values) == 0:
        return CountSummary(float("nan"), float("nan"), float("nan"))
    size = np.abs(values)
    return CountSummary(float(size.mean()), float(values.mean()), float((size <= 1).mean()))
