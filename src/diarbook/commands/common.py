"""What the commands share: options, and checks of what goes in and out.

Chapter: start
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np

    from diarbook.voiceprints.voiceprint import Consent

STANDARD_INPUT = "-"
DIARIZATION_MODELS = ("segmentation-3.0", "campplus")
"""What every pipeline loads, for :func:`check_models`."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# ---------------------------------------------------------------- options


force_option: Decorator = click.option("--force", is_flag=True, help="Replace files that are already there.")
"""Passed as ``force`` to :func:`checked_output` and :func:`checked_outputs`."""

threshold_option: Decorator = click.option(
    "--threshold", type=click.FloatRange(-1, 1), metavar="T", help="Cosine from which a voice is accepted, -1 to 1."
)
"""Passed as ``threshold``, None by default."""


def examples(*lines: str) -> str:
    """The end of a command's help: command lines that are not wrapped.

    Chapter: start
    """
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def store_option(help_text: str = "The store of voiceprints", *, required: bool = True) -> Decorator:
    """``--store FILE``, passed as ``path``; the environment variable DIARBOOK_STORE stands in for it.

    Chapter: start
    """
    return click.option(
        "--store",
        "path",
        required=required,
        envvar="DIARBOOK_STORE",
        metavar="FILE",
        help=f"{help_text}; or set DIARBOOK_STORE.",
    )


def consent_options(help_text: str = "What the person agreed to.", *, required: bool = True) -> Decorator:
    """``--consent TEXT`` and ``--expires DATE``, for :func:`agreed_until`.

    Chapter: start
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--expires",
                type=click.DateTime(["%Y-%m-%d"]),
                metavar="DATE",
                help="Day on which the consent ends, such as 2027-12-31.",
            ),
            click.option("--consent", required=required, metavar="TEXT", help=help_text),
        ):
            function = option(function)
        return function

    return decorated


def speakers_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--num-speakers``, ``--min-speakers`` and ``--max-speakers``, passed under the names of ``diarize``.

    Chapter: start
    """
    for name, metavar, help_text in (
        ("--max-speakers", "B", "At most so many speakers."),
        ("--min-speakers", "A", "At least so many speakers."),
        ("--num-speakers", "N", "Number of speakers, when it is known."),
    ):
        function = click.option(name, type=click.IntRange(min=1), metavar=metavar, help=help_text)(function)
    return function


def agreed_until(consent: str, expires: datetime | None) -> Consent:
    """The consent that a command line states, given now.

    Chapter: voiceprints
    """
    from diarbook.voiceprints.voiceprint import Consent, now

    return Consent(consent, now(), None if expires is None else expires.replace(tzinfo=UTC))


# ---------------------------------------------------------------- what goes in


def recording_names(files: Sequence[str]) -> list[str]:
    """A recording's name is its file's, without suffix and white space, in Unicode NFC; ``-`` is called stdin.

    Raises
    ------
    OptionError
        When two files would get the same name, and so the same output, or a file's name is no Unicode or cannot be a
        name.

    Chapter: start
    """
    import unicodedata

    from diarbook.checks import check_name
    from diarbook.errors import OptionError

    names: list[str] = []
    for file in files:
        try:
            file.encode()
        except UnicodeEncodeError:
            raise OptionError(f"{file}: the file name is not UTF-8, as RTTM must be; rename the file") from None
        stem = "stdin" if file == STANDARD_INPUT else Path(file).stem
        name = "_".join(unicodedata.normalize("NFC", stem).split()) or "recording"
        try:
            name = check_name(name, "recording")
        except OptionError as error:
            raise OptionError(f"{file}: {error} from the file's name") from None
        if name in names:
            other = files[names.index(name)]
            raise OptionError(f"{file}: would be named {name!r} like {other}; rename one or run them apart")
        names.append(name)
    return names


def standard_input() -> bytes:
    """Everything on standard input.

    Raises
    ------
    DiarbookError
        When it is closed, cannot be read or is empty.

    Chapter: start
    """
    from diarbook.errors import DiarbookError

    if sys.stdin is None:
        raise DiarbookError("standard input: is closed; pipe the data into the command or name a file")
    try:
        data = click.get_binary_stream("stdin").read()
    except OSError as error:
        raise DiarbookError(f"standard input: cannot be read ({error.strerror}); name a file") from None
    if not data:
        raise DiarbookError("standard input: is empty; pipe the data into the command or name a file")
    return data


def load_input(file: str) -> np.ndarray:
    """A recording at 16 kHz from a file, or from standard input for ``-``; the decoder's own lines are silenced.

    Raises
    ------
    AudioError
        When it cannot be read or used.

    Chapter: start
    """
    from diarbook.audio import load_audio

    return load_audio(file, quiet=True)


def read_input(path: str) -> bytes:
    """Content of a file of text, or of standard input for ``-``.

    Raises
    ------
    DiarbookError
        When it cannot be read.

    Chapter: start
    """
    if path == STANDARD_INPUT:
        return standard_input()
    from diarbook.rttm import read_bytes

    return read_bytes(path)


def input_name(path: str) -> str:
    """What messages call an input.

    Chapter: start
    """
    return "standard input" if path == STANDARD_INPUT else path


def check_one_standard_input(paths: Sequence[str | None]) -> None:
    """Refuse ``-`` for two inputs of one command: it can be read once.

    Raises
    ------
    click.UsageError

    Chapter: start
    """
    if sum(path == STANDARD_INPUT for path in paths) > 1:
        raise click.UsageError("standard input (-) can be given once only; name files for the others")


def check_models(*names: str) -> None:
    """Find out that a model is missing or corrupt before anything is computed.

    Raises
    ------
    AssetError
        With the command that fetches it.

    Chapter: start
    """
    from diarbook.assets import weights_path

    for name in names:
        weights_path(name)


# ---------------------------------------------------------------- what comes out


def checked_folder(output: str) -> Path:
    """The folder, made if need be, once a file has been written to it and removed again.

    Raises
    ------
    DiarbookError
        When it cannot be made or written to.

    Chapter: start
    """
    from diarbook.errors import DiarbookError

    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise DiarbookError(f"{folder}: cannot be written to ({reason}); choose another folder with -o") from None
    return folder


def checked_outputs(folder: Path, names: Sequence[str], *, force: bool = False) -> list[Path]:
    """Paths of files that are to be written into a folder, none of which is there unless it may be replaced.

    Raises
    ------
    DiarbookError
        When one is there and ``force`` is False, is a folder, or has a name that is too long.

    Chapter: start
    """
    from diarbook.errors import DiarbookError

    paths = [folder / name for name in names]
    there = [path for path in paths if _is_there(path)]
    if there and not force:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise DiarbookError(f"{there[0]}{others}: there already; add --force to replace, or write elsewhere with -o")
    return paths


def checked_output(output: str, *, force: bool = False) -> Path:
    """Path of one file that is to be written; its folder must exist.

    Raises
    ------
    DiarbookError
        When its folder is missing or cannot be written to, it is there and ``force`` is False, or it is a folder.

    Chapter: start
    """
    from diarbook.errors import DiarbookError

    path = Path(output)
    if not output or not path.parent.is_dir():
        raise DiarbookError(f"{output or repr(output)}: no such folder; make it or correct the path")
    [path] = checked_outputs(path.parent, [path.name], force=force)
    checked_folder(str(Path(os.path.realpath(path)).parent))
    return path


def _is_there(path: Path) -> bool:
    from diarbook.errors import DiarbookError

    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DiarbookError(f"{path}: cannot be written ({reason}); choose another name") from None
    with suppress(OSError):
        if not path.is_file():
            raise DiarbookError(f"{path}: is not a regular file; choose another name")
    return True


def write_output(text: str, path: Path | None) -> None:
    """Write a text whole to a file, or to standard output for None.

    Raises
    ------
    DiarbookError
        When the file cannot be written.

    Chapter: start
    """
    if path is None:
        click.echo(text, nl=False)
        return
    from diarbook.files import write_atomically

    write_atomically(path, text)
