"""Evidence is written whole, with a card that says what ran where, and cannot be patched afterwards."""

import ast
import json
import platform
import re

import pytest
from tests.pages import ROOT

from diarbook.assets import sha256_of, weights_path
from diarbook.errors import KnowledgeError
from diarbook.knowledge import measuring
from diarbook.knowledge.evidence import PROTOCOL, load_evidence
from diarbook.knowledge.measuring import write_evidence

CARD = {"data": "three numbers", "command": "python benchmarks/three.py", "collar_each_side": 0.0}
COLUMNS = {"system": "System", "der": "DER, %"}
ROWS = [{"system": "ours", "der": 12.5}, {"system": "theirs", "der": 13.0}]


@pytest.fixture
def written(tmp_path):
    return write_evidence(
        "three", "Three", CARD, COLUMNS, ROWS, packages=["numpy"], models=["campplus"], folder=tmp_path
    )


def test_a_card_says_what_ran_and_where(written):
    evidence = load_evidence(written)
    card = evidence.protocol
    assert list(evidence.rows) == ROWS
    assert list(card) == [field for field in PROTOCOL if field in card]
    assert re.match(r"\d+ cores", card["machine"])
    assert platform.python_version() in card["machine"]
    assert card["processor"]
    assert card["packages"].startswith("numpy ")
    assert card["weights"] == f"campplus (sha256 {sha256_of(weights_path('campplus'))[:12]})"
    assert card["models"].startswith("CAM++: ")
    assert re.fullmatch(r"[0-9a-f]{12}(, with changes)?|not in a checkout", card["commit"])


def test_what_does_not_apply_is_left_out(written):
    assert not {"vad", "region", "overlap", "tuned_on"} & set(load_evidence(written).protocol)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["rows"].append({"system": "another run", "der": 1.0}),
        lambda content: content["rows"][0].update(der=12.4),
        lambda content: content["rows"].reverse(),
        lambda content: content["protocol"].update(date="2030-01-01"),
        lambda content: content["columns"].update(der="DER"),
    ],
)
def test_rows_of_another_run_are_refused(written, change):
    content = json.loads(written.read_text())
    change(content)
    written.write_text(json.dumps(content))
    with pytest.raises(KnowledgeError, match="was changed after the run that its card describes; run `make bench`"):
        load_evidence(written)


@pytest.mark.parametrize("field", ["mood", "processor", "run", "date"])
def test_a_card_does_not_say_what_is_measured(tmp_path, field):
    with pytest.raises(KnowledgeError, match=f"three: a card's field '{field}'"):
        write_evidence("three", "T", {**CARD, field: "x"}, COLUMNS, ROWS, packages=[], folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_processor_has_a_name_even_without_proc(monkeypatch):
    monkeypatch.setattr(measuring.Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert measuring.processor()


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_no_benchmark_writes_evidence_another_way_or_keeps_rows_of_an_earlier_run(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert "evidence" not in texts
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert "write_atomically" not in calls
