"""``diarbook diarize``: who spoke when in audio files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

    from diarbook.turns import Turn

FORMATS = {"rttm": ".rttm", "json": ".json", "audacity": ".txt", "textgrid": ".TextGrid", "webvtt": ".vtt"}
SHARES = {"segmentation": 0.4, "embeddings": 0.55, "clustering": 0.04, "reconstruction": 0.01}


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
    from diarbook.pipelines.diarize import diarize
    from diarbook.pipelines.options import speaker_bounds

    speaker_bounds(num_speakers, min_speakers, max_speakers)
    names = recording_names(files)
    folder = checked_folder(output) if output is not None else None
    for file in files:
        load_audio(file)
    for file, name in zip(files, names, strict=True):
        waveform = load_audio(file)
        with progress_bar(name) as advance:
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


def recording_names(files: tuple[str, ...]) -> list[str]:
    """A recording's name is its file's, without suffix and white space, in Unicode NFC.

    Raises
    ------
    OptionError
        When two files would get the same name, and so the same output.

    Chapter: start
    """
    import unicodedata

    from diarbook.errors import OptionError

    names = ["_".join(unicodedata.normalize("NFC", Path(file).stem).split()) or "recording" for file in files]
    for index, name in enumerate(names):
        if name in names[:index]:
            other = files[names.index(name)]
            raise OptionError(f"{files[index]}: would be named {name!r} like {other}; rename one or run them apart")
    return names


def checked_folder(output: str) -> Path:
    """The folder, made if need be, once a file has been written to it and removed again.

    Raises
    ------
    DiarbookError
        When it cannot be made or written to.

    Chapter: start
    """
    import tempfile

    from diarbook.errors import DiarbookError

    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DiarbookError(
            f"{folder}: cannot be written to ({error.strerror}); choose another folder with -o"
        ) from None
    return folder


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


class progress_bar:
    """Shows a pipeline's progress on standard error.

    Chapter: start
    """

    def __init__(self, name: str) -> None:
        from tqdm import tqdm

        layout = "{desc}: {percentage:3.0f}%|{bar:24}| {elapsed}{postfix}"
        self._bar = tqdm(total=100, desc=name, file=sys.stderr, bar_format=layout)
        self._done = dict.fromkeys(SHARES, 0.0)

    def __enter__(self) -> Callable[[str, float], None]:
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def _advance(self, stage: str, done: float) -> None:
        if stage in SHARES:
            self._done[stage] = max(self._done[stage], done)
        self._bar.set_postfix_str(stage, refresh=False)
        percent = round(100 * sum(SHARES[name] * share for name, share in self._done.items()))
        if percent > self._bar.n:
            self._bar.update(percent - self._bar.n)
