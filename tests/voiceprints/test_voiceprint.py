import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.voiceprint import Consent, Voiceprint

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
CONSENT = Consent("to be recognized in meetings", GIVEN, GIVEN + timedelta(days=365))
VALUES = {
    "name": "Ann",
    "vector": np.array([3.0, 4.0]),
    "model": "campplus",
    "model_version": "abc",
    "net_speech": 12.0,
    "samples": 3,
    "quality": 0.8,
    "created": GIVEN,
    "consent": CONSENT,
    "metadata": {"microphone": 1},
}


def test_a_voiceprint_has_unit_length_and_cannot_be_changed():
    one = Voiceprint(**VALUES)
    np.testing.assert_allclose(one.vector, [0.6, 0.8], rtol=1e-6)
    assert (one.dimension, one.vector.dtype, dict(one.metadata)) == (2, np.float32, {"microphone": "1"})
    with pytest.raises(ValueError, match="read-only"):
        one.vector[0] = 1
    with pytest.raises(TypeError):
        one.metadata["x"] = "y"


def test_the_template_is_what_was_enrolled():
    one = Voiceprint(**VALUES)
    assert one.template is one.vector
    adapted = Voiceprint(**VALUES | {"vector": np.array([1.0, 0.0]), "enrolled": np.array([6.0, 8.0])})
    np.testing.assert_allclose(adapted.template, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": " "}, "is empty; give a name"),
        ({"name": "Ann  Lee"}, "has stray spaces"),
        ({"vector": [0.0, 0.0]}, "the vector is not one row of finite numbers"),
        ({"vector": [1.0, math.nan]}, "the vector is not one row"),
        ({"vector": [[1.0]]}, "the vector is not one row"),
        ({"enrolled": [1.0, math.inf]}, "the vector is not one row"),
        ({"enrolled": [1.0, 0.0, 0.0]}, "its two vectors differ in length"),
        ({"model": ""}, "'' is no model; enroll again"),
        ({"model_version": "\x1b[2J"}, r"'\\x1b\[2J' is no version of the model; enroll again"),
        ({"quality": 1.5}, "quality 1.5 is no cosine"),
        ({"name": "SPEAKER_01"}, "is the label of an unknown speaker"),
        ({"name": "a\x1b[31m"}, "holds the control character U"),
        ({"name": "n" * 300}, "has 300 bytes, at most 255 are kept"),
        ({"net_speech": 0.0}, "stands on no speech"),
        ({"net_speech": math.nan}, "stands on no speech"),
        ({"samples": 0}, "stands on no speech"),
        ({"created": datetime(2026, 1, 1)}, "has no zone"),
    ],
)
def test_impossible_values_are_refused(changes, message):
    with pytest.raises(VoiceprintError, match=message):
        Voiceprint(**VALUES | changes)


def test_a_consent_holds_from_its_start_until_its_end():
    assert [CONSENT.valid_at(GIVEN + timedelta(days=day)) for day in (-1, 0, 364, 365)] == [False, True, True, False]
    assert Consent("yes", GIVEN).valid_at(GIVEN + timedelta(days=10_000))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((" ", GIVEN), "the statement is empty"),
        (("yes", datetime(2026, 1, 1)), "given 2026-01-01T00:00:00 has no time zone"),
        (("yes", GIVEN, GIVEN), "expires before it is given"),
    ],
)
def test_a_consent_without_sense_is_refused(arguments, message):
    with pytest.raises(VoiceprintError, match=message):
        Consent(*arguments)


def test_a_name_is_kept_in_one_unicode_form():
    assert Voiceprint(**VALUES | {"name": "Jose\u0301"}).name == "Jos\u00e9"


def test_a_consent_that_has_ended_forbids_a_comparison():
    one = Voiceprint(**VALUES)
    one.require_consent(GIVEN)
    with pytest.raises(VoiceprintError, match=r"Ann: the consent ended on 2027-01-01; ask and enroll again, or delete"):
        one.require_consent(GIVEN + timedelta(days=365))


def test_a_voiceprint_is_equal_to_itself_alone_and_can_be_in_a_set():
    one, other = Voiceprint(**VALUES), Voiceprint(**VALUES)
    assert one == one
    assert one != other
    assert len({one, other}) == 2
