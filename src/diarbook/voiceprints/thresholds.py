"""From which cosine of CAM++ a voice is accepted: two voices compared, or one searched among many.

Chapter: thresholds
"""

from __future__ import annotations

import numpy as np

from diarbook.errors import OptionError

THRESHOLD = 0.44
"""Cosine of CAM++ from which two voices are taken for one: least cost on the 10 training clips (pieces of 1.5 to 3 s,
861 trials) when one trial in ten is of one person and both errors cost the same."""

GALLERY_SIZES = (4, 22, 10_000)
"""People enrolled at which :data:`GALLERY_COSINES` were chosen: 22 are all the real voices there are, the rest are
simulated."""

GALLERY_COSINES = (THRESHOLD, 0.56, 0.65)
"""At these, about one search in twenty for an unknown training voice of 1 to 2 s gives a name, or fewer (evidence
``gallery``); two digits."""


def gallery_threshold(people: int) -> float:
    """The cosine from which a search among so many voiceprints gives a name.

    Each further voiceprint is one more chance to resemble an unknown speaker, so the threshold rises with the number of
    people: on a straight line in its logarithm between the sizes at which it was chosen. It is never below
    :data:`THRESHOLD`, and goes on along the last line beyond 10,000 people, which nobody has measured.

    Parameters
    ----------
    people : int
        Number of voiceprints that are searched.

    Returns
    -------
    float

    Raises
    ------
    OptionError
        When there are fewer than 0 people.

    Examples
    --------
    >>> [round(gallery_threshold(people), 2) for people in (1, 4, 10, 22, 1000, 10_000)]
    [0.44, 0.44, 0.5, 0.56, 0.62, 0.65]

    References
    ----------
    iso19795, phillips2011evaluation

    Chapter: identification
    """
    if people < 0:
        raise OptionError(f"a gallery cannot be smaller than nobody, got {people}")
    size = np.log(max(people, GALLERY_SIZES[0]))
    knots = np.log(GALLERY_SIZES)
    slope = (GALLERY_COSINES[-1] - GALLERY_COSINES[-2]) / (knots[-1] - knots[-2])
    beyond = max(0.0, size - knots[-1]) * slope
    return float(min(1.0, np.interp(size, knots, GALLERY_COSINES) + beyond))  # eq: id-gallery


def check_threshold(threshold: float | None, people: int | None = None) -> float:
    """The threshold that was given, or for None the default: of a search among ``people``, or of comparing two voices.

    Parameters
    ----------
    threshold : float or None
        Cosine.
    people : int, optional
        Number of voiceprints that are searched; None where a voice is compared with one other.

    Raises
    ------
    OptionError
        When it is no cosine.

    Chapter: verification
    """
    if threshold is None:
        return THRESHOLD if people is None else gallery_threshold(people)
    if not -1 <= threshold <= 1:
        raise OptionError(f"threshold must be a cosine from -1 to 1, got {threshold}")
    return threshold


def threshold_origin(threshold: float | None, people: int) -> str:
    """Where the threshold of a search comes from, for a message.

    Parameters
    ----------
    threshold : float or None
        What the caller gave.
    people : int
        Number of voiceprints that are searched.

    Examples
    --------
    >>> threshold_origin(None, 22), threshold_origin(0.5, 22)
    ('for 22 people enrolled', 'as given')

    Chapter: identification
    """
    if threshold is not None:
        return "as given"
    return f"for {people:,} {'person' if people == 1 else 'people'} enrolled"


def cosine_distance(cosine: np.ndarray | float) -> np.ndarray:
    """A cosine as the distance that clustering uses: 0 for one direction, 1 at a right angle, 2 for opposite ones.

    Examples
    --------
    >>> cosine_distance([0.75, 0.25]).tolist()
    [0.25, 0.75]

    Chapter: thresholds
    """
    return 1.0 - np.asarray(cosine, dtype=float)


def cosine_share(cosine: np.ndarray | float) -> np.ndarray:
    """A cosine moved from -1..1 to 0..1, as NeMo compares it: half of its sum with one.

    Examples
    --------
    >>> cosine_share([0.4, 1.0, -1.0]).tolist()
    [0.7, 1.0, 0.0]

    Chapter: thresholds
    """
    return (1.0 + np.asarray(cosine, dtype=float)) / 2.0
