"""The overlap-aware pipeline: segment, embed, cluster, place those who never speak alone, reconstruct.

Chapter: stage-swap
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.clustering.constrained import (
    DEFAULT_RULE,
    MergeRule,
    assign_with_exclusions,
    constrained_agglomerative,
)
from diarbook.embeddings.similarity import unit_length
from diarbook.pipelines.options import Progress, SpeakerBounds, ignore_progress, is_silent, speaker_bounds
from diarbook.segmentation.stitching import choose_speakers
from diarbook.turns import (
    Turn,
    crop,
    from_activity,
    label_by_appearance,
    merge,
    shift,
)

if TYPE_CHECKING:
    from diarbook.segmentation.scores import ChunkScores

FEATURES_A_SECOND = 100
EMBEDDING_BATCH = 256
Segment = Callable[[np.ndarray], "ChunkScores"]
EmbedFeatures = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True, slots=True)
class OverlapSettings:
    """Defaults of the overlap-aware pipeline, fixed on training clips and simulated conversations of their voices.

    Parameters
    ----------
    step : float
        Seconds from one 10 s chunk to the next.
    rule : MergeRule
        When two clusters are one speaker.
    minimum_speaker : float
        Seconds of speech alone that make a cluster a speaker.
    crowded_every : int
        Look for local speakers who never speak alone in every so many chunks.
    speech_onset, overlap_onset : float
        Somebody speaks, and a second one does, where the probability of speech, and of overlap, is above this.
    smoothing : float
        Seconds over which probabilities are averaged before they are compared with the onsets.

    Chapter: stage-swap
    """

    step: float = 2.0
    rule: MergeRule = DEFAULT_RULE
    minimum_speaker: float = 1.0
    crowded_every: int = 2
    speech_onset: float = 0.45
    overlap_onset: float = 0.2
    smoothing: float = 0.1


DEFAULTS = OverlapSettings()


@dataclass(frozen=True, slots=True)
class Voices:
    """What the overlap-aware pipeline clusters: n stretches of one voice alone, then m crowded local speakers.

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of float32, shape (chunks, frames of a chunk, 3)
        Probability that each local speaker talks.
    stretches : ndarray of int, shape (n, 2)
        First frame, and the frame after the last, on the recording's grid.
    crowded : ndarray of int, shape (m, 2)
        Chunk and local speaker, of those who talk but hardly ever alone.
    embeddings : ndarray of float32, shape (n + m, d)
    seconds : ndarray of shape (n + m,)
        Speech behind each embedding.

    Chapter: segmentation
    """

    scores: ChunkScores
    activity: np.ndarray
    stretches: np.ndarray
    crowded: np.ndarray
    embeddings: np.ndarray
    seconds: np.ndarray


def find_voices(
    waveform: np.ndarray,
    *,
    segment: Segment | None = None,
    embed: EmbedFeatures | None = None,
    settings: OverlapSettings = DEFAULTS,
    progress: Progress = ignore_progress,
) -> Voices:
    """Segment a recording and embed what one person says alone; where nobody ever is alone, what they say together.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    segment : callable, optional
        Waveform to :class:`~diarbook.segmentation.scores.ChunkScores`; segmentation-3.0 by default.
    embed : callable, optional
        List of features (frames, 80) to embeddings (items, d), NaN for items too short; CAM++ by default.
    settings : OverlapSettings
    progress : callable

    Chapter: segmentation
    """
    from diarbook.features import FRAME_LENGTH, kaldi_fbank
    from diarbook.segmentation.local import crowded_speakers, lone_stretches
    from diarbook.segmentation.model import load_segmentation
    from diarbook.segmentation.scores import powerset_to_multilabel

    if segment is None:
        scores = load_segmentation().chunks(
            waveform, step=settings.step, progress=lambda done: progress("segmentation", done)
        )
    else:
        scores = segment(waveform)
        progress("segmentation", 1.0)
    activity = powerset_to_multilabel(scores.posteriors)
    stretches = lone_stretches(scores, activity)
    crowded = crowded_speakers(scores, activity, every=settings.crowded_every)
    if embed is None:
        from diarbook.embeddings import load_embedder

        embed = load_embedder("campplus").embed_features
    features = kaldi_fbank(waveform) if len(waveform) >= FRAME_LENGTH else np.zeros((0, 80), dtype=np.float32)
    items = [features[first:last] for first, last in feature_frames(scores, stretches)]
    items += [features[_crowded_frames(scores, activity, *item, len(features))] for item in crowded]
    vectors = []
    for first in range(0, len(items), EMBEDDING_BATCH):
        vectors.append(embed(items[first : first + EMBEDDING_BATCH]))
        progress("embeddings", min(1.0, (first + EMBEDDING_BATCH) / len(items)))
    embeddings = np.concatenate(vectors) if vectors else np.zeros((0, 1), dtype=np.float32)
    good = np.isfinite(embeddings).all(axis=1)
    seconds = np.array([len(item) / FEATURES_A_SECOND for item in items])
    count = len(stretches)
    return Voices(scores, activity, stretches[good[:count]], crowded[good[count:]], embeddings[good], seconds[good])


def feature_frames(scores: ChunkScores, spans: np.ndarray) -> np.ndarray:
    """The features' frames, 10 ms each, of spans of the network's, 17 ms each: shape (n, 2) to (n, 2).

    Chapter: segmentation
    """
    frames = np.round((spans * scores.frame_step + scores.offset) * FEATURES_A_SECOND).astype(int)
    return np.column_stack([frames[:, 0], frames[:, 1] - 1])  # a frame is 25 ms long: the last one would look beyond


def _crowded_frames(scores: ChunkScores, activity: np.ndarray, chunk: int, local: int, length: int) -> np.ndarray:
    """Indices of the features' frames in which a local speaker talks, alone or not."""
    edges = np.diff(np.pad((activity[chunk, :, local] > 0.5).astype(np.int8), 1))
    spans = np.flatnonzero(edges).reshape(-1, 2) + scores.first_frames[chunk]
    frames = np.concatenate([np.arange(first, last) for first, last in feature_frames(scores, spans)])
    return frames[(frames >= 0) & (frames < length)]


def cluster_voices(
    voices: Voices, bounds: SpeakerBounds = SpeakerBounds(), settings: OverlapSettings = DEFAULTS
) -> np.ndarray:
    """Say who each voice is: cluster the stretches, then place those who never speak alone.

    Parameters
    ----------
    voices : Voices
    bounds : SpeakerBounds
    settings : OverlapSettings

    Returns
    -------
    ndarray of int, shape (n + m,)

    Chapter: clustering
    """
    from diarbook.segmentation.local import crowded_links, stretch_links

    count = len(voices.stretches)
    if count == 0:
        # Nobody is ever heard alone: one speaker is all that can be said.
        return np.zeros(len(voices.embeddings), dtype=int)
    links = stretch_links(voices.scores, voices.activity, voices.stretches)
    labels = constrained_agglomerative(
        voices.embeddings[:count],
        voices.seconds[:count],
        links.agreement,
        links.evidence,
        rule=settings.rule,
        minimum_seconds=settings.minimum_speaker,
        minimum_speakers=bounds.least,
        maximum_speakers=bounds.most,
    )
    links = crowded_links(voices.scores, voices.activity, voices.crowded, voices.stretches)
    member = np.eye(labels.max() + 1)[labels]
    agreement, evidence = links.agreement @ member, links.evidence @ member
    balance = (links.agreement + 0.2 * links.evidence).tocoo()
    against = balance.data < 0  # somebody else dominates that stretch in the chunk
    others = np.zeros(evidence.shape)
    np.add.at(others, balance.row[against], member[balance.col[against]])
    placed = assign_with_exclusions(
        voices.embeddings[count:],
        speaker_centroids(unit_length(voices.embeddings[:count]), labels, voices.seconds[:count]),
        agreement,
        evidence,
        others > 0,
        voices.crowded[:, 0],
        voices.seconds[count:],
        settings.rule,
    )
    if bounds.most is not None and labels.max() + 1 >= bounds.most:
        placed = np.minimum(placed, labels.max())
    return np.concatenate([labels, placed])


def speaker_centroids(units: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Direction of each speaker: the weighted mean of the unit-length embeddings labelled so, of unit length.

    Chapter: clustering
    """
    centroids = np.zeros((labels.max() + 1, units.shape[1]))
    np.add.at(centroids, labels, units * weights[:, None])
    return unit_length(centroids)


def reconstruct(voices: Voices, labels: np.ndarray, settings: OverlapSettings = DEFAULTS) -> list[Turn]:
    """Turns from labelled voices: how many speak in each frame, and the likeliest that many.

    Parameters
    ----------
    voices : Voices
    labels : ndarray of int, shape (n + m,)
    settings : OverlapSettings

    Chapter: segmentation
    """
    from diarbook.segmentation.scores import speech_and_overlap
    from diarbook.segmentation.stitching import local_activations

    scores, count = voices.scores, len(voices.stretches)
    speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
    if len(labels):
        active = local_activations(
            scores, voices.activity, voices.stretches, labels[:count], voices.crowded, labels[count:]
        )
    else:
        active = speech[:, None]
    chosen = choose_speakers(
        speech,
        overlap,
        active,
        scores.frame_step,
        speech_onset=settings.speech_onset,
        overlap_onset=settings.overlap_onset,
        smoothing=settings.smoothing,
    )
    return merge(shift(from_activity(chosen, scores.frame_step), scores.offset))


def overlap_aware(
    waveform: np.ndarray,
    *,
    segment: Segment | None = None,
    embed: EmbedFeatures | None = None,
    cluster: Callable[[Voices, SpeakerBounds], np.ndarray] | None = None,
    settings: OverlapSettings = DEFAULTS,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    progress: Progress | None = None,
) -> list[Turn]:
    """Diarize with overlapped speech: segmentation-3.0 on chunks, CAM++ on lone stretches, clustering, reconstruction.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    segment : callable, optional
        Waveform to chunk scores; :func:`oracle_segmentation` for the truth.
    embed : callable, optional
        List of features (frames, 80) to embeddings.
    cluster : callable, optional
        :class:`Voices` and :class:`SpeakerBounds` to labels; :func:`oracle_voice_labels` for the truth.
    settings : OverlapSettings
    num_speakers, min_speakers, max_speakers : int, optional
        Number of speakers, or bounds on it.
    progress : callable, optional
        Called with a stage's name and the share of it that is done.

    Returns
    -------
    list of Turn
        Speakers named by first appearance; at most two speak at once.

    Raises
    ------
    AudioError
        When the waveform cannot be used.
    OptionError
        When the numbers of speakers contradict each other.

    Notes
    -----
    Time is linear in the length of the recording, and so is memory, apart from blocks of 600 stretches.

    References
    ----------
    plaquet2023powerset, bredin2023pyannote

    Chapter: start
    """
    waveform = check_waveform(waveform)
    bounds = speaker_bounds(num_speakers, min_speakers, max_speakers)
    report = progress or ignore_progress
    if is_silent(waveform):
        return []
    voices = find_voices(waveform, segment=segment, embed=embed, settings=settings, progress=report)
    report("embeddings", 1.0)
    labels = cluster(voices, bounds) if cluster else cluster_voices(voices, bounds, settings)
    report("clustering", 1.0)
    turns = crop(reconstruct(voices, labels, settings), 0.0, len(waveform) / SAMPLE_RATE)
    report("reconstruction", 1.0)
    return label_by_appearance(turns)
