"""Errors of same-or-different decisions: equal error rate, detection cost, and the whole trade-off.

A trial is a pair of recordings with a score; a target trial has the same speaker in both. A decision accepts a trial
whose score is at or above the threshold.

Chapter: verification
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

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


def _trials(scores, labels) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores, dtype=float).ravel(), np.asarray(labels).ravel().astype(bool)
    if scores.shape != labels.shape:
        raise OptionError(f"one label for each score: got {len(scores)} scores and {len(labels)} labels")
    if np.isnan(scores).any():
        raise OptionError("scores must not be NaN; leave out the trials that have no score")
    return scores, labels


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
    scores, labels = _trials(scores, labels)
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

    Chapter: verification
    """
    return equal_error_point(scores, labels).value


def minimum_detection_cost_point(
    scores: np.ndarray,
    labels: np.ndarray,
    target_prior: float = 0.01,
    miss_cost: float = 1.0,
    false_alarm_cost: float = 1.0,
) -> OperatingPoint:
    """Smallest normalised detection cost over all thresholds, and the threshold that reaches it.

    Chapter: verification
    """
    if not 0 < target_prior < 1:
        raise OptionError(f"target_prior must lie between 0 and 1, got {target_prior}")
    if not (miss_cost > 0 and false_alarm_cost > 0):
        raise OptionError(f"costs must be positive, got {miss_cost} and {false_alarm_cost}")
    curve = detection_error_tradeoff(scores, labels)
    miss, false_alarm = miss_cost * target_prior, false_alarm_cost * (1 - target_prior)
    # Normalised by the cost of the better of the two systems that do not listen: reject all or accept all.
    costs = (miss * curve.miss_rates + false_alarm * curve.false_alarm_rates) / min(miss, false_alarm)
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
    """Smallest detection cost over all thresholds, normalised, so that 1 is a system that does not listen.

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
