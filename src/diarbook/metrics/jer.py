"""Jaccard error rate: every reference speaker weighs the same, however little they say.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.metrics._cells import cut, side
from diarbook.metrics.der import NO_SPEECH, best_matching
from diarbook.metrics.recordings import matched_recordings
from diarbook.turns import Turn


@dataclass(frozen=True)
class JaccardError:
    """The Jaccard error of each reference speaker.

    Parameters
    ----------
    speakers : mapping of str to float
        One minus intersection over union with the matched hypothesis speaker; 1 for a speaker without a match.

    Chapter: evaluation
    """

    speakers: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Mean over the reference speakers, at most 1; NaN without reference speech."""
        return (
            math.fsum(self.speakers.values()) / len(self.speakers) if self.speakers else math.nan
        )  # eq: evaluation-jer

    @property
    def reason(self) -> str | None:
        """Why the rate is NaN, or None."""
        return None if self.speakers else NO_SPEECH


def jaccard_error(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], *, uem: np.ndarray | None = None
) -> JaccardError:
    """Jaccard error of one recording, in exact continuous time, without a collar.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn
        In any order; overlapping turns of one speaker count once.
    uem : ndarray of shape (n, 2), optional
        Regions to score, seconds.

    Returns
    -------
    JaccardError

    Examples
    --------
    >>> error = jaccard_error([Turn(0, 8, "Ann"), Turn(8, 10, "Bob")], [Turn(0, 10, "x")])
    >>> {speaker: round(value, 2) for speaker, value in error.speakers.items()}
    {'Ann': 0.2, 'Bob': 1.0}
    >>> round(error.rate, 2)
    0.6

    References
    ----------
    ryant2019dihard

    Chapter: evaluation
    """
    return jaccard_errors({"": reference}, {"": hypothesis}, uem=None if uem is None else {"": uem})[""]


def jaccard_errors(
    references: Mapping[str, Sequence[Turn]],
    hypotheses: Mapping[str, Sequence[Turn]],
    *,
    uem: Mapping[str, np.ndarray] | None = None,
    allow_missing: bool = False,
    allow_extra: bool = False,
) -> dict[str, JaccardError]:
    """Jaccard error of every recording of a corpus; arguments as in ``diarization_errors``.

    Chapter: evaluation
    """
    names = matched_recordings(references, hypotheses, uem, allow_missing, allow_extra)
    if not names:
        return {}
    cells = cut(
        side([references.get(name, ()) for name in names]),
        side([hypotheses.get(name, ()) for name in names]),
        uem=None if uem is None else [uem[name] for name in names],
    )
    scored = cells.length * cells.scored
    together = cells.cooccurrence(scored)
    spoken = cells.speaking_time("reference", scored)
    guessed = cells.speaking_time("hypothesis", scored)
    errors: dict[str, JaccardError] = {}
    for index, name in enumerate(names):
        ours = slice(cells.reference.first[index], cells.reference.first[index + 1])
        theirs = slice(cells.hypothesis.first[index], cells.hypothesis.first[index + 1])
        both = together[ours, : theirs.stop - theirs.start]
        either = spoken[ours, None] + guessed[None, theirs] - both
        overlap = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        distance = np.ones(both.shape[0])
        rows, columns = best_matching(overlap)
        distance[rows] -= overlap[rows, columns]
        present = spoken[ours] > 0
        labels = cells.reference.labels[index]
        errors[name] = JaccardError({labels[row]: float(distance[row]) for row in np.flatnonzero(present)})
    return errors


def pool_jaccard(errors: Iterable[JaccardError] | Mapping[str, JaccardError]) -> JaccardError:
    """One error for many recordings: the mean over all their speakers.

    Chapter: evaluation
    """
    named = errors.items() if isinstance(errors, Mapping) else enumerate(errors)
    return JaccardError({f"{name} {label}": value for name, error in named for label, value in error.speakers.items()})
