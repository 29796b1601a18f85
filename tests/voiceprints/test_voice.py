import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.assets import recording, recordings
from diarbook.embeddings import load_embedder
from diarbook.embeddings.degrade import band_limit
from diarbook.errors import AudioError, OptionError, VoiceprintError
from diarbook.turns import Turn
from diarbook.voiceprints.matching import THRESHOLD
from diarbook.voiceprints.voice import (
    TWO_VOICES,
    TWO_VOICES_TELEPHONE,
    consistent,
    is_telephone,
    measure,
    short_stretches,
    speech_pieces,
    stretches,
    two_groups,
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


def test_another_voice_s_pieces_are_left_out():
    rng = np.random.default_rng(0)
    one, other = np.linalg.qr(rng.normal(size=(32, 2)))[0].T
    units = np.array([one] * 5 + [other] * 2) + 0.05 * rng.normal(size=(7, 32))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    order = rng.permutation(7)
    assert consistent(units[order], np.ones(7)).tolist() == (order < 5).tolist()
    assert consistent(units[:1], np.ones(1)).tolist() == [True]


def test_two_halves_of_a_voice_agree_and_two_voices_do_not(voice, clips):
    clip, regions = voice
    pieces = speech_pieces(regions)
    first, second = (measure([clip.waveform], label="A", regions=[pieces[part::2]]) for part in (0, 1))
    assert first.vector @ second.vector > 0.7
    others = [
        (other, stretches(other.turns)[turn.speaker])
        for other in clips.values()
        for turn in other.turns
        if turn.speaker not in {spoken.speaker for spoken in clip.turns}
    ]
    other, where = max(others, key=lambda item: len(speech_pieces(item[1])))
    third = measure([other.waveform], label="B", regions=[where])
    assert max(first.vector @ third.vector, second.vector @ third.vector) < 0.44


def test_speech_is_found_when_nobody_says_where(clips):
    clip = next(iter(recordings("test")))
    made = measure([clip.waveform], label="Both")
    assert made.net_speech > 3
    assert (made.kept[:, 2] - made.kept[:, 1] >= 1 - 1e-6).all()


def test_several_recordings_are_one_voiceprint(voice):
    clip, regions = voice
    pieces = speech_pieces(regions)
    whole = measure([clip.waveform], label="A", regions=[pieces])
    parts = measure([clip.waveform, clip.waveform], label="A", regions=[pieces[:4], pieces[4:]])
    np.testing.assert_allclose(whole.vector, parts.vector, atol=1e-5)
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
        measure(waveforms, label="A", regions=regions)


def test_weak_sound_is_named(voice):
    clip, regions = voice
    loud = np.clip(clip.waveform * 0.9999 / np.abs(clip.waveform).max() * 20, -1, 1)
    warnings = " ".join(measure([loud], label="A", regions=[regions[:3]]).warnings)
    assert "recording 1 is clipped in" in warnings
    quiet = measure([clip.waveform * 1e-3], label="A", regions=[regions])
    assert any("is quiet" in warning for warning in quiet.warnings)


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
    made = measure([clip.waveform], label="A", regions=[words])
    assert made.net_speech == pytest.approx(4.8)
    np.testing.assert_allclose(made.kept[:, 1:], words[[0, 2, 4, 6]] + [[0.0, 1.0]], atol=1e-9)
    joined = [
        np.concatenate([clip.waveform[round(a * 16_000) : round(b * 16_000)] for a, b in words[pair : pair + 2]])
        for pair in (0, 2, 4, 6)
    ]
    vectors = np.concatenate([load_embedder("campplus").embed(sound) for sound in joined])
    mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(made.vector, mean / np.linalg.norm(mean), atol=1e-5)
    mixed = measure([clip.waveform], label="A", regions=[np.concatenate([words, [[start + 9, start + 12]]])])
    assert mixed.kept[:, 1].tolist() == sorted(mixed.kept[:, 1])
    assert mixed.net_speech == pytest.approx(7.8)
    long = load_embedder("campplus").embed(clip.waveform, np.array([[start + 9, start + 12]]))[0]
    units = [vector / np.linalg.norm(vector) for vector in (*vectors, long)]
    total = np.average(units, axis=0, weights=[1.2, 1.2, 1.2, 1.2, 3.0])
    np.testing.assert_allclose(mixed.vector, total / np.linalg.norm(total), atol=1e-5)


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


def test_two_people_are_noticed(voice, clips):
    clip, regions = voice
    here = {turn.speaker for turn in clip.turns}
    first = speech_pieces(regions)[:4]
    said = []
    for other in clips.values():
        for speaker in {turn.speaker for turn in other.turns} - here:
            second = speech_pieces(stretches(other.turns)[speaker])[:4]
            if len(second) < 4:
                continue
            try:
                both = measure([clip.waveform, other.waveform], label="A", regions=[first, second])
                said.append("; ".join(both.warnings))
            except VoiceprintError as error:
                said.append(str(error))
    assert len(said) >= 3
    assert all(re.search("two groups|sound like another voice|do not sound like one person", one) for one in said)
    assert any("two groups" in one for one in said)
    one = measure([clip.waveform], label="A", regions=[first])
    assert not any("group" in said or "another voice" in said for said in one.warnings)


def test_two_voices_are_said_apart_at_the_threshold_of_verification():
    assert TWO_VOICES == THRESHOLD


def test_the_telephone_is_heard(clips):
    for clip in [*clips.values(), *recordings("development")]:
        assert not is_telephone(clip.waveform)
        assert is_telephone(band_limit(clip.waveform))
    assert is_telephone(recording("sample").waveform)  # a call
    assert not is_telephone(np.zeros(16_000))


def test_two_women_on_the_telephone_are_noticed():
    """Above the threshold of wideband speech their voices are one."""
    call = recording("sample")
    alone = stretches(call.turns)
    for regions in (None, [np.concatenate(list(alone.values()))]):
        both = measure([call.waveform], regions=regions)
        [doubt] = [warning for warning in both.warnings if "the pieces fall into two groups" in warning]
        assert TWO_VOICES < float(re.search(r"cosine of (0\.\d+)", doubt)[1]) < TWO_VOICES_TELEPHONE
    for own in alone.values():
        assert not any("two groups" in warning for warning in measure([call.waveform], regions=[own]).warnings)


def test_where_a_speaker_is_alone():
    turns = [Turn(0, 5, "A"), Turn(4, 9, "B"), Turn(4.5, 4.75, "C"), Turn(10, 12, "A")]
    alone = stretches(turns)
    assert {speaker: regions.tolist() for speaker, regions in alone.items()} == {
        "A": [[0.0, 4.0], [10.0, 12.0]],
        "B": [[5.0, 9.0]],
        "C": [],
    }
    assert alone["C"].shape == (0, 2)
    assert stretches([]) == {}


def test_the_same_recording_twice_counts_once(voice):
    clip, regions = voice
    once = measure([clip.waveform], regions=[regions])
    twice = measure([clip.waveform, clip.waveform, clip.waveform], regions=[regions, regions, regions[:2]])
    assert twice.net_speech == once.net_speech
    np.testing.assert_array_equal(twice.vector, once.vector)
    again = [warning for warning in twice.warnings if "the same speech counts once" in warning]
    assert [warning[:32] for warning in again] == [f"recording {number} is recording 1 again" for number in (2, 3)]
    overlapping = np.vstack([regions, regions - [[0.0, 0.5]]])
    assert measure([clip.waveform], regions=[overlapping]).net_speech == pytest.approx(once.net_speech)
    assert not any("again" in warning for warning in once.warnings)


def test_regions_that_touch_stay_two(voice):
    """Somebody may have cut there because the speaker changes; no piece reaches across."""
    clip, _ = voice
    made = measure([clip.waveform], regions=[np.array([[2.0, 6.5], [6.5, 11.0]])])
    assert 6.5 in made.kept[:, 1].tolist() + made.rejected[:, 1].tolist()
    lengths = np.diff(np.concatenate([made.kept, made.rejected])[:, 1:], axis=1)
    np.testing.assert_allclose(lengths, 2.25)


def test_regions_beyond_the_recording_are_named(voice):
    clip, regions = voice
    made = measure([clip.waveform], regions=[[*regions, [500.0, 600.0]]])
    [beyond] = [warning for warning in made.warnings if "lasts" in warning]
    assert re.fullmatch(r"recording 1 lasts [\d.]+ s and the regions reach 600\.0 s; what lies beyond .*", beyond)
    with pytest.raises(VoiceprintError, match=r"A: 0\.0 s of speech.*regions reach 600\.0 s; what lies") as caught:
        measure([clip.waveform], regions=[np.array([[500.0, 600.0]])], label="A")
    assert "\n" not in str(caught.value)
    edge = np.array([[0.0, len(clip.waveform) / 16_000 + 0.05]])  # rounded times
    assert not any("lasts" in warning for warning in measure([clip.waveform], regions=[edge]).warnings)


@pytest.mark.parametrize("regions", [[[2.0, 1.0]], [[0.0, math.nan]], [[1.0, 2.0, 3.0]]])
def test_regions_that_make_no_sense_are_refused(regions):
    with pytest.raises(OptionError, match="regions of recording 1"):
        measure([np.zeros(160_000, np.float32)], regions=[np.array(regions)])


def test_one_voice_can_be_in_a_set(voice):
    clip, regions = voice
    one = measure([clip.waveform], regions=[regions])
    assert one == one
    assert len({one}) == 1
