"""From chunks to the recording's speakers: by hand."""

import numpy as np
import pytest
from tests.segmentation.test_local import scores_of

from diarbook.segmentation.stitching import choose_speakers, local_activations

ONSETS = {"speech_onset": 0.5, "overlap_onset": 0.5, "smoothing": 0.0}


def test_as_many_speak_as_the_onsets_say_and_the_likeliest_of_them():
    speech = np.array([0.2, 0.9, 0.9, 0.9])
    overlap = np.array([0.9, 0.1, 0.6, 0.6])
    active = np.array([[0.9, 0.9, 0.9], [0.1, 0.8, 0.3], [0.2, 0.7, 0.4], [0.9, 0.0, 0.0]])
    chosen = choose_speakers(speech, overlap, active, 0.1, **ONSETS)
    assert chosen.tolist() == [
        [False, False, False],
        [False, True, False],
        [False, True, True],
        [True, False, False],  # nobody else talks: overlap cannot make a second speaker
    ]


def test_smoothing_removes_what_is_shorter_than_its_window():
    speech, active = np.ones(9), np.tile([0.9, 0.5], (9, 1))
    overlap = np.where(np.arange(9) == 4, 1.0, 0.0)
    bare = choose_speakers(speech, overlap, active, 0.02, **ONSETS)
    assert bare[:, 1].tolist() == [False] * 4 + [True] + [False] * 4
    smooth = choose_speakers(speech, overlap, active, 0.02, **{**ONSETS, "smoothing": 0.1})
    assert not smooth[:, 1].any()
    # Averaged over 5 frames the one frame counts 0.2.
    low = choose_speakers(speech, overlap, active, 0.02, **{**ONSETS, "smoothing": 0.1, "overlap_onset": 0.19})
    assert low[:, 1].tolist() == [False] * 2 + [True] * 5 + [False] * 2


def test_ties_go_to_the_first_speaker():
    chosen = choose_speakers(np.ones(1), np.zeros(1), np.array([[0.5, 0.5]]), 0.1, **ONSETS)
    assert chosen.tolist() == [[True, False]]


def test_local_speakers_become_those_of_the_stretches_that_they_dominate():
    # Chunk 0 calls them 0 and 1; chunk 1, half a chunk later, calls the same voices 2 and 0.
    chunks = [[(0,)] * 20 + [(1,)] * 20, [(2,)] * 20 + [(0,)] * 20]
    scores, activity = scores_of(chunks, hop=20)
    stretches, labels = np.array([[0, 20], [20, 40], [40, 60]]), np.array([0, 1, 0])
    empty = np.zeros((0, 2), dtype=int)
    active = local_activations(scores, activity, stretches, labels, empty, np.zeros(0, dtype=int))
    np.testing.assert_allclose(active[:20], np.tile([1.0, 0.0], (20, 1)), atol=1e-3)
    np.testing.assert_allclose(active[20:40], np.tile([0.0, 1.0], (20, 1)), atol=1e-3)
    np.testing.assert_allclose(active[40:], np.tile([1.0, 0.0], (20, 1)), atol=1e-3)


def test_a_crowded_speaker_is_heard_under_its_own_label():
    chunks = [[(0,)] * 20 + [(0, 1)] * 20]
    scores, activity = scores_of(chunks, hop=40)
    active = local_activations(scores, activity, np.array([[0, 20]]), np.array([0]), np.array([[0, 1]]), np.array([1]))
    assert active.shape == (40, 2)
    np.testing.assert_allclose(active[:, 0], 1.0, atol=1e-3)
    assert active[:, 1].tolist() == pytest.approx([0.0] * 20 + [1.0] * 20)
