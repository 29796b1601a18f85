"""Reading and writing the files of the field: RTTM (who spoke when) and UEM (what is scored).

Chapter: evaluation
"""

from __future__ import annotations

import os
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from pathlib import Path

import numpy as np

from diarbook.errors import OptionError, RttmError
from diarbook.files import write_atomically
from diarbook.turns import Turn, from_audacity

RECORD_TYPES = frozenset(
    ["SPEAKER", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH",
     "FILLER", "EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"]
)  # fmt: skip
LONGEST = 1e9  # seconds, about 30 years: beyond it, a time was surely written in another unit
_BLOCK = 1 << 20
_NANOSECONDS = 1_000_000_000


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Content of a file, or an RttmError that says why not.

    Chapter: evaluation
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise RttmError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise RttmError(f"{path}: is a folder; name a file") from None
    except OSError as error:
        raise RttmError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except ValueError:
        raise RttmError(f"{path}: is not a path; check it") from None


def _decode(data: bytes | str, place: str) -> str:
    """Text in Unicode NFC, without a byte-order mark."""
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RttmError(f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    return data if data.isascii() else unicodedata.normalize("NFC", data)


def _records(text: str, place: str, number: int = 1) -> Iterator[tuple[str, list[str]]]:
    """``(place, fields)`` of every line with content, the first line being ``number``."""
    for line_number, line in enumerate(text.split("\n"), number):
        fields = line.split()
        if fields and not fields[0].startswith((";", "#")):
            yield f"{place}:{line_number}", fields


def seconds(text: str) -> float:
    """A time of an RTTM or UEM file.

    Raises
    ------
    ValueError
        Saying what a time must be.

    Chapter: evaluation
    """
    try:
        value = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"must be a number of seconds, got {text!r}")
    if not 0 <= value < float("inf"):
        raise ValueError(f"must be 0 or more and finite, got {text!r}")
    if value >= LONGEST:
        raise ValueError(f"must be below {LONGEST:.0f} seconds, got {text!r}")
    return value


def _seconds(place: str, name: str, text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise RttmError(f"{place}: {name} {error}") from None


def check_record(fields: list[str]) -> str | None:
    """What is wrong with the type or the number of fields of a line, or None.

    Chapter: evaluation
    """
    if fields[0] not in RECORD_TYPES:
        return f"a line starts with a record type such as SPEAKER, got {fields[0]!r}"
    if fields[0] == "SPEAKER" and not 8 <= len(fields) <= 10:
        return f"a SPEAKER line has 10 fields (8 at least), got {len(fields)}"
    return None


def read_rttm(path: str | os.PathLike[str]) -> dict[str, list[Turn]]:
    """Turns of every recording in an RTTM file.

    Parameters
    ----------
    path : path
        UTF-8 text. Record types other than ``SPEAKER`` are read over; comments start with ``;;``.

    Returns
    -------
    dict of str to list of Turn
        By recording, in order of first mention; turns sorted by time, in seconds.

    Raises
    ------
    RttmError
        With the file, the line number and what was expected.

    References
    ----------
    nist2009rt

    Chapter: evaluation
    """
    return parse_rttm(read_bytes(path), str(path))


def read_turns(path: str | os.PathLike[str], recording: str) -> list[Turn]:
    """Turns of one recording from RTTM, or from a label track of Audacity, which starts with a number.

    Parameters
    ----------
    path : path
    recording : str
        Which recording of an RTTM file; labels have no name and are taken for it.

    Raises
    ------
    RttmError
        When the file is malformed, with the line, or an RTTM file has no turns of the recording.

    Chapter: hybrid
    """
    data = read_bytes(path)
    text = _decode(data, str(path)).lstrip()
    if text and (text[0].isdigit() or text[0] in "-+.\\"):
        return from_audacity(text, str(path))
    known = parse_rttm(data, str(path))
    if recording not in known:
        raise RttmError(
            f"{path}: has no turns of {recording!r}, only of {', '.join(sorted(known)) or 'nobody'}; correct one"
        )
    return known[recording]


def parse_rttm(data: bytes | str, place: str = "RTTM") -> dict[str, list[Turn]]:
    """Turns of every recording in the text of an RTTM file; ``place`` names it in errors.

    Chapter: evaluation
    """
    text = _decode(data, place)
    recordings: dict[str, int] = {}
    speakers: dict[str, int] = {}
    codes: list[int] = []
    voices: list[int] = []
    times: list[np.ndarray] = []
    for number, block in _blocks(text):
        columns = _uniform_columns(block) or _checked_columns(block, place, number)
        names, labels, block_times = columns
        codes += _numbered(recordings, names)
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
    turns = _turns(start[order].tolist(), end[order].tolist(), [labels[index] for index in voice[order].tolist()])
    limits = np.searchsorted(code[order], np.arange(len(recordings) + 1)).tolist()
    return {name: turns[limits[index] : limits[index + 1]] for index, name in enumerate(recordings)}


def _numbered(numbers: dict[str, int], names: list[str]) -> Iterator[int]:
    """Number of each name; a new name gets the next one."""
    for name in dict.fromkeys(names):
        numbers.setdefault(name, len(numbers))
    return map(numbers.__getitem__, names)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Number of the first line, and the text, of pieces of about a million characters, cut at line ends."""
    begin, number = 0, 1
    while begin < len(text):
        end = text.find("\n", begin + _BLOCK)
        block = text[begin:] if end < 0 else text[begin : end + 1]
        yield number, block
        number += block.count("\n")
        begin += len(block)


def _uniform_columns(block: str) -> tuple[list[str], list[str], np.ndarray] | None:
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
    return fields[1::width], fields[7::width], times


def _checked_columns(block: str, place: str, number: int) -> tuple[list[str], list[str], np.ndarray]:
    """The same columns of any block, line by line, or an RttmError that names the line."""
    names, labels, starts, durations = [], [], [], []
    for where, fields in _records(block, place, number):
        fault = check_record(fields)
        if fault:
            raise RttmError(f"{where}: {fault}")
        if fields[0] == "SPEAKER":
            starts.append(_seconds(where, "start", fields[3]))
            durations.append(_seconds(where, "duration", fields[4]))
            names.append(fields[1])
            labels.append(fields[7])
    return names, labels, np.array([starts, durations], dtype=np.float64)


def _turns(starts: list[float], ends: list[float], labels: list[str]) -> list[Turn]:
    """Turns from checked columns; a million take a fifth of the time of as many calls of ``Turn``."""
    turns = list(map(object.__new__, repeat(Turn, len(starts))))
    for name, values in (("start", starts), ("end", ends), ("speaker", labels)):
        deque(map(getattr(Turn, name).__set__, turns, values), maxlen=0)
    return turns


def read_rttms(path: str | os.PathLike[str]) -> dict[str, list[Turn]]:
    """Turns of every recording in one RTTM file, or in all ``*.rttm`` files of a folder.

    In a folder, a file without turns stands for a recording of its own name in which nobody speaks.

    Raises
    ------
    RttmError
        Also when a folder holds no such file, or two files hold the same recording.

    Chapter: evaluation
    """
    folder = Path(path)
    if not folder.is_dir():
        return read_rttm(path)
    files = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".rttm")
    if not files:
        raise RttmError(f"{path}: the folder holds no .rttm file; name another folder or a file")
    recordings: dict[str, list[Turn]] = {}
    source: dict[str, Path] = {}
    for file in files:
        # A file without turns is the answer "nobody spoke": only its name says in which recording.
        for name, turns in (read_rttm(file) or {unicodedata.normalize("NFC", file.stem): []}).items():
            if name in recordings:
                raise RttmError(f"{file}: recording {name!r} is also in {source[name]}; keep one of them")
            recordings[name], source[name] = turns, file
    return recordings


def read_uem(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Scored regions of every recording in a UEM file.

    Returns
    -------
    dict of str to ndarray of shape (n, 2)
        Start and end, seconds, sorted.

    Raises
    ------
    RttmError
        With the file, the line number and what was expected.

    Chapter: evaluation
    """
    return parse_uem(read_bytes(path), str(path))


def parse_uem(data: bytes | str, place: str = "UEM") -> dict[str, np.ndarray]:
    """Scored regions of every recording in the text of a UEM file; ``place`` names it in errors.

    Chapter: evaluation
    """
    recordings: dict[str, list[tuple[float, float]]] = {}
    for where, fields in _records(_decode(data, place), place):
        if len(fields) != 4:
            raise RttmError(f"{where}: a UEM line has 4 fields (recording, channel, start, end), got {len(fields)}")
        start, end = _seconds(where, "start", fields[2]), _seconds(where, "end", fields[3])
        if end < start:
            raise RttmError(f"{where}: a region must end after it starts, got {start} to {end}")
        recordings.setdefault(fields[0], []).append((start, end))
    return {name: np.array(sorted(spans)) for name, spans in recordings.items()}


def format_rttm(turns: Iterable[Turn], recording: str, decimals: int = 3) -> str:
    """RTTM text of one recording, one SPEAKER line a turn.

    Parameters
    ----------
    turns : iterable of Turn
    recording : str
    decimals : int
        Digits after the point, 0 to 9. Starts and ends are rounded, so turns that touch still touch; times that need
        no more digits come back from :func:`read_rttm` exactly.

    Raises
    ------
    RttmError
        When a name is empty or contains white space, which the format cannot hold.

    Chapter: evaluation
    """
    if not 0 <= decimals <= 9:
        raise OptionError(f"decimals must lie between 0 and 9, got {decimals}")
    scale = 10**decimals
    recording = _token(recording)
    lines = []
    for turn in sorted(turns):
        if turn.start < 0:
            raise RttmError(f"a turn of {turn.speaker!r} starts at {turn.start} s; RTTM has no negative times")
        start, end = round(turn.start * scale), round(turn.end * scale)
        lines.append(
            f"SPEAKER {recording} 1 {start / scale:.{decimals}f} {(end - start) / scale:.{decimals}f}"
            f" <NA> <NA> {_token(turn.speaker)} <NA> <NA>\n"
        )
    return "".join(lines)


def _token(text: str) -> str:
    if not text or text.split() != [text]:
        raise RttmError(f"{text!r} cannot be a name in RTTM: use one word without white space")
    return text


def write_rttm(path: str | os.PathLike[str], recordings: Mapping[str, Iterable[Turn]], decimals: int = 3) -> None:
    """Write an RTTM file, whole or not at all.

    Chapter: evaluation
    """
    write_atomically(path, "".join(format_rttm(turns, name, decimals) for name, turns in recordings.items()))
