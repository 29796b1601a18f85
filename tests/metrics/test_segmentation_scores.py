import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.metrics.diarization import DiarizationCoverage, DiarizationPurity
from random_turns import conversation, seeded
from scipy.optimize import linear_sum_assignment

from diarbook.errors import OptionError
from diarbook.metrics import boundary_scores, coverage, pool_boundaries, purity, purity_share
from diarbook.turns import Turn, crop, merge, regions, to_annotation


def test_boundaries_by_hand():
    # Tolerance 0.5: 1.0-1.4 match; 3.0 has 3.5 (exactly at the edge) and 3.2, of which one counts; 9 is not found.
    scores = boundary_scores(np.array([1.0, 3.0, 9.0]), np.array([3.5, 1.4, 3.2, 20.0]), 0.5)
    assert (scores.matched, scores.reference, scores.hypothesis) == (2, 3, 4)
    assert scores.precision == 2 / 4
    assert scores.recall == 2 / 3
    assert scores.f_score == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))


def test_no_boundaries():
    scores = boundary_scores([], [], 0.5)
    assert math.isnan(scores.precision)
    assert math.isnan(scores.recall)
    assert math.isnan(scores.f_score)
    assert boundary_scores([1], [], 0.5).f_score == 0
    with pytest.raises(OptionError, match="tolerance"):
        boundary_scores([1], [1], -0.1)


def test_pooled_boundaries_sum_counts():
    pooled = pool_boundaries([boundary_scores([1], [1], 0), boundary_scores([1, 5, 9], [1], 0)])
    assert (pooled.matched, pooled.reference, pooled.hypothesis) == (2, 4, 2)


@given(st.lists(st.integers(0, 60), max_size=8), st.lists(st.integers(0, 60), max_size=8), st.integers(0, 10))
def test_as_many_pairs_as_an_optimal_matching(ours, theirs, tolerance):
    near = np.abs(np.subtract.outer(ours, theirs)) <= tolerance
    rows, columns = linear_sum_assignment(near.reshape(len(ours), len(theirs)), maximize=True)
    best = int(near.reshape(len(ours), len(theirs))[rows, columns].sum())
    assert boundary_scores(np.array(ours) / 10, np.array(theirs) / 10, tolerance / 10).matched == best


def test_purity_and_coverage_by_hand():
    # A 0-6, B 6-10. x holds 6 s of A and 1 s of B, y 3 s of B: pure 6 + 3 of 10. A is covered whole, B by y (3 of 4).
    reference = [Turn(0, 6, "A"), Turn(6, 10, "B")]
    hypothesis = [Turn(0, 7, "x"), Turn(7, 10, "y")]
    assert purity(reference, hypothesis) == pytest.approx(0.9)
    assert coverage(reference, hypothesis) == pytest.approx(0.9)
    # One piece for everything is covered and impure; a piece for each second is pure and not covered.
    everything, seconds = np.array([[0.0, 10.0]]), np.array([[k, k + 1.0] for k in range(10)])
    assert (purity(reference, everything), coverage(reference, everything)) == (0.6, 1)
    assert (purity(reference, seconds), coverage(reference, seconds)) == (1, 0.2)
    # The same rows as turns of one speaker are one piece.
    assert purity(reference, [Turn(*row, "x") for row in seconds]) == 0.6


def test_time_without_speech_on_both_sides_is_neither_pure_nor_impure():
    assert purity([Turn(0, 5, "A")], [Turn(0, 50, "x")]) == 1
    assert math.isnan(purity([Turn(0, 5, "A")], []))
    assert purity_share([Turn(0, 5, "A")], [Turn(0, 50, "x")], np.array([[0, 2]])).total == 2


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_pyannote_agrees_where_both_sides_speak(seed):
    # pyannote.metrics also divides by time in which the other side is silent; without such time both agree.
    rng = seeded(seed)
    reference, hypothesis = conversation(rng, 3, 15), conversation(rng, 3, 15, prefix="h")

    def inside(turns, spans):
        return merge(piece for start, end in spans for piece in crop(turns, start, end))

    hypothesis = inside(hypothesis, regions(reference))
    reference = inside(reference, regions(hypothesis))
    pair = to_annotation(reference), to_annotation(hypothesis)
    assert purity(reference, hypothesis) == pytest.approx(DiarizationPurity()(*pair), abs=1e-5)
    assert coverage(reference, hypothesis) == pytest.approx(DiarizationCoverage()(*pair), abs=1e-5)
