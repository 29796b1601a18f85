"""What every clusterer needs: checked input, labels in order of first appearance, distances.

Chapter: clustering
"""

from __future__ import annotations

import numpy as np

from diarbook.checks import check_choice
from diarbook.errors import OptionError

METRICS = ("cosine", "euclidean")


def check_range(minimum: int, maximum: int | None, clusters: int | None, points: int) -> tuple[int, int]:
    """The smallest and largest number of clusters that the options and the number of points allow.

    Chapter: clustering
    """
    if clusters is not None:
        minimum = maximum = clusters
    if minimum < 1 or (maximum is not None and maximum < minimum):
        raise OptionError(f"speakers: need 1 <= minimum <= maximum, got {minimum} and {maximum}")
    maximum = points if maximum is None else min(maximum, points)
    return min(minimum, maximum), maximum


def first_appearance(labels: np.ndarray) -> np.ndarray:
    """Renumber labels 0, 1, 2, … in the order in which they first occur.

    Chapter: clustering
    """
    labels = np.asarray(labels)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=int)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def unit_rows(points: np.ndarray) -> np.ndarray:
    """Rows scaled to length one; a row of zeros has no direction and raises.

    Chapter: clustering
    """
    length = np.linalg.norm(points, axis=1, keepdims=True)
    if (length == 0).any():
        raise OptionError(
            f"embeddings: row {int(np.flatnonzero(length[:, 0] == 0)[0])} is all zeros; it has no direction"
        )
    return points / length


def distances(points: np.ndarray, metric: str = "cosine") -> np.ndarray:
    """All pairwise distances (n, n): one minus the cosine, or Euclidean.

    Chapter: clustering
    """
    check_choice("metric", metric, METRICS)
    if metric == "cosine":
        unit = unit_rows(points)
        table = np.clip(1 - unit @ unit.T, 0, 2)  # eq: clustering-cosine
    else:
        square = (points**2).sum(axis=1)
        table = np.sqrt(np.maximum(square[:, None] + square[None, :] - 2 * points @ points.T, 0))
    np.fill_diagonal(table, 0.0)
    return table


def centroids(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each cluster (k, d), in label order.

    Chapter: clustering
    """
    count = np.bincount(labels)
    totals = np.zeros((len(count), points.shape[1]))
    np.add.at(totals, labels, points)
    return totals / count[:, None]
