"""What the reference itself takes out of the score: NOSCORE and NON-LEX records, by the rules of NIST's md-eval.

Time that NOSCORE marks is evaluated in no way. Laughs, breaths, coughs and the like (NON-LEX) are not scored, nor is
up to half a second on either side of them, as far as no speaker starts or stops and no word is spoken there; speakers
are matched on that time all the same.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from diarbook.rttm.parse import Mark
from diarbook.turns import Turn

NOSCORE = frozenset([("NOSCORE", "<na>")])
NON_LEX = frozenset(("NON-LEX", sound) for sound in ("laugh", "breath", "lipsmack", "cough", "sneeze", "other"))
EXTENSION = 0.5
"""Longest time, in seconds, on either side of a NON-LEX record that is not scored either."""


@dataclass(frozen=True, eq=False)
class Exclusions:
    """What is not scored of one recording.

    Parameters
    ----------
    extent : ndarray of shape (n, 2)
        From the first start to the last end of all that the reference holds, seconds; at most one row.
    unevaluated : ndarray of shape (n, 2)
        Regions that count in no way.
    unscored : ndarray of shape (n, 2)
        Regions on which speakers are matched, but errors not counted.

    References
    ----------
    nist2009rt

    Chapter: evaluation
    """

    extent: np.ndarray
    unevaluated: np.ndarray
    unscored: np.ndarray


def exclusions(turns: Sequence[Turn], marks: Sequence[Mark]) -> Exclusions:
    """What the records of one reference exclude, as md-eval does by default.

    Parameters
    ----------
    turns : sequence of Turn
    marks : sequence of Mark
        The other records of the recording, as :func:`diarbook.rttm.read_content` reads them.

    Returns
    -------
    Exclusions

    Examples
    --------
    >>> laugh = Mark(5.0, 8.0, "NON-LEX", "laugh")
    >>> exclusions([Turn(0.0, 10.0, "Ann")], [laugh]).unscored.tolist()
    [[4.5, 8.5], [5.0, 8.0]]

    References
    ----------
    nist2009rt

    Chapter: evaluation
    """
    spans = [(turn.start, turn.end) for turn in turns]
    spans += [(mark.start, mark.end) for mark in marks if mark.kind != "NOSCORE"]
    extent = [(min(start for start, _ in spans), max(end for _, end in spans))] if spans else []
    return Exclusions(
        _rows(extent),
        _rows(excluded_zones(turns, marks, NOSCORE)),
        _rows(excluded_zones(turns, marks, NON_LEX, EXTENSION) + excluded_zones(turns, marks, NOSCORE | NON_LEX)),
    )


def corpus_exclusions(
    references: Mapping[str, Sequence[Turn]], marks: Mapping[str, Sequence[Mark]]
) -> dict[str, Exclusions]:
    """Exclusions of every recording that has marks.

    Chapter: evaluation
    """
    return {name: exclusions(references.get(name, ()), rows) for name, rows in marks.items()}


def _rows(zones: Iterable[tuple[float, float]]) -> np.ndarray:
    return np.array(sorted(zones), dtype=np.float64).reshape(-1, 2)


class _Event(NamedTuple):
    """A start or an end of a record, on its way through the sweep."""

    time: float
    starts: bool
    what: str


def _events(turns: Sequence[Turn], marks: Sequence[Mark], kinds: frozenset[tuple[str, str]]) -> list[_Event]:
    """Starts and ends in the order in which md-eval meets them.

    Records come by their middle, and at one time ends come before starts.
    """
    spans = [(turn.start, turn.end, "turn") for turn in turns]
    for mark in marks:
        if mark.kind == "LEXEME" and (mark.kind, mark.subtype) not in kinds:
            spans.append((mark.start, mark.end, "word"))
        elif (mark.kind, mark.subtype) in kinds:
            spans.append((mark.start, mark.end, "zone"))
    spans = sorted((span for span in spans if span[1] > span[0]), key=lambda span: span[0] + span[1])
    events = [event for start, end, what in spans for event in (_Event(start, True, what), _Event(end, False, what))]
    return sorted(events, key=lambda event: (event.time, event.starts))


def excluded_zones(
    turns: Sequence[Turn], marks: Sequence[Mark], kinds: frozenset[tuple[str, str]], extension: float = 0.0
) -> list[tuple[float, float]]:
    """Zones around marks of some kinds, each extended into the time next to it.

    A zone is extended by at most ``extension`` seconds on each side, but into no word and past no start or end of a
    turn. As in md-eval, a zone after the last start or end of a turn has no end.

    Parameters
    ----------
    turns : sequence of Turn
    marks : sequence of Mark
    kinds : set of (kind, subtype)
        Which marks are excluded.
    extension : float
        Seconds.

    Chapter: evaluation
    """
    zones: list[tuple[float, float]] = []
    opened: float | None = None  # start of the zone that the sweep is in
    last_edge = last_word = last_mark = 0.0  # latest edge of a turn, end of a word, end of a mark
    words = inside = 0  # words and marks that are open
    for time, starts, what in _events(turns, marks, kinds):
        step = 1 if starts else -1
        if what == "turn":
            last_edge = time
        elif what == "word":
            words += step
            last_word = time if words == 0 else last_word
        else:
            inside += step
            last_mark = time if inside == 0 else last_mark
        if opened is None:
            if inside and what == "zone":
                opened = time if words else max(last_word, last_edge, time - extension)
        elif inside == 0 and (words or what == "turn"):
            zones.append((opened, min(last_mark + extension, time)))
            opened = None
        elif inside == 1 and what == "zone" and starts and time > last_mark + 2 * extension:
            zones.append((opened, last_mark + extension))
            opened = time - extension
    if opened is not None:
        zones.append((opened, math.inf))
    return zones
