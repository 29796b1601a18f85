"""From a diarization that a person corrected to voices that are recognized live, and back.

The loop: diarize offline, let a person correct the turns, enroll whom the correction names, recognize them in the next
conversation as it runs, enroll newcomers on the way, and let the voiceprints follow their owners.

Chapter: hybrid
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.errors import VoiceprintError
from diarbook.turns import Turn, speakers
from diarbook.voiceprints.adaptation import DEFAULT_ADAPTATION, Adaptation, AdaptationRule, adapt
from diarbook.voiceprints.enrollment import Enrollment, enroll
from diarbook.voiceprints.matching import speaker_vectors
from diarbook.voiceprints.voice import MINIMUM_SPEECH, stretches
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder
    from diarbook.streaming import StreamingDiarizer
    from diarbook.voiceprints.store import VoiceprintStore

ANONYMOUS = re.compile(r"(speaker|spk)?[ _-]?\d+|unknown.*|\?*|<.*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EnrolledSpeakers:
    """Everybody whom a correction names.

    Parameters
    ----------
    enrollments : tuple of Enrollment
    refused : dict of str to str
        Why somebody could not be enrolled, by name.

    Chapter: hybrid
    """

    enrollments: tuple[Enrollment, ...]
    refused: Mapping[str, str]


def is_anonymous(label: str) -> bool:
    """Whether a label is a machine's, such as ``SPEAKER_00``, and not somebody's name.

    Examples
    --------
    >>> is_anonymous("speaker 3"), is_anonymous("Ann Lee")
    (True, False)

    Chapter: hybrid
    """
    return ANONYMOUS.fullmatch(label.strip()) is not None


def enroll_speakers(
    waveform: np.ndarray,
    turns: Sequence[Turn],
    consents: Consent | Mapping[str, Consent],
    *,
    embedder: Embedder | None = None,
    metadata: Mapping[str, str] | None = None,
) -> EnrolledSpeakers:
    """Make a voiceprint of everybody whom corrected turns name, from what they say alone.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    turns : sequence of Turn
        Speakers with a machine's label are passed over.
    consents : Consent, or mapping of str to Consent
        One that all have given, or one for each name; who has given none is refused.
    embedder : Embedder, optional
        CAM++ by default.
    metadata : mapping of str to str, optional

    Raises
    ------
    VoiceprintError
        When the turns name nobody.

    Chapter: hybrid
    """
    names = [name for name in speakers(turns) if not is_anonymous(name)]
    if not names:
        raise VoiceprintError(
            f"the turns name nobody, only {', '.join(speakers(turns)) or 'silence'}; put names in place of the labels"
        )
    enrollments, refused, own = [], {}, stretches(turns)
    for name in names:
        consent = consents if isinstance(consents, Consent) else consents.get(name)
        if consent is None:
            refused[name] = "no consent; ask, and enroll then"
            continue
        try:
            made = enroll(
                name,
                [waveform],
                consent=consent,
                regions=[own[name]],
                embedder=embedder,
                metadata=metadata,
            )
        except VoiceprintError as error:
            refused[name] = str(error).removeprefix(f"{name}: ")
        else:
            enrollments.append(made)
    return EnrolledSpeakers(tuple(enrollments), refused)


def adapt_speakers(
    waveform: np.ndarray,
    turns: Sequence[Turn],
    store: VoiceprintStore,
    *,
    rule: AdaptationRule = DEFAULT_ADAPTATION,
    embedder: Embedder | None = None,
    keep: bool = True,
) -> dict[str, Adaptation]:
    """Offer what the named speakers of a conversation said to their voiceprints, and keep what the rule lets pass.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    turns : sequence of Turn
        Those whose speaker is no name of the store are passed over.
    store : VoiceprintStore
        Changed in place, all adaptations or none.
    rule : AdaptationRule
    embedder : Embedder, optional
        CAM++ by default; its model must be the store's.
    keep : bool
        Write what was adapted into the store.

    Returns
    -------
    dict of str to Adaptation
        Of everybody who is in the store and speaks a second alone or more.

    Raises
    ------
    VoiceprintError
        When the store is of another model, or a consent has ended.

    Chapter: hybrid
    """
    if embedder is None:
        from diarbook.embeddings import load_embedder

        embedder = load_embedder("campplus")
    model, version = embedder.identity
    known = {name: store.get(name) for name in speakers(turns) if name in store}
    result = {}
    for name, (vector, seconds) in speaker_vectors(waveform, turns, embedder).items():
        if name not in known:
            continue
        matches = store.search(vector, model=model, model_version=version, k=2)
        rival = max((match.score for match in matches if match.name != name), default=-1.0)
        result[name] = adapt(known[name], vector, seconds, model=model, model_version=version, rival=rival, rule=rule)
    if keep:
        store.add_many([one.voiceprint for one in result.values() if not one.refused], replace=True)
    return result


def introduce(diarizer: StreamingDiarizer, label: str, name: str, consent: Consent) -> Voiceprint:
    """Make a voiceprint of somebody who is speaking in a running conversation, from the stream's speaker cache.

    Parameters
    ----------
    diarizer : StreamingDiarizer
    label : str
        Of the newcomer, such as ``SPEAKER_02``.
    name : str
    consent : Consent

    Raises
    ------
    VoiceprintError
        When nobody has that label yet, or has said too little.

    Chapter: hybrid
    """
    known = {one.label: one for one in diarizer.speakers}
    if label not in known:
        raise VoiceprintError(
            f"nobody is called {label!r} so far, only {', '.join(known) or 'nobody'}; wait, or correct it"
        )
    one = known[label]
    if one.seconds < MINIMUM_SPEECH:
        raise VoiceprintError(
            f"{label} has spoken alone for {one.seconds:.1f} s, at least {MINIMUM_SPEECH:g} s are needed; wait"
        )
    return Voiceprint(name, one.centroid, one.model, one.model_version, one.seconds, 1, float("nan"), now(), consent)
