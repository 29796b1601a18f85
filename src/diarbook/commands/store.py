"""``diarbook store``: what a store of voiceprints holds, and its deletion."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from diarbook.commands.common import checked_output, examples, force_option, store_option
from diarbook.commands.terminal import complain, note, one_line, quiet_option, say

if TYPE_CHECKING:
    from diarbook.voiceprints.voiceprint import Voiceprint


@click.group(
    "store",
    short_help="List, show, delete, expire, export and import voiceprints.",
    epilog=examples("diarbook store list --store voices.db", 'diarbook store delete "Ann Lee" --store voices.db'),
)
@store_option(required=False)
@click.pass_context
def command(context: click.Context, path: str | None) -> None:
    """Look into a store of voiceprints, and forget people."""
    given = context.get_parameter_source("path") is ParameterSource.COMMANDLINE
    context.obj = (path, given)


def with_store(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass ``path`` to a command: ``--store`` may stand behind it as well as before it.

    Chapter: voiceprints
    """

    @click.option("--store", "own", metavar="FILE", help="The store; or set DIARBOOK_STORE.")
    @click.pass_context
    @functools.wraps(function)
    def wrapped(context: click.Context, own: str | None, **options: Any) -> Any:
        path, given = context.obj
        if own is not None and given and own != path:
            raise click.UsageError(f"--store is given twice, {path} and {own}; leave out one", context)
        if own is None and path is None:
            raise click.UsageError("Missing option '--store'; name the file, or set DIARBOOK_STORE", context)
        return function(path=own or path, **options)

    return wrapped


def described(one: Voiceprint) -> dict[str, object]:
    """A voiceprint without its vector, as it is printed.

    Chapter: voiceprints
    """
    return {
        "name": one.name,
        "model": one.model,
        "model_version": one.model_version,
        "dimension": one.dimension,
        "net_speech": one.net_speech,
        "samples": one.samples,
        "quality": None if math.isnan(one.quality) else one.quality,
        "created": one.created.isoformat(),
        "consent": one.consent.statement,
        "given": one.consent.given.isoformat(),
        "expires": None if one.consent.expires is None else one.consent.expires.isoformat(),
        "metadata": dict(one.metadata),
    }


@command.command("list", short_help="Names, seconds of speech and dates.")
@with_store
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@quiet_option
def list_(path: str, as_json: bool) -> int:
    """List everybody in the store, by name. A damaged row is reported, and the exit status is 1."""
    from diarbook.errors import VoiceprintError
    from diarbook.voiceprints.store import VoiceprintStore
    from diarbook.voiceprints.voiceprint import now

    failed, moment = False, now()
    with VoiceprintStore(path, readonly=True) as store:
        identity = store.identity
        if not as_json:
            model = f"{identity[0]} {identity[1]}, {identity[2]} dimensions" if identity else "no model yet"
            click.echo(f"{len(store)} voiceprints of {model}")
        for name in store.names():
            try:
                one = store.get(name, ended=True)
            except VoiceprintError as error:
                complain(error)
                failed = True
                continue
            if as_json:
                click.echo(json.dumps(described(one), ensure_ascii=False))
                continue
            end = f"\tconsent ended {one.consent.expires:%Y-%m-%d}" if one.consent.ended_at(moment) else ""
            click.echo(f"{one.name}\t{one.net_speech:.1f} s\t{one.samples} samples\t{one.created:%Y-%m-%d}{end}")
    return int(failed)


@command.command("show", short_help="Everything about one voiceprint but its vector.")
@click.argument("name")
@with_store
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@quiet_option
def show(path: str, name: str, as_json: bool) -> None:
    """Show one voiceprint."""
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, readonly=True) as store:
        values = described(store.get(name, ended=True))
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False))
        return
    for key, value in values.items():
        if isinstance(value, dict):
            value = ", ".join(f"{field} {item}" for field, item in value.items())
        if isinstance(value, float):
            value = f"{value:.2f}"
        click.echo(f"{key.replace('_', ' '):14} {'-' if value in (None, '') else one_line(value)}")


@command.command("delete", short_help="Forget a person for good.")
@click.argument("name")
@with_store
@click.option("--yes", is_flag=True, help="Do not ask.")
@quiet_option
def delete(path: str, name: str, yes: bool) -> None:
    """Delete a voiceprint: its bytes are overwritten in the file and in its log."""
    from diarbook.errors import VoiceprintError
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False) as store:
        if name not in store:
            store.get(name)
        if not (yes or _confirmed(f"Delete {one_line(name)} from {path} for good?")):
            raise VoiceprintError(f"{path}: {name!r} is not deleted; use --yes to delete without a question")
        store.delete(name)
    say(f"{name} is deleted")


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort:  # nobody is there to answer
        click.echo(err=True)
        return False


@command.command("expire", short_help="Forget those whose consent has ended.")
@with_store
@click.option("--dry-run", is_flag=True, help="Say whom, and forget nobody.")
@quiet_option
def expire(path: str, dry_run: bool) -> None:
    """Delete everybody whose consent has ended, as `delete` does. Until then they are kept, and compared with nobody.

    Their names go to standard output, one a line.
    """
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False, readonly=dry_run) as store:
        names = store.ended() if dry_run else store.expire()
    for name in names:
        click.echo(one_line(name))
    say(f"{len(names)} consents have ended; {'nobody is' if dry_run or not names else 'their voiceprints are'} deleted")


@command.command("export", short_help="Write all voiceprints to a file.")
@click.argument("file")
@with_store
@force_option
@quiet_option
def export(path: str, file: str, force: bool) -> None:
    """Write every voiceprint whose consent holds as one line of JSON to FILE, which only its owner can read."""
    from diarbook.voiceprints.store import VoiceprintStore

    target = checked_output(file, force=force)
    with VoiceprintStore(path, readonly=True) as store:
        ended, count = store.ended(), store.export(target)
    for name in ended:
        note(f"{name} is left out: the consent has ended; delete with `diarbook store expire`")
    say(f"{count} voiceprints written to {file}")


@command.command("import", short_help="Read voiceprints from an export.")
@click.argument("file")
@with_store
@click.option("--replace", is_flag=True, help="Take the place of people with the same names.")
@quiet_option
def import_(path: str, file: str, replace: bool) -> None:
    """Read what ``export`` wrote, all of it or nothing."""
    from diarbook.voiceprints.records import read_export
    from diarbook.voiceprints.store import VoiceprintStore

    voiceprints = read_export(file)  # before a new store is made
    with VoiceprintStore(path) as store:
        store.add_many(voiceprints, replace=replace)
    say(f"{len(voiceprints)} voiceprints read from {file}")
