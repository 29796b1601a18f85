"""Errors of a speech detector: seconds of speech missed, seconds of silence taken for speech.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.metrics._cells import NANOSECONDS, cut, spans
from diarbook.turns import Turn, regions


@dataclass(frozen=True)
class DetectionError:
    """Seconds that a detector got wrong, and what they are compared with.

    Parameters
    ----------
    missed, false_alarm : float
        Seconds of reference speech not found, and of silence reported as speech.
    total : float
        Seconds of reference speech.
    silence : float
        Seconds of scored time without reference speech; it depends on the UEM.

    Chapter: evaluation
    """

    missed: float
    false_alarm: float
    total: float
    silence: float = math.nan

    @property
    def rate(self) -> float:
        """Detection error rate: missed and false alarm over speech; may exceed 1; NaN without speech."""
        return (self.missed + self.false_alarm) / self.total if self.total > 0 else math.nan

    @property
    def miss_rate(self) -> float:
        """Share of the reference speech that was missed; NaN without speech."""
        return self.missed / self.total if self.total > 0 else math.nan

    @property
    def false_alarm_rate(self) -> float:
        """Share of the scored SILENCE reported as speech, as in detection theory; NaN without silence.

        The part that false alarms add to :attr:`rate` is ``false_alarm / total``, over speech.
        """
        return self.false_alarm / self.silence if self.silence > 0 else math.nan

    @property
    def reason(self) -> str | None:
        """Why the rate is NaN, or None."""
        return None if self.total > 0 else "the reference has no speech in the scored region"

    @property
    def precision(self) -> float:
        """Share of the reported time that is right; NaN when nothing was reported."""
        found = self.total - self.missed
        reported = found + self.false_alarm
        return found / reported if reported > 0 else math.nan

    @property
    def recall(self) -> float:
        """Share of the reference time that was found; NaN when there is none."""
        return 1 - self.miss_rate


def detection_error(
    reference_regions: np.ndarray, hypothesis_regions: np.ndarray, uem: np.ndarray | None = None, *, collar: float = 0.0
) -> DetectionError:
    """Missed and false-alarm seconds of detected regions.

    Parameters
    ----------
    reference_regions, hypothesis_regions : ndarray of shape (n, 2)
        Seconds, in any order; overlapping regions count once.
    uem : ndarray of shape (n, 2), optional
        Regions to score. Without it all that either side mentions is scored, from the first start to the last end.
    collar : float
        Seconds removed on each side of every reference boundary.

    Returns
    -------
    DetectionError

    Chapter: vad
    """
    reference = np.asarray(reference_regions, dtype=float).reshape(-1, 2)
    hypothesis = np.asarray(hypothesis_regions, dtype=float).reshape(-1, 2)
    if uem is None:
        everything = np.concatenate([reference, hypothesis])
        uem = [[everything[:, 0].min(), everything[:, 1].max()]] if len(everything) else np.empty((0, 2))
    cells = cut(spans([reference]), spans([hypothesis]), collar=collar, uem=[np.asarray(uem)])
    scored = cells.length * cells.scored
    speech, found = cells.reference_count > 0, cells.hypothesis_count > 0
    seconds = [
        int((scored * which).sum()) / NANOSECONDS for which in (speech & ~found, found & ~speech, speech, ~speech)
    ]
    return DetectionError(*seconds)


def overlap_detection_error(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: np.ndarray | None = None, *, collar: float = 0.0
) -> DetectionError:
    """How well the hypothesis finds the time in which two or more people talk: see ``precision`` and ``recall``.

    Chapter: evaluation
    """
    return detection_error(regions(reference, at_least=2), regions(hypothesis, at_least=2), uem, collar=collar)


def pool_detection(errors: Iterable[DetectionError]) -> DetectionError:
    """One error for many recordings: sums of the seconds.

    Chapter: vad
    """
    errors = list(errors)
    return DetectionError(
        math.fsum(error.missed for error in errors),
        math.fsum(error.false_alarm for error in errors),
        math.fsum(error.total for error in errors),
        math.fsum(error.silence for error in errors),
    )
