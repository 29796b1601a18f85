"""What is wrong with an RTTM or UEM file: every fault with its line, its column and what to do.

Chapter: evaluation
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from diarbook.errors import RttmError
from diarbook.rttm import parse_rttm, parse_uem
from diarbook.rttm.parse import Key, seem_milliseconds
from diarbook.rttm.records import (
    PLACEHOLDER,
    RECORD_TYPES,
    check_record,
    encoding_problem,
    lines_with_fields,
    name_problem,
    read_bytes,
    seconds,
    time_remedy,
)
from diarbook.turns import Turn

ERROR, WARNING, NOTE = "error", "warning", "note"
LEFT_OUT = ("NOSCORE", "NON-LEX")
"""Records that change a score under the protocol of NIST, and under no other."""


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of a file.

    Parameters
    ----------
    file : str
    line, column : int
        Counted from 1, in characters.
    message : str
        What is wrong.
    remedy : str
        What to do.
    severity : {"error", "warning", "note"}
        Readers refuse a file with an error; a warning is legal, and often a mistake; a note is no fault, but says how
        the file is understood.

    Chapter: evaluation
    """

    file: str
    line: int
    column: int
    message: str
    remedy: str
    severity: str = ERROR

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}; {self.remedy}"


def lint_rttm(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str = "RTTM",
    durations: Mapping[str, float] | None = None,
) -> list[Fault]:
    """Every fault of an RTTM file.

    Parameters
    ----------
    source : path or bytes
        The file, or what it holds.
    name : str
        What to call it in faults when ``source`` is bytes.
    durations : mapping of str to float, optional
        Seconds of audio of each recording, to find turns that lie beyond it, and recordings without audio.

    Returns
    -------
    list of Fault
        Sorted by line and column. Without a fault that is an error, ``read_rttm`` accepts the file. Never raises for
        a file's content; a file that cannot be read is a fault too.

    Chapter: evaluation
    """
    return _lint(source, name, _rttm_faults, parse_rttm, durations)


def lint_uem(
    source: str | os.PathLike[str] | bytes, *, name: str = "UEM", durations: Mapping[str, float] | None = None
) -> list[Fault]:
    """Every fault of a UEM file; as :func:`lint_rttm`.

    Chapter: evaluation
    """
    return _lint(source, name, _uem_faults, parse_uem, durations)


def lint_standard_input(data: bytes, *, durations: Mapping[str, float] | None = None) -> list[Fault]:
    """Every fault of what came through a pipe: UEM when its first line has four fields and no record type, else RTTM.

    Chapter: evaluation
    """
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    _, _, first = next(lines_with_fields(text), (1, "", []))
    is_uem = len(first) == 4 and first[0] not in RECORD_TYPES
    return (lint_uem if is_uem else lint_rttm)(data, name="standard input", durations=durations)


def _lint(source, name: str, check, parse, durations) -> list[Fault]:
    if isinstance(source, bytes):
        data = source
    else:
        name = str(source)
        try:
            data = read_bytes(source)
        except RttmError as error:
            problem, _, remedy = str(error).removeprefix(f"{source}: ").partition("; ")
            return [Fault(name, 1, 1, problem, remedy)]
    text, faults = _decoded(data, name)
    if text is None:
        return faults
    faults += list(_line_end_faults(text, name))
    faults += check(text.removeprefix("\ufeff").replace("\n\ufeff", "\n"), name, durations)
    if not any(fault.severity == ERROR for fault in faults):
        # The reader has the last word: what it refuses is a fault, even if no check above knows why.
        try:
            parse(data, name)
        except RttmError as error:
            where = re.match(re.escape(name) + r":(\d+): ", str(error))
            faults.append(Fault(name, int(where[1]) if where else 1, 1, str(error), "correct it"))
    return sorted(faults)


def _decoded(data: bytes, name: str) -> tuple[str | None, list[Fault]]:
    """Text in Unicode NFC, or None when it is none, and the faults of its encoding."""
    fault = encoding_problem(data)
    if fault:
        offset, problem = fault
        before = data[:offset].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        faults = [Fault(name, line, column, problem.message, problem.remedy)]
        # Text in another encoding can be looked at further; what is no text cannot.
        return (None if offset == 0 else _normalized(data.decode("utf-8", errors="replace"))), faults
    text = data.decode("utf-8")
    faults = []
    for number, line in enumerate(text.split("\n"), 1) if "\ufeff" in text else ():
        if line.startswith("\ufeff"):
            message, remedy = "the file starts with a byte-order mark", "save it as UTF-8 without one"
            if number > 1:
                message, remedy = "a byte-order mark inside the file, where files were joined", "remove it"
            faults.append(Fault(name, number, 1, message, remedy, WARNING))
    normal = _normalized(text)
    if normal != text:
        first = next(
            number for number, line in enumerate(text.split("\n"), 1) if not unicodedata.is_normalized("NFC", line)
        )
        message = "letters with accents are written in pieces (not Unicode NFC)"
        faults.append(Fault(name, first, 1, message, "normalize to NFC, or names will not match", WARNING))
    return normal, faults


def _normalized(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _line_end_faults(text: str, name: str) -> Iterator[Fault]:
    windows = text.count("\r\n")
    first = text.find("\r\n")
    if windows:
        line, column = _position(text, first)
        message = f"{windows} lines end as on Windows (CR LF)" if windows > 1 else "a line ends as on Windows (CR LF)"
        yield Fault(name, line, column, message, "convert to LF line ends", WARNING)
    for match in re.finditer(r"\r(?!\n)|\x00", text):
        line, column = _position(text, match.start())
        what = "a lone carriage return" if match[0] == "\r" else "a NUL character"
        yield Fault(name, line, column, f"{what} inside a line", "remove it; lines end with LF", WARNING)
        break


def _position(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _columns(line: str, fields: list[str]) -> list[int]:
    """Columns in which the fields of a line start, counted from 1."""
    columns, position = [], 0
    for field in fields:
        position = line.index(field, position)
        columns.append(position + 1)
        position += len(field)
    return columns


def _time(name: str, line: int, column: int, what: str, text: str) -> float | Fault:
    try:
        return seconds(text)
    except ValueError as error:
        return Fault(name, line, column, f"{what} {error}", time_remedy(text))


@dataclass(frozen=True)
class _Row:
    """One SPEAKER line with sound times."""

    start: float
    end: float
    line: int
    column: int
    speaker: str


def _rttm_faults(text: str, name: str, durations: Mapping[str, float] | None) -> list[Fault]:
    faults: list[Fault] = []
    rows: dict[Key, list[_Row]] = defaultdict(list)
    previous = None
    warned: set[str | tuple[str, str]] = set()
    left_out: dict[str, list[int]] = defaultdict(list)

    def warn(line: int, column: int, message: str, remedy: str) -> None:
        faults.append(Fault(name, line, column, message, remedy, WARNING))

    def warn_once(what: str | tuple[str, str], line: int, column: int, message: str, remedy: str) -> None:
        if what not in warned:
            warned.add(what)
            warn(line, column, message, remedy)

    for line, written, fields in lines_with_fields(text):
        columns = _columns(written, fields)
        problem = check_record(fields, written)
        if problem:
            faults.append(Fault(name, line, columns[problem.field], problem.message, problem.remedy))
            continue
        if fields[0] != "SPEAKER":
            if fields[0] in LEFT_OUT:
                left_out[fields[0]].append(line)
            continue
        if len(fields) < 10:
            message = f"{len(fields)} fields where the format has 10"
            warn_once("width", line, columns[-1], message, "end the line with <NA> <NA>")
        if len(fields) > 8 and fields[8].isdigit():
            message = f"the confidence {fields[8]} is a whole number"
            warn_once("whole", line, columns[8], message, "if it belongs to the speaker's name, use _")
        start = _time(name, line, columns[3], "start", fields[3])
        length = _time(name, line, columns[4], "duration", fields[4])
        faults += [value for value in (start, length) if isinstance(value, Fault)]
        recording, speaker = fields[1], fields[7]
        key = recording, fields[2].lower()
        problem = name_problem(fields[2], "channel")
        if problem:
            faults.append(Fault(name, line, columns[2], *problem))
        if speaker.upper() == PLACEHOLDER:
            warn(line, columns[7], "the speaker is <NA>", "name the speaker in field 8")
        if key != previous and rows.get(key) and previous[0] != recording:
            message = f"recording {recording!r} goes on after lines of {previous[0]!r}"
            warn_once(("mixed", recording), line, columns[1], message, "keep the lines of a recording together")
        previous = key
        if isinstance(start, Fault) or isinstance(length, Fault):
            continue
        if length == 0:
            remedy = "remove the line: it changes no score of ours, but others'"
            warn(line, columns[4], "the turn has no length", remedy)
        if rows[key] and start < rows[key][-1].start:
            message = f"starts at {start:g} s, before line {rows[key][-1].line} at {rows[key][-1].start:g} s"
            warn(line, columns[3], message, "sort the lines by start")
        limit = durations.get(recording) if durations else None
        if limit is not None and start + length > limit + 5e-4:
            message = f"ends at {start + length:.3f} s, beyond the audio of {limit:.3f} s"
            warn(line, columns[4], message, "cut the turn, or check the recording")
        rows[key].append(_Row(start, start + length, line, columns[3], speaker))
    for own in rows.values():
        faults += _overlap_faults(own, name)
        faults += _unit_faults(own, name)
    faults += _recording_faults({key: own[0].line for key, own in rows.items() if own}, name, durations)
    faults += _left_out_notes(left_out, name)
    if not rows and not faults:
        warn(1, 1, "no SPEAKER line", "check that this is the right file: it says that nobody speaks")
    return faults


def _overlap_faults(rows: list[_Row], name: str) -> Iterator[Fault]:
    """Turns of one speaker that overlap an earlier one, by more than a rounded millisecond."""
    latest: dict[str, _Row] = {}
    for row in sorted(rows, key=lambda row: (row.start, row.end, row.line)):
        last = latest.get(row.speaker)
        if last is not None and row.start < last.end - 1.5e-3 and row.end > row.start:
            message = f"{row.speaker!r} still speaks on line {last.line}, until {last.end:.3f} s"
            remedy = "join the two turns: scorers count them differently"
            yield Fault(name, row.line, row.column, message, remedy, WARNING)
        if last is None or row.end > last.end:
            latest[row.speaker] = row


def _unit_faults(rows: list[_Row], name: str) -> Iterator[Fault]:
    """Times that are probably not seconds."""
    turns = [Turn(row.start, row.end, row.speaker) for row in rows if row.end >= row.start]
    if seem_milliseconds(turns):
        length = float(np.median([turn.duration for turn in turns]))
        message = f"times are whole numbers and half of the turns last {length:g} s or more"
        yield Fault(name, rows[0].line, rows[0].column, message, "if they are milliseconds, divide by 1000", WARNING)


def _recording_faults(first: Mapping[Key, int], name: str, durations: Mapping[str, float] | None) -> Iterator[Fault]:
    """What there is to say of each recording: its channels, and that it has no audio."""
    channels: dict[str, list[str]] = defaultdict(list)
    for recording, channel in first:
        channels[recording].append(channel)
    for recording, own in channels.items():
        line = min(first[recording, channel] for channel in own)
        if len(own) > 1:
            message = f"recording {recording!r} has {len(own)} channels, {', '.join(sorted(own))}"
            remedy = f"each is scored by itself, as {recording}/{min(own)} and so on"
            yield Fault(name, line, 1, message, remedy, NOTE)
        if durations is not None and recording not in durations:
            message = f"there is no audio of {recording!r}, so its end is not checked"
            yield Fault(name, line, 1, message, "add the audio file, or give both the same name", WARNING)


def _left_out_notes(lines: Mapping[str, list[int]], name: str) -> Iterator[Fault]:
    for kind, numbers in lines.items():
        message = f"{len(numbers)} {kind} record" + "s" * (len(numbers) > 1)
        remedy = "score leaves out what they mark with --preset nist or --skip-marked, and passes over them otherwise"
        yield Fault(name, numbers[0], 1, message, remedy, NOTE)


def _uem_faults(text: str, name: str, durations: Mapping[str, float] | None) -> list[Fault]:
    faults: list[Fault] = []
    regions: dict[Key, list[tuple[float, float, int, int]]] = defaultdict(list)
    for line, written, fields in lines_with_fields(text):
        columns = _columns(written, fields)
        if len(fields) != 4:
            message = f"a UEM line has 4 fields, got {len(fields)}"
            faults.append(Fault(name, line, columns[-1], message, "write: recording 1 start end"))
            continue
        for index, what in ((0, "recording"), (1, "channel")):
            problem = name_problem(fields[index], what)
            if problem:
                faults.append(Fault(name, line, columns[index], *problem))
        start = _time(name, line, columns[2], "start", fields[2])
        end = _time(name, line, columns[3], "end", fields[3])
        faults += [value for value in (start, end) if isinstance(value, Fault)]
        if isinstance(start, Fault) or isinstance(end, Fault):
            continue
        if end < start:
            message = f"ends at {end:g} s before it starts at {start:g} s"
            faults.append(Fault(name, line, columns[3], message, "field 4 is the end, not the duration"))
        elif end == start:
            faults.append(Fault(name, line, columns[3], "the region has no length", "remove the line", WARNING))
        limit = durations.get(fields[0]) if durations else None
        if limit is not None and end > limit + 5e-4:
            message = f"ends at {end:.3f} s, beyond the audio of {limit:.3f} s"
            faults.append(Fault(name, line, columns[3], message, "cut the region", WARNING))
        regions[fields[0], fields[1].lower()].append((start, end, line, columns[2]))
    for (recording, _), rows in regions.items():
        ordered = np.array([row[:2] for row in sorted(rows)])
        if (ordered[1:, 0] < np.maximum.accumulate(ordered[:-1, 1])).any():
            message = f"regions of {recording!r} overlap"
            faults.append(Fault(name, rows[0][2], rows[0][3], message, "join them", WARNING))
    faults += _recording_faults({key: own[0][2] for key, own in regions.items()}, name, durations)
    return faults
