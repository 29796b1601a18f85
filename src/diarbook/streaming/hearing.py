"""The senses of a live diarizer: the last seconds of sound, and what the two networks say of them.

Chapter: streaming
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.embeddings import load_embedder
from diarbook.embeddings.similarity import unit_length
from diarbook.features import FRAME_HOP, FRAME_LENGTH, kaldi_fbank
from diarbook.networks.powerset import FRAME_SAMPLES, RECEPTIVE_FIELD_SAMPLES, frame_count
from diarbook.segmentation.local import crowded_speakers
from diarbook.segmentation.model import load_segmentation
from diarbook.segmentation.scores import ChunkScores, powerset_to_multilabel
from diarbook.streaming.settings import StreamSettings

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder
    from diarbook.segmentation.model import SegmentationModel

CHUNK_SAMPLES = 160_000
OFFSET_SAMPLES = (RECEPTIVE_FIELD_SAMPLES - FRAME_SAMPLES) / 2
SHORTEST_CHUNK = 1_600  # the network cannot normalise less over time
FEATURES_A_SECOND = 100


@dataclass(frozen=True, slots=True)
class Chunk:
    """10 s of sound, or all there was, as the segmentation network sees it.

    Parameters
    ----------
    first : int
        Its first frame in the stream.
    posteriors : ndarray of float32, shape (frames, 7)
    crowded : tuple
        Local speakers who hardly ever speak alone: number, embedding of unit length, seconds.

    Chapter: streaming
    """

    first: int
    posteriors: np.ndarray
    crowded: tuple[tuple[int, np.ndarray, float], ...]


class RecentAudio:
    """The last samples of a stream, addressed by their number from its start.

    Parameters
    ----------
    capacity : int
        Samples that are kept.

    Chapter: streaming
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._samples = np.zeros(2 * capacity, dtype=np.float32)
        self._length = 0
        self.heard = 0

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
        self.heard += len(block)

    def get(self, first: int, last: int) -> np.ndarray:
        """Samples ``first`` to ``last``, not included; what has not been heard is left out.

        Chapter: streaming
        """
        shift = self._length - self.heard
        return self._samples[max(first + shift, 0) : min(last, self.heard) + shift]


class Hearing:
    """Recent sound, the chunks of it, and both networks.

    Parameters
    ----------
    settings : StreamSettings
    segmentation : SegmentationModel, optional
    embedder : Embedder, optional

    Chapter: streaming
    """

    def __init__(
        self, settings: StreamSettings, segmentation: SegmentationModel | None, embedder: Embedder | None
    ) -> None:
        self.settings = settings
        self._segmentation, self._embedder = segmentation, embedder
        self.audio = RecentAudio(CHUNK_SAMPLES + 8 * SAMPLE_RATE)
        self.chunks: deque[Chunk] = deque()
        self.steps = 0

    @property
    def nbytes(self) -> int:
        """Bytes of sound and of the network's output that are kept."""
        return self.audio.nbytes + sum(chunk.posteriors.nbytes for chunk in self.chunks)

    def look(self, decided: int, final: bool = False) -> int:
        """Run the segmentation network on the last 10 s.

        Parameters
        ----------
        decided : int
            Frames before this one have been decided: chunks that see no later one may be forgotten.
        final : bool
            No more sound will come.

        Returns
        -------
        int
            Frames of the stream that have been seen.

        Chapter: streaming
        """
        heard = self.audio.heard
        first = max(0, -(-(heard - CHUNK_SAMPLES) // FRAME_SAMPLES))
        sound = self.audio.get(first * FRAME_SAMPLES, heard)
        frames = frame_count(min(len(sound), CHUNK_SAMPLES) if heard < CHUNK_SAMPLES else CHUNK_SAMPLES)
        if frames == 0 or (final and self.chunks and self.chunks[-1].first + frames == self.seen):
            return self.seen
        # What is not there yet is silence to the network, as at the end of a recording; its frames are cut off.
        sound = np.pad(sound, (0, CHUNK_SAMPLES - len(sound)))
        if np.abs(sound).max() < 1e-4:
            posteriors = np.zeros((frames, 7), dtype=np.float32)
            posteriors[:, 0] = 1
        else:
            posteriors = np.exp(self.networks()[0].run(sound[None, None]))[0, :frames]
        # Until 10 s have been heard, every chunk starts at 0, and the newest one has heard the most.
        if self.chunks and len(self.chunks[-1].posteriors) != frames:
            self.chunks.clear()
        posteriors = posteriors.astype(np.float32)
        self.chunks.append(Chunk(first, posteriors, self._crowded(first, posteriors, final)))
        horizon = min(decided, self.seen - CHUNK_SAMPLES // FRAME_SAMPLES)
        while self.chunks[0].first + frames < horizon:
            self.chunks.popleft()
        return self.seen

    def _crowded(self, first: int, posteriors: np.ndarray, final: bool) -> tuple[tuple[int, np.ndarray, float], ...]:
        """Local speakers of a chunk who hardly ever speak alone, embedded; in every so many chunks only."""
        settings = self.settings
        every = min(settings.crowded_every, settings.look_ahead_frames // settings.step_frames)
        self.steps += 1
        if len(posteriors) == frame_count(CHUNK_SAMPLES) and self.steps % max(every, 1) and not final:
            return ()
        scores = as_scores([posteriors], [0])
        activity = powerset_to_multilabel(scores.posteriors)
        locals_ = crowded_speakers(scores, activity, every=1)[:, 1]
        items = []
        for local in locals_:
            edges = np.diff(np.pad((activity[0, :, local] > 0.5).astype(np.int8), 1))
            spans = np.flatnonzero(edges).reshape(-1, 2) + first
            items.append(
                np.concatenate(
                    [self.features(*span) for span in spans if span[1] - span[0] > 1] or [np.zeros((0, 80), np.float32)]
                )
            )
        vectors = self.networks()[1].embed_features(items) if items else []
        return tuple(
            (int(local), unit_length(vector.astype(np.float64)), len(item) / FEATURES_A_SECOND)
            for local, vector, item in zip(locals_, vectors, items, strict=True)
            if np.isfinite(vector).all()
        )

    @property
    def seen(self) -> int:
        """Frames of the stream that the newest chunk has seen."""
        return self.chunks[-1].first + len(self.chunks[-1].posteriors) if self.chunks else 0

    def window(self, last: int | None = None) -> tuple[ChunkScores, np.ndarray]:
        """Chunks that are held, or only those that see frames from ``last`` on, and their local speakers' activity.

        Chapter: streaming
        """
        chunks = [c for c in self.chunks if last is None or c.first + len(c.posteriors) > last]
        scores = as_scores([c.posteriors for c in chunks], [c.first - chunks[0].first for c in chunks])
        return scores, powerset_to_multilabel(scores.posteriors)

    def networks(self) -> tuple[SegmentationModel, Embedder]:
        """Both networks, loaded when sound first needs them."""
        if self._segmentation is None:
            self._segmentation = load_segmentation()
        if self._embedder is None:
            self._embedder = load_embedder("campplus")
        return self._segmentation, self._embedder

    def features(self, first: int, last: int) -> np.ndarray:
        """Features of 10 ms of a span of frames, none of which looks beyond the span."""
        start, stop = (round((frame * FRAME_SAMPLES + OFFSET_SAMPLES) / FRAME_HOP) for frame in (first, last))
        stop = min(stop - 1, (self.audio.heard - FRAME_LENGTH) // FRAME_HOP + 1)
        return kaldi_fbank(self.audio.get(start * FRAME_HOP, (stop - 1) * FRAME_HOP + FRAME_LENGTH))

    def embed(self, spans: list[tuple[int, int]]) -> list[np.ndarray]:
        """Embeddings of spans of frames."""
        return list(self.networks()[1].embed_features([self.features(*span) for span in spans])) if spans else []


def as_scores(posteriors: list[np.ndarray], firsts: list[int]) -> ChunkScores:
    """Chunks, by their first frames, as the offline pipeline has them.

    Chapter: streaming
    """
    step = FRAME_SAMPLES / SAMPLE_RATE
    return ChunkScores(np.stack(posteriors), np.array(firsts) * step, step, RECEPTIVE_FIELD_SAMPLES / SAMPLE_RATE)
