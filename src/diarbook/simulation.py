"""Conversations made to order: real single-speaker stretches laid out again, with an exact reference.

The real clips are short and few. A simulated conversation is as long as one likes, and how many people
speak, how much they overlap, how noisy the room is are parameters. It is easier than a real one: nobody
answers anybody, and stretches recur.

Chapter: segmentation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_closing, binary_dilation, uniform_filter1d
from scipy.signal import fftconvolve

from diarbook.assets import Recording, voice_samples
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import OptionError
from diarbook.turns import Turn, crop, merge, regions, shift, speakers

FADE_SECONDS = 0.01
VOICE_SECONDS = 3.0  # a voice with less speech of its own is not cast
LEVEL = 10 ** (-26 / 20)
# Who says too little is left out. Only the first two pairs share a microphone, so the others are easier to tell apart.
CLEAN_PAIRS = (("m1", "m2"), ("m3", "m4"), ("m5", "M"), ("R1", "R5"), ("R6", "R7"), ("R4", "R8"))
FRAMES_A_SECOND = 100  # of the levels by which a lone voice is separated from its pauses


def single_speaker_stretches(recordings: Sequence[Recording], minimum: float = 0.8) -> dict[str, list[np.ndarray]]:
    """Stretches where one person speaks and nobody else, by person.

    Parameters
    ----------
    recordings : sequence of Recording
    minimum : float
        Shortest stretch, seconds.

    Returns
    -------
    dict of str to list of ndarray, shape (samples,)
        In order of first appearance; persons without a stretch are left out.

    Chapter: segmentation
    """
    stretches: dict[str, list[np.ndarray]] = {}
    for recording in recordings:
        crowded = regions(recording.turns, at_least=2)
        for turn in merge(recording.turns):
            for start, end in _outside(turn, crowded):
                if end - start >= minimum:
                    first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
                    stretches.setdefault(turn.speaker, []).append(recording.waveform[first:last])
    return stretches


def sounding_regions(
    waveform: np.ndarray,
    *,
    loud: float = 20.0,
    quiet: float = 35.0,
    pause: float = 0.3,
    shortest: float = 0.1,
    margin: float = 0.03,
) -> np.ndarray:
    """Where one voice on a quiet ground sounds: louder than the ground, short pauses included.

    For clean recordings of one person this needs no network, so that a network can be judged by it.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    loud, quiet : float
        A frame sounds when it is 10 dB above the quietest 5 % of the frames; but always when it is less than ``loud``
        dB under the loudest 5 %, and never when it is more than ``quiet`` dB under them.
    pause : float
        Pauses up to this many seconds belong to the speech around them.
    shortest : float
        Shorter sounds are clicks, seconds.
    margin : float
        Seconds added on either side, for onsets and decays below the level.

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    Chapter: segmentation
    """
    hop = SAMPLE_RATE // FRAMES_A_SECOND
    count = len(waveform) // hop
    if count == 0:
        return np.zeros((0, 2))
    power = np.square(waveform[: count * hop], dtype=np.float64).reshape(count, hop).mean(axis=1)
    level = 10 * np.log10(np.maximum(uniform_filter1d(power, 3, mode="nearest"), 1e-12))
    width = round(margin * FRAMES_A_SECOND)
    ground, top = np.percentile(level, (5, 95))
    sounding = level > np.clip(ground + 10, top - quiet, top - loud)
    if width:
        sounding = binary_dilation(sounding, iterations=width)
    gap = round(pause * FRAMES_A_SECOND) + 1
    padded = np.pad(sounding, gap)
    sounding = binary_closing(padded, np.ones(gap))[gap:-gap]
    runs = np.flatnonzero(np.diff(np.pad(sounding.astype(np.int8), 1))).reshape(-1, 2) / FRAMES_A_SECOND
    return runs[np.diff(runs, axis=1)[:, 0] >= shortest + 2 * margin]


def lone_voice(
    name: str, speaker: str, waveform: np.ndarray, split: str = "development", pause: float = 0.3
) -> Recording:
    """A recording of one person on a quiet ground, its turns where the voice sounds (:func:`sounding_regions`).

    Chapter: segmentation
    """
    turns = tuple(Turn(float(start), float(end), speaker) for start, end in sounding_regions(waveform, pause=pause))
    return Recording(name, waveform, turns, np.array([[0.0, len(waveform) / SAMPLE_RATE]]), split)


def joined_words(waveforms: Sequence[np.ndarray], gap: float = 0.12, longest: float = 6.0) -> list[np.ndarray]:
    """Words said one by one, without the silence around them, strung to phrases: speech that has turns.

    Parameters
    ----------
    waveforms : sequence of ndarray, shape (samples,)
        One word each, of one person.
    gap : float
        Seconds of silence between words.
    longest : float
        A phrase ends with the word that makes it this long, seconds.

    Returns
    -------
    list of ndarray, shape (samples,)

    Chapter: segmentation
    """
    silence = np.zeros(round(gap * SAMPLE_RATE), dtype=np.float32)
    phrases: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    for waveform in waveforms:
        spans = np.round(sounding_regions(waveform) * SAMPLE_RATE).astype(int)
        if len(spans):
            parts += [waveform[spans[0, 0] : spans[-1, 1]].astype(np.float32), silence]
        if sum(map(len, parts)) >= longest * SAMPLE_RATE:
            phrases.append(np.concatenate(parts))
            parts = []
    return [*phrases, np.concatenate(parts)] if parts else phrases


def voices_outside_meetings() -> list[Recording]:
    """Everybody in the book's packages who speaks in no meeting clip, one recording a phrase or utterance.

    They are 14: five men who say single words, strung to phrases here; one who reads, healthy and with a cold; and
    eight readers, whose recordings may be computed with but not handed on (``redistribute: false`` in
    ``data/audio.yaml``). One of the readers has too little speech to be cast. The language and the microphone differ
    between the collections, which makes these voices easier to tell apart.

    Returns
    -------
    list of Recording
        What :func:`simulate_conversation` takes; the turns name the person.

    References
    ----------
    miesikowska2020emotions, mcauliffe2017mfa

    Chapter: clustering
    """
    words: dict[str, list[np.ndarray]] = {}
    for sample in voice_samples("emotions"):
        words.setdefault(sample.speaker, []).append(sample.waveform)
    phrases = []
    for person, items in words.items():
        order = np.random.default_rng(5).permutation(len(items))
        strung = joined_words([items[index] for index in order])
        phrases += [lone_voice(f"{person}-{number}", person, phrase) for number, phrase in enumerate(strung)]
    styles = [sample for sample in voice_samples("styles") if sample.condition in ("healthy", "cold", "sentence")]
    return phrases + [
        lone_voice(sample.name, sample.speaker, sample.waveform) for sample in [*styles, *voice_samples("readers")]
    ]


def clean_conversations(
    seconds: float = 30.0, overlap: float = 0.15, pause: float = 0.4, seed: int = 0
) -> dict[str, Recording]:
    """Six conversations of two people each, nobody in two of them, of voices that no meeting clip holds.

    Each is an independent unit, and no network of the book is known to have heard the voices. Their reference speech
    was found by level (:func:`sounding_regions`); pauses up to 0.3 s are part of it.

    Parameters
    ----------
    seconds : float
        Length of each.
    overlap : float
        Share of the speech time in which both speak.
    pause : float
        Mean pause between turns that do not overlap, seconds.
    seed : int
        Of the first; the others count on.

    Returns
    -------
    dict of str to Recording
        By the two people's names.

    Chapter: evaluation
    """
    voices = voices_outside_meetings()
    made = {}
    for number, pair in enumerate(CLEAN_PAIRS):
        theirs = [voice for voice in voices if set(speakers(voice.turns)) <= set(pair)]
        name = " and ".join(pair)
        talk = simulate_conversation(theirs, 2, seconds, overlap, seed=seed + number, pause=pause)
        made[name] = replace(talk, name=name)
    return made


def perturb_speed(waveform: np.ndarray, factor: float) -> np.ndarray:
    """The same speech played faster or slower, and with it higher or deeper: for an ear, another person.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    factor : float
        Above 1 is faster and higher; 0.9 and 1.1 are the field's usual ones.

    Raises
    ------
    OptionError
        When the factor is not between 0.5 and 2.

    References
    ----------
    ko2015augmentation

    Chapter: segmentation
    """
    import soxr

    if not 0.5 <= factor <= 2:
        raise OptionError(f"the factor of a change of speed must lie between 0.5 and 2, got {factor}")
    return soxr.resample(np.asarray(waveform, dtype=np.float32), SAMPLE_RATE * factor, SAMPLE_RATE).astype(np.float32)


def through_channel(recording: Recording, *, telephone: bool = False, level: float | None = None) -> Recording:
    """A recording as another device would have made it; the reference stays.

    Parameters
    ----------
    recording : Recording
    telephone : bool
        Keep 300 to 3400 Hz only.
    level : float, optional
        Level of the highest peak, dB of full scale.

    Raises
    ------
    OptionError
        When the level is above 0.

    Chapter: segmentation
    """
    from diarbook.embeddings.degrade import band_limit

    if level is not None and level > 0:
        raise OptionError(f"level must be 0 dB of full scale or below, got {level}")
    waveform = band_limit(recording.waveform) if telephone else recording.waveform
    if level is not None:
        waveform = waveform * np.float32(10 ** (level / 20) / max(float(np.abs(waveform).max(initial=0.0)), 1e-9))
    return replace(recording, waveform=waveform)


def _outside(turn: Turn, spans: np.ndarray) -> list[tuple[float, float]]:
    """What is left of a turn when the spans are taken out."""
    inside = spans[(spans[:, 0] < turn.end) & (spans[:, 1] > turn.start)]
    edges = np.concatenate([[turn.start], inside.ravel(), [turn.end]]).reshape(-1, 2)
    return [(float(start), float(end)) for start, end in edges if end > start]


def _faded(stretch: np.ndarray) -> np.ndarray:
    """A stretch at the common level, without a click at either end."""
    power = float(np.mean(np.square(stretch, dtype=np.float64)))
    faded = stretch * np.float32(LEVEL / max(np.sqrt(power), 1e-9))
    length = min(round(FADE_SECONDS * SAMPLE_RATE), len(faded) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def pink_noise(samples: int, generator: np.random.Generator) -> np.ndarray:
    """Noise whose power falls with frequency, as a room's does; root-mean-square 1.

    Chapter: vad
    """
    # A block of 30 s repeated keeps memory and time linear; it is long enough not to be heard as a loop.
    length = min(samples, 30 * SAMPLE_RATE)
    spectrum = np.fft.rfft(generator.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, n=length)
    noise /= max(np.sqrt(np.mean(noise**2)), 1e-12)
    return np.resize(noise, samples).astype(np.float32)


def room_response(decay: float, generator: np.random.Generator) -> np.ndarray:
    """Impulse response of a simple room: the direct sound, then noise that falls by 60 dB in ``decay`` seconds.

    Chapter: features
    """
    time = np.arange(1, round(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = generator.standard_normal(len(time)) * 10 ** (-3 * time / decay)
    tail *= 0.5 / max(np.sqrt(np.sum(tail**2)), 1e-12)
    return np.concatenate([[1.0], tail]).astype(np.float32)


def simulate_conversation(
    recordings: Sequence[Recording],
    speakers: int = 3,
    seconds: float = 120.0,
    overlap: float = 0.1,
    seed: int = 0,
    *,
    pause: float = 0.5,
    turn_seconds: float = 3.0,
    level_spread: float = 3.0,
    snr: float | None = 30.0,
    reverberation: float = 0.0,
    minimum_stretch: float = 0.8,
) -> Recording:
    """Lay single-speaker stretches of real recordings out as a conversation.

    Parameters
    ----------
    recordings : sequence of Recording
        Where the voices come from.
    speakers : int
        Number of people; the ones are drawn at random from those with 3 s of speech of their own or more.
    seconds : float
        Length of the conversation.
    overlap : float
        Share of the speech time in which two people speak at once, 0 to 0.5.
    seed : int
        The same seed gives the same conversation.
    pause : float
        Mean pause between turns that do not overlap, seconds.
    turn_seconds : float
        Mean length of a turn, seconds; a turn is cut out of one stretch, so it is no longer than that.
    level_spread : float
        Standard deviation of the speakers' levels, dB.
    snr : float or None
        Level of a full voice over the pink noise, dB; None adds no noise.
    reverberation : float
        Seconds in which a simple room's echo falls by 60 dB; 0 adds none.
    minimum_stretch : float
        Shortest stretch that is used, seconds.

    Returns
    -------
    Recording
        Named after its parameters; its turns are exact.

    Raises
    ------
    OptionError
        When a parameter is out of range or there are fewer voices than ``speakers``.

    Chapter: segmentation
    """
    if speakers < 1 or seconds <= 0 or not 0 <= overlap <= 0.5:
        raise OptionError(
            f"speakers must be 1 or more, seconds above 0 and overlap 0 to 0.5; got {speakers}, {seconds}, {overlap}"
        )
    if pause < 0 or turn_seconds <= 0 or reverberation < 0:
        raise OptionError("pause and reverberation must be 0 s or more, and turn_seconds above 0 s")
    generator = np.random.default_rng(seed)
    voices = {
        name: stretches
        for name, stretches in single_speaker_stretches(recordings, minimum_stretch).items()
        if sum(map(len, stretches)) >= VOICE_SECONDS * SAMPLE_RATE
    }
    if len(voices) < speakers:
        raise OptionError(f"{speakers} speakers asked for, the recordings have {len(voices)} voices with 3 s alone")
    cast = [str(name) for name in generator.choice(sorted(voices), size=speakers, replace=False)]
    gains = 10 ** (generator.normal(0, level_spread, size=speakers) / 20)
    rooms = [room_response(reverberation, generator) if reverberation else None for _ in cast]

    samples = round(seconds * SAMPLE_RATE)
    waveform = np.zeros(samples, dtype=np.float32)
    turns: list[Turn] = []
    cursor = generator.exponential(pause) if pause else 0.0  # where the conversation has got to
    speech = overlapped = 0.0
    current = -1
    while cursor < seconds - minimum_stretch:
        current = _next_speaker(current, speakers, generator)
        piece = _piece(voices[cast[current]], turn_seconds, minimum_stretch, generator)
        length = len(piece) / SAMPLE_RATE
        start = cursor
        # Interrupt whenever the conversation has less overlap than asked for; leave a pause otherwise.
        if turns and overlap > 0 and overlapped < overlap * (speech + length) and turns[-1].speaker != cast[current]:
            shared = min(generator.uniform(0.3, 0.9) * min(length, turns[-1].duration), cursor)
            # Nobody speaks over an earlier turn of his own, and no third person over two.
            recent = turns[-4 * speakers :]
            own_end = max((turn.end for turn in recent if turn.speaker == cast[current]), default=0.0)
            second_end = sorted(turn.end for turn in recent)[-2] if len(recent) > 1 else 0.0
            start = max(cursor - shared, own_end, second_end, turns[-1].start)
            overlapped += max(0.0, cursor - start)
        elif turns:
            start = cursor + (generator.exponential(pause) if pause else 0.0)
        end = min(start + length, seconds)
        if end - start < minimum_stretch / 2:
            break
        first = round(start * SAMPLE_RATE)
        sound = _faded(piece) * np.float32(gains[current])
        if rooms[current] is not None:
            sound = fftconvolve(sound, rooms[current]).astype(np.float32)
        sound = sound[: samples - first]
        waveform[first : first + len(sound)] += sound
        turns.append(Turn(round(start, 4), round(end, 4), cast[current]))
        speech += max(0.0, end - max(start, cursor))
        cursor = max(cursor, end)
    if snr is not None:
        waveform += pink_noise(samples, generator) * np.float32(LEVEL / 10 ** (snr / 20))
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > 0.99:
        waveform *= np.float32(0.99 / peak)
    name = f"simulated-{speakers}-{seconds:g}s-{seed}"
    return Recording(name, waveform, tuple(merge(turns)), np.array([[0.0, float(seconds)]]), recordings[0].split)


def _next_speaker(current: int, speakers: int, generator: np.random.Generator) -> int:
    """Somebody else, usually."""
    if speakers == 1 or current < 0 or generator.random() < 0.15:
        return int(generator.integers(speakers)) if current < 0 else current
    return int((current + generator.integers(1, speakers)) % speakers)


def _piece(stretches: Sequence[np.ndarray], mean: float, minimum: float, generator: np.random.Generator) -> np.ndarray:
    """A part of a random stretch, long stretches being likelier."""
    lengths = np.array([len(stretch) for stretch in stretches], dtype=float)
    stretch = stretches[generator.choice(len(stretches), p=lengths / lengths.sum())]
    wanted = round((minimum + generator.exponential(max(mean - minimum, 1e-3))) * SAMPLE_RATE)
    if wanted >= len(stretch):
        return stretch
    first = int(generator.integers(len(stretch) - wanted + 1))
    return stretch[first : first + wanted]


def tile(recordings: Sequence[Recording], seconds: float) -> Recording:
    """Recordings one after another, again and again, until the length is reached: to test hours of audio.

    Raises
    ------
    OptionError
        When there is no recording or ``seconds`` is not positive.

    Chapter: segmentation
    """
    if not recordings or seconds <= 0:
        raise OptionError(f"tile needs one recording or more and a length above 0 s, got {len(recordings)}, {seconds}")
    samples = round(seconds * SAMPLE_RATE)
    waveform = np.resize(np.concatenate([recording.waveform for recording in recordings]), samples)
    turns: list[Turn] = []
    start, index = 0.0, 0
    while start < seconds:
        recording = recordings[index % len(recordings)]
        turns += shift(recording.turns, start)
        start += recording.duration
        index += 1
    turns = crop(turns, 0.0, seconds)
    return Recording(f"tiled-{seconds:g}s", waveform, tuple(turns), np.array([[0.0, seconds]]), recordings[0].split)


def voices(recordings: Sequence[Recording]) -> list[str]:
    """Everybody who speaks in the recordings, by first appearance.

    Chapter: segmentation
    """
    return list(dict.fromkeys(name for recording in recordings for name in speakers(recording.turns)))
