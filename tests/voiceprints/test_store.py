import json
import math
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.store import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, VoiceprintStore, from_dict, to_dict
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)


def person(name="Ann", seed=0, dimension=8, **changes):
    values = {
        "name": name,
        "vector": np.random.default_rng(seed).normal(size=dimension),
        "model": "campplus",
        "model_version": "v1",
        "net_speech": 9.5,
        "samples": 3,
        "quality": 0.75,
        "created": GIVEN,
        "consent": Consent("agreed", GIVEN),
        "metadata": {"language": "pl"},
    }
    return Voiceprint(**values | changes)


def same(first, second):
    np.testing.assert_array_equal(first.vector, second.vector)
    np.testing.assert_array_equal(first.template, second.template)
    assert (first.enrolled is None) == (second.enrolled is None)
    plain = {"vector": np.ones(1), "enrolled": None, "quality": 0.0, "metadata": {}}
    assert replace(first, **plain, samples=1).name == second.name
    for field in ("model", "model_version", "net_speech", "samples", "created", "consent"):
        assert getattr(first, field) == getattr(second, field)
    assert dict(first.metadata) == dict(second.metadata)
    assert first.quality == second.quality or (math.isnan(first.quality) and math.isnan(second.quality))


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


def test_a_reader_in_the_way_of_a_deletion_is_told(tmp_path):
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
        found = store.search(query * 7, model="campplus", model_version="v1", k=k)
        names, matrix = store.matrix()
        scores = matrix @ (query / np.linalg.norm(query)).astype(np.float32)
    order = sorted(range(count), key=lambda index: (-scores[index], index))[:k]
    assert [match.name for match in found] == [names[index] for index in order]
    np.testing.assert_allclose([match.score for match in found], scores[order], atol=1e-6)


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
        "import sys; sys.path.insert(0, 'tests/voiceprints')\n"
        "from test_store import person, VoiceprintStore\n"
        "with VoiceprintStore(sys.argv[1]) as store:\n"
        "    for index in range(100): store.add(person(f'{sys.argv[2]} {index}', index))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "v.db")]
    running = [subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in ("a", "b")]
    for process in running:
        assert process.communicate()[1] == ""
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert len(store) == 200


def version_one(path):
    connection = sqlite3.connect(path)
    connection.executescript(
        f"""
        CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), model TEXT NOT NULL,
            model_version TEXT NOT NULL, dimension INTEGER NOT NULL);
        CREATE TABLE voiceprint (name TEXT PRIMARY KEY, vector BLOB NOT NULL, net_speech REAL NOT NULL,
            samples INTEGER NOT NULL, quality REAL, created TEXT NOT NULL, statement TEXT NOT NULL, given TEXT NOT NULL,
            metadata TEXT NOT NULL) WITHOUT ROWID;
        INSERT INTO identity VALUES (1, 'campplus', 'v1', 8);
        PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;
        """
    )
    row = ("Ann", person().vector.tobytes(), 9.5, 3, 0.75, GIVEN.isoformat(), "agreed", GIVEN.isoformat())
    connection.execute("INSERT INTO voiceprint VALUES (?,?,?,?,?,?,?,?,?)", (*row, '{"language": "pl"}'))
    connection.commit()
    connection.close()


def test_an_older_store_is_brought_up_to_date(tmp_path):
    version_one(tmp_path / "v.db")
    with VoiceprintStore(tmp_path / "v.db") as store:
        same(store.get("Ann"), person())
        store.add(person("Bob", 1, consent=Consent("a", GIVEN, now() + timedelta(days=1))))
        assert store._connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION


def test_a_migration_that_fails_changes_nothing(tmp_path, monkeypatch):
    version_one(tmp_path / "v.db")
    monkeypatch.setitem(MIGRATIONS, 2, "ALTER TABLE voiceprint ADD COLUMN x TEXT; nonsense")
    with pytest.raises(VoiceprintError, match="syntax error"):
        VoiceprintStore(tmp_path / "v.db")
    monkeypatch.undo()
    with VoiceprintStore(tmp_path / "v.db") as store:
        same(store.get("Ann"), person())


def spoil(path, kind):
    if kind == "other":
        connection = sqlite3.connect(path)
        connection.executescript("CREATE TABLE songs (title TEXT)")
        connection.close()
    elif kind == "text":
        path.write_text("voices\n" * 200)
    elif kind == "newer":
        with VoiceprintStore(path) as store:
            store._connection.execute("PRAGMA user_version = 99")
    elif kind == "damaged":
        with VoiceprintStore(path) as store:
            store.add_many([person(f"p{index}", index, dimension=192) for index in range(200)])
        data = bytearray(path.read_bytes())
        data[4096:] = bytes(len(data) - 4096)
        path.write_bytes(data)
    elif kind == "directory":
        path.mkdir()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("other", "is another program's database; give another path"),
        ("text", "is no store of voiceprints; give another path"),
        ("newer", "was written by a newer diarbook"),
        ("damaged", "is damaged; restore it"),
        ("directory", "is a folder; give the path of a file"),
        ("missing", "no such store; enrol somebody first"),
    ],
)
def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path, kind, message):
    spoil(tmp_path / "v.db", kind)

    def read():
        with VoiceprintStore(tmp_path / "v.db", create=kind != "missing") as store:
            list(store)

    with pytest.raises(VoiceprintError, match=message) as caught:
        read()
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(VoiceprintError, match="its folder does not exist; make it first"):
        VoiceprintStore(tmp_path / "no" / "v.db")


def test_a_full_disk_leaves_nothing_half_written(store):
    store.add(person(dimension=192))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(VoiceprintError, match="the disk is full; nothing was changed; free some space and repeat"):
        store.add_many([person(f"p{index}", index, dimension=192) for index in range(100)])
    assert store.names() == ["Ann"]


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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: is no voiceprint"),
        ("[]", ":2: is no voiceprint"),
        ('{"name": "x"}', ":2: is no voiceprint"),
        (None, ":2: consent: the statement is empty"),
    ],
)
def test_a_malformed_line_stops_the_import_before_anything_is_kept(store, tmp_path, line, message):
    good = to_dict(person())
    bad = line if line is not None else json.dumps(to_dict(person("Bob", 1)) | {"statement": ""})
    (tmp_path / "in.jsonl").write_text(json.dumps(good) + "\n" + bad + "\n", encoding="utf-8")
    with pytest.raises(VoiceprintError, match=message):
        store.import_(tmp_path / "in.jsonl")
    assert len(store) == 0


def test_an_export_of_before_adaptation_is_read():
    older = to_dict(person())
    del older["enrolled"]
    same(from_dict(older), person())


def test_an_import_of_nothing(store, tmp_path):
    with pytest.raises(VoiceprintError, match="cannot be read"):
        store.import_(tmp_path / "none.jsonl")


def test_a_preloaded_store_has_read_its_vectors_and_still_sees_what_others_write(store, tmp_path):
    store.add(person())
    with VoiceprintStore(tmp_path / "voices.db", preload=True) as other:
        assert other._cache is not None
        store.add(person("Bob", 1))
        [match] = other.search(person("Bob", 1).vector, model="campplus", model_version="v1")
        assert match.name == "Bob"
