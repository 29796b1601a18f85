"""``diarbook stream``: who speaks, while they speak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import click

from diarbook.commands.common import (
    DIARIZATION_MODELS,
    STANDARD_INPUT,
    agreed_until,
    check_models,
    checked_output,
    consent_options,
    examples,
    force_option,
    recording_names,
    store_option,
    threshold_option,
    write_output,
)
from diarbook.commands.terminal import complain, note, quiet_option, say
from diarbook.errors import DiarbookError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from diarbook.streaming import Gallery, StreamingDiarizer, StreamTurn
    from diarbook.turns import Turn
    from diarbook.voiceprints.voiceprint import Consent

MICROPHONE = "microphone"


@click.command(
    "stream",
    short_help="Write who speaks while they speak.",
    epilog=examples(
        "diarbook stream meeting.wav --latency 2",
        "ffmpeg -i URL -f s16le -ac 1 -ar 16000 - | diarbook stream - --store voices.db",
        "diarbook stream --microphone --revise -o live.rttm",
    ),
)
@click.argument("file", metavar="FILE|-", required=False)
@click.option("--microphone", is_flag=True, help="Listen to the microphone instead; needs the package sounddevice.")
@click.option("--rate", type=click.IntRange(4000, 384000), metavar="HZ",
              help="Rate of the raw samples on standard input; 16000 by default.")  # fmt: skip
@click.option("--latency", type=click.FloatRange(0.5, 10), default=5.0, show_default=True, metavar="S",
              help="Seconds heard before it is decided who speaks.")  # fmt: skip
@click.option("--block", type=click.FloatRange(0.001, 60), default=0.5, show_default=True, metavar="S",
              help="Seconds read at once; the output does not depend on it.")  # fmt: skip
@click.option("--realtime", is_flag=True, help="Read a file no faster than it would be heard.")
@store_option("Name speakers by this store of voiceprints", required=False)
@threshold_option
@click.option("--introduce", multiple=True, metavar="LABEL=NAME",
              help="Enroll this speaker under NAME as soon as there is enough speech; may be repeated.")  # fmt: skip
@consent_options("What the introduced agreed to.", required=False)
@click.option("--revise", is_flag=True, help="Correct earlier turns; needs --output, which is written anew each time.")
@click.option("-o", "--output", metavar="RTTM", help="Where --revise writes.")
@force_option
@quiet_option
def command(
    file: str | None,
    microphone: bool,
    rate: int | None,
    latency: float,
    block: float,
    realtime: bool,
    path: str | None,
    threshold: float | None,
    introduce: tuple[str, ...],
    consent: str | None,
    expires: datetime | None,
    revise: bool,
    output: str | None,
    force: bool,
) -> int:
    """Diarize FILE, raw samples on standard input (-), or a microphone as they arrive.

    Raw samples are 16-bit, mono, little-endian. A turn is one RTTM line, written when it ends, and final. Turns of
    more than 15 s come in parts. Who is recognized goes to standard error. Ctrl-C ends the stream with the turns so
    far, and so does sound that becomes unreadable.

    Speakers are numbered in the order in which they are first heard: with --introduce SPEAKER_02=Cleo the third voice
    is enrolled in the store while it speaks, and named from then on. When one of those could not be enrolled the exit
    status is 1.
    """
    from diarbook.streaming import StreamingDiarizer, StreamSettings

    if microphone == (file is not None):
        raise click.UsageError("give a file, or - for standard input, or --microphone")
    if rate is not None and file != STANDARD_INPUT:
        raise click.UsageError("--rate is of raw samples on standard input; a file and a microphone have their own")
    if realtime and (microphone or file == STANDARD_INPUT):
        raise click.UsageError("--realtime slows a file down; other sound comes in its own time")
    if revise != (output is not None):
        raise click.UsageError("--revise and --output go together: corrections need a file that is written anew")
    if force and output is None:
        raise click.UsageError("--force replaces files; give --output with it")
    if threshold is not None and path is None:
        raise click.UsageError("--threshold decides about names; give --store with it")
    newcomers = _newcomers(introduce, consent, expires, path, threshold)
    name = MICROPHONE if microphone else recording_names((file,))[0]
    destination = None if output is None else checked_output(output, force=force)
    gallery = _gallery(path, threshold, newcomers) if path is not None else None
    check_models(*DIARIZATION_MODELS)
    blocks = _blocks(file, rate or 16_000, block, realtime)
    diarizer = StreamingDiarizer(StreamSettings(latency=latency, revise=revise), gallery=gallery)
    return _listen(blocks, diarizer, _Writer(name, destination, gallery), newcomers)


def _listen(blocks: Iterator[np.ndarray], diarizer: StreamingDiarizer, writer: _Writer, newcomers: _Newcomers) -> int:
    """Exit status; whatever ends the stream, what was heard is written."""
    failure: DiarbookError | None = None
    interrupted = False
    try:
        for sound in blocks:
            writer.write(diarizer.push(sound), diarizer)
            newcomers.enroll(diarizer)
            writer.gallery = newcomers.gallery or writer.gallery
    except DiarbookError as error:
        failure = error
    except KeyboardInterrupt:
        interrupted = True
    writer.write(diarizer.finish(), diarizer, final=True)
    newcomers.enroll(diarizer, final=True)
    if failure is not None:
        raise failure
    if interrupted:
        line = f"interrupted after {diarizer.heard:.1f} s; the turns so far are written"
        if writer.name != MICROPHONE:
            complain(line)
            return 130
        say(line)  # there is no other way to end it
        return int(newcomers.failed)
    _check_length(diarizer.heard, writer.name)
    if not writer.count:
        note(f"{writer.name}: no speech was detected")
    return int(newcomers.failed)


def _blocks(file: str | None, rate: int, block: float, realtime: bool) -> Iterator[np.ndarray]:
    """Sound as it arrives."""
    from diarbook.streaming.sources import file_blocks, microphone_blocks, paced, pcm_blocks

    if file is None:
        return microphone_blocks(min(block, 0.1))
    if file == STANDARD_INPUT:
        return pcm_blocks(click.get_binary_stream("stdin"), rate, block, warn=note)
    blocks = file_blocks(file, block, quiet=True)
    return paced(blocks) if realtime else blocks


def _check_length(heard: float, name: str) -> None:
    from diarbook.audio import MINIMUM_SECONDS
    from diarbook.errors import AudioError

    if heard < MINIMUM_SECONDS:
        raise AudioError(f"{name}: {heard:.3f} s of audio, at least {MINIMUM_SECONDS} s is needed")


def _gallery(path: str, threshold: float | None, newcomers: _Newcomers | None = None) -> Gallery:
    """The voices of a store, in which there must be room for the newcomers."""
    from diarbook.streaming import Gallery
    from diarbook.voiceprints.store import VoiceprintStore

    expected = newcomers is not None and bool(newcomers.waiting)
    with VoiceprintStore(path, create=expected, readonly=not expected) as store:
        if expected:
            store.check_free(newcomers.waiting.values())
        return Gallery.of(store, threshold)


@dataclass
class _Newcomers:
    """Those who are to be enrolled while the stream runs: names by label."""

    waiting: dict[str, str]
    consent: Consent | None = None
    path: str | None = None
    threshold: float | None = None
    failed: bool = field(default=False, init=False)
    gallery: Gallery | None = field(default=None, init=False)
    """With the last who was enrolled; its threshold may be higher than before."""

    def enroll(self, diarizer: StreamingDiarizer, final: bool = False) -> None:
        """Enroll who has said enough, and let the stream know them; in the end, report who has not."""
        if not self.waiting:
            return
        from diarbook.voiceprints.voice import MINIMUM_SPEECH

        heard = {one.label: one.seconds for one in diarizer.speakers if one.label in self.waiting}
        for label, seconds in heard.items():
            if seconds >= MINIMUM_SPEECH:
                self._enroll(label, self.waiting.pop(label), diarizer)
        if final:
            for label, name in self.waiting.items():
                spoke = f"said {heard[label]:.1f} s alone, {MINIMUM_SPEECH:g} s are needed" if label in heard else ""
                self._refuse(name, f"{label} {spoke or 'was not heard'}")

    def _enroll(self, label: str, name: str, diarizer: StreamingDiarizer) -> None:
        from diarbook.hybrid import introduce
        from diarbook.voiceprints.store import VoiceprintStore

        try:
            made = introduce(diarizer, label, name, self.consent)
            with VoiceprintStore(self.path) as store:
                store.add(made)
            self.gallery = _gallery(self.path, self.threshold)
            diarizer.recognize(self.gallery)
        except DiarbookError as error:  # no reason to stop listening
            self._refuse(name, error)
        else:
            say(f"{label}: enrolled as {made.name} from {made.net_speech:.1f} s of speech")

    def _refuse(self, name: str, why: object) -> None:
        self.failed = True
        complain(f"{name} was not enrolled: {why}")


def _newcomers(
    introduce: tuple[str, ...],
    consent: str | None,
    expires: datetime | None,
    path: str | None,
    threshold: float | None,
) -> _Newcomers:
    """What the options say of newcomers, checked."""
    from diarbook.voiceprints.voiceprint import person_name

    if not introduce:
        if consent is not None or expires is not None:
            raise click.UsageError("--consent and --expires are for those whom --introduce enrolls")
        return _Newcomers({})
    if path is None or consent is None:
        raise click.UsageError("--introduce needs --store and --consent: nobody is kept without both")
    waiting: dict[str, str] = {}
    for entry in introduce:
        label, equals, name = (part.strip() for part in entry.partition("="))
        if not (equals and name and re.fullmatch(r"SPEAKER_\d{2,}", label)):
            raise click.UsageError(f"--introduce {entry!r}: expected LABEL=NAME, such as SPEAKER_02=Cleo")
        name = person_name(name)
        if label in waiting or name in waiting.values():
            raise click.UsageError(f"--introduce {entry!r}: give each label and each name once")
        waiting[label] = name
    return _Newcomers(waiting, agreed_until(consent, expires), path, threshold)


class _Writer:
    """Turns to RTTM, line by line, or to a file that is written anew at each correction."""

    def __init__(self, name: str, output: Path | None, gallery: Gallery | None) -> None:
        self.name, self.output, self.gallery = name, output, gallery
        self.turns: dict[int, StreamTurn] = {}  # the output itself: kept only where it may be corrected
        self.named: set[str] = set()
        self.count = self.revision = 0

    def write(self, turns: list[StreamTurn], diarizer: StreamingDiarizer, final: bool = False) -> None:
        """Write what became final, and say who was recognized."""
        from diarbook.rttm import format_rttm

        if self.gallery is not None:
            self._say_names(diarizer)
        self.count += len(turns)
        if self.output is None:
            for turn in turns:
                write_output(format_rttm([_plain(turn)], self.name), None)
            return
        self.turns.update({turn.number: turn for turn in turns})
        if turns or final:
            self.revision += any(turn.revised for turn in turns)
            head = f";; {diarizer.heard:.1f} s heard; revision {self.revision}; {'final' if final else 'may change'}\n"
            write_output(head + format_rttm(map(_plain, self.turns.values()), self.name), self.output)

    def _say_names(self, diarizer: StreamingDiarizer) -> None:
        where = self.gallery
        for speaker in diarizer.speakers:
            if speaker.name is not None and speaker.label not in self.named:
                self.named.add(speaker.label)
                scored = f"cosine {speaker.score:.3f}, threshold {where.threshold:.3f}, at {diarizer.heard:.1f} s"
                belongs = f"model {where.model} {where.model_version}; calibration: {where.calibration}"
                say(f"{speaker.label}: {speaker.name} ({scored}; {belongs})")


def _plain(turn: StreamTurn) -> Turn:
    """With a name that RTTM can hold."""
    from diarbook.rttm import rttm_name
    from diarbook.turns import Turn

    return Turn(turn.start, turn.end, rttm_name(turn.name or turn.speaker))
