import io
import json
import math
import time

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
    for expected in ("\na ", "\nb ", "pooled (2 files)", "mean of 2 files", "JER %", "range of the DER of 2 files"):
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
        status, out, err = run(capsys, *pair)
        assert (status, out) == (1, "")
        assert err.startswith(f"diarbook: {expected}; ")
        assert err.count("\n") == 1


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
        (["ref.rttm", "hyp.rttm", "--bootstrap", "--samples", "1000000000"], 2, "1<=x<=1000000"),
        (["-", "-"], 2, "standard input (-) can be given once only"),
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


NOSCORE_REFERENCE = "SPEAKER a 1 0 10 <NA> <NA> A <NA> <NA>\nNOSCORE a 1 5 5 <NA> <NA> <NA> <NA> <NA>\n"
LAUGH_REFERENCE = "SPEAKER a 1 0 10 <NA> <NA> A <NA> <NA>\nNON-LEX a 1 5 3 <NA> laugh A <NA> <NA>\n"


@pytest.mark.parametrize(
    ("reference", "rate", "total", "kind"),
    [(NOSCORE_REFERENCE, 0.0, 5.0, "1 NOSCORE record"), (LAUGH_REFERENCE, 0.25, 6.0, "1 NON-LEX record")],
)
def test_marked_time_is_left_out_as_by_md_eval_and_otherwise_mentioned(files, capsys, reference, rate, total, kind):
    """Values of md-eval-22.pl: 0.00 % of 5 s and 25.00 % of 6 s."""
    (files / "marked.rttm").write_text(reference)
    (files / "half.rttm").write_text("SPEAKER a 1 0 5 <NA> <NA> x <NA> <NA>\n")
    pair = "marked.rttm", "half.rttm", "--json"
    status, out, err = run(capsys, *pair, "--preset", "nist", "--collar", "0")
    assert (status, err) == (0, "")
    assert json.loads(out)["pooled"]["der"] == rate
    assert json.loads(out)["pooled"]["total"] == total
    assert json.loads(out)["protocol"]["skip_marked"] is True
    assert json.loads(run(capsys, *pair, "--skip-marked")[1])["pooled"]["total"] == total
    for arguments in ([], ["--preset", "nist", "--collar", "0", "--score-marked"]):
        status, out, err = run(capsys, *pair, *arguments)
        assert json.loads(out)["pooled"]["der"] == 0.5
        assert err == f"diarbook: note: marked.rttm: passed over {kind}; --skip-marked leaves out what they mark\n"
    assert "NOSCORE and NON-LEX left out" in run(capsys, *pair[:2], "--preset", "nist")[1]
    assert run(capsys, *pair, "--quiet")[2] == ""


def test_a_channel_that_the_hypothesis_lacks_counts_as_missed(files, capsys):
    """md-eval-22.pl says 50.00 % of 20 s; one channel was lost, and 0.00 % of 10 s printed."""
    lines = [f"SPEAKER a {channel} 0 10 <NA> <NA> A <NA> <NA>\n" for channel in (1, 2)]
    (files / "two.rttm").write_text("".join(lines))
    (files / "one.rttm").write_text(lines[0].replace(" A ", " x "))
    status, out, err = run(capsys, "two.rttm", "one.rttm", "--json")
    assert status == 0
    assert json.loads(out)["pooled"]["der"] == 0.5
    assert json.loads(out)["pooled"]["total"] == 20
    assert {name: entry["der"] for name, entry in json.loads(out)["files"].items()} == {"a/1": 0, "a/2": 1}
    assert err == "diarbook: note: the hypothesis has no channel 2 of 'a': it finds nobody there\n"
    (files / "one.uem").write_text("a 1 0 10\n")
    status, out, err = run(capsys, "two.rttm", "one.rttm", "--uem", "one.uem")
    assert (status, out) == (1, "")
    assert err.startswith("diarbook: the UEM lacks 'a/2'")
    (files / "both.uem").write_text("a 1 0 10\na 2 0 5\n")
    assert json.loads(run(capsys, "two.rttm", "one.rttm", "--uem", "both.uem", "--json")[1])["pooled"]["total"] == 15
    # Another name of the only channel means nothing; another name of one of two is an error with a hint.
    (files / "letter.rttm").write_text(lines[0].replace("a 1", "a A"))
    assert json.loads(run(capsys, "one.rttm", "letter.rttm", "--json")[1])["pooled"]["der"] == 0
    status, _, err = run(capsys, "two.rttm", "letter.rttm")
    assert status == 1
    assert "the hypothesis lacks 'a/1', 'a/2'; it has 'a/a': give both the same name" in err


@pytest.mark.parametrize(
    ("name", "hint"),
    [("a.wav", "it has 'a.wav'"), ("audio/a.flac", "it has 'audio/a.flac'"), ("A", "it has 'A'"), ("other", "add it")],
)
def test_ids_that_differ_a_little_get_a_hint(files, capsys, name, hint):
    write_rttm("one.rttm", {"a": HYPOTHESIS["a"]})
    write_rttm("ext.rttm", {name: HYPOTHESIS["a"]})
    (files / "ext.uem").write_text(f"{name} 1 0 5\n")
    assert hint in run(capsys, "one.rttm", "ext.rttm")[2]
    err = run(capsys, "one.rttm", "one.rttm", "--uem", "ext.uem")[2]
    assert hint.replace("add it", "add its regions") in err


def test_nothing_to_score_is_an_error(files, capsys):
    for name in ("empty.rttm", "void.rttm"):
        (files / name).write_text("")
    status, out, err = run(capsys, "empty.rttm", "void.rttm")
    assert (status, out) == (1, "")
    assert err == (
        "diarbook: empty.rttm and void.rttm: hold no recording, so there is nothing to score; check that these are"
        " the files\n"
    )


def test_times_that_look_like_milliseconds_are_noted(files, capsys):
    (files / "ms.rttm").write_text("SPEAKER a 1 0 10000 <NA> <NA> x <NA> <NA>\nSPEAKER a 1 11000 2000 <NA> <NA> y\n")
    write_rttm("one.rttm", {"a": REFERENCE["a"]})
    note = "diarbook: note: hypothesis 'a': times are whole numbers and turns are long; are they milliseconds?\n"
    assert run(capsys, "one.rttm", "ms.rttm")[2] == note


@pytest.mark.parametrize("piped", ["reference", "hypothesis", "uem"])
def test_standard_input(files, capsys, monkeypatch, piped):
    paths = {"reference": "ref.rttm", "hypothesis": "hyp.rttm", "uem": "all.uem"}
    expected = run(capsys, paths["reference"], paths["hypothesis"], "--uem", paths["uem"])
    data = (files / paths[piped]).read_bytes()
    paths[piped] = "-"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run(capsys, paths["reference"], paths["hypothesis"], "--uem", paths["uem"]) == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"what\n")))
    assert (
        "diarbook: standard input:1: " in run(capsys, paths["reference"], paths["hypothesis"], "--uem", paths["uem"])[2]
    )


def test_a_name_that_would_write_to_the_terminal_is_refused(files, capsys):
    (files / "escape.rttm").write_text("SPEAKER \x1b[31ma 1 0 1 <NA> <NA> A <NA> <NA>\n")
    status, out, err = run(capsys, "escape.rttm", "escape.rttm", "--per-file")
    assert (status, out) == (1, "")
    assert "\x1b" not in err
    assert "escape.rttm:1: recording name '\\x1b[31ma' holds the control character U+001B; remove it" in err


def test_a_million_resamples_take_seconds(files, capsys):
    """They took minutes, a Python call each; a billion were begun without a word."""
    began = time.process_time()
    (files / "many.rttm").write_text("".join(f"SPEAKER f{k} 1 0 {k + 1} <NA> <NA> A <NA> <NA>\n" for k in range(5)))
    status, out, _ = run(capsys, "many.rttm", "many.rttm", "--bootstrap", "--samples", "1000000")
    assert status == 0
    assert "1000000 resamples" in out
    assert time.process_time() - began < 10  # measured: 0.3 s
