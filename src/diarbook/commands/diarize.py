"""``diarbook diarize``: who spoke when in audio files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

    from diarbook.turns import Turn

FORMATS = {"rttm": ".rttm", "json": ".json", "audacity": ".txt", "textgrid": ".TextGrid", "webvtt": ".vtt"}


@click.command("diarize", short_help="Write who spoke when in audio files.")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--num-speakers", type=click.IntRange(min=1), metavar="N", help="Number of speakers, when it is known.")
@click.option("--min-speakers", type=click.IntRange(min=1), metavar="A", help="At least so many speakers.")
@click.option("--max-speakers", type=click.IntRange(min=1), metavar="B", help="At most so many speakers.")
@click.option(
    "--pipeline",
    type=click.Choice(["overlap", "cascade", "pyannote"]),
    default="overlap",
    show_default=True,
    help="The book's overlap-aware pipeline, its cascade, or pyannote.audio's on the same networks.",
)
@click.option("-o", "--output", metavar="DIR", help="Write one file a recording here instead of to standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="rttm",
    show_default=True,
    help="RTTM, JSON, Audacity labels, Praat TextGrid or WebVTT.",
)
def command(
    files: tuple[str, ...],
    num_speakers: int | None,
    min_speakers: int | None,
    max_speakers: int | None,
    pipeline: str,
    output: str | None,
    form: str,
) -> None:
    """Diarize each FILE: WAV, FLAC, OGG or MP3, any rate, any number of channels.

    Everything is checked before anything is computed. Turns go to standard output and progress to standard error.
    """
    from diarbook.audio import load_audio
    from diarbook.commands.common import checked_folder, progress, recording_names
    from diarbook.pipelines.diarize import diarize
    from diarbook.pipelines.options import speaker_bounds

    speaker_bounds(num_speakers, min_speakers, max_speakers)
    names = recording_names(files)
    folder = checked_folder(output) if output is not None else None
    for file in files:
        load_audio(file)
    for file, name in zip(files, names, strict=True):
        waveform = load_audio(file)
        with progress(name) as advance:
            turns = diarize(
                waveform,
                pipeline=pipeline,
                num_speakers=num_speakers,
                min_speakers=min_speakers,
                max_speakers=max_speakers,
                progress=advance,
            )
        text = formatted(turns, form, name, waveform)
        if folder is None:
            click.echo(text, nl=False)
        else:
            from diarbook.files import write_atomically

            write_atomically(folder / f"{name}{FORMATS[form]}", text)


def formatted(turns: list[Turn], form: str, name: str, waveform: np.ndarray) -> str:
    """The turns in one of the formats of ``--format``.

    Chapter: start
    """
    from diarbook import turns as conversions
    from diarbook.audio import SAMPLE_RATE
    from diarbook.rttm import format_rttm

    if form == "rttm":
        return format_rttm(turns, name)
    if form == "json":
        return conversions.to_json(turns, name)
    if form == "textgrid":
        return conversions.to_textgrid(turns, len(waveform) / SAMPLE_RATE)
    return {"audacity": conversions.to_audacity, "webvtt": conversions.to_webvtt}[form](turns)
