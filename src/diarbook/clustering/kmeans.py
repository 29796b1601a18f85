"""k-means: a fixed number of centers, each the mean of the points nearest to it.

Chapter: clustering
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.checks import check_choice, check_embeddings
from diarbook.clustering.common import METRICS, centroids, check_range, first_appearance, unit_rows
from diarbook.errors import OptionError


@dataclass(frozen=True)
class KMeans:
    """A finished k-means.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Rows of ``centers``; not renumbered.
    centers : ndarray of shape (k, d)
    inertia : float
        Sum of squared distances of the points to their centers.
    iterations : int
        Assignments made until nothing moved.

    Chapter: clustering
    """

    labels: np.ndarray
    centers: np.ndarray
    inertia: float
    iterations: int


def squared_distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (n, k).

    Chapter: clustering
    """
    table = (points**2).sum(axis=1)[:, None] + (centers**2).sum(axis=1)[None, :] - 2 * points @ centers.T
    return np.maximum(table, 0)


def seed_centers(points: np.ndarray, clusters: int, random: np.random.Generator) -> np.ndarray:
    """k-means++: each new center is a point drawn with a chance that grows with its squared distance to the others.

    Parameters
    ----------
    points : array of shape (n, d)
    clusters : int
    random : numpy.random.Generator

    Returns
    -------
    ndarray of shape (clusters, d)

    References
    ----------
    arthur2007kmeans

    Chapter: clustering
    """
    chosen = [int(random.integers(len(points)))]
    nearest = squared_distances(points, points[chosen])[:, 0]
    for _ in range(clusters - 1):
        total = nearest.sum()
        chance = nearest / total if total > 0 else None  # all points coincide with a center
        chosen.append(int(random.choice(len(points), p=chance)))
        nearest = np.minimum(nearest, squared_distances(points, points[chosen[-1:]])[:, 0])
    return points[chosen]


def lloyd(points: np.ndarray, centers: np.ndarray, iterations: int = 300, spherical: bool = False) -> KMeans:
    """Assign points to the nearest center, move each center to its points' mean, until no label changes.

    Parameters
    ----------
    points : array of shape (n, d)
    centers : array of shape (k, d)
        Where to start.
    iterations : int
        At most this many rounds.
    spherical : bool
        Keep centers at length one, as cosine distance asks for.

    Returns
    -------
    KMeans

    Notes
    -----
    A center that loses all its points moves to the point farthest from its own center.

    Chapter: clustering
    """
    labels = np.full(len(points), -1)
    for iteration in range(1, iterations + 1):  # noqa: B007
        table = squared_distances(points, centers)
        new = table.argmin(axis=1)  # eq: clustering-assign
        for empty in np.setdiff1d(np.arange(len(centers)), new):
            own = table[np.arange(len(points)), new]
            own[np.bincount(new, minlength=len(centers))[new] == 1] = -1  # taking it would empty another
            new[own.argmax()] = empty
        if (new == labels).all():
            break
        labels = new
        centers = centroids(points, labels)  # eq: clustering-center
        if spherical:
            length = np.linalg.norm(centers, axis=1, keepdims=True)
            centers = np.divide(centers, length, out=centers.copy(), where=length > 0)
    inertia = float(((points - centers[labels]) ** 2).sum())
    return KMeans(labels, centers, inertia, iteration)


def fit_k_means(
    points: np.ndarray,
    clusters: int,
    *,
    initial: np.ndarray | None = None,
    restarts: int = 10,
    iterations: int = 300,
    seed: int = 0,
    spherical: bool = False,
) -> KMeans:
    """The best of several runs from k-means++ seeds, or one run from ``initial`` centers.

    Parameters
    ----------
    points : array of shape (n, d)
    clusters : int
        At most n.
    initial : array of shape (clusters, d), optional
    restarts, iterations, seed : int
    spherical : bool
        See :func:`lloyd`.

    Returns
    -------
    KMeans

    Raises
    ------
    OptionError
        When there are fewer points than clusters, or ``initial`` has another shape.

    References
    ----------
    arthur2007kmeans

    Chapter: clustering
    """
    points = check_embeddings(points)
    if not 1 <= clusters <= len(points):
        raise OptionError(f"{clusters} clusters need at least as many points, got {len(points)}; ask for fewer")
    if initial is not None:
        initial = np.asarray(initial, dtype=np.float64)
        if initial.shape != (clusters, points.shape[1]):
            raise OptionError(f"initial: expected shape {(clusters, points.shape[1])}, got {initial.shape}")
        return lloyd(points, initial, iterations, spherical)
    if restarts < 1:
        raise OptionError(f"restarts must be 1 or more, got {restarts}")
    random = np.random.default_rng(seed)
    runs = [lloyd(points, seed_centers(points, clusters, random), iterations, spherical) for _ in range(restarts)]
    return min(runs, key=lambda run: run.inertia)


def k_means(
    embeddings: np.ndarray, clusters: int, *, metric: str = "cosine", restarts: int = 10, seed: int = 0
) -> np.ndarray:
    """k-means clustering of embeddings.

    Parameters
    ----------
    embeddings : array of shape (n, d)
    clusters : int
        How many; :func:`diarbook.clustering.counting.estimate_speakers` estimates it.
    metric : {"cosine", "euclidean"}
        ``cosine`` scales embeddings and centers to length one (spherical k-means).
    restarts, seed : int

    Returns
    -------
    ndarray of int, shape (n,)
        Numbered by first appearance.

    Raises
    ------
    OptionError
        On malformed embeddings or options.

    References
    ----------
    arthur2007kmeans

    Examples
    --------
    >>> k_means(np.array([[1.0, 0.1], [0.1, 1.0], [1.0, 0.0]]), 2).tolist()
    [0, 1, 0]

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    check_choice("metric", metric, METRICS)
    count, _ = check_range(clusters, clusters, None, len(points))
    if len(points) == 0:
        return np.empty(0, dtype=int)
    if metric == "cosine":
        points = unit_rows(points)
    fit = fit_k_means(points, count, restarts=restarts, seed=seed, spherical=metric == "cosine")
    return first_appearance(fit.labels)
