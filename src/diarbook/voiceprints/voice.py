"""From recordings to one vector: enough speech, pieces of it embedded, other voices among them left out.

Chapter: voiceprints
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform, clipped_fraction, level
from diarbook.checks import check_regions
from diarbook.embeddings.similarity import unit_float32, unit_length
from diarbook.errors import VoiceprintError
from diarbook.turns import Turn, alone, from_regions, speakers
from diarbook.voiceprints.thresholds import THRESHOLD

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder

MINIMUM_SPEECH = 3.0
"""Seconds of net speech below which nobody is enrolled."""

GOOD_SPEECH = 10.0
"""Seconds of net speech below which enrollment warns."""

BEYOND = 0.1
"""Seconds by which regions may end after their recording without a word: times are rounded."""

PIECE = 3.0
"""Seconds of the longest piece that is embedded at once."""

SHORTEST_PIECE = 1.0
"""Seconds of the shortest."""

OUTLIER = 0.25
"""Cosine with the other pieces below which a piece is taken for another voice: the equal error threshold of CAM++ on
the 10 training clips, pieces of 1.5 to 3 s, 861 trials."""


TWO_VOICES = THRESHOLD
"""Cosine between two groups of pieces below which enrollment warns of two voices: the threshold of verification. On
the development voices (AMI, actors, readers; 18 people) it warns of 1 % of single voices and notices 96 % of pairs."""

TWO_VOICES_TELEPHONE = 0.64
"""The same when nothing is heard above 4 kHz: the telephone makes all voices more alike, and turns that follow each
other quickly leave pieces with both. On the same voices through 300 to 3400 Hz it warns of 5 % of single voices and
notices 94 % of pairs, where 0.44 would notice 77 %."""

TELEPHONE_EDGE = 4000
TELEPHONE_SHARE = 10**-4.5
"""Share of the power above 4 kHz below which a recording came through a telephone: wideband recordings have 10**-3.8
or more, telephone calls 10**-6.6 or less."""


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """What recordings of one person say about their voice; nobody's name and nobody's consent.

    Parameters
    ----------
    vector : ndarray of float32, shape (d,)
        Of unit length.
    model, model_version : str
        What made the vector.
    net_speech : float
        Seconds of speech behind it, silence taken out.
    quality : float
        Mean cosine of the pieces with the vector; NaN for a single piece.
    kept, rejected : ndarray of shape (n, 3)
        Recording, start and end of each piece; numbers of recordings start at 0, times are in seconds. A piece of
        several short stretches reaches from the first to the last of them.
    warnings : tuple of str
        What makes the vector weaker than it could be.

    Chapter: voiceprints
    """

    vector: np.ndarray
    model: str
    model_version: str
    net_speech: float
    quality: float
    kept: np.ndarray
    rejected: np.ndarray
    warnings: tuple[str, ...]


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


def stretches(turns: Iterable[Turn]) -> dict[str, np.ndarray]:
    """Where each speaker talks and nobody else does.

    Parameters
    ----------
    turns : iterable of Turn

    Returns
    -------
    dict of str to ndarray of shape (n, 2)
        Seconds; of every speaker, also of one who is never alone.

    Examples
    --------
    >>> stretches([Turn(0, 5, "Ann"), Turn(4, 9, "Bob")])["Bob"].tolist()
    [[5.0, 9.0]]

    Chapter: voiceprints
    """
    turns = list(turns)
    parts: dict[str, list[tuple[float, float]]] = {speaker: [] for speaker in speakers(turns)}
    for turn in alone(turns):
        parts[turn.speaker].append((turn.start, turn.end))
    return {speaker: np.array(spans, dtype=float).reshape(-1, 2) for speaker, spans in parts.items()}


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
    means = [unit_length((units[side] * weights[side, None]).sum(axis=0)) for side in (~second, second)]
    return (second if second.sum() <= (~second).sum() else ~second), float(means[0] @ means[1])


def is_telephone(waveform: np.ndarray) -> bool:
    """Whether nothing is heard above 4 kHz, as over a telephone.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.

    Chapter: voiceprints
    """
    width = SAMPLE_RATE // 40
    frames = waveform[: len(waveform) // width * width].reshape(-1, width) * np.hanning(width)
    power = (np.abs(np.fft.rfft(frames)) ** 2).sum(axis=0)
    high = power[np.fft.rfftfreq(width, 1 / SAMPLE_RATE) > TELEPHONE_EDGE].sum()
    return bool(high < TELEPHONE_SHARE * power.sum())


def measure(
    recordings: Sequence[np.ndarray],
    *,
    regions: Sequence[np.ndarray | None] | None = None,
    embedder: Embedder | None = None,
    label: str = "the voice",
) -> Voice:
    """Measure one person's voice.

    Parameters
    ----------
    recordings : sequence of ndarray of shape (samples,)
        At 16 kHz. What is in two of them counts once.
    regions : sequence of ndarray of shape (n, 2), optional
        Where the person speaks alone in each recording, in seconds; None finds speech with Silero VAD.
    embedder : Embedder, optional
        CAM++ by default.
    label : str
        Whose voice it is, or which file, for errors.

    Raises
    ------
    VoiceprintError
        When there is too little speech, or the pieces do not sound like one person.
    AudioError
        When a recording cannot be used.
    OptionError
        When a region ends before it starts or is not finite.

    References
    ----------
    silero2024vad, wang2023campplus

    Chapter: voiceprints
    """
    if not recordings:
        raise VoiceprintError(f"{label}: no recording; give at least one")
    if regions is not None and len(regions) != len(recordings):
        raise VoiceprintError(f"{label}: {len(recordings)} recordings but regions of {len(regions)}; give one each")
    recordings = [check_waveform(one, f"recording {number} of {label}") for number, one in enumerate(recordings, 1)]
    if embedder is None:
        from diarbook.embeddings import load_embedder

        embedder = load_embedder("campplus")
    spoken, warnings = _speech(recordings, regions)
    rows, units, weaknesses = _embedded(recordings, spoken, embedder)
    warnings += weaknesses
    net, usable = sum(np.diff(spans, axis=1).sum() for spans in spoken), rows[:, 3].sum()
    if usable < MINIMUM_SPEECH:
        raise VoiceprintError(
            f"{label}: {net if net < MINIMUM_SPEECH else usable:.1f} s of speech, at least {MINIMUM_SPEECH:g} s are"
            f" needed; record more of this voice alone{_hint(warnings)}"
        )
    rows, seconds = rows[:, :3], rows[:, 3]
    keep = _one_voice(units, seconds, label)
    warnings += _doubts(units, rows, seconds, keep, all(map(is_telephone, recordings)))
    mean = unit_length((units[keep] * seconds[keep, None]).sum(axis=0))
    quality = float((units[keep] @ mean).mean()) if keep.sum() > 1 else math.nan
    model, version = embedder.identity
    return Voice(
        unit_float32(mean),
        model,
        version,
        float(seconds[keep].sum()),
        quality,
        rows[keep],
        rows[~keep],
        tuple(warnings),
    )


def _speech(
    recordings: Sequence[np.ndarray], regions: Sequence[np.ndarray | None] | None
) -> tuple[list[np.ndarray], list[str]]:
    """Disjoint regions of speech in each recording, none of them heard before, and what had to be left out."""
    result, warnings, heard = [], [], {}
    for number, waveform in enumerate(recordings, 1):
        duration = len(waveform) / SAMPLE_RATE
        spans = None if regions is None else regions[number - 1]
        if spans is None:
            from diarbook.vad import silero_vad

            spans = silero_vad(waveform)
        spans = check_regions(spans, f"regions of recording {number}")
        if len(spans) and spans.max() > duration + BEYOND:
            warnings.append(
                f"recording {number} lasts {duration:.1f} s and the regions reach {spans.max():.1f} s; what lies beyond"
                " was left out"
            )
        spans = _disjoint(np.clip(spans, 0.0, duration))
        known = heard.setdefault(hashlib.blake2b(waveform.tobytes()).digest(), (number, []))
        new = spans
        if known[1]:
            parts = alone([*from_regions(spans, "new"), *known[1]])
            new = np.array([(turn.start, turn.end) for turn in parts if turn.speaker == "new"]).reshape(-1, 2)
            if np.diff(new, axis=1).sum() < np.diff(spans, axis=1).sum() - 1e-6:
                warnings.append(f"recording {number} is recording {known[0]} again; the same speech counts once")
        known[1].extend(from_regions(spans, "heard"))
        result.append(new)
    return result, warnings


def _disjoint(spans: np.ndarray) -> np.ndarray:
    """Regions in the order of time; those that overlap become one, those that touch stay two."""
    result: list[list[float]] = []
    for start, end in sorted(spans.tolist()):
        if result and start < result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        elif end > start:
            result.append([start, end])
    return np.array(result, dtype=float).reshape(-1, 2)


def _embedded(
    recordings: Sequence[np.ndarray], spoken: Sequence[np.ndarray], embedder: Embedder
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Pieces in the order of time: recording, start, end and seconds of each; their vectors; what is weak."""
    rows, vectors, warnings = [], [np.empty((0, embedder.dimension))], []
    for number, (waveform, spans) in enumerate(zip(recordings, spoken, strict=True)):
        pieces, groups = speech_pieces(spans), short_stretches(spans)
        if len(spans):
            warnings += _weaknesses(waveform, np.concatenate([pieces, *groups]), number + 1)
        if len(pieces):
            vectors.append(embedder.embed(waveform, pieces))
            rows += [(number, start, end, end - start) for start, end in pieces]
        for group in groups:
            joined = _cut(waveform, group)
            vectors.append(embedder.embed(joined, np.array([[0.0, len(joined) / SAMPLE_RATE]])))
            rows.append((number, group[0, 0], group[-1, 1], np.diff(group, axis=1).sum()))
    order = sorted(range(len(rows)), key=rows.__getitem__)
    units = unit_length(np.concatenate(vectors).astype(np.float64)[order])
    return np.array(rows, dtype=float).reshape(-1, 4)[order], units, warnings


def _one_voice(units: np.ndarray, seconds: np.ndarray, label: str) -> np.ndarray:
    """Which pieces are of the voice, or an error when there is no such voice."""
    keep = consistent(units, seconds)
    if len(units) > 1 and seconds[keep].sum() <= seconds.sum() / 2:
        raise VoiceprintError(f"{label}: the pieces do not sound like one person; give turns of this person only")
    if (kept := seconds[keep].sum()) < MINIMUM_SPEECH:
        raise VoiceprintError(
            f"{label}: {kept:.1f} s of speech of one voice, at least {MINIMUM_SPEECH:g} s are needed; record more"
        )
    return keep


def _doubts(units: np.ndarray, rows: np.ndarray, seconds: np.ndarray, keep: np.ndarray, telephone: bool) -> list[str]:
    """What makes one doubt that the pieces are enough, and of one person."""
    warnings = []
    if not keep.all():
        warnings.append(f"{(~keep).sum()} of {len(keep)} pieces sound like another voice and were left out")
    if (kept := seconds[keep].sum()) < GOOD_SPEECH:
        warnings.append(f"{kept:.1f} s of speech; {GOOD_SPEECH:g} s or more make fewer errors")
    second, alike = two_groups(units[keep], seconds[keep])
    if second.sum() >= 2 and alike < (TWO_VOICES_TELEPHONE if telephone else TWO_VOICES):
        number, start, end = rows[keep][second][0]
        warnings.append(
            f"the pieces fall into two groups with a cosine of {alike:.2f}; if two people speak, enroll again with one"
            f" (listen to recording {number + 1:.0f}, {start:.1f} to {end:.1f} s)"
        )
    return warnings


def _hint(warnings: Sequence[str]) -> str:
    """What was left out, for an error of too little speech."""
    reasons = [warning for warning in warnings if "left out" in warning or "counts once" in warning]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _cut(waveform: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """The sound of stretches, joined."""
    return np.concatenate([waveform[round(a * SAMPLE_RATE) : round(b * SAMPLE_RATE)] for a, b in stretches])


def _weaknesses(waveform: np.ndarray, pieces: np.ndarray, number: int) -> list[str]:
    """What is wrong with the sound of a recording's speech."""
    if not len(pieces):
        return [f"recording {number} holds less than {SHORTEST_PIECE:g} s of speech"]
    speech, warnings = _cut(waveform, pieces), []
    if (share := clipped_fraction(speech)) > 0.001:
        warnings.append(f"recording {number} is clipped in {100 * share:.1f} % of its samples; lower the gain")
    if (loudness := level(speech)) < -45:
        warnings.append(f"recording {number} is quiet, {loudness:.0f} dB; move closer to the microphone")
    return warnings
