"""``diarbook enroll-all``: keep a voiceprint of everybody whom a correction names."""

from __future__ import annotations

from datetime import datetime

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
from diarbook.commands.terminal import complain, one_line, quiet_option


@click.command(
    "enroll-all",
    short_help="Enroll everybody whom corrected turns name.",
    epilog=examples('diarbook enroll-all talk.wav --turns talk.txt --store voices.db --consent "asked in the meeting"'),
)
@click.argument("file", metavar="FILE")
@click.option("--turns", required=True, metavar="TURNS", help="The corrected turns: RTTM, or labels of Audacity.")
@store_option("The store, made if new")
@consent_options("What all of them agreed to.")
@click.option("--only", multiple=True, metavar="NAME", help="Enroll only this person; may be repeated.")
@click.option("--replace", is_flag=True, help="Take the place of voiceprints with the same names.")
@quiet_option
def command(
    file: str, turns: str, path: str, consent: str, expires: datetime | None, only: tuple[str, ...], replace: bool
) -> int:
    """Enroll every speaker of FILE whom the TURNS call by a name; SPEAKER_00 and the like are passed over.

    Who says too little alone is reported on standard error; then the exit status is 1, and the others are enrolled.
    """
    from diarbook.commands.enroll import check_store, report
    from diarbook.errors import VoiceprintError
    from diarbook.hybrid import enroll_speakers, is_anonymous
    from diarbook.rttm import read_turns
    from diarbook.turns import speakers
    from diarbook.voiceprints.store import VoiceprintStore

    check_one_standard_input((file, turns))
    agreed = agreed_until(consent, expires)
    corrected = read_turns(turns, recording_names((file,))[0])
    if unknown := set(only) - set(speakers(corrected)):
        known = ", ".join(speakers(corrected))
        raise VoiceprintError(f"{turns}: nobody is called {min(unknown)!r}, only {known}; correct --only")
    named = [name for name in only or speakers(corrected) if not is_anonymous(name)]
    check_store(path, named, replace=replace)
    check_models("campplus")
    consents = dict.fromkeys(only, agreed) if only else agreed
    made = enroll_speakers(load_input(file), corrected, consents, metadata={"files": one_line(file)})
    if made.enrollments:
        with VoiceprintStore(path) as store:
            store.add_many([one.voiceprint for one in made.enrollments], replace=replace)
            for one in made.enrollments:
                report(one, store)
    failed = {name: why for name, why in made.refused.items() if not only or name in only}
    for name, why in failed.items():
        complain(f"{name} was not enrolled: {why}")
    return int(bool(failed))
