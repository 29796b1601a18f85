import librosa
import numpy as np
import pytest
import torch

from diarbook import assets
from diarbook.audio import level
from diarbook.networks.ge2e import load_ge2e, mel_energies, partial_features, partial_starts, raise_level


def test_weights_load_and_embeddings_are_unit_and_not_negative():
    model = load_ge2e(assets.weights_path("ge2e"))
    with torch.no_grad():
        embedding = model(torch.rand(2, 160, 40, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    assert (embedding >= 0).all()


@pytest.mark.parametrize(("before", "after"), [(-50.0, -30.0), (-30.0, -30.0), (-12.0, -12.0)])
def test_loudness_is_raised_never_lowered(before, after):
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    noise *= np.float32(10 ** ((before - level(noise)) / 20))
    assert level(raise_level(noise)) == pytest.approx(after, abs=1e-3)


def test_silence_stays_silence():
    assert not raise_level(np.zeros(1600, np.float32)).any()


@pytest.mark.parametrize(
    ("seconds", "starts"),
    # windows every 0.77 s; the second one, from 0.77 to 2.37 s, is kept from 0.77 + 0.75 * 1.6 = 1.97 s on
    [(0.5, [0]), (1.6, [0]), (1.96, [0]), (1.98, [0, 77]), (5.0, [0, 77, 154, 231, 308, 385])],
)
def test_partial_windows(seconds, starts):
    result = partial_starts(int(seconds * 16_000))
    if seconds == 5.0:  # the last window starts at 3.85 s; 1.15 s of 1.6 s is less than three quarters
        starts = starts[:-1]
    assert result.tolist() == starts


def test_mel_is_librosas_and_partials_are_its_slices():
    waveform = assets.recording("sample").waveform[112_000:152_000]
    mel = librosa.feature.melspectrogram(y=waveform, sr=16_000, n_fft=400, hop_length=160, n_mels=40).T
    np.testing.assert_allclose(mel_energies(waveform), mel, rtol=1e-6)
    assert level(waveform) > -30
    np.testing.assert_allclose(partial_features(waveform)[0], mel[:160], rtol=1e-6)
