"""What is kept of a voice: the vector, where it came from, and the permission to keep it.

Chapter: voiceprints
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from diarbook.checks import check_person
from diarbook.embeddings.similarity import unit_float32
from diarbook.errors import OptionError, VoiceprintError


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's permission to keep and compare their voice.

    Parameters
    ----------
    statement : str
        What the person agreed to, in words.
    given : datetime
        When, with a time zone.
    expires : datetime, optional
        When it ends; None keeps it until it is withdrawn.

    Raises
    ------
    VoiceprintError
        When the statement is empty, a time has no zone, or the end is not after the start.

    Chapter: privacy
    """

    statement: str
    given: datetime
    expires: datetime | None = None

    def __post_init__(self) -> None:
        if not self.statement.strip():
            raise VoiceprintError("consent: the statement is empty; say what the person agreed to")
        for name, moment in (("given", self.given), ("expires", self.expires)):
            if moment is not None and moment.tzinfo is None:
                raise VoiceprintError(f"consent: {name} {moment.isoformat()} has no time zone; add one, such as +00:00")
        if self.expires is not None and self.expires <= self.given:
            raise VoiceprintError("consent: it expires before it is given; correct one of the two")

    def ended_at(self, moment: datetime) -> bool:
        """Whether it has ended at a moment."""
        return self.expires is not None and self.expires <= moment

    def valid_at(self, moment: datetime) -> bool:
        """Whether it has been given and has not ended at a moment."""
        return self.given <= moment and not self.ended_at(moment)


@dataclass(frozen=True, slots=True, eq=False)
class Voiceprint:
    """A voice as a vector, with everything needed to judge a comparison with it.

    Parameters
    ----------
    name : str
        Who, in Unicode NFC; unique in a store.
    vector : ndarray of float32, shape (d,)
        Aggregated embedding; brought to unit length, once: a vector of unit length keeps every bit.
    model : str
        Name of the embedding model, such as ``campplus``.
    model_version : str
        Identifies the weights: scores of two versions cannot be compared.
    net_speech : float
        Seconds of speech behind the vector, silence taken out.
    samples : int
        How many stretches or files were aggregated.
    quality : float
        Mean cosine of the samples with the aggregated vector; NaN for a single sample.
    created : datetime
    consent : Consent
    metadata : mapping of str to str
        Anything else, such as the language or the microphone.
    enrolled : ndarray of float32, shape (d,), optional
        The vector of the enrollment when ``vector`` has been adapted since.

    Raises
    ------
    VoiceprintError
        When a value is missing or impossible.

    Chapter: voiceprints
    """

    name: str
    vector: np.ndarray
    model: str
    model_version: str
    net_speech: float
    samples: int
    quality: float
    created: datetime
    consent: Consent
    metadata: Mapping[str, str] = field(default_factory=dict)
    enrolled: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", person_name(self.name))
        object.__setattr__(self, "vector", self._unit(self.vector))
        if self.enrolled is not None:
            object.__setattr__(self, "enrolled", self._unit(self.enrolled))
            if self.enrolled.shape != self.vector.shape:
                raise VoiceprintError(f"voiceprint {self.name}: its two vectors differ in length; enroll again")
        for what, value in (("model", self.model), ("version of the model", self.model_version)):
            if not value or not value.isprintable():
                raise VoiceprintError(f"voiceprint {self.name}: {value!r} is no {what}; enroll again")
        if not (math.isfinite(self.net_speech) and self.net_speech > 0) or self.samples < 1:
            raise VoiceprintError(f"voiceprint {self.name}: it stands on no speech; enroll again")
        if not (math.isnan(self.quality) or abs(self.quality) <= 1 + 1e-6):
            raise VoiceprintError(f"voiceprint {self.name}: quality {self.quality} is no cosine; enroll again")
        if self.created.tzinfo is None:
            raise VoiceprintError(f"voiceprint {self.name}: the time of creation has no zone; add one")
        object.__setattr__(self, "metadata", MappingProxyType({str(k): str(v) for k, v in self.metadata.items()}))

    def _unit(self, vector: np.ndarray) -> np.ndarray:
        """A read-only copy of unit length."""
        unit = unit_float32(vector)
        if unit.ndim != 1 or not len(unit) or not np.isfinite(unit).all():
            raise VoiceprintError(f"voiceprint {self.name}: the vector is not one row of finite numbers; enroll again")
        unit.flags.writeable = False
        return unit

    def require_consent(self, moment: datetime | None = None) -> None:
        """Refuse a comparison when the consent has ended.

        Parameters
        ----------
        moment : datetime, optional
            Now by default.

        Raises
        ------
        VoiceprintError
        """
        if self.consent.ended_at(now() if moment is None else moment):
            raise VoiceprintError(
                f"{self.name}: the consent ended on {self.consent.expires:%Y-%m-%d}; ask and enroll again, or delete"
                " the voiceprint with `diarbook store expire`"
            )

    @property
    def template(self) -> np.ndarray:
        """What the person enrolled with, whatever was adapted since; of unit length."""
        return self.vector if self.enrolled is None else self.enrolled

    @property
    def dimension(self) -> int:
        """Length of the vector."""
        return len(self.vector)


def person_name(name: str) -> str:
    """The name of a person in Unicode NFC, by the one rule of :func:`diarbook.checks.check_person`.

    Raises
    ------
    VoiceprintError
        When it is empty, too long, has stray white space or characters that do not print, or is the label of an
        unknown speaker.

    Examples
    --------
    >>> person_name("Jose\u0301")
    'José'

    Chapter: voiceprints
    """
    try:
        return check_person(name)
    except OptionError as error:
        raise VoiceprintError(str(error)) from None


def now() -> datetime:
    """The time, in UTC, to the second.

    Chapter: voiceprints
    """
    return datetime.now(UTC).replace(microsecond=0)
