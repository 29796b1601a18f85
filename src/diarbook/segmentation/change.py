"""Speaker change detection: is the speech left and right of this instant better described by one Gaussian or by two?

Every distance here needs the means and covariances of many overlapping stretches. Sums over short
blocks are accumulated once; any stretch is then the difference of two rows.

Chapter: segmentation
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.checks import SLACK, check_choice, check_features, check_regions
from diarbook.errors import OptionError
from diarbook.gaussians import (
    COVARIANCES,
    PENALTIES,
    BlockSums,
    bic_penalty,
    block_sums,
    generalized_likelihood_ratio,
    symmetric_divergence,
)
from diarbook.turns import Turn, merge, regions

if TYPE_CHECKING:
    from diarbook.segmentation.scores import ChunkScores

METHODS = ("bic", "glr", "kl2")
SEARCHES = ("sliding", "growing")


@dataclass(frozen=True, eq=False)
class ChangeCurve:
    """A distance between what lies before and after each instant.

    Parameters
    ----------
    times : ndarray of shape (k,)
        Seconds.
    values : ndarray of shape (k,)
        The larger, the more likely a change.

    Chapter: segmentation
    """

    times: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class ChangeSearch:
    """How changes of voice are looked for.

    Parameters
    ----------
    method : {"bic", "glr", "kl2"}
        ``glr`` and ``kl2`` need a ``threshold`` in their own units.
    covariance : {"full", "diagonal"}
    search : {"sliding", "growing"}
        Two adjacent windows that slide, or one window that grows until a change shows (BIC only).
    window : float
        Length of each sliding window, and of the growing window's first size, seconds.
    resolution : float
        Seconds between the instants that are tried.
    penalty : float
        Factor of the BIC's penalty: a larger one finds fewer changes.
    variant : {"local", "global", "segmental"}
        See :func:`~diarbook.gaussians.bic_penalty`.
    threshold : float
        A change is a local maximum above this value.
    minimum_segment : float
        Shortest distance between two changes, and between a change and the edge of its region, seconds.
    longest_window : float
        Length at which the growing window starts to slide, seconds.

    Raises
    ------
    OptionError
        On an unknown option, a value out of range, or a growing search by another method than BIC.

    Chapter: segmentation
    """

    method: str = "bic"
    covariance: str = "full"
    search: str = "sliding"
    window: float = 1.5
    resolution: float = 0.1
    penalty: float = 1.0
    variant: str = "local"
    threshold: float = 0.0
    minimum_segment: float = 0.5
    longest_window: float = 10.0

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_choice("covariance", self.covariance, COVARIANCES)
        check_choice("search", self.search, SEARCHES)
        check_choice("penalty", self.variant, PENALTIES)
        if self.search == "growing" and self.method != "bic":
            raise OptionError(f"the growing search needs a criterion with a zero, so method 'bic', not {self.method!r}")
        if self.minimum_segment < 0 or self.penalty < 0:
            raise OptionError(
                f"minimum_segment and penalty must be 0 or more, got {self.minimum_segment} and {self.penalty}"
            )
        if not self.resolution > 0:
            raise OptionError(f"resolution must be positive, got {self.resolution} s")
        if self.window < self.resolution:
            raise OptionError(
                f"window of {self.window} s is shorter than the resolution of {self.resolution} s; lengthen it"
            )

    def distance(
        self, sums: BlockSums, start: np.ndarray, split: np.ndarray, end: np.ndarray, total: float
    ) -> np.ndarray:
        """Distance of what lies before and after each split, in a recording of ``total`` frames."""
        if self.method == "kl2":
            return symmetric_divergence(sums, start, split, end)
        ratio, left, right = generalized_likelihood_ratio(sums, start, split, end)
        if self.method == "glr":
            return ratio
        cost = bic_penalty(sums.parameters, left, right, total, self.variant)
        return ratio - self.penalty * cost  # eq: segmentation-bic


SLIDING_BIC = ChangeSearch()


def change_curve(
    features: np.ndarray, step: float, search: ChangeSearch = SLIDING_BIC, total: float | None = None
) -> ChangeCurve:
    """The distance between two adjacent windows that slide over the features together.

    Parameters
    ----------
    features : array of shape (frames, d)
        Such as 19 MFCC.
    step : float
        Seconds from one frame to the next.
    search : ChangeSearch
    total : float, optional
        Frames of the whole recording; by default those given.

    Returns
    -------
    ChangeCurve
        Empty when the features are shorter than two windows.

    Raises
    ------
    OptionError
        When the features are not finite.

    References
    ----------
    chen1998bic, siegler1997automatic

    Chapter: segmentation
    """
    matrix = check_features(features)
    block = _frames(search.resolution, step)
    reach = max(1, round(search.window / (block * step)))
    sums = block_sums(matrix, block, search.covariance)
    split = np.arange(reach, len(sums.counts) - reach)
    if len(split) == 0:
        return ChangeCurve(np.empty(0), np.empty(0))
    values = search.distance(sums, split - reach, split, split + reach, total or float(len(matrix)))
    return ChangeCurve(sums.counts[split] * step, values)


def _frames(seconds: float, step: float) -> int:
    if not (step > 0 and seconds > 0):
        raise OptionError(f"times must be positive, got {seconds} s in steps of {step} s")
    return max(round(seconds / step), 1)


def pick_peaks(curve: ChangeCurve, threshold: float, minimum_gap: float = 0.0) -> np.ndarray:
    """Times of the local maxima above ``threshold``, the highest first served, ``minimum_gap`` seconds apart.

    Chapter: segmentation
    """
    values = curve.values
    if len(values) == 0:
        return np.empty(0)
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    peaks = np.flatnonzero((values > threshold) & (values >= padded[:-2]) & (values > padded[2:]))
    kept: list[int] = []
    for index in peaks[np.argsort(-values[peaks], kind="stable")]:
        if all(abs(curve.times[index] - curve.times[other]) >= minimum_gap - 1e-9 for other in kept):
            kept.append(int(index))
    return curve.times[np.sort(np.array(kept, dtype=int))]


def _growing_changes(sums: BlockSums, block_seconds: float, search: ChangeSearch, total: float) -> np.ndarray:
    """Blocks at which Chen and Gopalakrishnan's search finds a change: grow the window until one shows, start again."""
    margin, initial, growth, longest = (
        max(round(seconds / block_seconds), 1)
        for seconds in (search.minimum_segment, 2 * search.window, search.window / 2, search.longest_window)
    )
    blocks = len(sums.counts) - 1
    changes: list[int] = []
    start, end = 0, initial
    while start + 2 * margin <= blocks:
        end = min(end, blocks)
        split = np.arange(start + margin, end - margin + 1)
        if len(split):
            values = search.distance(sums, np.full_like(split, start), split, np.full_like(split, end), total)
            best = int(values.argmax())
            if values[best] > 0:
                start = int(split[best])
                changes.append(start)
                end = start + initial
                continue
        if end >= blocks:
            break
        end += growth
        start = max(start, end - longest)
    return np.array(changes, dtype=int)


def change_points(
    features: np.ndarray, step: float, search: ChangeSearch = SLIDING_BIC, regions: np.ndarray | None = None
) -> np.ndarray:
    """Instants at which the voice changes.

    Parameters
    ----------
    features : array of shape (frames, d)
    step : float
        Seconds from one frame to the next.
    search : ChangeSearch
    regions : array of shape (n, 2), optional
        Speech, seconds; changes are looked for inside each region on its own. The whole by default.

    Returns
    -------
    ndarray of shape (k,)
        Seconds, sorted.

    Raises
    ------
    OptionError
        When the features are not finite.

    References
    ----------
    chen1998bic, stafylakis2010penalty

    Examples
    --------
    >>> voices = np.random.default_rng(0).normal(np.repeat([0.0, 2.0], 300)[:, None], 1.0, (600, 3))
    >>> change_points(voices, 0.01).round(1).tolist()
    [3.0]

    Chapter: segmentation
    """
    matrix = check_features(features)
    spans = np.array([[0.0, len(matrix) * step]]) if regions is None else check_regions(regions)
    frames = np.clip(np.round(spans / step).astype(int), 0, len(matrix))
    total = float((frames[:, 1] - frames[:, 0]).sum())
    block = _frames(search.resolution, step)
    changes: list[float] = []
    for first, last in frames:
        piece = matrix[first:last]
        if search.search == "sliding":
            times = pick_peaks(change_curve(piece, step, search, total), search.threshold, search.minimum_segment)
        elif len(piece):
            sums = block_sums(piece, block, search.covariance)
            times = sums.counts[_growing_changes(sums, block * step, search, total)] * step
        else:
            times = np.empty(0)
        margin = search.minimum_segment - SLACK
        inside = (times >= margin) & (times <= len(piece) * step - margin)
        changes += list(times[inside] + first * step)
    return np.array(sorted(changes))


def quasi_silences(
    waveform: np.ndarray,
    sample_rate: int = 16_000,
    *,
    drop: float = 15.0,
    minimum: float = 0.15,
    context: float = 2.0,
    step: float = 0.01,
) -> np.ndarray:
    """Stretches where the level falls well below its surroundings: likely places for a turn to end.

    Parameters
    ----------
    waveform : array of shape (samples,)
    sample_rate : int
        Hz.
    drop : float
        How far below the loudest frame within ``context`` seconds on either side a frame must be, dB.
    minimum : float
        Shortest stretch, seconds.
    context : float
        Seconds on either side.
    step : float
        Seconds a frame.

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    Raises
    ------
    OptionError
        When the waveform is not finite, or ``drop``, ``context`` or ``step`` is not positive.

    Chapter: segmentation
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    samples = np.asarray(waveform, dtype=np.float64)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise OptionError(
            "waveform: expected finite samples of shape (samples,); average the channels, repair the file"
        )
    if min(drop, context, step) <= 0:
        raise OptionError(f"drop, context and step must be positive, got {drop} dB, {context} s and {step} s")
    size = round(step * sample_rate)
    frames = len(samples) // size
    if frames == 0:
        return np.empty((0, 2))
    power = (samples[: frames * size].reshape(frames, size) ** 2).mean(axis=1)
    level = 10 * np.log10(uniform_filter1d(power, 5) + 1e-12)
    around = maximum_filter1d(level, 2 * round(context / step) + 1)
    edges = np.diff(np.pad(level < around - drop, 1).astype(int))  # eq: segmentation-quiet
    spans = np.column_stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)]) * step
    return spans[spans[:, 1] - spans[:, 0] >= minimum - 1e-9]


def local_speaker_changes(scores: ChunkScores, reach: float = 0.1) -> ChangeCurve:
    """How much any local speaker's probability of talking moves around each instant, averaged over chunks.

    Parameters
    ----------
    scores : ChunkScores
        Of :meth:`diarbook.segmentation.model.SegmentationModel.chunks`.
    reach : float
        How far before and after an instant to compare, seconds.

    Returns
    -------
    ChangeCurve
        Values 0 to 1. Speakers are compared inside their own chunk only, so their order does not matter.

    References
    ----------
    plaquet2023powerset

    Chapter: segmentation
    """
    from diarbook.segmentation.scores import powerset_to_multilabel

    activity = powerset_to_multilabel(scores.posteriors)
    frames = activity.shape[1]
    offset = min(_frames(reach, scores.frame_step), max((frames - 1) // 2, 1))
    jumps, weights = np.zeros(activity.shape[:2], dtype=np.float32), np.zeros(frames, dtype=np.float32)
    if frames > 2 * offset:
        jumps[:, offset:-offset] = np.abs(activity[:, 2 * offset :] - activity[:, : -2 * offset]).max(
            axis=2
        )  # eq: segmentation-jump
        weights[offset:-offset] = 1
    values = scores.aggregate(jumps, weights)
    return ChangeCurve(scores.offset + (np.arange(len(values)) + 0.5) * scores.frame_step, values)


def reference_changes(turns: Iterable[Turn]) -> np.ndarray:
    """Instants inside speech at which somebody starts or stops: what a detector that knows where speech is must find.

    Parameters
    ----------
    turns : iterable of Turn

    Returns
    -------
    ndarray of shape (k,)
        Seconds, sorted, without the edges of the speech regions.

    Chapter: segmentation
    """
    merged = merge(turns)
    times = np.unique([time for turn in merged for time in (turn.start, turn.end)])
    return np.setdiff1d(times, regions(merged).ravel())


def within(times: np.ndarray, spans: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The times that lie inside a span, at least ``margin`` seconds from its edges.

    Chapter: segmentation
    """
    times, spans = np.asarray(times, dtype=np.float64), check_regions(spans)
    spans = spans[spans[:, 1] - spans[:, 0] > 2 * margin]
    index = np.searchsorted(spans[:, 0], times, side="right") - 1
    found = index >= 0
    found[found] &= times[found] <= spans[index[found], 1] - margin
    found[found] &= times[found] >= spans[index[found], 0] + margin
    return times[found]


def segments_from_changes(changes: np.ndarray, regions: np.ndarray, minimum: float = 0.0) -> np.ndarray:
    """Cut regions at the change points.

    Parameters
    ----------
    changes : array of shape (k,)
        Seconds; those outside every region are ignored.
    regions : array of shape (n, 2)
        Speech, seconds.
    minimum : float
        A change that would leave less than this many seconds on its left, or before the region's end, is ignored.

    Returns
    -------
    ndarray of shape (m, 2)
        Seconds; together the segments cover the regions exactly.

    Chapter: segmentation
    """
    spans = check_regions(regions)
    times = np.sort(np.asarray(changes, dtype=np.float64).ravel())
    if not np.isfinite(times).all():
        raise OptionError("changes: a time is not finite")
    segments: list[tuple[float, float]] = []
    for start, end in spans:
        edges = [float(start)]
        for time in times[(times > start) & (times < end)]:
            if time - edges[-1] >= minimum and end - time >= minimum and time > edges[-1]:
                edges.append(float(time))
        segments += list(zip(edges, [*edges[1:], float(end)], strict=True))
    return np.array(segments) if segments else np.empty((0, 2))
