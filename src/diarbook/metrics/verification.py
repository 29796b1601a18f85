"""Errors of same-or-different decisions: equal error rate, detection cost, and the whole trade-off.

A trial is a pair of recordings with a score; a target trial has the same speaker in both. A decision accepts a trial
whose score is at or above the threshold.

Chapter: verification
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diarbook.checks import check_trials
from diarbook.errors import OptionError


@dataclass(frozen=True)
class DetectionErrorTradeoff:
    """Both error rates at every threshold, from accepting all trials to rejecting all.

    Parameters
    ----------
    thresholds : ndarray of shape (n,)
        Rising; trials at or above are accepted; the last is infinite.
    miss_rates, false_alarm_rates : ndarray of shape (n,)
        Share of target trials rejected, and of non-target trials accepted.

    Chapter: verification
    """

    thresholds: np.ndarray
    miss_rates: np.ndarray
    false_alarm_rates: np.ndarray


@dataclass(frozen=True)
class OperatingPoint:
    """A figure and the threshold at which it is reached.

    Chapter: verification
    """

    value: float
    threshold: float


def detection_error_tradeoff(scores: np.ndarray, labels: np.ndarray) -> DetectionErrorTradeoff:
    """Miss and false-alarm rate at every threshold.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Larger means more likely the same speaker.
    labels : ndarray of shape (n,)
        True or 1 for target trials.

    Returns
    -------
    DetectionErrorTradeoff
        Rates are NaN when there is no trial of their kind.

    Raises
    ------
    OptionError
        When the lengths differ or a score is NaN.

    References
    ----------
    martin1997det

    Chapter: verification
    """
    scores, labels = check_trials(scores, labels)
    targets, others = np.sort(scores[labels]), np.sort(scores[~labels])
    thresholds = np.append(np.unique(scores), np.inf)
    missed = np.searchsorted(targets, thresholds, side="left")
    accepted = len(others) - np.searchsorted(others, thresholds, side="left")
    return DetectionErrorTradeoff(
        thresholds,
        missed / len(targets) if len(targets) else np.full(len(thresholds), np.nan),
        accepted / len(others) if len(others) else np.full(len(thresholds), np.nan),
    )


def equal_error_point(scores: np.ndarray, labels: np.ndarray) -> OperatingPoint:
    """Equal error rate and its threshold, interpolated between the two thresholds around it.

    Returns
    -------
    OperatingPoint
        NaN when there are no target or no non-target trials.

    Chapter: verification
    """
    curve = detection_error_tradeoff(scores, labels)
    gap = curve.false_alarm_rates - curve.miss_rates
    if np.isnan(gap).any():
        return OperatingPoint(math.nan, math.nan)
    # The gap falls from 1 to -1; the last threshold where it is still positive or zero starts the crossing.
    before = int(np.flatnonzero(gap >= 0)[-1])
    if gap[before] == 0:
        return OperatingPoint(float(curve.miss_rates[before]), float(curve.thresholds[before]))
    after = before + 1
    share = gap[before] / (gap[before] - gap[after])
    rate = curve.miss_rates[before] + share * (curve.miss_rates[after] - curve.miss_rates[before])
    low, high = curve.thresholds[before], curve.thresholds[after]
    return OperatingPoint(float(rate), float(low + share * (high - low) if np.isfinite(high) else low))


def equal_error_rate(scores: np.ndarray, labels: np.ndarray) -> float:
    """Rate at which misses and false alarms are equally frequent, a fraction.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Larger means more likely the same speaker.
    labels : ndarray of shape (n,)
        True or 1 for target trials.

    Returns
    -------
    float
        NaN when there are no target or no non-target trials.

    Examples
    --------
    >>> scores, labels = [0.9, 0.8, 0.4, 0.6, 0.3, 0.1], [1, 1, 1, 0, 0, 0]
    >>> round(equal_error_rate(scores, labels), 3)
    0.333

    Chapter: verification
    """
    return equal_error_point(scores, labels).value


def error_rates_at(scores: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[float, float]:
    """Miss rate and false-alarm rate at one threshold.

    Parameters
    ----------
    scores, labels
        As in :func:`equal_error_rate`.
    threshold : float
        Trials at or above it are accepted.

    Returns
    -------
    miss_rate, false_alarm_rate : float
        NaN without trials of the kind.

    Raises
    ------
    OptionError
        When the threshold is NaN, the lengths differ or a score is NaN.

    Examples
    --------
    >>> miss, false_alarm = error_rates_at([0.9, 0.8, 0.4, 0.2], [1, 1, 0, 0], 0.85)
    >>> miss, false_alarm
    (0.5, 0.0)

    Chapter: verification
    """
    if math.isnan(threshold):
        raise OptionError("threshold must be a number, got NaN")
    scores, labels = check_trials(scores, labels)
    accepted = scores >= threshold
    targets, others = accepted[labels], accepted[~labels]
    return (
        float(1 - targets.mean()) if len(targets) else math.nan,  # eq: ver-miss
        float(others.mean()) if len(others) else math.nan,  # eq: ver-false
    )


def normal_deviate(rates: np.ndarray) -> np.ndarray:
    """Rates as the axes of a DET plot place them: where a standard normal distribution has the rate to its left.

    Scores that are normally distributed, with one width for both kinds of trial, give a straight line.

    Parameters
    ----------
    rates : array
        Between 0 and 1; those two become infinite.

    References
    ----------
    martin1997det

    Chapter: verification
    """
    from scipy.special import ndtri

    return ndtri(np.asarray(rates, dtype=float))  # eq: ver-deviate


def _weights(target_prior: float, miss_cost: float, false_alarm_cost: float) -> tuple[float, float]:
    """What a miss rate and a false-alarm rate of 1 cost, over the cost of the better of the two deaf systems."""
    if not 0 < target_prior < 1:
        raise OptionError(f"target_prior must lie between 0 and 1, got {target_prior}")
    if not (0 < miss_cost < math.inf and 0 < false_alarm_cost < math.inf):
        raise OptionError(f"costs must be positive, got {miss_cost} and {false_alarm_cost}")
    miss, false_alarm = miss_cost * target_prior, false_alarm_cost * (1 - target_prior)
    # A system that does not listen rejects all, or accepts all.
    return miss / min(miss, false_alarm), false_alarm / min(miss, false_alarm)


def detection_cost(
    scores: np.ndarray,
    labels: np.ndarray,
    threshold: float,
    target_prior: float = 0.01,
    miss_cost: float = 1.0,
    false_alarm_cost: float = 1.0,
) -> float:
    """Detection cost at the threshold that is really used, normalized, so that 1 is a system that does not listen.

    Parameters
    ----------
    scores, labels
        As in :func:`equal_error_rate`.
    threshold : float
        Trials at or above it are accepted.
    target_prior : float
        Assumed share of target trials.
    miss_cost, false_alarm_cost : float

    Returns
    -------
    float
        From 0; above 1 the decisions are worse than none. NaN when there are no target or no non-target trials.

    Raises
    ------
    OptionError
        When the prior or a cost is out of range, or the threshold is NaN.

    Examples
    --------
    >>> detection_cost([0.9, 0.8, 0.4, 0.2], [1, 1, 0, 0], 0.85, target_prior=0.5)
    0.5

    References
    ----------
    doddington2000nist, vanleeuwen2007introduction

    Chapter: verification
    """
    miss, false_alarm = _weights(target_prior, miss_cost, false_alarm_cost)
    missed, accepted = error_rates_at(scores, labels, threshold)
    return miss * missed + false_alarm * accepted  # eq: ver-cost


def minimum_detection_cost_point(
    scores: np.ndarray,
    labels: np.ndarray,
    target_prior: float = 0.01,
    miss_cost: float = 1.0,
    false_alarm_cost: float = 1.0,
) -> OperatingPoint:
    """Smallest normalized detection cost over all thresholds, and the threshold that reaches it.

    Chapter: verification
    """
    miss, false_alarm = _weights(target_prior, miss_cost, false_alarm_cost)
    curve = detection_error_tradeoff(scores, labels)
    costs = miss * curve.miss_rates + false_alarm * curve.false_alarm_rates  # eq: ver-cost
    if np.isnan(costs).any():
        return OperatingPoint(math.nan, math.nan)
    best = int(np.argmin(costs))
    return OperatingPoint(float(costs[best]), float(curve.thresholds[best]))


def minimum_detection_cost(
    scores: np.ndarray,
    labels: np.ndarray,
    target_prior: float = 0.01,
    miss_cost: float = 1.0,
    false_alarm_cost: float = 1.0,
) -> float:
    """Smallest detection cost over all thresholds, normalized, so that 1 is a system that does not listen.

    Parameters
    ----------
    scores, labels
        As in :func:`equal_error_rate`.
    target_prior : float
        Assumed share of target trials.
    miss_cost, false_alarm_cost : float

    Returns
    -------
    float
        Between 0 and 1; NaN when there are no target or no non-target trials.

    Chapter: verification
    """
    return minimum_detection_cost_point(scores, labels, target_prior, miss_cost, false_alarm_cost).value
