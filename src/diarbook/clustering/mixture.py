"""Gaussian mixtures by expectation-maximization: soft clusters with a shape and a likelihood.

Chapter: clustering
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.checks import check_choice, check_embeddings
from diarbook.clustering.common import METRICS, check_range, first_appearance, unit_rows
from diarbook.clustering.kmeans import fit_k_means
from diarbook.errors import OptionError

COVARIANCES = ("full", "diagonal")


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture model.

    Parameters
    ----------
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    covariances : ndarray of shape (k, d, d) or (k, d)
        Full or diagonal.
    log_likelihood : float
        Of the training points, in all.
    iterations : int
    converged : bool

    Chapter: clustering
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    log_likelihood: float = float("nan")
    iterations: int = 0
    converged: bool = False

    @property
    def parameters(self) -> int:
        """Free parameters: weights, means and covariances."""
        k, d = self.means.shape
        return k - 1 + k * d + k * (d * (d + 1) // 2 if self.covariances.ndim == 3 else d)

    def bic(self, points: int) -> float:
        """Bayesian information criterion for this many training points; the smaller, the better."""
        return -2 * self.log_likelihood + self.parameters * np.log(points)  # eq: clustering-mixture-bic


def log_densities(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Log of each component's weight times its density at each point (n, k).

    Chapter: clustering
    """
    d = points.shape[1]
    difference = points[:, None, :] - mixture.means[None, :, :]
    if mixture.covariances.ndim == 3:
        root = np.linalg.cholesky(mixture.covariances)
        whitened = np.stack(
            [np.linalg.solve(root[k], difference[:, k].T) for k in range(len(root))], axis=1
        )  # (d, k, n)
        distance = (whitened**2).sum(axis=0).T
        determinant = 2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    else:
        distance = (difference**2 / mixture.covariances).sum(axis=2)
        determinant = np.log(mixture.covariances).sum(axis=1)
    with np.errstate(divide="ignore"):  # a component of weight 0 has log weight -inf, rightly
        weights = np.log(mixture.weights)
    return weights - (d * np.log(2 * np.pi) + determinant + distance) / 2  # eq: clustering-density


def _normalize(densities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Responsibilities (n, k) and log-likelihood of each point (n,)."""
    peak = densities.max(axis=1, keepdims=True)
    total = peak + np.log(np.exp(densities - peak).sum(axis=1, keepdims=True))
    return np.exp(densities - total), total[:, 0]  # eq: clustering-responsibility


def responsibilities(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """The probability (n, k) that each component made each point.

    Chapter: clustering
    """
    return _normalize(log_densities(points, mixture))[0]


def maximize(points: np.ndarray, shares: np.ndarray, covariance: str = "diagonal", floor: float = 1e-6) -> Mixture:
    """The M step: weights, means and covariances of points shared out among components.

    Parameters
    ----------
    points : array of shape (n, d)
    shares : array of shape (n, k)
        Responsibilities.
    covariance : {"full", "diagonal"}
    floor : float
        Added to every variance.

    Returns
    -------
    Mixture

    Chapter: clustering
    """
    count = shares.sum(axis=0) + 10 * np.finfo(float).eps
    means = shares.T @ points / count[:, None]  # eq: clustering-mean
    if covariance == "full":
        difference = points[:, None, :] - means[None, :, :]
        covariances = np.einsum("nk,nki,nkj->kij", shares, difference, difference, optimize=True) / count[:, None, None]
        covariances = covariances + floor * np.eye(points.shape[1])
    else:
        covariances = shares.T @ points**2 / count[:, None] - means**2 + floor
    return Mixture(count / count.sum(), means, covariances)


def fit_mixture(
    points: np.ndarray,
    clusters: int,
    covariance: str = "diagonal",
    *,
    initial: Mixture | None = None,
    iterations: int = 100,
    tolerance: float = 1e-3,
    floor: float = 1e-6,
    seed: int = 0,
) -> Mixture:
    """Expectation-maximization from k-means, or from ``initial``.

    Parameters
    ----------
    points : array of shape (n, d)
    clusters : int
        Components, at most n.
    covariance : {"full", "diagonal"}
    initial : Mixture, optional
    iterations : int
    tolerance : float
        Stop when the mean log-likelihood of a point gains less.
    floor : float
        Added to every variance, so that no component shrinks onto one point.
    seed : int
        Of the k-means.

    Returns
    -------
    Mixture

    Raises
    ------
    OptionError
        When there are fewer points than components, or on malformed points.

    References
    ----------
    dempster1977em

    Chapter: clustering
    """
    points = check_embeddings(points)
    check_choice("covariance", covariance, COVARIANCES)
    if not 1 <= clusters <= len(points):
        raise OptionError(f"{clusters} components need at least as many points, got {len(points)}; ask for fewer")
    if initial is None:
        shares = np.eye(clusters)[fit_k_means(points, clusters, seed=seed).labels]
        initial = maximize(points, shares, covariance, floor)
    mixture, previous, converged = initial, -np.inf, False
    for iteration in range(1, iterations + 1):  # noqa: B007
        shares, likelihood = _normalize(log_densities(points, mixture))
        mixture = maximize(points, shares, covariance, floor)
        mean = float(likelihood.mean())
        if abs(mean - previous) < tolerance:
            converged = True
            break
        previous = mean
    total = float(_normalize(log_densities(points, mixture))[1].sum())
    return Mixture(mixture.weights, mixture.means, mixture.covariances, total, iteration, converged)


def principal_components(points: np.ndarray, dimensions: int) -> np.ndarray:
    """Coordinates (n, dimensions) along the directions of largest variance.

    Chapter: clustering
    """
    centered = points - points.mean(axis=0)
    _, scale, axes = np.linalg.svd(centered, full_matrices=False)
    keep = min(dimensions, int((scale > 1e-12 * max(scale.max(initial=0), 1e-300)).sum()))
    return centered @ axes[: max(keep, 1)].T


def gaussian_mixture(
    embeddings: np.ndarray,
    clusters: int | None = None,
    *,
    covariance: str = "diagonal",
    metric: str = "cosine",
    dimensions: int = 8,
    floor: float = 1e-3,
    minimum_speakers: int = 1,
    maximum_speakers: int | None = 10,
    seed: int = 0,
) -> np.ndarray:
    """Clusters as the components of a Gaussian mixture on the embeddings' principal components.

    Parameters
    ----------
    embeddings : array of shape (n, d)
    clusters : int, optional
        Chosen by the Bayesian information criterion when it is not given.
    covariance : {"full", "diagonal"}
    metric : {"cosine", "euclidean"}
        ``cosine`` scales embeddings to length one first.
    dimensions : int
        Principal components kept: 192 dimensions and a hundred windows cannot give a covariance.
    floor : float
        Added to every variance, as a share of the mean variance of a dimension.
    minimum_speakers, maximum_speakers : int
        Limits of the choice.
    seed : int

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
    dempster1977em

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    check_choice("metric", metric, METRICS)
    check_choice("covariance", covariance, COVARIANCES)
    low, high = check_range(minimum_speakers, maximum_speakers, clusters, len(points))
    if len(points) < 2:
        return np.zeros(len(points), dtype=int)
    points = principal_components(unit_rows(points) if metric == "cosine" else points, dimensions)
    floor = floor * max(float(points.var(axis=0).mean()), 1e-12)
    fits = [fit_mixture(points, k, covariance, floor=floor, seed=seed) for k in range(low, high + 1)]
    best = min(fits, key=lambda fit: fit.bic(len(points)))
    return first_appearance(responsibilities(points, best).argmax(axis=1))
