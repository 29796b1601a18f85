"""The overlap-aware pipeline in five steps: segment, embed, cluster, assign, reconstruct.

Chapter: stage-swap
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.audio.storage import release
from diarbook.clustering.constrained import MergeRule, assign_crowded, constrained_agglomerative
from diarbook.embeddings.embedder import Embedder, load_embedder
from diarbook.embeddings.similarity import unit_length
from diarbook.pipelines.options import ANY_NUMBER, Progress, SpeakerBounds, is_silent, weighted
from diarbook.segmentation.local import (
    crowded_links,
    crowded_speakers,
    lone_stretches,
    spans_of_activity,
    speakers_talking_over,
    stretch_links,
)
from diarbook.segmentation.model import load_segmentation
from diarbook.segmentation.scores import ChunkScores, powerset_to_multilabel, speech_and_overlap
from diarbook.segmentation.stitching import choose_speakers, local_activations
from diarbook.turns import Turn, crop, from_activity, label_by_appearance, merge, shift

# What each step costs of all the work, measured on the meeting clips.
SHARES = {"segmentation": 0.75, "embeddings": 0.2, "clustering": 0.02, "assignment": 0.01, "reconstruction": 0.02}
BLOCK_SECONDS = 120.0  # features are computed so many seconds at a time, so that hours of them are never held

OVERLAP_RULE = MergeRule(threshold=0.65, reliability_seconds=5.5)

Segment = Callable[[np.ndarray], ChunkScores]


@dataclass(frozen=True, slots=True)
class OverlapSettings:
    """Defaults of the overlap-aware pipeline, chosen on training clips and on simulated conversations.

    The conversations are those of ``benchmarks/development.py``, and some of the training clips' voices.

    Parameters
    ----------
    step : float
        Seconds from one 10 s chunk to the next.
    rule : MergeRule
        When two clusters are one speaker.
    minimum_speaker, minimum_share : float
        Seconds of speech alone that make a cluster a speaker; in a short recording that share of its speech is
        enough, but never less than 1 s.
    crowded_every : int
        Look for local speakers who never speak alone in every so many chunks.
    speech_onset : float
        Somebody speaks where the probability of speech is above this.
    overlap_onset, overlap_slope, lowest_overlap_onset : float
        A second one does where that of overlap is above the first, less the slope times the share of the speech in
        which the network expects overlap, and not below the lowest: what is rare needs more evidence.
    smoothing : float
        Seconds over which probabilities are averaged before they are compared with the onsets.

    Chapter: stage-swap
    """

    step: float = 2.0
    rule: MergeRule = OVERLAP_RULE
    minimum_speaker: float = 6.0
    minimum_share: float = 0.03
    crowded_every: int = 2
    speech_onset: float = 0.4
    overlap_onset: float = 0.45
    overlap_slope: float = 1.0
    lowest_overlap_onset: float = 0.15
    smoothing: float = 0.2

    def speaker_seconds(self, speech: float) -> float:
        """Seconds that make a cluster a speaker in a recording with that much speech of one person alone."""
        return min(self.minimum_speaker, max(1.0, self.minimum_share * speech))

    def overlap_threshold(self, share: float) -> float:
        """Where a second speaker starts when that share of a recording's speech is expected to be overlapped."""
        return max(self.lowest_overlap_onset, self.overlap_onset - self.overlap_slope * share)


DEFAULTS = OverlapSettings()


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True)
class OverlapStages:
    """The stages that can be replaced, by another function or by the truth.

    Parameters
    ----------
    segment : callable, optional
        Waveform to :class:`~diarbook.segmentation.scores.ChunkScores`; segmentation-3.0 by default,
        :func:`~diarbook.pipelines.oracles.oracle_segmentation` for the truth.
    embedder : Embedder, optional
        CAM++ by default.
    cluster : callable, optional
        :class:`Voices` and :class:`~diarbook.pipelines.options.SpeakerBounds` to labels (n + m,); agglomerative
        clustering with the chunks' evidence by default, :func:`~diarbook.pipelines.oracles.oracle_voice_labels` for
        the truth.

    Chapter: stage-swap
    """

    segment: Segment | None = None
    embedder: Embedder | None = None
    cluster: Callable[[Voices, SpeakerBounds], np.ndarray] | None = None


def segment(
    waveform: np.ndarray,
    settings: OverlapSettings = DEFAULTS,
    model: Segment | None = None,
    report: Callable[[float], None] | None = None,
) -> ChunkScores:
    """Step 1: which local speakers talk in each frame of each 10 s chunk.

    Chapter: segmentation
    """
    if model is not None:
        return model(waveform)
    return load_segmentation().chunks(waveform, step=settings.step, progress=report)


def embed(
    waveform: np.ndarray,
    scores: ChunkScores,
    settings: OverlapSettings = DEFAULTS,
    embedder: Embedder | None = None,
    report: Callable[[float], None] | None = None,
) -> Voices:
    """Step 2: a vector for every stretch of one voice alone, and for every local speaker who hardly ever is alone.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    scores : ChunkScores
    settings : OverlapSettings
    embedder : Embedder, optional
        CAM++ by default.
    report : callable, optional
        Called with the share of the step that is done.

    Chapter: segmentation
    """
    embedder = embedder or load_embedder("campplus")
    activity = powerset_to_multilabel(scores.posteriors)
    stretches = lone_stretches(scores, activity)
    crowded = crowded_speakers(scores, activity, every=settings.crowded_every)
    spans = [stretch[None] for stretch in stretches]
    spans += [spans_of_activity(activity[chunk, :, local]) + scores.first_frames[chunk] for chunk, local in crowded]
    embeddings = np.full((len(spans), embedder.dimension), np.nan, dtype=np.float32)
    seconds = np.zeros(len(spans))
    done = 0
    for rows, items in feature_items(
        waveform, [feature_frames(scores, span, embedder.frame_rate) for span in spans], embedder
    ):
        embeddings[rows] = embedder.embed_features(items)
        seconds[rows] = [len(item) / embedder.frame_rate for item in items]
        done += len(rows)
        if report is not None:
            report(done / len(spans))
    good, count = np.isfinite(embeddings).all(axis=1), len(stretches)
    return Voices(scores, activity, stretches[good[:count]], crowded[good[count:]], embeddings[good], seconds[good])


def cluster(voices: Voices, bounds: SpeakerBounds = ANY_NUMBER, settings: OverlapSettings = DEFAULTS) -> np.ndarray:
    """Step 3: which stretches are one speaker, shape (n,).

    Chapter: clustering
    """
    count = len(voices.stretches)
    links = stretch_links(voices.scores, voices.activity, voices.stretches)
    return constrained_agglomerative(
        voices.embeddings[:count],
        voices.seconds[:count],
        links.agreement,
        links.evidence,
        rule=settings.rule,
        minimum_seconds=settings.speaker_seconds(float(voices.seconds[:count].sum())),
        minimum_speakers=bounds.least,
        maximum_speakers=bounds.most,
    )


def assign(
    voices: Voices,
    labels: np.ndarray,
    bounds: SpeakerBounds = ANY_NUMBER,
    settings: OverlapSettings = DEFAULTS,
) -> np.ndarray:
    """Step 4: whose voice each crowded local speaker is, given the labels of the stretches: shape (m,).

    Chapter: clustering
    """
    count = len(labels)
    if count == 0:
        # Nobody is ever heard alone: one speaker is all that can be said.
        return np.zeros(len(voices.crowded), dtype=int)
    links = crowded_links(voices.scores, voices.activity, voices.crowded, voices.stretches)
    member = np.eye(labels.max() + 1)[labels]
    return assign_crowded(
        voices.embeddings[count:],
        speaker_centroids(unit_length(voices.embeddings[:count]), labels, voices.seconds[:count]),
        links.agreement @ member,
        links.evidence @ member,
        speakers_talking_over(links, member),
        voices.crowded[:, 0],
        voices.seconds[count:],
        settings.rule,
        maximum_speakers=bounds.most,
    )


def reconstruct(voices: Voices, labels: np.ndarray, settings: OverlapSettings = DEFAULTS) -> list[Turn]:
    """Step 5: turns from labeled voices: how many speak in each frame, and the likeliest that many.

    Parameters
    ----------
    voices : Voices
    labels : ndarray of int, shape (n + m,)
    settings : OverlapSettings

    Chapter: segmentation
    """
    scores, count = voices.scores, len(voices.stretches)
    speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
    active = speech[:, None]
    if len(labels):
        known = labels[:count], voices.crowded, labels[count:]
        active = local_activations(scores, voices.activity, voices.stretches, *known)
    chosen = choose_speakers(
        speech,
        overlap,
        active,
        scores.frame_step,
        speech_onset=settings.speech_onset,
        overlap_onset=settings.overlap_threshold(float(overlap.sum() / max(speech.sum(), 1e-9))),
        smoothing=settings.smoothing,
    )
    return merge(shift(from_activity(chosen, scores.frame_step), scores.offset))


def label_voices(
    voices: Voices, bounds: SpeakerBounds = ANY_NUMBER, settings: OverlapSettings = DEFAULTS
) -> np.ndarray:
    """Steps 3 and 4: who each voice is, shape (n + m,).

    Chapter: clustering
    """
    labels = cluster(voices, bounds, settings)
    return np.concatenate([labels, assign(voices, labels, bounds, settings)])


def feature_frames(scores: ChunkScores, spans: np.ndarray, frame_rate: int = 100) -> np.ndarray:
    """The features' frames, 10 ms each, of spans of the network's, 17 ms each: shape (n, 2) to (n, 2).

    Chapter: segmentation
    """
    frames = np.round((spans * scores.frame_step + scores.offset) * frame_rate).astype(int)
    return np.column_stack([frames[:, 0], frames[:, 1] - 1])  # a frame is 25 ms long: the last one would look beyond


def feature_items(
    waveform: np.ndarray, spans: list[np.ndarray], embedder: Embedder, block_seconds: float = BLOCK_SECONDS
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Features of items, each made of spans of frames, a block of the recording at a time.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    spans : list of ndarray of int, shape (k, 2)
        For each item, first frames and the frames after the last, at the embedder's frame rate.
    embedder : Embedder
    block_seconds : float
        Items that start within so many seconds of each other share their features.

    Yields
    ------
    rows : ndarray of int
        Which items.
    items : list of ndarray of float32, shape (frames, bands)

    Chapter: segmentation
    """
    starts = np.array([int(item[0, 0]) if len(item) else 0 for item in spans], dtype=int)
    order = np.argsort(starts, kind="stable")
    hop = SAMPLE_RATE // embedder.frame_rate
    margin = round(0.1 * SAMPLE_RATE)
    block = starts[order] // round(block_seconds * embedder.frame_rate)
    for rows in np.split(order, np.flatnonzero(np.diff(block)) + 1):
        if not len(rows):
            continue
        first = max(0, int(starts[rows].min()))
        last = max(int(spans[row][-1, 1]) if len(spans[row]) else 0 for row in rows)
        features = embedder.features(waveform[first * hop : last * hop + margin])
        release(waveform)
        yield rows, [_joined(features, spans[row] - first) for row in rows]


def _joined(features: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """The frames of several spans, one after the other."""
    parts = [features[start:stop] for start, stop in np.clip(spans, 0, len(features))]
    return np.concatenate(parts) if parts else features[:0]


def speaker_centroids(units: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Direction of each speaker: the weighted mean of the unit-length embeddings labeled so, of unit length.

    Chapter: clustering
    """
    centroids = np.zeros((labels.max() + 1, units.shape[1]))
    np.add.at(centroids, labels, units * weights[:, None])
    return unit_length(centroids)


def overlap_aware(
    waveform: np.ndarray,
    stages: OverlapStages = OverlapStages(),
    *,
    bounds: SpeakerBounds = ANY_NUMBER,
    settings: OverlapSettings = DEFAULTS,
    progress: Progress | None = None,
) -> list[Turn]:
    """Diarize with overlapped speech: segmentation-3.0 on chunks, CAM++ on stretches of one voice, clustering.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    stages : OverlapStages
    bounds : SpeakerBounds
    settings : OverlapSettings
    progress : callable, optional
        Called with a stage's name and the share of all work done, 0 to 1.

    Returns
    -------
    list of Turn
        Speakers named by first appearance; at most two speak at once.

    Raises
    ------
    AudioError
        When the waveform cannot be used.

    Notes
    -----
    Time and memory are linear in the length of the recording; memory holds the chunks' probabilities, 40 bytes for
    every 17 ms that a chunk sees.

    References
    ----------
    plaquet2023powerset, bredin2023pyannote

    Chapter: start
    """
    waveform = check_waveform(waveform)
    if is_silent(waveform):
        return []
    report = weighted(progress, SHARES)
    scores = segment(waveform, settings, stages.segment, lambda done: report("segmentation", done))
    report("segmentation", 1.0)
    voices = embed(waveform, scores, settings, stages.embedder, lambda done: report("embeddings", done))
    report("embeddings", 1.0)
    if stages.cluster is None:
        labels = cluster(voices, bounds, settings)
        report("clustering", 1.0)
        labels = np.concatenate([labels, assign(voices, labels, bounds, settings)])
    else:
        labels = stages.cluster(voices, bounds)
    report("assignment", 1.0)
    turns = crop(reconstruct(voices, labels, settings), 0.0, len(waveform) / SAMPLE_RATE)
    report("reconstruction", 1.0)
    return label_by_appearance(turns)
