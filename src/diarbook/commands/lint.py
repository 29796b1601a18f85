"""``diarbook lint``: every fault of RTTM and UEM files."""

from __future__ import annotations

import json
from pathlib import Path

import click

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def audio_durations(folder: str) -> dict[str, float]:
    """Seconds of each audio file of a folder, by its name without suffix."""
    import soundfile

    from diarbook.errors import AudioError

    path = Path(folder)
    if not path.is_dir():
        raise AudioError(f"{folder}: no such folder; name the folder with the audio files")
    durations = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in AUDIO_SUFFIXES:
            try:
                durations[file.stem] = soundfile.info(str(file)).duration
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{file}: cannot be read as audio ({error}); remove or replace it") from None
    return durations


@click.command("lint", short_help="Find every fault of RTTM and UEM files.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--audio", metavar="FOLDER", help="Audio files of the recordings, to find turns beyond their ends.")
@click.option("--strict", is_flag=True, help="Fail on warnings as well.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(files: tuple[str, ...], audio: str | None, strict: bool, as_json: bool) -> int:
    """Print every fault as file:line:column: severity: what is wrong; what to do.

    A name that ends in .uem is checked as UEM, any other as RTTM. The exit status is 1 when a file has an error: a
    reader would refuse it.
    """
    from dataclasses import asdict

    from diarbook.rttm_lint import ERROR, lint_rttm, lint_uem

    durations = audio_durations(audio) if audio else {}
    faults = [
        fault
        for file in files
        for fault in (lint_uem if file.lower().endswith(".uem") else lint_rttm)(file, durations=durations)
    ]
    if as_json:
        click.echo(json.dumps([asdict(fault) for fault in faults], indent=1, ensure_ascii=False))
    else:
        for fault in faults:
            click.echo(str(fault))
        errors = sum(fault.severity == ERROR for fault in faults)
        click.echo(f"{len(files)} files, {errors} errors, {len(faults) - errors} warnings", err=True)
    return int(any(strict or fault.severity == ERROR for fault in faults))
