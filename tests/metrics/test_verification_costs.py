"""Error rates and cost at a given threshold, and the axes of a DET plot."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.errors import OptionError
from diarbook.metrics.verification import (
    detection_cost,
    error_rates_at,
    minimum_detection_cost_point,
    normal_deviate,
)

SCORES, LABELS = [0.9, 0.8, 0.6, 0.4, 0.7, 0.5, 0.3, 0.2, 0.1], [1, 1, 1, 1, 0, 0, 0, 0, 0]


def test_rates_by_hand():
    # At 0.6 the target of 0.4 is lost (1 of 4) and the other of 0.7 accepted (1 of 5); 0.6 itself is accepted.
    assert error_rates_at(SCORES, LABELS, 0.6) == (0.25, 0.2)
    assert error_rates_at(SCORES, LABELS, -math.inf) == (0, 1)
    assert error_rates_at(SCORES, LABELS, math.inf) == (1, 0)


def test_cost_by_hand():
    # Prior 0.5, equal costs: the sum of both rates. Prior 0.8, false accept 10: (0.8 * 0.25 + 2 * 0.2) / 0.8 = 0.75.
    assert detection_cost(SCORES, LABELS, 0.6, 0.5) == pytest.approx(0.45)
    assert detection_cost(SCORES, LABELS, 0.6, 0.8, 1, 10) == pytest.approx(0.75)
    # Accepting all costs what the prior says; rejecting all is the other system that does not listen.
    assert detection_cost(SCORES, LABELS, -math.inf, 0.01) == pytest.approx(99)
    assert detection_cost(SCORES, LABELS, math.inf, 0.01) == pytest.approx(1)


@given(st.integers(0, 2**31), st.floats(0.01, 0.99), st.floats(0.1, 100))
def test_no_threshold_costs_less_than_the_best(seed, prior, price):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=30).round(1), np.r_[True, False, rng.random(28) < 0.4]
    best = minimum_detection_cost_point(scores, labels, prior, 1.0, price)
    assert detection_cost(scores, labels, best.threshold, prior, 1.0, price) == pytest.approx(best.value)
    assert detection_cost(scores, labels, float(rng.normal()), prior, 1.0, price) >= best.value - 1e-12


def test_one_kind_of_trial_is_nan():
    assert math.isnan(error_rates_at([1, 2], [1, 1], 0)[1])
    assert math.isnan(error_rates_at([1, 2], [0, 0], 0)[0])
    assert math.isnan(detection_cost([1, 2], [0, 0], 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": math.nan}, "threshold must be a number"),
        ({"target_prior": 0}, "target_prior"),
        ({"target_prior": 1}, "target_prior"),
        ({"miss_cost": 0}, "costs must be positive"),
        ({"false_alarm_cost": math.inf}, "costs must be positive"),
        ({"scores": [math.nan, 1]}, "must not be NaN"),
        ({"labels": [1]}, "one label for each score"),
    ],
)
def test_input_without_sense_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        detection_cost(**{"scores": [1, 2], "labels": [1, 0], "threshold": 0.0} | options)


def test_the_axes_are_normal_deviates():
    for rate in (0.001, 0.1, 0.5, 0.84):
        assert normal_deviate(rate) == pytest.approx(NormalDist().inv_cdf(rate), abs=1e-9)
    assert normal_deviate([0, 1]).tolist() == [-math.inf, math.inf]
