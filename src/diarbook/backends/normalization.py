"""Score normalization: a score in units of what its voices score against a cohort of others.

Chapter: verification
"""

from __future__ import annotations

import numpy as np

from diarbook.errors import OptionError


def _statistics(cohort: np.ndarray, top: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each row's cohort scores, or of its ``top`` highest."""
    cohort = np.asarray(cohort, dtype=float)
    if cohort.ndim != 2 or cohort.shape[1] < 2:
        raise OptionError(f"cohort scores must have shape (voices, 2 or more), got {cohort.shape}")
    if not np.isfinite(cohort).all():
        raise OptionError("cohort scores must be finite; leave out the voices that have no score")
    if top is not None:
        if not 2 <= top <= cohort.shape[1]:
            raise OptionError(f"top must be 2 to the cohort's size, {cohort.shape[1]}, got {top}")
        cohort = np.partition(cohort, cohort.shape[1] - top, axis=1)[:, -top:]
    spread = cohort.std(axis=1)
    if (spread == 0).any():
        raise OptionError("a voice scores alike against the whole cohort; use a larger or more varied one")
    return cohort.mean(axis=1), spread


def z_norm(scores: np.ndarray, enrollment_cohort: np.ndarray) -> np.ndarray:
    """Scores in units of what the enrolled voice scores against a cohort of other voices.

    Parameters
    ----------
    scores : ndarray of shape (enrolled, tests)
    enrollment_cohort : ndarray of shape (enrolled, cohort)
        Each enrolled voice against each voice of the cohort.

    Returns
    -------
    ndarray of shape (enrolled, tests)

    Raises
    ------
    OptionError
        When the cohort is too small, not finite, or without spread.

    Examples
    --------
    >>> z_norm([[1.0, 3.0]], [[0.0, 2.0]]).tolist()
    [[0.0, 2.0]]

    References
    ----------
    auckenthaler2000tnorm

    Chapter: verification
    """
    mean, spread = _statistics(enrollment_cohort, None)
    return (np.asarray(scores, dtype=float) - mean[:, None]) / spread[:, None]


def t_norm(scores: np.ndarray, test_cohort: np.ndarray) -> np.ndarray:
    """Scores in units of what the test voice scores against a cohort of other voices.

    Parameters
    ----------
    scores : ndarray of shape (enrolled, tests)
    test_cohort : ndarray of shape (tests, cohort)
        Each test voice against each voice of the cohort.

    References
    ----------
    auckenthaler2000tnorm

    Chapter: verification
    """
    mean, spread = _statistics(test_cohort, None)
    return (np.asarray(scores, dtype=float) - mean[None, :]) / spread[None, :]


def s_norm(scores: np.ndarray, enrollment_cohort: np.ndarray, test_cohort: np.ndarray) -> np.ndarray:
    """The mean of z-norm and t-norm, which treats both sides alike.

    References
    ----------
    kenny2010heavy

    Chapter: verification
    """
    return (z_norm(scores, enrollment_cohort) + t_norm(scores, test_cohort)) / 2


def as_norm(
    scores: np.ndarray, enrollment_cohort: np.ndarray, test_cohort: np.ndarray, *, top: int = 200
) -> np.ndarray:
    """s-norm with the ``top`` voices of the cohort that are nearest to each side.

    Parameters
    ----------
    scores : ndarray of shape (enrolled, tests)
    enrollment_cohort : ndarray of shape (enrolled, cohort)
    test_cohort : ndarray of shape (tests, cohort)
    top : int
        How many of the cohort count.

    References
    ----------
    matejka2017snorm

    Chapter: verification
    """
    scores = np.asarray(scores, dtype=float)
    (enrolled, spread), (tested, width) = (_statistics(side, top) for side in (enrollment_cohort, test_cohort))
    return (
        (scores - enrolled[:, None]) / spread[:, None] + (scores - tested[None, :]) / width[None, :]
    ) / 2  # eq: ver-asnorm
