"""How many people speak? Five answers: a distance threshold, two eigengaps, the silhouette, a penalized likelihood.

Chapter: clustering
"""

from __future__ import annotations

import numpy as np

from diarbook.checks import check_choice, check_embeddings
from diarbook.clustering.agglomerative import cut_tree, merge_tree
from diarbook.clustering.common import check_range, distances
from diarbook.clustering.mixture import gaussian_mixture
from diarbook.clustering.spectral import spectral
from diarbook.errors import OptionError

METHODS = ("threshold", "eigengap", "nme", "silhouette", "bic")


def silhouette(table: np.ndarray, labels: np.ndarray) -> float:
    """How much nearer the points are to their own cluster than to the next one: the mean over points, -1 to 1.

    Parameters
    ----------
    table : array of shape (n, n)
        Distances.
    labels : array of int, shape (n,)
        0 to k - 1.

    Returns
    -------
    float
        NaN for one cluster, or as many clusters as points: there is nothing to compare.

    References
    ----------
    rousseeuw1987silhouettes

    Chapter: clustering
    """
    labels = np.asarray(labels)
    count = np.bincount(labels)
    if not 2 <= len(count) <= len(labels) - 1:
        return float("nan")
    totals = table @ np.eye(len(count))[labels]
    rows = np.arange(len(labels))
    size = count[labels]
    own = totals[rows, labels] / np.maximum(size - 1, 1)
    others = totals / count
    others[rows, labels] = np.inf
    next_best = others.min(axis=1)
    larger = np.maximum(own, next_best)
    usable = (larger > 0) & (size > 1)
    score = np.divide(next_best - own, larger, out=np.zeros(len(labels)), where=usable)  # eq: clustering-silhouette
    return float(score.mean())


def estimate_speakers(
    embeddings: np.ndarray,
    method: str = "nme",
    *,
    threshold: float | None = None,
    linkage: str = "average",
    metric: str = "cosine",
    minimum_speakers: int = 1,
    maximum_speakers: int | None = 10,
    single: float = 0.2,
    seed: int = 0,
) -> int:
    """Estimate the number of speakers.

    Parameters
    ----------
    embeddings : array of shape (n, d)
        In order of time.
    method : {"threshold", "eigengap", "nme", "silhouette", "bic"}
        Clusters left by an agglomerative threshold; largest eigengap of the refined affinity; of the auto-tuned
        graph; cut of the merge tree with the best silhouette; Gaussian mixture with the best BIC.
    threshold : float
        Needed by ``threshold``.
    linkage, metric : str
        Of the merge tree.
    minimum_speakers, maximum_speakers : int
    single : float
        The silhouette cannot judge one cluster: below this value of its maximum the answer is one.
    seed : int

    Returns
    -------
    int
        0 when there are no embeddings.

    Raises
    ------
    OptionError
        On an unknown method, a missing threshold, or malformed embeddings.

    References
    ----------
    wang2018diarization, park2020autotuning, rousseeuw1987silhouettes

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    check_choice("method", method, METHODS)
    low, high = check_range(minimum_speakers, maximum_speakers, None, len(points))
    if method == "threshold" and threshold is None:
        raise OptionError("method 'threshold' needs a threshold; choose it on training recordings")
    if low >= high:
        return low
    if method == "threshold":
        count = int(cut_tree(merge_tree(points, linkage, metric), threshold=threshold).max()) + 1
        return min(max(count, low), high)
    if method in ("eigengap", "nme"):
        name = {"eigengap": "refined", "nme": "nme"}[method]
        labels = spectral(points, method=name, minimum_speakers=low, maximum_speakers=high, seed=seed)
        return int(labels.max()) + 1
    if method == "bic":
        labels = gaussian_mixture(points, metric=metric, minimum_speakers=low, maximum_speakers=high, seed=seed)
        return int(labels.max()) + 1
    table, tree = distances(points, metric), merge_tree(points, linkage, metric)
    tried = range(max(low, 2), min(high, len(points) - 1) + 1)
    scores = {k: silhouette(table, cut_tree(tree, clusters=k)) for k in tried}
    if not scores:
        return low
    best = max(scores, key=scores.get)
    return best if low > 1 or scores[best] >= single else 1
