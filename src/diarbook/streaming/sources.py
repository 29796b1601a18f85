"""Where a stream comes from: a file, raw samples on a pipe, or a microphone; always in blocks at 16 kHz.

Chapter: streaming
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from diarbook.audio import SAMPLE_RATE, audio_blocks, resample_blocks
from diarbook.audio.containers import container
from diarbook.errors import AudioError

PIPE_HELP = "pipe 16-bit mono samples, such as `ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -`"


def file_blocks(path: str | os.PathLike[str], seconds: float = 0.5, *, quiet: bool = False) -> Iterator[np.ndarray]:
    """Read a file block by block: hours of it are never in memory at once.

    Parameters
    ----------
    path : path
        What :func:`diarbook.audio.load_audio` reads.
    seconds : float
        Length of a block.
    quiet : bool
        Silence the MP3 decoder, see :func:`diarbook.audio.decoders.quiet_decoder`.

    Yields
    ------
    ndarray of float32, shape (samples,)
        At 16 kHz, channels averaged.

    Raises
    ------
    AudioError
        When the file is missing, empty, no audio, or holds NaN samples.

    Warns
    -----
    AudioWarning
        At the end, when the file ends early, is damaged, clipped, silent or faint; before, when its channels cancel.

    Chapter: streaming
    """
    return audio_blocks(path, seconds, SAMPLE_RATE, quiet=quiet)


def pcm_blocks(
    pipe: BinaryIO, rate: int = SAMPLE_RATE, seconds: float = 0.5, warn: Callable[[str], None] | None = None
) -> Iterator[np.ndarray]:
    """Read raw samples, signed 16 bits, little-endian, one channel.

    Parameters
    ----------
    pipe : binary file
        A read may return any number of bytes, also half a sample.
    rate : int
        Samples a second.
    seconds : float
        Length of a block.
    warn : callable, optional
        Told when the last byte is half a sample.

    Yields
    ------
    ndarray of float32, shape (samples,)
        At 16 kHz.

    Raises
    ------
    AudioError
        When there are no samples, or the bytes are a WAV, FLAC, OGG or MP3 file.

    Chapter: streaming
    """

    def samples() -> Iterator[np.ndarray]:
        size = max(2, 2 * round(seconds * rate))
        rest = _head(pipe, size)
        if container(rest) is not None:
            raise AudioError(f"standard input: is an audio file, not raw samples; name it, or {PIPE_HELP}")
        while rest:
            even = len(rest) // 2 * 2
            if even:
                yield np.frombuffer(rest[:even], dtype="<i2").astype(np.float32) / 32768
            data = pipe.read(size)
            if not data:
                break
            rest = rest[even:] + data
        if len(rest) % 2 and warn is not None:
            warn("standard input: ended in the middle of a sample; the last byte is left out")

    heard = False
    for block in resample_blocks(samples(), rate):
        heard = heard or len(block) > 0
        yield block
    if not heard:
        raise AudioError(f"standard input: no samples; {PIPE_HELP}")


def _head(pipe: BinaryIO, size: int) -> bytes:
    """The first bytes, so many as it takes to know what they are: more only if they look like a frame of MPEG audio."""
    head = b""
    while len(head) < 4096 and (data := pipe.read(size)):
        head += data
        if len(head) >= 12 and not (head[0] == 0xFF and head[1] >= 0xE0) and head[0] >> 4 != 0xD:
            break
    return head


def microphone_blocks(seconds: float = 0.1) -> Iterator[np.ndarray]:
    """Listen to the default microphone until the caller stops.

    Parameters
    ----------
    seconds : float
        Length of a block.

    Raises
    ------
    AudioError
        When the package ``sounddevice`` is not installed, or there is no microphone.

    Chapter: streaming
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        why = "" if isinstance(error, ImportError) else " and the system library PortAudio"
        raise AudioError(f"a microphone needs the package sounddevice{why}: pip install sounddevice") from None
    heard: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
    try:
        with sounddevice.InputStream(
            samplerate=SAMPLE_RATE,
            channels=1,
            dtype="float32",
            blocksize=round(seconds * SAMPLE_RATE),
            callback=lambda data, *_: heard.put(data[:, 0].copy()),
        ):
            while True:
                yield heard.get()
    except sounddevice.PortAudioError as error:
        raise AudioError(f"microphone: cannot be opened ({error}); check that one is connected and allowed") from None


def paced(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Hand blocks on no sooner than they would be heard.

    Chapter: streaming
    """
    start, heard = time.monotonic(), 0
    for block in blocks:
        heard += len(block)
        time.sleep(max(0.0, start + heard / SAMPLE_RATE - time.monotonic()))
        yield block
