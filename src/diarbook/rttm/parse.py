"""The parser behind the readers: turns, marks and regions, by file and channel.

Chapter: evaluation
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from diarbook.errors import RttmError
from diarbook.rttm.records import (
    LONGEST,
    PLACEHOLDER,
    check_record,
    decode,
    is_number,
    is_plain_name,
    lines_with_fields,
    name_problem,
    seconds,
    time_remedy,
)
from diarbook.turns import Turn, from_columns

Key = tuple[str, str]
"""File and channel, as the lines of a file name them."""
T = TypeVar("T")
TIMED = ("NOSCORE", "NON-LEX", "LEXEME", "SEGMENT", "SU", "EDIT", "FILLER", "IP", "CB", "A/P")
"""Records besides SPEAKER that take time of a recording."""
_BLOCK = 1 << 20
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, order=True, slots=True)
class Mark:
    """A stretch of time that an RTTM file marks by a record other than SPEAKER, such as NOSCORE.

    Parameters
    ----------
    start, end : float
        Seconds.
    kind : str
        Type of the record.
    subtype : str
        Its seventh field in small letters, such as ``laugh``; ``<na>`` for none.

    Chapter: evaluation
    """

    start: float
    end: float
    kind: str
    subtype: str


def parse_turns(text: str, source: str = "RTTM") -> dict[Key, list[Turn]]:
    """Turns by file and channel, from the decoded text of an RTTM file; ``source`` names it in errors.

    Chapter: evaluation
    """
    recordings: dict[Key, int] = {}
    speakers: dict[str, int] = {}
    codes: list[int] = []
    voices: list[int] = []
    times: list[np.ndarray] = []
    for number, block in _blocks(text):
        names, channels, labels, block_times = _uniform_columns(block) or _checked_columns(block, source, number)
        codes += _numbered_keys(recordings, names, channels)
        voices += _numbered(speakers, labels)
        times.append(block_times)
    start, duration = np.concatenate([*times, np.empty((2, 0))], axis=1)
    # Summed as whole nanoseconds, because 0.1 + 0.2 is not 0.3: an end is the decimal that the file means.
    end = (np.rint(start * _NANOSECONDS) + np.rint(duration * _NANOSECONDS)) / _NANOSECONDS
    end = np.maximum(start, end)
    labels = list(speakers)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[sorted(range(len(labels)), key=labels.__getitem__)] = np.arange(len(labels))
    code, voice = np.array(codes, dtype=np.int64), np.array(voices, dtype=np.int64)
    order = np.lexsort((rank[voice], end, start, code))
    owners = [labels[index] for index in voice[order].tolist()]
    turns = from_columns(start[order], end[order], owners)
    limits = np.searchsorted(code[order], np.arange(len(recordings) + 1)).tolist()
    return {key: turns[limits[index] : limits[index + 1]] for index, key in enumerate(recordings)}


def _numbered(numbers: dict[str, int], names: list[str]) -> Iterator[int]:
    """Number of each name; a new name gets the next one."""
    for name in dict.fromkeys(names):
        numbers.setdefault(name, len(numbers))
    return map(numbers.__getitem__, names)


def _numbered_keys(numbers: dict[Key, int], names: list[str], channels: list[str]) -> Iterator[int]:
    """Number of each file and channel; a new one gets the next."""
    if len(set(channels)) > 1:
        return _numbered(numbers, list(zip(names, channels, strict=True)))
    own = {name: numbers.setdefault((name, channels[0]), len(numbers)) for name in dict.fromkeys(names)}
    return map(own.__getitem__, names)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Number of the first line, and the text, of pieces of about a million characters, cut at line ends."""
    begin, number = 0, 1
    while begin < len(text):
        end = text.find("\n", begin + _BLOCK)
        block = text[begin:] if end < 0 else text[begin : end + 1]
        yield number, block
        number += block.count("\n")
        begin += len(block)


Columns = tuple[list[str], list[str], list[str], np.ndarray]


def _uniform_columns(block: str) -> Columns | None:
    """Columns of a block in which every line is a sound SPEAKER line of one width, split in one go; otherwise None."""
    lines = block.count("\n") + (not block.endswith("\n"))
    if block.count("\nSPEAKER ") + block.startswith("SPEAKER ") != lines:
        return None
    fields = block.split()
    width = len(fields) // lines
    if width * lines != len(fields) or not 8 <= width <= 10:
        return None
    # All lines start with SPEAKER; when no other field does, and the fields come in rows, the rows are the lines.
    if fields[::width].count("SPEAKER") != lines or fields.count("SPEAKER") != lines:
        return None
    if any(fields[index::width].count(PLACEHOLDER) != lines for index in (5, 6, *range(9, width))):
        return None
    confidences = fields[8::width] if width > 8 else []
    if confidences.count(PLACEHOLDER) != len(confidences) and not all(map(_is_confidence, set(confidences))):
        return None
    names, channels, labels = fields[1::width], fields[2::width], fields[7::width]
    if not all(map(is_plain_name, {*names, *labels, *channels})):
        return None
    if not all(map(str.isdigit, set(channels))):
        channels = list(map(str.lower, channels))
    columns = fields[3::width], fields[4::width]
    for column in columns:
        joined = "".join(column)
        if "_" in joined or not joined.isascii():
            return None
    try:
        times = np.array([list(map(float, column)) for column in columns])
    except ValueError:
        return None
    if not ((times >= 0) & (times < LONGEST)).all():
        return None
    return names, channels, labels, times


def _is_confidence(text: str) -> bool:
    """Whether a ninth field is surely no part of a name."""
    return text == PLACEHOLDER or (is_number(text) and not text.isdigit())


def _checked_columns(block: str, source: str, number: int) -> Columns:
    """The same columns of any block, line by line, or an RttmError that names the line."""
    names, channels, labels, starts, durations = [], [], [], [], []
    for line_number, line, fields in lines_with_fields(block, number):
        where = f"{source}:{line_number}"
        problem = check_record(fields, line)
        if problem:
            raise RttmError(f"{where}: {problem}")
        if fields[0] == "SPEAKER":
            starts.append(_seconds(where, "start", fields[3]))
            durations.append(_seconds(where, "duration", fields[4]))
            names.append(fields[1])
            channels.append(_channel(where, fields[2]))
            labels.append(fields[7])
    return names, channels, labels, np.array([starts, durations], dtype=np.float64)


def _seconds(source: str, name: str, text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise RttmError(f"{source}: {name} {error}; {time_remedy(text)}") from None


def _channel(source: str, text: str) -> str:
    return _name(source, text, "channel").lower()


def _name(source: str, text: str, what: str) -> str:
    problem = name_problem(text, what)
    if problem:
        raise RttmError(f"{source}: {'; '.join(problem)}")
    return text


def parse_marks(text: str, source: str = "RTTM") -> dict[Key, list[Mark]]:
    """Records of :data:`TIMED` kinds by file and channel, from the decoded text of an RTTM file.

    Raises
    ------
    RttmError
        When such a line has too few fields, or no times.

    Chapter: evaluation
    """
    marks: dict[Key, list[Mark]] = {}
    if not any(kind in text for kind in TIMED):
        return marks
    for number, _, fields in lines_with_fields(text):
        if fields[0] not in TIMED:
            continue
        where = f"{source}:{number}"
        if len(fields) < 7:
            raise RttmError(f"{where}: a {fields[0]} line has 7 fields or more, got {len(fields)}; complete it")
        # NIST writes * behind times that a machine set, and <NA> for an event without length.
        start = _seconds(where, "start", fields[3].removesuffix("*"))
        length = "0" if fields[4].upper() == PLACEHOLDER else fields[4].removesuffix("*")
        key = _name(where, fields[1], "recording"), _channel(where, fields[2])
        end = start + _seconds(where, "duration", length)
        marks.setdefault(key, []).append(Mark(start, end, fields[0], fields[6].lower()))
    return {key: sorted(rows) for key, rows in marks.items()}


def name_recordings(*tables: Mapping[Key, T]) -> tuple[dict[str, T], ...]:
    """The same tables by recording: named like the file, with the channel where a table has several of the file.

    Parameters
    ----------
    *tables : mapping of (str, str) to anything
        Reference, hypothesis, UEM, ... by file and channel. A file that has several channels in one table is split
        in all of them; one that has a single channel in each is one recording, whatever its channels are called.

    Raises
    ------
    RttmError
        When a file is called like a channel of another one.

    Examples
    --------
    >>> name_recordings({("a", "1"): "left", ("a", "2"): "right", ("b", "1"): "both"})
    ({'a/1': 'left', 'a/2': 'right', 'b': 'both'},)

    Chapter: evaluation
    """
    several = {file for table in tables for file, count in Counter(file for file, _ in table).items() if count > 1}
    named = []
    for table in tables:
        rows = {f"{file}/{channel}" if file in several else file: value for (file, channel), value in table.items()}
        if len(rows) < len(table):
            split = {f"{file}/{channel}" for file, channel in table if file in several}
            twice = next(file for file, _ in table if file in split)
            raise RttmError(f"{twice!r} is a recording and a channel of another one; rename the recording")
        named.append(rows)
    return tuple(named)


def parse_regions(data: bytes | str, source: str = "UEM") -> dict[Key, np.ndarray]:
    """Scored regions by file and channel, from the text of a UEM file.

    Chapter: evaluation
    """
    regions: dict[Key, list[tuple[float, float]]] = {}
    for number, _, fields in lines_with_fields(decode(data, source)):
        where = f"{source}:{number}"
        if len(fields) != 4:
            raise RttmError(f"{where}: a UEM line has 4 fields (recording, channel, start, end), got {len(fields)}")
        start, end = _seconds(where, "start", fields[2]), _seconds(where, "end", fields[3])
        if end < start:
            raise RttmError(f"{where}: a region must end after it starts, got {start} to {end}")
        key = _name(where, fields[0], "recording"), _channel(where, fields[1])
        regions.setdefault(key, []).append((start, end))
    return {key: np.array(sorted(spans)) for key, spans in regions.items()}


def seem_milliseconds(turns: Sequence[Turn]) -> bool:
    """Whether times are probably not seconds: all are whole numbers, and half of the turns last 100 or more.

    Chapter: evaluation
    """
    if len(turns) < 2 or not all(float(turn.start).is_integer() and float(turn.end).is_integer() for turn in turns):
        return False
    return float(np.median([turn.duration for turn in turns])) >= 100
