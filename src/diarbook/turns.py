"""What a diarization is: a list of turns, in seconds from the start of the audio.

Every stage after segmentation takes or returns ``list[Turn]``. The conversions to the formats
that other tools read live here (objects and text) and in :mod:`diarbook.rttm` (files).

Parts of time have one name each, here and everywhere:

*turn*
    who: a start, an end and a speaker. Turns of different speakers may overlap.
*region*
    where: a start and an end, whoever speaks. Regions travel as an array (n, 2) in seconds.
*window*
    a region that was cut evenly, such as 1.5 s every 0.75 s.
*stretch*
    a region in which one voice is alone; see :func:`alone`.
*chunk*
    what a network reads at once, such as 10 s of audio.

Errors have one name each as well: *missed* speech, *false alarm*, *confusion*, and the *total* of reference speech by
which they are divided.

Chapter: start
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from diarbook.checks import check_name
from diarbook.errors import OptionError, RttmError

if TYPE_CHECKING:
    from pyannote.core import Annotation


@dataclass(frozen=True, order=True, slots=True)
class Turn:
    """One stretch of speech by one speaker.

    Parameters
    ----------
    start, end : float
        Seconds from the start of the audio, ``end >= start``.
    speaker : str
        A label that means something inside one file only, such as ``SPEAKER_00``.

    Raises
    ------
    OptionError
        When a time is not finite or ``end < start``.

    References
    ----------
    nist2009rt

    Chapter: start
    """

    start: float
    end: float
    speaker: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise OptionError(f"turn of {self.speaker!r}: times must be finite, got {self.start} to {self.end}")
        if self.end < self.start:
            raise OptionError(f"turn of {self.speaker!r}: ends at {self.end} before it starts at {self.start}")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


def from_columns(starts: np.ndarray, ends: np.ndarray, labels: Sequence[str]) -> list[Turn]:
    """Turns from one column each of starts, ends and speakers, checked as columns.

    A file of an hour has a thousand turns, a corpus a million. They take a third of the time of as many calls of
    ``Turn``, which checks each by itself; that is all that this function is for.

    Parameters
    ----------
    starts, ends : array of shape (n,)
        Seconds.
    labels : sequence of str, length n

    Raises
    ------
    OptionError
        As :class:`Turn`, for the first row that cannot be.

    Examples
    --------
    >>> from_columns([0.0, 2.0], [1.5, 3.0], ["Ann", "Bob"])
    [Turn(start=0.0, end=1.5, speaker='Ann'), Turn(start=2.0, end=3.0, speaker='Bob')]

    Chapter: start
    """
    starts, ends = np.asarray(starts, dtype=np.float64), np.asarray(ends, dtype=np.float64)
    sound = np.isfinite(starts) & np.isfinite(ends) & (ends >= starts)
    for row in np.flatnonzero(~sound).tolist():
        Turn(float(starts[row]), float(ends[row]), labels[row])  # raises
    # The checks of the constructor are done, so its slots are filled a column at a time.
    turns = list(map(object.__new__, repeat(Turn, len(starts))))
    for name, values in (("start", starts.tolist()), ("end", ends.tolist()), ("speaker", labels)):
        deque(map(getattr(Turn, name).__set__, turns, values), maxlen=0)
    return turns


def speakers(turns: Iterable[Turn]) -> list[str]:
    """Speaker labels in order of first appearance in time.

    Examples
    --------
    >>> speakers([Turn(3, 4, "Ann"), Turn(0, 1, "Bob")])
    ['Bob', 'Ann']

    Chapter: start
    """
    return list(dict.fromkeys(turn.speaker for turn in sorted(turns)))


def relabel(turns: Iterable[Turn], names: Mapping[str, str]) -> list[Turn]:
    """Rename speakers; a label that ``names`` lacks stays.

    Examples
    --------
    >>> relabel([Turn(0, 1, "SPEAKER_00")], {"SPEAKER_00": "Ann"})
    [Turn(start=0, end=1, speaker='Ann')]

    Chapter: start
    """
    return [Turn(t.start, t.end, names.get(t.speaker, t.speaker)) for t in turns]


def label_by_appearance(turns: Iterable[Turn], prefix: str = "SPEAKER_") -> list[Turn]:
    """Name speakers ``SPEAKER_00``, ``SPEAKER_01``, … in the order in which they first speak.

    Examples
    --------
    >>> [turn.speaker for turn in label_by_appearance([Turn(3, 4, "Ann"), Turn(0, 1, "Bob")])]
    ['SPEAKER_00', 'SPEAKER_01']

    Chapter: start
    """
    turns = sorted(turns)
    names = {speaker: f"{prefix}{index:02d}" for index, speaker in enumerate(speakers(turns))}
    return relabel(turns, names)


def merge(turns: Iterable[Turn], gap: float = 0.0) -> list[Turn]:
    """Join turns of one speaker that overlap, touch, or lie at most ``gap`` seconds apart.

    Parameters
    ----------
    turns : iterable of Turn
    gap : float
        Longest pause, in seconds, that is filled.

    Returns
    -------
    list of Turn
        Sorted; no two turns of one speaker overlap or touch; empty turns are gone.

    Examples
    --------
    >>> merge([Turn(0, 1, "Ann"), Turn(1.2, 2, "Ann")], gap=0.5)
    [Turn(start=0, end=2, speaker='Ann')]

    Chapter: start
    """
    if gap < 0:
        raise OptionError(f"gap must be 0 s or more, got {gap}")
    open_turns: dict[str, Turn] = {}
    merged: list[Turn] = []
    for turn in sorted(turns):
        if turn.duration == 0:
            continue
        last = open_turns.get(turn.speaker)
        if last is not None and turn.start - last.end <= gap:
            turn = Turn(last.start, max(last.end, turn.end), turn.speaker)
        elif last is not None:
            merged.append(last)
        open_turns[turn.speaker] = turn
    return sorted(merged + list(open_turns.values()))


def crop(turns: Iterable[Turn], start: float, end: float) -> list[Turn]:
    """Keep what lies between ``start`` and ``end`` seconds, cutting turns at both.

    Examples
    --------
    >>> crop([Turn(0, 3, "Ann"), Turn(4, 5, "Bob")], 1, 4)
    [Turn(start=1, end=3, speaker='Ann')]

    Chapter: start
    """
    kept = (Turn(max(t.start, start), min(t.end, end), t.speaker) for t in turns if t.start < end and t.end > start)
    return [turn for turn in kept if turn.duration > 0]


def shift(turns: Iterable[Turn], seconds: float) -> list[Turn]:
    """Move every turn by ``seconds``.

    Examples
    --------
    >>> shift([Turn(0, 3, "Ann")], 10)
    [Turn(start=10, end=13, speaker='Ann')]

    Chapter: start
    """
    return [Turn(t.start + seconds, t.end + seconds, t.speaker) for t in turns]


def speaking_time(turns: Iterable[Turn]) -> dict[str, float]:
    """Seconds of speech of each speaker, in order of first appearance.

    Examples
    --------
    >>> speaking_time([Turn(0, 2, "Ann"), Turn(1, 3, "Ann"), Turn(2, 3.5, "Bob")])
    {'Ann': 3.0, 'Bob': 1.5}

    Chapter: start
    """
    merged = merge(turns)
    totals = dict.fromkeys(speakers(merged), 0.0)
    for turn in merged:
        totals[turn.speaker] += turn.duration
    return totals


def _sweep(merged: Sequence[Turn], values: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Boundaries (n,) and the sum of the values of the turns that are active from each boundary to the next (n,)."""
    times = np.array([t.start for t in merged] + [t.end for t in merged], dtype=np.float64)
    boundaries, index = np.unique(times, return_inverse=True)
    changes = np.concatenate([values, np.negative(values)])
    sums = np.cumsum(np.bincount(index, weights=changes, minlength=len(boundaries))).astype(int)
    return boundaries, sums


def regions(turns: Iterable[Turn], at_least: int = 1) -> np.ndarray:
    """Where at least this many people speak at once: 1 is speech, 2 is overlapped speech.

    Returns
    -------
    ndarray of shape (n, 2)
        Start and end of each region, seconds, sorted and disjoint.

    Examples
    --------
    >>> turns = [Turn(0, 2, "Ann"), Turn(1.5, 4, "Bob"), Turn(5, 6, "Ann")]
    >>> regions(turns).tolist()
    [[0.0, 4.0], [5.0, 6.0]]
    >>> regions(turns, at_least=2).tolist()
    [[1.5, 2.0]]

    Chapter: vad
    """
    merged = merge(turns)
    boundaries, counts = _sweep(merged, [1] * len(merged))
    active = np.concatenate([[False], counts >= at_least]) if len(boundaries) else np.zeros(1, bool)
    edges = np.diff(active.astype(int))
    starts, ends = boundaries[edges == 1], boundaries[edges == -1]
    return np.column_stack([starts, ends]) if len(starts) else np.empty((0, 2))


def alone(turns: Iterable[Turn]) -> list[Turn]:
    """What is left of the turns where exactly one speaker is active: the stretches of each voice alone.

    Parameters
    ----------
    turns : iterable of Turn
        In any order; found in O(n log n) by one sweep over the boundaries.

    Returns
    -------
    list of Turn
        Sorted and disjoint.

    Examples
    --------
    >>> for turn in alone([Turn(0, 5, "Ann"), Turn(4, 9, "Bob"), Turn(9, 10, "Ann")]):
    ...     print(turn.start, turn.end, turn.speaker)
    0.0 4.0 Ann
    5.0 9.0 Bob
    9.0 10.0 Ann

    Chapter: embeddings
    """
    merged = merge(turns)
    labels = speakers(merged)
    column = {label: index for index, label in enumerate(labels)}
    boundaries, counts = _sweep(merged, [1] * len(merged))
    _, owners = _sweep(merged, [column[turn.speaker] for turn in merged])  # where one is active, the sum is its number
    cells = np.flatnonzero(counts == 1)
    rows = zip(boundaries[cells].tolist(), boundaries[cells + 1].tolist(), owners[cells].tolist(), strict=True)
    return [Turn(start, end, labels[owner]) for start, end, owner in rows]


def from_regions(spans: np.ndarray, speaker: str) -> list[Turn]:
    """Turns of one speaker from (n, 2) seconds.

    Examples
    --------
    >>> from_regions([[0.5, 1.0]], "Ann")
    [Turn(start=0.5, end=1.0, speaker='Ann')]

    Chapter: vad
    """
    return [Turn(float(start), float(end), speaker) for start, end in spans]


def to_activity(turns: Sequence[Turn], step: float, frames: int, labels: Sequence[str] | None = None) -> np.ndarray:
    """Who speaks at the center of each frame.

    Parameters
    ----------
    turns : sequence of Turn
    step : float
        Seconds from one frame to the next; frame ``i`` is centered at ``(i + 0.5) * step``.
    frames : int
        Number of frames.
    labels : sequence of str, optional
        Order of the columns; by default the order of first appearance.

    Returns
    -------
    ndarray of bool, shape (frames, speakers)

    Raises
    ------
    OptionError
        When ``step`` is not positive, or ``labels`` lacks a speaker.

    Examples
    --------
    >>> to_activity([Turn(0.1, 0.3, "Ann"), Turn(0.2, 0.4, "Bob")], step=0.1, frames=4).astype(int).tolist()
    [[0, 0], [1, 0], [1, 1], [0, 1]]

    Chapter: segmentation
    """
    if step <= 0:
        raise OptionError(f"step must be more than 0 s, got {step}")
    labels = speakers(turns) if labels is None else list(labels)
    column = {label: index for index, label in enumerate(labels)}
    if missing := [turn.speaker for turn in turns if turn.speaker not in column]:
        raise OptionError(f"labels must name every speaker, {missing[0]!r} is missing")
    activity = np.zeros((frames, len(labels)), dtype=bool)
    for turn in turns:
        first, last = (math.ceil(time / step - 0.5) for time in (turn.start, turn.end))
        activity[max(first, 0) : max(last, 0), column[turn.speaker]] = True
    return activity


def from_activity(activity: np.ndarray, step: float, labels: Sequence[str] | None = None) -> list[Turn]:
    """Turns from a (frames, speakers) activity; frame ``i`` spans ``i * step`` to ``(i + 1) * step`` seconds.

    Examples
    --------
    >>> from_activity([[0], [1], [1], [0]], step=0.5)
    [Turn(start=0.5, end=1.5, speaker='SPEAKER_00')]

    Chapter: segmentation
    """
    active = np.asarray(activity, dtype=bool)
    if active.ndim != 2:
        raise OptionError(f"activity must have shape (frames, speakers), got {active.shape}")
    labels = [f"SPEAKER_{index:02d}" for index in range(active.shape[1])] if labels is None else list(labels)
    if len(labels) != active.shape[1]:
        raise OptionError(f"activity has {active.shape[1]} speakers but there are {len(labels)} labels")
    edges = np.diff(np.pad(active, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    turns: list[Turn] = []
    for column, label in enumerate(labels):
        starts, ends = np.flatnonzero(edges[:, column] == 1), np.flatnonzero(edges[:, column] == -1)
        turns += [Turn(float(s * step), float(e * step), label) for s, e in zip(starts, ends, strict=True)]
    return sorted(turns)


def to_annotation(turns: Iterable[Turn], uri: str | None = None) -> Annotation:
    """The same diarization as a :class:`pyannote.core.Annotation`.

    Chapter: start
    """
    from pyannote.core import Annotation, Segment

    annotation = Annotation(uri=uri)
    for index, turn in enumerate(sorted(turns)):
        annotation[Segment(turn.start, turn.end), index] = turn.speaker
    return annotation


def from_annotation(annotation: Annotation) -> list[Turn]:
    """Turns from a :class:`pyannote.core.Annotation`.

    Chapter: start
    """
    tracks = annotation.itertracks(yield_label=True)
    return sorted(Turn(float(segment.start), float(segment.end), str(label)) for segment, _, label in tracks)


def to_json(turns: Iterable[Turn], recording: str = "") -> str:
    """A JSON object with the recording's name and its turns.

    Examples
    --------
    >>> print(to_json([Turn(0.5, 1, "Ann")], "talk"), end="")
    {
     "recording": "talk",
     "turns": [
      {
       "start": 0.5,
       "end": 1,
       "speaker": "Ann"
      }
     ]
    }

    Chapter: start
    """
    rows = [{"start": round(t.start, 3), "end": round(t.end, 3), "speaker": t.speaker} for t in sorted(turns)]
    return json.dumps({"recording": recording, "turns": rows}, ensure_ascii=False, indent=1) + "\n"


def to_audacity(turns: Iterable[Turn]) -> str:
    r"""A label track that Audacity imports: start, end and speaker, separated by tabs.

    Examples
    --------
    >>> to_audacity([Turn(0.5, 1, "Ann Lee")])
    '0.500\t1.000\tAnn Lee\n'

    Chapter: start
    """
    return "".join(f"{t.start:.3f}\t{t.end:.3f}\t{t.speaker}\n" for t in sorted(turns))


def from_audacity(text: str, source: str = "labels") -> list[Turn]:
    r"""Turns of a label track that Audacity exported; ``source`` names it in errors.

    Lines that start with a backslash hold frequencies and are passed over.

    Raises
    ------
    RttmError
        With source and line, when a line is not start, end and a name, separated by tabs.

    Examples
    --------
    >>> from_audacity("0.5\t2.0\tAnn Lee\n")
    [Turn(start=0.5, end=2.0, speaker='Ann Lee')]

    Chapter: hybrid
    """
    turns = []
    # Only LF ends a line: str.splitlines would also cut a name at U+2028, form feeds and the like.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.strip() and not line.startswith("\\"):
            turns.append(_label(line.removesuffix("\r"), f"{source}:{number}"))
    return sorted(turns)


def _label(line: str, source: str) -> Turn:
    """The turn of one line of a label track."""
    fields = line.split("\t", 2)
    if len(fields) < 3 or not fields[2].strip():
        raise RttmError(f"{source}: expected start, end and a name, separated by tabs; correct the line")
    if "\r" in line:
        raise RttmError(f"{source}: a lone carriage return inside the line; save the labels with LF line ends")
    start, end = _label_time(fields[0], source), _label_time(fields[1], source)
    try:
        return Turn(start, end, check_name(" ".join(fields[2].split())))
    except OptionError as error:
        raise RttmError(f"{source}: {str(error).removeprefix('turn of ')}") from None


def _label_time(text: str, source: str) -> float:
    try:
        return float(text.strip()) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", text):
            raise RttmError(
                f"{source}: the time {text!r} has a decimal comma; write {text.strip().replace(',', '.')!r}"
            ) from None
        raise RttmError(f"{source}: expected start, end and a name, separated by tabs; {text!r} is no time") from None


def to_webvtt(turns: Iterable[Turn]) -> str:
    """WebVTT cues with the speaker as a voice span, for a video player's subtitles.

    Examples
    --------
    >>> print(to_webvtt([Turn(0.5, 1, "Ann")]), end="")
    WEBVTT
    <BLANKLINE>
    00:00:00.500 --> 00:00:01.000
    <v Ann>Ann

    Chapter: start
    """

    def clock(seconds: float) -> str:
        milliseconds = round(seconds * 1000)
        minutes, milliseconds = divmod(milliseconds, 60_000)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02d}:{minutes:02d}:{milliseconds / 1000:06.3f}"

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    cues = (
        f"{clock(t.start)} --> {clock(t.end)}\n<v {escaped(t.speaker)}>{escaped(t.speaker)}\n"
        for t in sorted(turns)
        if round(t.end * 1000) > round(t.start * 1000)  # a cue of no length is not valid
    )
    return "WEBVTT\n\n" + "\n".join(cues)


def to_textgrid(turns: Iterable[Turn], duration: float | None = None) -> str:
    """A Praat TextGrid with one interval tier a speaker.

    Parameters
    ----------
    turns : iterable of Turn
    duration : float, optional
        Length of the audio in seconds; by default the end of the last turn.

    Chapter: start
    """
    # In milliseconds, as written, so that no interval has length 0: Praat refuses those.
    merged = merge(Turn(round(t.start, 3), round(t.end, 3), t.speaker) for t in turns)
    end = max([duration or 0.0] + [t.end for t in merged])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end:.3f}"]
    names = speakers(merged)
    lines += ["tiers? <exists>", f"size = {len(names)}", "item []:"]
    for tier, name in enumerate(names, 1):
        intervals: list[tuple[float, float, str]] = []
        cursor = 0.0
        for turn in (t for t in merged if t.speaker == name):
            if turn.start > cursor:
                intervals.append((cursor, turn.start, ""))
            intervals.append((turn.start, turn.end, name))
            cursor = turn.end
        if cursor < end:
            intervals.append((cursor, end, ""))
        quoted = name.replace('"', '""')
        lines += [f"    item [{tier}]:", '        class = "IntervalTier"', f'        name = "{quoted}"']
        lines += ["        xmin = 0", f"        xmax = {end:.3f}", f"        intervals: size = {len(intervals)}"]
        for number, (start, stop, text) in enumerate(intervals, 1):
            text = text.replace('"', '""')
            lines += [f"        intervals [{number}]:", f"            xmin = {start:.3f}"]
            lines += [f"            xmax = {stop:.3f}", f'            text = "{text}"']
    return "\n".join(lines) + "\n"
