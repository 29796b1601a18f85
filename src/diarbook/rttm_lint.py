"""What is wrong with an RTTM or UEM file: every fault with its line, its column and what to do.

Chapter: evaluation
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from diarbook.errors import RttmError
from diarbook.rttm import check_record, parse_rttm, parse_uem, read_bytes, seconds

ERROR, WARNING = "error", "warning"
_PLACEHOLDER = "<NA>"


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
    severity : {"error", "warning"}
        Readers refuse a file with an error; a warning is legal, and often a mistake.

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
        Seconds of audio of each recording, to find turns that lie beyond it.

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
    faults += list(_line_end_faults(text, name))
    faults += check(text.lstrip("\ufeff") if text.startswith("\ufeff") else text, name, durations or {})
    if not any(fault.severity == ERROR for fault in faults):
        # The reader has the last word: what it refuses is a fault, even if no check above knows why.
        try:
            parse(data, name)
        except RttmError as error:
            where = re.match(re.escape(name) + r":(\d+): ", str(error))
            faults.append(Fault(name, int(where[1]) if where else 1, 1, str(error), "correct it"))
    return sorted(faults)


def _decoded(data: bytes, name: str) -> tuple[str, list[Fault]]:
    """Text in Unicode NFC, and the faults of its encoding."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
        return _normalized(text), [Fault(name, 1, 1, "the file is UTF-16", "save it as UTF-8")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        text = _normalized(data.decode("utf-8", errors="replace"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return text, [Fault(name, line, column, message, "save the file as UTF-8")]
    faults = []
    if text.startswith("\ufeff"):
        faults.append(
            Fault(name, 1, 1, "the file starts with a byte-order mark", "save it as UTF-8 without one", WARNING)
        )
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
        line, column = _place(text, first)
        message = f"{windows} lines end as on Windows (CR LF)" if windows > 1 else "a line ends as on Windows (CR LF)"
        yield Fault(name, line, column, message, "convert to LF line ends", WARNING)
    for match in re.finditer(r"\r(?!\n)|\x00", text):
        line, column = _place(text, match.start())
        what = "a lone carriage return" if match[0] == "\r" else "a NUL character"
        yield Fault(name, line, column, f"{what} inside a line", "remove it; lines end with LF", WARNING)
        break


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _lines(text: str) -> Iterator[tuple[int, list[str], list[int]]]:
    """Line number, fields and columns of the fields, of every line with content."""
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith((";", "#")):
            continue
        columns, position = [], 0
        for field in fields:
            position = line.index(field, position)
            columns.append(position + 1)
            position += len(field)
        yield number, fields, columns


def _time(name: str, line: int, column: int, what: str, text: str) -> float | Fault:
    try:
        return seconds(text)
    except ValueError as error:
        remedy = "write seconds with a decimal point, such as 12.345"
        if text.startswith("-"):
            remedy = "a time cannot be negative: check the tool that wrote it"
        elif "," in text:
            remedy = "write the decimal point as a point, such as 12.345"
        return Fault(name, line, column, f"{what} {error}", remedy)


def _rttm_faults(text: str, name: str, durations: Mapping[str, float]) -> list[Fault]:
    faults: list[Fault] = []
    turns: dict[tuple[str, str], list[tuple[float, float, int, int]]] = defaultdict(list)
    latest: dict[str, tuple[float, int]] = {}
    previous = None
    warned: set[str] = set()
    records = 0

    def warn(line: int, column: int, message: str, remedy: str) -> None:
        faults.append(Fault(name, line, column, message, remedy, WARNING))

    for line, fields, columns in _lines(text):
        problem = check_record(fields)
        if problem:
            column = columns[0] if fields[0] != "SPEAKER" else columns[min(len(columns), 9) - 1]
            faults.append(Fault(name, line, column, problem, _record_remedy(fields)))
            continue
        if fields[0] != "SPEAKER":
            continue
        records += 1
        if len(fields) < 10 and "width" not in warned:
            warned.add("width")
            warn(line, columns[-1], f"{len(fields)} fields where the format has 10", "end the line with <NA> <NA>")
        start = _time(name, line, columns[3], "start", fields[3])
        length = _time(name, line, columns[4], "duration", fields[4])
        faults += [value for value in (start, length) if isinstance(value, Fault)]
        recording, speaker = fields[1], fields[7]
        if speaker == _PLACEHOLDER:
            warn(line, columns[7], "the speaker is <NA>", "name the speaker in field 8")
        if recording != previous and recording in latest and ("mixed", recording) not in warned:
            warned.add(("mixed", recording))
            message = f"recording {recording!r} goes on after lines of {previous!r}"
            warn(line, columns[1], message, "keep the lines of a recording together")
        previous = recording
        if isinstance(start, Fault) or isinstance(length, Fault):
            latest.setdefault(recording, (0.0, line))
            continue
        if length == 0:
            warn(
                line, columns[4], "the turn has no length", "remove the line: it changes no score of ours, but others'"
            )
        if recording in latest and start < latest[recording][0]:
            message = f"starts at {start:g} s, before line {latest[recording][1]} at {latest[recording][0]:g} s"
            warn(line, columns[3], message, "sort the lines by start")
        latest[recording] = max(latest.get(recording, (0.0, line)), (start, line))
        limit = durations.get(recording)
        if limit is not None and start + length > limit + 5e-4:
            message = f"ends at {start + length:.3f} s, beyond the audio of {limit:.3f} s"
            warn(line, columns[4], message, "cut the turn, or check the recording")
        turns[recording, speaker].append((start, start + length, line, columns[3]))
    faults += _overlap_faults(turns, name)
    if not records and not faults:
        warn(1, 1, "no SPEAKER line", "check that this is the right file: it says that nobody speaks")
    return faults


def _record_remedy(fields: list[str]) -> str:
    if fields[0] != "SPEAKER":
        if fields[0].upper() == "SPEAKER":
            return "write SPEAKER in capitals"
        return "write SPEAKER, or start a comment with ;;"
    if len(fields) > 10:
        return "names must not contain spaces: use _"
    return "write: SPEAKER recording 1 start duration <NA> <NA> speaker <NA> <NA>"


def _overlap_faults(turns: Mapping[tuple[str, str], list[tuple[float, float, int, int]]], name: str) -> Iterator[Fault]:
    """Turns of one speaker that overlap an earlier one, by more than a rounded millisecond."""
    for (_, speaker), rows in turns.items():
        last_end, last_line = -math.inf, 0
        for start, end, line, column in sorted(rows):
            if start < last_end - 1.5e-3 and end > start:
                message = f"{speaker!r} still speaks on line {last_line}, until {last_end:.3f} s"
                yield Fault(name, line, column, message, "join the two turns: scorers count them differently", WARNING)
            if end > last_end:
                last_end, last_line = end, line


def _uem_faults(text: str, name: str, durations: Mapping[str, float]) -> list[Fault]:
    faults: list[Fault] = []
    regions: dict[str, list[tuple[float, float, int, int]]] = defaultdict(list)
    for line, fields, columns in _lines(text):
        if len(fields) != 4:
            message = f"a UEM line has 4 fields, got {len(fields)}"
            faults.append(Fault(name, line, columns[-1], message, "write: recording 1 start end"))
            continue
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
        limit = durations.get(fields[0])
        if limit is not None and end > limit + 5e-4:
            message = f"ends at {end:.3f} s, beyond the audio of {limit:.3f} s"
            faults.append(Fault(name, line, columns[3], message, "cut the region", WARNING))
        regions[fields[0]].append((start, end, line, columns[2]))
    for recording, rows in regions.items():
        ordered = np.array([row[:2] for row in sorted(rows)])
        if (ordered[1:, 0] < np.maximum.accumulate(ordered[:-1, 1])).any():
            message = f"regions of {recording!r} overlap"
            faults.append(Fault(name, rows[0][2], rows[0][3], message, "join them", WARNING))
    return faults
