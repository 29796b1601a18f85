"""Decoders with one interface: libsndfile, and FFmpeg's libraries through PyAV for what phones and meetings write.

Chapter: start
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO, Protocol

import numpy as np
import soundfile

MEDIA = {
    "M4A": "mov",
    "WebM": "matroska",
    "WMA": "asf",
    "AAC": "aac",
    "AMR": "amr",
    "FLV": "flv",
    "WAV": "wav",
    "OGG": "ogg",
    "CAF": "caf",
}
"""Containers that PyAV may be asked to read, as FFmpeg calls them. It is never left to guess, since some of its formats
are lists of other files."""

ONLY_MEDIA = ("M4A", "WebM", "WMA", "AAC", "AMR", "FLV")
"""Those that libsndfile never reads."""

_TIMED = ("M4A", "WebM", "WMA")
_UNRECOGNIZED, _UNSUPPORTED = 1, 4


class DecodingError(Exception):
    """What a decoder says is wrong.

    Chapter: start
    """


class UnknownEncodingError(DecodingError):
    """The decoder does not know this container or this encoding; another may.

    Chapter: start
    """


class Decoder(Protocol):
    """An open stream of sound that is read from its start to its end, without seeking.

    Chapter: start
    """

    samplerate: int
    channels: int
    seconds: float | None

    def read(self, frames: int) -> tuple[np.ndarray, str]:
        """Samples of shape (at most frames, channels), and the reason why there are no more, if it is an error."""

    def close(self) -> None:
        """Let go of the stream."""


class SoundDecoder:
    """A stream that libsndfile decodes.

    Chapter: start
    """

    def __init__(self, stream: BinaryIO, kind: str | None, quiet: bool = False) -> None:
        self._silence: Callable = quiet_decoder if quiet and kind in ("MP3", "WAV") else nullcontext
        raw = {"format": "RAW", "subtype": "GSM610", "samplerate": 8000, "channels": 1} if kind == "GSM" else {}
        try:
            with self._silence():
                self._file = _Forward(stream, **raw)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".")
            if error.code in (_UNRECOGNIZED, _UNSUPPORTED):
                raise UnknownEncodingError(reason) from None
            raise DecodingError(reason) from None
        except TypeError as error:
            raise DecodingError(str(error)) from None
        self.samplerate, self.channels = self._file.samplerate, self._file.channels
        frames = self._file.frames
        self.seconds = frames / self.samplerate if 0 < frames < 2**62 and self.samplerate > 0 else None

    def read(self, frames: int) -> tuple[np.ndarray, str]:
        """Samples of shape (at most frames, channels), and the decoder's complaint."""
        # After an error nobody says how much was written, and memory that was not written holds other people's sound.
        block = np.full((frames, self.channels), np.nan, np.float32)
        try:
            with self._silence():
                return self._file.read(frames, dtype="float32", always_2d=True, out=block), ""
        except soundfile.LibsndfileError as error:
            unwritten = np.isnan(block).any(axis=1)
            good = int(unwritten.argmax()) if unwritten.any() else frames
            return block[:good], error.error_string.rstrip(".")

    def close(self) -> None:
        """Let go of the stream."""
        with self._silence():
            self._file.close()


class _Forward(soundfile.SoundFile):
    """Reads on and on: soundfile seeks after every read where it can, which some encodings claim and cannot."""

    def seekable(self) -> bool:
        return False


class MediaDecoder:
    """A stream that FFmpeg's libraries decode.

    Chapter: start
    """

    def __init__(self, stream: BinaryIO, kind: str) -> None:
        import av

        self._error, self._complaint = av.error.FFmpegError, ""
        try:
            self._container = av.open(stream, format=MEDIA[kind], metadata_errors="ignore")
            track = self._container.streams.best("audio")
            if track is None:
                raise DecodingError("holds no audio track")
            self._frames = self._decoded(track)
            if (first := next(self._frames, None)) is None:
                raise DecodingError("no sound can be decoded")
            self.samplerate, self.channels = first.sample_rate, first.layout.nb_channels
            # Interleaved: PyAV 18 reads beyond its memory when eight channels or more are apart.
            self._resampler = av.AudioResampler(format="flt", layout=first.layout, rate=first.sample_rate)
            self._rest = self._samples(first)
        except (self._error, ValueError, OSError) as error:
            raise DecodingError(getattr(error, "strerror", None) or str(error)) from None
        duration = float(track.duration * track.time_base) if track.duration else (self._container.duration or 0) / 1e6
        self.seconds = duration if kind in _TIMED and duration > 0 else None

    def _decoded(self, track: object) -> Iterator:
        """Frames; a packet that is damaged is passed over, as players do."""
        for packet in self._container.demux(track):
            try:
                yield from packet.decode()
            except self._error:
                self._complaint = "some packets are damaged"

    def _samples(self, frame: object) -> np.ndarray:
        parts = [part.to_ndarray().reshape(-1, self.channels) for part in self._resampler.resample(frame)]
        return np.concatenate([np.zeros((0, self.channels), np.float32), *parts])

    def read(self, frames: int) -> tuple[np.ndarray, str]:
        """Samples of shape (at most frames, channels), and the decoder's complaint."""
        parts, count = [self._rest], len(self._rest)
        try:
            while count < frames and (frame := next(self._frames, None)) is not None:
                parts.append(self._samples(frame))
                count += len(parts[-1])
        except (self._error, ValueError) as error:
            self._complaint = getattr(error, "strerror", None) or str(error)
        block = np.concatenate(parts)
        self._rest = block[frames:]
        return block[:frames], self._complaint if len(block) < frames else ""

    def close(self) -> None:
        """Let go of the stream."""
        self._container.close()


def open_decoder(stream: BinaryIO, kind: str | None, quiet: bool = False) -> Decoder:
    """Open a stream with the decoder that knows its container.

    Parameters
    ----------
    stream : binary file that can seek
    kind : str or None
        As :func:`diarbook.audio.containers.container` names it.
    quiet : bool
        Silence the decoder, see :func:`quiet_decoder`.

    Raises
    ------
    DecodingError
        When no decoder that is installed reads it.

    Chapter: start
    """
    if kind in ONLY_MEDIA:
        if not has_media_decoder():
            raise UnknownEncodingError(f"is {kind}, which needs the package av")
        return MediaDecoder(stream, kind)
    try:
        return SoundDecoder(stream, kind, quiet)
    except DecodingError:
        if kind not in MEDIA or not has_media_decoder():
            raise
        stream.seek(0)
        return MediaDecoder(stream, kind)


def has_media_decoder() -> bool:
    """Whether PyAV is installed and works.

    Chapter: start
    """
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Send to nowhere what C libraries write on standard error: libmpg123 comments on most MP3 files.

    Standard error is the whole process's, so this is for programs of one thread, such as a command line.

    Chapter: start
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
