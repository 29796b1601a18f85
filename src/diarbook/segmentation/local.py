"""What a recording's chunks agree on: stretches of one voice alone, and which of them are the same voice.

The network numbers its speakers afresh in every 10 s chunk. Chunks overlap, so a stretch of speech is seen by several
of them, and each says which other stretches it heard from the same local speaker, and which from another one.

Chapter: segmentation
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import binary_closing
from scipy.sparse import coo_array, csr_array

from diarbook.segmentation.scores import ChunkScores, speech_and_overlap

ACTIVE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """How chunks judge pairs of stretches.

    Parameters
    ----------
    agreement : sparse array of shape (n, m)
        Evidence times the verdict: 1 for the same local speaker, -1 for different ones, averaged over chunks.
    evidence : sparse array of shape (n, m)
        Seconds of speech behind the verdict; 0 where no chunk sees both.

    Chapter: clustering
    """

    agreement: csr_array
    evidence: csr_array


def change_votes(scores: ChunkScores, activity: np.ndarray) -> np.ndarray:
    """Share of the chunks that see a frame in which the dominant local speaker changes there, shape (frames,).

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of shape (chunks, frames of a chunk, 3)
        Probability that each local speaker talks.

    Chapter: segmentation
    """
    dominant = np.where(activity.max(axis=-1) > ACTIVE, activity.argmax(axis=-1), -1)
    changed = np.zeros(dominant.shape, dtype=np.float32)
    changed[:, 1:] = (dominant[:, 1:] != dominant[:, :-1]) & (dominant[:, 1:] >= 0) & (dominant[:, :-1] >= 0)
    return scores.aggregate(changed)


def change_frames(votes: np.ndarray, share: float = 0.35, width: int = 9, apart: int = 12) -> np.ndarray:
    """Frames around which that share of the chunks hears a change, none within ``apart`` frames of a stronger one.

    Chapter: segmentation
    """
    height = np.convolve(votes, np.ones(width), mode="same")
    # Votes for one frame make a plateau of this width: the middle of it is where they were cast.
    nearness = np.convolve(votes, np.bartlett(width + 2)[1:-1], mode="same")
    candidates = np.flatnonzero(height >= share)
    blocked = np.zeros(len(height), dtype=bool)
    frames = []
    for frame in candidates[np.lexsort((-nearness[candidates].round(9), -height[candidates].round(9)))]:
        if not blocked[frame]:
            frames.append(frame)
            blocked[max(0, frame - apart) : frame + apart + 1] = True
    return np.array(sorted(frames), dtype=int)


def lone_runs(
    scores: ChunkScores,
    activity: np.ndarray,
    *,
    speech_onset: float = 0.5,
    overlap_onset: float = 0.4,
    fill: float = 0.1,
) -> np.ndarray:
    """Runs of speech in which one person speaks alone, cut where the chunks hear a change of speaker.

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of shape (chunks, frames of a chunk, 3)
    speech_onset, overlap_onset : float
        Speech is above the one and overlapped speech below the other, averaged over chunks.
    fill : float
        Pauses up to this many seconds do not end a run.

    Returns
    -------
    ndarray of int, shape (n, 2)
        First frame, and the frame after the last, on the recording's grid.

    Chapter: segmentation
    """
    speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
    width = round(fill / scores.frame_step) + 1
    lone = np.pad((speech > speech_onset) & (overlap < overlap_onset), width)
    lone = binary_closing(lone, np.ones(width))[width:-width] & (overlap < overlap_onset)
    runs = spans_of_activity(lone, 0.5)
    changes = change_frames(change_votes(scores, activity))
    cut: list[tuple[int, int]] = []
    for start, end in runs:
        inside = changes[(changes > start) & (changes < end)]
        cut += zip([start, *inside], [*inside, end], strict=True)
    return np.array(cut, dtype=int).reshape(-1, 2)


def equal_parts(first: int, last: int, longest: float, shortest: float, frame_step: float) -> list[tuple[int, int]]:
    """Cut a run of frames into equal parts of at most ``longest`` seconds; a run below ``shortest`` has none.

    Chapter: segmentation
    """
    seconds = (last - first) * frame_step
    if seconds < shortest:
        return []
    edges = np.round(np.linspace(first, last, int(np.ceil(seconds / longest)) + 1)).astype(int)
    return list(pairwise(edges))


def lone_stretches(
    scores: ChunkScores,
    activity: np.ndarray,
    *,
    speech_onset: float = 0.5,
    overlap_onset: float = 0.4,
    longest: float = 2.0,
    shortest: float = 0.3,
    fill: float = 0.1,
) -> np.ndarray:
    """Stretches of speech in which one person speaks alone, as far as the chunks can tell.

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of shape (chunks, frames of a chunk, 3)
    speech_onset, overlap_onset, fill : float
        See :func:`lone_runs`.
    longest, shortest : float
        Seconds. Longer stretches are cut into equal parts; shorter ones are left out.

    Returns
    -------
    ndarray of int, shape (n, 2)
        First frame, and the frame after the last, on the recording's grid.

    Chapter: segmentation
    """
    runs = lone_runs(scores, activity, speech_onset=speech_onset, overlap_onset=overlap_onset, fill=fill)
    parts = [part for run in runs for part in equal_parts(*run, longest, shortest, scores.frame_step)]
    return np.array(parts, dtype=int).reshape(-1, 2)


def crowded_speakers(
    scores: ChunkScores, activity: np.ndarray, *, alone_below: float = 0.5, active_above: float = 0.4, every: int = 2
) -> np.ndarray:
    """Local speakers who hardly ever speak alone in their chunk, but do speak.

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of shape (chunks, frames of a chunk, 3)
    alone_below, active_above : float
        Seconds.
    every : int
        Look at every so many chunks, and the last one: neighbors say the same.

    Returns
    -------
    ndarray of int, shape (m, 2)
        Chunk and local speaker.

    Chapter: segmentation
    """
    active = activity > ACTIVE
    alone = (active & (active.sum(axis=-1, keepdims=True) == 1)).sum(axis=1) * scores.frame_step
    wanted = (alone < alone_below) & (active.sum(axis=1) * scores.frame_step >= active_above)
    looked_at = np.zeros(len(activity), dtype=bool)
    looked_at[::every] = looked_at[-1] = True
    return np.argwhere(wanted & looked_at[:, None])


def spans_of_activity(active: np.ndarray, threshold: float = ACTIVE) -> np.ndarray:
    """First frames, and the frames after the last, of the runs above a threshold: (frames,) to (n, 2).

    Examples
    --------
    >>> spans_of_activity(np.array([0.9, 0.8, 0.1, 0.7])).tolist()
    [[0, 2], [3, 4]]

    Chapter: segmentation
    """
    return np.flatnonzero(np.diff(np.pad((np.asarray(active) > threshold).astype(np.int8), 1))).reshape(-1, 2)


def occupancy(activity: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Mean activity of each local speaker of one chunk over spans of its frames: (n, 3) from (frames, 3) and (n, 2).

    Chapter: segmentation
    """
    totals = np.concatenate([np.zeros((1, activity.shape[1])), np.cumsum(activity, axis=0, dtype=np.float64)])
    return (totals[spans[:, 1]] - totals[spans[:, 0]]) / np.diff(spans, axis=1)


def _inside(stretches: np.ndarray, first: int, length: int) -> np.ndarray:
    """Indices of the stretches that lie within a chunk; stretches are sorted and disjoint."""
    return np.arange(
        np.searchsorted(stretches[:, 0], first), np.searchsorted(stretches[:, 1], first + length, side="right")
    )


def stretch_links(scores: ChunkScores, activity: np.ndarray, stretches: np.ndarray) -> Links:
    """Which stretches the chunks that see both give to the same local speaker.

    Returns
    -------
    Links
        Symmetric, shape (n, n); the evidence is the geometric mean of the two stretches' seconds.

    Chapter: clustering
    """
    count, length = len(stretches), activity.shape[1]
    seconds = np.diff(stretches, axis=1)[:, 0] * scores.frame_step
    pairs, verdicts = [], []
    for chunk, first in enumerate(scores.first_frames):
        index = _inside(stretches, first, length)
        share = occupancy(activity[chunk], stretches[index] - first)
        heard = share.max(axis=1, initial=0) > 0.3
        index, share = index[heard], share[heard] / np.maximum(share[heard].sum(axis=1, keepdims=True), 1e-3)
        one, other = np.triu_indices(len(index), k=1)
        pairs.append(index[one] * count + index[other])
        verdicts.append(2 * (share[one] * share[other]).sum(axis=1) - 1)
    # Every pair once, with the mean verdict of the chunks that see it.
    pairs, index = np.unique(np.concatenate([np.zeros(0, int), *pairs]), return_inverse=True)
    mean = np.bincount(index, np.concatenate([np.zeros(0), *verdicts])) / np.maximum(np.bincount(index), 1)
    one, other = np.divmod(pairs, max(count, 1))
    weight = np.sqrt(seconds[one] * seconds[other])
    agreement = coo_array((weight * mean, (one, other)), shape=(count, count)).tocsr()
    evidence = coo_array((weight, (one, other)), shape=(count, count)).tocsr()
    return Links((agreement + agreement.T).tocsr(), (evidence + evidence.T).tocsr())


def crowded_links(scores: ChunkScores, activity: np.ndarray, crowded: np.ndarray, stretches: np.ndarray) -> Links:
    """Which stretches of their own chunk belong to crowded local speakers: shape (m, n).

    Chapter: clustering
    """
    length = activity.shape[1]
    rows, columns, agreement, evidence = [], [], [], []
    for row, (chunk, local) in enumerate(crowded):
        first = scores.first_frames[chunk]
        index = _inside(stretches, first, length)
        share = occupancy(activity[chunk], stretches[index] - first)
        heard = share.max(axis=1, initial=0) > 0.3
        index, share = index[heard], share[heard]
        seconds = np.diff(stretches[index], axis=1)[:, 0] * scores.frame_step
        rows.append(np.full(len(index), row))
        columns.append(index)
        evidence.append(seconds)
        agreement.append(seconds * (2 * share[:, local] / np.maximum(share.sum(axis=1), 1e-3) - 1))
    shape = (len(crowded), len(stretches))
    if not rows:
        return Links(csr_array(shape), csr_array(shape))
    cells = (np.concatenate(rows), np.concatenate(columns))
    return Links(
        coo_array((np.concatenate(agreement), cells), shape=shape).tocsr(),
        coo_array((np.concatenate(evidence), cells), shape=shape).tocsr(),
    )


def speakers_talking_over(links: Links, member: np.ndarray, caution: float = 0.2) -> np.ndarray:
    """Speakers whom a crowded local speaker cannot be: somebody else dominates a stretch of theirs in the chunk.

    Parameters
    ----------
    links : Links
        Of m crowded local speakers and n stretches.
    member : ndarray of shape (n, speakers)
        1 where a stretch belongs to a speaker.
    caution : float
        How far the verdict must be from even, 0 to 1, before it counts.

    Returns
    -------
    ndarray of bool, shape (m, speakers)

    Chapter: clustering
    """
    balance = (links.agreement + caution * links.evidence).tocoo()
    against = balance.data < 0
    counts = np.zeros((links.evidence.shape[0], member.shape[1]))
    np.add.at(counts, balance.row[against], member[balance.col[against]])
    return counts > 0
