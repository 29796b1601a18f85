import math
from datetime import UTC, datetime

import numpy as np
import pytest

from diarbook.embeddings import load_embedder
from diarbook.errors import VoiceprintError
from diarbook.voiceprints.enrollment import enroll
from diarbook.voiceprints.voice import measure, speech_pieces
from diarbook.voiceprints.voiceprint import Consent

CONSENT = Consent("agreed", datetime(2026, 1, 1, tzinfo=UTC))


def test_enrollment_of_a_real_voice(voice):
    clip, regions = voice
    made = enroll("Ann", [clip.waveform], consent=CONSENT, regions=[regions], metadata={"room": "1"})
    one = made.voiceprint
    assert (one.name, one.model, len(one.model_version), one.dimension) == ("Ann", "campplus", 12, 192)
    assert one.net_speech == pytest.approx(np.diff(made.kept[:, 1:], axis=1).sum())
    assert one.samples == len(made.kept) == len(speech_pieces(regions)) - len(made.rejected)
    assert 0.5 < one.quality < 1
    assert dict(one.metadata) == {"room": "1"}
    vectors = load_embedder("campplus").embed(clip.waveform, made.kept[:, 1:])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = (units * np.diff(made.kept[:, 1:], axis=1)).sum(axis=0)
    np.testing.assert_allclose(one.vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_an_enrollment_is_a_measured_voice_with_a_name_and_a_consent(voice):
    clip, regions = voice
    made, one = (
        enroll("Ann", [clip.waveform], consent=CONSENT, regions=[regions]),
        measure([clip.waveform], regions=[regions]),
    )
    assert made.voiceprint.vector.tobytes() == one.vector.tobytes()
    assert (made.voiceprint.net_speech, made.voiceprint.quality, made.warnings) == (
        one.net_speech,
        one.quality,
        one.warnings,
    )
    assert made.voiceprint.consent == CONSENT
    assert len({made}) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("a  b", "stray spaces"),
        (" a", "stray spaces"),
        ("a\tb", "control character"),
        ("SPEAKER_01", "is the label of an unknown speaker"),
        ("speaker 7", "is the label of an unknown speaker"),
        ("<NA>", "is the label of an unknown speaker"),
    ],
)
def test_a_name_is_checked_before_anything_is_heard(name, message):
    with pytest.raises(VoiceprintError, match=message):
        enroll(name, [np.full(16_000, math.nan)], consent=CONSENT)
