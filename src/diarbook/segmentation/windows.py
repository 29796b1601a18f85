"""Uniform windows over speech, and the way back from labeled windows to turns.

Chapter: segmentation
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.checks import check_regions
from diarbook.errors import OptionError
from diarbook.turns import Turn, merge, speakers

LAST_WINDOW = ("shift", "short", "drop")


def uniform_windows(
    regions: np.ndarray, length: float = 1.5, hop: float = 0.75, *, last: str = "shift", minimum: float = 0.0
) -> np.ndarray:
    """Cut each region into windows of one length, one hop apart.

    Parameters
    ----------
    regions : array of shape (n, 2)
        Speech, seconds.
    length, hop : float
        Window length and distance between window starts, seconds; ``hop <= length``, so that no speech is left out.
    last : {"shift", "short", "drop"}
        What to do with the rest of a region that no full window reaches: move a full window back until
        it ends with the region, take the rest as a short window, or leave it out. A region shorter
        than ``length`` is one window whatever the rule.
    minimum : float
        Windows shorter than this many seconds are left out.

    Returns
    -------
    ndarray of shape (m, 2)
        Seconds, in the regions' order.

    Raises
    ------
    OptionError
        When ``length`` or ``hop`` is not positive, ``hop > length``, or the regions are malformed.

    References
    ----------
    park2022review

    Chapter: segmentation
    """
    spans = check_regions(regions)
    if not (length > 0 and 0 < hop <= length):
        raise OptionError(f"windows need 0 < hop <= length, got length {length} s and hop {hop} s")
    if last not in LAST_WINDOW:
        raise OptionError(f"unknown rule {last!r} for the last window; known: {', '.join(LAST_WINDOW)}")
    duration = spans[:, 1] - spans[:, 0]
    spans, duration = spans[duration > 0], duration[duration > 0]
    slack = 1e-9 * max(length, 1.0)  # a region of 3 hops must not lose a window to rounding
    full = np.maximum(np.floor((duration - length + slack) / hop).astype(int) + 1, 0)  # eq: segmentation-count
    region = np.repeat(np.arange(len(spans)), full)
    index = np.arange(full.sum()) - np.repeat(np.cumsum(full) - full, full)
    # Both edges come from one formula: with hop = length, a window ends at the number at which the next one starts.
    hops = length / hop
    hops = round(hops) if math.isclose(hops, round(hops), rel_tol=1e-9) else hops
    starts = spans[region, 0] + index * hop
    ends = spans[region, 0] + (index + hops) * hop
    ends = np.where(np.abs(ends - spans[region, 1]) <= slack, spans[region, 1], ends)

    reached = np.where(full > 0, spans[:, 0] + (full - 1) * hop + length, spans[:, 0])
    extra = np.flatnonzero(spans[:, 1] - reached > slack) if last != "drop" else np.flatnonzero(full == 0)
    rest = np.where(full[extra] > 0, spans[extra, 0] + full[extra] * hop, spans[extra, 0])
    if last == "shift":
        rest = np.maximum(spans[extra, 1] - length, spans[extra, 0])
    windows = np.column_stack([np.append(starts, rest), np.append(ends, spans[extra, 1])])
    order = np.lexsort((windows[:, 0], np.append(region, extra)))
    windows = windows[order]
    return windows[windows[:, 1] - windows[:, 0] >= max(minimum, slack)]


@dataclass(frozen=True)
class WindowSpeakers:
    """Who speaks in each window.

    Parameters
    ----------
    labels : tuple of str
        The speakers, in order of first appearance.
    seconds : ndarray of shape (windows, speakers)
        How long each of them speaks in each window.

    Chapter: segmentation
    """

    labels: tuple[str, ...]
    seconds: np.ndarray

    @property
    def dominant(self) -> np.ndarray:
        """Column of the speaker who speaks longest in each window (n,); -1 where nobody speaks."""
        if not self.labels:
            return np.full(len(self.seconds), -1)
        return np.where(self.seconds.max(axis=1) > 0, self.seconds.argmax(axis=1), -1)

    @property
    def share(self) -> np.ndarray:
        """The dominant speaker's share of all speaking time in each window (n,); NaN where nobody speaks."""
        total = self.seconds.sum(axis=1)
        longest = self.seconds.max(axis=1, initial=0.0)
        return np.divide(longest, total, out=np.full(len(total), np.nan), where=total > 0)


def window_speakers(windows: np.ndarray, turns: Sequence[Turn]) -> WindowSpeakers:
    """How long each speaker speaks in each window.

    Parameters
    ----------
    windows : array of shape (n, 2)
        Seconds.
    turns : sequence of Turn
        The reference.

    Returns
    -------
    WindowSpeakers

    Notes
    -----
    The time that a speaker has spoken so far is a piecewise linear function of time; a window's share is
    the difference of two of its values. That costs O((windows + turns) log turns), with no table of
    windows by turns.

    Chapter: segmentation
    """
    spans = check_regions(windows, "windows")
    merged = merge(turns)
    labels = speakers(merged)
    seconds = np.zeros((len(spans), len(labels)))
    for column, label in enumerate(labels):
        own = np.array([(t.start, t.end) for t in merged if t.speaker == label])
        spoken = np.concatenate([[0.0], np.cumsum(own[:, 1] - own[:, 0])])
        heights = np.column_stack([spoken[:-1], spoken[1:]]).ravel()
        seconds[:, column] = np.interp(spans[:, 1], own.ravel(), heights) - np.interp(spans[:, 0], own.ravel(), heights)
    return WindowSpeakers(tuple(labels), seconds)


def windows_to_turns(windows: np.ndarray, labels: Sequence, gap: float = 0.0) -> list[Turn]:
    """Turns from labeled windows: where two windows overlap, each keeps the half that is nearer to it.

    Parameters
    ----------
    windows : array of shape (n, 2)
        Seconds, sorted by start.
    labels : sequence of int or str, length n
        A cluster number or name for each window; a number ``k`` becomes ``SPEAKER_k``. A negative number means nobody.
    gap : float
        Pauses of one speaker up to this many seconds are filled.

    Returns
    -------
    list of Turn

    Chapter: segmentation
    """
    spans = check_regions(windows, "windows")
    if len(labels) != len(spans):
        raise OptionError(f"{len(spans)} windows but {len(labels)} labels; give one label a window")
    if len(spans) and (np.diff(spans[:, 0]) < 0).any():
        raise OptionError("windows must be sorted by start; sort them together with their labels")
    starts, ends = spans[:, 0].copy(), spans[:, 1].copy()
    overlapping = spans[1:, 0] < spans[:-1, 1]
    middle = (spans[1:, 0] + spans[:-1, 1]) / 2
    starts[1:][overlapping] = middle[overlapping]
    ends[:-1][overlapping] = middle[overlapping]
    turns = []
    for start, end, label in zip(starts, ends, labels, strict=True):
        if isinstance(label, (int, np.integer)):
            if label < 0:
                continue
            label = f"SPEAKER_{int(label):02d}"
        if end > start:
            turns.append(Turn(float(start), float(end), str(label)))
    return merge(turns, gap)
