"""The arithmetic that the diarization metrics share: cutting time wherever anything changes.

Between two neighboring change points nobody starts or stops, in the reference or in the hypothesis, so each such
*cell* has one length and one set of speakers on either side. Sums over cells are exact; no frames are needed.

Times become whole nanoseconds, so that equal times compare equal (0.04 + 0.25 and 0.54 - 0.25 do not, as floats) and
sums do not depend on their order. All recordings of a corpus are laid on one tape, one after the other, and go
through each step together: a corpus of a thousand short files costs little more than one long file.

Chapter: evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError
from diarbook.turns import Turn

NANOSECONDS = 1_000_000_000
_LONGEST_TAPE = 2**62


def nanoseconds(seconds) -> np.ndarray:
    """Whole nanoseconds, int64, of seconds."""
    values = np.asarray(seconds, dtype=np.float64)
    if values.size and np.abs(values).max() >= _LONGEST_TAPE / NANOSECONDS:
        raise OptionError(f"a time of {np.abs(values).max():.3g} s is too large to score; times are seconds")
    return np.rint(values * NANOSECONDS).astype(np.int64)


@dataclass(frozen=True)
class Side:
    """The turns of one side, reference or hypothesis, of every recording, as columns.

    Attributes
    ----------
    start, end : ndarray of int64
        Nanoseconds.
    speaker : ndarray of int
        Index over the speakers of all recordings.
    labels : list of list of str
        Speakers of each recording.
    first : ndarray of int
        Index of each recording's first speaker; one entry more than recordings.
    """

    start: np.ndarray
    end: np.ndarray
    speaker: np.ndarray
    labels: list[list[str]]
    first: np.ndarray

    @property
    def recording(self) -> np.ndarray:
        """Recording of each turn."""
        return self.speaker_recording[self.speaker]

    @property
    def speaker_recording(self) -> np.ndarray:
        """Recording of each speaker."""
        return np.repeat(np.arange(len(self.labels)), np.diff(self.first))


def side(recordings: Sequence[Sequence[Turn]]) -> Side:
    """Columns of the turns of every recording; turns without length are dropped."""
    starts: list[float] = []
    ends: list[float] = []
    speakers: list[int] = []
    labels: list[list[str]] = []
    first = [0]
    for turns in recordings:
        ids: dict[str, int] = {}
        base = first[-1]
        for turn in turns:
            start, end = turn.start, turn.end
            if end > start:
                starts.append(start)
                ends.append(end)
                speakers.append(base + ids.setdefault(turn.speaker, len(ids)))
        labels.append(list(ids))
        first.append(base + len(ids))
    start, end = nanoseconds(starts), nanoseconds(ends)
    speaker = np.array(speakers, dtype=np.int64)
    keep = end > start
    if not keep.all():
        start, end, speaker = start[keep], end[keep], speaker[keep]
    return Side(start, end, speaker, labels, np.array(first))


def spans(recordings: Sequence[np.ndarray]) -> Side:
    """Columns of the regions, (n, 2) seconds, of every recording, as one speaker each."""
    arrays = [np.asarray(rows, dtype=np.float64).reshape(-1, 2) for rows in recordings]
    counts = [len(rows) for rows in arrays]
    rows = nanoseconds(np.concatenate([*arrays, np.empty((0, 2))]))
    number = len(arrays)
    speaker = np.repeat(np.arange(number), counts)
    keep = rows[:, 1] > rows[:, 0]
    return Side(rows[keep, 0], rows[keep, 1], speaker[keep], [["speech"]] * number, np.arange(number + 1))


def merged(columns: Side) -> Side:
    """Join the turns of one speaker that overlap or touch.

    Each speaker's turns are moved to a stretch of time of their own; then one running maximum over the ends finds
    where a turn begins after everything before it has ended.
    """
    if len(columns.start) == 0:
        return columns
    low, high = columns.start.min(), columns.end.max()
    speakers = columns.first[-1]
    if (high - low + 1) * int(speakers) >= _LONGEST_TAPE:
        order = np.lexsort((columns.start, columns.speaker))
        low, span = 0, 0
    else:
        span = high - low + 1
        order = np.argsort(columns.start + columns.speaker * span)
    speaker = columns.speaker[order]
    offset = speaker * span - low
    start, end = columns.start[order] + offset, columns.end[order] + offset
    end = np.maximum.accumulate(end) if span else _running_maximum(end, speaker)
    begins = np.empty(len(start), dtype=bool)
    begins[0] = True
    np.greater(start[1:], end[:-1], out=begins[1:])
    begins[1:] |= speaker[1:] != speaker[:-1]
    where = np.flatnonzero(begins)
    last = np.append(where[1:], len(start)) - 1
    offset = offset[where]
    return Side(start[where] - offset, end[last] - offset, speaker[where], columns.labels, columns.first)


def _running_maximum(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Running maximum within each group of a sorted grouping, for spans too large for one tape."""
    edges = np.flatnonzero(np.diff(groups)) + 1
    return np.concatenate([np.maximum.accumulate(part) for part in np.split(values, edges)])


@dataclass(frozen=True)
class Cells:
    """Time cut at every change, for all recordings.

    Attributes
    ----------
    edges : ndarray of int64
        Cell ``k`` spans ``edges[k]`` to ``edges[k + 1]`` on the tape, nanoseconds.
    length : ndarray of int64
    offset : ndarray of int64
        Tape time of each recording's time zero.
    first : ndarray of int
        First cell of each recording.
    reference, hypothesis : Side
        Merged turns.
    reference_start, reference_end, hypothesis_start, hypothesis_end : ndarray of int
        First cell of each merged turn, and the cell after its last.
    reference_count, hypothesis_count : ndarray of int
        Speakers active in each cell.
    inside : ndarray of bool
        Cell lies in the region to score (UEM).
    scored : ndarray of bool
        Cell lies in it and neither in a collar nor, with ``skip_overlap``, in overlapped reference speech.
    """

    edges: np.ndarray
    length: np.ndarray
    offset: np.ndarray
    first: np.ndarray
    reference: Side
    hypothesis: Side
    reference_start: np.ndarray
    reference_end: np.ndarray
    hypothesis_start: np.ndarray
    hypothesis_end: np.ndarray
    reference_count: np.ndarray
    hypothesis_count: np.ndarray
    inside: np.ndarray
    scored: np.ndarray

    def per_recording(self, values: np.ndarray) -> np.ndarray:
        """Sums of a value of each cell, over the cells of each recording."""
        return np.add.reduceat(values, self.first)

    def speaking_time(self, which: str, weight: np.ndarray) -> np.ndarray:
        """Nanoseconds of each speaker of one side, counting ``weight`` of each cell."""
        columns = getattr(self, which)
        total = np.concatenate([[0], np.cumsum(weight)])
        spoken = total[getattr(self, f"{which}_end")] - total[getattr(self, f"{which}_start")]
        return np.bincount(columns.speaker, spoken, columns.first[-1])

    def cooccurrence(self, weight: np.ndarray) -> np.ndarray:
        """Nanoseconds in which a reference and a hypothesis speaker of one recording both speak.

        Returns
        -------
        ndarray of float, shape (reference speakers of all recordings, most hypothesis speakers of a recording)
            Column ``j`` is the recording's own ``j``-th hypothesis speaker.
        """
        reference, hypothesis = self.reference, self.hypothesis
        local = hypothesis.speaker - hypothesis.first[hypothesis.recording]
        width = int(np.diff(hypothesis.first).max(initial=0))
        both = np.zeros((int(reference.first[-1]), width))
        order = np.argsort(local, kind="stable")
        limits = np.searchsorted(local[order], np.arange(width + 1))
        starts, ends = self.hypothesis_start[order], self.hypothesis_end[order]
        change = np.zeros(len(self.length), dtype=np.int8)
        spoken = np.zeros(len(self.length) + 1, dtype=np.int64)
        for column in range(width):
            # One pass serves the column-th speaker of every recording: recordings do not meet on the tape.
            own = slice(limits[column], limits[column + 1])
            change[:] = 0
            change[starts[own]] = 1
            change[ends[own]] = -1
            np.cumsum(np.cumsum(change, dtype=np.int8) * weight, out=spoken[1:])
            together = spoken[self.reference_end] - spoken[self.reference_start]
            both[:, column] = np.bincount(reference.speaker, together, both.shape[0])
        return both


def cut(
    reference: Side,
    hypothesis: Side,
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: Sequence[np.ndarray] | None = None,
    region: str = "all",
    extent: Sequence[np.ndarray] | None = None,
    unevaluated: Sequence[np.ndarray] | None = None,
    unscored: Sequence[np.ndarray] | None = None,
) -> Cells:
    """Cut the time of every recording into cells and say which of them are scored.

    ``extent``, ``unevaluated`` and ``unscored`` are those of :class:`diarbook.metrics.exclusions.Exclusions`.
    """
    number = len(reference.labels)
    margin = int(nanoseconds(collar))
    sides = [merged(reference), merged(hypothesis)]
    area = uem if uem is not None else extent if region == "reference" else None
    if area is not None:
        sides.append(merged(spans(area)))
    # The tape: recording r starts at offset[r], and one nanosecond parts it from the recording before.
    low, high = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)
    for columns in sides:
        np.minimum.at(low, columns.recording, columns.start)
        np.maximum.at(high, columns.recording, columns.end)
    # What is left out may have no end: nothing of it counts beyond what there is.
    left_out = {}
    for name, rows in (("unevaluated", unevaluated), ("unscored", unscored)):
        if rows is not None:
            left_out[name] = len(sides)
            limits = zip(rows, low / NANOSECONDS, high / NANOSECONDS, strict=True)
            sides.append(merged(spans([np.clip(own, first, last) for own, first, last in limits])))
    owners = [columns.recording for columns in sides]
    length = high - low + 2 * margin + 2
    if float(length.sum(dtype=float)) >= _LONGEST_TAPE:
        raise OptionError("these recordings are too long to score together; check that their times are seconds")
    begin = np.concatenate([[0], np.cumsum(length)])
    offset = begin[:-1] - low + margin
    starts = [columns.start + offset[owner] for columns, owner in zip(sides, owners, strict=True)]
    ends = [columns.end + offset[owner] for columns, owner in zip(sides, owners, strict=True)]
    if margin:
        boundaries = np.concatenate([starts[0], ends[0]])
        starts.append(boundaries - margin)
        ends.append(boundaries + margin)
    times = np.concatenate([begin, *starts, *ends])
    edges, index = np.unique(times, return_inverse=True)
    parts = np.split(index, np.cumsum([len(begin)] + [len(part) for part in starts + ends])[:-1])
    first, starts, ends = parts[0][:-1], parts[1 : 1 + len(starts)], parts[1 + len(starts) :]
    cells = len(edges) - 1
    counts = [
        np.cumsum(np.bincount(start, minlength=cells + 1) - np.bincount(end, minlength=cells + 1))[:-1]
        for start, end in zip(starts, ends, strict=True)
    ]
    if area is not None:
        inside = counts[2] > 0
    elif region == "reference":
        inside = _reference_extent(starts[0], ends[0], owners[0], first, cells)
    else:
        inside = np.ones(cells, dtype=bool)
    if "unevaluated" in left_out:
        inside = inside & (counts[left_out["unevaluated"]] == 0)
    scored = inside
    if "unscored" in left_out:
        scored = scored & (counts[left_out["unscored"]] == 0)
    if margin:
        scored = scored & (counts[-1] == 0)
    if skip_overlap:
        scored = scored & (counts[0] < 2)
    return Cells(
        edges, np.diff(edges), offset, first, sides[0], sides[1],
        starts[0], ends[0], starts[1], ends[1], counts[0], counts[1], inside, scored,
    )  # fmt: skip


def _reference_extent(start, end, owner, first, cells) -> np.ndarray:
    """Cells between the first start and the last end of each recording's reference."""
    begin, stop = np.full(len(first), cells), np.zeros(len(first), dtype=np.int64)
    np.minimum.at(begin, owner, start)
    np.maximum.at(stop, owner, end)
    which = np.zeros(cells, dtype=np.int64)
    which[first[1:]] = 1
    which = np.cumsum(which)
    position = np.arange(cells)
    return (position >= begin[which]) & (position < stop[which])
