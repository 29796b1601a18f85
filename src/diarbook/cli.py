"""The command ``diarbook``: it only assembles the commands of ``diarbook.commands``, and reports errors in one line.

Chapter: start
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

import click

from diarbook import __version__
from diarbook.commands.terminal import note, one_line
from diarbook.errors import AudioWarning, DiarbookError

COMMANDS = {
    "diarize": "Write who spoke when in audio files.",
    "stream": "Write who speaks while they speak.",
    "score": "Score a diarization against a reference.",
    "lint": "Find every fault of RTTM and UEM files.",
    "enroll": "Make a voiceprint of a person and keep it.",
    "enroll-all": "Enroll everybody whom corrected turns name.",
    "verify": "Compare a voice with a voiceprint or with another recording.",
    "identify": "Name the speakers of a conversation.",
    "adapt": "Let voiceprints follow their owners.",
    "store": "List, show, delete, expire, export and import voiceprints.",
    "ontology": "Check and export the book's terms.",
    "fetch": "Bring models and recordings into the cache.",
    "info": "Show versions, the cache and the licenses of what is in it.",
}


class LazyGroup(click.Group):
    """A group that imports a command only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: D102
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"diarbook.commands.{name.replace('-', '_')}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may be meant: Click knows of none that it has not imported."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            similar = " or ".join(map(repr, difflib.get_close_matches(name, COMMANDS)))
            ctx.fail(f"No such command {name!r}.{f' Did you mean {similar}?' if similar else ''}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def group() -> None:
    """Speaker diarization: who spoke when.

    `diarbook COMMAND --help` explains a command and gives examples. Results go to standard output; progress, notes and
    errors go to standard error, and --quiet leaves only the errors. The exit status is 0 for success, 1 for an error,
    2 for wrong usage and 130 for an interrupt.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Every error that a user can cause is one line on standard error. The exit status is 0 for success, 1 for an error,
    2 for wrong usage and 130 for an interrupt. A reader of standard output that leaves early is no error; a standard
    error that cannot be written to stops nothing.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Chapter: start
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    with _standard_streams():
        status = _run(arguments or ["--help"])
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    """Exit status of the command line."""
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "diarbook"
        return _failure(f"{error.format_message()}{_dash_hint(error, arguments)} (see `{where} --help`)", 2)
    except click.ClickException as error:
        return _failure(error.format_message())
    except DiarbookError as error:
        return _failure(error)
    except (KeyboardInterrupt, click.Abort):
        return _failure("interrupted", 130)
    except OSError as error:
        if error is not sys.stdout.failure:
            return _failure(f"{error.filename}: {error.strerror}; check the path" if error.filename else error)
        if isinstance(error, BrokenPipeError):  # the reader of our output has what it wants
            return 0
        return _failure(
            f"standard output: cannot be written ({error.strerror}); check where it goes and the disk space"
        )
    except MemoryError:
        return _failure("out of memory; give shorter audio or close other programs")
    return status if isinstance(status, int) else 0


def _invoke(arguments: list[str]) -> object:
    """What the command returns, or the status with which it ends early."""
    try:
        # Not group.main(): it has its own words for interrupts and broken pipes.
        with group.make_context("diarbook", arguments.copy()) as context, _notes_about_sound():
            return group.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit as end:
        return end.code


def _failure(message: object, status: int = 1) -> int:
    print(f"diarbook: {one_line(message)}", file=sys.stderr)
    return status


def _dash_hint(error: click.UsageError, arguments: Sequence[str]) -> str:
    """What to do where the name of a file, which starts with a dash, was taken for options."""
    if isinstance(error, click.NoSuchOption):
        for argument in arguments:
            if argument.startswith(error.option_name) and (os.path.lexists(argument) or "." in argument):
                return f" A name that starts with a dash goes after --: `-- {argument}`, or is written `./{argument}`."
    return ""


# ---------------------------------------------------------------- standard streams and warnings


class _Output:
    """A standard stream that knows why it could not be written, and then leads nowhere.

    Python flushes what is left when it exits, and would complain of the failure once more.
    """

    def __init__(self, stream: TextIO, required: bool) -> None:
        self._stream, self._required = stream, required
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        # Click tries streams with an empty text and swallows what happens, which would hide a full disk.
        return 0 if text == "" else self._checked(self._stream.write, text) or 0

    def flush(self) -> None:
        self._checked(self._stream.flush)

    def _checked(self, method: Callable[..., Any], *arguments: str) -> Any:
        try:
            return method(*arguments)
        except OSError as error:
            self.failure = error
            with suppress(OSError, ValueError, AttributeError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
            if self._required:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _standard_streams() -> Iterator[None]:
    """Give a process that was started without some of its streams others in their place, and write UTF-8."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened, such as a store, would be standard output
            os.open(os.devnull, os.O_RDWR if number == 2 else os.O_RDONLY)
    before = sys.stdout, sys.stderr
    # Every write to the substitute for standard output fails, as it should.
    out = before[0] or open(1, "w", closefd=False)  # noqa: SIM115
    err = before[1] or open(2, "w", closefd=False)  # noqa: SIM115
    if isinstance(out, io.TextIOWrapper):
        # RTTM is UTF-8 wherever it is written; the path of a file leaves as the bytes that it came as.
        out.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout, sys.stderr = _Output(out, required=True), _Output(err, required=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def _notes_about_sound() -> Iterator[None]:
    """Print warnings about sound, each once, as notes; keep other warnings and logs of libraries from the terminal."""
    import logging

    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if issubclass(category, AudioWarning) and str(message) not in shown:
            shown.add(str(message))
            note(message)

    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        if not sys.warnoptions:  # who asks Python for warnings gets them
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", AudioWarning)
            warnings.showwarning = show
            logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)
