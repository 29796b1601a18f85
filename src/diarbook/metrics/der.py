"""Diarization error rate: who spoke when, and how much of it did the system get wrong.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarbook.metrics._cells import NANOSECONDS, cut, side
from diarbook.metrics.exclusions import Exclusions, exclusions
from diarbook.metrics.protocol import Protocol
from diarbook.metrics.recordings import matched_recordings
from diarbook.turns import Turn

NO_SPEECH = "the reference has no speech in the scored region"


@dataclass(frozen=True)
class DiarizationError:
    """The parts of a diarization error rate.

    Parameters
    ----------
    missed, false_alarm, confusion : float
        Seconds of speaker time: reference speech that the hypothesis lacks, hypothesis speech that the reference
        lacks, and speech given to the wrong speaker.
    total : float
        Seconds of reference speaker time; a second in which two people talk counts twice.
    mapping : dict of str to str
        Reference speaker of each matched hypothesis speaker. Empty for pooled errors.

    References
    ----------
    nist2009rt

    Chapter: evaluation
    """

    missed: float
    false_alarm: float
    confusion: float
    total: float
    mapping: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """Seconds of error, of all three kinds."""
        return self.missed + self.false_alarm + self.confusion

    @property
    def rate(self) -> float:
        """Error over total, a fraction that may exceed 1; NaN where there is nothing to score."""
        return self.error / self.total if self.total > 0 else math.nan  # eq: evaluation-der

    @property
    def reason(self) -> str | None:
        """Why the rate is NaN, or None."""
        return None if self.total > 0 else NO_SPEECH


def diarization_error(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: np.ndarray | None = None,
    mapping: str = "before_collar",
    region: str = "all",
) -> DiarizationError:
    """Diarization error of one recording, in exact continuous time.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn
        In any order. Turns of one speaker that overlap or touch count once; turns without length change nothing.
    collar : float
        Seconds removed on EACH side of every reference boundary.
    skip_overlap : bool
        Leave out the time in which two or more reference speakers talk.
    uem : ndarray of shape (n, 2), optional
        Regions to score, seconds.
    mapping : {"before_collar", "after_collar"}
        Match speakers before or after collar and overlap are removed.
    region : {"all", "reference"}
        What to score without a UEM: all that either side mentions, or the extent of the reference.

    Returns
    -------
    DiarizationError
        Seconds of each part, and who was matched with whom.

    Raises
    ------
    OptionError
        When an option is out of its range.

    Examples
    --------
    >>> reference = [Turn(0, 10, "Ann")]
    >>> error = diarization_error(reference, [Turn(2, 8, "x"), Turn(8, 12, "y")])
    >>> error.missed, error.false_alarm, error.confusion, error.total
    (2.0, 2.0, 2.0, 10.0)
    >>> error.rate, error.mapping
    (0.6, {'x': 'Ann'})

    References
    ----------
    nist2009rt

    Chapter: evaluation
    """
    uems = None if uem is None else {"": uem}
    protocol = Protocol(collar, skip_overlap, mapping, region)
    return diarization_errors({"": reference}, {"": hypothesis}, uem=uems, **protocol.options())[""]


def diarization_errors(
    references: Mapping[str, Sequence[Turn]],
    hypotheses: Mapping[str, Sequence[Turn]],
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: Mapping[str, np.ndarray] | None = None,
    mapping: str = "before_collar",
    region: str = "all",
    excluded: Mapping[str, Exclusions] | None = None,
    allow_missing: bool = False,
    allow_extra: bool = False,
) -> dict[str, DiarizationError]:
    """Diarization error of every recording of a corpus.

    Parameters
    ----------
    references, hypotheses : mapping of str to sequence of Turn
        By recording.
    collar, skip_overlap, mapping, region
        As in :func:`diarization_error`.
    uem : mapping of str to ndarray of shape (n, 2), optional
        Regions to score, by recording. A recording that only the UEM names has no reference speech.
    excluded : mapping of str to Exclusions, optional
        What NOSCORE and NON-LEX records of the reference take out of the score, by recording; None to pass over them.
    allow_missing : bool
        Take a recording without hypothesis as one where the system found nobody.
    allow_extra : bool
        Ignore a hypothesis that has no reference.

    Returns
    -------
    dict of str to DiarizationError
        In the order of ``references``.

    Raises
    ------
    OptionError
        When a recording is missing on one side, or an option is out of its range.

    Examples
    --------
    >>> reference = {"a": [Turn(0, 10, "Ann")], "b": [Turn(0, 30, "Bob")]}
    >>> hypothesis = {"a": [Turn(0, 5, "x")], "b": [Turn(0, 27, "x")]}
    >>> errors = diarization_errors(reference, hypothesis)
    >>> {name: error.rate for name, error in errors.items()}
    {'a': 0.5, 'b': 0.1}
    >>> pool(errors.values()).rate, mean_rate(errors.values())
    (0.2, 0.3)

    Chapter: evaluation
    """
    protocol = Protocol(collar, skip_overlap, mapping, region)
    names = matched_recordings(references, hypotheses, uem, allow_missing, allow_extra)
    if not names:
        return {}
    cells = cut(
        side([references.get(name, ()) for name in names]),
        side([hypotheses.get(name, ()) for name in names]),
        collar=protocol.collar,
        skip_overlap=protocol.skip_overlap,
        uem=None if uem is None else [uem[name] for name in names],
        region=protocol.region,
        **({} if excluded is None else _left_out(names, references, excluded)),
    )
    scored = cells.length * cells.scored
    speaking, guessed = cells.reference_count, cells.hypothesis_count
    missed = cells.per_recording(scored * np.maximum(speaking - guessed, 0))  # eq: evaluation-missed
    false_alarm = cells.per_recording(scored * np.maximum(guessed - speaking, 0))  # eq: evaluation-false-alarm
    matched = cells.per_recording(scored * np.minimum(speaking, guessed))
    total = cells.per_recording(scored * speaking)
    counted = cells.cooccurrence(scored)
    whole = cells.scored is cells.inside or protocol.mapping == "after_collar"
    region_time = counted if whole else cells.cooccurrence(cells.length * cells.inside)
    rows, columns = cells.reference.first.tolist(), np.diff(cells.hypothesis.first).tolist()
    errors: dict[str, DiarizationError] = {}
    for index, name in enumerate(names):
        mine = slice(rows[index], rows[index + 1]), slice(0, columns[index])
        ours, theirs = best_matching(region_time[mine], None if whole else counted[mine])
        correct = counted[mine][ours, theirs].sum()
        labels, guesses = cells.reference.labels[index], cells.hypothesis.labels[index]
        pairs = {
            guesses[j]: labels[i]
            for i, j in zip(ours.tolist(), theirs.tolist(), strict=True)
            if region_time[rows[index] + i, j] > 0
        }
        confusion = int(matched[index]) - int(correct)  # eq: evaluation-confusion
        errors[name] = DiarizationError(
            int(missed[index]) / NANOSECONDS,
            int(false_alarm[index]) / NANOSECONDS,
            confusion / NANOSECONDS,
            int(total[index]) / NANOSECONDS,
            pairs,
        )
    return errors


def _left_out(names: Sequence[str], references: Mapping, excluded: Mapping[str, Exclusions]) -> dict[str, list]:
    """Arguments of ``cut``: extent, unevaluated and unscored regions of each recording."""
    each = [excluded.get(name) or exclusions(references.get(name, ()), ()) for name in names]
    return {field: [getattr(one, field) for one in each] for field in ("extent", "unevaluated", "unscored")}


def identification_error(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: np.ndarray | None = None,
) -> DiarizationError:
    """Error of turns that carry names: as :func:`diarization_error`, but a label is right only if it is the same one.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn
    collar, skip_overlap, uem
        As in :func:`diarization_error`.

    Returns
    -------
    DiarizationError
        ``confusion`` is speech under a wrong name or an anonymous label.

    Examples
    --------
    >>> identification_error([Turn(0, 4, "Ann")], [Turn(0, 3, "Ann"), Turn(3, 4, "Bob")]).rate
    0.25

    References
    ----------
    bredin2017metrics

    Chapter: hybrid
    """
    protocol = Protocol(collar, skip_overlap)
    cells = cut(
        side([reference]),
        side([hypothesis]),
        collar=protocol.collar,
        skip_overlap=protocol.skip_overlap,
        uem=None if uem is None else [uem],
        region=protocol.region,
    )
    scored = cells.length * cells.scored
    speaking, guessed = cells.reference_count, cells.hypothesis_count
    [names], [guesses] = cells.reference.labels, cells.hypothesis.labels
    same = {name: name for name in names if name in guesses}
    together = cells.cooccurrence(scored)
    right = sum(int(together[names.index(name), guesses.index(name)]) for name in same)
    return DiarizationError(
        int((scored * np.maximum(speaking - guessed, 0)).sum()) / NANOSECONDS,
        int((scored * np.maximum(guessed - speaking, 0)).sum()) / NANOSECONDS,
        (int((scored * np.minimum(speaking, guessed)).sum()) - right) / NANOSECONDS,
        int((scored * speaking).sum()) / NANOSECONDS,
        same,
    )


def best_matching(together: np.ndarray, second: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """One-to-one matching of rows and columns with the largest sum.

    Parameters
    ----------
    together : ndarray of shape (rows, columns)
        Whole numbers, 0 or more.
    second : ndarray of shape (rows, columns), optional
        Among the matchings that are best by ``together``, take one that is also best by this. Without it a tie would
        be broken by the order of the speakers, and renaming them would change the score.

    Returns
    -------
    rows, columns : ndarray of int

    Examples
    --------
    >>> best_matching(np.array([[5, 4], [4, 0]]))  # 4 + 4, although 5 is the largest
    (array([0, 1]), array([1, 0]))

    References
    ----------
    kuhn1955hungarian

    Chapter: evaluation
    """
    rows, columns = linear_sum_assignment(together, maximize=True)
    if second is None or len(rows) == 0:
        return rows, columns
    size = max(together.shape)
    cost = np.zeros((size, size))
    cost[: together.shape[0], : together.shape[1]] = -together
    rows, columns = linear_sum_assignment(cost)
    # Prices that make every pair of the matching free and no other pair cheaper: exact, for whole numbers.
    price = np.zeros(size)
    surplus = cost - cost[rows, columns][:, None]
    while True:
        lower = np.minimum(price, (surplus + price[columns][:, None]).min(axis=0))
        if (lower == price).all():
            break
        price = lower
    # A matching is best exactly when all its pairs are free at these prices.
    free = surplus + price[columns][:, None] == price[None, :]
    value = np.zeros((size, size))
    value[: second.shape[0], : second.shape[1]] = second
    rows, columns = linear_sum_assignment(np.where(free, value, -1 - second.sum()), maximize=True)
    real = (rows < together.shape[0]) & (columns < together.shape[1])
    return rows[real], columns[real]


def pool(errors: Iterable[DiarizationError]) -> DiarizationError:
    """One error for many recordings: the sum of the errors over the sum of the speaker time.

    Chapter: evaluation
    """
    errors = list(errors)
    return DiarizationError(
        math.fsum(error.missed for error in errors),
        math.fsum(error.false_alarm for error in errors),
        math.fsum(error.confusion for error in errors),
        math.fsum(error.total for error in errors),
    )


def mean_rate(errors: Iterable[DiarizationError]) -> float:
    """Mean of the recordings' rates, which lets a short recording weigh as much as a long one.

    Recordings without scored speech have no rate and are left out; NaN when none has one.

    Chapter: evaluation
    """
    rates = [error.rate for error in errors if error.total > 0]
    return math.fsum(rates) / len(rates) if rates else math.nan
