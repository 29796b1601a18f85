import json
import math

import pytest

from diarbook.cli import main
from diarbook.metrics import diarization_errors, pool
from diarbook.rttm import read_rttm, write_rttm
from diarbook.turns import Turn

REFERENCE = {"a": [Turn(0, 10, "A"), Turn(8, 12, "B")], "b": [Turn(0, 2, "A")]}
HYPOTHESIS = {"a": [Turn(1, 11, "x"), Turn(11, 13, "y")], "b": [Turn(0, 1, "x")]}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rttm("ref.rttm", REFERENCE)
    write_rttm("hyp.rttm", HYPOTHESIS)
    (tmp_path / "all.uem").write_text("a 1 0.000 5.000\nb 1 0.000 5.000\n")
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["score", *map(str, arguments)])
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


def test_table(files, capsys):
    status, out, err = run(capsys, "ref.rttm", "hyp.rttm", "--per-file", "--jer", "--bootstrap")
    assert (status, err) == (0, "")
    assert out.startswith("Protocol: no collar, overlap scored")
    for expected in ("\na ", "\nb ", "pooled (2 files)", "mean of 2 files", "JER %", "95% interval"):
        assert expected in out


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, []),
        ({"collar": 0.25}, ["--preset", "fair"]),
        ({"collar": 0.25, "skip_overlap": True}, ["--preset", "forgiving"]),
        ({"collar": 0.25, "region": "reference"}, ["--preset", "nist"]),
        ({"mapping": "after_collar"}, ["--preset", "pyannote"]),
        ({"collar": 0.5, "skip_overlap": True}, ["--collar", 0.5, "--skip-overlap"]),
        ({"collar": 0.25, "skip_overlap": False}, ["--preset", "forgiving", "--score-overlap"]),
        ({"region": "reference"}, ["--region", "reference"]),
    ],
)  # fmt: skip
def test_json_equals_the_library(files, capsys, options, arguments):
    status, out, _ = run(capsys, "ref.rttm", "hyp.rttm", "--json", *arguments)
    document = json.loads(out)
    assert status == 0
    errors = diarization_errors(REFERENCE, HYPOTHESIS, **options)
    assert document["pooled"]["der"] == pool(errors.values()).rate
    assert set(document["pooled"]) == {"der", "missed", "false_alarm", "confusion", "total", "jer"}
    assert {name: entry["missed"] for name, entry in document["files"].items()} == {
        name: error.missed for name, error in errors.items()
    }
    for option, value in options.items():
        assert document["protocol"][option] == value


def test_uem(files, capsys):
    _, out, _ = run(capsys, "ref.rttm", "hyp.rttm", "--uem", "all.uem", "--json")
    assert json.loads(out)["pooled"]["total"] == 5 + 2


def test_folders_equal_one_file(files, capsys):
    for side, recordings in (("refs", REFERENCE), ("hyps", HYPOTHESIS)):
        (files / side).mkdir()
        for name, turns in recordings.items():
            write_rttm(files / side / f"{name}.rttm", {name: turns})
    both = [json.loads(run(capsys, *pair, "--json")[1]) for pair in (("ref.rttm", "hyp.rttm"), ("refs", "hyps"))]
    assert both[0] == both[1]
    # An empty file in a folder is a recording in which nobody was found.
    (files / "hyps" / "b.rttm").write_text("")
    status, out, _ = run(capsys, "refs", "hyps", "--json")
    assert status == 0
    assert json.loads(out)["files"]["b"]["der"] == 1


def test_no_speech_is_null_with_a_reason(files, capsys):
    _, out, _ = run(capsys, "ref.rttm", "hyp.rttm", "--collar", "100", "--json")
    pooled = json.loads(out)["pooled"]
    assert pooled["der"] is None
    assert pooled["reason"]
    assert "NaN" not in out


def test_missing_and_extra_files(files, capsys):
    write_rttm("one.rttm", {"a": HYPOTHESIS["a"]})
    status, out, err = run(capsys, "ref.rttm", "one.rttm")
    assert (status, out) == (1, "")
    assert err.startswith("diarbook: the hypothesis lacks 'b'")
    assert run(capsys, "ref.rttm", "one.rttm", "--allow-missing")[0] == 0
    assert run(capsys, "one.rttm", "ref.rttm")[0] == 1
    assert run(capsys, "one.rttm", "ref.rttm", "--allow-extra")[0] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\nSPEAKER a 1 zero 1 <NA> <NA> A <NA> <NA>\n", "bad.rttm:2: start must be a number of seconds, got 'zero'"),
        ("SPEAKER a 1 0 1\n", "bad.rttm:1: a SPEAKER line has 10 fields (8 at least), got 5"),
        ("\n;; note\na 0 1 A\n", "bad.rttm:3: a line starts with a record type such as SPEAKER, got 'a'"),
        ("SPEAKER a 1 0 -1 <NA> <NA> A <NA> <NA>\n", "bad.rttm:1: duration must be 0 or more and finite, got '-1'"),
        ("SPEAKER a 1 0 nan <NA> <NA> A <NA> <NA>\n", "bad.rttm:1: duration must be 0 or more and finite, got 'nan'"),
    ],
)  # fmt: skip
def test_malformed_rttm_names_file_line_and_what_was_expected(files, capsys, text, expected):
    (files / "bad.rttm").write_text(text)
    for pair in (("bad.rttm", "hyp.rttm"), ("ref.rttm", "bad.rttm")):
        assert run(capsys, *pair) == (1, "", f"diarbook: {expected}\n")


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["nowhere.rttm", "hyp.rttm"], 1, "nowhere.rttm: no such file"),
        (["ref.rttm", "."], 1, "is also in"),
        (["ref.rttm", "hyp.rttm", "--uem", "ref.rttm"], 1, "ref.rttm:1: a UEM line has 4 fields"),
        (["ref.rttm", "hyp.rttm", "--collar", "-1"], 1, "collar must be 0 s or more"),
        (["ref.rttm", "hyp.rttm", "--collar", "wide"], 2, "not a valid float"),
        (["ref.rttm", "hyp.rttm", "--preset", "kind"], 2, "forgiving"),
        (["ref.rttm", "hyp.rttm", "--bootstrap", "--level", "95"], 1, "level must lie between 0 and 1"),
        (["ref.rttm"], 2, "Missing argument"),
    ],
)
def test_wrong_use_is_one_line(files, capsys, arguments, status, expected):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (status, "")
    assert expected in err
    assert err.count("\n") == 1


def test_files_written_and_read_score_as_in_memory(files):
    assert read_rttm("ref.rttm") == {name: sorted(turns) for name, turns in REFERENCE.items()}
    assert not math.isnan(pool(diarization_errors(REFERENCE, HYPOTHESIS).values()).rate)
