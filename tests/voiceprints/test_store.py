import math
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.voiceprints.people import GIVEN, person, same

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.records import from_dict, to_dict
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, now


@pytest.fixture
def store(tmp_path):
    with VoiceprintStore(tmp_path / "voices.db") as opened:
        yield opened


def test_what_was_added_is_read_again(store, tmp_path):
    ann, bob = person(), person("Bob Łoś", 1, quality=math.nan, consent=Consent("a", GIVEN, GIVEN + timedelta(9999)))
    store.add_many([bob, ann])
    with VoiceprintStore(tmp_path / "voices.db", create=False) as again:
        assert (again.names(), len(again), "Ann" in again, "Eve" in again) == (["Ann", "Bob Łoś"], 2, True, False)
        assert again.identity == ("campplus", "v1", 8)
        same(again.get("Ann"), ann)
        same(again.get("Bob Łoś"), bob)
        assert [one.name for one in again] == ["Ann", "Bob Łoś"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "ge2e"}, "holds vectors of campplus v1 with 8 dimensions, got ge2e v1 with 8"),
        ({"model_version": "v2"}, "got campplus v2 with 8"),
        ({"vector": np.ones(9)}, "got campplus v1 with 9"),
        ({"consent": Consent("a", GIVEN, GIVEN + timedelta(days=1))}, "Bob: the consent is not valid now"),
        ({"consent": Consent("a", now() + timedelta(days=1))}, "Bob: the consent is not valid now"),
        ({"name": "Ann"}, "'Ann' is there already; use --replace"),
    ],
)
def test_what_does_not_belong_is_refused_and_nothing_changes(store, changes, message):
    store.add(person())
    with pytest.raises(VoiceprintError, match=message):
        store.add_many([person("Zoe", 5), person("Bob", 1, **changes) if "name" not in changes else person(seed=1)])
    assert store.names() == ["Ann"]


def test_replacing(store):
    store.add(person())
    store.add(person(seed=3), replace=True)
    same(store.get("Ann"), person(seed=3))
    assert len(store) == 1


def test_unknown_names(store):
    for act in (store.get, store.delete):
        with pytest.raises(VoiceprintError, match="nobody is called 'Eve'; `diarbook store list`"):
            act("Eve")
        with pytest.raises(VoiceprintError, match=r"nobody is called 'E\\udcff'"):
            act("E\udcff")  # a byte of the command line that is no UTF-8


def traces(folder, *needles):
    return [(path.name, needle) for path in folder.iterdir() for needle in needles if needle in path.read_bytes()]


def test_deleted_bytes_are_gone_from_every_file(store, tmp_path):
    secret = person(
        "Secret Name", 7, dimension=192, metadata={"note": "unmistakable-note"}, consent=Consent("words", GIVEN)
    )
    others = [person(f"other {index}", index + 100, dimension=192) for index in range(50)]
    store.add_many([*others[:25], secret, *others[25:]])
    needles = [b"Secret Name", b"unmistakable-note", secret.vector.tobytes(), secret.vector.tobytes()[:64]]
    assert len(traces(tmp_path, *needles)) >= len(needles)
    with VoiceprintStore(tmp_path / "voices.db") as second:  # open, but not reading
        assert len(second) == 51
        store.delete("Secret Name")
        assert traces(tmp_path, *needles) == []
        assert "Secret Name" not in second
        assert second.search(secret.vector, model="campplus", model_version="v1")[0].name != "Secret Name"
    assert len(store) == 50


def test_a_reader_in_the_way_of_a_deletion_is_named(tmp_path):
    with VoiceprintStore(tmp_path / "v.db", timeout=0.1) as store, VoiceprintStore(tmp_path / "v.db") as reader:
        store.add_many([person(), person("Bob", 1)])
        reader._connection.execute("BEGIN")
        assert len(reader) == 2
        with pytest.raises(VoiceprintError, match="deleted, but another process holds the log; close it and repeat"):
            store.delete("Ann")
        reader._connection.execute("ROLLBACK")
        store.scrub()
        assert traces(tmp_path, person().vector.tobytes()) == []


def test_replaced_bytes_are_gone_after_a_scrub(store, tmp_path):
    old = person(dimension=192)
    store.add(old)
    store.add(person(seed=2, dimension=192), replace=True)
    store.scrub()
    assert traces(tmp_path, old.vector.tobytes()) == []


def test_those_whose_consent_ended_are_forgotten(store):
    later = now() + timedelta(days=2)
    store.add_many([person(), person("Bob", 1, consent=Consent("a", GIVEN, later))])
    assert store.expire() == []
    assert store.expire(later) == ["Bob"]
    assert store.names() == ["Ann"]


@given(count=st.integers(1, 30), k=st.integers(0, 35), seed=st.integers(0, 1000), repeats=st.booleans())
def test_search_is_exact(tmp_path_factory, count, k, seed, repeats):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 4)).astype(np.float32)
    if repeats and count:
        vectors = vectors[rng.integers(0, max(1, count // 3), count)]  # ties
    with VoiceprintStore(tmp_path_factory.mktemp("s") / "v.db") as store:
        store.add_many([person(f"p{index:02}", vector=vector) for index, vector in enumerate(vectors)])
        query = rng.normal(size=4)
        matches = store.search(query * 7, model="campplus", model_version="v1", k=k)
        names, matrix = store.matrix()
        scores = matrix @ (query / np.linalg.norm(query)).astype(np.float32)
    order = sorted(range(count), key=lambda index: (-scores[index], index))[:k]
    assert [match.name for match in matches] == [names[index] for index in order]
    np.testing.assert_allclose([match.score for match in matches], scores[order], atol=1e-6)


def test_a_search_names_what_its_scores_belong_to(store):
    assert store.search(np.ones(8), model="campplus", model_version="v1") == []
    store.add(person())
    [match] = store.search(person().vector, model="campplus", model_version="v1", k=5)
    assert (match.name, match.model, match.model_version) == ("Ann", "campplus", "v1")
    assert match.score == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(VoiceprintError, match="got ge2e v1 with 8; scores of two models cannot be compared"):
        store.search(np.ones(8), model="ge2e", model_version="v1")
    with pytest.raises(VoiceprintError, match="the vector is not one row of finite numbers"):
        store.search(np.full(8, np.nan), model="campplus", model_version="v1")


def test_another_connection_s_writes_are_seen(store, tmp_path):
    store.add(person())
    assert store.matrix()[0] == ["Ann"]
    assert store.matrix()[1] is store.matrix()[1]
    with VoiceprintStore(tmp_path / "voices.db") as other:
        other.add(person("Bob", 1))
        assert store.matrix()[0] == ["Ann", "Bob"]


def test_two_processes_at_once_lose_nothing(tmp_path):
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.voiceprints.people import person\n"
        "from diarbook.voiceprints.store import VoiceprintStore\n"
        "with VoiceprintStore(sys.argv[1]) as store:\n"
        "    for index in range(100): store.add(person(f'{sys.argv[2]} {index}', index))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "v.db")]
    running = [subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in ("a", "b")]
    for process in running:
        assert process.communicate()[1] == ""
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert len(store) == 200


def test_export_and_import_are_a_round_trip(store, tmp_path):
    people = [person(), person("Bob", 1, quality=math.nan, consent=Consent("a", GIVEN, GIVEN + timedelta(9999)))]
    people.append(person("Cy", 2, enrolled=person(seed=3).vector))
    store.add_many(people)
    assert store.export(tmp_path / "out.jsonl") == 3
    with VoiceprintStore(tmp_path / "other.db") as other:
        assert other.import_(tmp_path / "out.jsonl") == 3
        for one in people:
            same(other.get(one.name), one)
        with pytest.raises(VoiceprintError, match="is there already"):
            other.import_(tmp_path / "out.jsonl")
        assert other.import_(tmp_path / "out.jsonl", replace=True) == 3
    for one in people:
        same(from_dict(to_dict(one)), one)


def test_an_import_of_nothing(store, tmp_path):
    with pytest.raises(VoiceprintError, match="cannot be read"):
        store.import_(tmp_path / "none.jsonl")


def test_a_preloaded_store_has_read_its_vectors_and_still_sees_what_others_write(store, tmp_path):
    store.add(person())
    with VoiceprintStore(tmp_path / "voices.db", preload=True) as other:
        assert other._matrix is not None
        store.add(person("Bob", 1))
        [match] = other.search(person("Bob", 1).vector, model="campplus", model_version="v1")
        assert match.name == "Bob"


# ------------------------------------------------------------ every bit


@given(seed=st.integers(0, 2**32 - 1), dimension=st.integers(1, 300))
@example(seed=0, dimension=192)
@settings(max_examples=25, deadline=None)
def test_a_vector_is_normalized_once_and_keeps_every_bit(tmp_path_factory, seed, dimension):
    one = person(seed=seed, dimension=dimension, enrolled=np.random.default_rng(seed + 1).normal(size=dimension))
    bits = (one.vector.tobytes(), one.enrolled.tobytes())

    def unchanged(other):
        assert (other.vector.tobytes(), other.enrolled.tobytes()) == bits

    unchanged(replace(one, net_speech=1.0))
    unchanged(replace(one, vector=one.vector.astype(float), enrolled=one.template.astype(float)))
    folder = tmp_path_factory.mktemp("bits")
    with VoiceprintStore(folder / "v.db") as store, VoiceprintStore(folder / "w.db") as other:
        store.add(one)
        unchanged(store.get("Ann"))
        assert store.matrix()[1].tobytes() == bits[0]
        store.add(store.get("Ann"), replace=True)
        store.export(folder / "out.jsonl")
        other.import_(folder / "out.jsonl")
        unchanged(other.get("Ann"))
        other.export(folder / "again.jsonl")
        assert (folder / "out.jsonl").read_bytes() == (folder / "again.jsonl").read_bytes()


def test_a_cosine_is_never_above_one(store):
    for seed in range(50):
        store.add(person(f"p{seed}", seed, 192))
    for seed in range(50):
        [best] = store.search(person(seed=seed, dimension=192).vector, model="campplus", model_version="v1")
        assert best.name == f"p{seed}"
        assert 1 - 1e-6 < best.score <= 1


# ------------------------------------------------------------ consent


def test_whose_consent_has_ended_is_handed_out_nowhere(store, tmp_path, monkeypatch):
    soon = now() + timedelta(days=2)
    store.add_many([person(), person("Bob", 1, consent=Consent("a", GIVEN, soon))])
    assert store.matrix()[0] == ["Ann", "Bob"]
    assert store.ended() == []
    monkeypatch.setattr("diarbook.voiceprints.store.now", lambda: soon)  # and the cache is too old
    monkeypatch.setattr("diarbook.voiceprints.voiceprint.now", lambda: soon)
    assert store.matrix()[0] == ["Ann"]
    assert [
        match.name for match in store.search(person("Bob", 1).vector, model="campplus", model_version="v1", k=5)
    ] == ["Ann"]
    assert [one.name for one in store] == ["Ann"]
    with pytest.raises(VoiceprintError, match=r"Bob: the consent ended on .*; ask and enroll again, or delete"):
        store.get("Bob")
    assert store.export(tmp_path / "out.jsonl") == 1
    assert "Bob" not in (tmp_path / "out.jsonl").read_text()
    # what is kept can still be seen, and deleted
    assert (store.names(), len(store), "Bob" in store, store.ended()) == (["Ann", "Bob"], 2, True, ["Bob"])
    assert store.get("Bob", ended=True).name == "Bob"
    assert store.expire() == ["Bob"]
    assert store.names() == ["Ann"]


def test_the_end_of_a_consent_is_compared_across_time_zones(store):
    east, west = timezone(timedelta(hours=12)), timezone(timedelta(hours=-12))
    noon = now().replace(hour=12, minute=0) + timedelta(days=3)
    store.add(person("East", 1, consent=Consent("a", GIVEN, noon.astimezone(east))))
    store.add(person("West", 2, consent=Consent("a", GIVEN, (noon + timedelta(hours=1)).astimezone(west))))
    assert store.ended(noon - timedelta(seconds=1)) == []
    assert store.ended(noon) == ["East"]
    assert store.ended(noon + timedelta(hours=1)) == ["East", "West"]


# ------------------------------------------------------------ names


def test_a_name_is_one_name_in_every_unicode_form(store):
    composed, apart = "Jos\u00e9", "Jose\u0301"
    store.add(person(apart))
    assert store.names() == [composed]
    with pytest.raises(VoiceprintError, match="is there already"):
        store.add(person(composed, 1))
    assert apart in store
    assert composed in store
    assert store.get(apart).name == store.get(composed).name == composed
    store.delete(apart)
    assert len(store) == 0


@pytest.mark.parametrize("other", ["Ann_Lee", "ann lee", "ANN_LEE"])
def test_two_people_whom_rttm_would_write_alike_are_not_both_enrolled(store, tmp_path, other):
    store.add(person("Ann Lee"))
    for act in (
        lambda: store.add(person(other, 1), replace=True),
        lambda: store.check_free([other]),
        lambda: store.add_many([person("Zoe", 3), person(other, 1)]),
    ):
        with pytest.raises(VoiceprintError, match=f"RTTM would write '{other}' like 'Ann Lee', who is another person"):
            act()
    with VoiceprintStore(tmp_path / "new.db") as new, pytest.raises(VoiceprintError, match="another person"):
        new.add_many([person("Ann Lee"), person(other, 1)])
    assert store.names() == ["Ann Lee"]
    store.check_free(["Ann Lee"], replace=True)
    with pytest.raises(VoiceprintError, match="'Ann Lee' is there already; use --replace"):
        store.check_free(["Ann Lee"])
    store.delete("Ann Lee")
    store.add(person(other, 1))


def test_a_deleted_name_is_free_again(store):
    store.add_many([person("Ann Lee"), person("Bob", 1)])
    store.delete("Ann Lee")
    store.add(person("ann_lee", 2))
    with pytest.raises(VoiceprintError, match="another person"):
        store.add(person("BOB", 3))
    assert store.names() == ["Bob", "ann_lee"]


def test_words_that_another_process_took_are_seen(store, tmp_path):
    store.add(person("Zoe"))
    with VoiceprintStore(tmp_path / "voices.db") as other:
        other.add(person("Ann Lee", 1))
    with pytest.raises(VoiceprintError, match="another person"):
        store.add(person("Ann_Lee", 2))
