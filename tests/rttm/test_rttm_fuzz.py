"""Whatever the bytes: readers of RTTM, UEM and labels answer or raise RttmError, and what they accept is sound.

``DIARBOOK_FUZZ_SECONDS=600 pytest -n0 tests/rttm/test_rttm_fuzz.py`` looks for longer; what it finds goes into FAILED.
"""

from __future__ import annotations

import os
import random
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diarbook.checks import check_name
from diarbook.errors import DiarbookError, RttmError
from diarbook.metrics.files import scoring_files
from diarbook.metrics.protocol import preset
from diarbook.metrics.report import score
from diarbook.rttm import format_rttm, parse_content, parse_rttm, parse_uem
from diarbook.rttm.parse import parse_regions
from diarbook.rttm.records import decode
from diarbook.rttm_lint import ERROR, lint_rttm, lint_standard_input, lint_uem
from diarbook.turns import from_audacity

LONG = float(os.environ.get("DIARBOOK_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("DIARBOOK_FUZZ_SEED", "1"))

SEEDS = [
    b"SPEAKER a 1 0 10 <NA> <NA> A <NA> <NA>\nSPEAKER a 2 3.5 1.25 <NA> <NA> B 0.9\n",
    b"\xef\xbb\xbf;; c\r\nSPEAKER b 1 0.1 0.2 <NA> <NA> \xc3\xa9va\r\n",
    b"SPEAKER a 1 0 10 <NA> <NA> A <NA> <NA>\nNOSCORE a 1 5 5 <NA> <NA> <NA>\nNON-LEX a 1 1 2 <NA> laugh A\n",
    b"a 1 0 10\na 2 5 20.5\nb A 0 1e3\n",
    b"0.000000\t1.500000\tAnn Lee\n\\\t100\t200\n2,5\t3,5\tBob\n",
]
FAILED = [
    b"SPEAKER a 1 0 1 <NA> <NA> A <NA> SPEAKER\nSPEAKER b 2 5 <NA> <NA> B 0.5\n",
    b"SPEAKER a \x85 0 1 <NA> <NA> A\n",
    b"SPEAKER a 1 1e308 1e308 <NA> <NA> A\n",
    b"1e400\t2\tA\n",
    b"\x00",
]
PIECES = [
    *[
        b"SPEAKER",
        b"NOSCORE",
        b"NON-LEX",
        b"LEXEME",
        b"<NA>",
        b"<na>",
        b";;",
        b"a",
        b"a/1",
        b"1",
        b"0.5",
        b"-1",
        b"nan",
    ],
    *[b"1e999", b"1_0", b"0,5", b"999999999.9", b"laugh", b"\xc3\xa9", b"e\xcc\x81", b"\xe2\x80\xa8", b"\xef\xbb\xbf"],
    *[b"\xc2\xa0", b"\xe3\x80\x80", b"\xff", b"\xed\xa0\x80", b"\x00", b"\x1b[31m", b"\r", b"\n", b"\t", b" ", b"\\"],
]


def answer(read, *arguments):
    """What a reader says, or None for an RttmError in one line with a remedy."""
    try:
        return read(*arguments)
    except RttmError as error:
        text = str(error)
        assert "\n" not in text
        assert text.isprintable()
        return None


def check(data: bytes) -> None:
    """Every reader on the same bytes."""
    turns, content, uem = answer(parse_rttm, data), answer(parse_content, data), answer(parse_uem, data)
    for lint, read in ((lint_rttm, turns), (lint_uem, uem)):
        faults = lint(data)
        assert all(fault.line > 0 and fault.column > 0 and fault.message and fault.remedy for fault in faults)
        if not any(fault.severity == ERROR for fault in faults):
            assert read is not None
    lint_standard_input(data, durations={"a": 1.0})
    for recording, rows in (turns or {}).items():
        assert rows == sorted(rows)
        assert all(0 <= turn.start <= turn.end < 2e9 and check_name(turn.speaker) == turn.speaker for turn in rows)
        assert parse_rttm(format_rttm(rows, recording, 9)) == {recording: rows}
    for spans in (uem or {}).values():
        assert np.isfinite(spans).all()
        assert (np.diff(spans, axis=1) >= 0).all()
    text = answer(decode, data, "labels")
    for turn in (text is not None and answer(from_audacity, text)) or ():
        assert check_name(turn.speaker) == turn.speaker
    if content is not None and content.turns:
        files = scoring_files(content, content, answer(parse_regions, data))
        try:
            report = score(files.references, files.hypotheses, preset("nist"), uem=files.uem, marks=files.marks)
        except DiarbookError:  # such as names that differ, or times that are too long together
            return
        assert report.pooled.error == 0


def spoiled(rng: random.Random) -> bytes:
    """A sound file with a few changes."""
    data = bytearray(rng.choice(SEEDS) * rng.choice([1, 1, 1, 3]))
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(data) + 1)
        change = rng.randrange(4)
        if change == 0:
            data[at:at] = rng.choice(PIECES)
        elif change == 1:
            del data[at : at + rng.randint(1, 8)]
        elif change == 2:
            data[at : at + rng.randint(1, 4)] = rng.choice(PIECES)
        else:
            data[at:at] = data[: rng.randrange(len(data) + 1)][-40:]
    return bytes(data)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=120), st.lists(st.sampled_from(PIECES), max_size=60).map(b" ".join)))
@example(FAILED[0])
@example(FAILED[1])
@example(FAILED[2])
@example(FAILED[3])
@example(FAILED[4])
def test_bytes(data):
    check(data)


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_sound_files_with_a_few_changes(seed):
    check(spoiled(random.Random(seed)))


@pytest.mark.parametrize("data", SEEDS)
def test_the_files_that_are_changed_are_sound(data):
    assert answer(parse_rttm, data) or answer(parse_uem, data) or data.startswith(b"0.0")


@pytest.mark.skipif(not LONG, reason="DIARBOOK_FUZZ_SECONDS is not set")
def test_fuzz_for_long():
    rng = random.Random(SEED)
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        data = spoiled(rng) if rng.random() < 0.8 else b" ".join(rng.choices(PIECES, k=rng.randint(1, 60)))
        try:
            check(data)
        except Exception as error:
            raise AssertionError(f"{data!r} of seed {SEED}") from error
