import json
from datetime import UTC, datetime

import numpy as np
import pytest

from diarbook.cli import main
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DIARBOOK_STORE", str(tmp_path / "v.db"))
    people = [("Ann Lee", float("nan"), {}), ("Bob", 0.5, {"room": "3"})]
    with VoiceprintStore(tmp_path / "v.db") as opened:
        for name, quality, metadata in people:
            vector = np.random.default_rng(len(name)).normal(size=4)
            consent = Consent("agreed", GIVEN)
            opened.add(Voiceprint(name, vector, "campplus", "v1", 7.25, 2, quality, GIVEN, consent, metadata))
    return tmp_path / "v.db"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["store", *map(str, arguments)])
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


def test_list(store, capsys):
    status, out, err = run(capsys, "list")
    assert (status, err) == (0, "")
    assert out.split("\n")[0] == "2 voiceprints of campplus v1, 4 dimensions"
    assert out.split("\n")[1] == "Ann Lee\t7.2 s\t2 samples\t2026-01-01"
    rows = [json.loads(line) for line in run(capsys, "list", "--json")[1].splitlines()]
    assert [(row["name"], row["quality"], row["model_version"]) for row in rows] == [
        ("Ann Lee", None, "v1"),
        ("Bob", 0.5, "v1"),
    ]
    assert all("vector" not in row for row in rows)


def test_show(store, capsys):
    status, out, _ = run(capsys, "show", "Bob")
    assert status == 0
    for expected in ("model          campplus", "model version  v1", "metadata       room 3", "consent        agreed"):
        assert expected in out
    assert "expires        -" in out
    assert json.loads(run(capsys, "show", "Ann Lee", "--json")[1])["net_speech"] == 7.25


def test_delete_asks_first(store, capsys, monkeypatch):
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert run(capsys, "delete", "Bob")[0] == 130
    with VoiceprintStore(store) as opened:
        assert "Bob" in opened
    status, out, err = run(capsys, "delete", "Bob", "--yes")
    assert (status, out, err) == (0, "", "Bob is deleted\n")
    with VoiceprintStore(store) as opened:
        assert opened.names() == ["Ann Lee"]


def test_export_and_import(store, capsys, tmp_path):
    assert run(capsys, "export", tmp_path / "out.jsonl")[2].startswith("2 voiceprints written")
    other = tmp_path / "other.db"
    assert run(capsys, "--store", other, "import", tmp_path / "out.jsonl")[0] == 0
    assert run(capsys, "--store", other, "list")[1] == run(capsys, "list")[1]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["show", "Eve"], 1, "nobody is called 'Eve'; `diarbook store list` shows the names"),
        (["delete", "Eve", "--yes"], 1, "nobody is called 'Eve'"),
        (["--store", "none.db", "list"], 1, "none.db: no such store; enroll somebody first"),
        (["import", "none.jsonl"], 1, "none.jsonl: cannot be read"),
        (["paint"], 2, "No such command 'paint'"),
    ],
)
def test_errors_are_one_line(store, capsys, arguments, status, message):
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (status, "", 1)
    assert message in err
