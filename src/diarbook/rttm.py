"""Reading and writing the files of the field: RTTM (who spoke when) and UEM (what is scored).

Chapter: evaluation
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from diarbook.errors import RttmError
from diarbook.files import write_atomically
from diarbook.turns import Turn

RECORD_TYPES = frozenset(
    ["SPEAKER", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"]
)


def _lines(path: str | os.PathLike[str]) -> Iterable[tuple[str, list[str]]]:
    """``(place, fields)`` of every line with content; text is brought to Unicode NFC."""
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise RttmError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise RttmError(f"{path}: is a folder; name a file") from None
    except OSError as error:
        raise RttmError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError as error:
        raise RttmError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    for number, line in enumerate(unicodedata.normalize("NFC", text).split("\n"), 1):
        fields = line.split()
        if fields and not fields[0].startswith((";", "#")):
            yield f"{path}:{number}", fields


def _seconds(place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise RttmError(f"{place}: {name} must be a number of seconds, got {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise RttmError(f"{place}: {name} must be 0 or more and finite, got {text!r}")
    return value


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
    recordings: dict[str, list[Turn]] = {}
    for place, fields in _lines(path):
        if fields[0] not in RECORD_TYPES:
            raise RttmError(f"{place}: a line starts with a record type such as SPEAKER, got {fields[0]!r}")
        if fields[0] != "SPEAKER":
            continue
        if not 8 <= len(fields) <= 10:
            raise RttmError(f"{place}: a SPEAKER line has 10 fields (8 at least), got {len(fields)}")
        start, duration = _seconds(place, "start", fields[3]), _seconds(place, "duration", fields[4])
        recordings.setdefault(fields[1], []).append(Turn(start, start + duration, fields[7]))
    return {name: sorted(turns) for name, turns in recordings.items()}


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
    recordings: dict[str, list[tuple[float, float]]] = {}
    for place, fields in _lines(path):
        if len(fields) != 4:
            raise RttmError(f"{place}: a UEM line has 4 fields (recording, channel, start, end), got {len(fields)}")
        start, end = _seconds(place, "start", fields[2]), _seconds(place, "end", fields[3])
        if end < start:
            raise RttmError(f"{place}: a region must end after it starts, got {start} to {end}")
        recordings.setdefault(fields[0], []).append((start, end))
    return {name: np.array(sorted(spans)) for name, spans in recordings.items()}


def format_rttm(turns: Iterable[Turn], recording: str) -> str:
    """RTTM text of one recording, one SPEAKER line a turn, milliseconds.

    Raises
    ------
    RttmError
        When a name is empty or contains white space, which the format cannot hold.

    Chapter: evaluation
    """

    def token(text: str) -> str:
        if not text or text.split() != [text]:
            raise RttmError(f"{text!r} cannot be a name in RTTM: use one word without white space")
        return text

    recording = token(recording)
    return "".join(
        f"SPEAKER {recording} 1 {t.start:.3f} {t.duration:.3f} <NA> <NA> {token(t.speaker)} <NA> <NA>\n"
        for t in sorted(turns)
    )


def write_rttm(path: str | os.PathLike[str], recordings: Mapping[str, Iterable[Turn]]) -> None:
    """Write an RTTM file, whole or not at all.

    Chapter: evaluation
    """
    write_atomically(path, "".join(format_rttm(turns, name) for name, turns in recordings.items()))
