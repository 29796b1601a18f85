"""RTTM and UEM as files and as text: what other stages read and write.

Chapter: evaluation
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diarbook.checks import check_name
from diarbook.errors import OptionError, RttmError
from diarbook.files import write_atomically
from diarbook.rttm.parse import Key, Mark, name_recordings, parse_marks, parse_regions, parse_turns
from diarbook.rttm.records import decode, read_bytes
from diarbook.turns import Turn, from_audacity


@dataclass(frozen=True)
class RttmContent:
    """What RTTM files say, by file and channel.

    Parameters
    ----------
    turns : mapping of (str, str) to list of Turn
        In order of first mention; turns sorted by time.
    marks : mapping of (str, str) to list of Mark
        Sorted by time.

    Chapter: evaluation
    """

    turns: Mapping[Key, list[Turn]]
    marks: Mapping[Key, list[Mark]]


def rttm_name(name: str) -> str:
    """The one word that RTTM writes for a name: in Unicode NFC, white space as ``_``.

    Examples
    --------
    >>> rttm_name("Ann Lee")
    'Ann_Lee'

    Chapter: evaluation
    """
    return "_".join(unicodedata.normalize("NFC", name).split())


def read_rttm(path: str | os.PathLike[str]) -> dict[str, list[Turn]]:
    """Turns of every recording in an RTTM file.

    Parameters
    ----------
    path : path
        UTF-8 text. Record types other than ``SPEAKER`` are read over; comments start with ``;;``.

    Returns
    -------
    dict of str to list of Turn
        By recording, in order of first mention; turns sorted by time, in seconds. A recording with several channels
        is as many entries, ``call/1`` and ``call/2``.

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
    text = decode(data, str(path))
    first = text.lstrip()[:1]
    if first.isdigit() or first in ("-", "+", ".", "\\"):
        return from_audacity(text, str(path))
    known = parse_rttm(data, str(path))
    if recording not in known:
        raise RttmError(f"{path}: has no turns of {recording!r}, only of {_listed(known)}; correct one")
    return known[recording]


def _listed(names: Iterable[str], most: int = 5) -> str:
    """Names for an error, as many as fit into a line."""
    names = sorted(names)
    shown = ", ".join(names[:most]) or "nobody"
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def parse_rttm(data: bytes | str, source: str = "RTTM") -> dict[str, list[Turn]]:
    """Turns of every recording in the text of an RTTM file; ``source`` names it in errors.

    Examples
    --------
    >>> parse_rttm("SPEAKER call 1 0.5 1.25 <NA> <NA> Ann <NA> <NA>")
    {'call': [Turn(start=0.5, end=1.75, speaker='Ann')]}

    Chapter: evaluation
    """
    [turns] = name_recordings(parse_turns(decode(data, source), source))
    return turns


def read_content(path: str | os.PathLike[str]) -> RttmContent:
    """Turns and marks of one RTTM file, or of all ``*.rttm`` files of a folder.

    In a folder, a file without turns stands for a recording of its own name in which nobody speaks.

    Raises
    ------
    RttmError
        Also when a folder holds no such file, or two files hold the same recording.

    Chapter: evaluation
    """
    folder = Path(path)
    if not folder.is_dir():
        return parse_content(read_bytes(path), str(path))
    files = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".rttm")
    if not files:
        raise RttmError(f"{path}: the folder holds no .rttm file; name another folder or a file")
    turns: dict[Key, list[Turn]] = {}
    marks: dict[Key, list[Mark]] = {}
    source: dict[Key, Path] = {}
    for file in files:
        content = parse_content(read_bytes(file), str(file))
        # A file without turns is the answer "nobody spoke": only its name says in which recording.
        for key, rows in (content.turns or {(rttm_name(file.stem), "1"): []}).items():
            if key in turns:
                raise RttmError(f"{file}: recording {key[0]!r} is also in {source[key]}; keep one of them")
            turns[key], source[key] = rows, file
        marks |= content.marks
    return RttmContent(turns, marks)


def parse_content(data: bytes | str, source: str = "RTTM") -> RttmContent:
    """Turns and marks of the text of an RTTM file; ``source`` names it in errors.

    Chapter: evaluation
    """
    text = decode(data, source)
    return RttmContent(parse_turns(text, source), parse_marks(text, source))


def read_rttms(path: str | os.PathLike[str]) -> dict[str, list[Turn]]:
    """Turns of every recording in one RTTM file, or in all ``*.rttm`` files of a folder; see :func:`read_content`.

    Chapter: evaluation
    """
    [turns] = name_recordings(read_content(path).turns)
    return turns


def read_uem(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Scored regions of every recording in a UEM file.

    Returns
    -------
    dict of str to ndarray of shape (n, 2)
        Start and end, seconds, sorted. Channels are kept apart as in :func:`read_rttm`.

    Raises
    ------
    RttmError
        With the file, the line number and what was expected.

    References
    ----------
    nist2009rt

    Chapter: evaluation
    """
    return parse_uem(read_bytes(path), str(path))


def parse_uem(data: bytes | str, source: str = "UEM") -> dict[str, np.ndarray]:
    """Scored regions of every recording in the text of a UEM file; ``source`` names it in errors.

    Examples
    --------
    >>> parse_uem("call 1 0 30.5")
    {'call': array([[ 0. , 30.5]])}

    Chapter: evaluation
    """
    [regions] = name_recordings(parse_regions(data, source))
    return regions


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
        When a name is none by :func:`diarbook.checks.check_name`, or contains a space, which the format cannot hold.

    Examples
    --------
    >>> print(format_rttm([Turn(0.5, 1.75, "Ann")], "call"), end="")
    SPEAKER call 1 0.500 1.250 <NA> <NA> Ann <NA> <NA>

    Chapter: evaluation
    """
    if not 0 <= decimals <= 9:
        raise OptionError(f"decimals must lie between 0 and 9, got {decimals}")
    scale = 10**decimals
    recording = _word(recording, "recording")
    turns = sorted(turns)
    words = {speaker: _word(speaker, "speaker") for speaker in dict.fromkeys(turn.speaker for turn in turns)}
    lines = []
    for turn in turns:
        if turn.start < 0:
            raise RttmError(f"a turn of {turn.speaker!r} starts at {turn.start} s; RTTM has no negative times")
        start, end = round(turn.start * scale), round(turn.end * scale)
        lines.append(
            f"SPEAKER {recording} 1 {start / scale:.{decimals}f} {(end - start) / scale:.{decimals}f}"
            f" <NA> <NA> {words[turn.speaker]} <NA> <NA>\n"
        )
    return "".join(lines)


def _word(name: str, what: str) -> str:
    """A name that fills one field."""
    try:
        word = check_name(name, what)
    except OptionError as error:
        raise RttmError(str(error)) from None
    if " " in word:
        raise RttmError(f"{what} name {word!r} contains a space, which RTTM cannot hold; use _")
    return word


def write_rttm(path: str | os.PathLike[str], recordings: Mapping[str, Iterable[Turn]], decimals: int = 3) -> None:
    """Write an RTTM file, whole or not at all.

    Chapter: evaluation
    """
    write_atomically(path, "".join(format_rttm(turns, name, decimals) for name, turns in recordings.items()))
