"""How far a score would move with other recordings, or other trials, of the same kind.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from diarbook.errors import OptionError

MOST_SAMPLES = 1_000_000
"""More resamples move no digit of an interval that is printed."""
_BLOCK = 1 << 22  # draws in memory at once


def bootstrap_values(
    statistic: Callable[[Sequence], float], items: Sequence, samples: int = 1000, seed: int = 0
) -> np.ndarray:
    """The statistic of ``samples`` resamples of the items, each as many items drawn with replacement.

    Chapter: evaluation
    """
    values = []
    for draws in _draws(len(items), samples, seed):
        if isinstance(items, np.ndarray):
            values += [statistic(items[draw]) for draw in draws]
        else:
            values += [statistic([items[index] for index in draw]) for draw in draws.tolist()]
    return np.array(values, dtype=float) if len(items) else np.full(samples, np.nan)


def _draws(number: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Rows of indices below ``number``, drawn with replacement, ``samples`` rows in blocks; none of no items."""
    if not 1 <= samples <= MOST_SAMPLES:
        raise OptionError(f"samples must lie between 1 and {MOST_SAMPLES:,}, got {samples}")
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // max(number, 1))
    for start in range(0, samples if number else 0, block):
        yield rng.integers(0, number, (min(block, samples - start), number))


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

    Examples
    --------
    >>> bootstrap_interval(np.mean, np.full(10, 3.0))
    (3.0, 3.0)

    References
    ----------
    efron1993bootstrap

    Chapter: evaluation
    """
    return _interval(bootstrap_values(statistic, items, samples, seed), level)


def ratio_interval(rows: np.ndarray, samples: int = 1000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of a pooled rate, the sum of the parts over the sum of the wholes, without a Python loop.

    Parameters
    ----------
    rows : ndarray of shape (n, 2)
        Part and whole of each recording, such as seconds of error and of speech.
    samples, level, seed
        As in :func:`bootstrap_interval`, which gives the same interval.

    Returns
    -------
    low, high : float

    Examples
    --------
    >>> low, high = ratio_interval([[1.0, 10.0], [2.0, 10.0], [3.0, 10.0]])
    >>> round(low, 3), round(high, 3)
    (0.1, 0.3)

    References
    ----------
    efron1993bootstrap

    Chapter: evaluation
    """
    rows = np.asarray(rows, dtype=np.float64).reshape(-1, 2)
    sums = [rows[draws].sum(axis=1) for draws in _draws(len(rows), samples, seed)]
    parts, wholes = np.concatenate([*sums, np.empty((0, 2))]).T
    return _interval(np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=wholes > 0), level)


def _interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """Percentiles of the values that are numbers."""
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, got {level}")
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
