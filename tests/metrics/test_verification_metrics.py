import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.metrics import det_curve, roc_curve

from diarbook.errors import OptionError
from diarbook.metrics import (
    detection_error_tradeoff,
    equal_error_point,
    equal_error_rate,
    minimum_detection_cost,
    minimum_detection_cost_point,
)

trials = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


def test_curve_by_hand():
    # Targets 3 and 1, others 2 and 0. At or above 0 all pass; at 1 one other of two is out; at 2 target 1 is missed.
    curve = detection_error_tradeoff([3, 1, 2, 0], [1, 1, 0, 0])
    assert curve.thresholds.tolist() == [0, 1, 2, 3, math.inf]
    assert curve.miss_rates.tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve.false_alarm_rates.tolist() == [1, 0.5, 0.5, 0, 0]


def test_equal_error_by_hand():
    # In the curve above both rates are 1/2 at threshold 2.
    assert equal_error_rate([3, 1, 2, 0], [1, 1, 0, 0]) == 0.5
    assert equal_error_point([3, 1, 2, 0], [1, 1, 0, 0]).threshold == 2
    assert equal_error_rate([3, 2, 1, 0], [1, 1, 0, 0]) == 0
    assert equal_error_rate([0, 1, 2, 3], [1, 1, 0, 0]) == 1


def test_equal_error_is_interpolated():
    # Targets 1, 3, 5; others 0, 2. At threshold 2: misses 1/3, false alarms 1/2 (gap 1/6). At 3: 1/3 and 0 (gap -1/3).
    # The misses stay at 1/3 while the gap closes: the rate is 1/3, at 2 + (1/6) / (1/6 + 1/3) = 2 1/3.
    point = equal_error_point([1, 3, 5, 0, 2], [1, 1, 1, 0, 0])
    assert point.value == pytest.approx(1 / 3)
    assert point.threshold == pytest.approx(2 + 1 / 3)


def test_minimum_cost_by_hand():
    # Prior 0.5, equal costs: (miss + false alarm) / 2 over 0.5 is their sum. It is 1/2 at thresholds 1 and 3.
    assert minimum_detection_cost([3, 1, 2, 0], [1, 1, 0, 0], target_prior=0.5) == 0.5
    # Prior 0.01: normalized by 0.01, the cost is miss + 99 x false alarm: best at 3 with 1/2.
    point = minimum_detection_cost_point([3, 1, 2, 0], [1, 1, 0, 0])
    assert (point.value, point.threshold) == (0.5, 3)
    # A useless score costs 1: reject everyone.
    assert minimum_detection_cost([0, 0], [1, 0]) == 1


def test_no_targets_or_no_others_is_nan():
    assert math.isnan(equal_error_rate([1, 2], [1, 1]))
    assert math.isnan(minimum_detection_cost([1, 2], [0, 0]))


def test_wrong_input_is_told():
    with pytest.raises(OptionError, match="one label for each score"):
        equal_error_rate([1, 2], [1])
    with pytest.raises(OptionError, match="NaN"):
        equal_error_rate([1, math.nan], [1, 0])
    with pytest.raises(OptionError, match="target_prior"):
        minimum_detection_cost([1, 2], [1, 0], target_prior=0)
    with pytest.raises(OptionError, match="costs"):
        minimum_detection_cost([1, 2], [1, 0], miss_cost=0)


@settings(max_examples=60)
@given(trials)
def test_scikit_learn_agrees(rows):
    scores, labels = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows])
    curve = detection_error_tradeoff(scores, labels)
    false_alarms, found, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_alarm_rates, false_alarms[::-1])
    np.testing.assert_allclose(curve.miss_rates, 1 - found[::-1])
    np.testing.assert_array_equal(curve.thresholds[:-1], thresholds[:0:-1])
    theirs = det_curve(labels, scores)
    pairs = set(zip(curve.false_alarm_rates.round(9), curve.miss_rates.round(9), strict=True))
    assert set(zip(theirs[0].round(9), theirs[1].round(9), strict=True)) <= pairs
    # The usual recipe: where the interpolated ROC crosses the diagonal.
    if false_alarms[0] != 1:
        usual = brentq(lambda x: 1 - x - np.interp(x, false_alarms, found), 0, 1)
        vertical = np.diff(false_alarms) == 0
        if not np.any(vertical & (np.abs(1 - false_alarms[1:] - found[1:]) < 1e-12)):
            assert equal_error_rate(scores, labels) == pytest.approx(usual, abs=1e-6)


@settings(max_examples=60)
@given(trials, st.floats(0.01, 0.99))
def test_invariances(rows, prior):
    scores, labels = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows])
    rate, cost = equal_error_rate(scores, labels), minimum_detection_cost(scores, labels, prior)
    assert 0 <= rate <= 1
    assert 0 <= cost <= 1
    # Only the order of the scores matters; repeating every trial changes nothing.
    assert equal_error_rate(3 * scores + 1, labels) == pytest.approx(rate)
    assert minimum_detection_cost(np.tile(scores, 2), np.tile(labels, 2), prior) == pytest.approx(cost)
    # Turning scores and labels around turns misses into false alarms.
    assert equal_error_rate(-scores, ~labels) == pytest.approx(rate)
