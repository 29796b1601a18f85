"""One rule for names, and what else is checked at the door."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diarbook.checks import LONGEST_NAME, check_name, check_person
from diarbook.errors import OptionError


@pytest.mark.parametrize(
    "name", ["Ann", "Ann Lee", "O'Brien", "José", "王 小明", "a" * LONGEST_NAME, "zz'] or id", "Ann_Lee"]
)
def test_a_name_that_can_be_printed_is_kept_as_it_is(name):
    assert check_name(name) == name


def test_a_name_in_pieces_is_the_same_name_in_nfc():
    assert check_name("Jose\u0301") == "José" == check_name("José")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        (" Ann", "stray spaces"),
        ("Ann ", "stray spaces"),
        ("Ann  Lee", "stray spaces"),
        ("Ann\tLee", r"control character U\+0009"),
        ("Ann\n", r"control character U\+000A"),
        ("\x1b[31mAnn", r"control character U\+001B"),
        ("Ann\u00a0Lee", r"U\+00A0 \(NO-BREAK SPACE\)"),
        ("Ann\u3000Lee", r"U\+3000 \(IDEOGRAPHIC SPACE\)"),
        ("Ann\u200b", r"U\+200B \(ZERO WIDTH SPACE\)"),
        ("Ann\u2028Lee", r"U\+2028 \(LINE SEPARATOR\)"),
        ("\u202eAnn", "RIGHT-TO-LEFT OVERRIDE"),
        ("\ufeffAnn", r"U\+FEFF"),
        ("Ann\udcff", r"U\+DCFF"),
        ("a" * (LONGEST_NAME + 1), "256 bytes"),
        ("é" * 128, "256 bytes"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused_with_its_fault(name, reason):
    with pytest.raises(OptionError, match=f"^speaker name .*{reason}"):
        check_name(name)


def test_an_error_says_what_is_named_in_one_line():
    with pytest.raises(OptionError) as error:
        check_name("a\nb" * 40_000, "recording")
    assert str(error.value).startswith("recording name 'a\\nba\\n")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    "name", ["SPEAKER_00", "speaker_7", "Speaker_123", "SPEAKER 01", "speaker01", "<NA>", "<na>", "<unk>", "Unknown"]
)
def test_the_label_of_an_unknown_speaker_is_no_name_of_a_person(name):
    assert check_name(name) == name
    with pytest.raises(OptionError, match="label of an unknown speaker"):
        check_person(name)


@pytest.mark.parametrize("name", ["SPEAKER_A", "SPEAKER_", "My SPEAKER_00", "Speaker", "NA", "unknown soldier"])
def test_a_name_that_only_resembles_a_label_is_kept(name):
    assert check_person(name) == name


@given(st.text())
@example("Å")  # one character becomes another in NFC
@example("\u0958")  # NFC takes it apart: one character becomes two
def test_a_name_that_passes_once_passes_again_unchanged(name):
    try:
        kept = check_name(name)
    except OptionError:
        return
    assert check_name(kept) == kept == unicodedata.normalize("NFC", name)
    assert kept.isprintable()
    assert kept == " ".join(kept.split())
    assert 1 <= len(kept.encode()) <= LONGEST_NAME
