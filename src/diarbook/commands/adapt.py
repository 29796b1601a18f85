"""``diarbook adapt``: let voiceprints follow their owners."""

from __future__ import annotations

import click

from diarbook.commands.common import (
    check_models,
    check_one_standard_input,
    examples,
    load_input,
    recording_names,
    store_option,
)
from diarbook.commands.terminal import quiet_option, say


@click.command(
    "adapt",
    short_help="Let voiceprints follow their owners.",
    epilog=examples("diarbook adapt meeting.wav --turns named.rttm --store voices.db --dry-run"),
)
@click.argument("file", metavar="FILE")
@click.option(
    "--turns", required=True, metavar="TURNS", help="Who spoke when, with names: RTTM, or labels of Audacity."
)
@store_option()
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@quiet_option
def command(file: str, turns: str, path: str, dry_run: bool) -> None:
    """Offer what the named speakers of FILE said to their voiceprints in the store.

    Speech that is too short, too far from the enrolled template or too near to somebody else changes nothing. No
    adaptation moves a voiceprint far from its template, which the store keeps.
    """
    from diarbook.errors import VoiceprintError
    from diarbook.hybrid import adapt_speakers
    from diarbook.rttm import read_turns, rttm_name
    from diarbook.turns import relabel, speakers
    from diarbook.voiceprints.matching import CALIBRATION
    from diarbook.voiceprints.store import VoiceprintStore

    check_one_standard_input((file, turns))
    named = read_turns(turns, recording_names((file,))[0])
    with VoiceprintStore(path, create=False, readonly=dry_run) as store:
        # RTTM has no spaces in a name: Ann Lee is Ann_Lee there.
        named = relabel(named, {rttm_name(name): name for name in store.names()})
        if not set(speakers(named)) & set(store.names()):
            raise VoiceprintError(f"{turns}: names nobody of {path}, only {', '.join(speakers(named))}")
        check_models("campplus")
        adapted = adapt_speakers(load_input(file), named, store, keep=not dry_run)
        identity = store.identity
    if not adapted:
        raise VoiceprintError(f"{turns}: names nobody of {path} who speaks alone, only {', '.join(speakers(named))}")
    for name, one in adapted.items():
        change = f"unchanged, {one.refused}" if one.refused else f"adapted{' (dry run)' if dry_run else ''}"
        click.echo(f"{name}: {change}; cosine {one.score:.3f}, of the voiceprint with its template {one.agreement:.3f}")
    say(f"model {' '.join(identity[:2])}; calibration: {CALIBRATION}")
