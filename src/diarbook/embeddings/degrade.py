"""Controlled damage to a recording: a narrower band, added noise, one speaker's speech joined.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diarbook.assets import Recording
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import OptionError
from diarbook.turns import Turn, alone


def band_limit(waveform: np.ndarray, low: float = 300.0, high: float = 3400.0) -> np.ndarray:
    """Keep the frequencies from ``low`` to ``high`` Hz, as an old telephone line does.

    Parameters
    ----------
    waveform : array of shape (samples,)
        At 16 kHz.
    low, high : float
        Edges of an 8th-order Butterworth filter run forward and backward, Hz.

    Raises
    ------
    OptionError
        When not ``0 < low < high < 8000``.

    Chapter: embeddings
    """
    from scipy.signal import butter, sosfiltfilt

    if not 0 < low < high < SAMPLE_RATE / 2:
        raise OptionError(f"band edges must satisfy 0 < low < high < {SAMPLE_RATE // 2} Hz, got {low} and {high}")
    return sosfiltfilt(butter(8, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos"), waveform).astype(np.float32)


def add_noise(waveform: np.ndarray, ratio: float, seed: int = 0) -> np.ndarray:
    """Add white noise at a signal-to-noise ratio.

    Parameters
    ----------
    waveform : array of shape (samples,)
    ratio : float
        Power of the whole waveform, pauses included, over the power of the noise, dB.
    seed : int

    Chapter: embeddings
    """
    noise = np.random.default_rng(seed).standard_normal(len(waveform))
    scale = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)) / 10 ** (ratio / 10))
    return (waveform + scale * noise).astype(np.float32)


def joined_speech(recordings: Sequence[Recording]) -> list[Recording]:
    """For each speaker of each recording, the stretches that this speaker has alone, joined.

    Returns
    -------
    list of Recording
        One a speaker and recording, named ``recording/speaker``, with one turn that fills it.

    Chapter: embeddings
    """
    joined = []
    for recording in recordings:
        stretches = alone(recording.turns)
        for speaker in dict.fromkeys(turn.speaker for turn in stretches):
            parts = [
                recording.waveform[round(turn.start * SAMPLE_RATE) : round(turn.end * SAMPLE_RATE)]
                for turn in stretches
                if turn.speaker == speaker
            ]
            waveform = np.concatenate(parts)
            seconds = len(waveform) / SAMPLE_RATE
            joined.append(
                Recording(
                    f"{recording.name}/{speaker}",
                    waveform,
                    (Turn(0.0, seconds, speaker),),
                    np.array([[0.0, seconds]]),
                    recording.split,
                )
            )
    return joined
