import math

import pytest

from diarbook.errors import OptionError
from diarbook.streaming.stability import LabelFlips, label_flips
from diarbook.turns import Turn

A, B = Turn(0, 2, "A"), Turn(2, 4, "B")


def test_by_hand():
    # After 4 s: A 0-2, B 2-4. After 6 s: B has become A, and its last half second is gone. After 8 s: as before.
    answers = [[A, B], [Turn(0, 2, "A"), Turn(2, 3.5, "A"), Turn(4, 6, "A")], [Turn(0, 3.5, "A"), Turn(4, 7, "A")]]
    found = label_flips(answers, [4.0, 6.0, 8.0])
    # First update: 1.5 s relabeled, 0.5 s withdrawn, of 4 s. Second: nothing, of 5.5 s.
    assert found == LabelFlips(relabeled=1.5, withdrawn=0.5, added=0.0, total=9.5, updates=2)
    assert found.rate == pytest.approx(1.5 / 9.5)


def test_speech_after_what_was_heard_is_no_change():
    assert label_flips([[A], [A, B]], [2.0, 4.0]).rate == 0
    added = label_flips([[Turn(0, 1, "A")], [A]], [2.0, 4.0])
    assert (added.relabeled, added.added) == (0, 1)


def test_swapped_numbers_count_only_where_they_are_meant_to():
    answers = [[A, B], [Turn(0, 2, "B"), Turn(2, 4, "A")]]
    assert label_flips(answers, [4.0, 5.0]).rate == 1
    assert label_flips(answers, [4.0, 5.0], renumbering=False).rate == 0


def test_turns_that_change_sides_are_left_when_numbers_are_matched():
    answers = [[A, B], [Turn(0, 3, "B"), Turn(3, 4, "A")]]
    assert label_flips(answers, [4.0, 5.0]).rate == 3 / 4
    assert label_flips(answers, [4.0, 5.0], renumbering=False).rate == 1 / 4


def test_an_emitted_turn_that_stays_has_no_flips():
    emitted = [Turn(0, 1, "A"), Turn(2, 3, "B"), Turn(4, 5, "A")]
    assert label_flips([emitted[:count] for count in (1, 2, 3)], [1.5, 3.5, 5.5]).rate == 0


def test_nothing_said_is_undefined():
    assert math.isnan(label_flips([[], [A]], [2.0, 4.0]).rate)
    assert label_flips([], []).updates == 0
    assert label_flips([[A]], [2.0]).updates == 0


@pytest.mark.parametrize("heard", [[1.0], [2.0, 2.0], [2.0, 1.0]])
def test_times_that_do_not_fit_are_refused(heard):
    with pytest.raises(OptionError, match="2 answers need as many times that rise"):
        label_flips([[A], [A, B]], heard)
