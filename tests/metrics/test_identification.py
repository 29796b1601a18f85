import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from diarbook.errors import OptionError
from diarbook.metrics.identification import (
    closed_set_accuracy,
    cumulative_match_curve,
    leave_one_out_scores,
    open_set_curve,
    search_false_alarm_rate,
)

# Probes: ann (own name best), bob (taken for ann), two strangers.
SCORES = np.array([[0.9, 0.2], [0.7, 0.6], [0.5, 0.1], [0.8, 0.3]])
TRUTH = np.array([0, 1, -1, -1])


def test_by_hand():
    curve = open_set_curve(SCORES, TRUTH)
    np.testing.assert_allclose(curve.thresholds, [0.5, 0.8, 0.9, math.inf])
    np.testing.assert_allclose(curve.identification_rates, [0.5, 0.5, 0.5, 0.0])
    np.testing.assert_allclose(curve.false_alarm_rates, [1.0, 0.5, 0.0, 0.0])
    assert [curve.rate_at(rate) for rate in (0.0, 0.4, 1.0)] == [0.5, 0.5, 0.5]
    assert closed_set_accuracy(SCORES[:2], TRUTH[:2]) == 0.5


def test_a_tie_is_an_error_and_silence_is_undefined():
    assert closed_set_accuracy(np.array([[0.5, 0.5]]), np.array([0])) == 0.0
    assert math.isnan(closed_set_accuracy(np.zeros((0, 2)), np.zeros(0, dtype=int)))
    assert np.isnan(open_set_curve(SCORES[:2], TRUTH[:2]).false_alarm_rates).all()
    assert math.isnan(open_set_curve(SCORES[:2], TRUTH[:2]).rate_at(1.0))


@given(seed=st.integers(0, 9999), probes=st.integers(1, 30), gallery=st.integers(1, 6), levels=st.integers(2, 9))
def test_against_counting_at_each_threshold(seed, probes, gallery, levels):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (probes, gallery)) / levels
    truth = rng.integers(-1, gallery, probes)
    truth[0] = 0
    curve = open_set_curve(scores, truth)
    for threshold, rate, alarms in zip(
        curve.thresholds, curve.identification_rates, curve.false_alarm_rates, strict=True
    ):
        named = sum(
            row[own] >= threshold and all(row[own] > row[other] for other in range(gallery) if other != own)
            for row, own in zip(scores, truth, strict=True)
            if own >= 0
        )
        strangers = [row.max() >= threshold for row, own in zip(scores, truth, strict=True) if own < 0]
        assert rate == pytest.approx(named / (truth >= 0).sum())
        assert np.isnan(alarms) if not strangers else alarms == pytest.approx(np.mean(strangers))
    assert (np.diff(curve.identification_rates) <= 0).all()
    order = rng.permutation(gallery)
    moved = np.where(truth < 0, -1, np.argsort(order)[truth])
    again = open_set_curve(scores[:, order], moved)
    np.testing.assert_allclose(again.identification_rates, curve.identification_rates)


def test_a_larger_gallery_can_only_hurt():
    rng = np.random.default_rng(0)
    people = rng.normal(size=(200, 6))
    probes = people[:50] + rng.normal(size=(50, 6))
    scores = probes @ people.T
    rates = [closed_set_accuracy(scores[:, :size], np.arange(50)) for size in (50, 100, 200)]
    assert rates[0] > rates[1] > rates[2]


@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        (np.zeros((2, 0)), [0, 0], "somebody in the gallery"),
        (np.zeros(3), [0, 0, 0], "somebody in the gallery"),
        (np.zeros((2, 2)), [0], "one column of the scores for each of the 2 probes"),
        (np.zeros((1, 2)), [0.5], "one column of the scores"),
        (np.zeros((1, 2)), [2], "truth must be -1 to 1, got 2 to 2"),
        (np.full((1, 2), np.nan), [0], "must not be NaN"),
        (np.zeros((1, 2)), [-1], "needs probes that are enrolled"),
    ],
)
def test_input_without_sense_is_refused(scores, truth, message):
    with pytest.raises(OptionError, match=message):
        open_set_curve(scores, np.array(truth))


def test_closed_sets_have_no_strangers():
    with pytest.raises(OptionError, match="needs every probe in the gallery"):
        closed_set_accuracy(SCORES, TRUTH)


def test_ranks_by_hand_and_against_scikit_learn():
    scores = np.array([[0.9, 0.1, 0.2], [0.7, 0.6, 0.1], [0.5, 0.4, 0.3]])
    np.testing.assert_allclose(cumulative_match_curve(scores, np.array([0, 1, 2])), [1 / 3, 2 / 3, 1.0])
    np.testing.assert_allclose(cumulative_match_curve(np.array([[0.5, 0.5]]), np.array([0])), [0.0, 1.0])
    assert np.isnan(cumulative_match_curve(np.zeros((0, 2)), np.zeros(0, dtype=int))).all()
    with pytest.raises(OptionError, match="every probe in the gallery"):
        cumulative_match_curve(SCORES, TRUTH)

    rng = np.random.default_rng(1)
    scores, truth = rng.normal(size=(60, 8)), rng.integers(0, 8, 60)
    curve = cumulative_match_curve(scores, truth)
    expected = [top_k_accuracy_score(truth, scores, k=k, labels=range(8)) for k in range(1, 8)]
    np.testing.assert_allclose(curve[:-1], expected)
    assert curve[0] == closed_set_accuracy(scores, truth)
    assert curve[-1] == 1.0


def test_false_alarms_of_a_search():
    assert search_false_alarm_rate(0.01, 1) == pytest.approx(0.01)
    assert search_false_alarm_rate(0.5, 2) == pytest.approx(0.75)
    np.testing.assert_allclose(search_false_alarm_rate([0.0, 1.0], [[0], [5]]), [[0, 0], [0, 1]])
    assert search_false_alarm_rate(1e-18, 10) == pytest.approx(1e-17, rel=1e-9)
    for wrong in ((-0.1, 1), (1.1, 1), (0.5, -1)):
        with pytest.raises(OptionError):
            search_false_alarm_rate(*wrong)


def test_leaving_one_out_against_a_loop():
    rng = np.random.default_rng(2)
    units = rng.normal(size=(12, 5))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    truth = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 0, 1])
    scores = leave_one_out_scores(units, truth)
    for row in range(12):
        for voice in range(4):
            others = [units[i] for i in range(12) if truth[i] == voice and i != row]
            if not others:
                assert np.isnan(scores[row, voice])
                continue
            mean = np.mean(others, axis=0)
            assert scores[row, voice] == pytest.approx(units[row] @ mean / np.linalg.norm(mean))
    with pytest.raises(OptionError, match="number the speaker of each of the 12"):
        leave_one_out_scores(units, truth[:-1])
    with pytest.raises(OptionError, match="number the speakers anew"):
        leave_one_out_scores(units, np.where(truth == 2, 5, truth))
