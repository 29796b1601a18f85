"""The last seconds of a stream's sound, and what the segmentation network said of them.

Time is counted in frames of that network, 270 samples each, from the start of the stream.

Chapter: streaming
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.errors import AudioError
from diarbook.networks.powerset import CHUNK_SECONDS, FRAME_SAMPLES, RECEPTIVE_FIELD_SAMPLES
from diarbook.segmentation.scores import ChunkScores, powerset_to_multilabel

CHUNK_SAMPLES = round(CHUNK_SECONDS * SAMPLE_RATE)
CHUNK_FRAMES = CHUNK_SAMPLES // FRAME_SAMPLES  # from a chunk to the next one that shares no sample with it
OFFSET_SAMPLES = (RECEPTIVE_FIELD_SAMPLES - FRAME_SAMPLES) / 2
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE


def frame_time(frame: int | np.ndarray) -> float | np.ndarray:
    """Seconds from the start of the stream at which a frame begins.

    Chapter: streaming
    """
    return (frame * FRAME_SAMPLES + OFFSET_SAMPLES) / SAMPLE_RATE


def frame_at(samples: int) -> int:
    """The frame that begins last in so many samples from the start of the stream.

    Chapter: streaming
    """
    return int((samples - OFFSET_SAMPLES) / FRAME_SAMPLES)


def span_seconds(spans: np.ndarray) -> np.ndarray:
    """Durations of spans of frames: (n, 2) to (n,).

    Chapter: streaming
    """
    return np.diff(spans, axis=1)[:, 0] * FRAME_SAMPLES / SAMPLE_RATE


def check_block(block: np.ndarray, heard: float) -> np.ndarray:
    """Return a block of sound as float32, or say what is wrong with it.

    Parameters
    ----------
    block : ndarray of float, shape (samples,)
    heard : float
        Seconds heard before it.

    Raises
    ------
    AudioError
        When it is not one channel of finite floats.

    Chapter: streaming
    """
    block = np.asarray(block)
    if block.dtype.kind != "f":
        raise AudioError(f"stream: expected samples as floats within -1 to 1, got {block.dtype}; scale them")
    if block.ndim != 1:
        raise AudioError(f"stream: expected one channel of shape (samples,), got {block.shape}; average its channels")
    with np.errstate(over="ignore"):
        block = block.astype(np.float32, copy=False)
    if not np.isfinite(block).all():
        bad = heard + int(np.flatnonzero(~np.isfinite(block))[0]) / SAMPLE_RATE
        raise AudioError(f"stream: the sample at {bad:.3f} s is not a finite number; repair the source")
    return block


class RecentAudio:
    """The last samples of a stream, addressed by their number from its start.

    Parameters
    ----------
    capacity : int
        Samples that are kept.

    Chapter: streaming
    """

    def __init__(self, capacity: int = CHUNK_SAMPLES + 8 * SAMPLE_RATE) -> None:
        self.capacity = capacity
        self._samples = np.zeros(2 * capacity, dtype=np.float32)
        self._length = 0
        self._heard = 0

    @property
    def heard(self) -> int:
        """Samples heard so far."""
        return self._heard

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, whatever was heard."""
        return self._samples.nbytes

    def append(self, block: np.ndarray) -> None:
        """Hear at most ``capacity`` samples more.

        Chapter: streaming
        """
        if self._length + len(block) > len(self._samples):
            kept = self._samples[self._length - self.capacity : self._length].copy()
            self._samples[: self.capacity], self._length = kept, self.capacity
        self._samples[self._length : self._length + len(block)] = block
        self._length += len(block)
        self._heard += len(block)

    def get(self, first: int, last: int) -> np.ndarray:
        """Samples ``first`` to ``last``, not included; what has not been heard is left out.

        Chapter: streaming
        """
        shift = self._length - self._heard
        return self._samples[max(first + shift, 0) : min(last, self._heard) + shift]


@dataclass(frozen=True, slots=True, eq=False)
class CrowdedVoice:
    """A local speaker of a chunk who hardly ever speaks alone in it.

    Parameters
    ----------
    local : int
        Number within the chunk.
    embedding : ndarray of shape (d,)
        Of unit length.
    seconds : float
        Speech behind it.

    Chapter: streaming
    """

    local: int
    embedding: np.ndarray
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """10 s of sound, or all there was, as the segmentation network sees it.

    Parameters
    ----------
    first : int
        Its first frame in the stream.
    posteriors : ndarray of float32, shape (frames, 7)
    crowded : tuple of CrowdedVoice

    Chapter: streaming
    """

    first: int
    posteriors: np.ndarray
    crowded: tuple[CrowdedVoice, ...] = ()

    @property
    def end(self) -> int:
        """The frame of the stream after its last one."""
        return self.first + len(self.posteriors)


@dataclass(frozen=True, slots=True, eq=False)
class RecentChunks:
    """The chunks that are held, oldest first: a value, of which every step makes a new one.

    Parameters
    ----------
    chunks : tuple of Chunk
        All of one length.
    looks : int
        How often the network was asked so far.
    loudest : float
        Mean square of the loudest half second so far.

    Chapter: streaming
    """

    chunks: tuple[Chunk, ...] = ()
    looks: int = 0
    loudest: float = 0.0

    def __len__(self) -> int:
        return len(self.chunks)

    @property
    def first(self) -> int:
        """First frame of the stream that a chunk sees."""
        return self.chunks[0].first

    @property
    def end(self) -> int:
        """The frame of the stream after the last one that was seen."""
        return self.chunks[-1].end if self.chunks else 0

    @property
    def nbytes(self) -> int:
        """Bytes of the network's output that are kept."""
        return sum(chunk.posteriors.nbytes for chunk in self.chunks)

    def add(self, chunk: Chunk, loudest: float, decided: int) -> RecentChunks:
        """The newest chunk joins; those that see no frame that is undecided or lies in its 10 s leave.

        Parameters
        ----------
        chunk : Chunk
        loudest : float
            Mean square of the loudest half second so far.
        decided : int
            Frames before this one have been decided.

        Chapter: streaming
        """
        # Until 10 s have been heard, every chunk starts at 0, and the newest one has heard the most.
        held = self.chunks if self.chunks and len(self.chunks[-1].posteriors) == len(chunk.posteriors) else ()
        horizon = min(decided, chunk.end - CHUNK_FRAMES)
        return RecentChunks((*(one for one in held if one.end >= horizon), chunk), self.looks + 1, loudest)

    def since(self, frame: int) -> RecentChunks:
        """Only the chunks that see this frame or later ones.

        Chapter: streaming
        """
        return replace(self, chunks=tuple(chunk for chunk in self.chunks if chunk.end > frame))

    def scores(self) -> tuple[ChunkScores, np.ndarray]:
        """The chunks as the offline pipeline has them, from frame ``first`` on, and their local speakers' activity.

        Chapter: streaming
        """
        scores = chunk_scores([c.posteriors for c in self.chunks], [c.first - self.first for c in self.chunks])
        return scores, powerset_to_multilabel(scores.posteriors)


def chunk_scores(posteriors: list[np.ndarray], firsts: list[int]) -> ChunkScores:
    """What the network said of chunks that start at these frames.

    Chapter: streaming
    """
    receptive_field = RECEPTIVE_FIELD_SAMPLES / SAMPLE_RATE
    return ChunkScores(np.stack(posteriors), np.array(firsts) * FRAME_SECONDS, FRAME_SECONDS, receptive_field)
