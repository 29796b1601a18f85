"""``diarbook verify``: is this voice the one it claims to be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click


@click.command("verify", short_help="Compare a voice with a voiceprint or with another recording.")
@click.argument("file", metavar="FILE")
@click.argument("claimed", metavar="NAME|FILE")
@click.option("--store", "path", envvar="DIARBOOK_STORE", metavar="FILE", help="The store that NAME is in.")
@click.option("--threshold", type=click.FloatRange(-1, 1), metavar="T", help="Cosine from which the voice is accepted.")
def command(file: str, claimed: str, path: str | None, threshold: float | None) -> None:
    """Compare the voice in FILE with NAME of a store, or with the voice in another FILE.

    Prints the score, the threshold and what both belong to. The status is 0 whatever the verdict.
    """
    from diarbook.audio import load_audio
    from diarbook.errors import VoiceprintError
    from diarbook.voiceprints.enrollment import enroll
    from diarbook.voiceprints.matching import THRESHOLD, verify
    from diarbook.voiceprints.store import VoiceprintStore
    from diarbook.voiceprints.voiceprint import Consent, now

    moment = now()
    for_now = Consent("compared once and not kept", moment, moment + timedelta(hours=1))
    if Path(claimed).is_file():
        other = enroll(Path(claimed).name, [load_audio(claimed)], consent=for_now).voiceprint
    elif path is None:
        raise VoiceprintError(f"{claimed}: is no file; give --store to compare with a person")
    else:
        with VoiceprintStore(path, create=False) as store:
            other = store.get(claimed)
    probe = enroll(Path(file).name, [load_audio(file)], consent=for_now).voiceprint
    decision = verify(
        probe.vector,
        other,
        model=probe.model,
        model_version=probe.model_version,
        threshold=THRESHOLD if threshold is None else threshold,
    )
    verdict = "accepted" if decision.accepted else "rejected"
    click.echo(f"{verdict}\t{decision.name}\tscore {decision.score:.3f}\tthreshold {decision.threshold:.3f}")
    click.echo(f"model {decision.model} {decision.model_version}; calibration: {decision.calibration}", err=True)
