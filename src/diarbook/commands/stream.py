"""``diarbook stream``: who speaks, while they speak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

    from diarbook.streaming import Gallery, StreamingDiarizer, StreamTurn
    from diarbook.turns import Turn


@click.command("stream", short_help="Write who speaks while they speak.")
@click.argument("file", metavar="FILE|-", required=False)
@click.option("--microphone", is_flag=True, help="Listen to the microphone instead; needs the package sounddevice.")
@click.option("--rate", type=click.IntRange(4000, 384000), default=16000, show_default=True, metavar="HZ",
              help="Rate of the raw 16-bit mono samples on standard input.")  # fmt: skip
@click.option("--latency", type=click.FloatRange(0.5, 10), default=5.0, show_default=True, metavar="S",
              help="Seconds heard before it is decided who speaks.")  # fmt: skip
@click.option("--block", type=click.FloatRange(0.001, 60), default=0.5, show_default=True, metavar="S",
              help="Seconds read at once; the output does not depend on it.")  # fmt: skip
@click.option("--realtime", is_flag=True, help="Read a file no faster than it would be heard.")
@click.option("--store", envvar="DIARBOOK_STORE", metavar="FILE", help="Name speakers by this store of voiceprints.")
@click.option("--threshold", type=click.FloatRange(-1, 1), metavar="T", help="Cosine from which a name is given.")
@click.option("--introduce", multiple=True, metavar="LABEL=NAME",
              help="Enroll this speaker under NAME as soon as there is enough speech; may be repeated.")  # fmt: skip
@click.option("--consent", metavar="TEXT", help="What the introduced agreed to.")
@click.option("--revise", is_flag=True, help="Correct earlier turns; needs --output, which is written anew each time.")
@click.option("-o", "--output", metavar="RTTM", help="Where --revise writes.")
def command(
    file: str | None,
    microphone: bool,
    rate: int,
    latency: float,
    block: float,
    realtime: bool,
    store: str | None,
    threshold: float | None,
    introduce: tuple[str, ...],
    consent: str | None,
    revise: bool,
    output: str | None,
) -> None:
    """Diarize FILE, raw samples on standard input (-), or a microphone as they arrive.

    A turn is one RTTM line, written when it ends, and final. Turns of more than 15 s come in parts. Who is recognized
    goes to standard error. Ctrl-C ends the stream with the turns so far.

    Speakers are numbered in the order in which they are first heard: with --introduce SPEAKER_02=Cleo the third voice
    is enrolled in the store while it speaks, and named from then on.
    """
    from diarbook.streaming import StreamingDiarizer, StreamSettings

    if microphone == (file is not None):
        raise click.UsageError("give a file, or - for standard input, or --microphone")
    if revise != (output is not None):
        raise click.UsageError("--revise and --output go together: corrections need a file that is written anew")
    newcomers = _newcomers(introduce, consent, store)
    blocks, name = _source(file, microphone, rate, block, realtime)
    settings = StreamSettings(latency=latency, revise=revise)
    gallery = _gallery(store, threshold, create=bool(newcomers)) if store is not None else None
    diarizer = StreamingDiarizer(settings, gallery=gallery)
    writer = _Writer(name, output, gallery)
    try:
        for sound in blocks:
            writer.write(diarizer.push(sound), diarizer)
            if newcomers:
                _enroll(newcomers, diarizer, store, threshold, consent)
    except KeyboardInterrupt:
        writer.write(diarizer.finish(), diarizer, final=True)
        click.echo(f"interrupted after {diarizer.heard:.1f} s; the turns so far are written", err=True)
        if not microphone:
            raise
        return
    _check_length(diarizer.heard, name)
    for label, newcomer in newcomers.items():
        click.echo(f"diarbook: {label} said too little alone; {newcomer} was not enrolled", err=True)
    writer.write(diarizer.finish(), diarizer, final=True)


def _source(
    file: str | None, microphone: bool, rate: int, block: float, realtime: bool
) -> tuple[Iterator[np.ndarray], str]:
    """Blocks of sound, and the name of the recording."""
    from diarbook.commands.common import recording_names
    from diarbook.streaming.sources import file_blocks, microphone_blocks, paced, pcm_blocks

    if microphone:
        return microphone_blocks(min(block, 0.1)), "microphone"
    if file == "-":
        pipe = click.get_binary_stream("stdin")
        return pcm_blocks(pipe, rate, block, warn=lambda line: click.echo(line, err=True)), "stdin"
    blocks = file_blocks(file, block)
    return (paced(blocks) if realtime else blocks), recording_names((file,))[0]


def _check_length(heard: float, name: str) -> None:
    from diarbook.audio import MINIMUM_SECONDS
    from diarbook.errors import AudioError

    if heard < MINIMUM_SECONDS:
        raise AudioError(f"{name}: {heard:.3f} s of audio, at least {MINIMUM_SECONDS} s is needed")


def _newcomers(introduce: tuple[str, ...], consent: str | None, store: str | None) -> dict[str, str]:
    """Names of those who are to be enrolled, by label."""
    if introduce and (store is None or consent is None):
        raise click.UsageError("--introduce needs --store and --consent: nobody is kept without both")
    newcomers = {}
    for entry in introduce:
        label, equals, name = entry.partition("=")
        if not (equals and label.strip() and name.strip()):
            raise click.UsageError(f"--introduce {entry!r}: expected LABEL=NAME, such as SPEAKER_02=Cleo")
        newcomers[label.strip()] = name.strip()
    return newcomers


def _enroll(
    newcomers: dict[str, str], diarizer: StreamingDiarizer, path: str, threshold: float | None, consent: str
) -> None:
    """Enroll those of the newcomers who have said enough, and let the stream know them."""
    from diarbook.commands.common import agreed_until
    from diarbook.hybrid import introduce
    from diarbook.voiceprints.enrollment import MINIMUM_SPEECH
    from diarbook.voiceprints.store import VoiceprintStore

    ready = [one.label for one in diarizer.speakers if one.label in newcomers and one.seconds >= MINIMUM_SPEECH]
    for label in ready:
        made = introduce(diarizer, label, newcomers.pop(label), agreed_until(consent, None))
        with VoiceprintStore(path) as store:
            store.add(made)
        diarizer.recognize(_gallery(path, threshold))
        click.echo(f"{label}: enrolled as {made.name} from {made.net_speech:.1f} s of speech", err=True)


def _gallery(path: str, threshold: float | None, create: bool = False) -> Gallery:
    from diarbook.streaming import Gallery
    from diarbook.voiceprints.matching import THRESHOLD
    from diarbook.voiceprints.store import VoiceprintStore

    with VoiceprintStore(path, create=create) as store:
        return Gallery.of(store, THRESHOLD if threshold is None else threshold)


class _Writer:
    """Turns to RTTM, line by line, or to a file that is written anew at each correction."""

    def __init__(self, name: str, output: str | None, gallery: Gallery | None) -> None:
        self.name, self.output, self.gallery = name, output, gallery
        self.turns: dict[int, StreamTurn] = {}  # the output itself: kept only where it may be corrected
        self.named: set[str] = set()
        self.revision = 0

    def write(self, turns: list[StreamTurn], diarizer: object, final: bool = False) -> None:
        """Write what became final, and say who was recognized."""
        from diarbook.rttm import format_rttm

        if self.gallery is not None:
            self._tell(diarizer)
        if self.output is None:
            for turn in turns:
                click.echo(format_rttm([_plain(turn)], self.name), nl=False)  # echo flushes
            return
        from diarbook.files import write_atomically

        self.turns.update({turn.number: turn for turn in turns})
        if turns or final:
            self.revision += any(turn.revised for turn in turns)
            head = f";; {diarizer.heard:.1f} s heard; revision {self.revision}; {'final' if final else 'may change'}\n"
            write_atomically(self.output, head + format_rttm(map(_plain, self.turns.values()), self.name))

    def _tell(self, diarizer: object) -> None:
        for speaker in diarizer.speakers:
            if speaker.name is not None and speaker.label not in self.named:
                self.named.add(speaker.label)
                where = self.gallery
                scored = f"cosine {speaker.score:.3f}, threshold {where.threshold:.3f}, at {diarizer.heard:.1f} s"
                belongs = f"model {where.model} {where.model_version}; calibration: {where.calibration}"
                click.echo(f"{speaker.label}: {speaker.name} ({scored}; {belongs})", err=True)


def _plain(turn: StreamTurn) -> Turn:
    """With a name that RTTM can hold."""
    from diarbook.turns import Turn

    return Turn(turn.start, turn.end, "_".join((turn.name or turn.speaker).split()))
