"""The GE2E d-vector: an LSTM reads 1.6 s of mel energies, its last state is the voice.

Chapter: embeddings
"""

from __future__ import annotations

from os import PathLike

import numpy as np
import torch
from torch import Tensor, nn

from diarbook.audio import SAMPLE_RATE, level

BANDS = 40
DIMENSION = 256
PARTIAL_FRAMES = 160
PARTIAL_HOP = 77
HOP = 160
FFT = 400
TARGET_LEVEL = -30.0
MINIMUM_COVERAGE = 0.75


class Ge2eEncoder(nn.Module):
    """Three LSTM layers, a linear layer, ReLU, unit length.

    Parameters
    ----------
    bands : int
        Mel bands.
    dimension : int
        Of the embedding and of the LSTM's state.

    References
    ----------
    wan2018ge2e

    Chapter: embeddings
    """

    def __init__(self, bands: int = BANDS, dimension: int = DIMENSION) -> None:
        super().__init__()
        self.lstm = nn.LSTM(bands, dimension, num_layers=3, batch_first=True)
        self.linear = nn.Linear(dimension, dimension)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, frames, bands) to (batch, dimension), no negative entries, unit length."""
        states, _ = self.lstm(features)
        embedding = torch.relu(self.linear(states[:, -1]))
        return embedding / embedding.norm(dim=1, keepdim=True)


def load_ge2e(path: str | PathLike[str]) -> Ge2eEncoder:
    """Build the encoder and load the released weights.

    The file also holds the scale and offset of the training loss, which scoring does not need.

    Chapter: embeddings
    """
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    model = Ge2eEncoder()
    model.load_state_dict({key: value for key, value in state.items() if not key.startswith("similarity_")})
    return model.eval()


def raise_level(waveform: np.ndarray, target: float = TARGET_LEVEL) -> np.ndarray:
    """Scale a quiet waveform up to ``target`` dB relative to full scale; leave a louder one alone.

    The front-end of this model has no logarithm and no mean removal, so loudness reaches the network.

    Chapter: embeddings
    """
    gain = target - level(waveform)
    if not 0 < gain < np.inf:
        return waveform
    return (waveform * 10 ** (gain / 20)).astype(np.float32)


def mel_energies(waveform: np.ndarray) -> np.ndarray:
    """Mel band energies (no logarithm) of a loudness-normalized waveform.

    Parameters
    ----------
    waveform : array of shape (samples,)
        At 16 kHz.

    Returns
    -------
    ndarray of float32, shape (frames, 40)
        A frame of 25 ms centered on every 10 ms, Slaney's mel scale.

    Chapter: embeddings
    """
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")  # a progress bar that nobody asked for
        import librosa
        import librosa.feature

        mel = librosa.feature.melspectrogram(y=waveform, sr=SAMPLE_RATE, n_fft=FFT, hop_length=HOP, n_mels=BANDS)
    return mel.T.astype(np.float32)


def partial_starts(samples: int) -> np.ndarray:
    """First frames of the 1.6 s partial windows that cover a waveform, 1.3 of them a second.

    A last window that real audio fills by less than three quarters is left out, unless it is the only one.

    Parameters
    ----------
    samples : int
        Length of the waveform.

    Returns
    -------
    ndarray of int, shape (windows,)

    Chapter: embeddings
    """
    frames = -(-(samples + 1) // HOP)
    starts = np.arange(0, max(1, frames - PARTIAL_FRAMES + PARTIAL_HOP + 1), PARTIAL_HOP)
    covered = (samples - starts[-1] * HOP) / (PARTIAL_FRAMES * HOP)
    return starts[:-1] if covered < MINIMUM_COVERAGE and len(starts) > 1 else starts


def partial_features(waveform: np.ndarray) -> np.ndarray:
    """Features of every partial window of a waveform, silence added after its end.

    Parameters
    ----------
    waveform : array of shape (samples,)

    Returns
    -------
    ndarray of float32, shape (windows, 160, 40)

    Chapter: embeddings
    """
    waveform = raise_level(waveform)
    starts = partial_starts(len(waveform))
    needed = (int(starts[-1]) + PARTIAL_FRAMES) * HOP
    mel = mel_energies(np.pad(waveform, (0, max(0, needed - len(waveform)))))
    return mel[starts[:, None] + np.arange(PARTIAL_FRAMES)]
