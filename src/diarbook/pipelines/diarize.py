"""One door to the three pipelines.

Chapter: start
"""

from __future__ import annotations

import numpy as np

from diarbook.checks import check_choice
from diarbook.pipelines.cascade import cascade
from diarbook.pipelines.options import Progress, speaker_bounds
from diarbook.pipelines.overlap import overlap_aware
from diarbook.pipelines.peer import pyannote_peer
from diarbook.turns import Turn

PIPELINES = ("overlap", "cascade", "pyannote")


def diarize(
    waveform: np.ndarray,
    *,
    pipeline: str = "overlap",
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    progress: Progress | None = None,
) -> list[Turn]:
    """Who spoke when.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz, 0.1 s or longer; :func:`diarbook.audio.load_audio` makes it of any file.
    pipeline : {"overlap", "cascade", "pyannote"}
        The overlap-aware pipeline, the cascade, or pyannote.audio's own on the same networks.
    num_speakers : int, optional
        Number of speakers, when it is known.
    min_speakers, max_speakers : int, optional
        Bounds on it.
    progress : callable, optional
        Called with a stage's name and the share of all work done, 0 to 1.

    Returns
    -------
    list of Turn
        Sorted; speakers ``SPEAKER_00``, ``SPEAKER_01``, … by first appearance. Empty for silence.

    Raises
    ------
    AudioError
        When the waveform is not one channel of finite samples, or too short.
    OptionError
        When the pipeline is unknown or the numbers of speakers contradict each other.

    References
    ----------
    bredin2023pyannote, plaquet2023powerset

    Chapter: start
    """
    check_choice("pipeline", pipeline, PIPELINES)
    bounds = speaker_bounds(num_speakers, min_speakers, max_speakers)
    run = {"overlap": overlap_aware, "cascade": cascade, "pyannote": pyannote_peer}[pipeline]
    return run(waveform, bounds=bounds, progress=progress)
