import json

import jsonschema
import pytest
from tests.pages import ROOT

from diarbook.errors import KnowledgeError
from diarbook.knowledge.evidence import (
    PROTOCOL,
    REQUIRED,
    evidence_files,
    format_value,
    load_evidence,
    measured_rows,
    run_of,
)

SCHEMA = json.loads((ROOT / "data" / "evidence.schema.json").read_text(encoding="utf-8"))


def test_the_schema_and_the_reader_name_the_same_fields():
    protocol = SCHEMA["properties"]["protocol"]
    assert list(protocol["properties"]) == list(PROTOCOL)
    assert protocol["required"] == list(REQUIRED)


@pytest.mark.parametrize("path", evidence_files(), ids=lambda path: path.stem)
def test_every_evidence_file_keeps_to_the_schema(path):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(path.read_text(encoding="utf-8")))


def evidence(**changes):
    content = {
        "title": "T",
        "protocol": dict.fromkeys(PROTOCOL, "x"),
        "columns": {"system": "System", "rate": "DER"},
        "rows": [{"system": "ours", "rate": 0.25}],
    } | changes
    if isinstance(content["rows"], list) and "run" in content["protocol"]:
        content["protocol"]["run"] = run_of(content)
    return content


def test_every_evidence_file_of_the_book_is_valid():
    for path in evidence_files():
        assert load_evidence(path).rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "field 'title' must be a str"),
        (json.dumps(evidence(rows=3)), "field 'rows' must be a list"),
        (json.dumps(evidence(protocol={})), "the protocol lacks 'data'"),
        (json.dumps(evidence(protocol={**dict.fromkeys(PROTOCOL), "mood": 1})), "unknown field 'mood'"),
        (json.dumps(evidence(rows=[{"speed": 1}])), "row 1 has 'speed', which is no column"),
    ],
)
def test_evidence_faults_are_named(tmp_path, content, message):
    path = tmp_path / "e.json"
    path.write_text(content)
    with pytest.raises(KnowledgeError) as caught:
        load_evidence(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_measured_rows_by_name():
    assert measured_rows("scorer") == list(load_evidence(ROOT / "data" / "evidence" / "scorer.json").rows)
    with pytest.raises(KnowledgeError, match=r"no evidence is called 'nothing'; run `make bench`"):
        measured_rows("nothing")


def test_missing_evidence_says_how_to_make_it(tmp_path):
    with pytest.raises(KnowledgeError, match=r"no such evidence; run `make bench`"):
        load_evidence(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("value", "key", "heading", "shown"),
    [
        (0.25314, "rate", "DER", "25.3 %"),
        ([0.2, 0.3], "interval_rate", "95 % interval", "20.0 % to 30.0 %"),
        (25.314, "der", "DER (%)", "25.3"),
        (0.0512, "rtf", "", "0.0512"),
        (123.456, "s", "", "123"),
        (0.0, "s", "", "0"),
        (None, "rate", "", "undefined"),
        (float("nan"), "rate", "", "undefined"),
        (True, "", "", "yes"),
        (14, "", "", "14"),
        (["a", "b"], "", "", "a, b"),
        ({"torch": "2.11.0", "n": 1}, "", "", "torch 2.11.0, n 1"),
    ],
)
def test_values_as_a_reader_sees_them(value, key, heading, shown):
    assert format_value(value, key, heading) == shown
