"""``diarbook enroll``: make a voiceprint of a person and keep it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

    from diarbook.voiceprints.enrollment import Enrollment


@click.command("enroll", short_help="Make a voiceprint of a person and keep it.")
@click.argument("name")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--store", "path", required=True, envvar="DIARBOOK_STORE", metavar="FILE", help="The store; made if new.")
@click.option("--consent", required=True, metavar="TEXT", help="What the person agreed to.")
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Day on which the consent ends, such as 2027-12-31.",
)
@click.option("--turns", "rttm", metavar="RTTM", help="Who spoke when in the files; takes one speaker's turns.")
@click.option("--speaker", metavar="LABEL", help="Label of the person in --turns; NAME by default.")
@click.option("--replace", is_flag=True, help="Take the place of the voiceprint with that name.")
def command(
    name: str,
    files: tuple[str, ...],
    path: str,
    consent: str,
    expires: datetime | None,
    rttm: str | None,
    speaker: str | None,
    replace: bool,
) -> None:
    """Enroll NAME from FILEs in which only this person speaks, or from their turns in a diarization."""
    from diarbook.audio import load_audio
    from diarbook.commands.common import agreed_until
    from diarbook.voiceprints.enrollment import enroll
    from diarbook.voiceprints.store import VoiceprintStore

    agreed = agreed_until(consent, expires)
    waveforms = [load_audio(file) for file in files]
    regions = None if rttm is None else [own_regions(rttm, file, speaker or name) for file in files]
    made = enroll(name, waveforms, consent=agreed, regions=regions, metadata={"files": ", ".join(files)})
    with VoiceprintStore(path) as store:
        store.add(made.voiceprint, replace=replace)
    tell(made, path)


def tell(made: Enrollment, path: str) -> None:
    """Say what was kept, and what is weak about it.

    Chapter: voiceprints
    """
    one = made.voiceprint
    click.echo(
        f"{one.name}: {one.net_speech:.1f} s of speech in {one.samples} pieces, model {one.model} {one.model_version},"
        f" kept in {path}"
    )
    for warning in made.warnings:
        click.echo(f"diarbook: {one.name}: {warning}", err=True)


def own_regions(rttm: str, file: str, speaker: str) -> np.ndarray:
    """Where a speaker of a file of turns, RTTM or labels, speaks alone in a recording, in seconds.

    Raises
    ------
    RttmError
        When the file is malformed, or says nothing of the recording.
    VoiceprintError
        When nobody in it has that label.

    Chapter: voiceprints
    """
    from diarbook.commands.common import recording_names
    from diarbook.errors import VoiceprintError
    from diarbook.rttm import read_turns
    from diarbook.turns import speakers
    from diarbook.voiceprints.voice import stretches

    [recording] = recording_names((file,))
    turns = read_turns(rttm, recording)
    if speaker not in speakers(turns):
        known = ", ".join(speakers(turns))
        raise VoiceprintError(f"{rttm}: nobody is called {speaker!r} in {recording}, only {known}; give --speaker")
    return stretches(turns)[speaker]
