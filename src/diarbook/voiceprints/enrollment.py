"""From recordings and a consent to a voiceprint.

Chapter: voiceprints
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from diarbook.voiceprints.voice import measure
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now, person_name

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder


@dataclass(frozen=True, slots=True, eq=False)
class Enrollment:
    """A voiceprint, and what it was made of.

    Parameters
    ----------
    voiceprint : Voiceprint
    kept, rejected : ndarray of shape (n, 3)
        Recording, start and end of each piece; numbers of recordings start at 0, times are in seconds. A piece of
        several short stretches reaches from the first to the last of them.
    warnings : tuple of str
        What makes the voiceprint weaker than it could be.

    Chapter: voiceprints
    """

    voiceprint: Voiceprint
    kept: np.ndarray
    rejected: np.ndarray
    warnings: tuple[str, ...]


def enroll(
    name: str,
    recordings: Sequence[np.ndarray],
    *,
    consent: Consent,
    regions: Sequence[np.ndarray | None] | None = None,
    embedder: Embedder | None = None,
    created: datetime | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Enrollment:
    """Make a voiceprint of one person's speech.

    Parameters
    ----------
    name : str
    recordings : sequence of ndarray of shape (samples,)
        At 16 kHz.
    consent : Consent
    regions : sequence of ndarray of shape (n, 2), optional
        Where the person speaks alone in each recording, in seconds; None finds speech with Silero VAD.
    embedder : Embedder, optional
        CAM++ by default.
    created : datetime, optional
        Now by default.
    metadata : mapping of str to str, optional

    Raises
    ------
    VoiceprintError
        When nobody may be called that, there is too little speech, or the pieces do not sound like one person.
    AudioError
        When a recording cannot be used.

    References
    ----------
    silero2024vad, wang2023campplus

    Chapter: voiceprints
    """
    name = person_name(name)
    voice = measure(recordings, regions=regions, embedder=embedder, label=name)
    voiceprint = Voiceprint(
        name,
        voice.vector,
        voice.model,
        voice.model_version,
        voice.net_speech,
        len(voice.kept),
        voice.quality,
        created or now(),
        consent,
        metadata or {},
    )
    return Enrollment(voiceprint, voice.kept, voice.rejected, voice.warnings)
