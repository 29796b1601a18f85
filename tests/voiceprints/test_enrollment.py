import math
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.assets import recordings
from diarbook.embeddings import load_embedder
from diarbook.errors import AssetError, AudioError, VoiceprintError
from diarbook.voiceprints.enrollment import (
    TWO_VOICES,
    consistent,
    enroll,
    lone_regions,
    model_identity,
    short_stretches,
    speech_pieces,
    two_groups,
)
from diarbook.voiceprints.matching import THRESHOLD
from diarbook.voiceprints.voiceprint import Consent

CONSENT = Consent("agreed", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def clips():
    return {recording.name: recording for recording in recordings("train")}


@pytest.fixture(scope="module")
def voice(clips):
    """Recording and stretches of the voice that says most."""
    return max(
        ((clip, lone_regions(clip.turns, turn.speaker)) for clip in clips.values() for turn in clip.turns),
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
        (other, lone_regions(other.turns, turn.speaker))
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


def test_short_stretches_by_hand():
    first, second = short_stretches([[0, 0.5], [1, 4], [5, 5.2], [6, 6.3], [7, 7.6], [8, 8.4], [9, 9.5]])
    np.testing.assert_allclose(first, [[0, 0.5], [5, 5.2], [6, 6.3]])  # the long stretch is none of them
    np.testing.assert_allclose(second, [[7, 7.6], [8, 8.4]])  # and half a second is left over
    assert short_stretches(np.zeros((0, 2))) == []


@given(st.lists(st.floats(0, 3), max_size=12))
def test_short_stretches_lose_less_than_one_piece(lengths):
    regions = np.array([(10.0 * i, 10.0 * i + length) for i, length in enumerate(lengths)]).reshape(-1, 2)
    groups = short_stretches(regions)
    for group in groups:
        assert 1.0 - 1e-6 <= np.diff(group, axis=1).sum() < 2.0
    short = sum(length for length in lengths if length < 1.0 - 1e-6)
    assert sum(np.diff(group, axis=1).sum() for group in groups) > short - 1.0 - 1e-4


def test_single_words_are_speech_too(voice):
    clip, regions = voice
    start = regions[0, 0]
    words = np.array([[start + i, start + i + 0.6] for i in range(8)])
    made = enroll("A", [clip.waveform], consent=CONSENT, regions=[words])
    assert made.voiceprint.net_speech == pytest.approx(4.8)
    np.testing.assert_allclose(made.kept[:, 1:], words[[0, 2, 4, 6]] + [[0.0, 1.0]], atol=1e-9)
    joined = [
        np.concatenate([clip.waveform[round(a * 16_000) : round(b * 16_000)] for a, b in words[pair : pair + 2]])
        for pair in (0, 2, 4, 6)
    ]
    vectors = np.concatenate([load_embedder("campplus").embed(sound) for sound in joined])
    mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(made.voiceprint.vector, mean / np.linalg.norm(mean), atol=1e-5)
    mixed = enroll("A", [clip.waveform], consent=CONSENT, regions=[np.concatenate([words, [[start + 9, start + 12]]])])
    assert mixed.kept[:, 1].tolist() == sorted(mixed.kept[:, 1])
    assert mixed.voiceprint.net_speech == pytest.approx(7.8)
    long = load_embedder("campplus").embed(clip.waveform, np.array([[start + 9, start + 12]]))[0]
    units = [vector / np.linalg.norm(vector) for vector in (*vectors, long)]
    total = np.average(units, axis=0, weights=[1.2, 1.2, 1.2, 1.2, 3.0])
    np.testing.assert_allclose(mixed.voiceprint.vector, total / np.linalg.norm(total), atol=1e-5)


def test_two_groups_by_hand():
    units = np.array([[1.0, 0], [0, 1], [0.28, 0.96], [0.8, 0.6], [1, 0]])
    second, cosine = two_groups(units, np.array([1.0, 1, 1, 1, 2]))
    assert second.tolist() == [False, True, True, False, False]
    one, other = np.array([3.8, 0.6]), np.array([0.28, 1.96])
    assert cosine == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    assert math.isnan(two_groups(units[:1], np.ones(1))[1])
    second, cosine = two_groups(np.array([[1.0, 0], [1, 0]]), np.ones(2))
    assert second.sum() <= 1
    assert cosine == pytest.approx(1)


def test_an_enrollment_of_two_people_is_told(voice, clips):
    clip, regions = voice
    here = {turn.speaker for turn in clip.turns}
    first = speech_pieces(regions)[:4]
    told = []
    for other in clips.values():
        for speaker in {turn.speaker for turn in other.turns} - here:
            second = speech_pieces(lone_regions(other.turns, speaker))[:4]
            if len(second) < 4:
                continue
            try:
                both = enroll("A", [clip.waveform, other.waveform], consent=CONSENT, regions=[first, second])
                told.append("; ".join(both.warnings))
            except VoiceprintError as error:
                told.append(str(error))
    assert len(told) >= 3
    assert all(re.search("two groups|sound like another voice|do not sound like one person", said) for said in told)
    assert any("two groups" in said for said in told)
    one = enroll("A", [clip.waveform], consent=CONSENT, regions=[first])
    assert not any("group" in said or "another voice" in said for said in one.warnings)


def test_two_voices_are_told_apart_at_the_threshold_of_verification():
    assert TWO_VOICES == THRESHOLD


@pytest.mark.parametrize("name", ["", "  ", "a  b", " a"])
def test_a_name_is_checked_before_anything_is_heard(name):
    with pytest.raises(VoiceprintError, match="the name is empty or has stray white space"):
        enroll(name, [np.full(16_000, math.nan)], consent=CONSENT)
