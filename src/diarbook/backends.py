"""From scores to decisions: score normalization by a cohort, and calibration to log-likelihood ratios.

Chapter: backends
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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


def _cost(targets: np.ndarray, others: np.ndarray, prior: float) -> float:
    """Weighted binary cross-entropy of log odds, in nats."""
    odds = math.log(prior / (1 - prior))
    return prior * np.logaddexp(0, -(targets + odds)).mean() + (1 - prior) * np.logaddexp(0, others + odds).mean()


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


def log_likelihood_ratio_cost(ratios: np.ndarray, labels: np.ndarray) -> float:
    """What log-likelihood ratios cost on average over all operating points, in bits; 1 is what "always 0" costs.

    Parameters
    ----------
    ratios : ndarray of shape (n,)
        Natural log-likelihood ratios.
    labels : ndarray of bool, shape (n,)

    References
    ----------
    brummer2006calibration

    Chapter: backends
    """
    targets, others = _both_kinds(ratios, labels)
    return float(_cost(targets, others, 0.5) / math.log(2))


def minimum_log_likelihood_ratio_cost(scores: np.ndarray, labels: np.ndarray) -> float:
    """The cost that is left after the best rising map from scores to log-likelihood ratios, in bits.

    The map is fitted on the same trials, so this measures how well the scores separate them, not how honest they are.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    labels : ndarray of bool, shape (n,)

    References
    ----------
    brummer2006calibration

    Chapter: verification
    """
    from sklearn.isotonic import isotonic_regression

    targets, others = _both_kinds(scores, labels)
    values, where = np.unique(np.concatenate([targets, others]), return_inverse=True)
    # Equal scores get one answer; each kind of trial weighs one half.
    kinds = np.bincount(where[: len(targets)], minlength=len(values)) / len(targets)
    rest = np.bincount(where[len(targets) :], minlength=len(values)) / len(others)
    chance = np.clip(isotonic_regression(kinds / (kinds + rest), sample_weight=kinds + rest), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(kinds > 0, -kinds * np.log2(chance), 0.0) + np.where(rest > 0, -rest * np.log2(1 - chance), 0.0)
    return float(cost.sum() / 2)


def reliability(ratios: np.ndarray, labels: np.ndarray, bins: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """What log-likelihood ratios say, against what the trials show.

    Trials are sorted by their ratio and cut into groups that hold equal weight, each kind of trial weighing one half.

    Parameters
    ----------
    ratios : ndarray of shape (n,)
        Natural log-likelihood ratios.
    labels : ndarray of bool, shape (n,)
    bins : int

    Returns
    -------
    said, shown : ndarray of shape (bins,)
        Weighted mean of the ratios of each group; logarithm of the share of the targets that is in it over the share
        of the others. Infinite where a group holds one kind only.

    Raises
    ------
    OptionError
        When there are fewer trials than bins, or bins is below 1.

    References
    ----------
    brummer2006calibration

    Chapter: verification
    """
    targets, others = _both_kinds(ratios, labels)
    values = np.concatenate([targets, others])
    if not 1 <= bins <= len(values):
        raise OptionError(f"bins must be 1 to the number of trials, {len(values)}, got {bins}")
    kinds = np.r_[np.full(len(targets), 1 / len(targets)), np.zeros(len(others))]
    rest = np.r_[np.zeros(len(targets)), np.full(len(others), 1 / len(others))]
    order = np.argsort(values, kind="stable")
    values, kinds, rest = values[order], kinds[order], rest[order]
    before = np.cumsum(kinds + rest) - (kinds + rest) / 2
    group = np.minimum((before * bins / 2).astype(int), bins - 1)
    weight, ours, theirs = (np.bincount(group, w, minlength=bins) for w in (kinds + rest, kinds, rest))
    with np.errstate(divide="ignore", invalid="ignore"):
        said = np.bincount(group, (kinds + rest) * values, minlength=bins) / weight
        return said, np.log(ours) - np.log(theirs)


def bayes_threshold(prior: float, cost_miss: float = 1.0, cost_false_alarm: float = 1.0) -> float:
    """The log-likelihood ratio from which accepting costs less than rejecting.

    Parameters
    ----------
    prior : float
        Probability that the voice is the claimed one.
    cost_miss, cost_false_alarm : float
        What a wrong rejection and a wrong acceptance cost.

    Raises
    ------
    OptionError
        When the prior is not between 0 and 1, or a cost is not positive.

    References
    ----------
    vanleeuwen2007introduction

    Chapter: verification
    """
    if not 0 < prior < 1:
        raise OptionError(f"prior must be between 0 and 1, got {prior}")
    for cost_name, cost in (("cost_miss", cost_miss), ("cost_false_alarm", cost_false_alarm)):
        if not (math.isfinite(cost) and cost > 0):
            raise OptionError(f"{cost_name} must be positive, got {cost}")
    return math.log(cost_false_alarm * (1 - prior) / (cost_miss * prior))  # (8) of the chapter verification


def _both_kinds(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores, dtype=float).ravel(), np.asarray(labels).ravel().astype(bool)
    if scores.shape != labels.shape:
        raise OptionError(f"one label for each score: got {len(scores)} scores and {len(labels)} labels")
    if not np.isfinite(scores).all():
        raise OptionError("scores must be finite; leave out the trials that have no score")
    if labels.all() or not labels.any():
        raise OptionError("both kinds of trial are needed: one voice on both sides, and two voices")
    return scores[labels], scores[~labels]
