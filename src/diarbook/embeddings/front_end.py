"""How each model wants sound prepared: the one place that knows its bands, its scale and its frames.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diarbook.audio import SAMPLE_RATE

BLOCK_SECONDS = 300.0
FRAMES_A_SECOND = 100


@dataclass(frozen=True)
class FrontEnd:
    """How a model wants sound prepared: the one place that knows its bands, its scale and its frames.

    Parameters
    ----------
    bands : int
        Mel bands of a frame.
    compute : callable
        Waveform (samples,) to features (frames, bands), a frame every 10 ms.
    parts : callable
        Features (frames, bands) of one item to the parts (parts, frames, bands) that the network takes.
    windows : callable
        ``(waveform, windows) -> iterator of parts``: the same for windows of a recording, in order of time.

    Chapter: embeddings
    """

    bands: int
    compute: Callable[[np.ndarray], np.ndarray]
    parts: Callable[[np.ndarray], np.ndarray]
    windows: Callable[[np.ndarray, np.ndarray], Iterator[np.ndarray]]


def _blocks(windows: np.ndarray) -> Iterator[np.ndarray]:
    """Split windows, sorted by start, into runs that start within ``BLOCK_SECONDS`` of each other."""
    first = 0
    while first < len(windows):
        last = int(np.searchsorted(windows[:, 0], windows[first, 0] + BLOCK_SECONDS, side="right"))
        yield windows[first:last]
        first = last


def campplus_features(waveform: np.ndarray) -> np.ndarray:
    """Log mel energies for CAM++, the mean not yet removed.

    Parameters
    ----------
    waveform : array of shape (samples,)

    Returns
    -------
    ndarray of float32, shape (frames, 80)
        Kaldi's filterbank, 25 ms every 10 ms, without dither.

    Notes
    -----
    Samples count as 16-bit integers. 3D-Speaker's own front end takes them within -1 to 1, where the floor under the
    logarithm cuts into quiet speech; far above the floor, removing the mean takes any gain away.

    References
    ----------
    wang2023campplus, povey2011kaldi

    Chapter: embeddings
    """
    from diarbook.features import kaldi_fbank

    return kaldi_fbank(waveform, 80)


def remove_mean(features: np.ndarray) -> np.ndarray:
    """Subtract from every band its mean over the frames; cancels loudness and a fixed channel.

    Chapter: embeddings
    """
    return features - features.mean(axis=0, keepdims=True)


def _campplus_windows(waveform: np.ndarray, windows: np.ndarray) -> Iterator[np.ndarray]:
    """Features of each window, cut from those of the audio around it, so that overlapping windows share the work."""
    for block in _blocks(windows):
        hop = SAMPLE_RATE // FRAMES_A_SECOND
        first = np.round(block[:, 0] * FRAMES_A_SECOND).astype(int)
        last = np.round(block[:, 1] * FRAMES_A_SECOND).astype(int) - 2
        offset = first.min()
        features = campplus_features(waveform[offset * hop : (last.max() + 2) * hop])
        for start, end in zip(first - offset, last - offset, strict=True):
            yield remove_mean(features[start:end])[None]


def _campplus_parts(features: np.ndarray) -> np.ndarray:
    return remove_mean(features)[None]


def _ge2e_features(waveform: np.ndarray) -> np.ndarray:
    from diarbook.networks.ge2e import mel_energies, raise_level

    return mel_energies(raise_level(waveform))


def _ge2e_windows(waveform: np.ndarray, windows: np.ndarray) -> Iterator[np.ndarray]:
    from diarbook.networks.ge2e import partial_features

    for start, end in np.round(windows * SAMPLE_RATE).astype(int):
        yield partial_features(waveform[start:end])


def _ge2e_parts(features: np.ndarray) -> np.ndarray:
    from diarbook.networks.ge2e import HOP, PARTIAL_FRAMES, partial_starts

    starts = partial_starts(len(features) * HOP - 1)
    padded = np.pad(features, ((0, max(0, starts[-1] + PARTIAL_FRAMES - len(features))), (0, 0)))
    return padded[starts[:, None] + np.arange(PARTIAL_FRAMES)]


CAMPPLUS = FrontEnd(80, campplus_features, _campplus_parts, _campplus_windows)
GE2E = FrontEnd(40, _ge2e_features, _ge2e_parts, _ge2e_windows)
