"""Letting a voiceprint follow its owner, within a limit.

Chapter: hybrid
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from diarbook.embeddings.similarity import unit_length
from diarbook.errors import OptionError, VoiceprintError
from diarbook.voiceprints.voiceprint import Voiceprint


@dataclass(frozen=True, slots=True)
class AdaptationRule:
    """When new speech may change a voiceprint, and by how much.

    Parameters
    ----------
    threshold : float
        Least cosine of the new speech with the template of the enrollment; above that of two voices, because a wrong
        name is gone with the meeting and a wrong adaptation stays.
    margin : float
        Least distance of that cosine from the one with the next voiceprint.
    minimum_speech : float
        Seconds of new speech.
    step : float
        Most weight of the new speech in one adaptation.
    limit : float
        Least cosine of the adapted vector with the template.

    Raises
    ------
    OptionError
        When a value is out of its range.

    Chapter: hybrid
    """

    threshold: float = 0.55
    margin: float = 0.1
    minimum_speech: float = 3.0
    step: float = 0.2
    limit: float = 0.9

    def __post_init__(self) -> None:
        for name, least, most in (("threshold", -1, 1), ("margin", -2, 2), ("minimum_speech", 0, math.inf)):
            if not least <= getattr(self, name) <= most:
                raise OptionError(f"{name} must be {least} to {most}, got {getattr(self, name)}")
        for name in ("step", "limit"):
            if not 0 < getattr(self, name) <= 1:
                raise OptionError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")


DEFAULT_ADAPTATION = AdaptationRule()
UNGUARDED = AdaptationRule(threshold=-1, margin=-2, minimum_speech=0, step=0.2, limit=1e-6)
"""Adapts to whatever it is given; to show what the guards are for."""


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A voiceprint after new speech was offered to it.

    Parameters
    ----------
    voiceprint : Voiceprint
        The old one when it was refused.
    refused : str
        Why nothing changed; empty when it was adapted.
    score : float
        Cosine of the new speech with the template.
    agreement : float
        Cosine of the voiceprint, as it is now, with the template.

    Chapter: hybrid
    """

    voiceprint: Voiceprint
    refused: str
    score: float
    agreement: float


def adapt(
    voiceprint: Voiceprint,
    vector: np.ndarray,
    seconds: float,
    *,
    model: str,
    model_version: str,
    rival: float = -1.0,
    rule: AdaptationRule = DEFAULT_ADAPTATION,
) -> Adaptation:
    """Move a voiceprint towards new speech of its owner, if the speech passes the rule.

    Parameters
    ----------
    voiceprint : Voiceprint
    vector : ndarray of shape (d,)
        Embedding of the new speech, of any length.
    seconds : float
        Speech behind it.
    model, model_version : str
        What made the embedding.
    rival : float
        Highest cosine of the new speech with anybody else's voiceprint.
    rule : AdaptationRule

    Raises
    ------
    VoiceprintError
        When the consent has ended, or the embedding is not finite or of another model.

    Chapter: hybrid
    """
    voiceprint.require_consent()
    vector = np.asarray(vector, dtype=float)
    if (model, model_version, vector.shape) != (voiceprint.model, voiceprint.model_version, voiceprint.vector.shape):
        raise VoiceprintError(
            f"{voiceprint.name}: the voiceprint is of {voiceprint.model} {voiceprint.model_version}, the new speech of"
            f" {model} {model_version}; embed it with the same model"
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise VoiceprintError(f"{voiceprint.name}: the new speech has no embedding; give at least one second of it")
    new, old, template = (unit_length(x.astype(float)) for x in (vector, voiceprint.vector, voiceprint.template))
    score = float(new @ template)
    if refused := _refusal(score, rival, seconds, rule):
        return Adaptation(voiceprint, refused, score, float(old @ template))
    weight = min(rule.step, seconds / (voiceprint.net_speech + seconds))  # eq: hybrid-weight
    moved = unit_length((1 - weight) * old + weight * new)  # eq: hybrid-move
    moved = within_limit(moved, template, rule.limit)
    adapted = replace(
        voiceprint,
        vector=moved,
        net_speech=voiceprint.net_speech + seconds,
        samples=voiceprint.samples + 1,
        enrolled=voiceprint.template,
    )
    return Adaptation(adapted, "", score, float(moved @ template))


def _refusal(score: float, rival: float, seconds: float, rule: AdaptationRule) -> str:
    if seconds < rule.minimum_speech:
        return f"{seconds:.1f} s of speech, {rule.minimum_speech:g} s are needed"
    if score < rule.threshold:
        return f"cosine {score:.2f} with the template, {rule.threshold:.2f} is needed"
    if score - rival < rule.margin:
        return f"cosine {score:.2f}, and {rival:.2f} with somebody else; they must be {rule.margin:.2f} apart"
    return ""


def within_limit(vector: np.ndarray, template: np.ndarray, limit: float) -> np.ndarray:
    """The direction nearest to ``vector`` whose cosine with the template is at least ``limit``.

    Parameters
    ----------
    vector, template : ndarray of shape (d,)
        Of unit length.
    limit : float

    Returns
    -------
    ndarray of shape (d,)
        Of unit length.

    Chapter: hybrid
    """
    cosine = float(vector @ template)
    if cosine >= limit:
        return vector
    across = vector - cosine * template
    across = unit_length(across)
    return limit * template + math.sqrt(1 - limit**2) * across  # eq: hybrid-limit
