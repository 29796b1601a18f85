import random
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook import rttm
from diarbook.errors import OptionError, RttmError
from diarbook.rttm import (
    format_rttm,
    parse_content,
    parse_rttm,
    parse_uem,
    read_rttm,
    read_rttms,
    read_uem,
    write_rttm,
)
from diarbook.rttm import parse as rttm_parse
from diarbook.rttm.parse import Mark, name_recordings, seem_milliseconds
from diarbook.turns import Turn

GOOD = "SPEAKER call 1 0.5 1.25 <NA> <NA> A <NA> <NA>"
milliseconds = st.integers(0, 36_000_000)
names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=6).filter(
    lambda name: name.isprintable() and unicodedata.normalize("NFC", name) == name
)


@st.composite
def diarizations(draw):
    rows = draw(st.lists(st.tuples(milliseconds, milliseconds, names), max_size=20))
    return sorted(Turn(min(a, b) / 1000, max(a, b) / 1000, name) for a, b, name in rows)


def test_a_line_by_hand():
    assert parse_rttm(GOOD) == {"call": [Turn(0.5, 1.75, "A")]}
    assert format_rttm([Turn(0.5, 1.75, "A")], "call") == "SPEAKER call 1 0.500 1.250 <NA> <NA> A <NA> <NA>\n"


@given(diarizations(), names)
def test_what_is_written_is_read(turns, name):
    assert parse_rttm(format_rttm(turns, name)) == ({name: turns} if turns else {})


@given(diarizations())
def test_pyannote_reads_what_we_write(turns):
    """Same lines through pyannote.database's own reader."""
    import tempfile

    from pyannote.database.util import load_rttm

    kept = [Turn(t.start, t.end, f"S{index % 3}") for index, t in enumerate(turns) if t.duration > 0]
    with tempfile.NamedTemporaryFile("w", suffix=".rttm") as file:
        file.write(format_rttm(kept, "call"))
        file.flush()
        read = load_rttm(file.name)
    tracks = read["call"].itertracks(yield_label=True) if kept else []
    theirs = sorted((segment.start, segment.end, label) for segment, _, label in tracks)
    ours = sorted((t.start, t.end, t.speaker) for t in kept)
    assert [row[2] for row in theirs] == [row[2] for row in ours] or len({row[:2] for row in ours}) < len(ours)
    np.testing.assert_allclose([row[:2] for row in theirs], [row[:2] for row in ours], atol=1e-6)


@given(st.integers(0, 2**32))
def test_the_fast_reader_equals_the_careful_one(seed):
    """Random edits of sound lines: both paths accept the same text with the same turns, or refuse it alike."""
    rng = random.Random(seed)
    fields = GOOD.split()
    lines = []
    for _ in range(rng.randint(1, 5)):
        row = list(fields)
        for _ in range(rng.choice([0, 0, 0, 1])):
            index = rng.randrange(len(row))
            row[index] = rng.choice(["SPEAKER", "x", "1e3", "1_0", "-1", "nan", "٣", ";;", "0.1", "LEXEME"])
        lines.append(rng.choice([" ", "\t", "  "]).join(row[: rng.choice([7, 8, 9, 10, 10, 10])]))
    text = rng.choice(["\n", "\r\n"]).join(lines) + rng.choice(["", "\n", "\n\n"])

    def outcome(read):
        try:
            return read()
        except RttmError as error:
            return str(error)

    fast = outcome(lambda: parse_rttm(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rttm_parse, "_uniform_columns", lambda block: None)
        assert outcome(lambda: parse_rttm(text)) == fast


def test_comments_other_records_blank_lines_and_unicode():
    text = (
        "\ufeff;; a comment\n\n"
        "SPKR-INFO call 1 <NA> <NA> <NA> unknown A <NA>\r\n" + GOOD.replace(" A ", " Me\u0301O ") + "\r\n"
        "SPEAKER other 1 0 1 <NA> <NA> B\n"
    )
    assert parse_rttm(text.encode()) == {"call": [Turn(0.5, 1.75, "M\u00e9O")], "other": [Turn(0, 1, "B")]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKR call 1 0 1 <NA> <NA> A", "a line starts with a record type such as SPEAKER, got 'SPEAKR'"),
        ("SPEAKER call 1 0 1", "a SPEAKER line has 10 fields (8 at least), got 5"),
        (GOOD + " extra", "got 11"),
        (GOOD.replace("0.5", "half"), "start must be a number of seconds, got 'half'"),
        (GOOD.replace("0.5", "1_0"), "start must be a number of seconds, got '1_0'"),
        (GOOD.replace("0.5", "-1"), "start must be 0 or more and finite, got '-1'"),
        (GOOD.replace("1.25", "nan"), "duration must be 0 or more and finite, got 'nan'"),
        (GOOD.replace("1.25", "inf"), "duration must be 0 or more and finite, got 'inf'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, message):
    path = tmp_path / "bad.rttm"
    path.write_text(f"{GOOD}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(RttmError) as caught:
        read_rttm(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(RttmError, match="no such file"):
        read_rttm(tmp_path / "none.rttm")
    with pytest.raises(RttmError, match="is a folder"):
        read_uem(tmp_path)
    (tmp_path / "latin.rttm").write_bytes(GOOD.replace("A", "\u00e9").encode("latin-1"))
    with pytest.raises(RttmError, match="is not UTF-8"):
        read_rttm(tmp_path / "latin.rttm")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is empty"),
        ("two words", "contains a space, which RTTM cannot hold; use _"),
        ("tab\tinside", r"holds the control character U\+0009"),
        ("new\nline", r"holds the control character U\+000A"),
        ("no-break\u00a0space", "NO-BREAK SPACE"),
        ("\x1b[31mred", r"holds the control character U\+001B"),
        ("a" * 256, "256 bytes"),
    ],
)
def test_a_name_that_the_format_cannot_hold(name, message):
    for arguments in ([[Turn(0, 1, name)], "call"], [[Turn(0, 1, "A")], name]):
        with pytest.raises(RttmError, match=message):
            format_rttm(*arguments)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # Nine columns and a space in the name make ten fields.
        ("SPEAKER a 1 0 10 <NA> <NA> Ann Lee <NA>", "field 9 must be <NA> or a number, got 'Lee'; if the speaker's"),
        ("SPEAKER a 1 0 10 <NA> <NA> Ann Lee", "field 9 must be <NA> or a number, got 'Lee'"),
        ("SPEAKER a 1 0 10 <NA> <NA> Ann Mary Lee", "field 9 must be <NA> or a number, got 'Mary'"),
        ("SPEAKER a 1 0 10 <NA> <NA> Speaker 2 <NA>", "field 9 must be <NA> or a confidence of 0 to 1, got '2'"),
        ("SPEAKER a 1 0 10 <NA> <NA> Speaker 1 b", "field 10 must be <NA> or a number, got 'b'"),
        ("SPEAKER my file 1 0 10 <NA> <NA> A <NA>", "field 6 must be <NA>, got '10'; if a name before it"),
        ("SPEAKER my file 1 0 10 <NA> <NA> A", "field 6 must be <NA>, got '10'"),
        ("SPEAKER a 1 0 10 <NA> 7 A <NA> <NA>", "field 7 must be <NA>, got '7'"),
        ("SPEAKER a 1 0 10 <NA> Ann <NA> <NA>", "field 7 must be <NA>, got 'Ann'; the speaker's name is field 8"),
        (GOOD + " extra", "got 11; names must not contain spaces: use _"),
        (
            GOOD.replace(" A ", " Jean\u00a0Luc "),
            r"got 11; the NO-BREAK SPACE (U+00A0) after 'Jean' is white space; use _",
        ),
        (GOOD.replace(" A ", " A\u3000B ")[:-5], r"got 'B'; the IDEOGRAPHIC SPACE (U+3000) after 'A' is white space"),
        (f"{GOOD}\r{GOOD}\r", "lines end with a carriage return alone; convert to LF line ends"),
        (GOOD.replace(" A ", " \x1b[31mA "), "speaker name '\\x1b[31mA' holds the control character U+001B; remove it"),
        (GOOD.replace("call", "ca\u200bll"), "recording name 'ca\\u200bll' holds the character U+200B"),
        (GOOD.replace("call 1", "call \x07"), "channel name '\\x07' holds the control character U+0007"),
        (GOOD.replace("call", "c" * 256), "has 256 bytes, at most 255 are kept; shorten it"),
        (
            GOOD.replace("0.5", "0,5"),
            "start must be a number of seconds, got '0,5'; write the decimal point as a point",
        ),
    ],
)
def test_what_would_be_read_wrongly_is_refused_with_line_and_remedy(line, message):
    for text in (f"{GOOD}\n{line}\n", f";; careful\n{line}\n"):
        with pytest.raises(RttmError) as caught:
            parse_rttm(text)
        assert str(caught.value).startswith("RTTM:2: ")
        assert message in str(caught.value)


@pytest.mark.parametrize("tail", ["", " <NA>", " 0.93", " 1", " 0", " -12.5 <NA>", " <na> <NA>", " <NA> 3.5"])
def test_a_confidence_is_no_part_of_the_name(tail):
    assert parse_rttm(f"SPEAKER a 1 0 10 <NA> <NA> Ann{tail}\n") == {"a": [Turn(0, 10, "Ann")]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00", "RTTM:1: the file is audio, not text; name the file that says who"),
        (b"OggS\x00\x02\x00\x00", "RTTM:1: the file is audio"),
        (b"\x1f\x8b\x08\x00SPEAKER", "RTTM:1: the file is compressed; decompress it first"),
        (b"PK\x03\x04\x00\x00", "RTTM:1: the file is an archive"),
        (GOOD.encode("utf-16"), "RTTM:1: the file is UTF-16; save it as UTF-8"),
        (
            f"{GOOD}\n{GOOD}".replace("A", "é").encode("latin-1"),
            "RTTM:1: byte 0xe9 is not UTF-8; save the file as UTF-8",
        ),
    ],
)
def test_what_is_no_text_is_called_what_it_is(data, message):
    for parse in (parse_rttm, parse_uem):
        with pytest.raises(RttmError) as caught:
            parse(data, "RTTM")
        assert message in str(caught.value)


def test_files_that_were_joined_with_their_byte_order_marks_are_read():
    text = f"\ufeff{GOOD}\n\ufeff{GOOD.replace('call', 'talk')}\n".encode()
    assert parse_rttm(text) == {"call": [Turn(0.5, 1.75, "A")], "talk": [Turn(0.5, 1.75, "A")]}


def test_rows_that_only_look_like_lines_are_not_read_as_lines():
    """Ten and eight fields look like two rows of nine when a field that is none holds the word SPEAKER."""
    text = "SPEAKER a 1 0 1 <NA> <NA> A <NA> SPEAKER\nSPEAKER b 2 5 <NA> <NA> B 0.5\n"
    with pytest.raises(RttmError, match=r"^RTTM:1: field 10 must be <NA> or a number, got 'SPEAKER'"):
        parse_rttm(text)
    assert parse_rttm("SPEAKER SPEAKER 1 0 1 <NA> <NA> SPEAKER\n") == {"SPEAKER": [Turn(0, 1, "SPEAKER")]}


TWO_CHANNELS = "SPEAKER a 1 0 10 <NA> <NA> A <NA> <NA>\nSPEAKER a 2 0 10 <NA> <NA> A <NA> <NA>\n"


def test_channels_are_kept_apart():
    assert parse_rttm(TWO_CHANNELS + GOOD) == {
        "a/1": [Turn(0, 10, "A")],
        "a/2": [Turn(0, 10, "A")],
        "call": [Turn(0.5, 1.75, "A")],
    }
    assert parse_rttm(TWO_CHANNELS.replace("a 2", "a 1")) == {"a": [Turn(0, 10, "A")] * 2}
    # As md-eval, which writes channels in small letters.
    assert parse_rttm(TWO_CHANNELS.replace("a 1", "a A").replace("a 2", "a a")) == {"a": [Turn(0, 10, "A")] * 2}
    regions = parse_uem("a 1 0 5\na 2 1 6\nb A 0 1\n")
    assert {name: rows.tolist() for name, rows in regions.items()} == {"a/1": [[0, 5]], "a/2": [[1, 6]], "b": [[0, 1]]}


def test_a_recording_that_is_called_like_a_channel_is_refused():
    with pytest.raises(RttmError, match="'a/1' is a recording and a channel of another one"):
        parse_rttm(TWO_CHANNELS + GOOD.replace("call", "a/1"))


def test_a_recording_is_split_on_every_side_where_one_side_has_several_channels():
    left, right, one = ("a", "1"), ("a", "2"), ("b", "A")
    assert name_recordings({left: 1, right: 2, one: 3}, {left: 4, ("b", "1"): 5}) == (
        {"a/1": 1, "a/2": 2, "b": 3},
        {"a/1": 4, "b": 5},
    )


def test_channels_of_a_folder_may_lie_in_files_of_their_own(tmp_path):
    for number, line in enumerate(TWO_CHANNELS.splitlines(), 1):
        (tmp_path / f"a-{number}.rttm").write_text(line)
    assert read_rttms(tmp_path) == parse_rttm(TWO_CHANNELS)


def test_other_records_become_marks_by_file_and_channel():
    text = (
        "NOSCORE a 1 5 5 <NA> <NA> <NA> <NA> <NA>\n" + GOOD + "\n"
        "NON-LEX a 1 1.5* 2* <NA> Laugh A <NA> <NA>\nSU a 2 3 <NA> <NA> statement A <NA> <NA>\n"
    )
    assert parse_content(text).marks == {
        ("a", "1"): [Mark(1.5, 3.5, "NON-LEX", "laugh"), Mark(5.0, 10.0, "NOSCORE", "<na>")],
        ("a", "2"): [Mark(3.0, 3.0, "SU", "statement")],
    }
    assert parse_content(GOOD).marks == {}
    with pytest.raises(RttmError, match="RTTM:2: start must be a number of seconds, got 'x'"):
        parse_content(f"{GOOD}\nNOSCORE a 1 x 5 <NA> <NA> <NA>\n")
    with pytest.raises(RttmError, match="RTTM:1: a NOSCORE line has 7 fields or more, got 3"):
        parse_content("NOSCORE a 1\n")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1000, 3000), (20_000, 23_000)], True),
        ([(1.5, 300), (400, 700)], False),
        ([(0, 3600)], False),
        ([(0, 3), (5, 7), (10, 200)], False),
    ],
)
def test_times_that_are_probably_milliseconds(rows, expected):
    assert seem_milliseconds([Turn(start, end, "A") for start, end in rows]) is expected


def test_names_are_written_in_nfc():
    assert format_rttm([Turn(0, 1, "Jose\u0301")], "e\u0301") == "SPEAKER é 1 0.000 1.000 <NA> <NA> José <NA> <NA>\n"
    assert rttm.rttm_name("Jose\u0301 \u00a0 Luis\t") == "José_Luis"


def test_turns_that_touch_still_touch():
    edges = [0.0, 0.0005, 1.00049, 2.9999]
    turns = [Turn(a, b, "A") for a, b in pairwise(edges)]
    read = parse_rttm(format_rttm(turns, "call"))["call"]
    assert [t.end for t in read[:-1]] == [t.start for t in read[1:]]


def test_decimals():
    assert " 0.12346 1.00000 " in format_rttm([Turn(0.123456, 1.123456, "A")], "call", decimals=5)
    with pytest.raises(OptionError, match="decimals"):
        format_rttm([], "call", decimals=12)


def test_write_and_read_several_recordings(tmp_path):
    recordings = {"b": [Turn(0, 1, "A")], "a": [Turn(2, 3, "B"), Turn(4, 5, "A")]}
    write_rttm(tmp_path / "all.rttm", recordings)
    assert read_rttm(tmp_path / "all.rttm") == recordings
    assert list(read_rttm(tmp_path / "all.rttm")) == ["b", "a"]


def test_an_unfit_name_writes_nothing(tmp_path):
    with pytest.raises(RttmError):
        write_rttm(tmp_path / "all.rttm", {"a": [Turn(0, 1, "A")], "b b": [Turn(0, 1, "A")]})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_files(tmp_path):
    (tmp_path / "one.rttm").write_text(GOOD + "\n")
    (tmp_path / "silent.rttm").write_text("")
    assert read_rttms(tmp_path) == {"call": [Turn(0.5, 1.75, "A")], "silent": []}
    (tmp_path / "two.rttm").write_text(GOOD + "\n")
    with pytest.raises(RttmError, match="is also in"):
        read_rttms(tmp_path)


def test_uem():
    regions = parse_uem(";; c\ncall 1 10 20.5\ncall 1 0 5\nb 1 0 1\n")
    np.testing.assert_array_equal(regions["call"], [[0, 5], [10, 20.5]])
    assert list(regions) == ["call", "b"]


@pytest.mark.parametrize(
    ("line", "message"),
    [("call 1 0", "4 fields"), ("call 1 x 5", "start must be a number"), ("call 1 5 2", "must end after it starts")],
)
def test_a_malformed_uem_line_is_named(tmp_path, line, message):
    (tmp_path / "bad.uem").write_text(f"call 1 0 5\n{line}\n")
    with pytest.raises(RttmError, match=rf"bad\.uem:2: .*{message}"):
        read_uem(tmp_path / "bad.uem")


def test_turns_of_one_recording_from_rttm_or_from_labels(tmp_path):
    (tmp_path / "a.rttm").write_text("SPEAKER call 1 0.5 1.0 <NA> <NA> Ann <NA> <NA>\n")
    (tmp_path / "a.txt").write_text("\ufeff0.5\t1.5\tAnn\n\\\t100\t200\n", encoding="utf-8")
    (tmp_path / "none.rttm").write_text("; nothing\n")
    expected = [Turn(0.5, 1.5, "Ann")]
    assert rttm.read_turns(tmp_path / "a.rttm", "call") == rttm.read_turns(tmp_path / "a.txt", "any") == expected
    with pytest.raises(RttmError, match=r"a\.rttm: has no turns of 'talk', only of call; correct one"):
        rttm.read_turns(tmp_path / "a.rttm", "talk")
    with pytest.raises(RttmError, match="only of nobody"):
        rttm.read_turns(tmp_path / "none.rttm", "talk")
    (tmp_path / "a.txt").write_text("0.5 1.5 Ann\n")
    with pytest.raises(RttmError, match=r"a\.txt:1: expected start, end and a name"):
        rttm.read_turns(tmp_path / "a.txt", "any")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/random"])
def test_a_device_without_an_end_is_refused(device):
    with pytest.raises(RttmError, match="is a device"):
        read_rttm(device)
    assert read_rttm("/dev/null") == {}
