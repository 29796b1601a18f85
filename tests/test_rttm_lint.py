import io
import json

import numpy as np
import pytest
import soundfile
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
        (b"\x1f\x8b\x08\x00", (1, 1), "error", "is compressed", "decompress"),
        (b"RIFF\x24\x00\x00\x00WAVE", (1, 1), "error", "is audio", "who speaks"),
        ("SPEAKER a 1 0 10 <NA> <NA> Ann Lee <NA>\n", (1, 32), "error", "field 9 must be <NA>", "use _"),
        ("SPEAKER my file 1 0 10 <NA> <NA> A <NA>\n", (1, 21), "error", "field 6 must be <NA>, got '10'", "use _"),
        ("SPEAKER a 1 0 10 <NA> Ann <NA> <NA>\n", (1, 23), "error", "field 7 must be <NA>", "field 8"),
        (line(speaker="Jean\u00a0Luc"), (1, 36), "error", "got 11", "the NO-BREAK SPACE (U+00A0) after 'Jean'"),
        (GOOD.replace("\n", "\r") * 2, (1, 1), "error", "carriage return alone", "convert to LF"),
        (line() + "\ufeff" + line(recording="b"), (2, 1), "warning", "where files were joined", "remove it"),
        (line(speaker="\x1b[31mA"), (1, 31), "error", "control character U+001B", "remove it"),
        (line(recording="a\u200b"), (1, 9), "error", "ZERO WIDTH SPACE", "remove it"),
        (line(tail=" 1 <NA>"), (1, 33), "warning", "the confidence 1 is a whole number", "use _"),
        (line("1000", "2000") + line("20000", "3000"), (1, 13), "warning", "whole numbers", "divide by 1000"),
    ],
)
def test_each_fault_has_its_place_and_remedy(text, at, severity, message, remedy):
    matching = [f for f in shown(text) if f[:3] == (*at, severity) and message in f[3] and remedy in f[4]]
    assert len(matching) == 1, shown(text)


def test_times_beyond_the_audio():
    assert shown(line("0.5", "1.0"), durations={"a": 1.5, "b": 0.1}) == []
    assert "beyond the audio of 1.400 s" in shown(line("0.5", "1.0"), durations={"a": 1.4})[0][3]


def test_a_recording_without_audio_is_named():
    fault = (2, 1, "warning", "there is no audio of 'b', so its end is not checked")
    assert [row[:4] for row in shown(line() + line(recording="b"), durations={"a": 9.0, "c": 9.0})] == [fault]
    assert [row[:4] for row in shown(line(), durations={})] == [(1, *fault[1:3], fault[3].replace("'b'", "'a'"))]
    [missing] = lint_uem(b"b 1 0 10\n", durations={"a": 5.0})
    assert missing.message == fault[3]


def test_channels_are_stated_and_not_taken_for_one():
    """The advice was to join turns of two channels, and nothing said that there are two."""
    text = line("0", "10") + line("0", "10").replace("a 1", "a 2") + line("3", "1", recording="b")
    assert shown(text) == [
        (1, 1, "note", "recording 'a' has 2 channels, 1, 2", "each is scored by itself, as a/1 and so on")
    ]
    # Lines of two channels may alternate, each in its own order.
    text += line("11").replace("a 1", "a 2") + line("10.5")
    assert [row[2:4] for row in shown(text)] == [
        ("note", "recording 'a' has 2 channels, 1, 2"),
        ("warning", "recording 'a' goes on after lines of 'b'"),
    ]
    [note] = lint_uem(b"a 1 0 10\na 2 5 10\n")
    assert (note.severity, note.message) == ("note", "recording 'a' has 2 channels, 1, 2")


def test_records_that_only_nist_heeds_are_noted():
    text = GOOD + "NOSCORE a 1 5 5 <NA> <NA> <NA>\nNON-LEX a 1 1 1 <NA> laugh A\nNON-LEX a 1 2 1 <NA> laugh A\n"
    assert [row[:4] for row in shown(text)] == [
        (2, 1, "note", "1 NOSCORE record"),
        (3, 1, "note", "2 NON-LEX records"),
    ]


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


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["lint", *map(str, arguments)])
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


@pytest.mark.parametrize(
    ("file", "recording"),
    [
        ("a.wav", "a"),
        ("my talk.wav", "my_talk"),
        ("e\u0301te\u0301.flac", "été"),
        ("a.aiff", "a"),
        ("a.w64", "a"),
        ("a.opus", "a"),
        ("a.au", "a"),
        ("a.OGG", "a"),
    ],
)
def test_audio_goes_by_the_name_that_diarize_gives_it(tmp_path, capsys, file, recording):
    """500 s in 1 s of audio were found for four extensions, and in names without spaces and accents."""
    kind = {"subtype": "OPUS", "format": "OGG"} if file.endswith("opus") else {}
    soundfile.write(tmp_path / file, np.zeros(16000), 16000, **kind)
    (tmp_path / "notes.txt").write_text("no audio")
    (tmp_path / "late.rttm").write_text(line("0.5", "500", recording=recording))
    status, out, _ = run(capsys, tmp_path / "late.rttm", "--audio", tmp_path, "--strict")
    assert status == 1
    assert "ends at 500.500 s, beyond the audio of 1.0" in out
    assert "no audio of" not in out
    (tmp_path / "late.rttm").write_text(line("0.5", "0.4", recording=recording) + line(recording="other"))
    status, out, _ = run(capsys, tmp_path / "late.rttm", "--audio", tmp_path)
    assert status == 0
    assert "late.rttm:2:1: warning: there is no audio of 'other', so its end is not checked" in out


def test_audio_that_cannot_be_read_is_an_error(tmp_path, capsys):
    (tmp_path / "a.wav").write_text("no audio")
    (tmp_path / "a.rttm").write_text(line())
    status, out, err = run(capsys, tmp_path / "a.rttm", "--audio", tmp_path)
    assert (status, out) == (1, "")
    assert "a.wav: " in err


def test_a_folder_is_its_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "a.rttm").write_text(line())
    (folder / "B.RTTM").write_text(line(recording="b", duration="0"))
    (folder / "c.uem").write_text("a 1 5 2\n")
    (folder / "readme.txt").write_text("who")
    status, out, err = run(capsys, "all")
    assert status == 1
    assert [text.split(":")[0] for text in out.splitlines()] == ["all/B.RTTM", "all/c.uem"]
    assert err == "3 files, 1 error, 1 warning\n"
    assert run(capsys, "all", "--quiet")[2] == ""
    (folder / "c.uem").unlink()
    (folder / "z.rttm").write_text(line("5"))
    status, out, _ = run(capsys, "all")
    assert status == 1
    assert "all/z.rttm:1:1: error: recording 'a' is also in all/a.rttm; keep one of them" in out
    (tmp_path / "void").mkdir()
    status, out, err = run(capsys, "void")
    assert (status, out) == (1, "")
    assert err == "diarbook: void: the folder holds no .rttm or .uem file; name another folder or a file\n"


def test_standard_input(capsys, monkeypatch):
    for text, expected in (
        (line(duration="0"), "standard input:1:17: warning: the turn has no length"),
        ("\ufeff;; UEM\na 1 5 2\n", "standard input:2:7: error: ends at 2 s before it starts at 5 s"),
        ("SPEAKER a 1 5\n", "standard input:1:13: error: a SPEAKER line has 10 fields"),
        ("SPEAKER a 1 0 10 <NA> <NA> Ann Lee <NA>\n", "standard input:1:32: error: field 9"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert expected in run(capsys, "-")[1]
    status, _, err = run(capsys, "-", "-")
    assert status == 2
    assert "standard input (-) can be given once only" in err


def test_notes_are_no_faults(tmp_path, capsys):
    (tmp_path / "two.rttm").write_text(line() + line().replace("a 1", "a 2"))
    status, out, err = run(capsys, tmp_path / "two.rttm", "--strict")
    assert status == 0
    assert ":1:1: note: recording 'a' has 2 channels, 1, 2;" in out
    assert err == "1 file, 0 errors, 0 warnings\n"
