"""The command ``diarbook``: it only assembles the commands of ``diarbook.commands``, and tells errors in one line.

Chapter: start
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from diarbook import __version__
from diarbook.errors import DiarbookError

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
    "store": "List, show, delete, export and import voiceprints.",
    "ontology": "Check and export the book's terms.",
    "fetch": "Bring models and recordings into the cache.",
    "info": "Show versions, the cache and the licences of what is in it.",
}


class LazyGroup(click.Group):
    """A group that imports a command only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: D102
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"diarbook.commands.{name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def group() -> None:
    """Speaker diarization: who spoke when."""


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _stop(message: str, status: int) -> NoReturn:
    print(f"diarbook: {_one_line(message)}", file=sys.stderr)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Every error that a user can cause is one line on standard error. The exit status is 0 for success, 1 for an error,
    2 for wrong usage and 130 for an interrupt.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Chapter: start
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        # Not group.main(): it has its own words for interrupts and broken pipes.
        with group.make_context("diarbook", arguments or ["--help"]) as context:
            status = group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        status = exit_.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "diarbook"
        _stop(f"{error.format_message()} (see `{where} --help`)", 2)
    except click.ClickException as error:
        _stop(error.format_message(), 1)
    except DiarbookError as error:
        _stop(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        _stop("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone; point it elsewhere, so that Python's own flush at exit stays silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MemoryError:
        _stop("out of memory; give shorter audio or close other programs", 1)
    sys.exit(status if isinstance(status, int) else 0)
