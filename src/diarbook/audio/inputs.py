"""Where the bytes of a recording come from: a file, a pipe, standard input, an archive; always so that they can seek.

Chapter: start
"""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from diarbook.audio.containers import HEAD, container
from diarbook.errors import AudioError

STANDARD_INPUT = "-"
SPOOL = 1 << 26
"""Bytes of a pipe that are kept in memory; what is more goes to a temporary file."""


def shown_name(path: str | os.PathLike[str]) -> str:
    """What messages call a file: one line that any terminal shows, whatever its name is made of.

    Chapter: start
    """
    if os.fspath(path) == STANDARD_INPUT:
        return "standard input"
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def opened(source: str | os.PathLike[str] | BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Open a source of bytes so that it can seek: a pipe is copied to memory, and to a temporary file when it is long.

    Parameters
    ----------
    source : path or binary file
        ``"-"`` is standard input.
    name : str
        What messages call it.

    Raises
    ------
    AudioError
        When it is missing, a folder, empty, or cannot be read.

    Chapter: start
    """
    with ExitStack() as stack:
        try:
            file = source
            if not hasattr(source, "read"):
                if os.fspath(source) != STANDARD_INPUT:
                    file = stack.enter_context(open(source, "rb"))
                elif (file := getattr(sys.stdin, "buffer", None)) is None:
                    raise AudioError(f"{name}: is closed; name a file, or pipe one")
            if file.isatty():
                raise AudioError(f"{name}: is a terminal, not audio; name a file, or pipe one")
            if not _can_seek(file):
                file = stack.enter_context(_spooled(file, name))
            if file.seek(0, io.SEEK_END) == 0:
                raise AudioError(f"{name}: the file is empty; record or export it again")
        except FileNotFoundError:
            raise AudioError(f"{name}: no such file; check the path") from None
        except IsADirectoryError:
            raise AudioError(f"{name}: is a folder; name an audio file") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AudioError(f"{name}: cannot be read ({reason}); check the path and its permissions") from None
        yield file


def _can_seek(file: BinaryIO) -> bool:
    """Whether it is a file with an end: a device says that it can seek."""
    try:
        return file.seekable() and not stat.S_ISCHR(os.fstat(file.fileno()).st_mode)
    except (AttributeError, OSError):  # an archive's member, or bytes in memory
        return file.seekable()


def _spooled(pipe: BinaryIO, name: str) -> BinaryIO:
    """A copy of all that comes out of a pipe."""
    copy = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115
    kind = None
    while data := pipe.read(1 << 20):
        kind = kind or container(data[:HEAD]) or "unknown"
        copy.write(data)
        if kind == "unknown" and copy.tell() > SPOOL:
            copy.close()
            raise AudioError(f"{name}: does not begin like an audio file; pipe WAV, FLAC, OGG or MP3")
    return copy
