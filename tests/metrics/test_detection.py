import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.detection import DetectionErrorRate, DetectionPrecision, DetectionRecall
from random_turns import seeded

from diarbook.metrics import detection_error, overlap_detection_error, pool_detection
from diarbook.turns import Turn


def test_by_hand():
    # Speech 0-4 and 6-10 (8 s) of 12 s scored. Found 1-7: 3 + 1 = 4 s right, 4 s missed; 4-6 (2 s) false alarm.
    error = detection_error(np.array([[0, 4], [6, 10]]), np.array([[1, 7]]), np.array([[0, 12]]))
    assert (error.missed, error.false_alarm, error.total, error.silence) == (4, 2, 8, 4)
    assert error.rate == 6 / 8
    assert error.miss_rate == 4 / 8
    assert error.false_alarm_rate == 2 / 4  # of the silence, not of the speech
    assert error.precision == 4 / 6
    assert error.recall == 4 / 8


def test_without_uem_the_scored_time_is_the_joint_extent():
    error = detection_error(np.array([[1, 3]]), np.array([[2, 5]]))
    assert (error.missed, error.false_alarm, error.total, error.silence) == (1, 2, 2, 2)


def test_empty_sides():
    nothing = np.empty((0, 2))
    assert detection_error(np.array([[0, 2]]), nothing).rate == 1
    assert math.isnan(detection_error(nothing, np.array([[0, 2]])).rate)
    assert detection_error(nothing, np.array([[0, 2]])).reason
    assert math.isnan(detection_error(nothing, nothing).rate)
    assert math.isnan(detection_error(np.array([[0, 2]]), nothing).precision)


def test_collar_and_overlapping_regions():
    # Collar 0.5 leaves 0.5-9.5 of 0-10: the late start at 0.4 is forgiven; 9-10 missed counts 0.5 s.
    error = detection_error(np.array([[0, 6], [5, 10]]), np.array([[0.4, 9], [2, 3]]), collar=0.5)
    assert (error.missed, error.false_alarm, error.total) == (0.5, 0, 9)


def test_overlap_detection():
    # Two talk at 2-4; the system says 3-6: 1 s right, 1 s missed, 2 s false alarm.
    reference = [Turn(0, 4, "A"), Turn(2, 9, "B")]
    error = overlap_detection_error(reference, [Turn(0, 6, "x"), Turn(3, 9, "y")])
    assert (error.precision, error.recall) == (1 / 3, 1 / 2)


def test_pooling_sums_seconds():
    one = detection_error(np.array([[0, 10]]), np.array([[1, 10]]), np.array([[0, 20]]))
    two = detection_error(np.array([[0, 2]]), np.array([[0, 4]]), np.array([[0, 10]]))
    pooled = pool_detection([one, two])
    assert pooled.rate == (1 + 2) / 12
    assert pooled.false_alarm_rate == 2 / 18


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 12))
def test_pyannote_agrees(seed, ours, theirs):
    rng = seeded(seed)
    sides = [np.sort(rng.uniform(0, 60, 2 * count)).reshape(-1, 2) for count in (ours, theirs)]

    def annotation(rows):
        made = Annotation()
        for start, end in rows:
            made[Segment(start, end)] = "speech"
        return made

    uem = np.array([[5.0, 50.0]])
    error = detection_error(*sides, uem)
    pair, whole = [annotation(rows) for rows in sides], Timeline([Segment(5, 50)])
    detail = DetectionErrorRate()(*pair, uem=whole, detailed=True)
    assert error.missed == pytest.approx(detail["miss"], abs=1e-5)
    assert error.false_alarm == pytest.approx(detail["false alarm"], abs=1e-5)
    assert error.total == pytest.approx(detail["total"], abs=1e-5)
    if error.total > 0.01 and error.precision > 0.01:
        assert error.precision == pytest.approx(DetectionPrecision()(*pair, uem=whole), abs=1e-4)
        assert error.recall == pytest.approx(DetectionRecall()(*pair, uem=whole), abs=1e-4)
