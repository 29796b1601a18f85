"""How loud a recording must be for segmentation-3.0 to hear it as it hears others.

The network's first layer divides a chunk by its standard deviation, but adds 1e-5 to the variance: below about -40 dB
that is more than the sound. So quiet sound is raised first. Embeddings need no gain.

Chapter: segmentation
"""

from __future__ import annotations

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.audio.storage import pieces

HALF_SECOND = SAMPLE_RATE // 2
QUIET_DB = -35.0  # sound whose loudest half second is below this is raised to it
BLOCK_SAMPLES = 256 * HALF_SECOND


def loudest_half_second(waveform: np.ndarray) -> float:
    """Mean square of the loudest half second of a waveform; a rest at its end that is shorter counts as half a second.

    Examples
    --------
    >>> float(loudest_half_second(np.repeat(np.float32([0.0, 0.5]), 8_000)))
    0.25

    Chapter: segmentation
    """
    loudest = 0.0
    for _, block in pieces(waveform, BLOCK_SAMPLES):
        whole = block[: len(block) // HALF_SECOND * HALF_SECOND].reshape(-1, HALF_SECOND)
        rest = block[whole.size :]
        powers = [*np.einsum("ij,ij->i", whole, whole), np.dot(rest, rest)]
        loudest = max(loudest, float(max(powers)) / HALF_SECOND)
    return loudest


def gain_for(loudest: float) -> np.float32:
    """Factor that raises quiet sound to where segmentation-3.0 hears it as it hears louder sound; 1 for the rest.

    Parameters
    ----------
    loudest : float
        Mean square of the loudest half second.

    Examples
    --------
    >>> [float(gain_for(10 ** (level / 10)).round(2)) for level in (-20, -35, -55)]
    [1.0, 1.0, 10.0]

    Chapter: segmentation
    """
    return np.float32(max(1.0, 10 ** (QUIET_DB / 20) / max(loudest, 1e-20) ** 0.5))
