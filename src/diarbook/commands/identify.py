"""``diarbook identify``: name the speakers of a conversation."""

from __future__ import annotations

import click


@click.command("identify", short_help="Name the speakers of a conversation.")
@click.argument("file", metavar="FILE")
@click.option(
    "--store", "path", required=True, envvar="DIARBOOK_STORE", metavar="FILE", help="The store of voiceprints."
)
@click.option("--threshold", type=click.FloatRange(-1, 1), metavar="T", help="Cosine from which a name is given.")
@click.option("--turns", "rttm", metavar="RTTM", help="Who spoke when, instead of diarizing.")
def command(file: str, path: str, threshold: float | None, rttm: str | None) -> None:
    """Diarize FILE, compare every speaker with the store, and write RTTM with names.

    Who is not in the store keeps the label of the diarization. Spaces in a name become underscores. What was compared
    goes to standard error.
    """
    from diarbook.audio import load_audio
    from diarbook.commands.common import progress, recording_names
    from diarbook.pipelines.diarize import diarize
    from diarbook.rttm import format_rttm, read_turns
    from diarbook.turns import Turn
    from diarbook.voiceprints.matching import CALIBRATION, THRESHOLD, name_speakers
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=False) as store:
        waveform = load_audio(file)
        [name] = recording_names((file,))
        if rttm is not None:
            turns = read_turns(rttm, name)
        else:
            with progress(name) as advance:
                turns = diarize(waveform, progress=advance)
        limit = THRESHOLD if threshold is None else threshold
        named, rows = name_speakers(waveform, turns, store, threshold=limit)
        identity = store.identity
    plain = [Turn(turn.start, turn.end, "_".join(turn.speaker.split())) for turn in named]
    click.echo(format_rttm(plain, name), nl=False)
    for row in rows:
        nearest = f"nearest {row.nearest} at {row.score:.3f}" if row.nearest else "not compared"
        click.echo(f"{row.speaker}: {row.name or 'unknown'} ({nearest}, {row.seconds:.1f} s)", err=True)
    model = " ".join(identity[:2]) if identity else "none"
    click.echo(f"threshold {limit:.3f}; model {model}; calibration: {CALIBRATION}", err=True)
