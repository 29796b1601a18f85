"""``diarbook verify``: is this voice the one it claims to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from diarbook.commands.common import (
    STANDARD_INPUT,
    check_models,
    check_one_standard_input,
    examples,
    input_name,
    load_input,
    store_option,
    threshold_option,
)
from diarbook.commands.terminal import note, quiet_option, say

if TYPE_CHECKING:
    from diarbook.voiceprints.voice import Voice
    from diarbook.voiceprints.voiceprint import Voiceprint


@click.command(
    "verify",
    short_help="Compare a voice with a voiceprint or with another recording.",
    epilog=examples(
        'diarbook verify call.wav "Ann Lee" --store voices.db',
        "diarbook verify call.wav another-call.wav --threshold 0.5",
    ),
)
@click.argument("file", metavar="FILE")
@click.argument("claimed", metavar="NAME|FILE")
@store_option("The store that NAME is in", required=False)
@threshold_option
@quiet_option
@click.pass_context
def command(context: click.Context, file: str, claimed: str, path: str | None, threshold: float | None) -> None:
    """Compare the voice in FILE with NAME of a store, or with the voice in another FILE.

    With --store the second argument is always a person. Prints the score, the threshold and what both belong to. The
    status is 0 whatever the verdict.
    """
    from diarbook.voiceprints.matching import compare, verify
    from diarbook.voiceprints.thresholds import check_threshold

    check_one_standard_input((file, claimed))
    limit = check_threshold(threshold)
    given = context.get_parameter_source("path") is ParameterSource.COMMANDLINE
    person = _person(claimed, path, given=given)
    check_models("campplus")
    probe = _measured(file)
    if person is None:
        decision = compare(probe, _measured(claimed), name=Path(claimed).name, threshold=limit)
    else:
        decision = verify(probe.vector, person, model=probe.model, model_version=probe.model_version, threshold=limit)
    verdict = "accepted" if decision.accepted else "rejected"
    click.echo(f"{verdict}\t{decision.name}\tscore {decision.score:.3f}\tthreshold {decision.threshold:.3f}")
    say(f"model {decision.model} {decision.model_version}; calibration: {decision.calibration}")


def _person(claimed: str, path: str | None, *, given: bool) -> Voiceprint | None:
    """The voiceprint that is claimed, or None for a file.

    Parameters
    ----------
    claimed : str
    path : str or None
        The store.
    given : bool
        Whether the command line names the store, and not the environment.
    """
    from diarbook.errors import VoiceprintError
    from diarbook.voiceprints.store import VoiceprintStore

    is_file = claimed == STANDARD_INPUT or Path(claimed).exists()
    if path is None or (is_file and not given and not Path(path).exists()):
        if not is_file:
            raise VoiceprintError(f"{claimed}: is no file; give --store to compare with a person")
        return None
    with VoiceprintStore(path, readonly=True) as store:
        if claimed in store:
            if is_file and not given:
                raise VoiceprintError(
                    f"{claimed}: is a file and also a person of {path}; give --store for the person, or the file by a"
                    f" path such as ./{claimed}"
                )
            return store.get(claimed)
        if is_file and not given:
            return None
        if is_file:
            raise VoiceprintError(
                f"{path}: nobody is called {claimed!r}, which is a file; leave out --store to compare with it"
            )
        return store.get(claimed)


def _measured(file: str) -> Voice:
    from diarbook.voiceprints.voice import measure

    voice = measure([load_input(file)], label=input_name(file))
    for warning in voice.warnings:
        note(f"{input_name(file)}: {warning.removeprefix('recording 1 ')}")
    return voice
