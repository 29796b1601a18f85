"""``diarbook adapt``: let voiceprints follow their owners."""

from __future__ import annotations

import click


@click.command("adapt", short_help="Let voiceprints follow their owners.")
@click.argument("file", metavar="FILE")
@click.option(
    "--turns", required=True, metavar="TURNS", help="Who spoke when, with names: RTTM, or labels of Audacity."
)
@click.option(
    "--store", "path", required=True, envvar="DIARBOOK_STORE", metavar="FILE", help="The store of voiceprints."
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
def command(file: str, turns: str, path: str, dry_run: bool) -> None:
    """Offer what the named speakers of FILE said to their voiceprints in the store.

    Speech that is too short, too far from the enrolled template or too near to somebody else changes nothing. No
    adaptation moves a voiceprint far from its template, which the store keeps.
    """
    from diarbook.audio import load_audio
    from diarbook.commands.common import recording_names
    from diarbook.errors import VoiceprintError
    from diarbook.hybrid import adapt_speakers
    from diarbook.rttm import read_turns
    from diarbook.turns import relabel, speakers
    from diarbook.voiceprints.matching import CALIBRATION
    from diarbook.voiceprints.store import VoiceprintStore

    waveform = load_audio(file)
    named = read_turns(turns, recording_names((file,))[0])
    with VoiceprintStore(path, create=False) as store:
        # RTTM has no spaces in a name: Ann Lee is Ann_Lee there.
        named = relabel(named, {"_".join(name.split()): name for name in store.names()})
        adapted = adapt_speakers(waveform, named, store, keep=not dry_run)
        identity = store.identity
    if not adapted:
        raise VoiceprintError(f"{turns}: names nobody of {path} who speaks alone, only {', '.join(speakers(named))}")
    for name, one in adapted.items():
        change = f"unchanged, {one.refused}" if one.refused else f"adapted{' (dry run)' if dry_run else ''}"
        click.echo(f"{name}: {change}; cosine {one.score:.3f}, of the voiceprint with its template {one.kinship:.3f}")
    click.echo(f"model {' '.join(identity[:2])}; calibration: {CALIBRATION}", err=True)
