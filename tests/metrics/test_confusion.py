import numpy as np
from hypothesis import given, settings
from random_turns import hypotheses, references

from diarbook.metrics import best_matching, confusion_matrix, diarization_error
from diarbook.turns import Turn


def test_by_hand():
    # x has 2 s of A and 1 s of B, y 3 s of B of which 1 s is outside A and B.
    reference = [Turn(0, 2, "A"), Turn(2, 5, "B")]
    matrix = confusion_matrix(reference, [Turn(0, 3, "x"), Turn(3, 6, "y")])
    assert (matrix.reference, matrix.hypothesis) == (("A", "B"), ("x", "y"))
    assert matrix.seconds.tolist() == [[2, 0], [1, 2]]
    assert matrix.reference_seconds.tolist() == [2, 3]
    assert matrix.hypothesis_seconds.tolist() == [3, 3]


def test_only_scored_time():
    matrix = confusion_matrix([Turn(0, 10, "A")], [Turn(0, 10, "x")], collar=1, uem=[[0, 5]])
    assert matrix.seconds.tolist() == [[4]]
    assert matrix.reference_seconds.tolist() == [4]


@settings(max_examples=50)
@given(references, hypotheses)
def test_its_best_matching_is_what_is_right(reference, hypothesis):
    matrix = confusion_matrix(reference, hypothesis)
    error = diarization_error(reference, hypothesis)
    right = matrix.seconds[best_matching(matrix.seconds)].sum() if matrix.seconds.size else 0.0
    np.testing.assert_allclose(error.total - error.missed - error.confusion, right, atol=1e-6)
