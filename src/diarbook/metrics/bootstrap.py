"""How far a score would move with other recordings, or other trials, of the same kind.

Recordings that share people are not independent, so they are drawn together, as one **unit**. Two systems on the same
recordings are compared by their difference on each draw, never by whether their own intervals overlap.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError
from diarbook.turns import Turn

FEWEST_UNITS = 5
"""With fewer independent units a percentile interval is little more than the smallest and the largest of them."""

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


@dataclass(frozen=True)
class Spread:
    """A rate, or a difference of two, with its interval, or with the range of its units where they are too few.

    Parameters
    ----------
    value : float
        Pooled over all units. A difference is the first system minus the second.
    low, high : float
        Ends of the bootstrap interval, or the smallest and the largest value of a unit. NaN where there is neither.
    units : int
        Independent units with something to score.
    level : float or None
        Such as 0.95; None for a range.

    Chapter: evaluation
    """

    value: float
    low: float
    high: float
    units: int
    level: float | None

    @property
    def is_range(self) -> bool:
        """Whether the ends are only the extremes of too few units, and no interval."""
        return self.level is None

    @property
    def differs(self) -> bool:
        """Whether this is an interval that leaves out zero; a range never shows a difference."""
        return not self.is_range and (self.low > 0 or self.high < 0)

    def text(self, scale: float = 100.0, digits: int = 1, signed: bool = False) -> str:
        """The value, its ends, and what they are.

        Parameters
        ----------
        scale : float
            100 for percent or points.
        digits : int
        signed : bool
            Write ``+`` before what is positive, as for a difference.

        Examples
        --------
        >>> Spread(0.12, 0.08, 0.17, 9, 0.95).text()
        '12.0 (95 % interval 8.0 to 17.0, 9 units)'
        >>> Spread(-0.02, -0.05, 0.01, 2, None).text(signed=True)
        '-2.0 (range of 2 units -5.0 to +1.0)'
        """

        def number(value: float) -> str:
            if math.isnan(value):
                return "undefined"
            value = round(scale * value, digits) + 0.0  # no minus before zero
            return f"{value:+.{digits}f}" if signed and value else f"{value:.{digits}f}"

        if self.is_range:
            ends = f"range of {self.units} units" if self.units != 1 else "1 unit"
            between = f" {number(self.low)} to {number(self.high)}" if self.units > 1 else ", no range"
            return f"{number(self.value)} ({ends}{between})"
        ends = f"{100 * self.level:g} % interval {number(self.low)} to {number(self.high)}"
        return f"{number(self.value)} ({ends}, {self.units} units)"


def shared_people(references: Mapping[str, Sequence[Turn]]) -> dict[str, str]:
    """Independent units: recordings that have a speaker in common, directly or through others, form one.

    The labels must mean the same person in every recording, as those of a corpus do; ``SPEAKER_00`` does not.

    Parameters
    ----------
    references : mapping of str to sequence of Turn
        By recording.

    Returns
    -------
    dict of str to str
        Unit of each recording: the name of the first recording of the unit.

    Examples
    --------
    >>> shared_people({"a": [Turn(0, 1, "Ann")], "b": [Turn(0, 1, "Ben")], "c": [Turn(0, 1, "Ann")]})
    {'a': 'a', 'b': 'b', 'c': 'a'}

    Chapter: evaluation
    """
    units: list[tuple[list[str], set[str]]] = []
    for name, turns in references.items():
        people = {turn.speaker for turn in turns}
        joined = [unit for unit in units if unit[1] & people]
        merged = ([other for files, _ in joined for other in files] + [name], people.union(*(p for _, p in joined)))
        units = [unit for unit in units if not unit[1] & people] + [merged]
    order = {name: position for position, name in enumerate(references)}
    first = {name: min(files, key=order.__getitem__) for files, _ in units for name in files}
    return {name: first[name] for name in references}


def rate_spread(
    rows: Mapping[str, tuple[float, float]],
    units: Mapping[str, Hashable] | None = None,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Spread:
    """One system's pooled rate with its interval over independent units, or their range where they are fewer than five.

    Parameters
    ----------
    rows : mapping of str to (float, float)
        Part and whole of each recording, such as seconds of error and of reference speech.
    units : mapping of str to hashable, optional
        Unit of each recording, such as from :func:`shared_people`; by default each recording is its own.
    samples, level, seed
        As in :func:`bootstrap_interval`.

    Returns
    -------
    Spread

    Raises
    ------
    OptionError
        When a recording has no unit, or ``samples`` or ``level`` is out of range.

    Examples
    --------
    >>> rate_spread({"a": (1, 10), "b": (5, 10)}).text()
    '30.0 (range of 2 units 10.0 to 50.0)'

    References
    ----------
    efron1993bootstrap

    Chapter: evaluation
    """
    return _spread(_by_unit([rows], units), 1, samples, level, seed)


def paired_difference(
    first: Mapping[str, tuple[float, float]],
    second: Mapping[str, tuple[float, float]],
    units: Mapping[str, Hashable] | None = None,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Spread:
    """How much higher the pooled rate of one system is than that of another on the same recordings.

    Each resample draws units, scores BOTH systems on that draw, and takes the difference. A draw of hard recordings is
    hard for both, so that much of what moves each rate leaves the difference alone.

    Parameters
    ----------
    first, second : mapping of str to (float, float)
        Part and whole of each recording for both systems, such as seconds of error and of reference speech.
    units : mapping of str to hashable, optional
        Unit of each recording, such as from :func:`shared_people`; by default each recording is its own.
    samples, level, seed
        As in :func:`bootstrap_interval`.

    Returns
    -------
    Spread
        First minus second. With fewer than five units, low and high are the units' smallest and largest difference.

    Raises
    ------
    OptionError
        When the systems were not scored on the same recordings, a recording has no unit, or ``samples`` or ``level``
        is out of range.

    Examples
    --------
    >>> first = {name: (4.0, 10.0) for name in "abcde"}
    >>> second = {name: (3.0, 10.0) for name in "abcde"}
    >>> paired_difference(first, second).text(signed=True)
    '+10.0 (95 % interval +10.0 to +10.0, 5 units)'

    References
    ----------
    efron1993bootstrap

    Chapter: evaluation
    """
    if set(first) != set(second):
        odd = sorted(set(first) ^ set(second))
        raise OptionError(f"a paired comparison needs both systems on the same recordings; only one has {odd[0]!r}")
    return _spread(_by_unit([first, second], units), 2, samples, level, seed)


def error_rows(errors: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    """Seconds of error and of reference of each recording, from what the error functions of this package return.

    Parameters
    ----------
    errors : mapping of str to DiarizationError or DetectionError

    Returns
    -------
    dict of str to (float, float)
        For :func:`rate_spread` and :func:`paired_difference`.

    Chapter: evaluation
    """
    return {name: (error.error, error.total) for name, error in errors.items()}  # type: ignore[attr-defined]


def rule_of_three(trials: int, level: float = 0.95) -> float:
    """Largest rate at which seeing no event in this many independent trials is still as likely as ``1 - level``.

    Without an event a bootstrap says 0 to 0, which is wrong. From ``(1 - p) ** n = 0.05`` follows about ``3 / n``.

    Parameters
    ----------
    trials : int
        Independent ones, none of which showed the event.
    level : float

    Returns
    -------
    float
        Between 0 and 1; 1 when nothing was tried.

    Raises
    ------
    OptionError
        When ``trials`` is negative or ``level`` is out of range.

    Examples
    --------
    >>> round(rule_of_three(100), 4), 3 / 100
    (0.0295, 0.03)

    Chapter: evaluation
    """
    if trials < 0:
        raise OptionError(f"trials must be 0 or more, got {trials}")
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, got {level}")
    # expm1 and log1p keep the digits when the rate is tiny.
    return -math.expm1(math.log1p(-level) / trials) if trials else 1.0


def _by_unit(systems: Sequence[Mapping[str, tuple[float, float]]], units: Mapping[str, Hashable] | None) -> np.ndarray:
    """Sums of part and whole of each unit and system, of shape (units, systems, 2), in the order of first mention."""
    names = list(systems[0])
    if units is not None and (lacking := [name for name in names if name not in units]):
        raise OptionError(f"no unit is given for the recording {lacking[0]!r}")
    place: dict[Hashable, int] = {}
    rows = [place.setdefault(units[name] if units is not None else name, len(place)) for name in names]
    sums = np.zeros((len(place), len(systems), 2))
    for index, system in enumerate(systems):
        values = np.array([system[name] for name in names], dtype=np.float64).reshape(-1, 2)
        np.add.at(sums[:, index], rows, values)
    return sums[(sums[:, :, 1] > 0).any(axis=1) | (sums[:, :, 0] > 0).any(axis=1)]


def _rates(sums: np.ndarray) -> np.ndarray:
    """Part over whole on the last axis; NaN of nothing."""
    return np.divide(sums[..., 0], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0)


def _spread(sums: np.ndarray, systems: int, samples: int, level: float, seed: int) -> Spread:
    """The rate of one system, or the first minus the second of two, with interval or range."""

    def value(rates: np.ndarray) -> np.ndarray:
        return rates[..., 0] if systems == 1 else rates[..., 0] - rates[..., 1]

    draws = _draws(len(sums), samples, seed)
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, got {level}")
    pooled = float(value(_rates(sums.sum(axis=0))))
    if len(sums) >= FEWEST_UNITS:
        values = np.concatenate([value(_rates(sums[draw].sum(axis=1))) for draw in draws])
        return Spread(pooled, *_interval(values, level), len(sums), level)
    next(draws, None)  # a wrong number of samples is an error here, too
    alone = value(_rates(sums))
    alone = alone[~np.isnan(alone)]
    low, high = (float(alone.min()), float(alone.max())) if len(alone) else (math.nan, math.nan)
    return Spread(pooled, low, high, len(sums), None)
