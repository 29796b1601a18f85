import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.assets import recordings
from diarbook.embeddings.embedder import model_identity
from diarbook.errors import OptionError, VoiceprintError
from diarbook.turns import Turn
from diarbook.voiceprints.enrollment import enroll
from diarbook.voiceprints.matching import (
    THRESHOLD,
    assign_names,
    compare,
    name_speakers,
    sounds_like,
    speaker_vectors,
    verify,
)
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voice import Voice
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
CONSENT = Consent("agreed", GIVEN)
PRINT = Voiceprint("Ann", np.array([3.0, 4.0]), "m", "v", 9.0, 2, 0.9, GIVEN, CONSENT)


def test_a_verdict_by_hand():
    decision = verify(np.array([8.0, 6.0]), PRINT, model="m", model_version="v", threshold=0.95)
    assert decision.score == pytest.approx(0.96)
    assert (decision.accepted, decision.threshold, decision.name) == (True, 0.95, "Ann")
    assert (decision.model, decision.model_version) == ("m", "v")
    assert "cosine" in decision.calibration
    assert not verify(np.array([8.0, 6.0]), PRINT, model="m", model_version="v", threshold=0.97).accepted


@pytest.mark.parametrize(
    ("vector", "identity", "message"),
    [
        ([1.0, 0.0], ("n", "v"), "the voiceprint is of m v, the voice of n v; enroll again"),
        ([1.0, 0.0], ("m", "w"), "the voice of m w"),
        ([1.0], ("m", "v"), "enroll again"),
        ([0.0, 0.0], ("m", "v"), "the voice has no embedding"),
        ([math.nan, 0.0], ("m", "v"), "the voice has no embedding"),
    ],
)
def test_what_cannot_be_compared_is_refused(vector, identity, message):
    with pytest.raises(VoiceprintError, match=message):
        verify(np.array(vector), PRINT, model=identity[0], model_version=identity[1])


def test_two_speakers_cannot_be_one_person():
    scores = np.array([[0.9, 0.2], [0.8, 0.5]])
    assert assign_names(scores, 0.4).tolist() == [0, 1]
    assert assign_names(scores, 0.6).tolist() == [0, -1]
    assert assign_names(np.zeros((2, 0)), 0.4).tolist() == [-1, -1]


@given(seed=st.integers(0, 999), people=st.integers(1, 4), names=st.integers(1, 4))
def test_the_assignment_is_the_best_of_all(seed, people, names):
    scores = np.random.default_rng(seed).uniform(size=(people, names))
    chosen = assign_names(scores, 0.5)
    used = [name for name in chosen if name >= 0]
    assert len(set(used)) == len(used)
    assert all(scores[row, name] >= 0.5 for row, name in enumerate(chosen) if name >= 0)
    gain = sum(scores[row, name] - 0.5 for row, name in enumerate(chosen) if name >= 0)
    options = [*range(names), *[-1] * people]
    best = max(
        sum(max(scores[row, name] - 0.5, 0) for row, name in enumerate(choice) if name >= 0)
        for choice in itertools.permutations(options, people)
    )
    assert gain == pytest.approx(best)


@pytest.fixture(scope="module")
def sample():
    [recording] = [one for one in recordings("test") if one.name == "sample"]
    return recording


@pytest.fixture(scope="module")
def people(sample):
    """Both speakers of the sample, enrolled from its first half."""
    half = [
        replace(turn, end=min(turn.end, 18.0), speaker=f"Person {turn.speaker[-1]}")
        for turn in sample.turns
        if turn.start < 17.0
    ]
    made = {}
    for speaker in sorted({turn.speaker for turn in half}):
        regions = np.array([[turn.start, turn.end] for turn in half if turn.speaker == speaker])
        made[speaker] = enroll(speaker, [sample.waveform], consent=CONSENT, regions=[regions]).voiceprint
    return made


def later(sample):
    return [replace(turn, speaker=f"S{turn.speaker[-1]}") for turn in sample.turns if turn.start >= 18.0]


def test_speakers_are_named_in_another_part_of_the_recording(sample, people, tmp_path):
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add_many(people.values())
        turns, rows = name_speakers(sample.waveform, later(sample), store)
    truth = {f"S{name[-1]}": name for name in people}
    assert {row.speaker: row.name for row in rows} == truth
    assert all(row.score >= THRESHOLD for row in rows)
    assert all(row.nearest == row.name for row in rows)
    assert [turn.speaker for turn in turns] == [truth[turn.speaker] for turn in later(sample)]


def test_who_is_not_in_the_store_stays_unknown(sample, people, tmp_path):
    known = sorted(people)[0]
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert [row.name for row in name_speakers(sample.waveform, later(sample), store)[1]] == [None, None]
        store.add(people[known])
        turns, rows = name_speakers(sample.waveform, [*later(sample), Turn(29.0, 29.3, "short")], store)
    assert sorted((row.name or "-") for row in rows) == ["-", "-", known]
    assert {turn.speaker for turn in turns} >= {known, "short"}
    short = next(row for row in rows if row.speaker == "short")
    assert math.isnan(short.score)
    assert (short.name, short.nearest, short.seconds) == (None, None, 0.0)


def test_a_store_of_another_model_is_refused(sample, tmp_path):
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(PRINT)
        with pytest.raises(VoiceprintError, match="holds voiceprints of m v, the conversation was embedded"):
            name_speakers(sample.waveform, later(sample), store)


def test_overlapped_speech_is_not_compared(sample):
    both = [Turn(0.0, 10.0, "a"), Turn(4.0, 10.0, "b")]
    vectors = speaker_vectors(sample.waveform, both)
    assert set(vectors) == {"a"}
    assert vectors["a"][1] == pytest.approx(4.0)
    assert np.linalg.norm(vectors["a"][0]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("threshold", [math.nan, 1.5, -2.0, math.inf])
def test_a_threshold_is_a_cosine(threshold, tmp_path):
    with pytest.raises(OptionError, match="threshold must be a cosine"):
        verify(np.array([8.0, 6.0]), PRINT, model="m", model_version="v", threshold=threshold)
    with VoiceprintStore(tmp_path / "v.db") as store, pytest.raises(OptionError, match="threshold must be a cosine"):
        name_speakers(np.zeros(16_000, np.float32), [], store, threshold=threshold)


def test_nobody_who_speaks_long_enough_is_named(sample, people, tmp_path):
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(next(iter(people.values())) if isinstance(people, dict) else people[0])
        assert name_speakers(sample.waveform, [], store) == ([], [])
        turns = [Turn(1.0, 1.5, "A"), Turn(3.0, 3.4, "B")]
        named, rows = name_speakers(sample.waveform, turns, store)
    assert named == turns
    assert [(row.name, row.nearest, row.seconds) for row in rows] == [(None, None, 0.0)] * 2
    assert all(math.isnan(row.score) for row in rows)


def test_a_cosine_of_exactly_the_threshold_is_accepted():
    """And the cosine of a voice with itself is 1, never more."""
    mine = np.array([1.0, 0.0])
    other = replace(PRINT, vector=np.array([0.5, np.sqrt(0.75)]))
    score = verify(mine, other, model="m", model_version="v").score
    assert verify(mine, other, model="m", model_version="v", threshold=score).accepted
    assert not verify(mine, other, model="m", model_version="v", threshold=np.nextafter(score, 1)).accepted
    for seed in range(200):
        vector = np.random.default_rng(seed).normal(size=192)
        assert verify(vector, replace(PRINT, vector=vector), model="m", model_version="v").score <= 1


def test_no_voice_is_compared_with_one_whose_consent_has_ended():
    ended = replace(PRINT, consent=Consent("agreed", GIVEN, GIVEN + timedelta(days=1)))
    with pytest.raises(VoiceprintError, match="Ann: the consent ended on 2026-01-02"):
        verify(np.array([8.0, 6.0]), ended, model="m", model_version="v")


def voice(vector, model="m"):
    empty = np.zeros((0, 3))
    return Voice(np.array(vector), model, "v", 5.0, 0.9, empty, empty, ())


def test_two_measured_voices_are_compared_without_anybody_s_consent():
    decision = compare(voice([0.6, 0.8]), voice([0.8, 0.6]), name="talk.wav", threshold=0.9)
    assert (decision.name, decision.accepted, decision.score) == ("talk.wav", True, pytest.approx(0.96))
    with pytest.raises(VoiceprintError, match=r"talk\.wav: the voiceprint is of n v, the voice of m v"):
        compare(voice([0.6, 0.8]), voice([0.8, 0.6], "n"), name="talk.wav")


def test_who_sounds_like_somebody_else_is_found(tmp_path):
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert sounds_like(PRINT, store) == []
        store.add(PRINT)
        assert sounds_like(PRINT, store) == []  # not their own double
        assert [match.name for match in sounds_like(replace(PRINT, name="Bob"), store)] == ["Ann"]
        for number, angle in enumerate([0.1, 0.2, 0.3, 0.4, 2.0]):
            store.add(replace(PRINT, name=f"p{number}", vector=np.array([np.cos(angle), np.sin(angle)])))
        turned = replace(PRINT, name="Cy", vector=np.array([1.0, 0.0]))
        assert [match.name for match in sounds_like(turned, store, threshold=0.9)] == ["p0", "p1", "p2"]
        assert sounds_like(replace(turned, vector=np.array([-1.0, 0.0])), store, threshold=0.9) == []


class Fixed:
    """An embedder for turns: the vector of a stretch is decided by its start."""

    dimension, identity = 2, model_identity()

    def embed(self, waveform, windows):
        return np.array([[1.0, 0.0] if start < 10 else [0.0, 1.0] for start, _ in windows])


@pytest.mark.parametrize("label", ["Bob", "bob", "BOB"])
def test_an_unknown_speaker_never_gets_somebody_s_name(label, tmp_path):
    """Somebody corrected a turn by hand to Bob; the store knows that Bob is the other one."""
    turns = [Turn(0, 5, "SPEAKER_00"), Turn(5, 9, "SPEAKER_01"), Turn(12, 20, label)]
    model, version = model_identity()
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(replace(PRINT, name="Bob", vector=np.array([1.0, 0.1]), model=model, model_version=version))
        named, rows = name_speakers(np.zeros(320_000, np.float32), turns, store, embedder=Fixed())
    assert [(row.speaker, row.label, row.name) for row in rows] == [
        ("SPEAKER_00", "Bob", "Bob"),
        ("SPEAKER_01", "SPEAKER_01", None),
        (label, "SPEAKER_02", None),
    ]
    assert [turn.speaker for turn in named] == ["Bob", "SPEAKER_01", "SPEAKER_02"]


def test_whose_consent_has_ended_is_not_identified(tmp_path, monkeypatch):
    model, version = model_identity()
    end = now() + timedelta(days=1)
    with VoiceprintStore(tmp_path / "v.db") as store:
        consent = Consent("agreed", GIVEN, end)
        store.add(replace(PRINT, vector=np.array([1.0, 0.0]), model=model, model_version=version, consent=consent))
        turns = [Turn(0, 5, "SPEAKER_00")]
        assert name_speakers(np.zeros(90_000, np.float32), turns, store, embedder=Fixed())[1][0].name == "Ann"
        monkeypatch.setattr("diarbook.voiceprints.store.now", lambda: end)
        assert name_speakers(np.zeros(90_000, np.float32), turns, store, embedder=Fixed())[1][0].name is None
