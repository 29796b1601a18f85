"""What a machine hears: frames, spectra, mel bands, cepstra, and their normalization. numpy and scipy only.

Two families of features are in use, and a model works only with the one that it was trained on.
:func:`kaldi_fbank` and :func:`kaldi_mfcc` follow Kaldi; :func:`log_mel` and :func:`mfcc` follow librosa.

Chapter: features
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
from scipy.ndimage import correlate1d

from diarbook.audio import SAMPLE_RATE, first_not_finite
from diarbook.errors import AudioError, OptionError

FRAME_LENGTH = 400  # 25 ms at 16 kHz
FRAME_HOP = 160  # 10 ms at 16 kHz
KALDI_SCALE = 32768.0  # Kaldi reads 16-bit integers
KALDI_FLOOR = float(np.finfo(np.float32).eps)
_BLOCK = 4096  # frames transformed at once, so that hours of audio need little memory


def _check(waveform: np.ndarray, samples: int) -> np.ndarray:
    waveform = np.asarray(waveform)
    if waveform.ndim != 1:
        raise AudioError(f"waveform: expected one channel of shape (samples,), got {waveform.shape}; average channels")
    if len(waveform) < samples:
        raise AudioError(f"waveform: {len(waveform)} samples, one frame needs {samples}; use a longer stretch")
    if (bad := first_not_finite(waveform)) is not None:
        raise AudioError(f"waveform: sample {bad} is not a finite number; repair or re-export the audio")
    return waveform


def _check_matrix(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features)
    if features.ndim != 2 or len(features) == 0:
        raise OptionError(f"features: expected (frames, coefficients) with at least one frame, got {features.shape}")
    return features if np.issubdtype(features.dtype, np.floating) else features.astype(np.float64)


def frames(waveform: np.ndarray, length: int = FRAME_LENGTH, hop: int = FRAME_HOP) -> np.ndarray:
    """Cut a waveform into overlapping frames; samples that fill no whole frame are left out.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    length, hop : int
        Samples in a frame, and from one frame's start to the next one's.

    Returns
    -------
    ndarray of shape (1 + (samples - length) // hop, length)
        A read-only view: no samples are copied.

    Raises
    ------
    AudioError
        When the waveform is shorter than one frame, is not one channel, or holds NaN.
    OptionError
        When length or hop is not positive.

    Chapter: features
    """
    if length < 1 or hop < 1:
        raise OptionError(f"length and hop must be 1 sample or more, got {length} and {hop}")
    return np.lib.stride_tricks.sliding_window_view(_check(waveform, length), length)[::hop]  # eq: features-frame


def window(name: str, length: int) -> np.ndarray:
    """Weights of one frame, shape (length,).

    Parameters
    ----------
    name : {"rectangular", "hann", "hann_periodic", "hamming", "povey"}
        ``povey`` is Kaldi's: a Hann window to the power 0.85. ``hann_periodic`` is librosa's: it would
        meet its own start at sample ``length``, where ``hann`` ends on zero.
    length : int
        Samples, at least 2.

    References
    ----------
    povey2011kaldi

    Chapter: features
    """
    if length < 2:
        raise OptionError(f"a window needs 2 samples or more, got {length}")
    if name == "rectangular":
        return np.ones(length)
    period = length if name == "hann_periodic" else length - 1
    cosine = np.cos(2 * np.pi * np.arange(length) / period)
    if name in ("hann", "hann_periodic"):
        return 0.5 - 0.5 * cosine
    if name == "hamming":
        return 0.54 - 0.46 * cosine
    if name == "povey":
        return (0.5 - 0.5 * cosine) ** 0.85
    raise OptionError(f"unknown window {name!r}; known: rectangular, hann, hann_periodic, hamming, povey")


def power_spectrum(framed: np.ndarray, weights: np.ndarray, fft_length: int = 512) -> np.ndarray:
    """Squared magnitude of the short-time Fourier transform.

    Parameters
    ----------
    framed : ndarray of shape (frames, length)
    weights : ndarray of shape (length,)
        The window.
    fft_length : int
        Points of the transform; frames are padded with zeros up to it.

    Returns
    -------
    ndarray of shape (frames, fft_length // 2 + 1)

    Chapter: features
    """
    if fft_length < framed.shape[-1]:
        raise OptionError(f"fft_length {fft_length} is shorter than a frame of {framed.shape[-1]} samples")
    spectrum = scipy.fft.rfft(framed * weights.astype(framed.dtype, copy=False), n=fft_length)  # eq: features-stft
    return spectrum.real**2 + spectrum.imag**2


def hertz_to_mel(hertz: np.ndarray | float, scale: str = "htk") -> np.ndarray:
    """Frequency on a mel scale.

    Parameters
    ----------
    hertz : array or float
    scale : {"htk", "slaney"}
        ``htk``: logarithmic throughout (HTK, Kaldi, torchaudio). ``slaney``: linear up to 1 kHz, where it
        reads 15, then logarithmic (Slaney's Auditory Toolbox, librosa).

    References
    ----------
    stevens1937mel, slaney1998toolbox, povey2011kaldi

    Chapter: features
    """
    hertz = np.asarray(hertz, dtype=np.float64)
    if scale == "htk":
        return 1127.0 * np.log1p(hertz / 700.0)  # eq: features-mel
    if scale == "slaney":
        above = 15.0 + 27.0 * np.log(np.maximum(hertz, 1000.0) / 1000.0) / np.log(6.4)
        return np.where(hertz < 1000.0, hertz * 3.0 / 200.0, above)
    raise OptionError(f"unknown mel scale {scale!r}; known: htk, slaney")


def mel_to_hertz(mel: np.ndarray | float, scale: str = "htk") -> np.ndarray:
    """Inverse of :func:`hertz_to_mel`.

    Chapter: features
    """
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return 700.0 * np.expm1(mel / 1127.0)
    if scale == "slaney":
        above = 1000.0 * np.exp((np.maximum(mel, 15.0) - 15.0) * np.log(6.4) / 27.0)
        return np.where(mel < 15.0, mel * 200.0 / 3.0, above)
    raise OptionError(f"unknown mel scale {scale!r}; known: htk, slaney")


def mel_filterbank(
    bands: int = 80,
    fft_length: int = 512,
    sample_rate: float = SAMPLE_RATE,
    *,
    low: float = 0.0,
    high: float | None = None,
    scale: str = "slaney",
    slopes: str = "hertz",
    area: bool = True,
) -> np.ndarray:
    """Triangular filters, evenly spaced on a mel scale.

    Parameters
    ----------
    bands : int
        Number of filters.
    fft_length : int
        Points of the Fourier transform that the filters weight.
    sample_rate : float
        Hz.
    low, high : float
        Edges of the bank in Hz; ``high`` is half the sampling rate by default.
    scale : {"slaney", "htk"}
    slopes : {"hertz", "mel"}
        On which axis the sides of a triangle are straight: librosa's are on the Hz axis, Kaldi's on the mel axis.
    area : bool
        Give each filter unit area in Hz (librosa) instead of unit height (Kaldi).

    Returns
    -------
    ndarray of shape (bands, fft_length // 2 + 1)

    Raises
    ------
    OptionError
        When the edges are out of order or beyond half the sampling rate, or there is no band.

    References
    ----------
    davis1980mfcc

    Chapter: features
    """
    high = sample_rate / 2 if high is None else high
    if bands < 1:
        raise OptionError(f"bands must be 1 or more, got {bands}")
    if not 0 <= low < high <= sample_rate / 2:
        raise OptionError(f"need 0 <= low < high <= {sample_rate / 2:g} Hz, got {low:g} and {high:g}")
    bins = np.fft.rfftfreq(fft_length, 1 / sample_rate)
    edges = np.linspace(hertz_to_mel(low, scale), hertz_to_mel(high, scale), bands + 2)
    edges_hertz = mel_to_hertz(edges, scale)
    if slopes == "hertz":
        edges, at = edges_hertz, bins
    elif slopes == "mel":
        at = hertz_to_mel(bins, scale)
    else:
        raise OptionError(f"unknown slopes {slopes!r}; known: hertz, mel")
    left, center, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (at - left) / (center - left), (right - at) / (right - center)
    triangles = np.maximum(0, np.minimum(rising, falling))  # eq: features-filterbank
    if slopes == "mel":
        triangles[:, -1] = 0  # Kaldi never uses the bin at half the sampling rate
    if area:
        triangles *= 2 / (edges_hertz[2:] - edges_hertz[:-2])[:, None]
    return triangles


@functools.lru_cache(maxsize=16)
def _kaldi_bank(bands: int, fft_length: int, low: float, high: float) -> np.ndarray:
    bank = mel_filterbank(bands, fft_length, low=low, high=high, scale="htk", slopes="mel", area=False)
    bank = np.ascontiguousarray(bank.T, dtype=np.float32)
    bank.setflags(write=False)
    return bank


def kaldi_fbank(
    waveform: np.ndarray,
    bands: int = 80,
    *,
    low: float = 20.0,
    high: float = SAMPLE_RATE / 2,
    preemphasis: float = 0.97,
    dither: float = 0.0,
    seed: int = 0,
    scale: float = KALDI_SCALE,
) -> np.ndarray:
    """Logarithmic mel filterbank energies as Kaldi computes them: the input of most speaker networks.

    25 ms Povey windows every 10 ms, mean of each frame removed, pre-emphasis within the frame, power spectrum of
    512 points, HTK mel scale with triangles straight in mel, natural logarithm.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz, within -1 to 1.
    bands : int
        Mel bands.
    low, high : float
        Edges of the filterbank, Hz.
    preemphasis : float
        Coefficient of the first-order high-pass filter.
    dither : float
        Standard deviation of the noise added to each sample, in units of the 16-bit sample (Kaldi's
        command line adds 1.0; networks are run with 0).
    seed : int
        Of that noise.
    scale : float
        What 1.0 means in the features' units; 32768 is Kaldi's.

    Returns
    -------
    ndarray of float32, shape (frames, bands)
        ``1 + (samples - 400) // 160`` frames.

    Raises
    ------
    AudioError
        When the waveform is shorter than 25 ms, is not one channel, or holds NaN.

    References
    ----------
    povey2011kaldi

    Chapter: features
    """
    framed = frames(np.asarray(waveform, dtype=np.float32), FRAME_LENGTH, FRAME_HOP)
    weights = window("povey", FRAME_LENGTH).astype(np.float32)
    bank = _kaldi_bank(bands, 512, float(low), float(high))
    noise = np.random.default_rng(seed) if dither else None
    output = np.empty((len(framed), bands), np.float32)
    for start in range(0, len(framed), _BLOCK):
        block = framed[start : start + _BLOCK] * np.float32(scale)
        if noise is not None:
            block += noise.normal(0, dither, block.shape).astype(np.float32)
        block -= block.mean(axis=1, keepdims=True)
        first = (1 - np.float32(preemphasis)) * block[:, :1]  # the frame's first sample is its own predecessor
        block[:, 1:] -= np.float32(preemphasis) * block[:, :-1]
        block[:, :1] = first
        energies = power_spectrum(block, weights) @ bank
        np.log(np.maximum(energies, KALDI_FLOOR, out=energies), out=output[start : start + _BLOCK])  # eq: features-log
    return output


def dct_matrix(coefficients: int, bands: int) -> np.ndarray:
    """Rows of the orthonormal DCT-II, shape (coefficients, bands).

    Chapter: features
    """
    if not 1 <= coefficients <= bands:
        raise OptionError(f"need 1 to {bands} coefficients, got {coefficients}")
    order, band = np.arange(coefficients)[:, None], np.arange(bands)[None, :]
    matrix = np.sqrt(2 / bands) * np.cos(np.pi * order * (band + 0.5) / bands)  # eq: features-dct
    matrix[0] /= np.sqrt(2)
    return matrix


def cepstrum(log_energies: np.ndarray, coefficients: int = 13) -> np.ndarray:
    """Cepstral coefficients of log band energies by the orthonormal DCT: (frames, bands) to (frames, coefficients).

    Chapter: features
    """
    log_energies = _check_matrix(log_energies)
    return log_energies @ dct_matrix(coefficients, log_energies.shape[1]).T.astype(log_energies.dtype)


def lifter(coefficients: int, strength: float = 22.0) -> np.ndarray:
    """Weights that bring high cepstral coefficients to the size of low ones, shape (coefficients,).

    Chapter: features
    """
    if strength == 0:
        return np.ones(coefficients)
    return 1 + strength / 2 * np.sin(np.pi * np.arange(coefficients) / strength)  # eq: features-lifter


def kaldi_mfcc(waveform: np.ndarray, coefficients: int = 13, bands: int = 23, **parameters) -> np.ndarray:
    """Mel-frequency cepstral coefficients as Kaldi computes them, with C0 and without an energy term.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz, within -1 to 1.
    coefficients, bands : int
        Cepstral coefficients kept, of how many mel bands.
    **parameters
        Of :func:`kaldi_fbank`.

    Returns
    -------
    ndarray of float32, shape (frames, coefficients)

    References
    ----------
    davis1980mfcc, povey2011kaldi

    Chapter: features
    """
    energies = kaldi_fbank(waveform, bands, **parameters)
    return cepstrum(energies, coefficients) * lifter(coefficients).astype(np.float32)


def log_mel(
    waveform: np.ndarray,
    bands: int = 80,
    *,
    length: int = FRAME_LENGTH,
    hop: int = FRAME_HOP,
    fft_length: int = 512,
    scale: str = "slaney",
    dynamic_range: float | None = 80.0,
) -> np.ndarray:
    """Log-mel spectrogram in dB as librosa computes it.

    Frames are centered on ``i * hop`` (the waveform is padded with zeros at both ends), under a periodic Hann
    window, without pre-emphasis; the filters have unit area on Slaney's mel scale.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz, within -1 to 1.
    bands : int
        Mel bands.
    length, hop, fft_length : int
        Samples in the window, from one to the next, and points of the transform.
    scale : {"slaney", "htk"}
    dynamic_range : float or None
        Values that lie further than this many dB below the loudest one are raised to it; None keeps them.

    Returns
    -------
    ndarray of float32, shape (1 + samples // hop, bands)

    Raises
    ------
    AudioError
        When the waveform is empty, is not one channel, or holds NaN.

    References
    ----------
    mcfee2015librosa

    Chapter: features
    """
    if length > fft_length:
        raise OptionError(f"length {length} is longer than the transform of {fft_length} points")
    waveform = _check(waveform, 1).astype(np.float32, copy=False)
    framed = frames(np.pad(waveform, fft_length // 2), fft_length, hop)
    margin = (fft_length - length) // 2
    weights = np.pad(window("hann_periodic", length), (margin, fft_length - length - margin)).astype(np.float32)
    bank = mel_filterbank(bands, fft_length, scale=scale).T.astype(np.float32)
    blocks = range(0, len(framed), _BLOCK)
    energies = np.concatenate([power_spectrum(framed[b : b + _BLOCK], weights, fft_length) @ bank for b in blocks])
    decibels = 10 * np.log10(np.maximum(energies, np.float32(1e-10)))  # eq: features-log
    return decibels if dynamic_range is None else np.maximum(decibels, decibels.max() - np.float32(dynamic_range))


def mfcc(waveform: np.ndarray, coefficients: int = 20, bands: int = 128, **parameters) -> np.ndarray:
    """Mel-frequency cepstral coefficients as librosa computes them: an orthonormal DCT of :func:`log_mel`.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    coefficients, bands : int
        Cepstral coefficients kept, of how many mel bands.
    **parameters
        Of :func:`log_mel`.

    Returns
    -------
    ndarray of float32, shape (frames, coefficients)

    References
    ----------
    davis1980mfcc, mcfee2015librosa

    Chapter: features
    """
    return cepstrum(log_mel(waveform, bands, **parameters), coefficients)


def deltas(features: np.ndarray, reach: int = 2) -> np.ndarray:
    """Slope of each coefficient over time, by regression over ``reach`` frames on both sides.

    Parameters
    ----------
    features : ndarray of shape (frames, coefficients)
    reach : int
        Frames on each side; the first and the last frame are repeated beyond the ends.

    Returns
    -------
    ndarray of shape (frames, coefficients)
        Change per frame. Apply it twice for delta-delta coefficients.

    References
    ----------
    furui1986dynamics

    Chapter: features
    """
    if reach < 1:
        raise OptionError(f"reach must be 1 frame or more, got {reach}")
    features = _check_matrix(features)
    steps = np.arange(-reach, reach + 1, dtype=np.float64)
    return correlate1d(features, steps / np.sum(steps**2), axis=0, mode="nearest")  # eq: features-delta


def cmvn(features: np.ndarray, variance: bool = True) -> np.ndarray:
    """Cepstral mean and variance normalization over the whole utterance.

    Parameters
    ----------
    features : ndarray of shape (frames, coefficients)
    variance : bool
        Divide by the standard deviation too; False removes the mean only.

    Returns
    -------
    ndarray of shape (frames, coefficients)
        A coefficient that never changes becomes 0.

    Chapter: features
    """
    features = _check_matrix(features)
    centered = features - features.mean(axis=0, dtype=np.float64).astype(features.dtype)
    if not variance:
        return centered
    spread = centered.std(axis=0, dtype=np.float64)
    negligible = spread <= 1e-6 * np.abs(features).max(axis=0)  # rounding of a constant, not a signal
    spread = np.where(negligible, np.inf, spread)
    return (centered / spread).astype(features.dtype)  # eq: features-cmvn


def sliding_cmvn(features: np.ndarray, length: int = 300, variance: bool = False) -> np.ndarray:
    """Cepstral mean (and variance) normalization over a window that moves along, as Kaldi does it.

    The window of ``length`` frames is centered on the frame and pushed inside at both ends; an utterance
    that is shorter is normalized as a whole.

    Parameters
    ----------
    features : ndarray of shape (frames, coefficients)
    length : int
        Frames of the window; 300 are 3 s.
    variance : bool
        Divide by the window's standard deviation too.

    Returns
    -------
    ndarray of shape (frames, coefficients)
        A coefficient that does not change within the window becomes 0.

    References
    ----------
    povey2011kaldi

    Chapter: features
    """
    if length < 1:
        raise OptionError(f"length must be 1 frame or more, got {length}")
    features = _check_matrix(features)
    count = len(features)
    length = min(length, count)
    start = np.clip(np.arange(count) - length // 2, 0, count - length)
    offset = features.mean(axis=0, dtype=np.float64)  # sums of small numbers lose fewer digits
    values = features - offset

    def window_mean(x: np.ndarray) -> np.ndarray:
        sums = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
        return (sums[start + length] - sums[start]) / length

    mean = window_mean(values)
    centered = values - mean
    if variance:
        spread = np.sqrt(np.maximum(window_mean(values**2) - mean**2, 0))
        negligible = spread <= 1e-6 * np.abs(features).max(axis=0)
        centered = centered / np.where(negligible, np.inf, spread)
    return centered.astype(features.dtype)


def mean_and_deviation(features: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of each coefficient over time, one after the other: the simplest voice vector.

    Parameters
    ----------
    features : ndarray of shape (frames, coefficients)

    Returns
    -------
    ndarray of shape (2 * coefficients,)

    Raises
    ------
    OptionError
        When there is no frame.

    Examples
    --------
    >>> mean_and_deviation(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [2.0, 5.0, 1.0, 0.0]

    Chapter: features
    """
    features = _check_matrix(features)
    return np.concatenate([features.mean(axis=0), features.std(axis=0)])
