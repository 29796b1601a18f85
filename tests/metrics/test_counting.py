"""How far the number of speakers is off."""

import math

import pytest

from diarbook.metrics.counting import (
    CountSummary,
    count_summary,
    counts_by_truth,
    ghost_speakers,
    speaker_count_error,
)
from diarbook.turns import Turn


@pytest.mark.parametrize(
    ("reference", "hypothesis", "error"),
    [("ab", "xy", 0), ("ab", "xyz", 1), ("abc", "x", -2), ("", "x", 1), ("a", "", -1)],
)
def test_too_many_is_positive_and_too_few_negative(reference, hypothesis, error):
    turns = [[Turn(i, i + 1, name) for i, name in enumerate(names)] for names in (reference, hypothesis)]
    assert speaker_count_error(*turns) == error


def test_several_turns_of_one_speaker_count_once():
    assert speaker_count_error([Turn(0, 1, "a")], [Turn(0, 1, "x"), Turn(2, 3, "x")]) == 0


def test_errors_of_both_signs_do_not_cancel():
    assert count_summary([2, -2, 0, 1]) == CountSummary(1.25, 0.25, 0.5, 0.25, 4)


def test_no_recording_has_no_error():
    assert all(math.isnan(value) for value in (count_summary([]).mean_absolute, count_summary([]).within_one))


def test_each_true_number_has_its_own_summary():
    summaries = counts_by_truth([(3, 3), (1, 8), (3, 2), (1, 1), (3, 3)])
    assert list(summaries) == [1, 3]
    assert summaries[1] == CountSummary(3.5, 3.5, 0.5, 0.5, 2)
    assert summaries[3] == CountSummary(pytest.approx(1 / 3), pytest.approx(-1 / 3), 1.0, pytest.approx(2 / 3), 3)
    assert counts_by_truth([]) == {}


def test_a_right_number_can_hide_a_ghost():
    reference = [Turn(0, 6, "a"), Turn(6, 8, "b")]
    # Both people are called x, and y is a cough: two and two, yet y is nobody and b is lost.
    hypothesis = [Turn(0, 8, "x"), Turn(9, 9.5, "y")]
    assert speaker_count_error(reference, hypothesis) == 0
    assert ghost_speakers(reference, hypothesis) == {"y": 0.5}
    assert ghost_speakers(reference, [Turn(0, 6, "x"), Turn(6, 8, "y")]) == {}
    assert ghost_speakers([], [Turn(0, 1, "x")]) == {"x": 1.0}
