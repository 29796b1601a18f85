"""The stages composed: a cascade, an overlap-aware pipeline, and pyannote.audio's pipeline as their peer.

Every stage of the first two is an argument, so it can be replaced by another function, or by the truth.

Chapter: start
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.optimize import linear_sum_assignment

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.clustering.constrained import assign_within_groups, constrained_agglomerative
from diarbook.embeddings.similarity import unit_length
from diarbook.errors import OptionError
from diarbook.turns import (
    Turn,
    crop,
    from_activity,
    label_by_appearance,
    merge,
    regions,
    shift,
    speakers,
    to_activity,
)

if TYPE_CHECKING:
    from diarbook.segmentation.neural import ChunkScores

PIPELINES = ("overlap", "cascade", "pyannote")
SILENCE = 1e-4  # a recording that never exceeds -80 dB of full scale holds no speech

Progress = Callable[[str, float], None]
Segment = Callable[[np.ndarray], "ChunkScores"]
EmbedFeatures = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True, slots=True)
class OverlapSettings:
    """Defaults of the overlap-aware pipeline, fixed on training clips and simulated conversations of their voices.

    Parameters
    ----------
    step : float
        Seconds from one 10 s chunk to the next.
    embedding_chunks : int
        Embed the local speakers of every so many chunks; the others are recognised by when they speak.
    clean : float
        A frame is a local speaker's own when the probability that the speaker talks is above this and that of
        every other is below one minus this.
    minimum_seconds : float
        Least speech of their own for an embedding.
    threshold : float
        Least cosine of the centroids of two clusters that are merged.
    minimum_cluster : float
        Seconds of embedded speech for a cluster to be a speaker.
    speech_onset : float
        Somebody speaks where the probability of speech is above this.
    overlap_onset : float
        A second one speaks where the probability of overlapped speech is above this.
    smoothing : float
        Seconds over which activations are averaged before they are compared with the onsets.
    fill : float
        Pauses of one speaker up to this many seconds are filled.
    """

    step: float = 2.0
    embedding_chunks: int = 2
    clean: float = 0.5
    minimum_seconds: float = 0.5
    threshold: float = 0.6
    minimum_cluster: float = 0.0
    speech_onset: float = 0.4
    overlap_onset: float = 0.15
    smoothing: float = 0.1
    fill: float = 0.0


DEFAULTS = OverlapSettings()


@dataclass(frozen=True, slots=True)
class LocalSpeakers:
    """Who speaks in each chunk, before anyone knows who is who across chunks.

    Parameters
    ----------
    scores : ChunkScores
    activity : ndarray of float32, shape (chunks, frames, 3)
        Probability that each local speaker talks.
    embeddings : ndarray of float32, shape (chunks, 3, d)
        NaN where a local speaker has too little speech, or the chunk was passed over.
    seconds : ndarray of shape (chunks, 3)
        Speech of their own behind each embedding.

    Chapter: segmentation
    """

    scores: ChunkScores
    activity: np.ndarray
    embeddings: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True, slots=True)
class SpeakerBounds:
    """How many speakers the caller expects.

    Chapter: clustering
    """

    least: int = 1
    most: int | None = None


def speaker_bounds(
    num_speakers: int | None = None, min_speakers: int | None = None, max_speakers: int | None = None
) -> SpeakerBounds:
    """Check the three options and bring them to a lower and an upper bound.

    Raises
    ------
    OptionError
        When one is below 1, the minimum is above the maximum, or the number comes with a bound.

    Chapter: clustering
    """
    for name, value in (("num", num_speakers), ("min", min_speakers), ("max", max_speakers)):
        if value is not None and value < 1:
            raise OptionError(f"{name}_speakers must be 1 or more, got {value}")
    if num_speakers is not None:
        if min_speakers is not None or max_speakers is not None:
            raise OptionError("give num_speakers, or min_speakers and max_speakers, not both")
        return SpeakerBounds(num_speakers, num_speakers)
    if min_speakers is not None and max_speakers is not None and min_speakers > max_speakers:
        raise OptionError(f"min_speakers {min_speakers} is above max_speakers {max_speakers}")
    return SpeakerBounds(min_speakers or 1, max_speakers)


def _ignore(_stage: str, _done: float) -> None:
    """No progress is shown."""


def is_silent(waveform: np.ndarray) -> bool:
    """Nothing in it reaches -80 dB of full scale.

    Chapter: vad
    """
    return float(np.abs(waveform).max(initial=0.0)) < SILENCE


# ---------------------------------------------------------------- overlap-aware


def own_speech(activity: np.ndarray, clean: float = 0.5) -> np.ndarray:
    """Frames where a local speaker talks and no other does: bool, shape of ``activity``.

    Chapter: embeddings
    """
    active = activity > clean
    others = np.partition(activity, 1, axis=-1)[..., 1:2]  # second highest
    return active & (others < max(1 - clean, 1e-6)) & (activity == activity.max(axis=-1, keepdims=True))


def embed_local_speakers(
    features: np.ndarray,
    scores: ChunkScores,
    own: np.ndarray,
    embed: EmbedFeatures,
    every: int = 1,
    minimum_seconds: float = 0.5,
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """One embedding for each local speaker of a chunk, made of nothing but the frames where that speaker is alone.

    Parameters
    ----------
    features : ndarray of shape (n, bands)
        The recording's features, 100 a second; computed once, shared by all chunks.
    scores : ChunkScores
    own : ndarray of bool, shape (chunks, frames, 3)
    embed : callable
        Maps a list of (frames, bands) to (items, d).
    every : int
        Take every so many chunks, and the last one.
    minimum_seconds : float
    progress : callable, optional

    Returns
    -------
    embeddings : ndarray of shape (chunks, 3, d)
        NaN where there is none.
    seconds : ndarray of shape (chunks, 3)

    Chapter: embeddings
    """
    chunks, frames, locals_ = own.shape
    centres = scores.offset + (np.arange(frames) + 0.5) * scores.frame_step
    taken = np.union1d(np.arange(0, chunks, every), [chunks - 1])
    where: list[tuple[int, int]] = []
    vectors: list[np.ndarray] = []
    seconds = np.zeros((chunks, locals_))
    for position, chunk in enumerate(taken):
        first = round(scores.starts[chunk] * 100)
        last = min(round((scores.starts[chunk] + centres[-1] + scores.frame_step / 2) * 100), len(features))
        # The features' frames are 10 ms, the network's 17 ms: take the nearest one's decision.
        nearest = np.clip(
            np.round(((np.arange(first, last) + 1.25) / 100 - scores.starts[chunk] - centres[0]) / scores.frame_step),
            0,
            frames - 1,
        ).astype(int)
        items, rows = [], []
        for local in range(locals_):
            selected = features[first:last][own[chunk, nearest, local]]
            if len(selected) >= minimum_seconds * 100:
                items.append(selected)
                rows.append((int(chunk), local))
                seconds[chunk, local] = len(selected) / 100
        if items:
            vectors.append(embed(items))
            where += rows
        if progress is not None:
            progress((position + 1) / len(taken))
    dimension = vectors[0].shape[1] if vectors else 1
    embeddings = np.full((chunks, locals_, dimension), np.nan, dtype=np.float32)
    if where:
        rows = np.array(where)
        embeddings[rows[:, 0], rows[:, 1]] = np.concatenate(vectors)
    return embeddings, seconds


def cluster_local_speakers(
    local: LocalSpeakers, bounds: SpeakerBounds = SpeakerBounds(), settings: OverlapSettings = DEFAULTS
) -> np.ndarray:
    """Give the local speakers that have an embedding their speaker in the recording.

    Returns
    -------
    ndarray of int, shape (chunks, 3)
        -1 for those without.

    Chapter: clustering
    """
    labels = np.full(local.seconds.shape, -1)
    known = np.isfinite(local.embeddings).all(axis=-1)
    if not known.any():
        # Too little clean speech to tell anyone apart: one speaker.
        return np.where(local.activity.max(axis=1) > settings.speech_onset, 0, -1)
    chunk = np.nonzero(known)[0]
    embeddings, seconds = local.embeddings[known], local.seconds[known]
    found = constrained_agglomerative(
        embeddings,
        chunk,
        seconds,
        threshold=settings.threshold,
        minimum_weight=settings.minimum_cluster,
        minimum_speakers=bounds.least,
        maximum_speakers=bounds.most,
    )
    units = unit_length(embeddings)
    labels[known] = assign_within_groups(units @ speaker_centroids(units, found, seconds).T, chunk)
    return labels


def speaker_centroids(units: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Direction of each speaker: the weighted mean of the unit-length embeddings labelled so, of unit length.

    Chapter: clustering
    """
    centroids = np.zeros((labels.max() + 1, units.shape[1]))
    counted = labels >= 0
    np.add.at(centroids, labels[counted], (units * weights[:, None])[counted])
    return unit_length(centroids)


def activations(local: LocalSpeakers, labels: np.ndarray, chunks: np.ndarray | None = None) -> np.ndarray:
    """Probability that each speaker of the recording talks in each frame, the chunks that see it averaged.

    Parameters
    ----------
    local : LocalSpeakers
    labels : ndarray of int, shape (chunks, 3)
    chunks : ndarray of bool, shape (chunks,), optional
        Chunks that have a say; all by default.

    Returns
    -------
    ndarray of float32, shape (frames of the recording, speakers)

    Chapter: segmentation
    """
    scores = local.scores
    length, count = local.activity.shape[1], int(labels.max()) + 1
    total = np.zeros((scores.frames, count), dtype=np.float32)
    weight = np.zeros((scores.frames, 1), dtype=np.float32)
    use = range(len(labels)) if chunks is None else np.flatnonzero(chunks)
    for chunk in use:
        first = scores.first_frames[chunk]
        for column, label in enumerate(labels[chunk]):
            if label >= 0:
                total[first : first + length, label] += local.activity[chunk, :, column]
        weight[first : first + length] += 1
    return total / np.maximum(weight, 1)


def match_by_activity(local: LocalSpeakers, labels: np.ndarray) -> np.ndarray:
    """Label the remaining local speakers: the one who talks when a known speaker talks is that speaker.

    Neighbouring chunks share most of their audio, so the speakers of a chunk that was not embedded are
    recognised by the labelled chunks around it.

    Parameters
    ----------
    local : LocalSpeakers
    labels : ndarray of int, shape (chunks, 3)
        -1 where a local speaker is not labelled yet.

    Returns
    -------
    ndarray of int, shape (chunks, 3)
        -1 for local speakers who agree with nobody.

    Chapter: segmentation
    """
    labels = labels.copy()
    known = (labels >= 0).any(axis=1)
    if not known.any():
        return labels
    reference = activations(local, labels, known)
    first, length = local.scores.first_frames, local.activity.shape[1]
    for chunk in np.flatnonzero((labels < 0).any(axis=1)):
        free = np.flatnonzero(labels[chunk] < 0)
        taken = labels[chunk][labels[chunk] >= 0]
        activity = local.activity[chunk][:, free]
        # Time together less time apart.
        agreement = activity.T @ (2 * reference[first[chunk] : first[chunk] + length] - 1)
        agreement[:, taken] = -np.inf
        rows, columns = linear_sum_assignment(np.maximum(agreement, -1e6), maximize=True)
        good = agreement[rows, columns] > 0
        labels[chunk, free[rows[good]]] = columns[good]
    return labels


def reconstruct(local: LocalSpeakers, labels: np.ndarray, settings: OverlapSettings = DEFAULTS) -> list[Turn]:
    """Turns from the labelled local speakers: how many speak in each frame, and the likeliest that many.

    Chapter: segmentation
    """
    from diarbook.segmentation.neural import speech_and_overlap

    scores = local.scores
    if labels.max() < 0:
        return []
    width = max(1, round(settings.smoothing / scores.frame_step))
    speech, overlap = (
        uniform_filter1d(scores.aggregate(part), width, mode="nearest")
        for part in speech_and_overlap(scores.posteriors)
    )
    active = uniform_filter1d(activations(local, labels), width, axis=0, mode="nearest")
    count = np.where(speech > settings.speech_onset, 1 + (overlap > settings.overlap_onset), 0)
    chosen = np.zeros(active.shape, dtype=bool)
    ranks = np.argsort(-active, axis=1, kind="stable")[:, :2]
    frames = np.arange(len(active))
    for rank in range(ranks.shape[1]):
        who = ranks[:, rank]
        chosen[frames, who] |= (count > rank) & (active[frames, who] > 0)
    return merge(shift(from_activity(chosen, scores.frame_step), scores.offset), settings.fill)


def overlap_aware(
    waveform: np.ndarray,
    *,
    segment: Segment | None = None,
    embed: EmbedFeatures | None = None,
    cluster: Callable[[LocalSpeakers, SpeakerBounds], np.ndarray] | None = None,
    settings: OverlapSettings = DEFAULTS,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    progress: Progress | None = None,
) -> list[Turn]:
    """Diarize by local speakers of overlapping chunks: segmentation-3.0, CAM++, constrained clustering, reconstruction.

    Chapter: start
    """
    waveform = check_waveform(waveform)
    bounds = speaker_bounds(num_speakers, min_speakers, max_speakers)
    report = progress or _ignore
    if is_silent(waveform):
        return []
    local = find_local_speakers(waveform, segment=segment, embed=embed, settings=settings, progress=report)
    labels = cluster(local, bounds) if cluster else cluster_local_speakers(local, bounds, settings)
    labels = match_by_activity(local, labels)
    report("clustering", 1.0)
    turns = crop(reconstruct(local, labels, settings), 0.0, len(waveform) / SAMPLE_RATE)
    report("reconstruction", 1.0)
    return label_by_appearance(turns)


def find_local_speakers(
    waveform: np.ndarray,
    *,
    segment: Segment | None = None,
    embed: EmbedFeatures | None = None,
    settings: OverlapSettings = DEFAULTS,
    progress: Progress = _ignore,
) -> LocalSpeakers:
    """The first two stages of the overlap-aware pipeline.

    Chapter: segmentation
    """
    from diarbook.features import kaldi_fbank
    from diarbook.segmentation.neural import load_segmentation, powerset_to_multilabel

    if segment is None:
        scores = load_segmentation().chunks(
            waveform, step=settings.step, progress=lambda done: progress("segmentation", done)
        )
    else:
        scores = segment(waveform)
    activity = powerset_to_multilabel(scores.posteriors)
    if embed is None:
        from diarbook.embeddings import load_embedder

        embed = load_embedder("campplus").embed_features
    embeddings, seconds = embed_local_speakers(
        kaldi_fbank(waveform),
        scores,
        own_speech(activity, settings.clean),
        embed,
        settings.embedding_chunks,
        settings.minimum_seconds,
        lambda done: progress("embeddings", done),
    )
    return LocalSpeakers(scores, activity, embeddings, seconds)


# ---------------------------------------------------------------- cascade

Vad = Callable[[np.ndarray], np.ndarray]
Windows = Callable[[np.ndarray], np.ndarray]
Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]
Cluster = Callable[[np.ndarray, np.ndarray, SpeakerBounds], np.ndarray]
Smooth = Callable[[np.ndarray, np.ndarray], "list[Turn]"]

CASCADE_THRESHOLD = 0.6
CASCADE_MINIMUM_CLUSTER = 3.0


def cluster_windows(
    embeddings: np.ndarray,
    windows: np.ndarray,
    bounds: SpeakerBounds = SpeakerBounds(),
    threshold: float = CASCADE_THRESHOLD,
    minimum_cluster: float = CASCADE_MINIMUM_CLUSTER,
) -> np.ndarray:
    """Label windows by agglomerative clustering; clusters too small to be a speaker join their nearest one.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
        NaN rows, of windows too short to embed, take the label of the nearest window in time.
    windows : ndarray of shape (n, 2)
        Seconds.
    bounds : SpeakerBounds
    threshold : float
        Least cosine of the centroids of two clusters that are merged.
    minimum_cluster : float
        Seconds of windows in a cluster that is a speaker.

    Returns
    -------
    ndarray of int, shape (n,)

    Chapter: clustering
    """
    known = np.isfinite(embeddings).all(axis=1)
    if not known.any():
        return np.zeros(len(windows), dtype=int)
    seconds = np.diff(windows[known], axis=1)[:, 0]
    found = constrained_agglomerative(
        embeddings[known],
        np.arange(int(known.sum())),
        seconds,
        threshold=threshold,
        minimum_weight=minimum_cluster,
        minimum_speakers=bounds.least,
        maximum_speakers=bounds.most,
    )
    units = unit_length(embeddings[known])
    labels = np.zeros(len(windows), dtype=int)
    labels[known] = (units @ speaker_centroids(units, found, seconds).T).argmax(axis=1)
    centres, missing = windows.mean(axis=1), np.flatnonzero(~known)
    if len(missing):
        order = np.argsort(centres[known])
        sorted_centres = centres[known][order]
        right = np.clip(np.searchsorted(sorted_centres, centres[missing]), 0, len(order) - 1)
        left = np.maximum(right - 1, 0)
        nearer = np.abs(sorted_centres[left] - centres[missing]) <= np.abs(sorted_centres[right] - centres[missing])
        labels[missing] = labels[known][order][np.where(nearer, left, right)]
    return labels


def cascade(
    waveform: np.ndarray,
    *,
    vad: Vad | None = None,
    windows: Windows | None = None,
    embed: Embed | None = None,
    cluster: Cluster | None = None,
    smooth: Smooth | None = None,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    progress: Progress | None = None,
) -> list[Turn]:
    """Diarize stage by stage: where is speech, cut it, embed the pieces, group them, smooth.

    Nobody overlaps anybody in the result: one speaker a window is what this design can say.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    vad : callable, optional
        Waveform to speech (n, 2) in seconds; segmentation-3.0 by default, :func:`oracle_vad` for the truth.
    windows : callable, optional
        Speech to windows (m, 2); 1.5 s every 0.75 s by default.
    embed : callable, optional
        Waveform and windows to embeddings (m, d), NaN where a window is too short; CAM++ by default.
    cluster : callable, optional
        Embeddings, windows and :class:`SpeakerBounds` to labels (m,); :func:`cluster_windows` by default,
        :func:`oracle_window_labels` for the truth.
    smooth : callable, optional
        Windows and labels to turns; by default each moment goes to the window whose centre is nearest.
    num_speakers, min_speakers, max_speakers : int, optional
        Number of speakers, or bounds on it.
    progress : callable, optional
        Called with a stage's name and the share of it that is done.

    Returns
    -------
    list of Turn
        Speakers named by first appearance.

    Raises
    ------
    AudioError
        When the waveform cannot be used.
    OptionError
        When the numbers of speakers contradict each other.

    References
    ----------
    park2022review

    Chapter: start
    """
    from diarbook.segmentation.windows import uniform_windows, windows_to_turns

    waveform = check_waveform(waveform)
    bounds = speaker_bounds(num_speakers, min_speakers, max_speakers)
    report = progress or _ignore
    if is_silent(waveform):
        return []
    speech = (vad or cascade_vad)(waveform)
    report("segmentation", 1.0)
    pieces = (windows or uniform_windows)(speech)
    if len(pieces) == 0:
        return []
    if embed is None:
        from diarbook.embeddings import load_embedder

        embed = load_embedder("campplus").embed
    embeddings = embed(waveform, pieces)
    report("embeddings", 1.0)
    labels = (cluster or cluster_windows)(embeddings, pieces, bounds)
    report("clustering", 1.0)
    turns = (smooth or windows_to_turns)(pieces, labels)
    report("reconstruction", 1.0)
    return label_by_appearance(crop(turns, 0.0, len(waveform) / SAMPLE_RATE))


def cascade_vad(waveform: np.ndarray) -> np.ndarray:
    """The cascade's own speech detection: segmentation-3.0 every 2 s, with the overlap-aware pipeline's onset.

    Chapter: vad
    """
    from diarbook.vad import segmentation_vad

    return segmentation_vad(waveform, onset=DEFAULTS.speech_onset, step=DEFAULTS.step)


# ---------------------------------------------------------------- stages replaced by the truth


def oracle_vad(reference: Sequence[Turn]) -> Vad:
    """A voice activity detector that knows the answer.

    Chapter: start
    """
    return lambda _waveform: regions(reference)


def oracle_window_labels(reference: Sequence[Turn]) -> Cluster:
    """A clusterer of windows that knows who speaks most in each.

    Chapter: start
    """
    names = speakers(reference)

    def cluster(_embeddings: np.ndarray, windows: np.ndarray, _bounds: SpeakerBounds) -> np.ndarray:
        times = np.array(
            [
                [
                    sum(max(0.0, min(t.end, end) - max(t.start, start)) for t in reference if t.speaker == name)
                    for name in names
                ]
                for start, end in windows
            ]
        ).reshape(len(windows), len(names))
        return times.argmax(axis=1) if len(names) else np.zeros(len(windows), dtype=int)

    return cluster


def oracle_segmentation(reference: Sequence[Turn], step: float = DEFAULTS.step) -> Segment:
    """A segmentation network that knows the answer, and has its limits: three speakers a chunk, two at once.

    Parameters
    ----------
    reference : sequence of Turn
    step : float
        Seconds from one chunk to the next.

    Chapter: segmentation
    """
    from diarbook.segmentation.neural import LOCAL_SPEAKERS, POWERSET, chunk_grid

    def segment(waveform: np.ndarray) -> ChunkScores:
        scores = chunk_grid(len(waveform), step)
        names = speakers(reference)
        activity = to_activity(shift(reference, -scores.offset), scores.frame_step, scores.frames, names)
        length = scores.posteriors.shape[1]
        for chunk, first in enumerate(scores.first_frames):
            part = activity[first : first + length]
            # The three who speak most in the chunk; where more than two speak, the two of them who speak most.
            local = np.argsort(-part.sum(axis=0), kind="stable")[:LOCAL_SPEAKERS]
            part = part[:, local] & (np.cumsum(part[:, local], axis=1) <= 2)
            part = np.pad(part, ((0, 0), (0, LOCAL_SPEAKERS - part.shape[1])))
            for index, members in enumerate(POWERSET):
                row = np.isin(np.arange(LOCAL_SPEAKERS), members)
                scores.posteriors[chunk, (part == row).all(axis=1), index] = 1.0
        return scores

    return segment


def oracle_local_labels(reference: Sequence[Turn]) -> Callable[[LocalSpeakers, SpeakerBounds], np.ndarray]:
    """A clusterer of local speakers that knows which real speaker each one agrees with most.

    Chapter: clustering
    """
    names = speakers(reference)

    def cluster(local: LocalSpeakers, _bounds: SpeakerBounds) -> np.ndarray:
        labels = np.full(local.activity.shape[::2], -1)
        if not names:
            return labels
        scores = local.scores
        truth = to_activity(shift(reference, -scores.offset), scores.frame_step, scores.frames, names)
        length = local.activity.shape[1]
        for chunk, first in enumerate(scores.first_frames):
            together = local.activity[chunk].T @ truth[first : first + length]
            rows, columns = linear_sum_assignment(together, maximize=True)
            good = together[rows, columns] > 0
            labels[chunk, rows[good]] = columns[good]
        return labels

    return cluster


# ---------------------------------------------------------------- the peer


class _PeerEmbedding:
    """CAM++ behind the interface that pyannote.audio's pipeline expects of an embedding."""

    def __init__(self) -> None:
        from diarbook.embeddings import load_embedder

        self._embedder = load_embedder("campplus")
        self.sample_rate = SAMPLE_RATE
        self.dimension = self._embedder.dimension
        self.metric = "cosine"
        self.min_num_samples = round(0.25 * SAMPLE_RATE) + 400

    def __call__(self, waveforms, masks):
        from diarbook.features import kaldi_fbank

        result = np.full((len(waveforms), self.dimension), np.nan, dtype=np.float32)
        for row, (waveform, mask) in enumerate(zip(waveforms[:, 0].numpy(), masks.numpy(), strict=True)):
            features = kaldi_fbank(waveform)
            selected = features[mask[np.arange(len(features)) * len(mask) // len(features)] > 0.5]
            if len(selected) >= 25:
                result[row] = self._embedder.embed_features([selected])[0]
        return result


def pyannote_peer(
    waveform: np.ndarray,
    *,
    threshold: float = 0.7,
    minimum_cluster_size: int = 12,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    progress: Progress | None = None,
) -> list[Turn]:
    """pyannote.audio's own SpeakerDiarization pipeline on the same two networks, assembled offline.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    threshold : float
        Euclidean distance of unit-length centroids at which its agglomerative clustering stops.
    minimum_cluster_size : int
        Embeddings in a cluster that counts.

    References
    ----------
    bredin2023pyannote

    Chapter: start
    """
    import torch

    waveform = check_waveform(waveform)
    bounds = speaker_bounds(num_speakers, min_speakers, max_speakers)
    report = progress or _ignore
    if is_silent(waveform):
        return []
    pipeline = _peer_pipeline()
    pipeline.instantiate(
        {
            "segmentation": {"min_duration_off": 0.0},
            "clustering": {
                "method": "centroid",
                "min_cluster_size": minimum_cluster_size,
                "threshold": threshold,
            },
        }
    )

    def hook(step: str, _artefact: object, total: int | None = None, completed: int | None = None, **_: object) -> None:
        report(step, 1.0 if not total else (completed or 0) / total)

    file = {"waveform": torch.from_numpy(waveform)[None], "sample_rate": SAMPLE_RATE, "uri": "waveform"}
    output = pipeline.apply(file, min_speakers=bounds.least, max_speakers=bounds.most, hook=hook)
    from diarbook.turns import from_annotation

    return label_by_appearance(merge(from_annotation(output.speaker_diarization)))


@functools.lru_cache(maxsize=1)
def _peer_pipeline():
    """The pipeline object, with our CAM++ in place of an embedding that it would download."""
    from pyannote.audio import Model
    from pyannote.audio.core.plda import PLDA
    from pyannote.audio.pipelines import SpeakerDiarization
    from pyannote.audio.pipelines.clustering import Clustering

    from diarbook.assets import weights_path

    pipeline = SpeakerDiarization(
        segmentation=Model.from_pretrained(str(weights_path("segmentation-3.0"))),
        clustering="OracleClustering",  # the one that loads no embedding
        embedding_exclude_overlap=True,
        plda=object.__new__(PLDA),  # unused by agglomerative clustering; it would be downloaded
        segmentation_batch_size=32,
        embedding_batch_size=32,
    )
    from pyannote.audio import Audio

    pipeline._embedding = _PeerEmbedding()
    pipeline._audio = Audio(sample_rate=SAMPLE_RATE, mono="downmix")
    pipeline.klustering = "AgglomerativeClustering"
    pipeline.clustering = Clustering["AgglomerativeClustering"].value(metric="cosine")
    pipeline._expects_num_speakers = False
    return pipeline


# ---------------------------------------------------------------- one door


def diarize(
    waveform: np.ndarray,
    *,
    pipeline: str = "overlap",
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    progress: Progress | None = None,
) -> list[Turn]:
    """Who spoke when.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz, 0.1 s or longer; :func:`diarbook.audio.load_audio` makes it of any file.
    pipeline : {"overlap", "cascade", "pyannote"}
        The overlap-aware pipeline, the cascade, or pyannote.audio's own on the same networks.
    num_speakers : int, optional
        Number of speakers, when it is known.
    min_speakers, max_speakers : int, optional
        Bounds on it.
    progress : callable, optional
        Called with a stage's name and the share of it that is done, 0 to 1.

    Returns
    -------
    list of Turn
        Sorted; speakers ``SPEAKER_00``, ``SPEAKER_01``, … by first appearance. Empty for silence.

    Raises
    ------
    AudioError
        When the waveform is not one channel of finite samples, or too short.
    OptionError
        When the pipeline is unknown or the numbers of speakers contradict each other.

    References
    ----------
    bredin2023pyannote, plaquet2023powerset

    Chapter: start
    """
    run = {"overlap": overlap_aware, "cascade": cascade, "pyannote": pyannote_peer}.get(pipeline)
    if run is None:
        raise OptionError(f"unknown pipeline {pipeline!r}; known: {', '.join(PIPELINES)}")
    return run(
        waveform,
        num_speakers=num_speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        progress=progress,
    )
