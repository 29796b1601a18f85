"""How often an answer that a reader has seen is changed by the next one.

Chapter: streaming
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError
from diarbook.metrics import diarization_error, identification_error
from diarbook.turns import Turn, crop


@dataclass(frozen=True, slots=True)
class LabelFlips:
    """What successive answers about one recording changed in what they had said before, seconds summed over updates.

    Parameters
    ----------
    relabeled : float
        Speech that the later answer gives to another speaker.
    withdrawn : float
        Speech that the later answer no longer has.
    added : float
        Speech that the later answer has where the earlier one had none, or fewer speakers.
    total : float
        Speech of the earlier answers: one second counts in every update that could change it.
    updates : int
        Pairs of successive answers.

    Chapter: streaming
    """

    relabeled: float
    withdrawn: float
    added: float
    total: float
    updates: int

    @property
    def rate(self) -> float:
        """Share of the speech already answered that an update relabels, on average; NaN without any."""
        return self.relabeled / self.total if self.total > 0 else math.nan


def label_flips(answers: Sequence[Sequence[Turn]], heard: Sequence[float], *, renumbering: bool = True) -> LabelFlips:
    """Compare each answer with the next one, over the time that the earlier one had heard.

    A system that commits to what it emits has none. One that is run again on more and more of a recording may renumber
    its speakers, group them anew, and move boundaries.

    Parameters
    ----------
    answers : sequence of sequence of Turn
        Whole answers in the order in which they were given, each about the recording from its start.
    heard : sequence of float
        Seconds of audio behind each answer, rising.
    renumbering : bool
        Whether it counts when speakers only swap numbers. Without it, labels of two answers are matched first, and what
        is left are stretches that changed sides.

    Returns
    -------
    LabelFlips

    Raises
    ------
    OptionError
        When there is not one time for each answer, or the times do not rise.

    Examples
    --------
    >>> first, later = [Turn(0, 2, "A"), Turn(2, 4, "B")], [Turn(0, 2, "A"), Turn(2, 6, "A")]
    >>> label_flips([first, later], [4.0, 6.0]).rate
    0.5

    Chapter: streaming
    """
    times = np.asarray(heard, dtype=float)
    if len(times) != len(answers) or (np.diff(times) <= 0).any():
        raise OptionError(f"label_flips: {len(answers)} answers need as many times that rise, got {list(heard)}")
    compare = identification_error if renumbering else diarization_error
    sums = np.zeros(4)
    for earlier, later, end in zip(answers, answers[1:], times, strict=False):
        known = crop(earlier, 0.0, end)
        error = compare(known, crop(later, 0.0, end), uem=np.array([[0.0, end]]))
        sums += error.confusion, error.missed, error.false_alarm, error.total
    return LabelFlips(*sums.tolist(), updates=max(len(answers) - 1, 0))
