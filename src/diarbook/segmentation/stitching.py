"""From what was said of each chunk to who speaks in each frame of the recording.

Chapter: segmentation
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from diarbook.segmentation.local import ACTIVE
from diarbook.segmentation.scores import ChunkScores


def local_activations(
    scores: ChunkScores,
    activity: np.ndarray,
    stretches: np.ndarray,
    stretch_labels: np.ndarray,
    crowded: np.ndarray,
    crowded_labels: np.ndarray,
    reach: float = 0.5,
) -> np.ndarray:
    """Probability that each speaker of the recording talks in each frame, averaged over the chunks that see it.

    A local speaker's activity goes to the speakers of the stretches that it dominates in its chunk, the nearer in
    time the more; a crowded one's to its own label. One that has neither goes to the speaker it agrees with most.

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of shape (chunks, frames of a chunk, 3)
    stretches, crowded : ndarray of int, shape (n, 2) and (m, 2)
    stretch_labels, crowded_labels : ndarray of int, shape (n,) and (m,)
    reach : float
        Seconds after which a stretch's say falls to 37 %.

    Returns
    -------
    ndarray of float32, shape (frames of the recording, speakers)

    Chapter: segmentation
    """
    length = activity.shape[1]
    speakers = int(max(stretch_labels.max(initial=-1), crowded_labels.max(initial=-1))) + 1
    total = np.zeros((scores.frames, speakers), dtype=np.float32)
    weight = np.zeros((scores.frames, 1), dtype=np.float32)
    own_label = {(chunk, local): label for (chunk, local), label in zip(crowded, crowded_labels, strict=True)}
    decay = np.exp(-scores.frame_step / reach)
    unknown: list[tuple[int, int]] = []
    for chunk, first in enumerate(scores.first_frames):
        weight[first : first + length] += 1
        inside = _touching(stretches, first, length)
        present = np.unique(stretch_labels[inside])
        labeled = np.zeros((length, len(present)), dtype=np.float32)
        for (start, end), label in zip(stretches[inside] - first, stretch_labels[inside], strict=True):
            labeled[max(start, 0) : end, np.searchsorted(present, label)] = 1
        loudest = activity[chunk].max(axis=1)
        for local in range(activity.shape[2]):
            active = activity[chunk, :, local]
            if active.max() < 0.1:
                continue
            if (chunk, local) in own_label:
                total[first : first + length, own_label[chunk, local]] += active
                continue
            say = labeled * (active * ((active > ACTIVE) & (active >= loudest)))[:, None]
            if say.sum() < 18:
                unknown.append((chunk, local))
                continue
            near = lfilter([1], [1, -decay], say, axis=0) + lfilter([1], [1, -decay], say[::-1], axis=0)[::-1]
            near /= np.maximum(near.sum(axis=1, keepdims=True), 1e-9)
            total[first : first + length, present] += active[:, None] * near
    known = total / np.maximum(weight, 1)
    for chunk, local in unknown:
        first = scores.first_frames[chunk]
        active = activity[chunk, :, local]
        if active.sum() * scores.frame_step >= 0.1:
            # Time together less time apart.
            together = active @ (2 * known[first : first + length] - 1)
            if together.max() > 0:
                total[first : first + length, together.argmax()] += active
    return total / np.maximum(weight, 1)


def _touching(stretches: np.ndarray, first: int, length: int) -> np.ndarray:
    """Indices of the stretches that share a frame with a chunk."""
    return np.arange(
        np.searchsorted(stretches[:, 1], first, side="right"), np.searchsorted(stretches[:, 0], first + length)
    )


def choose_speakers(
    speech: np.ndarray,
    overlap: np.ndarray,
    active: np.ndarray,
    frame_step: float,
    *,
    speech_onset: float,
    overlap_onset: float,
    smoothing: float,
) -> np.ndarray:
    """Who speaks in each frame: as many as the two onsets say, the likeliest of the speakers.

    Parameters
    ----------
    speech, overlap : ndarray of shape (frames,)
        Probability that somebody speaks, and that two do.
    active : ndarray of shape (frames, speakers)
        Probability that each speaker talks.
    frame_step : float
        Seconds.
    speech_onset, overlap_onset : float
        Somebody speaks where the probability of speech is above the first, a second one where that of overlap is above
        the other.
    smoothing : float
        Seconds over which probabilities are averaged before that.

    Returns
    -------
    ndarray of bool, shape (frames, speakers)

    Chapter: segmentation
    """
    width = max(1, round(smoothing / frame_step))
    speech, overlap, active = (
        uniform_filter1d(values, width, axis=0, mode="reflect") for values in (speech, overlap, active)
    )
    speaking = np.where(speech > speech_onset, 1 + (overlap > overlap_onset), 0)
    chosen = np.zeros(active.shape, dtype=bool)
    frames = np.arange(len(active))
    ranking = np.argsort(-active, axis=1, kind="stable")[:, :2]
    for rank in range(ranking.shape[1]):
        who = ranking[:, rank]
        chosen[frames, who] = (speaking > rank) & (active[frames, who] > 0)
    return chosen
