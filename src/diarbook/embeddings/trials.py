"""Trials: pairs of stretches of speech, and whether one person spoke both.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from diarbook.assets import Recording
from diarbook.embeddings.embedder import Embedder
from diarbook.embeddings.similarity import cosine_similarity
from diarbook.errors import OptionError
from diarbook.turns import alone


@dataclass(frozen=True, order=True, slots=True)
class Excerpt:
    """A stretch of a recording in which the reference hears exactly one speaker.

    Parameters
    ----------
    recording : str
        Name of the recording.
    start, end : float
        Seconds.
    speaker : str
        The reference's label.

    Chapter: embeddings
    """

    recording: str
    start: float
    end: float
    speaker: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


def single_speaker_excerpts(
    recordings: Sequence[Recording], minimum: float = 1.5, maximum: float = 2.0
) -> list[Excerpt]:
    """Cut the stretches of one speaker alone into excerpts.

    Each stretch is cut from its start into excerpts of ``maximum`` seconds; what is left at its end is kept when it
    lasts ``minimum`` seconds or more. Overlapped speech, pauses and shorter stretches are left out.

    Parameters
    ----------
    recordings : sequence of Recording
    minimum, maximum : float
        Shortest and longest excerpt, seconds.

    Returns
    -------
    list of Excerpt
        In the order of the recordings and of time; they do not overlap.

    Raises
    ------
    OptionError
        When not ``0 < minimum <= maximum``.

    Chapter: embeddings
    """
    if not 0 < minimum <= maximum:
        raise OptionError(f"excerpt lengths must satisfy 0 < minimum <= maximum, got {minimum} and {maximum} s")
    excerpts = []
    for recording in recordings:
        limit = recording.duration
        for turn in alone(recording.turns):
            end = min(turn.end, limit)
            pieces = int((end - turn.start) / maximum + 1e-9)
            starts = turn.start + maximum * np.arange(pieces + 1)
            for start in starts:
                stop = min(start + maximum, end)
                if stop - start >= minimum - 1e-9:
                    excerpts.append(Excerpt(recording.name, float(start), float(stop), turn.speaker))
    return excerpts


def embed_excerpts(
    embedder: Embedder, recordings: Sequence[Recording], excerpts: Sequence[Excerpt], seconds: float | None = None
) -> np.ndarray:
    """Embed excerpts of several recordings.

    Parameters
    ----------
    embedder : Embedder
    recordings : sequence of Recording
        Those that the excerpts name.
    excerpts : sequence of Excerpt
    seconds : float, optional
        Use only so much of the middle of each excerpt.

    Returns
    -------
    ndarray of float32, shape (n, d)

    Chapter: embeddings
    """
    waveforms = {recording.name: recording.waveform for recording in recordings}
    missing = {excerpt.recording for excerpt in excerpts} - set(waveforms)
    if missing:
        raise OptionError(f"excerpts of {sorted(missing)[0]!r} need its recording; pass it as well")
    embeddings = np.full((len(excerpts), embedder.dimension), np.nan, dtype=np.float32)
    for name, waveform in waveforms.items():
        rows = [row for row, excerpt in enumerate(excerpts) if excerpt.recording == name]
        if not rows:
            continue
        windows = np.array([[excerpts[row].start, excerpts[row].end] for row in rows])
        if seconds is not None:
            middle = windows.mean(axis=1, keepdims=True)
            half = np.minimum(seconds, windows[:, 1:] - windows[:, :1]) / 2
            windows = np.hstack([middle - half, middle + half])
        embeddings[rows] = embedder.embed(waveform, windows)
    return embeddings


@dataclass(frozen=True, eq=False)
class Trials:
    """Every pair of excerpts once, with its score.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Cosine similarity.
    labels : ndarray of bool, shape (n,)
        True when one person spoke both excerpts (a target trial).
    same_recording : ndarray of bool, shape (n,)
        True when both excerpts come from one recording: same microphone, same room, same minute.
    first, second : ndarray of int, shape (n,)
        Positions of the two excerpts.
    speakers : ndarray of int, shape (n, 2)
        Who speaks in the two excerpts, as numbers from 0.

    Chapter: embeddings
    """

    scores: np.ndarray
    labels: np.ndarray
    same_recording: np.ndarray
    first: np.ndarray
    second: np.ndarray
    speakers: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def where(self, keep: np.ndarray) -> Trials:
        """The trials at which ``keep`` is true."""
        return Trials(*(getattr(self, field.name)[keep] for field in fields(self)))


def trial_scores(embeddings: np.ndarray, excerpts: Sequence[Excerpt]) -> Trials:
    """Score every unordered pair of different excerpts by cosine similarity.

    Labels are compared as they are: they must name the same person in every recording, as AMI's do.

    Parameters
    ----------
    embeddings : array of shape (n, d)
    excerpts : sequence of n Excerpt

    Returns
    -------
    Trials
        ``n (n - 1) / 2`` of them, without those of a NaN embedding.

    Chapter: embeddings
    """
    if len(embeddings) != len(excerpts):
        raise OptionError(f"{len(embeddings)} embeddings for {len(excerpts)} excerpts; give one each")
    first, second = np.triu_indices(len(excerpts), k=1)
    speakers = np.unique([excerpt.speaker for excerpt in excerpts], return_inverse=True)[1]
    names = np.unique([excerpt.recording for excerpt in excerpts], return_inverse=True)[1]
    scores = cosine_similarity(embeddings)[first, second]
    who = np.column_stack([speakers[first], speakers[second]])
    trials = Trials(scores, who[:, 0] == who[:, 1], names[first] == names[second], first, second, who)
    return trials.where(np.isfinite(scores))


def nearest_is_same_speaker(
    gallery: np.ndarray, speakers: Sequence[str], queries: np.ndarray, apart: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the nearest vector of the gallery, a query's own aside, is of the query's speaker.

    Each coordinate is first divided by its standard deviation over the gallery, so that none counts for its unit.

    Parameters
    ----------
    gallery : array of shape (n, d)
    speakers : sequence of n str
        Who speaks in each row of the gallery, and in the same row of the queries. Name people, not recordings.
    queries : array of shape (n, d)
        The same pieces again, for instance through another channel; or the gallery itself.
    apart : sequence of n str, optional
        Such as the recording of each row: rows of the same one are no neighbors, so that a room cannot stand in for a
        voice.

    Returns
    -------
    same : ndarray of bool, shape (n,)
    nearest : ndarray of int, shape (n,)
        Row of the nearest vector.

    Raises
    ------
    OptionError
        When shapes differ or there are fewer than two rows.

    Examples
    --------
    >>> points = np.array([[0.0], [0.1], [5.0], [4.0]])
    >>> nearest_is_same_speaker(points, ["a", "a", "b", "a"], points)[0].tolist()
    [True, True, False, False]

    Chapter: features
    """
    gallery, queries, names = np.asarray(gallery), np.asarray(queries), np.asarray(speakers)
    if gallery.shape != queries.shape or len(names) != len(gallery) or len(gallery) < 2:
        raise OptionError(
            f"gallery {gallery.shape}, queries {queries.shape} and {len(names)} speakers: give two rows or more, "
            "and one of each for every piece"
        )
    spread = gallery.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    a, b = (gallery - gallery.mean(axis=0)) / scale, (queries - gallery.mean(axis=0)) / scale
    distance = (b**2).sum(axis=1)[:, None] + (a**2).sum(axis=1)[None] - 2 * b @ a.T
    np.fill_diagonal(distance, np.inf)
    if apart is not None:
        groups = np.asarray(apart)
        distance[groups[:, None] == groups[None, :]] = np.inf
    nearest = distance.argmin(axis=1)
    return names[nearest] == names, nearest


def speaker_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    trials: Trials,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval that draws speakers, not trials.

    Trials that share a speaker are not independent: one odd voice spoils all of its trials at once. Each sample
    draws as many speakers as there are, with replacement. A target trial of a speaker drawn k times counts k times;
    a non-target trial of speakers drawn k and m times counts k * m times.

    Parameters
    ----------
    statistic : callable
        ``(scores, labels) -> float``, such as the equal error rate.
    trials : Trials
    samples : int
        Bootstrap samples; those without a target or without a non-target trial are left out.
    level : float
        Of the interval.
    seed : int

    Returns
    -------
    (float, float)
        Percentile interval.

    Raises
    ------
    OptionError
        When ``level`` is not between 0 and 1.

    Chapter: embeddings
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, got {level}")
    generator = np.random.default_rng(seed)
    present, who = np.unique(trials.speakers, return_inverse=True)
    who = who.reshape(-1, 2)
    values = []
    for drawn in generator.multinomial(len(present), np.full(len(present), 1 / len(present)), size=samples):
        counts = np.where(trials.labels, drawn[who[:, 0]], drawn[who[:, 0]] * drawn[who[:, 1]])
        labels = np.repeat(trials.labels, counts)
        if labels.any() and not labels.all():
            values.append(statistic(np.repeat(trials.scores, counts), labels))
    if not values:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
