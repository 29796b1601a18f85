"""The text of RTTM and UEM files: bytes, lines, fields, times, and what is wrong with them.

Chapter: evaluation
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from diarbook.checks import check_name
from diarbook.errors import OptionError, RttmError
from diarbook.files import is_device

RECORD_TYPES = frozenset(
    ["SPEAKER", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH",
     "FILLER", "EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"]
)  # fmt: skip
PLACEHOLDER = "<NA>"
LONGEST = 1e9  # seconds, about 30 years: beyond it, a time was surely written in another unit
_BINARY = {
    b"\x1f\x8b": ("is compressed", "decompress it first"),
    b"PK\x03\x04": ("is an archive", "unpack it first"),
    b"\xff\xfe": ("is UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("is UTF-16", "save it as UTF-8"),
    **dict.fromkeys(
        (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
        ("is audio, not text", "name the file that says who speaks in it"),
    ),
}


class Problem(NamedTuple):
    """What is wrong with a line: index of the field, message, remedy.

    Chapter: evaluation
    """

    field: int
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Content of a file, or an RttmError that says why not.

    Chapter: evaluation
    """
    try:
        if is_device(path):
            raise RttmError(f"{path}: is a device, which may have no end; name a file")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise RttmError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise RttmError(f"{path}: is a folder; name a file") from None
    except OSError as error:
        raise RttmError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except ValueError:
        raise RttmError(f"{path}: is not a path; check it") from None


def encoding_problem(data: bytes) -> tuple[int, Problem] | None:
    """First byte that is not UTF-8, and what the file seems to be; None for text.

    Chapter: evaluation
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        kind = _binary_kind(data)
        if kind:
            return 0, Problem(0, f"the file {kind[0]}", kind[1])
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return error.start, Problem(0, message, "save the file as UTF-8")
    kind = _binary_kind(data) if b"\0" in data[:4096] else None
    return (0, Problem(0, f"the file {kind[0]}", kind[1])) if kind else None


def _binary_kind(data: bytes) -> tuple[str, str] | None:
    return next((kind for magic, kind in _BINARY.items() if data.startswith(magic)), None)


def decode(data: bytes | str, source: str) -> str:
    """Text in Unicode NFC without byte-order marks; ``source`` names it in errors.

    Raises
    ------
    RttmError
        When the bytes are no UTF-8; it says what they seem to be.

    Chapter: evaluation
    """
    if isinstance(data, bytes):
        fault = encoding_problem(data)
        if fault:
            offset, problem = fault
            line = data.count(b"\n", 0, offset) + 1
            raise RttmError(f"{source}:{line}: {problem}")
        data = data.decode("utf-8")
    if data.isascii():
        return data
    # Files that were joined with `cat` have a mark at the start of each.
    return unicodedata.normalize("NFC", data.removeprefix("\ufeff").replace("\n\ufeff", "\n"))


def lines_with_fields(text: str, first: int = 1) -> Iterator[tuple[int, str, list[str]]]:
    """Number, text and fields of every line that is neither empty nor a comment, the first line being ``first``.

    Chapter: evaluation
    """
    for number, line in enumerate(text.split("\n"), first):
        fields = line.split()
        if fields and not fields[0].startswith((";", "#")):
            yield number, line, fields


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


def time_remedy(text: str) -> str:
    """What to do about a time that :func:`seconds` refuses.

    Chapter: evaluation
    """
    if text.startswith("-"):
        return "a time cannot be negative: check the tool that wrote it"
    if "," in text:
        return "write the decimal point as a point, such as 12.345"
    return "write seconds with a decimal point, such as 12.345"


def is_number(text: str) -> bool:
    """Whether a field is a finite number, as Python reads it.

    Chapter: evaluation
    """
    if not text.isascii() or "_" in text:
        return False
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def is_plain_name(text: str) -> bool:
    """Whether a field is a name that needs no closer look: printable ASCII of ordinary length.

    Chapter: evaluation
    """
    return text.isascii() and text.isprintable() and len(text) < 256


def check_record(fields: Sequence[str], line: str = "") -> Problem | None:
    """What is wrong with the fields of a line of RTTM, its times apart; None when nothing is.

    Parameters
    ----------
    fields : sequence of str
        The words of the line, at least one.
    line : str
        The line itself, to name the white space in it that cannot be seen.

    Chapter: evaluation
    """
    problem = _record_problem(fields)
    hidden = _hidden_space(line) if problem else None
    if problem is None or hidden is None:
        return problem
    return Problem(*hidden) if hidden.field == 0 else problem._replace(remedy=f"{hidden.message}; {hidden.remedy}")


def _record_problem(fields: Sequence[str]) -> Problem | None:
    kind, width = fields[0], len(fields)
    if kind not in RECORD_TYPES:
        remedy = "write SPEAKER, or start a comment with ;;"
        if kind.upper() == "SPEAKER":
            remedy = "write SPEAKER in capitals"
        return Problem(0, f"a line starts with a record type such as SPEAKER, got {kind!r}", remedy)
    if kind != "SPEAKER":
        return None
    if not 8 <= width <= 10:
        remedy = "write: SPEAKER recording 1 start duration <NA> <NA> speaker <NA> <NA>"
        if width > 10:
            remedy = "names must not contain spaces: use _"
        return Problem(min(width, 9) - 1, f"a SPEAKER line has 10 fields (8 at least), got {width}", remedy)
    # A name with a space moves the fields behind it: it shows where a number or a name stands that cannot be there.
    for index in (5, 6):
        if is_number(fields[index]):
            remedy = "if a name before it contains a space, use _"
            return Problem(index, f"field {index + 1} must be <NA>, got {fields[index]!r}", remedy)
    if _is_placeholder(fields[7]) and not _is_placeholder(fields[6]):
        return Problem(6, f"field 7 must be <NA>, got {fields[6]!r}", "the speaker's name is field 8")
    for index in range(8, width):
        text = fields[index]
        if not (_is_placeholder(text) or is_number(text)):
            message = f"field {index + 1} must be <NA> or a number, got {text!r}"
            return Problem(index, message, "if the speaker's name contains a space, use _")
        if index == 8 and re.fullmatch(r"\d+", text) and int(text) > 1:
            message = f"field 9 must be <NA> or a confidence of 0 to 1, got {text!r}"
            return Problem(index, message, "if the speaker's name contains a space, use _")
    for index, what in ((1, "recording"), (7, "speaker")):
        problem = name_problem(fields[index], what)
        if problem:
            return Problem(index, *problem)
    return None


def name_problem(name: str, what: str) -> tuple[str, str] | None:
    """Message and remedy for a name that cannot be, or None.

    Chapter: evaluation
    """
    if is_plain_name(name):
        return None
    try:
        check_name(name, what)
    except OptionError as error:
        message, _, remedy = str(error).rpartition("; ")
        return message, remedy
    return None


def _is_placeholder(text: str) -> bool:
    return text.upper() == PLACEHOLDER


def _hidden_space(line: str) -> Problem | None:
    """White space inside a line that is neither a space nor a tab: field 0 for a lone carriage return, else 1."""
    for index, character in enumerate(line.rstrip()):
        if character == "\r":
            return Problem(0, "lines end with a carriage return alone", "convert to LF line ends")
        if character.isspace() and character not in " \t":
            title = unicodedata.name(character, "control character")
            before = line[:index].split()[-1:] or [""]
            return Problem(1, f"the {title} (U+{ord(character):04X}) after {before[0]!r} is white space", "use _")
    return None
