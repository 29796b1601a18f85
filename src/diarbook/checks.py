"""Checked at the door: regions, choices, features, names.

Chapter: start
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from diarbook.errors import OptionError

LONGEST_NAME = 255  # bytes of UTF-8, the longest file name of common file systems
_RESERVED = re.compile(r"speaker[ _]?\d+|<.*>|unknown", re.IGNORECASE)


def check_regions(regions: np.ndarray, name: str = "regions") -> np.ndarray:
    """Return (n, 2) seconds as float64, or say what is wrong with them.

    Raises
    ------
    OptionError
        When the shape is not (n, 2), a time is not finite, or a region ends before it starts.

    Chapter: segmentation
    """
    spans = np.asarray(regions, dtype=np.float64)
    if spans.size == 0:
        return np.empty((0, 2))
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise OptionError(f"{name}: expected shape (n, 2) in seconds, got {spans.shape}")
    if not np.isfinite(spans).all():
        raise OptionError(f"{name}: row {int(np.flatnonzero(~np.isfinite(spans).all(axis=1))[0])} is not finite")
    if (spans[:, 1] < spans[:, 0]).any():
        row = int(np.flatnonzero(spans[:, 1] < spans[:, 0])[0])
        raise OptionError(f"{name}: row {row} ends at {spans[row, 1]} s before it starts at {spans[row, 0]} s")
    return spans


def check_embeddings(embeddings: np.ndarray) -> np.ndarray:
    """Return (n, d) as float64, or say what is wrong.

    Raises
    ------
    OptionError
        When the shape is not (n, d) or a row holds NaN or infinity, as for a window too short to embed.

    Chapter: clustering
    """
    points = np.asarray(embeddings, dtype=np.float64)
    if points.ndim != 2 or (len(points) and points.shape[1] == 0):
        raise OptionError(f"embeddings: expected shape (n, d), got {points.shape}")
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise OptionError(f"embeddings: row {row} is not finite; leave out windows that are too short to embed")
    return points


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise an error that lists what is known.

    Chapter: clustering
    """
    if value not in known:
        raise OptionError(f"unknown {name} {value!r}; known: {', '.join(known)}")


def check_features(features: np.ndarray) -> np.ndarray:
    """Return (frames, d) as float64, or say what is wrong.

    Chapter: segmentation
    """
    matrix = np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise OptionError(f"features: expected shape (frames, coefficients), got {matrix.shape}")
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise OptionError(f"features: frame {row} is not finite; leave such frames out")
    return matrix


SLACK = 1e-9  # sums of decimal fractions are not exact


def check_disjoint(regions: np.ndarray, name: str = "regions") -> np.ndarray:
    """Return regions (n, 2) in seconds that are sorted and do not overlap, or say that they are not.

    Raises
    ------
    OptionError
        When a time is not finite, or a region starts before the one before it ends.

    Chapter: vad
    """
    spans = np.asarray(regions, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(spans).all() or (np.diff(spans.ravel()) < 0).any():
        raise OptionError(f"{name}: regions must be finite, sorted and disjoint (start, end); merge them first")
    return spans


def check_trials(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (n,) as float64 and labels (n,) as bool, or say what is wrong with them.

    Raises
    ------
    OptionError
        When their numbers differ, or a score is NaN.

    Chapter: verification
    """
    scores, labels = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels).ravel().astype(bool)
    if scores.shape != labels.shape:
        raise OptionError(f"one label for each score: got {len(scores)} scores and {len(labels)} labels")
    if np.isnan(scores).any():
        raise OptionError("scores must not be NaN; leave out the trials that have no score")
    return scores, labels


def check_name(name: str, what: str = "speaker") -> str:
    """Return a name in Unicode NFC, or say what is wrong with it: one rule for files, RTTM and stores.

    Parameters
    ----------
    name : str
    what : str
        What is named, for the error: speaker, recording, ...

    Returns
    -------
    str
        The same name in Unicode NFC, otherwise unchanged.

    Raises
    ------
    OptionError
        When the name is empty, is longer than 255 bytes of UTF-8, holds a control, format or other character that
        does not print, or holds white space other than single plain spaces between its words.

    Examples
    --------
    >>> check_name("Jose\u0301 Garc\u00eda")
    'Jos\u00e9 Garc\u00eda'

    Chapter: voiceprints
    """
    normal = unicodedata.normalize("NFC", name)
    if not normal.strip():
        raise OptionError(f"{what} name {name!r} is empty; give a name")
    for character in normal:
        if character != " " and (character.isspace() or not character.isprintable()):
            raise OptionError(f"{what} name {_short(normal)} holds {_character(character)}; remove it")
    if normal != " ".join(normal.split()):
        raise OptionError(f"{what} name {_short(normal)} has stray spaces; leave single spaces between its words")
    size = len(normal.encode())
    if size > LONGEST_NAME:
        raise OptionError(f"{what} name {_short(normal)} has {size} bytes, at most {LONGEST_NAME} are kept; shorten it")
    return normal


def check_person(name: str, what: str = "speaker") -> str:
    """Return the name of a person in Unicode NFC, as :func:`check_name` does; reserved labels are nobody's name.

    Raises
    ------
    OptionError
        Also for the labels of unknown speakers (``SPEAKER_00``, in any case and with a space, too), for what stands
        between angle brackets, such as ``<NA>``, and for ``unknown``.

    Examples
    --------
    >>> check_person("Ann Lee")
    'Ann Lee'

    Chapter: voiceprints
    """
    normal = check_name(name, what)
    if _RESERVED.fullmatch(normal):
        raise OptionError(f"{what} name {normal!r} is the label of an unknown speaker; give the person's own")
    return normal


def _short(name: str) -> str:
    """A name as it is written in an error, without what does not print and not longer than a line."""
    return repr(name if len(name) <= 60 else f"{name[:57]}...")


def _character(character: str) -> str:
    """A character that cannot be seen, by its number and its name."""
    number = f"U+{ord(character):04X}"
    title = unicodedata.name(character, "")
    return f"the character {number} ({title})" if title else f"the control character {number}"
