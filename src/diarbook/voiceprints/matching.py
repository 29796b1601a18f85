"""Is it who they say, and who is it: verification and identification with voiceprints.

Chapter: verification
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarbook.embeddings.similarity import unit_length
from diarbook.errors import OptionError, VoiceprintError
from diarbook.turns import Turn, alone, speakers
from diarbook.voiceprints.enrollment import model_identity, speech_pieces
from diarbook.voiceprints.voiceprint import Voiceprint

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder
    from diarbook.voiceprints.store import VoiceprintStore

THRESHOLD = 0.44
"""Cosine of CAM++ from which a voice is accepted: least cost on the 10 training clips (pieces of 1.5 to 3 s, 861
trials) when one trial in ten is of one person and both errors cost the same."""

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
    name: str | None
    nearest: str | None
    score: float
    seconds: float


def _check_threshold(threshold: float) -> None:
    if not -1 <= threshold <= 1:
        raise OptionError(f"threshold must be a cosine from -1 to 1, got {threshold}")


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
        When the two are of different models, or the embedding is not finite.
    OptionError
        When the threshold is no cosine.

    Chapter: verification
    """
    _check_threshold(threshold)
    vector = np.asarray(vector, dtype=float)
    if (model, model_version, vector.shape) != (voiceprint.model, voiceprint.model_version, voiceprint.vector.shape):
        raise VoiceprintError(
            f"{voiceprint.name}: the voiceprint is of {voiceprint.model} {voiceprint.model_version}, the voice of"
            f" {model} {model_version}; enrol again with the same model"
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise VoiceprintError("the voice has no embedding; give at least one second of speech")
    score = float(unit_length(vector[None])[0] @ voiceprint.vector)
    return Decision(voiceprint.name, score, threshold, score >= threshold, model, model_version, CALIBRATION)


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
    stretches = alone(turns)
    result = {}
    for speaker in speakers(turns):
        own = [(turn.start, turn.end) for turn in stretches if turn.speaker == speaker]
        pieces = speech_pieces(np.array(own, dtype=float).reshape(-1, 2))
        if len(pieces):
            seconds = np.diff(pieces, axis=1)
            total = (unit_length(embedder.embed(waveform, pieces)) * seconds).sum(axis=0)
            result[speaker] = (unit_length(total[None])[0], float(seconds.sum()))
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
    threshold: float = THRESHOLD,
    embedder: Embedder | None = None,
) -> tuple[list[Turn], list[Named]]:
    """Give the speakers of a diarized conversation the names of a store.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    turns : sequence of Turn
    store : VoiceprintStore
    threshold : float
        Cosine from which a name is given.
    embedder : Embedder, optional
        CAM++ by default; its model must be the store's.

    Returns
    -------
    turns : list of Turn
        With names where there are any, and the old labels elsewhere.
    named : list of Named
        One for each speaker, in the order of first appearance.

    Raises
    ------
    VoiceprintError
        When the store is of another model.

    Chapter: identification
    """
    _check_threshold(threshold)
    vectors = speaker_vectors(waveform, turns, embedder)
    model, version = model_identity(embedder.name if embedder else "campplus")
    identity = store.identity
    if identity is not None and identity[:2] != (model, version):
        raise VoiceprintError(
            f"{store.path}: holds voiceprints of {identity[0]} {identity[1]}, the conversation was embedded by {model}"
            f" {version}; enrol again with that model"
        )
    names, matrix = store.matrix()
    heard = list(vectors)
    scores = np.zeros((len(heard), len(names)))
    if names and heard:
        scores = np.array([vectors[speaker][0] for speaker in heard]) @ matrix.T
    chosen = dict(zip(heard, assign_names(scores, threshold), strict=True))
    rows = []
    for speaker in speakers(turns):
        if speaker not in vectors or not names:
            rows.append(Named(speaker, None, None, float("nan"), vectors.get(speaker, (None, 0.0))[1]))
            continue
        row = heard.index(speaker)
        taken = {chosen[other] for other in heard if other != speaker}
        best = int(chosen[speaker])
        if best < 0:
            free = [column for column in range(len(names)) if column not in taken] or list(range(len(names)))
            best = max(free, key=lambda column: scores[row, column])
        name = names[best] if chosen[speaker] >= 0 else None
        rows.append(Named(speaker, name, names[best], float(scores[row, best]), vectors[speaker][1]))
    known = {row.speaker: row.name for row in rows if row.name is not None}
    return [replace(turn, speaker=known.get(turn.speaker, turn.speaker)) for turn in turns], rows
