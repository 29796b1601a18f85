import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from diarbook.cli import main
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

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
    status, out, err = run(capsys, "delete", "Bob")
    assert (status, out) == (1, "")
    assert err.endswith("v.db: 'Bob' is not deleted; use --yes to delete without a question\n")
    with VoiceprintStore(store) as opened:
        assert "Bob" in opened
    status, out, err = run(capsys, "delete", "Bob", "--yes")
    assert (status, out, err) == (0, "", "Bob is deleted\n")
    with VoiceprintStore(store) as opened:
        assert opened.names() == ["Ann Lee"]
    assert run(capsys, "delete", "Ann Lee", "--yes", "--quiet") == (0, "", "")


def test_delete_without_a_terminal_deletes_nothing_and_says_so(store):
    command = [sys.executable, "-m", "diarbook", "store", "delete", "Bob", "--store", store]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("'Bob' is not deleted; use --yes to delete without a question\n")
    assert "interrupted" not in done.stderr
    with VoiceprintStore(store) as opened:
        assert "Bob" in opened


def test_the_store_may_be_named_before_or_behind_the_command(store, capsys, tmp_path, monkeypatch):
    wanted = run(capsys, "list")
    monkeypatch.delenv("DIARBOOK_STORE")
    assert run(capsys, "--store", store, "list") == wanted
    assert run(capsys, "list", "--store", store) == wanted
    assert run(capsys, "--store", store, "list", "--store", store) == wanted
    assert run(capsys, "show", "--store", store, "Bob")[0] == 0
    status, out, err = run(capsys, "list")
    assert (status, out) == (2, "")
    assert "Missing option '--store'; name the file, or set DIARBOOK_STORE" in err
    status, _, err = run(capsys, "--store", store, "list", "--store", "other.db")
    assert (status, "--store is given twice" in err) == (2, True)
    monkeypatch.setenv("DIARBOOK_STORE", "none.db")  # the command line is nearer
    assert run(capsys, "list", "--store", store) == wanted


def test_those_whose_consent_has_ended_are_seen_and_forgotten(store, capsys, tmp_path, monkeypatch):
    end = now() + timedelta(days=1)
    with VoiceprintStore(store) as opened:
        consent = Consent("agreed", GIVEN, end)
        opened.add(Voiceprint("Cy", np.arange(1, 5), "campplus", "v1", 7.25, 2, 0.5, GIVEN, consent))
    assert run(capsys, "expire") == (0, "", "0 consents have ended; nobody is deleted\n")
    for module in ("store", "voiceprint"):
        monkeypatch.setattr(f"diarbook.voiceprints.{module}.now", lambda: end)
    assert f"Cy\t7.2 s\t2 samples\t2026-01-01\tconsent ended {end:%Y-%m-%d}\n" in run(capsys, "list")[1]
    assert run(capsys, "show", "Cy")[0] == 0
    status, _, err = run(capsys, "export", tmp_path / "out.jsonl")
    assert (status, err.split("\n")[0]) == (
        0,
        "diarbook: note: Cy is left out: the consent has ended; delete with `diarbook store expire`",
    )
    assert "Cy" not in (tmp_path / "out.jsonl").read_text()
    assert run(capsys, "expire", "--dry-run") == (0, "Cy\n", "1 consents have ended; nobody is deleted\n")
    assert run(capsys, "expire") == (0, "Cy\n", "1 consents have ended; their voiceprints are deleted\n")
    assert "Cy" not in run(capsys, "list")[1]


def test_an_export_is_its_owner_s_alone_and_replaces_nothing_unasked(store, capsys, tmp_path):
    target = tmp_path / "out.jsonl"
    assert run(capsys, "export", target)[0] == 0
    assert target.stat().st_mode & 0o777 == 0o600
    target.write_text("precious")
    target.chmod(0o644)
    status, out, err = run(capsys, "export", target)
    assert (status, out, "there already; add --force to replace" in err) == (1, "", True)
    assert target.read_text() == "precious"
    assert run(capsys, "export", target, "--force")[0] == 0
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_damaged_row_is_reported_and_the_others_are_listed(store, capsys):
    with VoiceprintStore(store) as opened:
        opened._connection.execute("UPDATE voiceprint SET created = 'yesterday' WHERE name = 'Ann Lee'")
    status, out, err = run(capsys, "list")
    assert (status, out.count("\n"), "\nBob\t" in out, err.count("\n")) == (1, 2, True, 1)
    assert "the row of 'Ann Lee' is damaged: created is 'yesterday', expected a time" in err
    for command in (["show", "Ann Lee"], ["export", "out.jsonl"]):
        status, out, err = run(capsys, *command)
        assert (status, err.count("\n"), "the row of 'Ann Lee' is damaged" in err) == (1, 1, True)
    assert run(capsys, "delete", "Ann Lee", "--yes")[0] == 0


def test_what_a_consent_says_cannot_move_the_cursor(store, capsys):
    with VoiceprintStore(store) as opened:
        evil = "agreed\x1b[2J\nname          Eve"
        one = Voiceprint(
            "Cy", np.arange(1, 5), "campplus", "v1", 1.0, 2, 0.5, GIVEN, Consent(evil, GIVEN), {"x": "\x9b"}
        )
        opened.add(one)
    out = run(capsys, "show", "Cy")[1]
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert out.count("\nname ") == 0
    assert json.loads(run(capsys, "show", "Cy", "--json")[1])["consent"] == evil


def test_a_failed_import_makes_no_store(capsys, tmp_path):
    (tmp_path / "in.jsonl").write_text("{}\n")
    status, _, err = run(capsys, "import", tmp_path / "in.jsonl", "--store", tmp_path / "new.db")
    assert (status, "in.jsonl:1: is no voiceprint to keep: the value 'created' is missing" in err) == (1, True)
    assert not (tmp_path / "new.db").exists()


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
