import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.core import Segment, Timeline
from pyannote.metrics.diarization import JaccardErrorRate
from random_turns import conversation, hypotheses, references, seeded
from scipy.optimize import linear_sum_assignment

from diarbook.metrics import jaccard_error, jaccard_errors, pool_jaccard
from diarbook.turns import Turn, merge, shift, to_activity, to_annotation


def test_each_speaker_by_hand():
    # A 0-10 against x 2-8: 6 s shared of 10: error 0.4. B 20-21 has nobody: 1. Both weigh the same: mean 0.7.
    error = jaccard_error([Turn(0, 10, "A"), Turn(20, 21, "B")], [Turn(2, 8, "x")])
    assert error.speakers == {"A": pytest.approx(0.4), "B": 1}
    assert error.rate == pytest.approx(0.7)


def test_extra_speech_of_unmatched_speakers_costs_nothing():
    # Far from the reference, z invents 100 s; y takes no one: JER stays 0 where DER would be 1000 %.
    assert jaccard_error([Turn(0, 10, "A")], [Turn(0, 10, "x"), Turn(50, 150, "z")]).rate == 0


def test_without_reference_speech_it_is_nan():
    error = jaccard_error([Turn(5, 5, "A")], [Turn(0, 1, "x")])
    assert math.isnan(error.rate)
    assert error.reason
    # B speaks only outside the UEM: only A counts.
    assert jaccard_error([Turn(0, 1, "A"), Turn(5, 6, "B")], [Turn(0, 1, "x")], uem=[[0, 2]]).speakers == {"A": 0}


def test_pooled_is_the_mean_over_all_speakers():
    errors = jaccard_errors(
        {"a": [Turn(0, 1, "A")], "b": [Turn(0, 1, "A"), Turn(1, 2, "B"), Turn(2, 3, "C")]},
        {"a": [], "b": [Turn(0, 1, "x"), Turn(1, 2, "y"), Turn(2, 3, "z")]},
    )
    # One speaker all wrong, three all right: 1/4. The mean of the files would be 1/2.
    assert pool_jaccard(errors).rate == 0.25
    assert pool_jaccard(errors.values()).rate == 0.25
    assert math.isnan(pool_jaccard({}).rate)


@settings(max_examples=50)
@given(references, hypotheses, st.integers(0, 1000))
def test_bounds_and_shift(reference, hypothesis, seconds):
    if not merge(reference):
        return
    assert jaccard_error(reference, reference).rate == 0
    rate = jaccard_error(reference, hypothesis).rate
    assert 0 <= rate <= 1
    assert jaccard_error(shift(reference, seconds), shift(hypothesis, seconds)).rate == pytest.approx(rate)


@settings(max_examples=50)
@given(references, hypotheses)
def test_equals_frames_of_ten_milliseconds_where_all_times_are_whole_frames(reference, hypothesis):
    # An independent calculation the way dscore does it: indicator frames, one minus intersection over union.
    if not merge(reference) or not merge(hypothesis):
        return
    ours, theirs = (to_activity(merge(side), 0.01, 2600).astype(float) for side in (reference, hypothesis))
    both = ours.T @ theirs
    distance = 1 - both / (ours.sum(0)[:, None] + theirs.sum(0)[None] - both)
    rows, columns = linear_sum_assignment(distance)
    errors = np.ones(len(distance))
    errors[rows] = distance[rows, columns]
    assert jaccard_error(reference, hypothesis).rate == pytest.approx(errors.mean())


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_pyannote_is_never_below_and_equal_where_both_match_the_same_speakers(seed):
    # pyannote.metrics matches speakers by shared seconds, the DIHARD scorer and ours by Jaccard index: the mapping that
    # is best for the figure itself. So ours cannot be larger, and with one speaker each side there is no choice.
    rng = seeded(seed)
    whole = Timeline([Segment(0, 100)])
    for speakers in (1, 3):
        reference, hypothesis = (conversation(rng, speakers, 12), conversation(rng, speakers, 12, prefix="h"))
        theirs = JaccardErrorRate()(to_annotation(reference), to_annotation(hypothesis), uem=whole)
        ours = jaccard_error(reference, hypothesis).rate
        assert ours <= theirs + 1e-6
        if speakers == 1:
            assert ours == pytest.approx(theirs, abs=1e-6)
