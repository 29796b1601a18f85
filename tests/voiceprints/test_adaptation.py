import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from diarbook.errors import OptionError, VoiceprintError
from diarbook.voiceprints.adaptation import UNGUARDED, AdaptationRule, adapt, within_limit
from diarbook.voiceprints.voiceprint import Consent, Voiceprint

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = AdaptationRule(threshold=0, margin=0, minimum_speech=1, step=1, limit=0.5)


def person(vector=(1.0, 0.0), seconds=10.0, **changes):
    return Voiceprint("Ann", vector, "m", "v", seconds, 2, 0.8, GIVEN, Consent("yes", GIVEN), **changes)


def offer(one, vector, seconds=10.0, rule=OPEN, **options):
    return adapt(one, np.array(vector), seconds, model="m", model_version="v", rule=rule, **options)


def test_the_weight_is_that_of_the_speech():
    """10 s at 0 degrees and 10 s at 60 degrees meet at 30 degrees; 30 s and 10 s at a quarter of the way by weight."""
    even = offer(person(), [0.5, math.sqrt(0.75)])
    np.testing.assert_allclose(even.voiceprint.vector, [math.cos(math.pi / 6), 0.5], atol=1e-6)
    assert (even.refused, even.voiceprint.net_speech, even.voiceprint.samples) == ("", 20.0, 3)
    assert even.score == pytest.approx(0.5)
    assert even.agreement == pytest.approx(math.cos(math.pi / 6))
    heavy = offer(person(seconds=30.0), [0.5, math.sqrt(0.75)])
    by_hand = np.array([0.75 + 0.125, 0.25 * math.sqrt(0.75)])
    np.testing.assert_allclose(heavy.voiceprint.vector, by_hand / np.linalg.norm(by_hand), atol=1e-6)


def test_the_step_bounds_the_weight():
    one = offer(person(seconds=1.0), [0.5, math.sqrt(0.75)], 1000.0, AdaptationRule(0, 0, 1, 0.2, 0.1))
    by_hand = np.array([0.8 + 0.1, 0.2 * math.sqrt(0.75)])
    np.testing.assert_allclose(one.voiceprint.vector, by_hand / np.linalg.norm(by_hand), atol=1e-6)


def test_the_template_stays_what_was_enrolled():
    first = offer(person(), [0.8, 0.6]).voiceprint
    second = offer(first, [0.8, 0.6]).voiceprint
    for one in (first, second):
        np.testing.assert_allclose(one.template, [1, 0], atol=1e-7)
    assert second.vector[1] > first.vector[1] > 0


@pytest.mark.parametrize(
    ("vector", "seconds", "options", "reason"),
    [
        ([0.8, 0.6], 2.9, {}, "2.9 s of speech, 3 s are needed"),
        ([0.5, 0.9], 5.0, {}, "cosine 0.49 with the template, 0.55 is needed"),
        ([0.8, 0.6], 5.0, {"rival": 0.75}, "0.75 with somebody else; they must be 0.10 apart"),
    ],
)
def test_what_fails_the_rule_changes_nothing(vector, seconds, options, reason):
    one = person()
    result = offer(one, vector, seconds, AdaptationRule(), **options)
    assert result.voiceprint is one
    assert reason in result.refused
    assert result.agreement == pytest.approx(1)


def test_a_thousand_wrong_accepts_end_at_the_limit_and_without_guards_at_the_impostor():
    impostor = np.array([0.6, 0.8])
    guarded = free = person()
    for _ in range(1000):
        guarded = offer(guarded, impostor, rule=AdaptationRule(0, 0, 1, 0.2, 0.9)).voiceprint
        free = offer(free, impostor, rule=UNGUARDED).voiceprint
    assert guarded.vector[0] == pytest.approx(0.9, abs=1e-5)
    assert free.vector @ impostor > 0.99


UNIT = hnp.arrays(float, 6, elements=st.floats(-1, 1)).filter(lambda x: np.linalg.norm(x) > 0.1)


@given(UNIT, UNIT, st.floats(0.05, 1))
def test_the_limit_holds_and_moves_nothing_that_is_within(vector, template, limit):
    vector, template = vector / np.linalg.norm(vector), template / np.linalg.norm(template)
    if abs(vector @ template) > 1 - 1e-9:
        return
    held = within_limit(vector, template, limit)
    assert np.linalg.norm(held) == pytest.approx(1)
    assert held @ template >= limit - 1e-9
    if vector @ template >= limit:
        np.testing.assert_array_equal(held, vector)
    else:  # no direction within the limit is nearer: the angles add up
        between = math.acos(np.clip(held @ vector, -1, 1)) + math.acos(np.clip(held @ template, -1, 1))
        assert between == pytest.approx(math.acos(np.clip(vector @ template, -1, 1)), abs=1e-5)


def test_another_model_or_no_embedding_is_refused():
    with pytest.raises(VoiceprintError, match="embed it with the same model"):
        adapt(person(), np.ones(2), 5.0, model="m", model_version="w")
    with pytest.raises(VoiceprintError, match="same model"):
        offer(person(), [1.0, 0.0, 0.0])
    with pytest.raises(VoiceprintError, match="has no embedding"):
        offer(person(), [math.nan, 0.0])


@pytest.mark.parametrize("change", [{"threshold": 2}, {"margin": -3}, {"step": 0}, {"limit": 1.1}, {"step": math.nan}])
def test_a_rule_out_of_range_is_refused(change):
    with pytest.raises(OptionError, match=next(iter(change))):
        AdaptationRule(**change)
