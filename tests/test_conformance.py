"""The conformance set: sound, complete, and true of our scorer and of what it says about others."""

import importlib.util
import json
import math
from fractions import Fraction

import jsonschema
import pytest
import yaml

from diarbook.files import repository_root

ROOT = repository_root()
SPEC = importlib.util.spec_from_file_location("benchmarks_conformance", ROOT / "benchmarks" / "conformance.py")
conformance = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(conformance)

FOLDER = ROOT / "data" / "conformance"
CASES = conformance.load_cases()
BY_ID = {case["id"]: case for case in CASES}
INSTALLED = [name for name in conformance.SCORERS if name != "meeteval"]


def check(expected, result):
    """Every expected value, to a nanosecond."""
    for key, value in expected.items():
        if key == "files":
            assert result["files"].keys() == value.keys()
            for name, file in value.items():
                check(file, result["files"][name])
        elif key == "speakers":
            assert result["speakers"] == {
                name: pytest.approx(conformance.number(x), abs=1e-9) for name, x in value.items()
            }
        elif key in ("mapping", "reason"):
            assert result[key] == value
        elif key == "error":
            assert value in result["error"]
        else:
            assert result[key] == pytest.approx(conformance.number(value), abs=1e-9, rel=0, nan_ok=True), key


@pytest.mark.parametrize("case", CASES, ids=BY_ID)
def test_our_scorer_gives_the_answer_worked_by_hand(case):
    check(case["expected"], conformance.ours(case))


def test_a_wrong_answer_is_noticed():
    case = BY_ID["partly-inside"]
    result = conformance.ours({**case, "options": {"collar": 0.125}})
    with pytest.raises(AssertionError):
        check(case["expected"], result)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_files_follow_the_schema(path):
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["topic"] == path.stem


@pytest.mark.parametrize(
    "change",
    [
        {"working": None},
        {"hypothesis": [[0, 1]]},
        {"options": {"collar": -1}},
        {"expected": {"missed": 1, "rate": 1}},
        {"expected": {"rate": None}},
        {"expected": {"rate": "one third"}},
        {"others": [{"scorer": "spyder", "why": "it says so"}]},
        {"files": {}},
    ],
    ids=str,
)
def test_the_schema_refuses(change):
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    case = {key: value for key, value in BY_ID["missed"].items() if key != "topic"}
    document = {"topic": "parts", "title": "t", "cases": [case | change]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(document)


def test_the_set_is_complete():
    assert len(CASES) >= 40
    assert len(BY_ID) == len(CASES)
    assert {case.get("disagreement") for case in CASES} >= set(range(1, 10))


def test_answers_are_consistent_in_themselves():
    """The rate is error over total, a file's parts add up to the pooled ones; with exact fractions."""

    def exact(value):
        return Fraction(str(value))

    def consistent(expected):
        if "missed" not in expected:
            return
        error = sum(exact(expected[key]) for key in ("missed", "false_alarm", "confusion"))
        total = exact(expected["total"])
        assert expected["rate"] is None if total == 0 else exact(expected["rate"]) == error / total

    for case in CASES:
        expected = case["expected"]
        consistent(expected)
        files = expected.get("files", {})
        for file in files.values():
            consistent(file)
        for key in ("missed", "false_alarm", "confusion", "total"):
            if files and key in expected:
                assert exact(expected[key]) == sum(exact(file[key]) for file in files.values())
        rates = [exact(file["rate"]) for file in files.values() if file["rate"] is not None]
        if rates:
            assert exact(expected["mean_rate"]) == sum(rates) / len(rates)


@pytest.mark.parametrize("scorer", INSTALLED)
def test_other_scorers_answer_what_is_recorded(scorer):
    """Also: whoever has no record agrees, so every disagreement is explained."""
    wrong = []
    for case in CASES:
        records = [record for record in case.get("others", []) if record["scorer"] == scorer]
        for record in [record for record in records if "arguments" in record]:
            given = conformance.answer(case, scorer, record["arguments"])
            if not conformance.same(given, conformance.recorded(record)):
                wrong.append((case["id"], given, record))
        plain = next((record for record in records if "arguments" not in record), None)
        given = conformance.answer(case, scorer)
        if plain is not None and not conformance.same(given, conformance.recorded(plain)):
            wrong.append((case["id"], given, plain))
        if plain is None and given != conformance.CANNOT and not conformance.agrees(case, given):
            wrong.append((case["id"], given, "not recorded"))
    assert not wrong


def test_the_page_names_true_figures():
    page = " ".join((ROOT / "book" / "conformance.md").read_text(encoding="utf-8").split())
    differ = {case["id"] for case in CASES if any("arguments" not in record for record in case.get("others", []))}
    assert f"{len(CASES)} cases" in page
    assert f"in {len(differ)} of them at least one other scorer" in page


def test_a_record_is_of_a_disagreement_or_of_another_call():
    for case in CASES:
        for record in case.get("others", []):
            assert (
                "arguments" in record
                or not conformance.agrees(case, conformance.recorded(record))
                or ("error" in case["expected"])
            ), (case["id"], record["scorer"])


def test_meeteval_is_never_asked_to_download(monkeypatch):
    monkeypatch.setattr(conformance, "meeteval_runs", lambda: False)

    def answer(case, scorer, arguments=None):
        assert scorer != "meeteval"
        return 0.0

    monkeypatch.setattr(conformance, "answer", answer)
    for case in CASES:
        assert [given for scorer, _, given, _ in conformance.findings(case) if scorer == "meeteval"]


def test_the_evidence_is_current():
    evidence = json.loads((ROOT / "data" / "evidence" / "conformance.json").read_text(encoding="utf-8"))
    assert evidence["rows"] == conformance.rows(CASES)
    assert f"{len(CASES)} cases" in evidence["protocol"]["data"]
    assert all(row["right"] == row["ours"] for row in evidence["rows"])
    assert not any("not explained" in row["why"] for row in evidence["rows"])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "25.00 %"), (math.nan, "undefined"), (math.inf, "infinite"), ("cannot", "–"), ("error", "refuses"),
     ("ValueError", "fails: ValueError")],
)  # fmt: skip
def test_answers_are_shown(value, text):
    assert conformance.shown(value) == text
