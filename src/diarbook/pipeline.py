"""The stages composed: a cascade, an overlap-aware pipeline, and pyannote.audio's pipeline as their peer.

Every stage of the first two is an argument, so it can be replaced by another function, or by the truth.

Chapter: start
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.optimize import linear_sum_assignment

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.clustering.constrained import (
    DEFAULT_RULE,
    MergeRule,
    assign_with_exclusions,
    constrained_agglomerative,
)
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
FEATURES_A_SECOND = 100
EMBEDDING_BATCH = 256
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


def find_voices(
    waveform: np.ndarray,
    *,
    segment: Segment | None = None,
    embed: EmbedFeatures | None = None,
    settings: OverlapSettings = DEFAULTS,
    progress: Progress = _ignore,
) -> Voices:
    """Segment a recording and embed what one person says alone; where nobody ever is alone, what they say together.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    segment : callable, optional
        Waveform to :class:`~diarbook.segmentation.neural.ChunkScores`; segmentation-3.0 by default.
    embed : callable, optional
        List of features (frames, 80) to embeddings (items, d), NaN for items too short; CAM++ by default.
    settings : OverlapSettings
    progress : callable

    Chapter: segmentation
    """
    from diarbook.features import FRAME_LENGTH, kaldi_fbank
    from diarbook.segmentation.local import crowded_speakers, lone_stretches
    from diarbook.segmentation.neural import load_segmentation, powerset_to_multilabel

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
    from diarbook.segmentation.local import local_activations
    from diarbook.segmentation.neural import speech_and_overlap

    scores, count = voices.scores, len(voices.stretches)
    speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
    if len(labels):
        active = local_activations(
            scores, voices.activity, voices.stretches, labels[:count], voices.crowded, labels[count:]
        )
    else:
        active = speech[:, None]
    chosen = choose_speakers(speech, overlap, active, scores.frame_step, settings)
    return merge(shift(from_activity(chosen, scores.frame_step), scores.offset))


def choose_speakers(
    speech: np.ndarray,
    overlap: np.ndarray,
    active: np.ndarray,
    frame_step: float,
    settings: OverlapSettings = DEFAULTS,
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
    settings : OverlapSettings

    Returns
    -------
    ndarray of bool, shape (frames, speakers)

    Chapter: segmentation
    """
    width = max(1, round(settings.smoothing / frame_step))
    speech, overlap, active = (
        uniform_filter1d(values, width, axis=0, mode="reflect") for values in (speech, overlap, active)
    )
    speaking = np.where(speech > settings.speech_onset, 1 + (overlap > settings.overlap_onset), 0)
    chosen = np.zeros(active.shape, dtype=bool)
    frames = np.arange(len(active))
    ranking = np.argsort(-active, axis=1, kind="stable")[:, :2]
    for rank in range(ranking.shape[1]):
        who = ranking[:, rank]
        chosen[frames, who] = (speaking > rank) & (active[frames, who] > 0)
    return chosen


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
    report = progress or _ignore
    if is_silent(waveform):
        return []
    voices = find_voices(waveform, segment=segment, embed=embed, settings=settings, progress=report)
    report("embeddings", 1.0)
    labels = cluster(voices, bounds) if cluster else cluster_voices(voices, bounds, settings)
    report("clustering", 1.0)
    turns = crop(reconstruct(voices, labels, settings), 0.0, len(waveform) / SAMPLE_RATE)
    report("reconstruction", 1.0)
    return label_by_appearance(turns)


# ---------------------------------------------------------------- cascade

Vad = Callable[[np.ndarray], np.ndarray]
Windows = Callable[[np.ndarray], np.ndarray]
Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]
Cluster = Callable[[np.ndarray, np.ndarray, SpeakerBounds], np.ndarray]
Smooth = Callable[[np.ndarray, np.ndarray], "list[Turn]"]

# No chunks keep voices apart here, so the threshold is the middle of the flat part on the training data.
CASCADE_RULE = MergeRule(threshold=0.6)
CASCADE_MINIMUM_SPEAKER = 3.0


def cluster_windows(
    embeddings: np.ndarray,
    windows: np.ndarray,
    bounds: SpeakerBounds = SpeakerBounds(),
    rule: MergeRule = CASCADE_RULE,
    minimum_speaker: float = CASCADE_MINIMUM_SPEAKER,
) -> np.ndarray:
    """Label windows by agglomerative clustering; clusters too small to be a speaker join their nearest one.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
        NaN rows, of windows too short to embed, take the label of the nearest window in time.
    windows : ndarray of shape (n, 2)
        Seconds.
    bounds : SpeakerBounds
    rule : MergeRule
        When two clusters are one speaker.
    minimum_speaker : float
        Seconds of windows that make a cluster a speaker.

    Returns
    -------
    ndarray of int, shape (n,)

    Chapter: clustering
    """
    known = np.isfinite(embeddings).all(axis=1)
    if not known.any():
        return np.zeros(len(windows), dtype=int)
    seconds = np.diff(windows[known], axis=1)[:, 0]
    labels = np.zeros(len(windows), dtype=int)
    labels[known] = constrained_agglomerative(
        embeddings[known],
        seconds,
        rule=rule,
        minimum_seconds=minimum_speaker,
        minimum_speakers=bounds.least,
        maximum_speakers=bounds.most,
    )
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


def remembered(stage: Callable) -> Callable:
    """The stage, run once for the same input: for experiments that change another stage.

    Parameters
    ----------
    stage : callable
        Takes arrays, such as a detector or an embedding of windows.

    Returns
    -------
    callable
        Gives the earlier result when the arrays hold the same bytes. Do not change what it returns.

    Chapter: stage-swap
    """
    results: dict[tuple[bytes, ...], object] = {}

    def run(*arrays: np.ndarray):
        key = tuple(hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest() for array in arrays)
        if key not in results:
            results[key] = stage(*arrays)
        return results[key]

    return run


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


def oracle_voice_labels(reference: Sequence[Turn]) -> Callable[[Voices, SpeakerBounds], np.ndarray]:
    """A clusterer of voices that knows who speaks most in each stretch, and whom each crowded local speaker follows.

    Chapter: clustering
    """
    names = speakers(reference)

    def cluster(voices: Voices, _bounds: SpeakerBounds) -> np.ndarray:
        if not names:
            return np.zeros(len(voices.embeddings), dtype=int)
        scores, length = voices.scores, voices.activity.shape[1]
        truth = to_activity(shift(reference, -scores.offset), scores.frame_step, scores.frames, names)
        labels = [int(truth[first:last].sum(axis=0).argmax()) for first, last in voices.stretches]
        for chunk, local in voices.crowded:
            first = scores.first_frames[chunk]
            together = voices.activity[chunk].T @ truth[first : first + length]
            rows, columns = linear_sum_assignment(together, maximize=True)
            match = columns[rows == local]
            labels.append(int(match[0]) if len(match) else int(together[local].argmax()))
        return np.array(labels, dtype=int)

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
    threshold: float = 0.9,
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
        Euclidean distance of unit-length centroids at which its agglomerative clustering stops; the default is the
        best of 0.6 to 1.1 on the training clips.
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
