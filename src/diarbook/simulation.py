"""Conversations made to order: real single-speaker stretches laid out again, with an exact reference.

The real clips are short and few. A simulated conversation is as long as one likes, and how many people
speak, how much they overlap, how noisy the room is are parameters. It is easier than a real one: nobody
answers anybody, and stretches recur.

Chapter: segmentation
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import fftconvolve

from diarbook.assets import Recording
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import OptionError
from diarbook.turns import Turn, crop, merge, regions, shift, speakers

FADE_SECONDS = 0.01
VOICE_SECONDS = 3.0  # a voice with less speech of its own is not cast
LEVEL = 10 ** (-26 / 20)


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
