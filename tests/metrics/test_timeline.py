import itertools

import pytest
from hypothesis import given, settings
from random_turns import hypotheses, protocols, references

from diarbook.metrics import ErrorSpan, diarization_error, error_timeline
from diarbook.turns import Turn


def test_by_hand():
    # As in test_der: x is A, so y at 8-10 is A taken for y, and at 10-12 nobody.
    assert error_timeline([Turn(0, 10, "A")], [Turn(2, 8, "x"), Turn(8, 12, "y")]) == [
        ErrorSpan(0, 2, "missed", "A", None),
        ErrorSpan(8, 10, "confusion", "A", "y"),
        ErrorSpan(10, 12, "false_alarm", None, "y"),
    ]


def test_two_errors_at_once():
    # x is A (6 s) and y is B (3 s). At 3-4 B is taken for z, and w is one voice too many. At 4-5 B is missed.
    reference = [Turn(0, 6, "A"), Turn(0, 5, "B")]
    hypothesis = [Turn(0, 6, "x"), Turn(0, 3, "y"), Turn(3, 4, "z"), Turn(3, 4, "w")]
    assert error_timeline(reference, hypothesis) == [
        ErrorSpan(3, 4, "confusion", "B", "w"),
        ErrorSpan(3, 4, "false_alarm", None, "z"),
        ErrorSpan(4, 5, "missed", "B", None),
    ]


def test_only_what_is_scored():
    spans = error_timeline([Turn(0, 10, "A")], [], collar=1, uem=[[0, 5], [7, 20]])
    assert [(span.start, span.end) for span in spans] == [(1, 5), (7, 9)]


@settings(max_examples=80)
@given(references, hypotheses, protocols)
def test_durations_add_up_to_the_parts(reference, hypothesis, protocol):
    spans = error_timeline(reference, hypothesis, **protocol)
    error = diarization_error(reference, hypothesis, **protocol)
    for kind in ("missed", "false_alarm", "confusion"):
        assert sum(span.duration for span in spans if span.kind == kind) == pytest.approx(
            getattr(error, kind), abs=1e-6
        )
    for span in spans:
        assert span.end > span.start
        assert (span.reference is None) == (span.kind == "false_alarm")
        assert (span.hypothesis is None) == (span.kind == "missed")
    # A speaker is in one error at a time.
    for one, other in itertools.combinations(spans, 2):
        if one.start < other.end and other.start < one.end:
            assert one.reference is None or one.reference != other.reference
            assert one.hypothesis is None or one.hypothesis != other.hypothesis
