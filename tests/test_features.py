"""Features against librosa, torchaudio and scipy, against values worked by hand, and under properties."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diarbook import features
from diarbook.assets import recording
from diarbook.errors import AudioError, OptionError


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return recording("trn01").waveform[: 5 * 16_000]


@pytest.fixture(scope="module")
def kaldi():
    import torchaudio

    return torchaudio.compliance.kaldi


def as_tensor(waveform):
    import torch

    return torch.from_numpy(np.ascontiguousarray(waveform))[None]


# ---------------------------------------------------------------- by hand


def test_frames_by_hand():
    assert features.frames(np.arange(7.0), 4, 2).tolist() == [[0, 1, 2, 3], [2, 3, 4, 5]]


def test_frames_is_a_view():
    waveform = np.zeros(1000, np.float32)
    assert np.shares_memory(features.frames(waveform), waveform)
    assert not features.frames(waveform).flags.writeable


def test_one_second_has_98_kaldi_frames(speech):
    assert features.kaldi_fbank(speech[:16_000]).shape == (98, 80)


def test_1000_hertz_on_the_mel_scales():
    assert features.hertz_to_mel(1000.0, "slaney") == 15
    assert features.hertz_to_mel(1000.0, "htk") == pytest.approx(1127 * np.log(1 + 10 / 7))
    assert features.hertz_to_mel(6400.0, "slaney") == pytest.approx(42)  # 15 + 27 ln(6.4) / ln(6.4)


def test_triangles_by_hand():
    # Edges at 0, 2000, 4000, 6000 and 8000 Hz when the axis is linear, bins every 1000 Hz.
    bank = features.mel_filterbank(1, 16, 16_000, low=0, high=600, scale="slaney", area=False)
    assert bank.shape == (1, 9)
    assert bank[0].tolist() == [0] * 9  # the only filter lies between two bins: a known trap of short transforms
    bank = features.mel_filterbank(3, 320, 16_000, low=0, high=200, scale="slaney", area=False)
    np.testing.assert_allclose(bank[:, 0:5], [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]], atol=1e-12)


def test_dct_of_a_constant():
    cepstrum = features.cepstrum(np.full((1, 16), 3.0), 5)
    np.testing.assert_allclose(cepstrum, [[12, 0, 0, 0, 0]], atol=1e-12)  # 3 * 16 / sqrt(16)


def test_deltas_of_a_ramp():
    ramp = np.arange(10.0)[:, None] * 2
    np.testing.assert_allclose(features.deltas(ramp)[2:-2], 2)
    # First frame: ((r1 - r0) + 2 (r2 - r0)) / 10 with r0 repeated to the left.
    assert features.deltas(ramp)[0, 0] == pytest.approx((2 + 2 * 4) / 10)


def test_cmvn_by_hand():
    matrix = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert features.cmvn(matrix).tolist() == [[-1, 0], [1, 0]]
    assert features.cmvn(matrix * 10, variance=False).tolist() == [[-10, 0], [10, 0]]


def test_sliding_cmvn_by_hand():
    column = np.array([0.0, 0, 3, 3, 3])[:, None]
    # Windows of 3 start at frames 0, 0, 1, 2, 2.
    np.testing.assert_allclose(features.sliding_cmvn(column, 3)[:, 0], [-1, -1, 1, 0, 0])


def test_lifter_by_hand():
    np.testing.assert_allclose(features.lifter(12)[[0, 11]], [1, 12])


# ---------------------------------------------------------------- against libraries


def test_kaldi_fbank_is_torchaudios(speech, kaldi):
    theirs = kaldi.fbank(as_tensor(speech * 32768), num_mel_bins=80, dither=0.0, sample_frequency=16000)
    ours = features.kaldi_fbank(speech)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-3)


def test_unscaled_and_23_bands_too(speech, kaldi):
    theirs = kaldi.fbank(as_tensor(speech), num_mel_bins=23, dither=0.0, sample_frequency=16000, high_freq=7600.0)
    np.testing.assert_allclose(features.kaldi_fbank(speech, 23, scale=1, high=7600), theirs.numpy(), atol=1e-3)


def test_kaldi_fbank_of_long_audio_is_block_by_block_the_same(speech):
    long = np.tile(speech, 10)
    whole = features.kaldi_fbank(long)
    part = features.kaldi_fbank(long[4000 * 160 : 4200 * 160])  # across the seam of two blocks
    np.testing.assert_allclose(whole[4000 : 4000 + len(part)], part, atol=1e-5)


def test_kaldi_mfcc_is_torchaudios(speech, kaldi):
    theirs = kaldi.mfcc(as_tensor(speech * 32768), dither=0.0, sample_frequency=16000)
    np.testing.assert_allclose(features.kaldi_mfcc(speech), theirs.numpy(), atol=2e-3)


def test_filterbank_is_librosas():
    import librosa

    for scale in ("slaney", "htk"):
        theirs = librosa.filters.mel(sr=16000, n_fft=512, n_mels=40, htk=scale == "htk", dtype=np.float64)
        np.testing.assert_allclose(features.mel_filterbank(40, scale=scale), theirs, atol=1e-9)


def test_log_mel_is_librosas(speech):
    import librosa

    power = librosa.feature.melspectrogram(y=speech, sr=16000, n_fft=512, win_length=400, hop_length=160, n_mels=80)
    theirs = librosa.power_to_db(power).T
    np.testing.assert_allclose(features.log_mel(speech), theirs, atol=2e-3)


def test_mfcc_is_librosas(speech):
    import librosa

    theirs = librosa.feature.mfcc(y=speech, sr=16000, n_fft=512, win_length=400, hop_length=160).T
    np.testing.assert_allclose(features.mfcc(speech), theirs, atol=1e-2)


def test_cepstrum_is_scipys():
    energies = np.random.default_rng(0).normal(size=(7, 40))
    theirs = scipy.fft.dct(energies, norm="ortho")[:, :13]
    np.testing.assert_allclose(features.cepstrum(energies), theirs, atol=1e-12)


def test_power_spectrum_is_numpys(speech):
    framed = features.frames(speech).astype(np.float64)
    weights = features.window("hann", 400)
    theirs = np.abs(np.fft.rfft(framed * weights, 512)) ** 2
    np.testing.assert_allclose(features.power_spectrum(framed, weights), theirs, atol=1e-9)


@pytest.mark.parametrize(("name", "theirs"), [("hann", "hann"), ("hamming", "hamming"), ("rectangular", "boxcar")])
def test_windows_are_scipys(name, theirs):
    from scipy.signal import get_window

    np.testing.assert_allclose(features.window(name, 400), get_window(theirs, 400, fftbins=False), atol=1e-12)
    np.testing.assert_allclose(features.window("hann_periodic", 400), get_window("hann", 400), atol=1e-12)


def test_deltas_are_librosas_and_torchaudios(speech):
    import librosa
    import torchaudio

    matrix = features.kaldi_mfcc(speech)
    ours = features.deltas(matrix)
    np.testing.assert_allclose(ours, librosa.feature.delta(matrix.T, width=5, mode="nearest").T, atol=1e-4)
    np.testing.assert_allclose(ours, torchaudio.functional.compute_deltas(as_tensor(matrix.T))[0].T.numpy(), atol=1e-4)


@pytest.mark.parametrize("variance", [False, True])
def test_sliding_cmvn_is_torchaudios(speech, variance):
    import torch
    import torchaudio

    matrix = features.kaldi_mfcc(speech)
    theirs = torchaudio.functional.sliding_window_cmn(torch.from_numpy(matrix), 200, center=True, norm_vars=variance)
    np.testing.assert_allclose(features.sliding_cmvn(matrix, 200, variance), theirs.numpy(), atol=2e-3)


def test_cmvn_is_sklearns(speech):
    from sklearn.preprocessing import StandardScaler

    matrix = features.kaldi_mfcc(speech).astype(np.float64)
    np.testing.assert_allclose(features.cmvn(matrix), StandardScaler().fit_transform(matrix), atol=1e-9)


# ---------------------------------------------------------------- properties

MATRICES = arrays(np.float64, st.tuples(st.integers(3, 30), st.integers(1, 4)), elements=st.floats(-100, 100, width=32))


@given(MATRICES, st.floats(-50, 50))
@settings(max_examples=50, deadline=None)
def test_cmvn_forgets_a_shift(matrix, shift):
    np.testing.assert_allclose(
        features.cmvn(matrix + shift, variance=False), features.cmvn(matrix, variance=False), atol=1e-6
    )


@given(MATRICES)
@settings(max_examples=50, deadline=None)
def test_cmvn_has_mean_0_and_deviation_1_or_0(matrix):
    result = features.cmvn(matrix)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-6)
    assert all(np.isclose(s, 1, atol=1e-6) or np.isclose(s, 0, atol=1e-6) for s in result.std(axis=0))


@given(MATRICES, st.floats(-50, 50))
@settings(max_examples=50, deadline=None)
def test_deltas_forget_a_shift_and_are_linear(matrix, shift):
    np.testing.assert_allclose(features.deltas(matrix + shift), features.deltas(matrix), atol=1e-6)
    np.testing.assert_allclose(features.deltas(3 * matrix), 3 * features.deltas(matrix), atol=1e-6)


@given(st.floats(0, 8000), st.sampled_from(["htk", "slaney"]))
def test_mel_scales_invert(hertz, scale):
    assert features.mel_to_hertz(features.hertz_to_mel(hertz, scale), scale) == pytest.approx(hertz, abs=1e-6)


def test_gain_shifts_every_band_by_its_logarithm(speech):
    louder = features.kaldi_fbank(speech * 0.5)
    np.testing.assert_allclose(features.kaldi_fbank(speech) - louder, 2 * np.log(2), atol=1e-3)


def test_dct_keeps_lengths():
    matrix = features.dct_matrix(12, 12)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(12), atol=1e-12)


def test_dither_is_seeded_and_off_by_default(speech):
    assert np.array_equal(
        features.kaldi_fbank(speech, dither=1, seed=3), features.kaldi_fbank(speech, dither=1, seed=3)
    )
    assert not np.allclose(
        features.kaldi_fbank(speech, dither=1, seed=3), features.kaldi_fbank(speech, dither=1, seed=4)
    )


def test_digital_silence_lies_on_the_floor():
    np.testing.assert_allclose(features.kaldi_fbank(np.zeros(800, np.float32)), np.log(features.KALDI_FLOOR))
    np.testing.assert_allclose(features.log_mel(np.zeros(800, np.float32)), -100)


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize("function", [features.kaldi_fbank, features.kaldi_mfcc, features.log_mel, features.mfcc])
def test_bad_waveforms_are_refused(function):
    with pytest.raises(AudioError, match="sample 3 is not a finite number"):
        function(np.where(np.arange(800) == 3, np.nan, 0.0))
    with pytest.raises(AudioError, match="one channel"):
        function(np.zeros((2, 800)))
    with pytest.raises(AudioError, match="one frame needs"):
        function(np.zeros(0))


def test_too_short_for_one_frame():
    with pytest.raises(AudioError, match="399 samples, one frame needs 400"):
        features.kaldi_fbank(np.zeros(399))
    assert features.kaldi_fbank(np.zeros(400)).shape == (1, 80)


@pytest.mark.parametrize(
    "call",
    [
        lambda: features.window("kaiser", 400),
        lambda: features.window("hann", 1),
        lambda: features.hertz_to_mel(1, "bark"),
        lambda: features.mel_to_hertz(1, "bark"),
        lambda: features.mel_filterbank(0),
        lambda: features.mel_filterbank(low=4000, high=4000),
        lambda: features.mel_filterbank(high=9000),
        lambda: features.mel_filterbank(slopes="bark"),
        lambda: features.dct_matrix(5, 4),
        lambda: features.frames(np.zeros(10), 0, 1),
        lambda: features.power_spectrum(np.zeros((1, 400)), np.ones(400), 256),
        lambda: features.log_mel(np.zeros(800), fft_length=256),
        lambda: features.deltas(np.zeros((3, 1)), 0),
        lambda: features.deltas(np.zeros(3)),
        lambda: features.cmvn(np.zeros((0, 3))),
        lambda: features.sliding_cmvn(np.zeros((3, 1)), 0),
    ],
)
def test_bad_options_are_refused(call):
    with pytest.raises(OptionError):
        call()


def test_mean_and_deviation_by_hand():
    matrix = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 6.0]])
    expected = [3.0, 2.0, np.sqrt(8 / 3), np.sqrt(8.0)]
    np.testing.assert_allclose(features.mean_and_deviation(matrix), expected)
    with pytest.raises(OptionError, match="at least one frame"):
        features.mean_and_deviation(np.zeros((0, 3)))


def test_the_lifter_by_hand():
    np.testing.assert_allclose(features.lifter(12)[[0, 11]], [1.0, 12.0])  # sin 0 and sin 90 degrees
    assert features.lifter(5, 0).tolist() == [1.0] * 5
