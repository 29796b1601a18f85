"""Rows and exports: every value is checked when it is read, and what is wrong is named."""

import json
import math
import sqlite3

import pytest
from tests.voiceprints.people import GIVEN, person, same

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.records import from_dict, to_dict
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent


@pytest.fixture
def store(tmp_path):
    with VoiceprintStore(tmp_path / "voices.db") as opened:
        yield opened


GOOD = to_dict(person())
BOB = to_dict(person("Bob", 1))


def without(name):
    return {key: value for key, value in BOB.items() if key != name}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "the line is no JSON at character 2"),
        ("[" * 100_000, "the line is no JSON"),
        ("1" * 5000, "the line is no JSON: a number is too long"),
        ([], r"expected an object of names and values, got \[\]"),
        ({"name": "x"}, "the value 'created' is missing"),
        (without("consent") | {"consent": "x"}, "'consent' is no value of a voiceprint; known: name, vector"),
        (without("vector"), "the value 'vector' is missing"),
        (BOB | {"statement": ""}, "the statement is empty"),
        (BOB | {"statement": 5}, "statement is 5, expected a text"),
        (BOB | {"statement": "\ud800"}, "which is no Unicode text"),
        (BOB | {"name": None}, "name is None, expected a text"),
        (BOB | {"name": "SPEAKER_01"}, "is the label of an unknown speaker"),
        (BOB | {"name": "a\tb"}, "holds the control character"),
        (BOB | {"samples": 1.5}, "samples is 1.5, expected a whole number"),
        (BOB | {"samples": True}, "samples is True, expected a whole number"),
        (BOB | {"samples": 10**30}, "expected a whole number"),
        (BOB | {"samples": 0}, "stands on no speech"),
        (BOB | {"net_speech": "long"}, "net_speech is 'long', expected a number"),
        (BOB | {"net_speech": 10**400}, "expected a number"),
        (BOB | {"net_speech": math.nan}, "stands on no speech"),
        (BOB | {"quality": "good"}, "quality is 'good', expected a number"),
        (BOB | {"quality": 7.0}, "quality 7.0 is no cosine"),
        (BOB | {"created": "yesterday"}, "created is 'yesterday', expected a time such as 20"),
        (BOB | {"given": 3}, "given is 3, expected a time"),
        (BOB | {"expires": 3}, "expires is 3, expected a time"),
        (BOB | {"expires": "2026-01-02T00:00:00+00:00"}, "Bob: the consent ended on 2026-01-02; ask and enroll again"),
        (BOB | {"metadata": []}, r"metadata is \[\], expected an object"),
        (BOB | {"metadata": {"a": 1}}, "a is 1, expected a text"),
        (BOB | {"vector": "not base64!"}, "vector is 'not base64!', which is no base64"),
        (BOB | {"vector": 3}, "vector is 3, expected the bytes of a vector"),
        (BOB | {"vector": ""}, "vector has 0 bytes, which are no float32 numbers"),
        (BOB | {"vector": BOB["vector"][:4]}, "vector has 3 bytes, which are no float32 numbers"),
        (BOB | {"vector": to_dict(person("Bob", 1, 192))["vector"][:400]}, "instead of 1: it was cut or changed"),
        (BOB | {"enrolled": to_dict(person("Bob", 1, 12))["vector"]}, "its two vectors differ in length"),
        (BOB | {"model_version": ""}, "'' is no version of the model"),
    ],
)
def test_a_malformed_line_stops_the_import_before_anything_is_kept(store, tmp_path, line, message):
    bad = line if isinstance(line, str) else json.dumps(line)
    (tmp_path / "in.jsonl").write_text(json.dumps(GOOD) + "\n" + bad + "\n", encoding="utf-8")
    with pytest.raises(VoiceprintError, match=":2: is no voiceprint to keep: .*" + message) as caught:
        store.import_(tmp_path / "in.jsonl")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert len(store) == 0


def test_a_name_that_an_export_holds_twice(store, tmp_path):
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(GOOD)}\n\n{json.dumps(GOOD)}\n", encoding="utf-8")
    with pytest.raises(VoiceprintError, match=r"in\.jsonl:3: Ann is on line 1 already; remove one of the two"):
        store.import_(tmp_path / "in.jsonl", replace=True)
    (tmp_path / "in.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(VoiceprintError, match=r"in\.jsonl: byte 0 is not UTF-8; give a file of `store export`"):
        store.import_(tmp_path / "in.jsonl")
    assert len(store) == 0


@pytest.mark.parametrize("text", ["a\u2028b", "a\x85b", "a\nb", "a\rb", "a\x0cb", 'a"b\\c'])
def test_whatever_a_consent_says_is_exported_and_imported(store, tmp_path, text):
    one = person(consent=Consent(text, GIVEN), metadata={"note": text})
    store.add(one)
    store.export(tmp_path / "out.jsonl")
    with VoiceprintStore(tmp_path / "other.db") as other:
        assert other.import_(tmp_path / "out.jsonl") == 1
        same(other.get("Ann"), one)


def test_an_export_of_before_adaptation_is_read():
    older = to_dict(person())
    del older["enrolled"]
    same(from_dict(older), person())


# ------------------------------------------------------------ damaged rows


def damage(path, change):
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE voiceprint SET {change} WHERE name = 'Bob'")
    connection.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("created = 'yesterday'", "created is 'yesterday', expected a time"),
        ("metadata = '{broken'", "metadata is no JSON at character 2"),
        ("metadata = '[1]'", r"metadata is \[1\], expected an object"),
        ("metadata = x'00'", "metadata is b'.x00', expected an object"),
        ("vector = x'00000000000000000000'", "vector has 10 bytes, which are no float32 numbers"),
        ("vector = substr(vector, 1, 16)", "instead of 1: it was cut or changed|expected 8|not 8 float32 numbers"),
        ("vector = 'text'", "vector is 'text', expected the bytes|not 8 float32"),
        ("vector = zeroblob(32)", "vector has length 0 instead of 1"),
        ("enrolled = x'0000'", "enrolled has 2 bytes"),
        ("net_speech = 'much'", "net_speech is 'much', expected a number"),
        ("samples = -1", "stands on no speech"),
        ("expires = 'never'", "expires is 'never', expected a time"),
        ("given = '2026-01-01'", "has no time zone"),
        ("expires = '2027-01-01'", "expires 2027-01-01T00:00:00 has no time zone"),
        ("statement = ' '", "the statement is empty"),
    ],
)
def test_a_damaged_row_names_itself_and_can_be_deleted(store, tmp_path, change, message):
    store.add_many([person(), person("Bob", 1)])
    damage(tmp_path / "voices.db", change)
    with pytest.raises(
        VoiceprintError, match=f"voices.db: the row of 'Bob' is damaged: .*({message}).*; delete it"
    ) as caught:
        store.get("Bob")
    assert "\n" not in str(caught.value)
    with pytest.raises(VoiceprintError, match="the row of 'Bob' is damaged"):
        list(store)
    if change.startswith(("vector", "expires")):
        with pytest.raises(VoiceprintError, match="the row of 'Bob' is damaged"):
            store.search(person().vector, model="campplus", model_version="v1")
    same(store.get("Ann"), person())
    store.delete("Bob")
    assert [one.name for one in store] == ["Ann"]
    assert store.matrix()[0] == ["Ann"]
