import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diarbook.cli import main
from diarbook.errors import RttmError
from diarbook.rttm import parse_rttm, parse_uem, read_rttm
from diarbook.rttm_lint import lint_rttm, lint_uem

GOOD = "SPEAKER a 1 0.500 1.000 <NA> <NA> A <NA> <NA>\n"


def line(start="0.5", duration="1.0", recording="a", speaker="A", tail=" <NA> <NA>"):
    return f"SPEAKER {recording} 1 {start} {duration} <NA> <NA> {speaker}{tail}\n"


def shown(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return [(f.line, f.column, f.severity, f.message, f.remedy) for f in lint_rttm(data, **options)]


def test_a_sound_file_has_no_fault():
    other = "LEXEME a 1 0.5 0.2 hello lex A 0.9\n;; comment\n\n"
    assert shown(GOOD + other + line("1.500", speaker="B") + line("0.1", recording="b")) == []


@pytest.mark.parametrize(
    ("text", "at", "severity", "message", "remedy"),
    [
        (GOOD + "SPEAKER a 1 0.5\n", (2, 13), "error", "10 fields", "write: SPEAKER"),
        (line(speaker="two names here"), (1, 35), "error", "got 12", "must not contain spaces"),
        ("speaker a 1 0 1 <NA> <NA> A <NA> <NA>\n", (1, 1), "error", "record type", "capitals"),
        ("hello\n", (1, 1), "error", "record type", "comment"),
        (line(start="-0.5"), (1, 13), "error", "0 or more", "negative"),
        (line(duration="nan"), (1, 17), "error", "finite", "decimal point"),
        (line(duration="1,5"), (1, 17), "error", "number of seconds", "as a point"),
        (line(start="1_0"), (1, 13), "error", "number of seconds", "decimal point"),
        (line(start="1e12"), (1, 13), "error", "below", "decimal point"),
        (line(duration="0"), (1, 17), "warning", "no length", "remove"),
        (line(speaker="<NA>"), (1, 31), "warning", "speaker is <NA>", "field 8"),
        (line(tail=" <NA>"), (1, 33), "warning", "9 fields", "<NA> <NA>"),
        (line("5") + line("1"), (2, 13), "warning", "before line 1", "sort"),
        (line("0", "5") + line("3"), (2, 13), "warning", "still speaks on line 1", "join"),
        (line() + line(recording="b") + line("9"), (3, 9), "warning", "goes on after", "together"),
        (GOOD.replace("\n", "\r\n"), (1, 46), "warning", "Windows", "LF"),
        ("\ufeff" + GOOD, (1, 1), "warning", "byte-order mark", "without"),
        (line(speaker="E\u0301va"), (1, 1), "warning", "NFC", "normalize"),
        (b"SPEAKER a 1 0 1 <NA> <NA> \xe9va <NA> <NA>\n", (1, 27), "error", "0xe9 is not UTF-8", "UTF-8"),
        (GOOD.encode("utf-16"), (1, 1), "error", "UTF-16", "UTF-8"),
        (GOOD.replace("\n", "\r"), (1, 46), "warning", "carriage return", "LF"),
        ("", (1, 1), "warning", "no SPEAKER line", "right file"),
        (b"\x00", (1, 1), "error", "record type", "comment"),
    ],
)
def test_each_fault_has_its_place_and_remedy(text, at, severity, message, remedy):
    matching = [f for f in shown(text) if f[:3] == (*at, severity) and message in f[3] and remedy in f[4]]
    assert len(matching) == 1, shown(text)


def test_times_beyond_the_audio():
    assert shown(line("0.5", "1.0"), durations={"a": 1.5, "b": 0.1}) == []
    assert "beyond the audio of 1.400 s" in shown(line("0.5", "1.0"), durations={"a": 1.4})[0][3]


def test_touching_and_other_speakers_do_not_overlap():
    assert shown(line("0", "1") + line("0.5", "1", speaker="B") + line("1", "1")) == []


def test_uem():
    def faults(text, **options):
        return [(f.line, f.column, f.severity, f.message) for f in lint_uem(text.encode(), **options)]

    assert faults("a 1 0 10\nb 1 0 10\na 1 12 20\n") == []
    assert faults("a 1 0\n")[0][:3] == (1, 5, "error")
    assert faults("a 1 5 2\n")[0][:3] == (1, 7, "error")
    assert faults("a 1 0 x\n")[0][:3] == (1, 7, "error")
    assert faults("a 1 0 10\na 1 9 20\n")[0][2:] == ("warning", "regions of 'a' overlap")
    assert faults("a 1 2 2\n")[0][2] == "warning"
    assert "beyond" in faults("a 1 0 11\n", durations={"a": 10})[0][3]


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path):
    assert lint_rttm(tmp_path / "none.rttm")[0].message == "no such file"
    assert "folder" in lint_rttm(tmp_path)[0].message


# Whatever the bytes: no crash, and what the reader refuses has an error.

tokens = st.sampled_from(
    ["SPEAKER", "LEXEME", "a", "b", "1", "0.5", "-1", "nan", "1e999", "<NA>", ";;", "é", "\u037e", "１", "\ufeff"]
)
separators = st.sampled_from([" ", "  ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00"])
lookalikes = st.lists(st.tuples(tokens, separators), max_size=40).map(
    lambda pairs: "".join(token + separator for token, separator in pairs).encode()
)
rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.text("0123456789.-e_nai", max_size=6), st.text("0123456789.", max_size=6)),
    max_size=6,
).map(lambda rows: "".join(line(start, duration, recording) for recording, start, duration in rows).encode())
encodings = st.tuples(rows, st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "latin-1"])).map(
    lambda pair: pair[0].decode().encode(pair[1])
)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=200), lookalikes, rows, encodings))
def test_the_linter_never_crashes_and_accepts_nothing_that_the_reader_rejects(data):
    for lint, parse in ((lint_rttm, parse_rttm), (lint_uem, parse_uem)):
        accepted = not any(fault.severity == "error" for fault in lint(data))
        try:
            parse(data)
            readable = True
        except RttmError:
            readable = False
        assert accepted <= readable
        for fault in lint(data, durations={"a": 1.0}):
            assert fault.line >= 1
            assert fault.column >= 1
            assert fault.message
            assert fault.remedy


@settings(max_examples=100)
@given(rows)
def test_the_linter_refuses_no_more_than_the_reader(data):
    if any(fault.severity == "error" for fault in lint_rttm(data)):
        with pytest.raises(RttmError):
            parse_rttm(data)


def test_fast_and_careful_reading_agree_on_lines_of_many_widths(tmp_path):
    lines = [line(str(k / 8), "0.25", f"r{k % 3}", f"s{k % 5}") for k in range(200)]
    uniform = parse_rttm("".join(lines))
    careful = parse_rttm(";; a comment sends every line through the careful path\n" + "".join(lines))
    assert uniform == careful
    mixed = [text.replace(" <NA> <NA>\n", "\n") if k % 2 else text for k, text in enumerate(lines)]
    (tmp_path / "mixed.rttm").write_text("".join(mixed))
    assert read_rttm(tmp_path / "mixed.rttm") == uniform


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.rttm").write_text(GOOD)
    (tmp_path / "warned.rttm").write_text(line(duration="0"))
    (tmp_path / "bad.rttm").write_text("SPEAKER\n")
    (tmp_path / "bad.uem").write_text("a 1 0\n")

    def status(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["lint", *arguments])
        return stop.value.code, capsys.readouterr()

    assert status("good.rttm")[0] == 0
    assert status("warned.rttm")[0] == 0
    assert status("warned.rttm", "--strict")[0] == 1
    code, output = status("good.rttm", "bad.rttm", "bad.uem")
    assert code == 1
    assert output.out.splitlines()[0].startswith("bad.rttm:1:1: error: ")
    assert output.out.splitlines()[1].startswith("bad.uem:1:5: error: ")
    code, output = status("bad.rttm", "--json")
    assert code == 1
    assert json.loads(output.out)[0]["line"] == 1
    assert status("good.rttm", "--audio", "nowhere")[0] == 1


def test_command_measures_the_audio(tmp_path, capsys):
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    (tmp_path / "late.rttm").write_text(line("0.5", "1.0"))
    with pytest.raises(SystemExit):
        main(["lint", str(tmp_path / "late.rttm"), "--audio", str(tmp_path), "--strict"])
    assert "beyond the audio of 1.000 s" in capsys.readouterr().out
