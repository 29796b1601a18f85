"""What a segmentation network says of each chunk, as arrays, and what follows from it.

Chapter: segmentation
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.errors import OptionError
from diarbook.networks.powerset import (
    CHUNK_SECONDS,
    FRAME_SAMPLES,
    LOCAL_SPEAKERS,
    POWERSET,
    RECEPTIVE_FIELD_SAMPLES,
    frame_count,
)


@dataclass(frozen=True, slots=True, eq=False)
class ChunkScores:
    """What the network says of each chunk of a recording.

    Parameters
    ----------
    posteriors : ndarray of float32, shape (chunks, frames, 7)
        Probability of each set of local speakers (see ``POWERSET``). Speaker 1 of one chunk is
        nobody in particular in the next.
    starts : ndarray of shape (chunks,)
        Where each chunk starts, seconds; multiples of ``frame_step``.
    frame_step, frame_duration : float
        Seconds from a frame to the next, and seconds that a frame sees through the convolutions.

    Chapter: segmentation
    """

    posteriors: np.ndarray
    starts: np.ndarray
    frame_step: float
    frame_duration: float

    @property
    def first_frames(self) -> np.ndarray:
        """Index of each chunk's first frame on the recording's own grid of frames, shape (chunks,)."""
        return np.round(self.starts / self.frame_step).astype(int)

    @property
    def frames(self) -> int:
        """Number of frames of the recording's grid."""
        return int(self.first_frames[-1] + self.posteriors.shape[1])

    @property
    def offset(self) -> float:
        """Where frame 0 of the grid begins, seconds: half a receptive field less half a step."""
        return (self.frame_duration - self.frame_step) / 2

    def aggregate(self, scores: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Average (chunks, frames, …) scores of overlapping chunks on the recording's grid.

        Parameters
        ----------
        scores : ndarray of shape (chunks, frames) or (chunks, frames, k)
        weights : ndarray of shape (frames,), optional
            How much a frame counts for its place in the chunk; equal by default.

        Returns
        -------
        ndarray of float32, shape (frames of the recording,) or (frames of the recording, k)
        """
        length = scores.shape[1]
        weights = np.ones(length, dtype=np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
        weights = weights.reshape(-1, *[1] * (scores.ndim - 2))
        total = np.zeros((self.frames, *scores.shape[2:]), dtype=np.float32)
        weight = np.zeros((self.frames, *[1] * (scores.ndim - 2)), dtype=np.float32)
        for first, chunk in zip(self.first_frames, scores, strict=True):
            total[first : first + length] += chunk * weights
            weight[first : first + length] += weights
        return total / np.maximum(weight, np.finfo(np.float32).tiny)


def powerset_matrix() -> np.ndarray:
    """Who belongs to which set: (7, 3), 1 where the set of that row holds the speaker of that column.

    Chapter: segmentation
    """
    matrix = np.zeros((len(POWERSET), LOCAL_SPEAKERS), dtype=np.float32)
    for row, members in enumerate(POWERSET):
        matrix[row, list(members)] = 1
    return matrix


def powerset_to_multilabel(posteriors: np.ndarray, hard: bool = False) -> np.ndarray:
    """Probability that each local speaker talks, from the probabilities of the sets of speakers.

    Parameters
    ----------
    posteriors : ndarray of shape (…, 7)
    hard : bool
        Take the most probable set of each frame instead of summing over the sets that hold the speaker.

    Returns
    -------
    ndarray of float32, shape (…, 3)

    References
    ----------
    plaquet2023powerset

    Chapter: segmentation
    """
    posteriors = np.asarray(posteriors, dtype=np.float32)
    if posteriors.shape[-1] != len(POWERSET):
        raise OptionError(f"posteriors must have {len(POWERSET)} classes last, got shape {posteriors.shape}")
    matrix = powerset_matrix()
    return matrix[posteriors.argmax(axis=-1)] if hard else posteriors @ matrix


def speech_and_overlap(posteriors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of at least one speaker, and of at least two, each of shape (…,).

    Chapter: vad
    """
    # The sets are in order of size, so these are views: hours of posteriors are not copied.
    posteriors = np.asarray(posteriors, dtype=np.float32)
    return posteriors[..., 1:].sum(axis=-1), posteriors[..., 1 + LOCAL_SPEAKERS :].sum(axis=-1)


def chunk_grid(samples: int, step: float = 1.0, duration: float = CHUNK_SECONDS) -> ChunkScores:
    """Chunks over a recording of that many samples with all probabilities zero, for a caller to fill in.

    Chapter: segmentation
    """
    size = round(duration * SAMPLE_RATE)
    hop = max(1, round(step * SAMPLE_RATE / FRAME_SAMPLES)) * FRAME_SAMPLES
    firsts = _chunk_starts(samples, size, hop)
    # What lies beyond the end of a recording shorter than one chunk is padding, not speech.
    frames = frame_count(min(size, samples)) if len(firsts) == 1 else frame_count(size)
    return ChunkScores(
        np.zeros((len(firsts), frames, len(POWERSET)), dtype=np.float32),
        firsts / SAMPLE_RATE,
        FRAME_SAMPLES / SAMPLE_RATE,
        RECEPTIVE_FIELD_SAMPLES / SAMPLE_RATE,
    )


def _chunk_starts(samples: int, size: int, hop: int) -> np.ndarray:
    """First samples of the chunks: every ``hop``, and one more that reaches the end."""
    last = max(0, -(-(samples - size) // FRAME_SAMPLES) * FRAME_SAMPLES)
    starts = np.arange(0, last + 1, hop)
    return starts if starts[-1] == last else np.append(starts, last)
