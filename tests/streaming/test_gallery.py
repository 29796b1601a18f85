"""Names for a stream: one each, given late, never taken back, and only from a store of the same model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.streaming.tones import Embedder, direction, ears, hum

from diarbook.embeddings.embedder import model_identity
from diarbook.embeddings.similarity import unit_float32
from diarbook.errors import OptionError, VoiceprintError
from diarbook.streaming import Gallery, StreamingDiarizer, StreamSettings, blocks
from diarbook.streaming.gallery import assign_from
from diarbook.streaming.naming import Names
from diarbook.voiceprints.matching import CALIBRATION
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
TURNS = [(0.5, 2.5, 0), (3, 7, 1), (7.5, 11, 0), (11.5, 14, 1), (14.5, 18, 0), (18.5, 22, 2), (22.5, 26, 2)]


def gallery(*people, threshold=0.5):
    return Gallery(tuple(f"Person {p}" for p in people), np.stack([direction(p) for p in people]), threshold, "tones")


def hear(names, **options):
    one = StreamingDiarizer(StreamSettings(latency=1.0, **options), ears(), Embedder(), names)
    turns = []
    for block in blocks(hum(TURNS, 27.0), 8_000):
        turns += one.push(block)
    return turns + one.finish(), one


def test_names_are_given_once_enough_was_said_and_stay():
    turns, one = hear(gallery(0, 2), name_after=3.0)
    of_label = {}
    for turn in turns:
        of_label.setdefault(turn.speaker, []).append(turn.name)
    assert of_label["SPEAKER_00"][0] is None  # two seconds are too little
    assert of_label["SPEAKER_00"][-1] == "Person 0"
    assert set(of_label["SPEAKER_01"]) == {None}  # an unknown speaker
    for names in of_label.values():
        assert names == sorted(names, key=lambda name: name is not None)  # none is taken back
    records = {record.label: record for record in one.speakers}
    assert records["SPEAKER_00"].name == "Person 0"
    assert records["SPEAKER_00"].score == pytest.approx(records["SPEAKER_00"].centroid @ direction(0))
    assert all(np.isnan(turn.score) == (turn.name is None) for turn in turns)
    assert turns[-1].turn.speaker == (turns[-1].name or turns[-1].speaker)


def test_revision_brings_names_to_earlier_turns():
    turns, _ = hear(gallery(0, 2), revise=True)
    latest = {turn.number: turn for turn in turns}
    assert {turn.name for turn in latest.values() if turn.speaker == "SPEAKER_00" and turn.end - turn.start > 1} == {
        "Person 0"
    }
    assert any(turn.revised for turn in turns)


def test_anything_with_best_will_do():
    class Best:
        def best(self, vector):
            score = float(vector @ direction(1))
            return ("One", score) if score > 0.5 else None

    turns, _ = hear(Best())
    assert {turn.name for turn in turns if turn.speaker == "SPEAKER_01"} == {None, "One"}
    assert {turn.name for turn in turns if turn.speaker == "SPEAKER_00"} == {None}


def test_a_name_goes_to_the_surest_and_to_nobody_else():
    vectors = np.array([[1.0, 0.4], [1.0, 0.0], [0.0, 1.0]])
    names = Gallery(("A", "B"), np.eye(2), threshold=0.6)
    assert [match and match[0] for match in names.assign(vectors, set())] == [None, "A", "B"]
    assert [match and match[0] for match in names.assign(vectors, {"A"})] == [None, None, "B"]
    assert names.assign(np.zeros((0, 2)), set()) == []

    class Best:
        best = names.best

    assert [match and match[0] for match in assign_from(Best(), vectors, set())] == [None, "A", "B"]
    assert [match and match[0] for match in assign_from(Best(), vectors, {"B"})] == [None, "A", None]


def test_best():
    names = Gallery(("A", "B"), np.eye(2), threshold=0.6)
    assert names.best(np.array([3.0, 1.0])) == ("A", pytest.approx(3 / 10**0.5))
    assert names.best(np.array([1.0, -1.0]) + 1e-9) is not None
    assert names.best(np.array([-1.0, -1.0])) is None
    assert Gallery((), np.zeros((0, 1))).best(np.ones(3)) is None


def test_who_got_no_name_is_asked_for_again_when_the_speech_has_doubled():
    asked = []

    class Best:
        def best(self, vector):
            asked.append(round(float(vector[0]), 3))

    names = Names(3.0)
    for seconds in (1.0, 2.9, 3.1, 4.0, 5.9, 6.0, 11.0, 30.0, 31.0):
        names.give(Best(), {0: (np.array([1.0, 0.0]), seconds)})
    assert len(asked) == 3  # at 3.1, 6.0 and 30.0


def test_of_a_store(tmp_path):
    model, version = model_identity()
    with VoiceprintStore(tmp_path / "v.db") as store:
        empty = Gallery.of(store)
        assert empty.names == ()
        store.add(Voiceprint("Ann", np.ones(4), model, version, 9.0, 3, 0.9, GIVEN, Consent("agreed", GIVEN)))
        names = Gallery.of(store, 0.3)
    assert (names.names, names.threshold, names.model, names.model_version) == (("Ann",), 0.3, model, version)
    assert names.calibration == CALIBRATION
    assert np.linalg.norm(names.vectors) == pytest.approx(1)


def test_the_more_people_a_store_holds_the_higher_its_threshold(tmp_path):
    model, version = model_identity()
    consent = Consent("agreed", GIVEN)
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(Voiceprint("Ann", np.ones(4), model, version, 9.0, 3, 0.9, GIVEN, consent))
        assert Gallery.of(store).threshold == 0.44
        for number in range(21):
            store.add(Voiceprint(f"Other {number}", np.ones(4), model, version, 9.0, 3, 0.9, GIVEN, consent))
        assert Gallery.of(store).threshold == pytest.approx(0.56)
        assert Gallery.of(store, 0.44).threshold == 0.44


def test_a_store_of_another_model(tmp_path):
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(Voiceprint("Ann", np.ones(4), "other", "1", 9.0, 3, 0.9, GIVEN, Consent("agreed", GIVEN)))
        with pytest.raises(VoiceprintError, match="of other 1"):
            Gallery.of(store)


def test_shapes_must_fit():
    with pytest.raises(OptionError, match="2 names"):
        Gallery(("A", "B"), np.eye(3))
    for threshold in (np.nan, 1.5):
        with pytest.raises(OptionError, match="threshold must be a cosine"):
            Gallery(("A", "B"), np.eye(2), threshold)


def test_who_has_a_name_is_not_asked_for_again():
    asked = []

    class Best:
        def best(self, vector):
            asked.append(vector)
            return ("A" if len(asked) == 1 else "B"), 0.9

    names = Names(3.0)
    for seconds in (3.0, 6.0, 12.0):
        names.give(Best(), {0: (np.ones(2), seconds)})
    assert (names.get(0).name, len(asked)) == ("A", 1)


def test_a_name_is_not_given_once_its_owner_s_consent_has_ended(tmp_path, monkeypatch):
    """Also in the middle of a stream, which has read the store before."""
    model, version = model_identity()
    end = now() + timedelta(days=1)
    with VoiceprintStore(tmp_path / "v.db") as store:
        for name, vector, until in (("Ann", [1, 0], None), ("Bob", [0, 1], end)):
            consent = Consent("agreed", GIVEN, until)
            store.add(Voiceprint(name, vector, model, version, 9.0, 3, 0.9, GIVEN, consent))
        names = Gallery.of(store)
        assert (names.names, dict(names.ends)) == (("Ann", "Bob"), {"Bob": end})
        assert names.best([0, 1]) == ("Bob", 1.0)
        monkeypatch.setattr("diarbook.streaming.gallery.now", lambda: end)
        assert names.best([0, 1]) is None
        assert names.assign(np.eye(2), set()) == [("Ann", 1.0), None]
        monkeypatch.setattr("diarbook.voiceprints.store.now", lambda: end)
        assert Gallery.of(store).names == ("Ann",)


def test_no_cosine_is_above_one_and_the_threshold_itself_is_enough():
    for seed in range(100):
        vector = np.random.default_rng(seed).normal(size=192)
        one = Gallery(("A",), unit_float32(vector)[None].astype(float), threshold=-1.0)
        assert one.best(vector)[1] <= 1
        [(_, score)] = one.assign(vector[None], set())
        assert score <= 1
        assert replace(one, threshold=score).best(vector) is not None
    assert len({one, replace(one)}) == 2
