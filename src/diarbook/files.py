"""Writing files whole or not at all, and finding the book's own data."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from importlib import resources
from pathlib import Path

from diarbook.errors import DiarbookError

TEMPORARY = ".diarbook-"
"""How the names of half-written files begin; a kill can leave one behind, and nothing reads it."""


def write_atomically(path: str | os.PathLike[str], content: str | bytes, *, private: bool = False) -> None:
    """Write to a temporary file beside ``path``, then rename it into place.

    A symbolic link is written through. A file that was there keeps its permissions; a new one gets those that the
    user's umask leaves.

    Parameters
    ----------
    path : path
    content : str or bytes
        Text is written as UTF-8.
    private : bool
        Let nobody but the owner read and write the file, whatever was there.

    Raises
    ------
    DiarbookError
        When the folder is missing or cannot be written, the disk is full, or the text is no Unicode; nothing is left
        behind, and a file that was there stays as it was.

    Chapter: start
    """
    named, path = path, Path(os.path.realpath(path))
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DiarbookError(f"{named}: is not a regular file; name a file")
    try:
        data = content.encode() if isinstance(content, str) else content
    except UnicodeEncodeError as error:
        broken = content[error.start : error.end]
        raise DiarbookError(f"{named}: {broken!r} cannot be written as UTF-8; rename what holds it") from None
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        mode = 0o600 if private else stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        # What becomes private is private from the start; otherwise the kernel applies the umask.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise DiarbookError(
            f"{named}: cannot be written ({error.strerror}); check the folder, its permissions and the free disk space"
        ) from None
    finally:
        with suppress(OSError):  # after the renaming there is none
            temporary.unlink()


def repository_root() -> Path | None:
    """The checkout that this package runs from, or None when it is installed as a wheel.

    Chapter: start
    """
    root = Path(__file__).resolve().parents[2]
    return root if (root / "data" / "models.yaml").is_file() else None


def read_data(name: str) -> str:
    """Text of a file of the project's ``data`` folder, from a checkout or from the installed package.

    Chapter: start
    """
    root = repository_root()
    if root is not None:
        return (root / "data" / name).read_text(encoding="utf-8")
    return (resources.files("diarbook") / "data" / name).read_text(encoding="utf-8")


def read_script(name: str) -> str:
    """Source of an interactive element of the book, from a checkout or from the installed package.

    Raises
    ------
    DiarbookError
        When the package was installed without it.

    Chapter: playground
    """
    root = repository_root()
    source = root / "book" / "_static" / name if root is not None else resources.files("diarbook") / "data" / name
    try:
        return source.read_text(encoding="utf-8")
    except OSError:
        raise DiarbookError(f"{source}: missing; reinstall diarbook or restore the file") from None


def is_device(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a device, which may never end; the null device, which is empty, is none.

    Chapter: start
    """
    path = Path(path)
    return path.is_char_device() and not path.samefile(os.devnull)
