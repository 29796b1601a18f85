import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.backends import as_norm, fit_calibration, s_norm, t_norm, z_norm
from diarbook.errors import OptionError
from diarbook.metrics.calibration import bayes_threshold, log_likelihood_ratio_cost

SCORES = np.array([[1.0, 3.0]])
ENROLLED = np.array([[0.0, 2.0]])  # mean 1, deviation 1
TESTED = np.array([[0.0, 4.0], [1.0, 1.5]])  # means 2 and 1.25, deviations 2 and 0.25


def test_norms_by_hand():
    np.testing.assert_allclose(z_norm(SCORES, ENROLLED), [[0.0, 2.0]])
    np.testing.assert_allclose(t_norm(SCORES, TESTED), [[-0.5, 7.0]])
    np.testing.assert_allclose(s_norm(SCORES, ENROLLED, TESTED), [[-0.25, 4.5]])
    cohort = np.array([[-9.0, 0.0, 2.0]])
    tested = np.array([[0.0, 4.0, -1.0], [1.0, -5.0, 1.5]])
    np.testing.assert_allclose(as_norm(SCORES, cohort, tested, top=2), [[-0.25, 4.5]])


@given(seed=st.integers(0, 999), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_normalized_scores_do_not_depend_on_the_scale_of_the_scores(seed, scale, shift):
    rng = np.random.default_rng(seed)
    scores, enrolled, tested = rng.normal(size=(3, 4)), rng.normal(size=(3, 20)), rng.normal(size=(4, 20))
    before = as_norm(scores, enrolled, tested, top=10)
    after = as_norm(scale * scores + shift, scale * enrolled + shift, scale * tested + shift, top=10)
    np.testing.assert_allclose(after, before, atol=1e-8)
    np.testing.assert_allclose(as_norm(scores.T, tested, enrolled, top=10), before.T)
    np.testing.assert_allclose(as_norm(scores, enrolled, tested, top=20), s_norm(scores, enrolled, tested))


def test_norms_help_where_voices_have_scores_of_their_own():
    from diarbook.metrics import equal_error_rate

    rng = np.random.default_rng(0)
    people, cohort = rng.normal(size=(60, 8)), rng.normal(size=(80, 8))
    raise_all = rng.normal(scale=4, size=60)  # what a voice scores against everybody
    tests = people + 0.9 * rng.normal(size=people.shape)
    scores = people @ tests.T + raise_all[:, None]
    labels = np.eye(60, dtype=bool)
    enrolled = people @ cohort.T + raise_all[:, None]
    plain = equal_error_rate(scores.ravel(), labels.ravel())
    normed = equal_error_rate(as_norm(scores, enrolled, tests @ cohort.T, top=60).ravel(), labels.ravel())
    assert normed < 0.8 * plain


@pytest.mark.parametrize(
    ("cohort", "top", "message"),
    [
        (np.ones((1, 1)), 2, "must have shape"),
        (np.array([[1.0, np.nan]]), 2, "must be finite"),
        (np.array([[1.0, 2.0]]), 3, "top must be 2 to the cohort's size, 2, got 3"),
        (np.array([[1.0, 1.0]]), 2, "scores alike against the whole cohort"),
    ],
)
def test_a_cohort_that_cannot_be_used_is_refused(cohort, top, message):
    with pytest.raises(OptionError, match=message):
        as_norm(np.ones((1, 1)), cohort, np.array([[0.0, 1.0, 2.0]]), top=top)


def trials(seed=0, count=4000):
    """Gaussian scores whose log-likelihood ratio is known: 3 score - 1.5, with one-to-one odds."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.5
    return np.where(labels, 1.0, 0.0) + rng.normal(scale=math.sqrt(1 / 3), size=count), labels


def test_calibration_finds_the_known_line():
    line = fit_calibration(*trials(), name="simulated", model="m", model_version="v")
    assert (line.scale, line.offset) == (pytest.approx(3.0, abs=0.2), pytest.approx(-1.5, abs=0.15))
    assert (line.name, line.model, line.model_version) == ("simulated", "m", "v")


@pytest.mark.parametrize("prior", [0.5, 0.05])
def test_calibration_agrees_with_scikit_learn(prior):
    from sklearn.linear_model import LogisticRegression

    scores, labels = trials(1)
    weights = np.where(labels, prior / labels.sum(), (1 - prior) / (~labels).sum()) * len(labels)
    theirs = LogisticRegression(C=1e9, tol=1e-10).fit(scores[:, None], labels, sample_weight=weights)
    ours = fit_calibration(scores, labels, name="x", prior=prior)
    odds = math.log(prior / (1 - prior))
    assert ours.scale == pytest.approx(theirs.coef_[0, 0], rel=1e-3)
    assert ours.offset == pytest.approx(theirs.intercept_[0] - odds, abs=2e-3)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_calibration([1, 2], [True, True], name="x"), "both kinds of trial are needed"),
        (lambda: fit_calibration([1, 2], [True], name="x"), "one label for each score"),
        (lambda: fit_calibration([1, math.nan], [True, False], name="x"), "scores must be finite"),
        (lambda: fit_calibration([2, 1], [True, False], name="x"), "separate the trials without error"),
        (lambda: fit_calibration([1, 2], [True, False], name="x", prior=1.0), "prior must be between 0 and 1"),
        (lambda: bayes_threshold(0.0), "prior must be between 0 and 1"),
        (lambda: bayes_threshold(0.5, cost_miss=0.0), "cost_miss must be positive"),
    ],
)
def test_input_without_sense_is_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()
