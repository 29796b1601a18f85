"""What every pipeline takes: bounds on the number of speakers, and somebody to report progress to.

Chapter: start
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from diarbook.audio.storage import pieces
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


ANY_NUMBER = SpeakerBounds()


def speaker_bounds(
    num_speakers: int | None = None, min_speakers: int | None = None, max_speakers: int | None = None
) -> SpeakerBounds:
    """Check the three options and bring them to a lower and an upper bound.

    Raises
    ------
    OptionError
        When one is below 1, the minimum is above the maximum, or the number comes with a bound.

    Examples
    --------
    >>> speaker_bounds(min_speakers=2)
    SpeakerBounds(least=2, most=None)

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


def weighted(progress: Progress | None, shares: Mapping[str, float]) -> Progress:
    """A report of each stage's own progress, passed on as the share of all the work that is done.

    Parameters
    ----------
    progress : callable, optional
        Called with a stage's name and the share of all work done, 0 to 1.
    shares : mapping of str to float
        Each stage's share of the work, in the order of the stages; they add up to 1.

    Returns
    -------
    callable
        Takes a stage's name and how much of that stage is done, 0 to 1.

    Examples
    --------
    >>> report = weighted(lambda stage, done: print(f"{stage} {done:.0%}"), {"listen": 0.8, "write": 0.2})
    >>> report("listen", 0.5)
    listen 40%
    >>> report("write", 1.0)
    write 100%

    Chapter: start
    """
    names = list(shares)

    def report(stage: str, done: float) -> None:
        if progress is not None:
            before = sum(shares[name] for name in names[: names.index(stage)])
            progress(stage, min(1.0, before + shares[stage] * done))

    return report


def is_silent(waveform: np.ndarray) -> bool:
    """Nothing in it reaches -80 dB of full scale.

    Chapter: vad
    """
    return all(float(np.abs(piece).max()) < SILENCE for _, piece in pieces(waveform))
