"""Agglomerative hierarchical clustering: merge the two nearest clusters until a rule says stop.

Chapter: clustering
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diarbook.checks import check_choice, check_embeddings, check_features
from diarbook.clustering.common import METRICS, check_range, distances, first_appearance, unit_rows
from diarbook.errors import OptionError
from diarbook.gaussians import bic_penalty, gaussian, gaussian_parameters, log_determinant

LINKAGES = ("single", "complete", "average", "centroid", "ward")
SQUARED = ("centroid", "ward")  # linkages whose update is exact on squared Euclidean distances


def lance_williams(
    to_first: np.ndarray,
    to_second: np.ndarray,
    between: float,
    sizes: np.ndarray,
    first: int,
    second: int,
    linkage: str,
) -> np.ndarray:
    """Distance of every cluster to the union of two clusters, from the distances to each of the two.

    Parameters
    ----------
    to_first, to_second : array of shape (n,)
        Distances to the two clusters (squared for centroid and Ward linkage).
    between : float
        Distance between the two.
    sizes : array of shape (n,)
        Points in every cluster.
    first, second : int
        Sizes of the two.
    linkage : {"single", "complete", "average", "centroid", "ward"}

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    mullner2011modern

    Chapter: clustering
    """
    if linkage == "single":
        return np.minimum(to_first, to_second)  # eq: clustering-single
    if linkage == "complete":
        return np.maximum(to_first, to_second)  # eq: clustering-complete
    both = first + second
    if linkage == "average":
        return (first * to_first + second * to_second) / both  # eq: clustering-average
    if linkage == "centroid":
        mean = (first * to_first + second * to_second) / both
        return mean - first * second * between / both**2  # eq: clustering-centroid
    total = sizes + both  # eq: clustering-ward
    return ((sizes + first) * to_first + (sizes + second) * to_second - sizes * between) / total


def _chain_merges(table: np.ndarray, linkage: str) -> tuple[np.ndarray, np.ndarray]:
    """Merges found by following nearest neighbors; exact when merging two clusters brings no third one nearer."""
    n = len(table)
    sizes = np.ones(n)
    np.fill_diagonal(table, np.inf)
    pairs, heights = np.empty((n - 1, 2), dtype=int), np.empty(n - 1)
    chain: list[int] = []
    alive = np.ones(n, dtype=bool)
    for merge in range(n - 1):
        if not chain:
            chain.append(int(alive.argmax()))
        while True:
            tip = chain[-1]
            row = table[tip]
            nearest = int(row.argmin())
            if len(chain) > 1 and row[chain[-2]] <= row[nearest]:  # a tie goes back, or the chain could run in circles
                nearest = chain[-2]
                break
            chain.append(nearest)
        del chain[-2:]
        first, second = min(tip, nearest), max(tip, nearest)
        pairs[merge], heights[merge] = (first, second), table[first, second]
        _absorb(table, sizes, first, second, linkage)
        alive[first] = False
    return pairs, heights


def _absorb(table: np.ndarray, sizes: np.ndarray, gone: int, kept: int, linkage: str) -> None:
    """Replace two clusters by their union, which keeps the row ``kept``."""
    row = lance_williams(table[gone], table[kept], table[gone, kept], sizes, sizes[gone], sizes[kept], linkage)
    row[np.isinf(table[kept])] = np.inf
    row[[gone, kept]] = np.inf
    table[kept] = table[:, kept] = row
    table[gone] = table[:, gone] = np.inf
    sizes[kept] += sizes[gone]


def _closest_pair_merges(table: np.ndarray, linkage: str) -> tuple[np.ndarray, np.ndarray]:
    """Merges by always taking the closest pair, with each row's nearest neighbor remembered."""
    n = len(table)
    sizes = np.ones(n)
    np.fill_diagonal(table, np.inf)
    nearest, best = table.argmin(axis=1), table.min(axis=1)
    pairs, heights = np.empty((n - 1, 2), dtype=int), np.empty(n - 1)
    for merge in range(n - 1):
        one = int(best.argmin())
        two = int(nearest[one])
        gone, kept = min(one, two), max(one, two)
        pairs[merge], heights[merge] = (gone, kept), table[gone, kept]
        _absorb(table, sizes, gone, kept, linkage)
        best[gone] = np.inf
        stale = np.flatnonzero(((nearest == gone) | (nearest == kept)) & np.isfinite(best))
        stale = np.union1d(stale, [kept])
        nearest[stale] = table[stale].argmin(axis=1)
        best[stale] = table[stale, nearest[stale]]
        closer = table[kept] < best
        nearest[closer], best[closer] = kept, table[kept][closer]
    return pairs, heights


def merge_tree(embeddings: np.ndarray, linkage: str = "average", metric: str = "cosine") -> np.ndarray:
    """The whole history of merges, in SciPy's format.

    Parameters
    ----------
    embeddings : array of shape (n, d)
    linkage : {"single", "complete", "average", "centroid", "ward"}
        Centroid and Ward linkage are defined on Euclidean distances; with ``metric="cosine"`` the
        embeddings are scaled to length one first.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    ndarray of shape (n - 1, 4)
        For each merge: the two clusters (points are 0 to n - 1, merge ``i`` makes cluster ``n + i``),
        the distance at which they met, and the number of points in the union.

    Raises
    ------
    OptionError
        On an unknown option, or embeddings that are not finite.

    Notes
    -----
    Time and memory grow with n². Nearest-neighbor chains serve every linkage but centroid, whose
    merges can lie lower than earlier ones (an inversion).

    References
    ----------
    mullner2011modern

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    check_choice("linkage", linkage, LINKAGES)
    check_choice("metric", metric, METRICS)
    n = len(points)
    if n < 2:
        return np.empty((0, 4))
    if linkage in SQUARED:
        table = distances(unit_rows(points) if metric == "cosine" else points, "euclidean") ** 2
    else:
        table = distances(points, metric)
    if linkage == "centroid":
        pairs, heights = _closest_pair_merges(table, linkage)
    else:
        pairs, heights = _chain_merges(table, linkage)
        order = np.argsort(heights, kind="stable")
        pairs, heights = pairs[order], heights[order]
    if linkage in SQUARED:
        heights = np.sqrt(np.maximum(heights, 0))
    return _numbered(pairs, heights, n)


def _numbered(pairs: np.ndarray, heights: np.ndarray, n: int) -> np.ndarray:
    """Name each union ``n + i``; ``pairs`` name clusters by one of their points."""
    tree = np.empty((n - 1, 4))
    parent, name, size = np.arange(n), np.arange(n), np.ones(n)

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    for merge, (one, two) in enumerate(pairs):
        one, two = root(one), root(two)
        size[two] += size[one]
        low, high = sorted((name[one], name[two]))
        tree[merge] = low, high, heights[merge], size[two]
        parent[one] = two
        name[two] = n + merge
    return tree


def cut_tree(tree: np.ndarray, threshold: float | None = None, clusters: int | None = None) -> np.ndarray:
    """Labels from a merge tree: undo every merge above a distance, or keep a number of clusters.

    Parameters
    ----------
    tree : array of shape (n - 1, 4)
    threshold : float, optional
        A cluster is kept whole when no merge inside it lies above this distance.
    clusters : int, optional
        How many to keep.

    Returns
    -------
    ndarray of int, shape (n,)
        Numbered by first appearance.

    Raises
    ------
    OptionError
        Unless exactly one of the two rules is given.

    Chapter: clustering
    """
    if (threshold is None) == (clusters is None):
        raise OptionError("cut_tree needs either a threshold or a number of clusters")
    n = len(tree) + 1
    if threshold is not None:
        highest = tree[:, 2].copy()
        for merge, children in enumerate(tree[:, :2].astype(int)):
            for child in children:
                if child >= n:
                    highest[merge] = max(highest[merge], highest[child - n])  # an inversion hides a higher merge
        done = highest <= threshold
    else:
        if clusters < 1:
            raise OptionError(f"clusters must be 1 or more, got {clusters}")
        done = np.arange(n - 1) < n - clusters
    parent = np.arange(2 * n - 1)
    for merge in range(n - 2, -1, -1):
        union = n + merge
        for child in tree[merge, :2].astype(int):
            parent[child] = parent[union] if done[merge] else child
    return first_appearance(parent[:n])


def agglomerative(
    embeddings: np.ndarray,
    threshold: float | None = None,
    clusters: int | None = None,
    linkage: str = "average",
    metric: str = "cosine",
    *,
    minimum_speakers: int = 1,
    maximum_speakers: int | None = None,
) -> np.ndarray:
    """Agglomerative hierarchical clustering.

    Parameters
    ----------
    embeddings : array of shape (n, d)
    threshold : float, optional
        Distance above which clusters stay apart.
    clusters : int, optional
        Number of clusters, when it is known; ``threshold`` is then not used.
    linkage : {"single", "complete", "average", "centroid", "ward"}
    metric : {"cosine", "euclidean"}
    minimum_speakers, maximum_speakers : int
        When the threshold leaves fewer or more clusters, the nearest allowed number is used.

    Returns
    -------
    ndarray of int, shape (n,)
        Numbered by first appearance.

    Raises
    ------
    OptionError
        When neither a threshold nor a number of clusters is given, or on malformed embeddings.

    References
    ----------
    mullner2011modern, park2022review

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    if threshold is None and clusters is None:
        raise OptionError("agglomerative needs a threshold or a number of clusters")
    low, high = check_range(minimum_speakers, maximum_speakers, clusters, len(points))
    if len(points) == 0:
        return np.empty(0, dtype=int)
    tree = merge_tree(points, linkage, metric)
    if clusters is not None:
        return cut_tree(tree, clusters=low)
    labels = cut_tree(tree, threshold=threshold)
    found = labels.max() + 1
    if low <= found <= high:
        return labels
    return cut_tree(tree, clusters=min(max(found, low), high))


def bic_merges(segments: Sequence[np.ndarray], penalty: float = 1.0, covariance: str = "full") -> np.ndarray:
    """Cluster stretches of frames: merge the pair whose BIC gains most until no merge gains.

    Parameters
    ----------
    segments : sequence of array, each (frames, coefficients)
        The features of each segment, such as 19 MFCC.
    penalty : float
        Factor of the penalty: a larger one merges more.
    covariance : {"full", "diagonal"}

    Returns
    -------
    ndarray of int, shape (segments,)
        Numbered by first appearance.

    Raises
    ------
    OptionError
        When a segment is empty or not finite, or the dimensions differ.

    References
    ----------
    chen1998bic

    Chapter: clustering
    """
    matrices = [check_features(segment) for segment in segments]
    if not matrices:
        return np.empty(0, dtype=int)
    dimension = matrices[0].shape[1]
    if min(map(len, matrices)) == 0 or any(m.shape[1] != dimension for m in matrices):
        raise OptionError("segments: each needs at least one frame, and all need the same coefficients")
    parameters = gaussian_parameters(dimension, covariance)
    center = np.concatenate(matrices).mean(axis=0)
    matrices = [m - center for m in matrices]
    counts = np.array([float(len(m)) for m in matrices])
    sums = np.array([m.sum(axis=0) for m in matrices])
    squares = np.array([m.T @ m if covariance == "full" else (m**2).sum(axis=0) for m in matrices])

    def terms(n: np.ndarray, total: np.ndarray, square: np.ndarray) -> np.ndarray:
        return n / 2 * log_determinant(gaussian(n, total, square)[1])

    own = terms(counts, sums, squares)

    def changes(one: int, others: np.ndarray) -> np.ndarray:
        """How much two Gaussians beat one; negative where the union is the better description."""
        union = terms(counts[one] + counts[others], sums[one] + sums[others], squares[one] + squares[others])
        cost = bic_penalty(parameters, np.full(len(others), counts[one]), counts[others], 0.0)
        return union - own[one] - own[others] - penalty * cost  # eq: clustering-bic

    n = len(matrices)
    table = np.full((n, n), np.inf)
    for one in range(n - 1):
        others = np.arange(one + 1, n)
        table[one, others] = table[others, one] = changes(one, others)
    label, alive = np.arange(n), np.ones(n, dtype=bool)
    while alive.sum() > 1:
        one, two = divmod(int(table.argmin()), n)
        if table[one, two] >= 0:
            break
        label[label == two] = one
        alive[two] = False
        for values in (counts, sums, squares):
            values[one] += values[two]
        own[one] = terms(counts[[one]], sums[[one]], squares[[one]])[0]
        table[two] = table[:, two] = np.inf
        others = np.flatnonzero(alive & (np.arange(n) != one))
        table[one, others] = table[others, one] = changes(one, others)
    return first_appearance(label)
