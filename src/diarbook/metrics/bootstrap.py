"""How far a score would move with other recordings, or other trials, of the same kind.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from diarbook.errors import OptionError


def bootstrap_values(
    statistic: Callable[[Sequence], float], items: Sequence, samples: int = 1000, seed: int = 0
) -> np.ndarray:
    """The statistic of ``samples`` resamples of the items, each as many items drawn with replacement.

    Chapter: evaluation
    """
    if samples < 1:
        raise OptionError(f"samples must be 1 or more, got {samples}")
    if len(items) == 0:
        return np.full(samples, np.nan)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(items), (samples, len(items)))
    if isinstance(items, np.ndarray):
        return np.array([statistic(items[draw]) for draw in draws], dtype=float)
    return np.array([statistic([items[index] for index in draw]) for draw in draws.tolist()], dtype=float)


def bootstrap_interval(
    statistic: Callable[[Sequence], float],
    items: Sequence,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic over recordings or trials.

    Parameters
    ----------
    statistic : callable
        Takes a sequence like ``items`` (an array when ``items`` is one) and returns a number.
    items : sequence or ndarray
        What is resampled, such as the errors of each recording, or rows of score and label.
    samples : int
        Number of resamples.
    level : float
        Share of the resamples inside the interval, such as 0.95.
    seed : int

    Returns
    -------
    low, high : float
        NaN when the statistic is NaN on every resample, or there are no items. Resamples with NaN are left out.

    Raises
    ------
    OptionError
        When ``samples`` or ``level`` is out of range.

    References
    ----------
    efron1993bootstrap

    Chapter: evaluation
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, got {level}")
    values = bootstrap_values(statistic, items, samples, seed)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
