"""``diarbook enroll-all``: keep a voiceprint of everybody whom a correction names."""

from __future__ import annotations

from datetime import datetime

import click


@click.command("enroll-all", short_help="Enroll everybody whom corrected turns name.")
@click.argument("file", metavar="FILE")
@click.option("--turns", required=True, metavar="TURNS", help="The corrected turns: RTTM, or labels of Audacity.")
@click.option("--store", "path", required=True, envvar="DIARBOOK_STORE", metavar="FILE", help="The store; made if new.")
@click.option("--consent", required=True, metavar="TEXT", help="What all of them agreed to.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day on which the consent ends.")
@click.option("--only", multiple=True, metavar="NAME", help="Enroll only this person; may be repeated.")
@click.option("--replace", is_flag=True, help="Take the place of voiceprints with the same names.")
def command(
    file: str, turns: str, path: str, consent: str, expires: datetime | None, only: tuple[str, ...], replace: bool
) -> None:
    """Enroll every speaker of FILE whom the TURNS call by a name; SPEAKER_00 and the like are passed over.

    Who says too little alone is reported on standard error; then the exit status is 1, and the others are enrolled.
    """
    from diarbook.audio import load_audio
    from diarbook.commands.common import agreed_until, recording_names
    from diarbook.commands.enroll import tell
    from diarbook.errors import VoiceprintError
    from diarbook.hybrid import enroll_speakers
    from diarbook.rttm import read_turns
    from diarbook.turns import speakers
    from diarbook.voiceprints.store import VoiceprintStore

    agreed = agreed_until(consent, expires)
    waveform = load_audio(file)
    corrected = read_turns(turns, recording_names((file,))[0])
    if only:
        if unknown := set(only) - set(speakers(corrected)):
            known = ", ".join(speakers(corrected))
            raise VoiceprintError(f"{turns}: nobody is called {min(unknown)!r}, only {known}; correct --only")
        consents = dict.fromkeys(only, agreed)
    else:
        consents = agreed
    made = enroll_speakers(waveform, corrected, consents, metadata={"files": file})
    if made.enrollments:
        with VoiceprintStore(path) as store:
            store.add_many([one.voiceprint for one in made.enrollments], replace=replace)
    for one in made.enrollments:
        tell(one, path)
    failed = {name: why for name, why in made.refused.items() if not only or name in only}
    for name, why in failed.items():
        click.echo(f"diarbook: {name} was not enrolled: {why}", err=True)
    if failed:
        raise SystemExit(1)
