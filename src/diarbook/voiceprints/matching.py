"""Is it who they say, and who is it: verification and identification with voiceprints.

Chapter: verification
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarbook.embeddings.embedder import model_identity
from diarbook.embeddings.similarity import cosine_similarity, unit_length
from diarbook.errors import VoiceprintError
from diarbook.rttm import rttm_name
from diarbook.turns import Turn, speakers
from diarbook.voiceprints.thresholds import THRESHOLD, check_threshold
from diarbook.voiceprints.voice import Voice, speech_pieces, stretches
from diarbook.voiceprints.voiceprint import Voiceprint

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder
    from diarbook.voiceprints.store import Match, VoiceprintStore

MOST_ALIKE = 3
"""So many others are named by :func:`sounds_like`."""

CALIBRATION = "none: a cosine, threshold of the training clips"
"""What a score says of its calibration when it has none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One comparison with its verdict.

    Parameters
    ----------
    name : str
        Whose voiceprint.
    score, threshold : float
    accepted : bool
    model, model_version, calibration : str
        What the score and the threshold belong to.

    Chapter: verification
    """

    name: str
    score: float
    threshold: float
    accepted: bool
    model: str
    model_version: str
    calibration: str


@dataclass(frozen=True, slots=True)
class Named:
    """A speaker of a conversation and the best voiceprint for them.

    Parameters
    ----------
    speaker : str
        Label of the diarization.
    label : str
        What the speaker is called in the named turns.
    name : str or None
        Of the voiceprint, or None for somebody unknown.
    nearest : str or None
        The best voiceprint that was left for them, accepted or not.
    score : float
        Its cosine; NaN when the speaker says too little alone, or nobody is enrolled.
    seconds : float
        Speech that was compared.

    Chapter: identification
    """

    speaker: str
    label: str
    name: str | None
    nearest: str | None
    score: float
    seconds: float


def verify(
    vector: np.ndarray, voiceprint: Voiceprint, *, model: str, model_version: str, threshold: float = THRESHOLD
) -> Decision:
    """Compare a voice with the voiceprint that it claims.

    Parameters
    ----------
    vector : ndarray of shape (d,)
        Embedding of the voice, of any length.
    voiceprint : Voiceprint
    model, model_version : str
        What made the embedding.
    threshold : float
        Cosine from which it is accepted.

    Raises
    ------
    VoiceprintError
        When the consent of the voiceprint has ended, the two are of different models, or the embedding is not finite.
    OptionError
        When the threshold is no cosine.

    Chapter: verification
    """
    voiceprint.require_consent()
    claimed = (voiceprint.model, voiceprint.model_version)
    return _decide(voiceprint.name, vector, (model, model_version), voiceprint.vector, claimed, threshold)


def compare(first: Voice, second: Voice, *, name: str = "", threshold: float = THRESHOLD) -> Decision:
    """Compare two measured voices, neither of which is kept.

    Parameters
    ----------
    first, second : Voice
    name : str
        What the decision calls the second.
    threshold : float
        Cosine from which they are taken for one person.

    Raises
    ------
    VoiceprintError
        When the two are of different models.
    OptionError
        When the threshold is no cosine.

    Chapter: verification
    """
    models = [(voice.model, voice.model_version) for voice in (first, second)]
    return _decide(name, first.vector, models[0], second.vector, models[1], threshold)


def _decide(
    name: str,
    vector: np.ndarray,
    model: tuple[str, str],
    claimed: np.ndarray,
    claimed_model: tuple[str, str],
    threshold: float,
) -> Decision:
    check_threshold(threshold)
    vector = np.asarray(vector, dtype=float)
    if (model, vector.shape) != (claimed_model, claimed.shape):
        raise VoiceprintError(
            f"{name}: the voiceprint is of {' '.join(claimed_model)}, the voice of {' '.join(model)}; enroll again with"
            " the same model"
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise VoiceprintError("the voice has no embedding; give at least one second of speech")
    score = float(cosine_similarity(vector, claimed.astype(float)))
    return Decision(name, score, threshold, score >= threshold, *model, CALIBRATION)


def sounds_like(voiceprint: Voiceprint, store: VoiceprintStore, *, threshold: float | None = None) -> list[Match]:
    """Others in a store who could be the same person, most similar first.

    Parameters
    ----------
    voiceprint : Voiceprint
        In the store or not; never one of its own likes.
    store : VoiceprintStore
    threshold : float, optional
        Least cosine; by default that of a search among as many people as the store holds.

    Raises
    ------
    VoiceprintError
        When the store is of another model.
    OptionError
        When the threshold is no cosine.

    Chapter: voiceprints
    """
    threshold = check_threshold(threshold, len(store))
    nearest = store.search(
        voiceprint.vector, model=voiceprint.model, model_version=voiceprint.model_version, k=MOST_ALIKE + 1
    )
    others = [match for match in nearest if match.name != voiceprint.name and match.score >= threshold]
    return others[:MOST_ALIKE]


def speaker_vectors(
    waveform: np.ndarray, turns: Sequence[Turn], embedder: Embedder | None = None
) -> dict[str, tuple[np.ndarray, float]]:
    """One vector for each speaker of a conversation, from what they say alone.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    turns : sequence of Turn
    embedder : Embedder, optional
        CAM++ by default.

    Returns
    -------
    dict
        Vector of unit length and seconds behind it, by speaker; those who never speak a second alone are absent.

    Chapter: identification
    """
    from diarbook.embeddings import load_embedder

    embedder = embedder or load_embedder("campplus")
    result = {}
    for speaker, regions in stretches(turns).items():
        pieces = speech_pieces(regions)
        if len(pieces):
            seconds = np.diff(pieces, axis=1)
            total = (unit_length(embedder.embed(waveform, pieces)) * seconds).sum(axis=0)
            result[speaker] = (unit_length(total), float(seconds.sum()))
    return result


def assign_names(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Give every row at most one column and every column at most one row, for the highest sum above the threshold.

    Two speakers of one conversation cannot be the same person.

    Parameters
    ----------
    scores : ndarray of shape (speakers, voiceprints)
    threshold : float

    Returns
    -------
    ndarray of int, shape (speakers,)
        Column, or -1 for nobody.

    Chapter: identification
    """
    scores = np.asarray(scores, dtype=float)
    chosen = np.full(len(scores), -1)
    if scores.size:
        rows, columns = linear_sum_assignment(np.maximum(scores - threshold, 0.0), maximize=True)
        good = scores[rows, columns] >= threshold
        chosen[rows[good]] = columns[good]
    return chosen


def name_speakers(
    waveform: np.ndarray,
    turns: Sequence[Turn],
    store: VoiceprintStore,
    *,
    threshold: float | None = None,
    embedder: Embedder | None = None,
) -> tuple[list[Turn], list[Named]]:
    """Give the speakers of a diarized conversation the names of a store.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    turns : sequence of Turn
    store : VoiceprintStore
    threshold : float, optional
        Cosine from which a name is given; by default that of a search among so many people, see
        :func:`~diarbook.voiceprints.thresholds.gallery_threshold`.
    embedder : Embedder, optional
        CAM++ by default; its model must be the store's.

    Returns
    -------
    turns : list of Turn
        With names where there are any, and the old labels elsewhere; a label that is the name of somebody in the
        store, and whose voice is not theirs, becomes a new ``SPEAKER_nn``.
    named : list of Named
        One for each speaker, in the order of first appearance.

    Raises
    ------
    VoiceprintError
        When the store is of another model.
    OptionError
        When the threshold is no cosine.

    Chapter: identification
    """
    check_threshold(threshold)
    model, version = model_identity() if embedder is None else embedder.identity
    identity = store.identity
    if identity is not None and identity[:2] != (model, version):
        raise VoiceprintError(
            f"{store.path}: holds voiceprints of {identity[0]} {identity[1]}, the conversation was embedded by {model}"
            f" {version}; enroll again with that model"
        )
    names, matrix = store.matrix()
    vectors = speaker_vectors(waveform, turns, embedder)
    nearest = _nearest(vectors, names, matrix, check_threshold(threshold, len(names)))
    given = {speaker: name for speaker, (name, _, accepted) in nearest.items() if accepted}
    labels = _distinct(speakers(turns), given, store.names())
    rows = []
    for speaker in speakers(turns):
        best, score, _ = nearest.get(speaker, (None, float("nan"), False))
        seconds = vectors.get(speaker, (None, 0.0))[1]
        rows.append(Named(speaker, labels[speaker], given.get(speaker), best, score, seconds))
    return [replace(turn, speaker=labels[turn.speaker]) for turn in turns], rows


def _nearest(
    vectors: dict[str, tuple[np.ndarray, float]], names: list[str], matrix: np.ndarray, threshold: float
) -> dict[str, tuple[str, float, bool]]:
    """The best voiceprint that is left for each speaker, its cosine, and whether it is accepted."""
    if not names or not vectors:
        return {}
    scores = np.clip(np.array([vector for vector, _ in vectors.values()]) @ matrix.T, -1.0, 1.0)
    chosen = assign_names(scores, threshold)
    result = {}
    for row, speaker in enumerate(vectors):
        best = int(chosen[row])
        if best < 0:
            free = np.ones(len(names), dtype=bool)
            free[chosen[chosen >= 0]] = False
            best = int(np.where(free if free.any() else True, scores[row], -np.inf).argmax())
        result[speaker] = (names[best], float(scores[row, best]), bool(chosen[row] >= 0))
    return result


def _distinct(labels: Sequence[str], given: dict[str, str], names: Sequence[str]) -> dict[str, str]:
    """What each speaker is called: a given name, or the old label unless RTTM would write it like somebody's name."""
    words = {rttm_name(name).casefold() for name in names}
    used = {rttm_name(label).casefold() for label in labels} | words
    result = {}
    for label in labels:
        if label in given:
            result[label] = given[label]
        elif rttm_name(label).casefold() not in words:
            result[label] = label
        else:
            fresh = (f"SPEAKER_{number:02d}" for number in itertools.count())
            result[label] = next(one for one in fresh if one.casefold() not in used)
            used.add(result[label].casefold())
    return result
