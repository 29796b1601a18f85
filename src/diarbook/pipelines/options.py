"""What every pipeline takes: bounds on the number of speakers, a report of progress.

Chapter: start
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError

SILENCE = 1e-4  # a recording that never exceeds -80 dB of full scale holds no speech
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class SpeakerBounds:
    """How many speakers the caller expects.

    Chapter: clustering
    """

    least: int = 1
    most: int | None = None


def speaker_bounds(
    num_speakers: int | None = None, min_speakers: int | None = None, max_speakers: int | None = None
) -> SpeakerBounds:
    """Check the three options and bring them to a lower and an upper bound.

    Raises
    ------
    OptionError
        When one is below 1, the minimum is above the maximum, or the number comes with a bound.

    Chapter: clustering
    """
    for name, value in (("num", num_speakers), ("min", min_speakers), ("max", max_speakers)):
        if value is not None and value < 1:
            raise OptionError(f"{name}_speakers must be 1 or more, got {value}")
    if num_speakers is not None:
        if min_speakers is not None or max_speakers is not None:
            raise OptionError("give num_speakers, or min_speakers and max_speakers, not both")
        return SpeakerBounds(num_speakers, num_speakers)
    if min_speakers is not None and max_speakers is not None and min_speakers > max_speakers:
        raise OptionError(f"min_speakers {min_speakers} is above max_speakers {max_speakers}")
    return SpeakerBounds(min_speakers or 1, max_speakers)


def ignore_progress(_stage: str, _done: float) -> None:
    """No progress is shown."""


def is_silent(waveform: np.ndarray) -> bool:
    """Nothing in it reaches -80 dB of full scale.

    Chapter: vad
    """
    return float(np.abs(waveform).max(initial=0.0)) < SILENCE
