import numpy as np
import pytest

from diarbook.assets import Recording
from diarbook.embeddings import add_noise, band_limit, joined_speech
from diarbook.errors import OptionError
from diarbook.turns import Turn

SECONDS = np.arange(32_000) / 16_000


@pytest.mark.parametrize(("frequency", "kept"), [(100, 0.0), (1000, 1.0), (6000, 0.0)])
def test_band_limit_keeps_what_lies_inside(frequency, kept):
    tone = np.sin(2 * np.pi * frequency * SECONDS).astype(np.float32)
    middle = slice(4000, -4000)  # away from the filter's ends
    assert np.std(band_limit(tone)[middle]) / np.std(tone) == pytest.approx(kept, abs=0.01)


def test_impossible_band_is_refused():
    with pytest.raises(OptionError, match="0 < low < high < 8000"):
        band_limit(np.zeros(16_000, np.float32), 3000, 300)


@pytest.mark.parametrize("ratio", [20, 0, -5])
def test_noise_has_the_asked_ratio_and_seed(ratio):
    tone = np.sin(2 * np.pi * 440 * SECONDS).astype(np.float32)
    noise = add_noise(tone, ratio) - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(noise**2)) == pytest.approx(ratio, abs=0.1)
    np.testing.assert_array_equal(add_noise(tone, ratio), add_noise(tone, ratio))


def test_joined_speech_worked_by_hand():
    # a alone 0-1 s and 3-4 s, b alone 2-3 s, both 1-2 s
    turns = (Turn(0.0, 2.0, "a"), Turn(1.0, 3.0, "b"), Turn(3.0, 4.0, "a"))
    waveform = np.repeat(np.arange(4, dtype=np.float32), 16_000)
    joined = joined_speech([Recording("r", waveform, turns, np.array([[0.0, 4.0]]), "test")])
    assert [(item.name, item.duration, item.split) for item in joined] == [("r/a", 2.0, "test"), ("r/b", 1.0, "test")]
    assert np.unique(joined[0].waveform).tolist() == [0.0, 3.0]
    assert np.unique(joined[1].waveform).tolist() == [2.0]
