"""Detection scored frame by frame and segment by segment: by hand, and against the exact detection error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diarbook.metrics import detection, detection_error
from diarbook.vad import Hysteresis


def test_share_of_frames_by_hand():
    share = detection.share_of_frames(np.array([[0.5, 1.25], [3.0, 4.0]]), 1.0, 5)
    np.testing.assert_allclose(share, [0.5, 0.25, 0, 1, 0])
    assert detection.share_of_frames(np.empty((0, 2)), 1.0, 2).tolist() == [0, 0]


def test_detection_curve_by_hand():
    curve = detection.detection_curve(
        [np.array([0.1, 0.9, 0.4])], [np.array([[1.0, 2.5]])], 1.0, np.array([0, 0.4, 0.5, 1])
    )
    assert curve.speech == 1.5
    assert curve.silence == 1.5
    assert curve.missed.tolist() == [0, 0, 0.5, 1.5]
    assert curve.false_alarm.tolist() == [1.5, 0.5, 0, 0]
    np.testing.assert_allclose(curve.error_rate, [1, 1 / 3, 1 / 3, 1])


def test_detection_curve_without_speech_is_nan():
    curve = detection.detection_curve([np.zeros(3)], [np.empty((0, 2))], 1.0)
    assert np.isnan(curve.error_rate).all()
    assert np.isnan(curve.miss_rate).all()
    assert curve.false_alarm_rate.tolist() == [1]


@given(st.lists(st.floats(0, 1), min_size=5, max_size=40), st.floats(0.01, 0.99))
@settings(max_examples=100, deadline=None)
def test_detection_curve_is_detection_error_at_every_threshold(scores, threshold):
    scores, reference = np.array(scores), np.array([[0.35, 1.0], [1.5, 2.2]])
    step = 0.1
    curve = detection.detection_curve(
        [scores], [np.clip(reference, 0, len(scores) * step)], step, np.array([threshold])
    )
    uem = np.array([[0, len(scores) * step]])
    error = detection_error(reference, Hysteresis(threshold).regions(scores, step), uem)
    assert curve.missed[0] == pytest.approx(error.missed, abs=1e-6)
    assert curve.false_alarm[0] == pytest.approx(error.false_alarm, abs=1e-6)


def test_segment_scores_by_hand():
    reference = np.array([[0.0, 4.0], [5.0, 6.0], [8.0, 9.0]])
    hypothesis = np.array([[0.0, 2.0], [5.5, 5.9], [10.0, 11.0]])
    scores = detection.segment_scores(reference, hypothesis)
    assert (scores.detected, scores.reference, scores.right, scores.hypothesis) == (1, 3, 2, 3)
    assert scores.recall == pytest.approx(1 / 3)
    assert scores.precision == pytest.approx(2 / 3)
    assert (scores + scores).reference == 6
    assert np.isnan(detection.segment_scores(np.empty((0, 2)), hypothesis).recall)
