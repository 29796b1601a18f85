"""``diarbook lint``: every fault of RTTM and UEM files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diarbook.commands.common import STANDARD_INPUT, check_one_standard_input, examples, read_input, recording_names
from diarbook.commands.terminal import one_line, quiet_option, say

if TYPE_CHECKING:
    from diarbook.rttm_lint import Fault

SUFFIXES = (".rttm", ".uem")
"""What is looked at in a folder."""


@click.command(
    "lint",
    short_help="Find every fault of RTTM and UEM files.",
    epilog=examples("diarbook lint system.rttm scored.uem", "diarbook lint turns --audio recordings --strict"),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER...")
@click.option("--audio", metavar="FOLDER", help="Audio files of the recordings, to find turns beyond their ends.")
@click.option("--strict", is_flag=True, help="Fail on warnings as well.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@quiet_option
def command(files: tuple[str, ...], audio: str | None, strict: bool, as_json: bool) -> int:
    """Print every fault as file:line:column: severity: what is wrong; what to do.

    A name that ends in .uem is checked as UEM, any other as RTTM; of a FOLDER, its .rttm and .uem files; - is standard
    input. The exit status is 1 when a file has an error: a reader would refuse it. Notes are no faults: they say how a
    file is understood.
    """
    from dataclasses import asdict

    from diarbook.rttm_lint import ERROR, WARNING

    check_one_standard_input(files)
    named = [path for file in files for path in expanded(file)]
    durations = audio_durations(audio) if audio else None
    faults = [fault for path in named for fault in checked(path, durations)]
    faults += repeated(files)
    if as_json:
        click.echo(json.dumps([asdict(fault) for fault in faults], indent=1, ensure_ascii=False))
    else:
        for fault in faults:
            click.echo(one_line(fault))
        errors = sum(fault.severity == ERROR for fault in faults)
        warnings = sum(fault.severity == WARNING for fault in faults)
        say(f"{counted(len(named), 'file')}, {counted(errors, 'error')}, {counted(warnings, 'warning')}")
    failing = {ERROR, WARNING} if strict else {ERROR}
    return int(any(fault.severity in failing for fault in faults))


def counted(number: int, what: str) -> str:
    """``1 file``, ``2 files``.

    Chapter: evaluation
    """
    return f"{number} {what}" + "s" * (number != 1)


def expanded(file: str) -> list[str]:
    """The file, or the RTTM and UEM files of a folder.

    Raises
    ------
    RttmError
        When a folder holds none.

    Chapter: evaluation
    """
    from diarbook.errors import RttmError

    folder = Path(file)
    if file == STANDARD_INPUT or not folder.is_dir():
        return [file]
    inside = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not inside:
        raise RttmError(f"{file}: the folder holds no .rttm or .uem file; name another folder or a file")
    return inside


def checked(path: str, durations: dict[str, float] | None) -> list[Fault]:
    """Faults of one file, or of standard input.

    Chapter: evaluation
    """
    from diarbook.rttm_lint import lint_rttm, lint_standard_input, lint_uem

    if path == STANDARD_INPUT:
        return lint_standard_input(read_input(path), durations=durations)
    return (lint_uem if path.lower().endswith(".uem") else lint_rttm)(path, durations=durations)


def repeated(files: Sequence[str]) -> list[Fault]:
    """Recordings that two RTTM files of one folder hold, which a reader of the folder refuses.

    Chapter: evaluation
    """
    from diarbook.errors import RttmError
    from diarbook.rttm import read_content
    from diarbook.rttm_lint import Fault

    faults = []
    for file in files:
        if file == STANDARD_INPUT or not Path(file).is_dir():
            continue
        try:
            read_content(file)
        except RttmError as error:
            path, _, rest = str(error).partition(": recording ")
            if rest:
                message, _, remedy = rest.partition("; ")
                faults.append(Fault(path, 1, 1, f"recording {message}", remedy))
    return faults


def audio_durations(folder: str) -> dict[str, float]:
    """Seconds of each audio file of a folder, by the name that ``diarize`` gives its recording.

    Raises
    ------
    AudioError
        When there is no such folder, or a file that is audio by its suffix cannot be read.

    Chapter: evaluation
    """
    from diarbook.audio import audio_seconds
    from diarbook.audio.decoders import quiet_decoder
    from diarbook.errors import AudioError

    path = Path(folder)
    if not path.is_dir():
        raise AudioError(f"{folder}: no such folder; name the folder with the audio files")
    durations: dict[str, float] = {}
    for file in sorted(entry for entry in path.iterdir() if entry.is_file() and entry.suffix.lower() not in SUFFIXES):
        try:
            with quiet_decoder():
                seconds = audio_seconds(file)
        except AudioError:
            if file.suffix.lower() in audio_suffixes():
                raise
            continue
        [name] = recording_names([str(file)])
        durations[name] = max(seconds, durations.get(name, 0.0))
    return durations


def audio_suffixes() -> set[str]:
    """Endings of the names of audio files: libsndfile's formats, and what telephones and browsers write.

    Chapter: evaluation
    """
    import soundfile

    return {f".{name.lower()}" for name in soundfile.available_formats()} | {
        *(".aac", ".aif", ".aifc", ".m4a", ".mp4", ".oga", ".opus", ".snd", ".sph", ".wave", ".webm", ".wma")
    }
