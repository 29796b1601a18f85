"""What a page says in words, checked by the run that prints it.

Floating point differs between processors, thread counts and library builds, so a sentence such as "A errs less than B"
carries a margin. In tests and continuous integration a claim that fails stops the page. On a reader's machine the page
says so in one line, and the build goes on.

Chapter: start
"""

from __future__ import annotations

import html
import json
import math
import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from diarbook.errors import DiarbookError, OptionError

RELATIONS = {"<": "below", ">": "above", "~": "equal to"}


class ClaimError(DiarbookError, AssertionError):
    """A page claims what the numbers of this run do not show; the message names page, sentence and numbers.

    Chapter: start
    """


@dataclass(frozen=True)
class Claim:
    """One sentence of a page and the numbers behind it.

    Parameters
    ----------
    page : str
    sentence : str
    holds : bool
        Whether the numbers show it by the whole margin.
    true : bool
        Whether they show it at all.
    value : float or None
        What was measured, by its worst element; None for an exact check, as all that follows.
    relation : str or None
    limit : float or None
    margin : float or None
    distance : float or None
        How far the value is on the right side of the limit; negative on the wrong side. It holds from ``margin`` on,
        and for the relation ``~`` down to ``-margin``.

    Chapter: start
    """

    page: str
    sentence: str
    holds: bool
    true: bool
    value: float | None = None
    relation: str | None = None
    limit: float | None = None
    margin: float | None = None
    distance: float | None = None

    @property
    def spare(self) -> float:
        """How many margins are left over: at 0 it just holds, at 1 by twice the margin; NaN for an exact check."""
        if self.distance is None or self.margin is None:
            return math.nan
        needed = -self.margin if self.relation == "~" else self.margin
        return (self.distance - needed) / self.margin

    @property
    def numbers(self) -> str:
        """The comparison in words."""
        if self.relation is None or self.value is None or self.limit is None or self.margin is None:
            return "an exact check"
        unit = "within" if self.relation == "~" else "by at least"
        return f"{self.value:.6g} is to be {RELATIONS[self.relation]} {self.limit:.6g} {unit} {self.margin:.3g}"


def compare(value: ArrayLike, relation: str, limit: ArrayLike, margin: float) -> tuple[float, float, float]:
    """The element of a comparison that holds least: its value, its limit and its distance.

    Parameters
    ----------
    value, limit : array_like
        Numbers of shapes that broadcast.
    relation : {"<", ">", "~"}
        Below, above, or equal within the margin.
    margin : float
        Positive.

    Returns
    -------
    value, limit, distance : float
        The distance is positive on the right side of the limit; for ``~`` it is minus the difference.

    Raises
    ------
    OptionError
        When the relation is unknown, the margin is not positive, or there is nothing to compare.

    Examples
    --------
    >>> compare([0.1, 0.3], "<", 0.5, 0.01)
    (0.3, 0.5, 0.2)

    Chapter: start
    """
    if relation not in RELATIONS:
        raise OptionError(f"unknown relation {relation!r}; known: {', '.join(RELATIONS)}")
    if not margin > 0:
        raise OptionError(f"a claim needs a positive margin, got {margin}; an exact fact is a check")
    left, right = np.broadcast_arrays(np.asarray(value, dtype=np.float64), np.asarray(limit, dtype=np.float64))
    if left.size == 0:
        raise OptionError("a claim about no numbers at all; was something selected by mistake?")
    with np.errstate(invalid="ignore"):
        distance = {"<": right - left, ">": left - right, "~": -np.abs(left - right)}[relation].ravel()
    worst = int(np.argmin(np.where(np.isnan(distance), -np.inf, distance)))
    return float(left.ravel()[worst]), float(right.ravel()[worst]), float(distance[worst])


def is_strict() -> bool:
    """Whether a claim that fails is an error: in tests (``DIARBOOK_STRICT=1``) and in continuous integration (``CI``).

    Chapter: start
    """
    return os.environ.get("DIARBOOK_STRICT") == "1" or (
        "DIARBOOK_STRICT" not in os.environ and bool(os.environ.get("CI"))
    )


def seed(default: int) -> int:
    """A seed that is arbitrary on its page: what the page claims must hold for others as well.

    ``make shake`` sets ``DIARBOOK_SEED``, which is added.

    Parameters
    ----------
    default : int
        The seed of the page as it is published.

    Returns
    -------
    int

    Examples
    --------
    >>> seed(7)
    7

    Chapter: start
    """
    return default + int(os.environ.get("DIARBOOK_SEED") or 0)


@dataclass(frozen=True)
class Page:
    """A page that claims something: one value a notebook, made where it imports.

    Parameters
    ----------
    name : str
        The notebook's name.

    Examples
    --------
    >>> page = Page("verification")
    >>> page.claim("CAM++ errs less than GE2E", 0.03, "<", 0.09, margin=0.02)
    >>> page.check("two speakers", len({"Ann", "Bob"}) == 2)

    Chapter: start
    """

    name: str

    def claim(self, sentence: str, value: ArrayLike, relation: str, limit: ArrayLike, *, margin: float) -> None:
        """Check a comparison of measured numbers; of arrays, every element.

        Parameters
        ----------
        sentence : str
            What the page says, in words.
        value : array_like
            What was measured.
        relation : {"<", ">", "~"}
            Below, above, or equal within the margin.
        limit : array_like
            What it is compared with.
        margin : float
            By how much it has to hold, in the unit of ``value``. Measured values clear it by a lot.

        Raises
        ------
        ClaimError
            In tests and in continuous integration, when it does not hold by the margin.

        Chapter: start
        """
        left, right, distance = compare(value, relation, limit, margin)
        holds = distance >= (-margin if relation == "~" else margin)
        true = holds if relation == "~" else distance > 0
        _settle(Claim(self.name, sentence, holds, true, left, relation, right, margin, distance))

    def check(self, sentence: str, holds: Any) -> None:
        """Check an exact fact: a shape, a count, a formula; of an array, every element.

        Parameters
        ----------
        sentence : str
            What the page says, in words.
        holds : bool or array of bool

        Raises
        ------
        ClaimError
            In tests and in continuous integration, when it does not hold.

        Chapter: start
        """
        # An empty list is not true, whatever NumPy says of all its elements.
        answer = bool(holds.all()) if isinstance(holds, np.ndarray) else bool(holds)
        _settle(Claim(self.name, sentence, answer, answer))


def note_html(claim: Claim) -> str:
    """The line that a reader sees when a claim is not true on this machine.

    Chapter: start
    """
    text = f"On your machine this came out differently: {claim.sentence} ({claim.numbers})."
    return f'<p class="wsw-claim" role="note">{html.escape(text)}</p>'


def _settle(claim: Claim) -> None:
    """Record a claim where it is asked for, and speak up when it fails."""
    if target := os.environ.get("DIARBOOK_CLAIMS"):
        # One write a line: several notebooks may share the file.
        line = json.dumps(asdict(claim), ensure_ascii=False) + "\n"
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line.encode("utf-8"))
        finally:
            os.close(descriptor)
    if is_strict() and not claim.holds:
        raise ClaimError(f"{claim.page}: {claim.sentence!r} does not hold: {claim.numbers}")
    if not claim.true:
        from IPython.display import HTML, display

        display(HTML(note_html(claim)))
