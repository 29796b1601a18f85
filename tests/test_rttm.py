import random
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook import rttm
from diarbook.errors import OptionError, RttmError
from diarbook.rttm import format_rttm, parse_rttm, parse_uem, read_rttm, read_rttms, read_uem, write_rttm
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
        patch.setattr(rttm, "_uniform_columns", lambda block: None)
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


@pytest.mark.parametrize("name", ["", "two words", "tab\tinside", "new\nline", "no-break\u00a0space"])
def test_a_name_that_the_format_cannot_hold(name):
    for arguments in ([[Turn(0, 1, name)], "call"], [[Turn(0, 1, "A")], name]):
        with pytest.raises(RttmError, match="cannot be a name in RTTM"):
            format_rttm(*arguments)


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
