"""``diarbook enroll``: make a voiceprint of a person and keep it."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diarbook.commands.common import (
    agreed_until,
    check_models,
    check_one_standard_input,
    consent_options,
    examples,
    load_input,
    recording_names,
    store_option,
)
from diarbook.commands.terminal import note, one_line, quiet_option

if TYPE_CHECKING:
    import numpy as np

    from diarbook.voiceprints.enrollment import Enrollment
    from diarbook.voiceprints.store import VoiceprintStore


@click.command(
    "enroll",
    short_help="Make a voiceprint of a person and keep it.",
    epilog=examples(
        'diarbook enroll "Ann Lee" ann.wav --store voices.db --consent "to be named in our minutes"',
        'diarbook enroll Bob talk.wav --turns talk.rttm --speaker SPEAKER_01 --store voices.db --consent "form 17"',
    ),
)
@click.argument("name")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@store_option("The store, made if new")
@consent_options()
@click.option("--turns", metavar="TURNS", help="Who spoke when in the files; takes one speaker's turns.")
@click.option("--speaker", metavar="LABEL", help="Label of the person in --turns; NAME by default.")
@click.option("--replace", is_flag=True, help="Take the place of the voiceprint with that name.")
@quiet_option
def command(
    name: str,
    files: tuple[str, ...],
    path: str,
    consent: str,
    expires: datetime | None,
    turns: str | None,
    speaker: str | None,
    replace: bool,
) -> None:
    """Enroll NAME from FILEs in which only this person speaks, or from their turns in a diarization.

    What makes the voiceprint weak is noted, and so is somebody in the store who sounds the same.
    """
    from diarbook.voiceprints.enrollment import enroll
    from diarbook.voiceprints.store import VoiceprintStore
    from diarbook.voiceprints.voiceprint import person_name

    if speaker is not None and turns is None:
        raise click.UsageError("--speaker is a label in --turns; give both")
    check_one_standard_input((*files, turns))
    name, agreed = person_name(name), agreed_until(consent, expires)
    check_store(path, [name], replace=replace)
    check_models("campplus")
    regions = None if turns is None else [own_regions(turns, file, speaker or name) for file in files]
    waveforms = [load_input(file) for file in files]
    made = enroll(name, waveforms, consent=agreed, regions=regions, metadata={"files": ", ".join(map(one_line, files))})
    with VoiceprintStore(path) as store:
        store.add(made.voiceprint, replace=replace)
        report(made, store)


def check_store(path: str, names: Iterable[str], *, replace: bool) -> None:
    """Find out that people could not be kept in a store before anybody is measured.

    Raises
    ------
    VoiceprintError
        When a name is taken or is like another one, or the store cannot be made, read or written.

    Chapter: voiceprints
    """
    from diarbook.errors import VoiceprintError
    from diarbook.voiceprints.store import VoiceprintStore

    file = Path(os.path.realpath(path))
    if not file.exists() and not file.parent.is_dir():
        raise VoiceprintError(f"{path}: its folder does not exist; make it first")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise VoiceprintError(f"{path}: cannot be written to; change its permissions or give another path")
    if file.exists() and not (file.is_file() and file.stat().st_size == 0):
        with VoiceprintStore(path, readonly=True) as store:
            store.check_free(names, replace=replace)


def report(made: Enrollment, store: VoiceprintStore) -> None:
    """Say what was kept, what is weak about it, and who else in the store sounds like it.

    Chapter: voiceprints
    """
    from diarbook.voiceprints.matching import sounds_like

    one = made.voiceprint
    click.echo(
        f"{one.name}: {one.net_speech:.1f} s of speech in {one.samples} pieces, model {one.model} {one.model_version},"
        f" kept in {store.path}"
    )
    for warning in made.warnings:
        note(f"{one.name}: {warning}")
    for match in sounds_like(one, store):
        note(
            f"{one.name}: sounds like {match.name}, who is enrolled too (cosine {match.score:.2f}); if they are one"
            " person, delete one of the two"
        )


def own_regions(turns: str, file: str, speaker: str) -> np.ndarray:
    """Where a speaker of a file of turns, RTTM or labels, speaks alone in a recording, in seconds.

    Raises
    ------
    RttmError
        When the file is malformed, or says nothing of the recording.
    VoiceprintError
        When nobody in it has that label.

    Chapter: voiceprints
    """
    from diarbook.errors import VoiceprintError
    from diarbook.rttm import read_turns, rttm_name
    from diarbook.voiceprints.voice import stretches

    [recording] = recording_names((file,))
    alone = stretches(read_turns(turns, recording))
    label = unicodedata.normalize("NFC", speaker)  # as turns are read
    label = label if label in alone else rttm_name(label)  # RTTM has no spaces in a name
    if label not in alone:
        raise VoiceprintError(
            f"{turns}: nobody is called {speaker!r} in {recording}, only {', '.join(alone)}; give --speaker"
        )
    return alone[label]
