import math

import pytest

from diarbook.metrics.peers import every_rate
from diarbook.turns import Turn

ANNA = [Turn(0, 10, "anna")]


def test_all_agree_on_a_plain_case():
    # 2 s missed, 2 s confused, 2 s of false alarm over 10 s.
    rates = every_rate(ANNA, [Turn(2, 8, "x"), Turn(8, 12, "y")])
    assert rates == {name: pytest.approx(0.6) for name in ("ours", "pyannote.metrics", "spyder", "simpleder")}


def test_the_collar_of_pyannote_is_the_whole_width():
    # Each side 0.25 s forgives a start 0.2 s late; 0.125 s each side leaves 0.075 s at both ends of 9.75 s.
    late = [Turn(0.2, 10.2, "x")]
    assert every_rate(ANNA, late, collar=0.25) == {
        "ours": 0, "spyder": pytest.approx(0), "simpleder": pytest.approx(0),
        "pyannote.metrics": pytest.approx(2 * 0.075 / 9.75),
    }  # fmt: skip
    assert every_rate(ANNA, late, collar=0.5)["pyannote.metrics"] == pytest.approx(0, abs=1e-9)


def test_turns_of_one_speaker_that_overlap_count_twice_in_pyannote():
    # 0-6 and 4-10 hold 10 s; counted twice they are 12 s, of which x (0-9) misses 1 s and the doubled 2 s.
    rates = every_rate([Turn(0, 6, "anna"), Turn(4, 10, "anna")], [Turn(0, 9, "x")])
    assert rates["ours"] == rates["spyder"] == pytest.approx(0.1)
    assert rates["pyannote.metrics"] == pytest.approx(3 / 12)


def test_nothing_left_to_score():
    rates = every_rate([Turn(1, 1.4, "anna")], [Turn(1, 1.4, "x")], collar=0.25)
    assert math.isnan(rates.pop("ours"))
    assert set(rates.values()) == {0.0}


def test_uem_and_overlap_reach_the_others():
    reference, hypothesis = [*ANNA, Turn(6, 8, "ben")], [Turn(0, 12, "x")]
    # Scored 2-11 without 6-8: 6 s of anna, and 1 s of false alarm.
    rates = every_rate(reference, hypothesis, skip_overlap=True, uem=[[2, 11]])
    assert math.isnan(rates.pop("simpleder"))
    assert list(rates.values()) == [pytest.approx(1 / 6)] * 3
