import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, norm

from diarbook.errors import OptionError
from diarbook.metrics import (
    bootstrap_interval,
    bootstrap_values,
    detection_error,
    diarization_errors,
    error_rows,
    paired_difference,
    rate_spread,
    ratio_interval,
    rule_of_three,
    shared_people,
)
from diarbook.turns import Turn


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


# ---- Units, pairs, ranges and zero counts ----------------------------------------------------------------------------


def test_recordings_with_common_people_are_one_unit():
    def turns(*people):
        return [Turn(0, 1, person) for person in people]

    # c joins the units of a and b, which have nobody in common.
    units = shared_people({"a": turns("A"), "b": turns("B"), "d": turns("D"), "c": turns("B", "A"), "e": []})
    assert units == {"a": "a", "b": "a", "d": "d", "c": "a", "e": "e"}
    assert shared_people({}) == {}


def test_a_pair_by_hand():
    # Pooled: (1 + 4) / 20 = 25 % and (2 + 1) / 20 = 15 %. By unit: 1/10 - 2/10 = -10 points, 4/10 - 1/10 = +30 points.
    spread = paired_difference({"a": (1, 10), "b": (4, 10)}, {"b": (1, 10), "a": (2, 10)})
    assert spread.value == pytest.approx(0.10)
    assert (spread.low, spread.high) == pytest.approx((-0.10, 0.30))
    assert spread.is_range
    assert not spread.differs
    assert spread.units == 2
    assert spread.text(signed=True) == "+10.0 (range of 2 units -10.0 to +30.0)"


def test_a_constant_difference_has_no_spread_though_the_rates_have():
    hard = np.array([0.0, 1, 2, 5, 6, 8])
    first = {str(i): (rate + 1, 10.0) for i, rate in enumerate(hard)}
    second = {str(i): (rate, 10.0) for i, rate in enumerate(hard)}
    assert rate_spread(first).high - rate_spread(first).low > 0.3
    pair = paired_difference(first, second)
    assert (pair.value, pair.low, pair.high) == pytest.approx((0.1, 0.1, 0.1))
    assert pair.differs
    back = paired_difference(second, first)
    assert (back.value, back.low, back.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert back.differs


def test_five_units_make_an_interval_and_four_a_range():
    rows = {str(i): (float(i), 10.0) for i in range(5)}
    assert rate_spread(rows).level == 0.95
    del rows["4"]
    four = rate_spread(rows)
    assert (four.low, four.high, four.level) == (0.0, 0.3, None)
    # Seven recordings of two units are two units, and what holds no speech is none.
    rows = {str(i): (float(i), 10.0) for i in range(7)} | {"silent": (0.0, 0.0)}
    pair = rate_spread(rows, {name: name in "012" for name in rows} | {"silent": "silent"})
    assert (pair.units, pair.low, pair.high) == (2, pytest.approx(3 / 30), pytest.approx(18 / 40))


def naive_difference(first, second, units, samples, level, seed):
    """One resample at a time, with lists."""
    names = list(dict.fromkeys(units[name] for name in first))
    members = {unit: [name for name in first if units[name] == unit] for unit in names}
    rng = np.random.default_rng(seed)
    values = []
    for draw in rng.integers(0, len(names), (samples, len(names))):
        files = [name for index in draw for name in members[names[index]]]
        rates = [sum(s[n][0] for n in files) / sum(s[n][1] for n in files) for s in (first, second)]
        values.append(rates[0] - rates[1])
    values.sort()
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2])


rows_of_two = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(0.5, 50), st.integers(0, 6)), min_size=1, max_size=12
)


@given(rows_of_two, st.integers(0, 3))
def test_a_pair_equals_the_naive_loop(rows, seed):
    first = {f"f{i}": (a, whole) for i, (a, _, whole, _) in enumerate(rows)}
    second = {f"f{i}": (b, whole) for i, (_, b, whole, _) in enumerate(rows)}
    units = {f"f{i}": unit for i, (_, _, _, unit) in enumerate(rows)}
    spread = paired_difference(first, second, units, samples=50, level=0.9, seed=seed)
    whole = sum(row[2] for row in rows)
    assert spread.value == pytest.approx(sum(a - b for a, b, _, _ in rows) / whole, abs=1e-9)
    assert spread.units == len(set(units.values()))
    assert spread.low <= spread.high
    assert spread.is_range == (spread.units < 5)
    if spread.is_range:
        by_unit = [
            sum(a - b for a, b, _, u in rows if u == unit) / sum(w for _, _, w, u in rows if u == unit)
            for unit in set(units.values())
        ]
        assert (spread.low, spread.high) == pytest.approx((min(by_unit), max(by_unit)), abs=1e-9)
    else:
        expected = naive_difference(first, second, units, 50, 0.9, seed)
        assert (spread.low, spread.high) == pytest.approx(tuple(expected), abs=1e-9)
    turned = paired_difference(second, first, units, samples=50, level=0.9, seed=seed)
    assert (turned.value, turned.low, turned.high) == pytest.approx(
        (-spread.value, -spread.high, -spread.low), abs=1e-9
    )
    same = paired_difference(first, first, units, samples=50, level=0.9, seed=seed)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert not same.differs


def test_one_system_is_the_ratio_interval():
    rows = {str(i): tuple(row) for i, row in enumerate(np.abs(np.random.default_rng(2).normal(size=(25, 2))))}
    spread = rate_spread(rows, samples=500, seed=4)
    expected = ratio_interval(np.array(list(rows.values())), 500, seed=4)
    assert (spread.low, spread.high) == pytest.approx(expected, rel=1e-12)


def test_nothing_to_compare_is_undefined():
    for spread in (rate_spread({}), paired_difference({}, {}), rate_spread({"a": (0, 0)})):
        assert spread.units == 0
        assert spread.is_range
        assert all(math.isnan(value) for value in (spread.value, spread.low, spread.high))
        assert not spread.differs
    assert rate_spread({"a": (1, 10)}).text() == "10.0 (1 unit, no range)"


def test_a_false_alarm_without_speech_still_counts():
    spread = rate_spread({"a": (1, 10), "noise": (4, 0)})
    assert spread.value == 0.5
    assert spread.units == 2


def test_wrong_pairs_are_told():
    with pytest.raises(OptionError, match="only one has 'b'"):
        paired_difference({"a": (1, 2)}, {"a": (1, 2), "b": (1, 2)})
    with pytest.raises(OptionError, match="no unit is given for the recording 'a'"):
        rate_spread({"a": (1, 2)}, {"b": 1})
    for rows in ({"a": (1, 2)}, {str(i): (1, 2) for i in range(6)}):
        with pytest.raises(OptionError, match="level"):
            rate_spread(rows, level=95)


@pytest.mark.parametrize("samples", [0, 1_000_001])
@pytest.mark.parametrize("files", [2, 6])
def test_a_number_of_resamples_has_limits_with_units(samples, files):
    with pytest.raises(OptionError, match="samples must lie between"):
        rate_spread({str(i): (1, 2) for i in range(files)}, samples=samples)


def test_rows_come_from_what_the_metrics_return():
    errors = diarization_errors({"a": [Turn(0, 10, "A")]}, {"a": [Turn(0, 9, "x")]})
    assert error_rows(errors) == {"a": (1.0, 10.0)}
    detected = detection_error(np.array([[0.0, 10.0]]), np.array([[2.0, 13.0]]))
    assert error_rows({"a": detected}) == {"a": (5.0, 10.0)}


@given(st.integers(1, 10**7), st.floats(0.5, 0.999))
def test_the_rule_of_three_is_the_exact_binomial_bound(trials, level):
    bound = rule_of_three(trials, level)
    exact = binomtest(0, trials, alternative="less").proportion_ci(level, "exact").high
    assert bound == pytest.approx(exact, rel=1e-6)
    assert bound <= -math.log(1 - level) / trials


def test_the_rule_of_three_by_hand():
    # One trial without an event: (1 - p) = 0.05.
    assert rule_of_three(1) == pytest.approx(0.95)
    assert rule_of_three(0) == 1.0
    assert rule_of_three(1000) == pytest.approx(3 / 1000, rel=0.01)
    with pytest.raises(OptionError, match="trials"):
        rule_of_three(-1)
    with pytest.raises(OptionError, match="level"):
        rule_of_three(10, 95)
