import numpy as np
import pytest

from diarbook.segmentation.model import load_segmentation
from diarbook.segmentation.peer import pyannote_posteriors


@pytest.mark.peer
def test_pyannote_and_ours_agree(recwarn):
    waveform = (0.1 * np.random.default_rng(0).normal(size=160_000)).astype(np.float32)
    theirs = pyannote_posteriors(waveform)
    np.testing.assert_allclose(load_segmentation().chunks(waveform).posteriors[0], theirs, atol=1e-4)
    assert not [w for w in recwarn if "torchcodec" in str(w.message)]
