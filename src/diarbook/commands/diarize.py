"""``diarbook diarize``: who spoke when in audio files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diarbook.commands.common import (
    DIARIZATION_MODELS,
    STANDARD_INPUT,
    check_models,
    check_one_standard_input,
    checked_folder,
    checked_outputs,
    examples,
    force_option,
    input_name,
    load_input,
    recording_names,
    speakers_options,
    write_output,
)
from diarbook.commands.terminal import note, progress, quiet_option

if TYPE_CHECKING:
    import numpy as np

    from diarbook.turns import Turn

FORMATS = {"rttm": ".rttm", "json": ".json", "audacity": ".txt", "textgrid": ".TextGrid", "webvtt": ".vtt"}
TOGETHER = ("rttm", "json")  # formats of which one file can hold several recordings
KEPT_SAMPLES = 16_000 * 3600  # an hour of sound is kept after the check; what is longer is read once more


@click.command(
    "diarize",
    short_help="Write who spoke when in audio files.",
    epilog=examples(
        "diarbook diarize meeting.wav > meeting.rttm",
        "diarbook diarize *.flac -o turns --format webvtt",
        "ffmpeg -i film.mkv -f wav - | diarbook diarize - --num-speakers 2",
    ),
)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@speakers_options
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
@force_option
@quiet_option
def command(
    files: tuple[str, ...],
    num_speakers: int | None,
    min_speakers: int | None,
    max_speakers: int | None,
    pipeline: str,
    output: str | None,
    form: str,
    force: bool,
) -> None:
    """Diarize each FILE, or standard input for `-`: any rate, any number of channels.

    WAV, FLAC, OGG, MP3 and what else libsndfile reads; M4A, MP4 and WebM where the package av is installed.

    Everything is checked before anything is computed. A recording is named for its file, without suffix and with `_`
    for spaces. Several recordings go to standard output as RTTM, or as JSON with one line for each; the other formats
    hold one recording a file and need -o.
    """
    from diarbook.pipelines.diarize import diarize
    from diarbook.pipelines.options import is_silent, speaker_bounds
    from diarbook.turns import speakers

    bounds = speaker_bounds(num_speakers, min_speakers, max_speakers)
    paths = _checked_destinations(files, output, form, force)
    check_models(*DIARIZATION_MODELS)
    kept = _checked_sounds(files)
    for file, (name, path) in zip(files, paths.items(), strict=True):
        waveform = kept.pop(file) if file in kept else load_input(file)
        with progress(name) as advance:
            turns = diarize(
                waveform,
                pipeline=pipeline,
                num_speakers=num_speakers,
                min_speakers=min_speakers,
                max_speakers=max_speakers,
                progress=advance,
            )
        write_output(formatted(turns, form, name, waveform, one_line=path is None), path)
        count = len(speakers(turns))
        if count == 0 and not is_silent(waveform):  # of silence, reading it has warned
            note(f"{input_name(file)}: no speech was detected")
        elif 0 < count < bounds.least or count > (bounds.most or count):
            asked = bounds.least if count < bounds.least else bounds.most
            note(f"{input_name(file)}: {asked} speakers were asked for, {count} could be distinguished")


def _checked_destinations(files: Sequence[str], output: str | None, form: str, force: bool) -> dict[str, Path | None]:
    """Where each recording's turns go, by its name; None is standard output."""
    check_one_standard_input(files)
    names = recording_names(files)
    if output is not None:
        folder, suffix = checked_folder(output), FORMATS[form]
        return dict(zip(names, checked_outputs(folder, [f"{n}{suffix}" for n in names], force=force), strict=True))
    if force:
        raise click.UsageError("--force replaces files; give -o DIR with it")
    if len(files) > 1 and form not in TOGETHER:
        raise click.UsageError(f"--format {form} holds one recording a file; give -o DIR for more than one FILE")
    return dict.fromkeys(names)


def _checked_sounds(files: Sequence[str]) -> dict[str, np.ndarray]:
    """Read every file, so that a bad one stops the command before anything is computed.

    What cannot be read twice is returned, and of the rest as much as fits into the memory that an hour takes.
    """
    kept: dict[str, np.ndarray] = {}
    free = KEPT_SAMPLES
    for file in files:
        waveform = load_input(file)
        if len(waveform) <= free or file == STANDARD_INPUT or not Path(file).is_file():
            kept[file] = waveform
            free -= len(waveform)
    return kept


def formatted(turns: list[Turn], form: str, name: str, waveform: np.ndarray, *, one_line: bool = False) -> str:
    """The turns in one of the formats of ``--format``; ``one_line`` makes JSON one.

    Chapter: start
    """
    from diarbook import turns as conversions
    from diarbook.audio import SAMPLE_RATE
    from diarbook.rttm import format_rttm

    if form == "rttm":
        return format_rttm(turns, name)
    if form == "json":
        text = conversions.to_json(turns, name)
        return json.dumps(json.loads(text), ensure_ascii=False) + "\n" if one_line else text
    if form == "textgrid":
        return conversions.to_textgrid(turns, len(waveform) / SAMPLE_RATE)
    return {"audacity": conversions.to_audacity, "webvtt": conversions.to_webvtt}[form](turns)
