"""What is scored, read from files: reference, hypothesis and UEM, named alike and with what is worth a note.

Chapter: evaluation
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.rttm import RttmContent
from diarbook.rttm.parse import Key, Mark, name_recordings, seem_milliseconds
from diarbook.turns import Turn


@dataclass(frozen=True, eq=False)
class ScoringFiles:
    """Both sides and the UEM by recording.

    Parameters
    ----------
    references, hypotheses : mapping of str to list of Turn
    uem : mapping of str to ndarray of shape (n, 2), optional
    marks : mapping of str to list of Mark
        Records of the reference other than SPEAKER.
    notes : tuple of str
        What a reader of the score should know of the files, one line each.

    Chapter: evaluation
    """

    references: Mapping[str, list[Turn]]
    hypotheses: Mapping[str, list[Turn]]
    uem: Mapping[str, np.ndarray] | None
    marks: Mapping[str, list[Mark]]
    notes: tuple[str, ...]


def scoring_files(
    reference: RttmContent, hypothesis: RttmContent, uem: Mapping[Key, np.ndarray] | None = None
) -> ScoringFiles:
    """Name recordings alike on both sides, channel by channel where one side has several.

    A channel that the hypothesis of a recording lacks is one in which it finds nobody, as in NIST's scorer.

    Parameters
    ----------
    reference, hypothesis : RttmContent
    uem : mapping of (str, str) to ndarray, optional
        As :func:`diarbook.rttm.parse.parse_regions` reads it.

    Returns
    -------
    ScoringFiles

    Chapter: evaluation
    """
    notes = []
    several = _with_several_channels(reference.turns, hypothesis.turns, uem or {})
    hypotheses = dict(hypothesis.turns)
    files = {file for file, _ in hypotheses}
    extra = {file for file, channel in hypotheses if (file, channel) not in reference.turns}
    for file, channel in reference.turns:
        if file in several and file in files - extra and (file, channel) not in hypotheses:
            hypotheses[file, channel] = []
            notes.append(f"the hypothesis has no channel {channel} of {file!r}: it finds nobody there")
    references, hypotheses, regions, marks = name_recordings(reference.turns, hypotheses, uem or {}, reference.marks)
    for side, named in (("reference", references), ("hypothesis", hypotheses)):
        doubtful = next((name for name, turns in named.items() if seem_milliseconds(turns)), None)
        if doubtful is not None:
            notes.append(f"{side} {doubtful!r}: times are whole numbers and turns are long; are they milliseconds?")
    return ScoringFiles(references, hypotheses, None if uem is None else regions, marks, tuple(notes))


def _with_several_channels(*tables: Mapping[Key, object]) -> set[str]:
    """Files of which one table has several channels."""
    return {file for table in tables for file, count in Counter(file for file, _ in table).items() if count > 1}


def passed_over(marks: Mapping[str, Sequence[Mark]]) -> list[str]:
    """Kinds of records that would change the score under NIST's protocol, with their numbers.

    Chapter: evaluation
    """
    counts = Counter(mark.kind for rows in marks.values() for mark in rows if mark.kind in ("NOSCORE", "NON-LEX"))
    return [f"{count} {kind} record" + "s" * (count > 1) for kind, count in sorted(counts.items())]
