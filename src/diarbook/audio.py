"""Waveforms in: a float32 array of shape (samples,) at 16 kHz, checked at the door.

Chapter: start
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from diarbook.errors import AudioError, OptionError

if TYPE_CHECKING:
    from soundfile import SoundFile

SAMPLE_RATE = 16_000
MINIMUM_SECONDS = 0.1


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Average the channels of (samples, channels).

    Chapter: start
    """
    samples = np.asarray(samples, dtype=np.float32)
    return samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)


def resample(waveform: np.ndarray, rate: float, new_rate: float = SAMPLE_RATE) -> np.ndarray:
    """Change the sampling rate of a (samples,) waveform, band-limited (soxr, high quality).

    Chapter: start
    """
    if rate <= 0 or new_rate <= 0:
        raise OptionError(f"sampling rates must be positive, got {rate} and {new_rate} Hz")
    if rate == new_rate:
        return waveform
    import soxr

    return soxr.resample(waveform, rate, new_rate).astype(np.float32, copy=False)


def check_waveform(waveform: np.ndarray, name: str = "waveform") -> np.ndarray:
    """Return the waveform as float32, or say what is wrong with it.

    Parameters
    ----------
    waveform : array of shape (samples,)
        At 16 kHz, within -1 to 1.
    name : str
        What to call it in an error.

    Raises
    ------
    AudioError
        When it is not one channel, is empty or shorter than 0.1 s, holds integers, or NaN or infinite samples.

    Chapter: start
    """
    waveform = np.asarray(waveform)
    if waveform.dtype.kind != "f":
        raise AudioError(f"{name}: expected samples as floats within -1 to 1, got {waveform.dtype}; scale them")
    waveform = waveform.astype(np.float32, copy=False)
    if waveform.ndim != 1:
        raise AudioError(
            f"{name}: expected one channel of shape (samples,), got {waveform.shape}; average its channels"
        )
    if not np.isfinite(waveform).all():
        bad = int(np.flatnonzero(~np.isfinite(waveform))[0])
        raise AudioError(f"{name}: sample {bad} is not a finite number; repair or re-export the file")
    seconds = len(waveform) / SAMPLE_RATE
    if seconds < MINIMUM_SECONDS:
        raise AudioError(f"{name}: {seconds:.3f} s of audio, at least {MINIMUM_SECONDS} s is needed")
    return waveform


def load_audio(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read a recording as one channel at 16 kHz.

    Parameters
    ----------
    path : path
        WAV, FLAC, OGG or MP3, any rate and number of channels that libsndfile reads.
    sample_rate : int
        Rate of the result, Hz.

    Returns
    -------
    ndarray of float32, shape (samples,)

    Raises
    ------
    AudioError
        When the file is missing, empty, not audio, too short, or holds NaN samples.

    Chapter: start
    """
    path = Path(path)
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder; name an audio file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty; record or export it again")
    return read_audio(path, str(path), sample_rate)


def read_audio(source: str | os.PathLike[str] | BinaryIO, name: str, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read a recording from a file or from an open one, such as a member of an archive.

    Parameters
    ----------
    source : path or binary file
    name : str
        What messages call it.
    sample_rate : int
        Rate of the result, Hz.

    Returns
    -------
    ndarray of float32, shape (samples,)

    Raises
    ------
    AudioError
        When it is not audio, too short, or holds NaN samples.

    Chapter: start
    """
    import soundfile

    try:
        with soundfile.SoundFile(source) as file:
            waveform = _read_blocks(file, sample_rate)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        reason = str(error).rstrip(".").split(": ")[-1]
        raise AudioError(f"{name}: cannot be read as audio ({reason}); convert it to WAV or FLAC") from None
    if len(waveform) == 0:
        raise AudioError(f"{name}: holds no samples; record or export it again")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name}: holds samples that are not finite numbers; repair or export the file again")
    seconds = len(waveform) / sample_rate
    if seconds < MINIMUM_SECONDS:
        raise AudioError(f"{name}: {seconds:.3f} s of audio, at least {MINIMUM_SECONDS} s is needed")
    return waveform


def _read_blocks(file: SoundFile, sample_rate: int) -> np.ndarray:
    """Mono samples at the wanted rate, a minute at a time: hours at 48 kHz in stereo need not fit in memory."""
    import soxr

    blocks = file.blocks(blocksize=60 * file.samplerate, dtype="float32", always_2d=True)
    if file.samplerate == sample_rate:
        parts = [to_mono(block) for block in blocks]
    else:
        resampler = soxr.ResampleStream(file.samplerate, sample_rate, 1, dtype="float32")
        parts = [resampler.resample_chunk(to_mono(block)) for block in blocks]
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate([np.zeros(0, np.float32), *parts])


def level(waveform: np.ndarray) -> float:
    """Root-mean-square level in dB relative to full scale; -inf for silence.

    Chapter: vad
    """
    power = float(np.mean(np.square(waveform, dtype=np.float64))) if len(waveform) else 0.0
    return 10 * np.log10(power) if power > 0 else -np.inf


def clipped_fraction(waveform: np.ndarray, ceiling: float = 0.999) -> float:
    """Share of samples at or above the ceiling: more than a few in a thousand is audible distortion.

    Chapter: start
    """
    return float(np.mean(np.abs(waveform) >= ceiling)) if len(waveform) else 0.0
