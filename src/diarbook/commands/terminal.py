"""Lines and bars on standard error, and the option that silences them.

Chapter: start
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

_QUIET = "diarbook.quiet"


def one_line(text: object) -> str:
    """The text as one line that any terminal can show: what does not print is escaped.

    Chapter: start
    """
    joined = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in joined)


def is_quiet() -> bool:
    """Whether the running command was given ``--quiet``.

    Chapter: start
    """
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def say(text: object) -> None:
    """A line about the work, on standard error; nothing with ``--quiet``.

    Chapter: start
    """
    if not is_quiet():
        click.echo(one_line(text), err=True)


def note(text: object) -> None:
    """A line about what the user should know of the result, on standard error; nothing with ``--quiet``.

    Chapter: start
    """
    say(f"diarbook: note: {text}")


def complain(text: object) -> None:
    """A line about what failed while the command goes on, on standard error, also with ``--quiet``.

    Chapter: start
    """
    click.echo(f"diarbook: {one_line(text)}", err=True)


def draws_bars() -> bool:
    """Whether progress is drawn: standard error is a terminal that can move its cursor, and nobody asked for quiet.

    Chapter: start
    """
    return not is_quiet() and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(name: str) -> Iterator[Callable[[str, float], None]]:
    """Draw how much of the work on a recording is done, where :func:`draws_bars` says so.

    Yields
    ------
    callable
        Takes the name of the stage and the share of all the work that is done, 0 to 1.

    Chapter: start
    """
    if not draws_bars():
        yield lambda _stage, _share: None
        return
    from tqdm import tqdm

    layout = "{desc}: {percentage:3.0f}%|{bar:24}| {elapsed}{postfix}"
    with tqdm(total=100, desc=one_line(name), file=sys.stderr, bar_format=layout) as bar:

        def advance(stage: str, share: float) -> None:
            bar.set_postfix_str(stage, refresh=False)
            bar.update(max(0, round(100 * share) - bar.n))

        yield advance
        bar.update(100 - bar.n)  # silence is done without any stage


@contextmanager
def downloads() -> Iterator[Callable[[str, int, int], None]]:
    """Draw how much of each package has arrived, where :func:`draws_bars` says so.

    Yields
    ------
    callable
        Takes the name of the package, the bytes so far and the bytes in all.

    Chapter: start
    """
    if not draws_bars():
        yield lambda _package, _done, _total: None
        return
    from tqdm import tqdm

    with ExitStack() as stack:
        bars: dict[str, tqdm] = {}

        def advance(package: str, done: int, total: int) -> None:
            if package not in bars:
                bar = tqdm(total=total, desc=package, unit="B", unit_scale=True, file=sys.stderr)
                bars[package] = stack.enter_context(bar)
            bars[package].update(done - bars[package].n)
            if done == total:
                bars.pop(package).close()

        yield advance


def _quiet(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_QUIET] = True


quiet_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="Say nothing on standard error but errors."
)
"""Silences :func:`say`, :func:`note`, :func:`progress` and warnings about sound; errors are still shown."""
