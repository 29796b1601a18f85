"""``diarbook identify``: name the speakers of a conversation."""

from __future__ import annotations

import click

from diarbook.commands.common import (
    DIARIZATION_MODELS,
    check_models,
    check_one_standard_input,
    examples,
    input_name,
    load_input,
    recording_names,
    store_option,
    threshold_option,
)
from diarbook.commands.terminal import note, progress, quiet_option, say


@click.command(
    "identify",
    short_help="Name the speakers of a conversation.",
    epilog=examples(
        "diarbook identify meeting.wav --store voices.db > meeting.rttm",
        "diarbook identify meeting.wav --store voices.db --turns corrected.rttm",
    ),
)
@click.argument("file", metavar="FILE")
@store_option()
@threshold_option
@click.option("--turns", metavar="TURNS", help="Who spoke when, RTTM or labels, instead of diarizing.")
@quiet_option
def command(file: str, path: str, threshold: float | None, turns: str | None) -> None:
    """Diarize FILE, compare every speaker with the store, and write RTTM with names.

    Who is not in the store keeps the label of the diarization, unless that is the name of somebody who is. Spaces in a
    name become underscores. Without --threshold, the more people are enrolled, the more alike a voice must be. What was
    compared goes to standard error.
    """
    from diarbook.pipelines.diarize import diarize
    from diarbook.rttm import format_rttm, read_turns, rttm_name
    from diarbook.turns import relabel
    from diarbook.voiceprints.matching import CALIBRATION, name_speakers
    from diarbook.voiceprints.store import VoiceprintStore
    from diarbook.voiceprints.thresholds import check_threshold, threshold_origin

    check_one_standard_input((file, turns))
    check_threshold(threshold)
    [name] = recording_names((file,))
    with VoiceprintStore(path, readonly=True) as store:
        ended, identity = store.ended(), store.identity
        people = len(store.matrix()[0])  # a damaged store is named now, and not after the work
        limit = check_threshold(threshold, people)
        check_models(*DIARIZATION_MODELS)
        spoken = None if turns is None else read_turns(turns, name)
        waveform = load_input(file)
        if spoken is None:
            with progress(name) as advance:
                spoken = diarize(waveform, progress=advance)
        named, rows = name_speakers(waveform, spoken, store, threshold=limit)
    words = {row.label: rttm_name(row.label) for row in rows}
    click.echo(format_rttm(relabel(named, words), name), nl=False)
    for row in rows:
        nearest = f"nearest {row.nearest} at {row.score:.3f}" if row.nearest else "not compared"
        renamed = f", written as {row.label}" if row.name is None and row.label != row.speaker else ""
        say(f"{row.speaker}: {row.name or 'unknown'} ({nearest}, {row.seconds:.1f} s){renamed}")
    for person in ended:
        note(f"{path}: the consent of {person} has ended, and nobody is compared; delete with `diarbook store expire`")
    if not rows:
        note(f"{input_name(file)}: no speech was detected")
    model = " ".join(identity[:2]) if identity else "none"
    say(f"threshold {limit:.3f}, {threshold_origin(threshold, people)}; model {model}; calibration: {CALIBRATION}")
