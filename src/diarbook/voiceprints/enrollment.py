"""From recordings to a voiceprint: enough speech, pieces of it embedded, strangers among them left out.

Chapter: voiceprints
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform, clipped_fraction, level
from diarbook.embeddings.similarity import unit_length
from diarbook.errors import AssetError, VoiceprintError
from diarbook.turns import alone
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, check_name, now

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder
    from diarbook.turns import Turn

MINIMUM_SPEECH = 3.0
"""Seconds of net speech below which nobody is enrolled."""

GOOD_SPEECH = 10.0
"""Seconds of net speech below which enrolment warns."""

PIECE = 3.0
"""Seconds of the longest piece that is embedded at once."""

SHORTEST_PIECE = 1.0
"""Seconds of the shortest."""

OUTLIER = 0.25
"""Cosine with the other pieces below which a piece is taken for another voice: the equal error threshold of CAM++ on
the 10 training clips, pieces of 1.5 to 3 s, 861 trials."""


TWO_VOICES = 0.44
"""Cosine between two groups of pieces below which enrolment warns of two voices: the threshold of verification."""


@dataclass(frozen=True, slots=True)
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


def model_identity(name: str = "campplus") -> tuple[str, str]:
    """Name and version of an embedding model; the version is the start of the SHA-256 of its weights.

    Raises
    ------
    AssetError
        When the model is unknown.

    Chapter: voiceprints
    """
    from diarbook.assets import models

    entry = models().get(name)
    if entry is None:
        raise AssetError(f"unknown model {name!r}; known: {', '.join(models())}")
    return name, entry["weights"].sha256[:12]


def speech_pieces(regions: np.ndarray, longest: float = PIECE, shortest: float = SHORTEST_PIECE) -> np.ndarray:
    """Cut stretches of speech into equal pieces, none longer than ``longest``; those below ``shortest`` are dropped.

    Parameters
    ----------
    regions : ndarray of shape (n, 2)
        Seconds.
    longest, shortest : float
        Seconds.

    Returns
    -------
    ndarray of shape (m, 2)

    Chapter: voiceprints
    """
    pieces = []
    for start, end in np.asarray(regions, dtype=float).reshape(-1, 2):
        count = max(1, math.ceil((end - start) / longest - 1e-9))
        edges = np.linspace(start, end, count + 1)
        pieces += [edge for edge in itertools.pairwise(edges) if edge[1] - edge[0] >= shortest - 1e-9]
    return np.array(pieces).reshape(-1, 2)


def lone_regions(turns: Sequence[Turn], speaker: str) -> np.ndarray:
    """Where a speaker talks and nobody else does.

    Parameters
    ----------
    turns : sequence of Turn
    speaker : str

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    Chapter: voiceprints
    """
    stretches = [(turn.start, turn.end) for turn in alone(turns) if turn.speaker == speaker]
    return np.array(stretches, dtype=float).reshape(-1, 2)


def short_stretches(regions: np.ndarray, shortest: float = SHORTEST_PIECE) -> list[np.ndarray]:
    """Gather stretches of speech below ``shortest`` with the next such ones, until they last that long together.

    Single words and short answers are speech too; alone each is too short to be embedded.

    Parameters
    ----------
    regions : ndarray of shape (n, 2)
        Seconds.
    shortest : float
        Seconds.

    Returns
    -------
    list of ndarray of shape (k, 2)
        Stretches to be joined; what is left over in the end is dropped.

    Chapter: voiceprints
    """
    groups, waiting, seconds = [], [], 0.0
    for start, end in np.asarray(regions, dtype=float).reshape(-1, 2):
        if 0 < end - start < shortest - 1e-9:
            waiting.append((start, end))
            seconds += end - start
            if seconds >= shortest - 1e-9:
                groups.append(np.array(waiting))
                waiting, seconds = [], 0.0
    return groups


def consistent(units: np.ndarray, weights: np.ndarray, least: float = OUTLIER) -> np.ndarray:
    """Which pieces belong together: the one least like the others is left out until all are like the others.

    Parameters
    ----------
    units : ndarray of shape (n, d)
        Embeddings of unit length.
    weights : ndarray of shape (n,)
        Seconds of each piece.
    least : float
        Cosine with the weighted mean of the other pieces below which a piece is left out.

    Returns
    -------
    ndarray of bool, shape (n,)

    Chapter: voiceprints
    """
    keep = np.ones(len(units), dtype=bool)
    while keep.sum() > 1:
        total = (units[keep] * weights[keep, None]).sum(axis=0)
        others = unit_length(total - units[keep] * weights[keep, None])
        scores = (units[keep] * others).sum(axis=1)
        worst = int(scores.argmin())
        if scores[worst] >= least:
            break
        keep[np.flatnonzero(keep)[worst]] = False
    return keep


def two_groups(units: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """The two groups into which pieces fall best, and how alike the groups are.

    :func:`consistent` leaves out a few strange pieces; it cannot see that half of them are of somebody else.

    Parameters
    ----------
    units : ndarray of shape (n, d)
        Embeddings of unit length.
    weights : ndarray of shape (n,)
        Seconds of each piece.

    Returns
    -------
    second : ndarray of bool, shape (n,)
        Who is in the smaller group, by average linkage of cosines.
    cosine : float
        Between the weighted means of the groups; NaN for fewer than two pieces.

    Chapter: voiceprints
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(units) < 2:
        return np.zeros(len(units), dtype=bool), math.nan
    labels = fcluster(linkage(units, "average", metric="cosine"), 2, "maxclust")
    second = labels != labels[0]
    if not second.any():  # all pieces are equal
        return second, 1.0
    means = [unit_length((units[side] * weights[side, None]).sum(axis=0)[None])[0] for side in (~second, second)]
    return (second if second.sum() <= (~second).sum() else ~second), float(means[0] @ means[1])


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

    Returns
    -------
    Enrollment

    Raises
    ------
    VoiceprintError
        When there is too little speech, or the pieces do not sound like one person.
    AudioError
        When a recording cannot be used.

    References
    ----------
    silero2024vad, wang2023campplus

    Chapter: voiceprints
    """
    check_name(name)
    if not recordings:
        raise VoiceprintError(f"{name}: no recording; give at least one")
    if embedder is None:
        from diarbook.embeddings import load_embedder

        embedder = load_embedder("campplus")
    regions = [None] * len(recordings) if regions is None else list(regions)
    if len(regions) != len(recordings):
        raise VoiceprintError(f"{name}: {len(recordings)} recordings but regions of {len(regions)}; give one each")
    rows, vectors, warnings, net = [], [], [], 0.0
    for number, (waveform, spoken) in enumerate(zip(recordings, regions, strict=True)):
        waveform = check_waveform(waveform, f"recording {number + 1} of {name}")
        if spoken is None:
            from diarbook.vad import silero_vad

            spoken = silero_vad(waveform)
        spoken = np.clip(np.asarray(spoken, dtype=float).reshape(-1, 2), 0.0, len(waveform) / SAMPLE_RATE)
        net += float(np.diff(spoken, axis=1).sum())
        pieces, groups = speech_pieces(spoken), short_stretches(spoken)
        warnings += _weaknesses(waveform, np.concatenate([pieces, *groups]), number)
        if len(pieces):
            vectors.append(embedder.embed(waveform, pieces))
            rows += [(number, start, end, end - start) for start, end in pieces]
        for group in groups:
            joined = _cut(waveform, group)
            vectors.append(embedder.embed(joined, np.array([[0.0, len(joined) / SAMPLE_RATE]])))
            rows.append((number, group[0, 0], group[-1, 1], np.diff(group, axis=1).sum()))
    usable = sum(row[3] for row in rows)
    if usable < MINIMUM_SPEECH:
        raise VoiceprintError(
            f"{name}: {net if net < MINIMUM_SPEECH else usable:.1f} s of speech, at least {MINIMUM_SPEECH:g} s are"
            " needed; record more of this voice alone"
        )
    order = sorted(range(len(rows)), key=lambda index: rows[index])  # of time, whichever way a piece was made
    rows, units = np.array(rows)[order], unit_length(np.concatenate(vectors).astype(np.float64)[order])
    rows, seconds = rows[:, :3], rows[:, 3]
    keep = consistent(units, seconds)
    if len(rows) > 1 and seconds[keep].sum() <= seconds.sum() / 2:
        raise VoiceprintError(f"{name}: the pieces do not sound like one person; give turns of this person only")
    kept_speech = float(seconds[keep].sum())
    if kept_speech < MINIMUM_SPEECH:
        raise VoiceprintError(
            f"{name}: {kept_speech:.1f} s of speech of one voice, at least {MINIMUM_SPEECH:g} s are needed; record more"
        )
    if not keep.all():
        warnings.append(f"{(~keep).sum()} of {len(keep)} pieces sound like another voice and were left out")
    if kept_speech < GOOD_SPEECH:
        warnings.append(f"{kept_speech:.1f} s of speech; {GOOD_SPEECH:g} s or more make fewer errors")
    second, alike = two_groups(units[keep], seconds[keep])
    if second.sum() >= 2 and alike < TWO_VOICES:
        number, start, end = rows[keep][second][0]
        warnings.append(
            f"the pieces fall into two groups with a cosine of {alike:.2f}; if two people speak, enrol again with one"
            f" (listen to recording {number + 1:.0f}, {start:.1f} to {end:.1f} s)"
        )
    mean = unit_length((units[keep] * seconds[keep, None]).sum(axis=0)[None])[0]
    quality = float((units[keep] @ mean).mean()) if keep.sum() > 1 else math.nan
    model, version = model_identity(embedder.name)
    voiceprint = Voiceprint(
        name, mean, model, version, kept_speech, int(keep.sum()), quality, created or now(), consent, metadata or {}
    )
    return Enrollment(voiceprint, rows[keep], rows[~keep], tuple(warnings))


def _cut(waveform: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """The sound of stretches, joined."""
    return np.concatenate([waveform[round(a * SAMPLE_RATE) : round(b * SAMPLE_RATE)] for a, b in stretches])


def _weaknesses(waveform: np.ndarray, pieces: np.ndarray, number: int) -> list[str]:
    """What is wrong with the sound of a recording's speech."""
    if not len(pieces):
        return [f"recording {number + 1} holds less than {SHORTEST_PIECE:g} s of speech"]
    speech = _cut(waveform, pieces)
    found = []
    if (share := clipped_fraction(speech)) > 0.001:
        found.append(f"recording {number + 1} is clipped in {100 * share:.1f} % of its samples; lower the gain")
    if (loudness := level(speech)) < -45:
        found.append(f"recording {number + 1} is quiet, {loudness:.0f} dB; move closer to the microphone")
    return found
