"""Waveforms in: a float32 array of shape (samples,) at 16 kHz, checked at the door.

Chapter: start
"""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from diarbook.audio.containers import Splice, Stream, streams
from diarbook.audio.inputs import opened, shown_name
from diarbook.audio.soundcheck import Soundcheck, sound_notes
from diarbook.audio.storage import Samples, pieces
from diarbook.errors import AudioError, AudioWarning, OptionError

SAMPLE_RATE = 16_000
MINIMUM_SECONDS = 0.1
BLOCK = 4.0
"""Seconds that are decoded at once, few enough for a processor's cache."""

LARGEST_BLOCK = 1 << 22
RATES = (1_000, 1_000_000)
TOLERANCE = 0.1
TRIAL_SECONDS = 600.0


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Average the channels of (samples, channels).

    Chapter: start
    """
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim == 1:
        return samples
    if samples.shape[1] == 1:
        return samples[:, 0]
    return np.ascontiguousarray(samples.T).mean(axis=0, dtype=np.float32)  # several times faster than by rows


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


def resample_blocks(blocks: Iterable[np.ndarray], rate: int, new_rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    """Resample block by block; the resampler keeps its state, so blocks leave no seams.

    Chapter: streaming
    """
    if rate == new_rate:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(rate, new_rate, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def first_not_finite(waveform: np.ndarray) -> int | None:
    """Index of the first sample that is NaN or infinite; hours of sound are looked at in blocks.

    Examples
    --------
    >>> first_not_finite(np.array([0.0, np.nan])), first_not_finite(np.zeros(2))
    (1, None)

    Chapter: start
    """
    for first, piece in pieces(waveform):
        finite = np.isfinite(piece)
        if not finite.all():
            return first + int(np.flatnonzero(~finite)[0])
    return None


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
    if (bad := first_not_finite(waveform)) is not None:
        raise AudioError(f"{name}: sample {bad} is not a finite number; repair or re-export the file")
    seconds = len(waveform) / SAMPLE_RATE
    if seconds < MINIMUM_SECONDS:
        raise AudioError(f"{name}: {seconds:.3f} s of audio, at least {MINIMUM_SECONDS} s is needed")
    return waveform


def audio_seconds(path: str | os.PathLike[str]) -> float:
    """Length of a recording: by its header, which is put right where it is wrong, or by decoding where it says nothing.

    Parameters
    ----------
    path : path
        As for :func:`load_audio`.

    Returns
    -------
    float
        Seconds. A FLAC or MP3 file that was cut off counts with the length that its header names.

    Raises
    ------
    AudioError
        When the file is missing, empty or not audio.

    Chapter: start
    """
    from diarbook.audio.decoders import DecodingError, open_decoder

    name, seconds = shown_name(path), 0.0
    with opened(path, name) as file:
        kind, found = streams(file)
        for stream in found:
            reading = _Reading(name, kind, quiet=False, goes_on=seconds > 0)
            try:
                with closing(open_decoder(Splice(file, stream), kind)) as decoder:
                    length = stream.seconds or decoder.seconds
            except DecodingError as error:
                if not reading.goes_on:
                    raise _unreadable(reading, error) from None
                continue
            if length is None:
                for _ in _blocks(file, stream, reading, BLOCK):
                    pass
                length = reading.check.seconds
            seconds += length
    return seconds


def load_audio(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE, *, quiet: bool = False) -> np.ndarray:
    """Read a recording as one channel at 16 kHz.

    Parameters
    ----------
    path : path
        WAV, FLAC, OGG or MP3, any rate and number of channels, and what else libsndfile reads; M4A, MP4, AAC, WebM and
        WMA where PyAV is installed. A pipe is read to its end; ``"-"`` is standard input.
    sample_rate : int
        Rate of the result, Hz.
    quiet : bool
        Silence what the MP3 decoder itself writes, see :func:`diarbook.audio.decoders.quiet_decoder`.

    Returns
    -------
    ndarray of float32, shape (samples,)
        Of more than an hour it lies in the folder for temporary files, and in memory as far as it is looked at.

    Raises
    ------
    AudioError
        When the file is missing, empty, not audio, too short, or holds NaN samples, or when that folder is full.

    Warns
    -----
    AudioWarning
        When it ends early or is damaged, when its channels cancel each other, or when it is clipped, silent or faint.

    Chapter: start
    """
    return read_audio(path, shown_name(path), sample_rate, quiet=quiet)


def read_audio(
    source: str | os.PathLike[str] | BinaryIO, name: str, sample_rate: int = SAMPLE_RATE, *, quiet: bool = False
) -> np.ndarray:
    """Read a recording from a file or from an open one, such as a member of an archive.

    Parameters
    ----------
    source : path or binary file
    name : str
        What messages call it.
    sample_rate : int
        Rate of the result, Hz.
    quiet : bool
        As for :func:`load_audio`.

    Returns
    -------
    ndarray of float32, shape (samples,)

    Raises
    ------
    AudioError
        When it is not audio, too short, or holds NaN samples.

    Warns
    -----
    AudioWarning
        As :func:`load_audio` does.

    Chapter: start
    """
    samples = Samples()
    readings: list[_Reading] = []
    with opened(source, name) as file:
        kind, found = streams(file)
        for stream in found:
            before = len(samples)
            reading = _Reading(name, kind, quiet, goes_on=before > 0)
            for block in _resampled(_blocks(file, stream, reading, BLOCK), reading, sample_rate):
                samples.append(block)
            if reading.check is not None and reading.check.cancels:
                reading = reading.alone()
                samples.truncate(before)
                for block in _resampled(_blocks(file, stream, reading, BLOCK), reading, sample_rate):
                    samples.append(block)
            readings.append(reading)
    waveform = samples.array()
    _check_length(len(waveform), readings, name)
    if first_not_finite(waveform) is not None:
        raise AudioError(f"{name}: its samples are too large for any sound; repair or export the file again")
    seconds = len(waveform) / sample_rate
    if seconds < MINIMUM_SECONDS:
        raise AudioError(f"{name}: {seconds:.3f} s of audio, at least {MINIMUM_SECONDS} s is needed")
    _note(name, readings)
    return waveform


def audio_blocks(
    path: str | os.PathLike[str], seconds: float = 0.5, sample_rate: int = SAMPLE_RATE, *, quiet: bool = False
) -> Iterator[np.ndarray]:
    """Read a recording block by block: hours of it are never in memory at once.

    Parameters
    ----------
    path : path
        As for :func:`load_audio`.
    seconds : float
        Length of a block.
    sample_rate : int
        Rate of the result, Hz.
    quiet : bool
        As for :func:`load_audio`.

    Yields
    ------
    ndarray of float32, shape (samples,)
        Channels averaged; whether they cancel each other is judged by the first ten minutes.

    Raises
    ------
    AudioError
        When the file is missing, empty, not audio, or holds NaN samples.

    Warns
    -----
    AudioWarning
        As :func:`load_audio` does, at the end.

    Chapter: streaming
    """
    name, count = shown_name(path), 0
    readings: list[_Reading] = []
    with opened(path, name) as file:
        kind, found = streams(file)
        for stream in found:
            reading = _Reading(name, kind, quiet, goes_on=count > 0)
            for _ in _blocks(file, stream, reading, BLOCK):
                if reading.check.channels == 1 or reading.check.seconds >= TRIAL_SECONDS:
                    break
            canceled = reading.check is not None and reading.check.cancels
            reading = reading.alone() if canceled else replace(reading, check=None)
            for block in _resampled(_blocks(file, stream, reading, seconds), reading, sample_rate):
                count += len(block)
                yield block
            readings.append(reading)
    _check_length(count, readings, name)
    _note(name, readings)


@dataclass
class _Reading:
    """What reading one stream of a recording shows, filled in while it is read."""

    name: str
    kind: str | None
    quiet: bool
    goes_on: bool
    """Sound came before: what cannot be read is then no error."""
    channel: int | None = None
    check: Soundcheck | None = None
    expected: float | None = None
    complaint: str = ""
    note: str = ""

    def alone(self) -> _Reading:
        """To read the stream again, the loudest channel only."""
        channel = self.check.loudest_channel
        _warn(
            f"{self.name}: its channels cancel each other (opposite phase); "
            f"channel {channel + 1} of {self.check.channels} is used alone"
        )
        return replace(self, channel=channel, check=None)


def _blocks(file: BinaryIO, stream: Stream, reading: _Reading, seconds: float) -> Iterator[np.ndarray]:
    """Mono samples of one stream, at its own rate: every sample that is read comes through here."""
    from diarbook.audio.decoders import DecodingError, open_decoder

    try:
        decoder = open_decoder(Splice(file, stream), reading.kind, reading.quiet)
    except DecodingError as error:
        if not reading.goes_on:
            raise _unreadable(reading, error) from None
        reading.complaint = str(error)
        return
    with closing(decoder):
        rate, channels = decoder.samplerate, decoder.channels
        if not RATES[0] <= rate <= RATES[1]:
            raise AudioError(
                f"{reading.name}: {rate} Hz is no sampling rate of {RATES[0]} to {RATES[1]}; its header is damaged"
            )
        check = reading.check = Soundcheck(rate, channels)
        reading.note = stream.note
        frames = max(1, min(round(seconds * rate), LARGEST_BLOCK // channels))
        while not reading.complaint:
            block, reading.complaint = decoder.read(frames)
            if not len(block):
                break
            mono = to_mono(block) if reading.channel is None else np.ascontiguousarray(block[:, reading.channel])
            if not check.add(block, mono):
                at = check.seconds + float(np.flatnonzero(~np.isfinite(block).all(axis=1))[0]) / rate
                raise AudioError(
                    f"{reading.name}: the sample at {at:.3f} s is not a finite number; repair or export the file again"
                )
            yield mono
        held = decoder.seconds or check.seconds
        reading.expected = stream.seconds or (held / stream.share if stream.share > 0 else held)


def _resampled(blocks: Iterator[np.ndarray], reading: _Reading, rate: int) -> Iterator[np.ndarray]:
    """Blocks at the wanted rate; their own is known when the first is there."""
    first = next(blocks, None)
    if first is not None:
        yield from resample_blocks(chain([first], blocks), reading.check.rate, rate)


def _unreadable(reading: _Reading, error: Exception) -> AudioError:
    """What to do about a file that no decoder reads."""
    from diarbook.audio.decoders import ONLY_MEDIA, has_media_decoder

    command = f"ffmpeg -i {shlex.quote(reading.name)} {shlex.quote(Path(reading.name).stem + '.wav')}"
    if reading.kind in ONLY_MEDIA and not has_media_decoder():
        return AudioError(f"{reading.name}: {error} (pip install av); or convert it: {command}")
    remedy = f": {command}" if reading.kind else ""
    return AudioError(f"{reading.name}: cannot be read as audio ({error}); convert it to WAV or FLAC{remedy}")


def _check_length(samples: int, readings: list[_Reading], name: str) -> None:
    """Refuse what holds no sound at all."""
    if samples:
        return
    if complaint := next((reading.complaint for reading in readings if reading.complaint), ""):
        raise AudioError(f"{name}: cannot be read as audio ({complaint}); convert it to WAV or FLAC")
    raise AudioError(f"{name}: holds no samples; record or export it again")


def _note(name: str, readings: list[_Reading]) -> None:
    """Warn of what is wrong with a recording that can be used."""
    checks = [reading.check for reading in readings if reading.check is not None]
    decoded = sum(check.seconds for check in checks)
    expected = sum(reading.expected or 0.0 for reading in readings)
    complaint = next((reading.complaint for reading in readings if reading.complaint), "")
    notes = list(dict.fromkeys(reading.note for reading in readings if reading.note))
    for note in notes:
        _warn(f"{name}: {note}; {decoded:.1f} s are decoded")
    if complaint:
        of = f" of {expected:.1f} s" if expected > decoded else ""
        _warn(f"{name}: is damaged ({complaint}); {decoded:.1f} s{of} are decoded")
    elif expected - decoded > TOLERANCE and not notes:
        _warn(f"{name}: ends early: {expected:.1f} s by its header, {decoded:.1f} s decoded")
    for note in sound_notes(checks):
        _warn(f"{name}: {note}")


def _warn(text: str) -> None:
    warnings.warn(text, AudioWarning, stacklevel=4)


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
