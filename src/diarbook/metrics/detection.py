"""Errors of a speech detector: seconds of speech missed, seconds of silence taken for speech.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.checks import SLACK, check_disjoint
from diarbook.errors import OptionError
from diarbook.metrics._cells import NANOSECONDS, cut, spans
from diarbook.turns import Turn, regions

if TYPE_CHECKING:
    pass


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
    def error(self) -> float:
        """Seconds of any error."""
        return self.missed + self.false_alarm

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
        detected = self.total - self.missed
        reported = detected + self.false_alarm
        return detected / reported if reported > 0 else math.nan

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

    Examples
    --------
    >>> detection_error([[0, 10]], [[2, 12]])
    DetectionError(missed=2.0, false_alarm=2.0, total=10.0, silence=2.0)

    Chapter: vad
    """
    reference = np.asarray(reference_regions, dtype=float).reshape(-1, 2)
    hypothesis = np.asarray(hypothesis_regions, dtype=float).reshape(-1, 2)
    if uem is None:
        everything = np.concatenate([reference, hypothesis])
        uem = [[everything[:, 0].min(), everything[:, 1].max()]] if len(everything) else np.empty((0, 2))
    cells = cut(spans([reference]), spans([hypothesis]), collar=collar, uem=[np.asarray(uem)])
    scored = cells.length * cells.scored
    speech, detected = cells.reference_count > 0, cells.hypothesis_count > 0
    seconds = [
        int((scored * which).sum()) / NANOSECONDS for which in (speech & ~detected, detected & ~speech, speech, ~speech)
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


def share_of_frames(regions: np.ndarray, step: float, count: int) -> np.ndarray:
    """How much of each frame the regions cover, 0 to 1: shape (count,).

    Parameters
    ----------
    regions : ndarray of shape (n, 2)
        Seconds, sorted and disjoint.
    step : float
        Seconds from one frame to the next.
    count : int
        Frames.

    Chapter: vad
    """
    regions = check_disjoint(regions, "regions")
    if not step > 0:
        raise OptionError(f"step must be above 0 s, got {step}")
    return np.diff(_seconds_until(np.arange(count + 1) * step, regions)) / step


def _seconds_until(times: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Seconds of the regions that lie before each time."""
    if len(regions) == 0:
        return np.zeros(len(times))
    so_far = np.cumsum(np.column_stack([np.zeros(len(regions)), regions[:, 1] - regions[:, 0]]).ravel())
    return np.interp(times, regions.ravel(), so_far)


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """Missed and falsely detected seconds at each threshold, pooled over recordings.

    Parameters
    ----------
    thresholds, missed, false_alarm : ndarray of shape (thresholds,)
        Seconds for the last two.
    speech, silence : float
        Seconds in the reference.

    Chapter: vad
    """

    thresholds: np.ndarray
    missed: np.ndarray
    false_alarm: np.ndarray
    speech: float
    silence: float

    @property
    def miss_rate(self) -> np.ndarray:
        """Share of the speech that is missed; NaN without speech."""
        return self.missed / self.speech if self.speech else np.full(len(self.missed), np.nan)

    @property
    def false_alarm_rate(self) -> np.ndarray:
        """Share of the silence that is called speech; NaN without silence."""
        return self.false_alarm / self.silence if self.silence else np.full(len(self.missed), np.nan)

    @property
    def error_rate(self) -> np.ndarray:
        """Missed and false seconds over seconds of speech; NaN without speech."""
        both = self.missed + self.false_alarm
        return both / self.speech if self.speech else np.full(len(both), np.nan)  # eq: vad-der


def detection_curve(
    scores: Sequence[np.ndarray],
    references: Sequence[np.ndarray],
    step: float,
    thresholds: np.ndarray | None = None,
) -> DetectionCurve:
    """Sweep a threshold over frame scores, without any smoothing.

    A frame counts as detected when its score is at least the threshold. A frame of which the reference covers a
    part is right and wrong in proportion, so the result is in seconds and does not depend on the frame step.

    Parameters
    ----------
    scores : sequence of ndarray of shape (frames,)
        One array a recording.
    references : sequence of ndarray of shape (n, 2)
        Speech regions of the same recordings, seconds, sorted and disjoint.
    step : float
        Seconds from one frame to the next.
    thresholds : ndarray of shape (k,), optional
        By default 201 quantiles of the scores.

    Returns
    -------
    DetectionCurve

    Chapter: vad
    """
    if len(scores) != len(references) or not len(scores):
        raise OptionError(
            f"got scores of {len(scores)} recordings and references of {len(references)}; need a pair each"
        )
    share = np.concatenate([share_of_frames(r, step, len(s)) for s, r in zip(scores, references, strict=True)])
    values = np.concatenate([np.asarray(s, dtype=np.float64) for s in scores])
    if np.isnan(values).any():
        raise OptionError("scores: hold NaN; score every frame")
    if thresholds is None:
        thresholds = np.unique(np.quantile(values, np.linspace(0, 1, 201)))
    thresholds = np.asarray(thresholds, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    below = np.searchsorted(values[order], thresholds, side="left")
    speech = np.concatenate([[0.0], np.cumsum(share[order])]) * step
    silence = np.concatenate([[0.0], np.cumsum(1 - share[order])]) * step
    return DetectionCurve(thresholds, speech[below], silence[-1] - silence[below], speech[-1], silence[-1])


@dataclass(frozen=True, slots=True)
class SegmentScores:
    """How many whole regions were found.

    Parameters
    ----------
    detected, reference : int
        Reference regions that the hypothesis covers sufficiently, of how many.
    right, hypothesis : int
        Hypothesis regions that the reference covers sufficiently, of how many.

    Chapter: vad
    """

    detected: int
    reference: int
    right: int
    hypothesis: int

    @property
    def recall(self) -> float:
        """Share of the reference regions that are detected; NaN without any."""
        return self.detected / self.reference if self.reference else float("nan")

    @property
    def precision(self) -> float:
        """Share of the hypothesis regions that are right; NaN without any."""
        return self.right / self.hypothesis if self.hypothesis else float("nan")

    def __add__(self, other: SegmentScores) -> SegmentScores:
        """Pool two recordings."""
        return SegmentScores(
            self.detected + other.detected,
            self.reference + other.reference,
            self.right + other.right,
            self.hypothesis + other.hypothesis,
        )


def segment_scores(reference: np.ndarray, hypothesis: np.ndarray, at_least: float = 0.5) -> SegmentScores:
    """Count regions instead of seconds: a short word weighs as much as a long talk.

    Parameters
    ----------
    reference, hypothesis : ndarray of shape (n, 2)
        Seconds, sorted and disjoint.
    at_least : float
        Share of a region that the other side must cover, above 0 and up to 1.

    Returns
    -------
    SegmentScores

    Chapter: vad
    """
    if not 0 < at_least <= 1:
        raise OptionError(f"at_least must be above 0 and at most 1, got {at_least}")
    reference, hypothesis = check_disjoint(reference, "reference"), check_disjoint(hypothesis, "hypothesis")

    def covered(regions: np.ndarray, by: np.ndarray) -> int:
        shared = _seconds_until(regions[:, 1], by) - _seconds_until(regions[:, 0], by)
        return int(np.sum(shared >= at_least * (regions[:, 1] - regions[:, 0]) - SLACK))

    return SegmentScores(
        covered(reference, hypothesis), len(reference), covered(hypothesis, reference), len(hypothesis)
    )
