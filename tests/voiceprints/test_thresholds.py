"""From which cosine a voice is accepted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.voiceprints.people import person

from diarbook.assets import recordings, voice_samples
from diarbook.embeddings import embed_excerpts, load_embedder, single_speaker_excerpts, unit_length
from diarbook.embeddings.embedder import model_identity
from diarbook.errors import OptionError
from diarbook.metrics.identification import leave_one_out_scores
from diarbook.turns import Turn
from diarbook.voiceprints.matching import name_speakers, sounds_like
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.thresholds import (
    GALLERY_COSINES,
    GALLERY_SIZES,
    THRESHOLD,
    check_threshold,
    cosine_distance,
    cosine_share,
    gallery_threshold,
    threshold_origin,
)


def test_the_line_by_hand():
    assert [gallery_threshold(people) for people in range(5)] == [0.44] * 5
    # halfway between 4 and 22 in the logarithm lie sqrt(4 * 22) = 9.4 people: 9 lie just below the middle, 10 above
    assert gallery_threshold(9) < (0.44 + 0.56) / 2 < gallery_threshold(10)
    assert gallery_threshold(10) == pytest.approx(0.44 + 0.12 * math.log(10 / 4) / math.log(22 / 4))
    assert gallery_threshold(1000) == pytest.approx(0.56 + 0.09 * math.log(1000 / 22) / math.log(10_000 / 22))
    for people, cosine in zip(GALLERY_SIZES, GALLERY_COSINES, strict=True):
        assert gallery_threshold(people) == pytest.approx(cosine)
    # beyond what was measured the last line goes on: each tenfold costs as much as before
    steps = np.diff([gallery_threshold(10**power) for power in (2, 3, 4, 5, 6)])
    assert steps == pytest.approx([steps[0]] * 4)


@given(people=st.integers(0, 10**12))
def test_more_people_never_need_less(people):
    assert THRESHOLD <= gallery_threshold(people) <= gallery_threshold(people + 1) <= 1


def test_a_gallery_is_not_smaller_than_nobody():
    with pytest.raises(OptionError, match="got -1"):
        gallery_threshold(-1)


def test_what_is_given_wins_over_every_default():
    assert check_threshold(None) == THRESHOLD
    assert check_threshold(None, 22) == pytest.approx(0.56)
    assert check_threshold(0.3, 22) == 0.3
    assert check_threshold(-1.0, 10_000) == -1.0
    for wrong in (1.5, -2.0, math.nan):
        with pytest.raises(OptionError, match="must be a cosine"):
            check_threshold(wrong, 3)


def test_what_a_message_says_of_it():
    assert threshold_origin(None, 1) == "for 1 person enrolled"
    assert threshold_origin(None, 12_000) == "for 12,000 people enrolled"
    assert threshold_origin(0.44, 12_000) == "as given"


def test_three_scales_of_one_number():
    assert cosine_distance(0.25) == 0.75
    assert cosine_share(0.4) == pytest.approx(0.7)
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5))
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    from scipy.spatial.distance import cosine as by_scipy

    assert cosine_distance(cosine) == pytest.approx(by_scipy(first, second))


class Voices:
    """An embedder whose every window has a cosine of 0.5 with the voiceprint of Ann."""

    identity = model_identity()
    dimension = 8

    def embed(self, waveform, windows):
        return np.tile([0.5, 0.75**0.5, 0, 0, 0, 0, 0, 0], (len(windows), 1))


def store_of(path, people):
    store = VoiceprintStore(path / f"{people}.db")
    model, version = model_identity()
    axes = np.eye(8)
    for number in range(people):  # Ann lies on the first axis, everybody else far from the voice
        vector = axes[0] if number == 0 else axes[2 + number % 6]
        name = "Ann" if number == 0 else f"Other {number}"
        store.add(person(name, vector=vector, model=model, model_version=version))
    return store


@pytest.mark.parametrize(("people", "named"), [(1, True), (4, True), (9, True), (22, False)])
def test_the_same_voice_is_named_among_few_and_not_among_many(tmp_path, people, named):
    turns = [Turn(0.0, 4.0, "SPEAKER_00")]
    sound = np.zeros(80_000, np.float32)
    with store_of(tmp_path, people) as store:
        [row] = name_speakers(sound, turns, store, embedder=Voices())[1]
        assert row.score == pytest.approx(0.5, abs=1e-6)
        assert (row.name == "Ann") is named
        [row] = name_speakers(sound, turns, store, embedder=Voices(), threshold=0.44)[1]
        assert row.name == "Ann"  # what is given wins


def test_who_sounds_alike_is_noted_by_the_size_of_the_store(tmp_path):
    model, version = model_identity()
    near = person("Eve", vector=np.array([0.5, 0.75**0.5, 0, 0, 0, 0, 0, 0]), model=model, model_version=version)
    with store_of(tmp_path, 3) as few, store_of(tmp_path, 22) as many:
        assert [match.name for match in sounds_like(near, few)] == ["Ann"]
        assert sounds_like(near, many) == []
        assert [match.name for match in sounds_like(near, many, threshold=0.44)] == ["Ann"]


def test_unknown_training_voices_are_mostly_kept_out_of_the_largest_gallery_of_real_voices():
    # 5 % at 22 people is what the rule was chosen for; here every training probe is somebody unknown.
    clips = recordings()
    splits = {clip.name: clip.split for clip in clips}
    chunks = single_speaker_excerpts(clips, 1.0, 2.0)
    embedder = load_embedder("campplus")
    words = [one for one in voice_samples("emotions") if one.condition == "neutral"]
    words.sort(key=lambda one: (one.speaker, one.name[::-1]))
    joined = [words[first : first + 3] for first in range(0, len(words), 3)]
    vectors = [*embed_excerpts(embedder, clips, chunks)]
    vectors += [embedder.embed(np.concatenate([one.waveform for one in three]))[0] for three in joined]
    people = [chunk.speaker for chunk in chunks] + [three[0].speaker for three in joined]
    train = [splits[chunk.recording] == "train" for chunk in chunks] + [three[0].speaker < "m4" for three in joined]
    names, numbers = np.unique(people, return_inverse=True)
    scores = leave_one_out_scores(unit_length(np.array(vectors, dtype=float)), numbers)
    rows = np.arange(len(scores))
    probes = np.flatnonzero(np.isfinite(scores[rows, numbers]) & np.array(train))
    scores[rows, numbers] = -np.inf
    nearest = scores[probes].max(axis=1)
    assert len(names) - 1 == 22
    assert (nearest >= gallery_threshold(22)).mean() <= 0.07
    assert (nearest >= THRESHOLD).mean() > 0.15
