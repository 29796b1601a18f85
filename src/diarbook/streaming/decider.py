"""Who speaks in the frames that are decided at a step: a function of what was seen and of how voices are grouped.

Chapter: streaming
"""

from __future__ import annotations

import numpy as np

from diarbook.clustering.constrained import assign_crowded
from diarbook.embeddings.similarity import unit_length
from diarbook.segmentation.local import crowded_links, speakers_talking_over
from diarbook.segmentation.scores import ChunkScores, speech_and_overlap
from diarbook.segmentation.stitching import choose_speakers, local_activations
from diarbook.streaming.memory import Grouping
from diarbook.streaming.recent import RecentChunks
from diarbook.streaming.settings import StreamSettings


def decide(recent: RecentChunks, grouping: Grouping, decided: int, until: int, settings: StreamSettings) -> np.ndarray:
    """Which groups speak in the frames from ``decided`` to ``until``.

    Parameters
    ----------
    recent : RecentChunks
    grouping : Grouping
    decided, until : int
        First frame, and the frame after the last.
    settings : StreamSettings

    Returns
    -------
    ndarray of bool, shape (frames, k + 1)
        The last of the groups is an unknown speaker, who is none of the k.

    Chapter: streaming
    """
    chunks = recent.since(decided)
    scores, activity = chunks.scores()
    crowded, crowded_groups = _crowded_groups(chunks, scores, activity, grouping, settings)
    count = len(grouping.labels)
    if not len(grouping.spans) and not len(crowded):
        return np.zeros((until - decided, count), dtype=bool)
    speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
    active = local_activations(
        scores, activity, grouping.spans - chunks.first, grouping.recent, crowded, crowded_groups
    )
    chosen = choose_speakers(
        speech,
        overlap,
        active,
        scores.frame_step,
        speech_onset=settings.speech_onset,
        overlap_onset=settings.overlap_onset,
        smoothing=settings.smoothing,
    )[decided - chunks.first : until - chunks.first]
    return np.pad(chosen, ((0, 0), (0, count - chosen.shape[1])))


def _crowded_groups(
    chunks: RecentChunks, scores: ChunkScores, activity: np.ndarray, grouping: Grouping, settings: StreamSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Local speakers who hardly ever speak alone, as (chunk, local), and the group of each; k is an unknown speaker."""
    voices = [(index, voice) for index, chunk in enumerate(chunks.chunks) for voice in chunk.crowded]
    crowded = np.array([(index, voice.local) for index, voice in voices], dtype=int).reshape(-1, 2)
    if not voices or not len(grouping.groups):
        return crowded, np.zeros(len(voices), dtype=int)
    count = len(grouping.labels) - 1
    links = crowded_links(scores, activity, crowded, grouping.spans - chunks.first)
    member = np.eye(count)[grouping.recent]
    centroids = np.zeros((count, grouping.sums.shape[1]))
    np.add.at(centroids, grouping.groups, grouping.sums)
    groups = assign_crowded(
        np.stack([voice.embedding for _, voice in voices]),
        unit_length(centroids),
        links.agreement @ member,
        links.evidence @ member,
        speakers_talking_over(links, member),
        crowded[:, 0],
        np.array([voice.seconds for _, voice in voices]),
        settings.rule,
    )
    return crowded, groups
