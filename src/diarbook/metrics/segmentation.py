"""Scores of a segmentation or clustering: are boundaries where they should be, and are pieces pure.

Chapter: segmentation
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError
from diarbook.metrics._cells import NANOSECONDS, Side, cut, nanoseconds, side
from diarbook.turns import Turn


@dataclass(frozen=True)
class BoundaryScores:
    """How many boundaries were found, out of how many.

    Parameters
    ----------
    matched, reference, hypothesis : int
        Boundaries matched one to one, and boundaries on each side.

    Chapter: segmentation
    """

    matched: int
    reference: int
    hypothesis: int

    @property
    def precision(self) -> float:
        """Share of the reported boundaries that are right; NaN when none was reported."""
        return self.matched / self.hypothesis if self.hypothesis else math.nan

    @property
    def recall(self) -> float:
        """Share of the reference boundaries that were found; NaN when there is none."""
        return self.matched / self.reference if self.reference else math.nan

    @property
    def f_score(self) -> float:
        """Harmonic mean of precision and recall; NaN when there is no boundary on either side."""
        both = self.reference + self.hypothesis
        return 2 * self.matched / both if both else math.nan


def boundary_scores(reference_times: np.ndarray, hypothesis_times: np.ndarray, tolerance: float) -> BoundaryScores:
    """Match boundaries one to one, each at most ``tolerance`` seconds from its partner.

    Parameters
    ----------
    reference_times, hypothesis_times : ndarray of shape (n,), (m,)
        Seconds, in any order.
    tolerance : float
        Largest distance on either side, seconds.

    Returns
    -------
    BoundaryScores

    Examples
    --------
    >>> boundary_scores([2.0, 5.0, 8.0], [2.1, 6.0, 8.0], tolerance=0.5)
    BoundaryScores(matched=2, reference=3, hypothesis=3)

    Chapter: segmentation
    """
    if not tolerance >= 0:
        raise OptionError(f"tolerance must be 0 s or more, got {tolerance}")
    ours = np.sort(nanoseconds(np.ravel(reference_times))).tolist()
    theirs = np.sort(nanoseconds(np.ravel(hypothesis_times))).tolist()
    margin = int(nanoseconds(tolerance))
    # On a line, pairing the earliest two that are close enough never costs a pair later.
    matched = i = j = 0
    while i < len(ours) and j < len(theirs):
        if abs(ours[i] - theirs[j]) <= margin:
            matched, i, j = matched + 1, i + 1, j + 1
        elif ours[i] < theirs[j]:
            i += 1
        else:
            j += 1
    return BoundaryScores(matched, len(ours), len(theirs))


def pool_boundaries(scores: Iterable[BoundaryScores]) -> BoundaryScores:
    """One score for many recordings: sums of the counts.

    Chapter: segmentation
    """
    scores = list(scores)
    return BoundaryScores(
        sum(score.matched for score in scores),
        sum(score.reference for score in scores),
        sum(score.hypothesis for score in scores),
    )


@dataclass(frozen=True)
class Share:
    """A part of a whole, in seconds, so that recordings can be pooled.

    Chapter: segmentation
    """

    part: float
    total: float

    @property
    def rate(self) -> float:
        """Part over total; NaN when the total is 0."""
        return self.part / self.total if self.total > 0 else math.nan


def _pieces(pieces: Sequence[Turn] | np.ndarray) -> Side:
    """Turns by speaker; rows of an (n, 2) array each as a piece of its own."""
    if isinstance(pieces, np.ndarray):
        return side([[Turn(float(start), float(end), str(row)) for row, (start, end) in enumerate(pieces)]])
    return side([pieces])


def purity_share(
    reference: Sequence[Turn] | np.ndarray, hypothesis: Sequence[Turn] | np.ndarray, uem: np.ndarray | None = None
) -> Share:
    """Seconds behind :func:`purity`, to be summed over recordings.

    Chapter: segmentation
    """
    cells = cut(_pieces(reference), _pieces(hypothesis), uem=None if uem is None else [uem])
    weight = cells.length * cells.scored
    # Only the hypothesis time in which someone speaks in the reference can be pure or impure.
    spoken = weight * (cells.reference_count > 0)
    total = cells.speaking_time("hypothesis", spoken).sum()
    together = cells.cooccurrence(weight)
    best = together.max(axis=0).sum() if together.size else 0.0
    return Share(float(best) / NANOSECONDS, float(total) / NANOSECONDS)


def coverage_share(
    reference: Sequence[Turn] | np.ndarray, hypothesis: Sequence[Turn] | np.ndarray, uem: np.ndarray | None = None
) -> Share:
    """Seconds behind :func:`coverage`, to be summed over recordings.

    Chapter: segmentation
    """
    return purity_share(hypothesis, reference, uem)


def purity(
    reference: Sequence[Turn] | np.ndarray, hypothesis: Sequence[Turn] | np.ndarray, uem: np.ndarray | None = None
) -> float:
    """Share of the hypothesis' speech that belongs to the main reference speaker of its piece.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn, or ndarray of shape (n, 2)
        A piece is all turns of one speaker (cluster purity), or one row of an array (segment purity).
    uem : ndarray of shape (n, 2), optional
        Regions to score, seconds.

    Returns
    -------
    float
        1 when no piece holds two speakers. Only time that has speech on both sides is counted; NaN when there is none.

    Examples
    --------
    >>> purity([Turn(0, 6, "Ann"), Turn(6, 8, "Bob")], [Turn(0, 8, "x")])
    0.75

    Chapter: segmentation
    """
    return purity_share(reference, hypothesis, uem).rate


def coverage(
    reference: Sequence[Turn] | np.ndarray, hypothesis: Sequence[Turn] | np.ndarray, uem: np.ndarray | None = None
) -> float:
    """Share of each reference speaker's speech that one piece of the hypothesis holds; purity the other way round.

    Examples
    --------
    >>> coverage([Turn(0, 8, "Ann")], [Turn(0, 6, "x"), Turn(6, 8, "y")])
    0.75

    Chapter: segmentation
    """
    return coverage_share(reference, hypothesis, uem).rate
