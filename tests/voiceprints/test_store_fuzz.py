"""Random rows, exports and bytes: read, or one line that names them; never a traceback.

The long run: ``DIARBOOK_FUZZ_SECONDS=600 pytest tests/voiceprints/test_store_fuzz.py``.
"""

import json
import math
import os
import random
import shutil
import sqlite3
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.voiceprints.people import person

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.records import COLUMNS, to_dict
from diarbook.voiceprints.store import VoiceprintStore

GOOD = to_dict(person())
BOB = to_dict(person("Bob", 1))


def refused(act):
    """Whether an act ends in an error of ours, which is one line."""
    try:
        act()
    except VoiceprintError as error:
        message = str(error)
    else:
        return False
    assert message.isprintable(), message
    return True


VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=12), st.binary(max_size=40),
    st.sampled_from(["", "2026-01-01", "{}", "[]", "9999-12-31T23:59:59+00:00", b"\x00" * 32, 1e308]),
)  # fmt: skip


SECONDS = float(os.environ.get("DIARBOOK_FUZZ_SECONDS", "0"))


def everything(store, folder):
    """What reads rows, each on its own."""
    yield from (lambda: list(store), store.matrix, store.ended, store.names, lambda: store.identity)
    yield lambda: store.search(person().vector, model="campplus", model_version="v1", k=3)
    yield lambda: store.get("Bob", ended=True)
    yield lambda: store.export(folder / "out.jsonl")


def fuzz_row(folder, column, value):
    with VoiceprintStore(folder / "v.db") as store:
        store.add_many([person(), person("Bob", 1)])
        try:
            store._connection.execute(f"UPDATE voiceprint SET {column} = ? WHERE name = 'Bob'", (value,))
        except (sqlite3.Error, UnicodeEncodeError):
            return
        for act in (*everything(store, folder), store.expire, lambda: store.delete("Bob")):
            refused(act)


@given(column=st.sampled_from(COLUMNS), value=VALUES)
@settings(max_examples=60, deadline=None)
def test_whatever_stands_in_a_row_is_read_or_named(tmp_path_factory, column, value):
    fuzz_row(tmp_path_factory.mktemp("row"), column, value)


def fuzz_import(folder, changes, cut):
    values = {key: value for key, value in (BOB | changes).items() if value is not ...}
    text = json.dumps(values)[:cut] + "\n" + json.dumps(GOOD)
    (folder / "in.jsonl").write_text(text, encoding="utf-8")
    with VoiceprintStore(folder / "w.db") as store:
        if refused(lambda: store.import_(folder / "in.jsonl")):
            assert len(store) == 0
        else:
            assert len(list(store)) == len(store) > 0


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
FIELDS = (*COLUMNS, "model", "model_version", "other")
CHANGES = st.dictionaries(st.sampled_from(FIELDS), st.one_of(JSON, st.just(...)), max_size=3)


@given(changes=CHANGES, cut=st.one_of(st.none(), st.integers(0, 400)))
@settings(max_examples=60, deadline=None)
def test_whatever_stands_in_an_import_is_kept_whole_or_named(tmp_path_factory, changes, cut):
    fuzz_import(tmp_path_factory.mktemp("import"), changes, cut)


def fuzz_bytes(folder, data):
    """The bytes of a store, spoiled."""
    for readonly in (True, False):
        path = folder / f"spoiled-{readonly}.db"
        path.write_bytes(data)

        def read(path=path, readonly=readonly):
            with VoiceprintStore(path, create=False, readonly=readonly, timeout=0.5) as store:
                for act in everything(store, folder):
                    refused(act)

        refused(read)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "v.db"
    with VoiceprintStore(path) as store:
        store.add_many([person(f"p{index}", index, 64) for index in range(40)])
    return path.read_bytes()


def spoiled(whole, chance):
    data = bytearray(whole)
    for _ in range(chance.randrange(1, 40)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])


def test_whatever_bytes_a_file_holds_are_read_or_named(whole, tmp_path):
    chance = random.Random(0)
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        fuzz_bytes(tmp_path / str(number), spoiled(whole, chance))


@pytest.mark.skipif(not SECONDS, reason="set DIARBOOK_FUZZ_SECONDS for the long run")
def test_fuzz_for_long(whole, tmp_path):
    end, rounds = time.monotonic() + SECONDS, 0
    chance = random.Random(int(os.environ.get("DIARBOOK_FUZZ_SEED", "0")))
    values = [
        None,
        0,
        -1,
        1,
        2**62,
        math.inf,
        math.nan,
        1e-320,
        "",
        "x",
        "\x1b[2J",
        "é" * 40,
        "2026-01-01T00:00:00",
        "{}",
    ]
    while time.monotonic() < end:
        rounds += 1
        folder = tmp_path / "round"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        fuzz_row(folder, chance.choice(COLUMNS), chance.choice([*values, b"", b"\xff" * 32, chance.randbytes(32)]))
        fuzz_import(
            folder,
            {chance.choice(FIELDS): chance.choice([*values, [], {}, ...])},
            chance.choice([None, chance.randrange(600)]),
        )
        fuzz_bytes(folder, spoiled(whole, chance))
    print(f"{rounds} rounds in {SECONDS:.0f} s")
