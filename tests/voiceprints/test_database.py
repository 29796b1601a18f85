"""The file: older, foreign, damaged, read-only, and with other processes in it."""

import os
import sqlite3
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest
from tests.voiceprints.people import GIVEN, person, same

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.database import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, now


@pytest.fixture
def store(tmp_path):
    with VoiceprintStore(tmp_path / "voices.db") as opened:
        yield opened


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
        ("missing", "no such store; enroll somebody first"),
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


# ------------------------------------------------------------ reading beside others


def read_as_nobody(path):
    """What a reader sees who may not write into the folder: a child that gives up the rights of root."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            with VoiceprintStore(path, readonly=True) as store:
                answer = f"{store.names()} {len(store.matrix()[0])} {store.get('Ann').name}"
        except BaseException as error:
            answer = repr(error)
        os.write(sender, answer.encode())
        os._exit(0)
    os.close(sender)
    os.waitpid(child, 0)
    with open(receiver, encoding="utf-8") as answers:
        return answers.read()


@pytest.fixture
def open_folder():
    """A folder that other users can reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory(prefix="diarbook-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_store_that_cannot_be_written_can_be_read(open_folder):
    with VoiceprintStore(open_folder / "v.db") as store:
        store.add(person())
    (open_folder / "v.db").chmod(0o444)
    open_folder.chmod(0o555)
    assert read_as_nobody(open_folder / "v.db") == "['Ann'] 1 Ann"
    assert [path.name for path in open_folder.iterdir()] == ["v.db"]


def test_a_log_that_cannot_be_read_there_is_not_passed_over(open_folder):
    """Without it somebody who was deleted would still be found."""
    with VoiceprintStore(open_folder / "w.db") as store:
        store.add(person())
        for end in ("", "-wal"):
            (open_folder / f"v.db{end}").write_bytes((open_folder / f"w.db{end}").read_bytes())
            (open_folder / f"v.db{end}").chmod(0o444)
    open_folder.chmod(0o555)
    answer = read_as_nobody(open_folder / "v.db")
    assert answer.startswith("VoiceprintError(")
    assert "v.db-wal beside it has to be read too, and the folder cannot be written to; copy both" in answer


def test_a_reader_waits_for_nobody(store, tmp_path):
    store.add(person())
    writer = sqlite3.connect(tmp_path / "voices.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM voiceprint")
    begin = time.monotonic()
    for options in ({"readonly": True}, {"create": False}):
        with VoiceprintStore(tmp_path / "voices.db", timeout=5.0, **options) as reader:
            assert reader.names() == ["Ann"]
            assert reader.matrix()[0] == ["Ann"]
    assert time.monotonic() - begin < 2.0
    with (
        pytest.raises(VoiceprintError, match="another process keeps writing"),
        VoiceprintStore(tmp_path / "voices.db", timeout=0.1) as other,
    ):
        other.add(person("Bob", 1))
    writer.execute("ROLLBACK")
    writer.close()


def test_reading_leaves_nothing_and_cannot_write(store, tmp_path):
    store.add(person())
    store.close()
    before = (tmp_path / "voices.db").read_bytes()
    with VoiceprintStore(tmp_path / "voices.db", readonly=True) as reader:
        assert len(reader) == 1
        for act in (lambda: reader.add(person("B", 1)), lambda: reader.delete("Ann"), reader.expire):
            with pytest.raises(VoiceprintError, match="was opened for reading only"):
                act()
    assert [path.name for path in tmp_path.iterdir()] == ["voices.db"]
    assert (tmp_path / "voices.db").read_bytes() == before


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_store_is_read_as_it_is(tmp_path, version):
    version_one(tmp_path / "v.db")
    if version == 2:
        with sqlite3.connect(tmp_path / "v.db") as connection:
            connection.executescript(MIGRATIONS[1] + "PRAGMA user_version = 2")
        connection.close()
    before = (tmp_path / "v.db").read_bytes()
    with VoiceprintStore(tmp_path / "v.db", readonly=True) as store:
        same(store.get("Ann"), person())
        assert (store.matrix()[0], store.ended()) == (["Ann"], [])
    assert (tmp_path / "v.db").read_bytes() == before


@pytest.mark.parametrize("options", [{"readonly": True}, {"create": False}])
def test_an_empty_file_is_no_store_and_stays_empty(tmp_path, options):
    (tmp_path / "v.db").touch()
    with pytest.raises(VoiceprintError, match="is empty, no store; enroll somebody first"):
        VoiceprintStore(tmp_path / "v.db", **options)
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("v.db", 0)]


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory", "a%20b?c#d.db", "łódź.db"])
def test_a_store_is_the_file_of_its_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with VoiceprintStore(name) as store:
        store.add(person())
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with VoiceprintStore(name, readonly=True) as store:
        assert store.names() == ["Ann"]


def test_what_is_no_file_is_no_store(tmp_path):
    for path, message in [
        ("/dev/null", "is not a regular file; give the path of a file"),
        (tmp_path / ("n" * 300), "cannot be opened"),
    ]:
        with pytest.raises(VoiceprintError, match=message):
            VoiceprintStore(path)


def test_voices_are_readable_by_their_owner_alone(store, tmp_path):
    store.add(person())
    store.export(tmp_path / "out.jsonl")
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == dict.fromkeys(
        ("voices.db", "voices.db-wal", "voices.db-shm", "out.jsonl"), 0
    )
