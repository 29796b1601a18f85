"""What a stream emits, and what it remembers of a speaker.

Chapter: streaming
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.turns import Turn


@dataclass(frozen=True, slots=True)
class StreamTurn:
    """One turn of a stream, final when it is emitted.

    Parameters
    ----------
    start, end : float
        Seconds from the start of the stream.
    speaker : str
        ``SPEAKER_00``, ``SPEAKER_01``, … in the order in which the voices were first emitted.
    speaker_number : int
        The number in ``speaker``.
    name : str or None
        From the gallery, when it was known at the time of emission.
    score : float
        Cosine on which the name rests; NaN without one.
    emitted : float
        Seconds of audio that had been heard at that time.
    number : int
        Running number of the turn in the stream.
    revision : int
        0 for the first emission. In revision mode a turn with a revision above 0 takes the place of the earlier one
        with the same number.

    Chapter: streaming
    """

    start: float
    end: float
    speaker: str
    speaker_number: int
    name: str | None
    score: float
    emitted: float
    number: int = 0
    revision: int = 0

    @property
    def turn(self) -> Turn:
        """The same as a turn of a diarization, under the name where there is one."""
        return Turn(self.start, self.end, self.name or self.speaker)

    @property
    def revised(self) -> bool:
        """Whether it corrects an earlier emission."""
        return self.revision > 0


@dataclass(frozen=True, slots=True, eq=False)
class CachedSpeaker:
    """What is remembered of a speaker.

    Parameters
    ----------
    label : str
    centroid : ndarray of shape (d,)
        Of unit length.
    seconds : float
        Speech alone behind it.
    name : str or None
    score : float
        Cosine on which the name rests; NaN without one.
    model, model_version : str
        What made the centroid: it can be compared with vectors of the same model and version only.

    Chapter: streaming
    """

    label: str
    centroid: np.ndarray
    seconds: float
    name: str | None
    score: float
    model: str
    model_version: str


def label_name(label: int) -> str:
    """``SPEAKER_00`` for 0.

    Chapter: streaming
    """
    return f"SPEAKER_{label:02d}"
