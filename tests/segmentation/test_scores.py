"""What the network says as arrays: speech, overlap, and no copies of long recordings."""

import tracemalloc

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.segmentation.model import SegmentationModel
from diarbook.segmentation.scores import speech_and_overlap


def test_a_long_recording_is_not_copied():
    waveform = np.zeros(600 * SAMPLE_RATE + 7, dtype=np.float32)  # the last chunk is padded
    seen = []

    def run(batch):
        seen.append(batch.shape)
        return np.zeros((len(batch), 589, 7), dtype=np.float32)

    tracemalloc.start()
    scores = SegmentationModel(run, "stand-in", batch_size=8).chunks(waveform, step=5.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < waveform.nbytes / 2
    assert sum(shape[0] for shape in seen) == len(scores.starts)


def test_speech_and_overlap_sum_the_sets_of_one_and_of_two():
    posteriors = np.eye(7, dtype=np.float32)
    speech, overlap = speech_and_overlap(posteriors)
    assert speech.tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert overlap.tolist() == [0, 0, 0, 0, 1, 1, 1]
