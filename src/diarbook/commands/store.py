"""``diarbook store``: what a store of voiceprints holds, and its deletion."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from diarbook.voiceprints.voiceprint import Voiceprint


@click.group("store", short_help="List, show, delete, export and import voiceprints.")
@click.option(
    "--store", "path", required=True, envvar="DIARBOOK_STORE", metavar="FILE", help="The store; or set DIARBOOK_STORE."
)
@click.pass_context
def command(context: click.Context, path: str) -> None:
    """Look into a store of voiceprints, and forget people."""
    context.obj = path


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
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(path: str, as_json: bool) -> None:
    """List everybody in the store, by name."""
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False) as store:
        identity = store.identity
        if not as_json:
            model = f"{identity[0]} {identity[1]}, {identity[2]} dimensions" if identity else "no model yet"
            click.echo(f"{len(store)} voiceprints of {model}")
        for one in store:
            if as_json:
                click.echo(json.dumps(described(one), ensure_ascii=False))
            else:
                click.echo(f"{one.name}\t{one.net_speech:.1f} s\t{one.samples} samples\t{one.created:%Y-%m-%d}")


@command.command("show", short_help="Everything about one voiceprint but its vector.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def show(path: str, name: str, as_json: bool) -> None:
    """Show one voiceprint."""
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False) as store:
        values = described(store.get(name))
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False))
        return
    for key, value in values.items():
        if isinstance(value, dict):
            value = ", ".join(f"{field} {item}" for field, item in value.items())
        if isinstance(value, float):
            value = f"{value:.2f}"
        click.echo(f"{key.replace('_', ' '):14} {'-' if value in (None, '') else value}")


@command.command("delete", short_help="Forget a person for good.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(path: str, name: str, yes: bool) -> None:
    """Delete a voiceprint: its bytes are overwritten in the file and in its log."""
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False) as store:
        store.get(name)
        if not yes:
            click.confirm(f"Delete {name} from {path} for good?", abort=True, err=True)
        store.delete(name)
    click.echo(f"{name} is deleted", err=True)


@command.command("export", short_help="Write all voiceprints to a file.")
@click.argument("file")
@click.pass_obj
def export(path: str, file: str) -> None:
    """Write every voiceprint as one line of JSON to FILE."""
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False) as store:
        count = store.export(file)
    click.echo(f"{count} voiceprints written to {file}", err=True)


@command.command("import", short_help="Read voiceprints from an export.")
@click.argument("file")
@click.option("--replace", is_flag=True, help="Take the place of people with the same names.")
@click.pass_obj
def import_(path: str, file: str, replace: bool) -> None:
    """Read what ``export`` wrote, all of it or nothing."""
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path) as store:
        count = store.import_(file, replace=replace)
    click.echo(f"{count} voiceprints read from {file}", err=True)
