"""Who was taken for whom: seconds shared by each reference and each hypothesis speaker.

Chapter: evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.metrics._cells import NANOSECONDS, cut, side
from diarbook.metrics.protocol import Protocol
from diarbook.turns import Turn


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Seconds in which both speak.

    Parameters
    ----------
    reference, hypothesis : tuple of str
        Speakers of the rows and of the columns.
    seconds : ndarray of shape (reference speakers, hypothesis speakers)
    reference_seconds, hypothesis_seconds : ndarray
        Scored speaking time of each speaker.

    Chapter: evaluation
    """

    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    seconds: np.ndarray
    reference_seconds: np.ndarray
    hypothesis_seconds: np.ndarray


def confusion_matrix(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: np.ndarray | None = None,
    region: str = "all",
) -> ConfusionMatrix:
    """Confusion matrix of one recording; options as in ``diarization_error``.

    The best speaker mapping is the one-to-one matching of rows and columns with the largest sum.

    Examples
    --------
    >>> confusion_matrix([Turn(0, 10, "Ann")], [Turn(0, 6, "x"), Turn(8, 12, "y")]).seconds
    array([[6., 2.]])

    Chapter: evaluation
    """
    protocol = Protocol(collar, skip_overlap, region=region)
    cells = cut(
        side([sorted(reference)]),
        side([sorted(hypothesis)]),
        collar=protocol.collar,
        skip_overlap=protocol.skip_overlap,
        uem=None if uem is None else [uem],
        region=protocol.region,
    )
    scored = cells.length * cells.scored
    return ConfusionMatrix(
        tuple(cells.reference.labels[0]),
        tuple(cells.hypothesis.labels[0]),
        cells.cooccurrence(scored) / NANOSECONDS,
        cells.speaking_time("reference", scored) / NANOSECONDS,
        cells.speaking_time("hypothesis", scored) / NANOSECONDS,
    )
