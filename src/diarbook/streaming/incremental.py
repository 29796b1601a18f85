"""Clustering one embedding at a time, never looking back: the plainest way to label a stream.

Chapter: streaming
"""

from __future__ import annotations

import numpy as np

from diarbook.checks import check_embeddings
from diarbook.clustering.common import unit_rows
from diarbook.errors import OptionError


def incremental_clustering(
    embeddings: np.ndarray, threshold: float, seconds: np.ndarray | None = None, max_speakers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Give each embedding to the most similar centroid, which it then moves, or let it found a new one.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
        In the order of arrival.
    threshold : float
        Least cosine with a centroid for joining it, -1 to 1.
    seconds : ndarray of shape (n,), optional
        Weight of each embedding in its centroid; 1 by default.
    max_speakers : int, optional
        With so many centroids, everybody joins the most similar one.

    Returns
    -------
    labels : ndarray of int, shape (n,)
        In the order of arrival, final at once.
    centroids : ndarray of shape (clusters, d)
        Sums of unit-length embeddings times seconds.

    Raises
    ------
    OptionError
        When the threshold is no cosine, ``max_speakers`` is below 1, or the weights do not fit.

    References
    ----------
    coria2021diart

    Chapter: streaming
    """
    units = unit_rows(check_embeddings(embeddings))
    weights = np.ones(len(units)) if seconds is None else np.asarray(seconds, dtype=np.float64)
    if weights.shape != (len(units),) or not (weights > 0).all():
        raise OptionError(f"seconds: expected {len(units)} positive numbers, one for each embedding")
    if not -1 <= threshold <= 1 or (max_speakers is not None and max_speakers < 1):
        raise OptionError(f"threshold must be a cosine and max_speakers 1 or more, got {threshold} and {max_speakers}")
    labels = np.zeros(len(units), dtype=int)
    sums = np.zeros((0, units.shape[1]))
    for index, (unit, weight) in enumerate(zip(units, weights, strict=True)):
        similarity = unit_rows(sums) @ unit  # eq-stream-join
        nearest = int(similarity.argmax()) if len(sums) else -1
        full = max_speakers is not None and len(sums) >= max_speakers
        if nearest < 0 or (similarity[nearest] < threshold and not full):
            sums = np.vstack([sums, np.zeros(units.shape[1])])
            nearest = len(sums) - 1
        sums[nearest] += weight * unit  # eq-stream-move
        labels[index] = nearest
    return labels, sums
