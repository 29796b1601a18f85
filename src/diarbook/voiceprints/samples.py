"""Single utterances put together: words joined to samples of useful length, samples as recordings.

Chapter: voiceprints
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from diarbook.assets import Recording, VoiceSample
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import OptionError
from diarbook.turns import Turn


def join_samples(samples: Sequence[VoiceSample], each: int) -> list[VoiceSample]:
    """Join utterances that follow each other, of one person in one condition.

    Parameters
    ----------
    samples : sequence of VoiceSample
        Those of one person and condition must stand together.
    each : int
        Utterances in one result; what is left over in the end is dropped.

    Returns
    -------
    list of VoiceSample
        Named after their first and last utterance.

    Raises
    ------
    OptionError
        When ``each`` is below 1.

    Chapter: voiceprints
    """
    if each < 1:
        raise OptionError(f"each must be 1 or more, got {each}")
    joined = []
    for (speaker, condition), group in itertools.groupby(samples, key=lambda one: (one.speaker, one.condition)):
        run = list(group)
        for first in range(0, len(run) - each + 1, each):
            parts = run[first : first + each]
            name = parts[0].name if each == 1 else f"{parts[0].name} to {parts[-1].name}"
            waveform = np.concatenate([part.waveform for part in parts])
            joined.append(VoiceSample(name, speaker, condition, waveform))
    return joined


def as_recordings(samples: Sequence[VoiceSample], split: str = "test") -> list[Recording]:
    """Each sample as a recording in which one person speaks from start to end.

    Parameters
    ----------
    samples : sequence of VoiceSample
    split : str

    Chapter: voiceprints
    """
    recordings = []
    for one in samples:
        seconds = len(one.waveform) / SAMPLE_RATE
        turns = (Turn(0.0, seconds, one.speaker),)
        recordings.append(Recording(one.name, one.waveform, turns, np.array([[0.0, seconds]]), split))
    return recordings
