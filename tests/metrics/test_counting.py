"""How far the number of speakers is off."""

import math

import pytest

from diarbook.metrics.counting import CountSummary, count_summary, speaker_count_error
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
    assert count_summary([2, -2, 0, 1]) == CountSummary(1.25, 0.25, 0.5)


def test_no_recording_has_no_error():
    assert all(math.isnan(value) for value in (count_summary([]).mean_absolute, count_summary([]).within_one))
