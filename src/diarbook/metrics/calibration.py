"""How well scores are calibrated.

Chapter: verification
"""

from __future__ import annotations

import math

import numpy as np

from diarbook.checks import check_trials
from diarbook.errors import OptionError


def log_likelihood_ratio_cost(ratios: np.ndarray, labels: np.ndarray) -> float:
    """What log-likelihood ratios cost on average over all operating points, in bits; 1 is what "always 0" costs.

    Parameters
    ----------
    ratios : ndarray of shape (n,)
        Natural log-likelihood ratios.
    labels : ndarray of bool, shape (n,)
        Whether a trial has one voice on both sides.

    Examples
    --------
    >>> log_likelihood_ratio_cost([0.0, 0.0], [True, False])
    1.0
    >>> round(log_likelihood_ratio_cost([3.0, -3.0], [True, False]), 3)
    0.07

    References
    ----------
    brummer2006calibration

    Chapter: verification
    """
    targets, others = both_kinds(ratios, labels)
    return float(cross_entropy(targets, others, 0.5) / math.log(2))  # eq: ver-cllr


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
    from scipy.optimize import isotonic_regression

    targets, others = both_kinds(scores, labels)
    values, where = np.unique(np.concatenate([targets, others]), return_inverse=True)
    # Equal scores get one answer; each kind of trial weighs one half.
    kinds = np.bincount(where[: len(targets)], minlength=len(values)) / len(targets)
    rest = np.bincount(where[len(targets) :], minlength=len(values)) / len(others)
    chance = np.clip(isotonic_regression(kinds / (kinds + rest), weights=kinds + rest).x, 0.0, 1.0)
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
    targets, others = both_kinds(ratios, labels)
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

    Examples
    --------
    >>> round(bayes_threshold(0.01), 2)
    4.6

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
    return math.log(cost_false_alarm * (1 - prior) / (cost_miss * prior))  # eq: ver-bayes


def cross_entropy(targets: np.ndarray, others: np.ndarray, prior: float) -> float:
    """Weighted binary cross-entropy of log-likelihood ratios, in nats.

    Parameters
    ----------
    targets, others : ndarray
        Natural log-likelihood ratios of the trials of one voice, and of two.
    prior : float
        Weight of the former.

    References
    ----------
    brummer2006calibration

    Chapter: verification
    """
    odds = math.log(prior / (1 - prior))
    return prior * np.logaddexp(0, -(targets + odds)).mean() + (1 - prior) * np.logaddexp(0, others + odds).mean()


def both_kinds(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the trials of one voice, and of two.

    Raises
    ------
    OptionError
        When a score is not finite, or one kind of trial is missing.

    Chapter: verification
    """
    scores, labels = check_trials(scores, labels)
    if not np.isfinite(scores).all():
        raise OptionError("scores must be finite; leave out the trials that have no score")
    if labels.all() or not labels.any():
        raise OptionError("both kinds of trial are needed: one voice on both sides, and two voices")
    return scores[labels], scores[~labels]
