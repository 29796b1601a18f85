"""The two networks of a live diarizer, run on the sound that is still held.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.embeddings.embedder import load_embedder, model_identity
from diarbook.embeddings.similarity import unit_length
from diarbook.errors import DiarbookError, NetworkError
from diarbook.networks.powerset import FRAME_SAMPLES, POWERSET, frame_count
from diarbook.pipelines.options import is_silent
from diarbook.segmentation.level import gain_for, loudest_half_second
from diarbook.segmentation.local import crowded_speakers, spans_of_activity
from diarbook.segmentation.model import load_segmentation
from diarbook.segmentation.scores import powerset_to_multilabel
from diarbook.streaming.recent import (
    CHUNK_SAMPLES,
    OFFSET_SAMPLES,
    Chunk,
    CrowdedVoice,
    RecentAudio,
    RecentChunks,
    chunk_scores,
)
from diarbook.streaming.settings import StreamSettings

if TYPE_CHECKING:
    from diarbook.segmentation.model import SegmentationModel

DEFAULT_EMBEDDER = "campplus"
Answer = TypeVar("Answer")


class StreamEmbedder(Protocol):
    """What a stream asks of an embedding model; :class:`diarbook.embeddings.embedder.Embedder` is one.

    Chapter: streaming
    """

    @property
    def identity(self) -> tuple[str, str]:
        """Name and version of the model: its vectors are compared with those of the same identity only."""

    @property
    def frame_rate(self) -> int:
        """Frames of features a second; a divisor of the sample rate."""

    def features(self, waveform: np.ndarray) -> np.ndarray:
        """Waveform of shape (samples,) to features of shape (frames, bands)."""

    def embed_spans(self, features: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """Spans of frames, (n, 2), to embeddings of shape (n, d), NaN for those that are too short."""


class Engine:
    """Both networks, loaded when sound first needs them. It keeps nothing of what they say.

    Parameters
    ----------
    settings : StreamSettings
    segmentation : SegmentationModel, optional
        segmentation-3.0 by default.
    embedder : StreamEmbedder, optional
        CAM++ by default.

    Chapter: streaming
    """

    def __init__(
        self, settings: StreamSettings, segmentation: SegmentationModel | None, embedder: StreamEmbedder | None
    ) -> None:
        self._settings, self._segmentation, self._embedder = settings, segmentation, embedder

    @property
    def identity(self) -> tuple[str, str]:
        """Name and version of the model that embeds."""
        return model_identity(DEFAULT_EMBEDDER) if self._embedder is None else self._embedder.identity

    def look(self, audio: RecentAudio, recent: RecentChunks, decided: int, final: bool = False) -> RecentChunks:
        """Run the segmentation network on the last 10 s.

        Parameters
        ----------
        audio : RecentAudio
        recent : RecentChunks
            What was seen before.
        decided : int
            Frames before this one have been decided.
        final : bool
            No more sound will come.

        Raises
        ------
        NetworkError
            When a network fails.

        Chapter: streaming
        """
        first = max(0, -(-(audio.heard - CHUNK_SAMPLES) // FRAME_SAMPLES))
        frames = frame_count(min(audio.heard, CHUNK_SAMPLES))
        if frames == 0 or (final and recent.end == first + frames):
            return recent
        sound = audio.get(first * FRAME_SAMPLES, audio.heard)
        sound = np.pad(sound, (0, CHUNK_SAMPLES - len(sound)))  # what is not there yet is silence to the network
        loudest = max(recent.loudest, loudest_half_second(sound))
        posteriors = self._posteriors(sound, gain_for(loudest), frames, audio.heard)
        wanted = final or frames < frame_count(CHUNK_SAMPLES) or (recent.looks + 1) % self._crowded_every == 0
        crowded = self._crowded(audio, first, posteriors) if wanted else ()
        return recent.add(Chunk(first, posteriors, crowded), loudest, decided)

    @property
    def _crowded_every(self) -> int:
        """Crowded voices are looked for in every so many chunks; in all before 10 s have been heard."""
        steps = self._settings.look_ahead_frames // self._settings.step_frames
        return max(1, min(self._settings.crowded_every, steps))

    def _posteriors(self, sound: np.ndarray, gain: np.float32, frames: int, heard: int) -> np.ndarray:
        """What the network says of the first frames of a chunk."""
        if is_silent(sound):
            posteriors = np.zeros((frames, len(POWERSET)), dtype=np.float32)
            posteriors[:, 0] = 1
            return posteriors
        if self._segmentation is None:
            self._segmentation = load_segmentation()
        run, batch = self._segmentation.run, (sound * gain)[None, None]
        scores = _answer(lambda: run(batch), "segmentation", heard)
        return np.exp(scores[0, :frames]).astype(np.float32)

    def _crowded(self, audio: RecentAudio, first: int, posteriors: np.ndarray) -> tuple[CrowdedVoice, ...]:
        """Local speakers of a chunk who hardly ever speak alone, embedded."""
        scores = chunk_scores([posteriors], [0])
        activity = powerset_to_multilabel(scores.posteriors)
        speakers = crowded_speakers(scores, activity, every=1)[:, 1]
        items = [spans_of_activity(activity[0, :, local]) + first for local in speakers]
        vectors, seconds = self.embed(audio, items)
        return tuple(
            CrowdedVoice(int(local), unit_length(vector.astype(np.float64)), float(duration))
            for local, vector, duration in zip(speakers, vectors, seconds, strict=True)
            if np.isfinite(vector).all()
        )

    def embed(self, audio: RecentAudio, items: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Embed voices, each from one or several spans of frames of the stream.

        Parameters
        ----------
        audio : RecentAudio
        items : sequence of n arrays of int, shape (k, 2)
            First frames, and the frames after the last.

        Returns
        -------
        vectors : ndarray of shape (n, d)
            NaN rows for what is too short.
        seconds : ndarray of shape (n,)
            Speech behind each vector.

        Raises
        ------
        NetworkError
            When the network fails.

        Chapter: streaming
        """
        if not len(items):
            return np.zeros((0, 1), dtype=np.float32), np.zeros(0)
        if self._embedder is None:
            self._embedder = load_embedder(DEFAULT_EMBEDDER)
        embedder = self._embedder

        def run() -> tuple[np.ndarray, np.ndarray]:
            features = [_span_features(embedder, audio, span) for item in items for span in item]
            lengths = [len(part) for part in features]
            parts = np.cumsum([0, *map(len, items)])
            edges = np.cumsum([0, *lengths])[parts]
            joined = np.concatenate(features) if features else embedder.features(np.zeros(0, np.float32))
            vectors = embedder.embed_spans(joined, np.column_stack([edges[:-1], edges[1:]]))
            return np.asarray(vectors), np.diff(edges) / embedder.frame_rate

        return _answer(run, "embedding", audio.heard)


def _span_features(embedder: StreamEmbedder, audio: RecentAudio, span: np.ndarray) -> np.ndarray:
    """Features of a span of frames, none of which looks beyond it by more than half a hop."""
    hop = SAMPLE_RATE // embedder.frame_rate
    first, last = (round((frame * FRAME_SAMPLES + OFFSET_SAMPLES) / hop) * hop for frame in span)
    return embedder.features(audio.get(first, last + hop // 2))


def _answer(run: Callable[[], Answer], network: str, heard: int) -> Answer:
    """What a network says; whatever goes wrong in it is one line that names the network and the moment."""
    try:
        return run()
    except DiarbookError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NetworkError(
            f"stream: the {network} network failed after {heard / SAMPLE_RATE:.1f} s of sound ({reason}); finish the"
            " stream for what was heard before"
        ) from error
