"""What calibrated scores cost, the least that is left, reliability, and the threshold of a cost."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.backends import fit_calibration
from diarbook.errors import OptionError
from diarbook.metrics.calibration import (
    bayes_threshold,
    log_likelihood_ratio_cost,
    minimum_log_likelihood_ratio_cost,
    reliability,
)


def cost_of_blocks(scores, labels):
    """Least cost over all ways to cut the sorted trials into blocks with rising shares of targets: by brute force."""
    values = np.unique(scores)
    targets = np.array([np.mean(scores[labels] == value) for value in values])
    others = np.array([np.mean(scores[~labels] == value) for value in values])
    best = np.inf
    for cuts in itertools.product([False, True], repeat=len(values) - 1):
        blocks = np.split(np.arange(len(values)), np.flatnonzero(cuts) + 1)
        t, o = (np.array([side[block].sum() for block in blocks]) for side in (targets, others))
        share = t / (t + o)
        if (np.diff(share) < 0).any():
            continue
        cost = sum(-a * np.log2(p) for a, p in zip(t, share, strict=True) if a)
        cost += sum(-b * np.log2(1 - p) for b, p in zip(o, share, strict=True) if b)
        best = min(best, cost / 2)
    return best


@given(st.integers(0, 2**31), st.integers(2, 9))
def test_the_least_cost_is_that_of_the_best_rising_map(seed, count):
    rng = np.random.default_rng(seed)
    labels = np.r_[True, False, rng.random(count - 2) < 0.5]
    scores = rng.integers(0, 6, count) / 5
    assert minimum_log_likelihood_ratio_cost(scores, labels) == pytest.approx(cost_of_blocks(scores, labels), abs=1e-9)


def test_the_least_cost_by_hand():
    separate = np.array([3.0, 2, 1, 0]), np.array([True, True, False, False])
    assert minimum_log_likelihood_ratio_cost(*separate) == 0
    assert minimum_log_likelihood_ratio_cost(-separate[0], separate[1]) == pytest.approx(1)  # the wrong way round
    assert minimum_log_likelihood_ratio_cost(np.zeros(4), separate[1]) == pytest.approx(1)


def test_the_least_cost_knows_no_scale_and_no_calibration_beats_it():
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.3
    scores = rng.normal(np.where(labels, 1.0, 0.0), 0.7)
    least = minimum_log_likelihood_ratio_cost(scores, labels)
    assert minimum_log_likelihood_ratio_cost(np.exp(3 * scores - 7), labels) == pytest.approx(least)
    assert log_likelihood_ratio_cost(fit_calibration(scores, labels, name="x").apply(scores), labels) >= least


def test_calibrated_ratios_are_reliable_and_exaggerated_ones_are_not():
    # Two normal distributions of width 1, d apart, have the exact ratio d * s - d ** 2 / 2.
    rng, d = np.random.default_rng(1), 2.0
    labels = np.r_[np.ones(40_000, bool), np.zeros(40_000, bool)]
    exact = d * rng.normal(np.where(labels, d, 0.0), 1.0) - d**2 / 2
    said, shown = reliability(exact, labels, bins=10)
    np.testing.assert_allclose(said[1:-1], shown[1:-1], atol=0.12)
    assert (np.diff(said) > 0).all()
    said, shown = reliability(3 * exact, labels, bins=10)
    assert said[-2] > shown[-2] + 1


def test_reliability_by_hand():
    # Four trials, two bins: below are both others and half of the targets' weight.
    said, shown = reliability(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, True]), bins=2)
    assert said.tolist() == [0.5, 2.5]
    assert shown.tolist() == [-np.inf, np.inf]
    for bins in (0, 5):
        with pytest.raises(OptionError, match="bins must be 1"):
            reliability(np.array([0.0, 1.0]), np.array([True, False]), bins=bins)


def trials(seed=0, count=4000):
    """Gaussian scores whose log-likelihood ratio is known: 3 score - 1.5, with one-to-one odds."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.5
    return np.where(labels, 1.0, 0.0) + rng.normal(scale=math.sqrt(1 / 3), size=count), labels


def test_a_calibrated_score_costs_least():
    scores, labels = trials(2)
    ratios = fit_calibration(scores, labels, name="x").apply(scores)
    cost = log_likelihood_ratio_cost(ratios, labels)
    assert cost < min(log_likelihood_ratio_cost(changed, labels) for changed in (2 * ratios, ratios / 2, ratios + 0.5))
    assert log_likelihood_ratio_cost(np.zeros(4), [True, True, False, False]) == pytest.approx(1.0)
    by_hand = (math.log2(1 + math.exp(-1)) + math.log2(1 + math.exp(-2))) / 2
    assert log_likelihood_ratio_cost([1.0, -2.0], [True, False]) == pytest.approx(by_hand)


def test_the_threshold_of_a_cost_by_hand():
    assert bayes_threshold(0.5) == 0
    assert bayes_threshold(0.01, 1.0, 1.0) == pytest.approx(math.log(99))
    assert bayes_threshold(0.5, cost_false_alarm=10.0) == pytest.approx(math.log(10))


def test_the_threshold_of_a_cost_is_the_best_one():
    scores, labels = trials(3, 20_000)
    ratios = fit_calibration(scores, labels, name="x").apply(scores)
    candidates = np.linspace(-4, 6, 201)

    def cost(threshold):
        miss, alarm = (ratios[labels] < threshold).mean(), (ratios[~labels] >= threshold).mean()
        return 0.1 * 2 * miss + 0.9 * alarm

    assert cost(bayes_threshold(0.1, cost_miss=2.0)) < 1.02 * min(map(cost, candidates))


def test_a_threshold_without_sense_is_refused():
    with pytest.raises(OptionError, match="prior must be between 0 and 1"):
        bayes_threshold(0.0)
    with pytest.raises(OptionError, match="cost_miss must be positive"):
        bayes_threshold(0.5, cost_miss=0.0)
