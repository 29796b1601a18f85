import math
import sys

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from diarbook.errors import OptionError
from diarbook.metrics import bootstrap_interval, bootstrap_values, ratio_interval


def test_constant_items_have_no_spread():
    assert bootstrap_interval(np.mean, np.full(10, 3.0)) == (3, 3)


def test_two_items_by_hand():
    # Resamples of {0, 1}: means 0, 1/2, 1 with 1/4, 1/2, 1/4. So the middle 40 % are all 1/2, the middle 60 % span all.
    assert bootstrap_interval(np.mean, [0.0, 1.0], level=0.4) == (0.5, 0.5)
    assert bootstrap_interval(np.mean, [0.0, 1.0], level=0.6) == (0, 1)


def test_same_seed_same_interval_and_lists_equal_arrays():
    items = np.random.default_rng(0).normal(size=30)
    assert bootstrap_interval(np.mean, items, seed=3) == bootstrap_interval(np.mean, list(items), seed=3)
    assert bootstrap_interval(np.mean, items, seed=3) != bootstrap_interval(np.mean, items, seed=4)


def test_scipy_and_theory_agree_on_a_mean():
    items = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap_interval(np.mean, items, samples=4000)
    theirs = bootstrap((items,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(5))
    half = norm.ppf(0.975) * items.std() / 20
    np.testing.assert_allclose([low, high], [items.mean() - half, items.mean() + half], atol=0.01)
    np.testing.assert_allclose([low, high], theirs.confidence_interval, atol=0.01)


def test_undefined_resamples_are_left_out():
    def ratio(rows):
        return rows[:, 0].sum() / rows[:, 1].sum() if rows[:, 1].sum() else math.nan

    assert bootstrap_interval(ratio, np.array([[1.0, 2.0], [0.0, 0.0]])) == (0.5, 0.5)
    assert all(map(math.isnan, bootstrap_interval(ratio, np.zeros((3, 2)))))
    assert all(map(math.isnan, bootstrap_interval(np.mean, [])))
    assert len(bootstrap_values(np.mean, [1.0], samples=7)) == 7


def test_wrong_options_are_told():
    with pytest.raises(OptionError, match="level"):
        bootstrap_interval(np.mean, [1.0], level=95)
    with pytest.raises(OptionError, match="samples"):
        bootstrap_interval(np.mean, [1.0], samples=0)


def test_the_interval_of_a_ratio_is_that_of_the_general_function():
    rows = np.abs(np.random.default_rng(2).normal(size=(25, 2)))
    rows[3] = 0

    def ratio(some):
        return some[:, 0].sum() / some[:, 1].sum()

    assert ratio_interval(rows, 500, seed=4) == pytest.approx(bootstrap_interval(ratio, rows, 500, seed=4), rel=1e-12)
    assert np.isnan(ratio_interval(np.zeros((3, 2)))).all()
    assert np.isnan(ratio_interval(np.zeros((0, 2)))).all()


def test_the_resamples_do_not_depend_on_how_many_are_held_at_once(monkeypatch):
    items = np.random.default_rng(0).normal(size=7)
    whole = bootstrap_values(np.mean, items, 100, seed=1)
    monkeypatch.setattr(sys.modules[bootstrap_values.__module__], "_BLOCK", 20)
    np.testing.assert_array_equal(bootstrap_values(np.mean, items, 100, seed=1), whole)


@pytest.mark.parametrize("samples", [0, -1, 1_000_001, 10**12])
def test_a_number_of_resamples_has_limits(samples):
    for call in (bootstrap_interval, bootstrap_values):
        with pytest.raises(OptionError, match="samples must lie between 1 and 1,000,000"):
            call(np.mean, [1.0, 2.0], samples)
    with pytest.raises(OptionError, match="samples must lie between"):
        ratio_interval(np.ones((2, 2)), samples)
