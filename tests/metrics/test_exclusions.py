"""NOSCORE and NON-LEX, against numbers that NIST's md-eval-22.pl printed for the same lines."""

import math

import numpy as np
import pytest

from diarbook.metrics import diarization_errors
from diarbook.metrics.exclusions import EXTENSION, NON_LEX, NOSCORE, corpus_exclusions, excluded_zones, exclusions
from diarbook.rttm.parse import Mark
from diarbook.turns import Turn

A = Turn(0, 10, "A")
B = Turn(10, 14, "B")
HALF = [Turn(0, 5, "x")]
LAUGH = Mark(5, 8, "NON-LEX", "laugh")
SWAPPED = [Turn(0, 7, "x"), Turn(7, 10, "y"), Turn(10, 14, "x")]


@pytest.mark.parametrize(
    ("turns", "marks", "hypothesis", "options", "expected"),
    [
        ([A], [Mark(5, 10, "NOSCORE", "<na>")], HALF, {}, (0, 0, 0, 5)),
        # 5 to 8 and half a second on each side: 0-4.5 and 8.5-10 are left, of which 1.5 s are missed.
        ([A], [LAUGH], HALF, {}, (1.5, 0, 0, 6)),
        # Words at 4.75-4.9 and 8.2-9 end the extension.
        ([A], [LAUGH, Mark(4.75, 4.9, "LEXEME", "lex"), Mark(8.2, 9, "LEXEME", "lex")], HALF, {}, (1.8, 0, 0, 6.7)),
        # So does the end of a turn.
        ([Turn(0, 4.8, "A"), Turn(5, 10, "A")], [Mark(5, 8, "NON-LEX", "cough")], HALF, {}, (1.5, 0, 0, 6.3)),
        ([A], [LAUGH], HALF, {"collar": 0.25}, (1.25, 0, 0, 5.5)),
        ([A], [Mark(2, 4, "NOSCORE", "<na>")], [Turn(1, 12, "x")], {"uem": (1, 12)}, (0, 2, 0, 7)),
        # A zone behind the last turn has no end: 12 to 20 is not scored.
        ([A], [Mark(12, 14, "NOSCORE", "<na>")], [Turn(0, 20, "x")], {"uem": (0, 20)}, (0, 2, 0, 10)),
        # The reference's extent includes the sound at 11 to 12.
        ([A], [Mark(11, 12, "NON-LEX", "other")], [Turn(0, 13, "x")], {}, (0, 0.5, 0, 10)),
        ([A], [Mark(5, 8, "NON-SPEECH", "music")], HALF, {}, (5, 0, 0, 10)),
        # Speakers are matched where people laugh, but not where NOSCORE says so.
        ([A, B], [Mark(0, 7, "NON-LEX", "laugh")], SWAPPED, {}, (0, 0, 0, 6.5)),
        ([A, B], [Mark(0, 7, "NOSCORE", "<na>")], SWAPPED, {}, (0, 0, 0, 7)),
    ],
)
def test_md_eval_says_the_same(turns, marks, hypothesis, options, expected):
    uem = {"a": np.array([options["uem"]])} if "uem" in options else None
    errors = diarization_errors(
        {"a": turns},
        {"a": hypothesis},
        collar=options.get("collar", 0.0),
        uem=uem,
        region="reference",
        excluded=corpus_exclusions({"a": turns}, {"a": marks}),
    )
    error = errors["a"]
    assert (error.missed, error.false_alarm, error.confusion, error.total) == pytest.approx(expected, abs=1e-9)


def test_a_recording_without_marks_is_scored_as_ever():
    turns, guess = {"a": [A], "b": [A]}, {"a": HALF, "b": HALF}
    both = diarization_errors(turns, guess, region="reference", excluded=corpus_exclusions(turns, {"a": [LAUGH]}))
    assert both["b"] == diarization_errors({"b": [A]}, {"b": HALF}, region="reference")["b"]
    assert both["a"].total == 6
    # Nothing of it counts where marks are passed over.
    assert diarization_errors(turns, guess)["a"].total == 10


def test_zones_by_hand():
    assert excluded_zones([A], [LAUGH], NON_LEX) == [(5, 8)]
    assert excluded_zones([A], [LAUGH], NON_LEX, EXTENSION) == [(4.5, 8.5)]
    assert excluded_zones([A], [LAUGH], NOSCORE) == []
    # Two that are more than twice the extension apart are two zones; nearer ones are one.
    two = [Mark(1, 2, "NON-LEX", "laugh"), Mark(3.5, 4, "NON-LEX", "breath")]
    assert excluded_zones([A], two, NON_LEX, EXTENSION) == [(0.5, 2.5), (3.0, 4.5)]
    near = [Mark(1, 2, "NON-LEX", "laugh"), Mark(2.75, 4, "NON-LEX", "breath")]
    assert excluded_zones([A], near, NON_LEX, EXTENSION) == [(0.5, 4.5)]
    assert excluded_zones([], [LAUGH], NON_LEX) == [(5, math.inf)]
    assert excluded_zones([A], [Mark(5, 5, "NON-LEX", "laugh"), Mark(5, 8, "NON-LEX", "song")], NON_LEX) == []


def test_extent_is_that_of_all_records_but_noscore():
    marks = [Mark(20, 30, "NOSCORE", "<na>"), Mark(11, 12, "SU", "statement")]
    assert exclusions([A], marks).extent.tolist() == [[0, 12]]
    assert exclusions([], []).extent.shape == (0, 2)
