"""The same network through pyannote.audio, to compare with ours.

Chapter: segmentation
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from diarbook.assets import weights_path


@contextlib.contextmanager
def no_decoder_warning() -> Iterator[None]:
    """For the first import of pyannote.audio, which warns of FFmpeg where its libraries are missing.

    A waveform in memory needs none of them.

    Chapter: segmentation
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s).*torchcodec")
        yield


def pyannote_posteriors(waveform: np.ndarray) -> np.ndarray:
    """Posteriors of the speaker sets from pyannote.audio's own model class.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        One chunk at 16 kHz.

    Returns
    -------
    ndarray of shape (frames, 7)

    References
    ----------
    bredin2023pyannote, plaquet2023powerset

    Chapter: segmentation
    """
    import torch

    with no_decoder_warning():
        from pyannote.audio import Model
    model = Model.from_pretrained(weights_path("segmentation-3.0")).eval()
    with torch.inference_mode():
        return model(torch.from_numpy(waveform)[None, None]).exp().numpy()[0]
