"""From scores to decisions: score normalization by a cohort, and calibration to log-likelihood ratios.

Chapter: backends
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError
from diarbook.metrics.calibration import _both_kinds, _cost


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

    Raises
    ------
    OptionError
        When the cohort is too small, not finite, or without spread.

    References
    ----------
    auckenthaler2000tnorm

    Chapter: backends
    """
    mean, spread = _statistics(enrollment_cohort, None)
    return (np.asarray(scores, dtype=float) - mean[:, None]) / spread[:, None]  # (1)


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

    Chapter: backends
    """
    mean, spread = _statistics(test_cohort, None)
    return (np.asarray(scores, dtype=float) - mean[None, :]) / spread[None, :]  # (2)


def s_norm(scores: np.ndarray, enrollment_cohort: np.ndarray, test_cohort: np.ndarray) -> np.ndarray:
    """The mean of z-norm and t-norm, which treats both sides alike.

    References
    ----------
    kenny2010heavy

    Chapter: backends
    """
    return (z_norm(scores, enrollment_cohort) + t_norm(scores, test_cohort)) / 2  # (3)


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

    Chapter: backends
    """
    scores = np.asarray(scores, dtype=float)
    (enrolled, spread), (tested, width) = (_statistics(side, top) for side in (enrollment_cohort, test_cohort))
    return ((scores - enrolled[:, None]) / spread[:, None] + (scores - tested[None, :]) / width[None, :]) / 2  # (4)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A straight line from scores to log-likelihood ratios.

    Parameters
    ----------
    name : str
        What it was fitted on; every calibrated score says so.
    scale, offset : float
    model, model_version : str
        Whose scores it takes.

    Chapter: backends
    """

    name: str
    scale: float
    offset: float
    model: str = ""
    model_version: str = ""

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Natural log-likelihood ratios: above 0 the same voice is likelier.

        Chapter: backends
        """
        return self.scale * np.asarray(scores, dtype=float) + self.offset


def fit_calibration(
    scores: np.ndarray,
    labels: np.ndarray,
    *,
    name: str,
    prior: float = 0.5,
    model: str = "",
    model_version: str = "",
) -> Calibration:
    """Fit scale and offset by logistic regression, with both kinds of trial weighted by the prior.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    labels : ndarray of bool, shape (n,)
        Whether a trial has one voice on both sides.
    name : str
    prior : float
        How probable a trial of one voice is where the scores will be used.
    model, model_version : str

    Raises
    ------
    OptionError
        When one kind of trial is missing, a score is not finite, the prior is not between 0 and 1, or the scores
        separate the trials without error, so that no finite line is best.

    References
    ----------
    brummer2006calibration, brummer2013bosaris

    Chapter: backends
    """
    from scipy.optimize import minimize

    targets, others = _both_kinds(scores, labels)
    if not 0 < prior < 1:
        raise OptionError(f"prior must be between 0 and 1, got {prior}")
    if targets.min() > others.max():
        raise OptionError("the scores separate the trials without error; calibrate on harder or more trials")
    centre, width = np.concatenate([targets, others]).mean(), np.concatenate([targets, others]).std()
    targets, others = (targets - centre) / width, (others - centre) / width

    def loss(line: np.ndarray) -> float:
        return _cost(line[0] * targets + line[1], line[0] * others + line[1], prior)

    scale, offset = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-9}).x
    return Calibration(name, float(scale / width), float(offset - scale * centre / width), model, model_version)
