"""Writing files whole or not at all, and finding the book's own data."""

from __future__ import annotations

import os
import tempfile
from importlib import resources
from pathlib import Path

from diarbook.errors import DiarbookError


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write to a temporary file beside ``path``, then rename it into place.

    Raises
    ------
    DiarbookError
        When the folder is missing or cannot be written, or the disk is full; nothing is left behind, and a file that
        was there stays as it was.

    Chapter: start
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        raise DiarbookError(f"{path}: is not a regular file; name a file")
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as handle:
            temporary = Path(handle.name)
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise DiarbookError(
            f"{path}: cannot be written ({error.strerror}); check the folder, its permissions and the free disk space"
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


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
