"""Where the samples of a recording lie: in memory, or in a file without a name when they are hours.

Chapter: start
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from diarbook.errors import AudioError

HELD_BYTES = 16_000 * 3600 * 4
"""An hour at 16 kHz: what is longer goes to the folder for temporary files."""


class Samples:
    """Samples of a recording that is being read, float32, in the order in which they come.

    Parameters
    ----------
    held : int
        Bytes that are kept in memory. More of them go to a temporary file, which has no name and is gone with the
        last array that shows it.

    Examples
    --------
    >>> samples = Samples()
    >>> samples.append(np.zeros(3, np.float32))
    >>> len(samples), samples.array().tolist()
    (3, [0.0, 0.0, 0.0])

    Chapter: start
    """

    def __init__(self, held: int = HELD_BYTES) -> None:
        self._held = held
        self._memory = bytearray()  # grows in place: a list of blocks and their join would be the recording twice
        self._file: BinaryIO | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, block: np.ndarray) -> None:
        """Add samples at the end."""
        data = np.ascontiguousarray(block, np.float32)
        if self._file is None and len(self._memory) + data.nbytes <= self._held:
            self._memory += data.tobytes()
        else:
            self._write(data)
        self._count += len(data)

    def _write(self, data: np.ndarray) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115
                self._file.write(self._memory)
                self._memory = bytearray()
            self._file.write(data.tobytes())
            self._file.flush()  # a full disk shows here, and not when the array is made
        except OSError as error:
            raise AudioError(
                f"{tempfile.gettempdir()}: a long recording cannot be kept there ({error.strerror}); "
                "make room, or name another folder in TMPDIR"
            ) from None

    def truncate(self, count: int) -> None:
        """Forget all but the first so many samples."""
        self._count = count
        if self._file is None:
            del self._memory[4 * count :]
        else:
            self._file.seek(4 * count)
            self._file.truncate()

    def array(self) -> np.ndarray:
        """All samples, shape (samples,), without a copy."""
        if self._file is None or not self._count:
            return np.frombuffer(self._memory, np.float32)
        return np.frombuffer(mmap.mmap(self._file.fileno(), 4 * self._count), np.float32)


def release(waveform: np.ndarray) -> None:
    """Let go of the memory through which a waveform in a file was looked at; it is read again when it is needed.

    Parameters
    ----------
    waveform : ndarray
        One that lies in memory stays there.

    Chapter: start
    """
    holder = waveform
    while holder is not None and not isinstance(holder, mmap.mmap):
        holder = holder.obj if isinstance(holder, memoryview) else getattr(holder, "base", None)
    if holder is not None and hasattr(mmap, "MADV_DONTNEED"):
        holder.madvise(mmap.MADV_DONTNEED)


def pieces(waveform: np.ndarray, samples: int = 1 << 22) -> Iterator[tuple[int, np.ndarray]]:
    """A waveform piece by piece, so that hours of it need not be in memory at once.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    samples : int
        Length of a piece.

    Yields
    ------
    first : int
        Index of the piece's first sample.
    piece : ndarray

    Examples
    --------
    >>> [(first, piece.tolist()) for first, piece in pieces(np.arange(3), 2)]
    [(0, [0, 1]), (2, [2])]

    Chapter: start
    """
    for first in range(0, len(waveform), samples):
        yield first, waveform[first : first + samples]
        release(waveform)
