import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.assets import recordings
from diarbook.embeddings import load_embedder, single_speaker_turns
from diarbook.errors import AssetError, AudioError, VoiceprintError
from diarbook.voiceprints.enrollment import consistent, enroll, model_identity, speech_pieces
from diarbook.voiceprints.voiceprint import Consent

CONSENT = Consent("agreed", datetime(2026, 1, 1, tzinfo=UTC))


def alone(recording, speaker):
    turns = [turn for turn in single_speaker_turns(recording.turns) if turn.speaker == speaker]
    return np.array([[turn.start, turn.end] for turn in turns]).reshape(-1, 2)


@pytest.fixture(scope="module")
def clips():
    return {recording.name: recording for recording in recordings("train")}


@pytest.fixture(scope="module")
def voice(clips):
    """Recording and stretches of the voice that says most."""
    return max(
        ((clip, alone(clip, turn.speaker)) for clip in clips.values() for turn in clip.turns),
        key=lambda item: np.diff(item[1], axis=1).sum(),
    )


def test_pieces_by_hand():
    np.testing.assert_allclose(
        speech_pieces([[0, 7], [10, 10.9], [20, 23], [30, 31]]),
        [[0, 7 / 3], [7 / 3, 14 / 3], [14 / 3, 7], [20, 23], [30, 31]],
    )
    assert speech_pieces(np.zeros((0, 2))).shape == (0, 2)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 40)), max_size=8))
def test_pieces_keep_the_speech_and_their_bounds(spans):
    regions = np.array([(start, start + length) for start, length in spans]).reshape(-1, 2)
    pieces = speech_pieces(regions)
    lengths = np.diff(pieces, axis=1)
    assert ((lengths <= 3.0 + 1e-6) & (lengths >= 1.0 - 1e-6)).all()
    kept = sum(length for _, length in spans if length >= 1.0 + 1e-6)
    assert lengths.sum() == pytest.approx(kept, abs=1e-4 + 1.1 * sum(1.0 <= length < 1.0 + 1e-6 for _, length in spans))


def test_a_stranger_s_pieces_are_left_out():
    rng = np.random.default_rng(0)
    one, other = np.linalg.qr(rng.normal(size=(32, 2)))[0].T
    units = np.array([one] * 5 + [other] * 2) + 0.05 * rng.normal(size=(7, 32))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    order = rng.permutation(7)
    assert consistent(units[order], np.ones(7)).tolist() == (order < 5).tolist()
    assert consistent(units[:1], np.ones(1)).tolist() == [True]


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


def test_two_halves_of_a_voice_agree_and_strangers_do_not(voice, clips):
    clip, regions = voice
    pieces = speech_pieces(regions)
    first, second = (
        enroll("A", [clip.waveform], consent=CONSENT, regions=[pieces[part::2]]).voiceprint for part in (0, 1)
    )
    assert first.vector @ second.vector > 0.7
    others = [
        (other, alone(other, turn.speaker))
        for other in clips.values()
        for turn in other.turns
        if turn.speaker not in {spoken.speaker for spoken in clip.turns}
    ]
    stranger, where = max(others, key=lambda item: len(speech_pieces(item[1])))
    third = enroll("B", [stranger.waveform], consent=CONSENT, regions=[where]).voiceprint
    assert max(first.vector @ third.vector, second.vector @ third.vector) < 0.44


def test_speech_is_found_when_nobody_says_where(clips):
    clip = next(iter(recordings("test")))
    made = enroll("Both", [clip.waveform], consent=CONSENT)
    assert made.voiceprint.net_speech > 3
    assert (made.kept[:, 2] - made.kept[:, 1] >= 1 - 1e-6).all()


def test_several_recordings_are_one_voiceprint(voice):
    clip, regions = voice
    pieces = speech_pieces(regions)
    whole = enroll("A", [clip.waveform], consent=CONSENT, regions=[pieces])
    parts = enroll("A", [clip.waveform, clip.waveform], consent=CONSENT, regions=[pieces[:4], pieces[4:]])
    np.testing.assert_allclose(whole.voiceprint.vector, parts.voiceprint.vector, atol=1e-5)
    assert set(parts.kept[:, 0]) == {0, 1}


@pytest.mark.parametrize(
    ("waveforms", "regions", "error", "message"),
    [
        ([], None, VoiceprintError, "A: no recording"),
        ([np.zeros(16000)], None, VoiceprintError, "A: 0.0 s of speech, at least 3 s are needed"),
        ([np.zeros(160000)], [np.array([[0, 2.5]])], VoiceprintError, "A: 2.5 s of speech, at least 3 s are needed"),
        ([np.zeros(16000)], [], VoiceprintError, "1 recordings but regions of 0"),
        ([np.full(16000, math.nan)], None, AudioError, "recording 1 of A"),
        ([np.zeros((2, 16000))], None, AudioError, "recording 1 of A"),
    ],
)
def test_what_cannot_be_enrolled_is_refused(waveforms, regions, error, message):
    with pytest.raises(error, match=message):
        enroll("A", waveforms, consent=CONSENT, regions=regions)


def test_weak_sound_is_told(voice):
    clip, regions = voice
    loud = np.clip(clip.waveform * 0.9999 / np.abs(clip.waveform).max() * 20, -1, 1)
    warnings = " ".join(enroll("A", [loud], consent=CONSENT, regions=[regions[:3]]).warnings)
    assert "recording 1 is clipped in" in warnings
    quiet = enroll("A", [clip.waveform * 1e-3], consent=CONSENT, regions=[regions])
    assert any("is quiet" in warning for warning in quiet.warnings)


def test_the_version_of_a_model_is_that_of_its_weights():
    assert model_identity("campplus") == ("campplus", "92f29b94e694")
    assert model_identity("ge2e")[1] != model_identity("campplus")[1]
    with pytest.raises(AssetError, match="unknown model 'x'"):
        model_identity("x")
