"""How far the number of speakers is off, beside how much time is wrong.

Chapter: clustering
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.metrics.der import diarization_error
from diarbook.turns import Turn, speakers, speaking_time


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
    exact : float
        Share of the recordings whose number is right.
    recordings : int

    Chapter: clustering
    """

    mean_absolute: float
    bias: float
    within_one: float
    exact: float = float("nan")
    recordings: int = 0


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

    Chapter: clustering
    """
    return len(speakers(hypothesis)) - len(speakers(reference))


def count_summary(errors: Iterable[int]) -> CountSummary:
    """Mean absolute error, bias, and shares within one and right, of :func:`speaker_count_error` over recordings.

    Examples
    --------
    >>> count_summary([0, 1, -1, 2])
    CountSummary(mean_absolute=1.0, bias=0.5, within_one=0.75, exact=0.25, recordings=4)

    Chapter: clustering
    """
    values = np.array(list(errors), dtype=float)
    if len(values) == 0:
        return CountSummary(float("nan"), float("nan"), float("nan"))
    size = np.abs(values)
    return CountSummary(
        float(size.mean()), float(values.mean()), float((size <= 1).mean()), float((size == 0).mean()), len(values)
    )


def counts_by_truth(counts: Iterable[tuple[int, int]]) -> dict[int, CountSummary]:
    """Summary of the errors for each true number of speakers, because a mean over all hides which numbers go wrong.

    Parameters
    ----------
    counts : iterable of (int, int)
        True and estimated number of speakers of each recording.

    Returns
    -------
    dict of int to CountSummary
        By true number, ascending.

    Examples
    --------
    >>> {true: summary.bias for true, summary in counts_by_truth([(2, 2), (1, 4), (2, 1)]).items()}
    {1: 3.0, 2: -0.5}

    Chapter: clustering
    """
    errors: dict[int, list[int]] = {}
    for true, estimated in counts:
        errors.setdefault(true, []).append(estimated - true)
    return {true: count_summary(errors[true]) for true in sorted(errors)}


def ghost_speakers(reference: Sequence[Turn], hypothesis: Sequence[Turn]) -> dict[str, float]:
    """Speakers of the hypothesis for whom the optimal mapping has no person, and how long they speak.

    The number of speakers can be right although one person is lost and a ghost stands in; the ghosts show that.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn

    Returns
    -------
    dict of str to float
        Seconds by name, in the order of the names.

    Examples
    --------
    >>> ghost_speakers([Turn(0, 10, "A")], [Turn(0, 9, "x"), Turn(9, 10, "y")])
    {'y': 1.0}

    Chapter: clustering
    """
    mapping = diarization_error(reference, hypothesis).mapping
    return {name: seconds for name, seconds in sorted(speaking_time(hypothesis).items()) if name not in mapping}
