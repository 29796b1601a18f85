"""Spectral clustering: clusters are parts of a similarity graph that hold together.

Chapter: clustering
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.checks import check_choice, check_embeddings
from diarbook.clustering.common import check_range, first_appearance, unit_rows
from diarbook.clustering.kmeans import fit_k_means
from diarbook.errors import OptionError

METHODS = ("nme", "refined", "normalized")
TINY = 1e-10


def affinity_matrix(embeddings: np.ndarray) -> np.ndarray:
    """Similarities (n, n) from 0 to 1: half of one plus the cosine.

    Chapter: clustering
    """
    unit = unit_rows(check_embeddings(embeddings))
    return np.clip((1 + unit @ unit.T) / 2, 0, 1)  # eq: clustering-affinity


def crop_diagonal(affinity: np.ndarray) -> np.ndarray:
    """Replace each point's similarity to itself by the largest one to another point.

    Chapter: clustering
    """
    refined = affinity.copy()
    np.fill_diagonal(refined, 0.0)
    np.fill_diagonal(refined, refined.max(axis=1))
    return refined


def gaussian_blur(affinity: np.ndarray, sigma: float = 1.0) -> np.ndarray:
    """Smooth along time in both directions: neighboring windows mostly share their speaker.

    Chapter: clustering
    """
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(affinity, sigma)


def threshold_rows(affinity: np.ndarray, share: float = 0.95, soft: float = 0.01) -> np.ndarray:
    """Multiply by ``soft`` what is smaller than ``share`` of its row's maximum.

    Chapter: clustering
    """
    return np.where(affinity < share * affinity.max(axis=1, keepdims=True), soft * affinity, affinity)


def symmetrize(affinity: np.ndarray) -> np.ndarray:
    """The larger of each pair of mirrored entries.

    Chapter: clustering
    """
    return np.maximum(affinity, affinity.T)


def diffuse(affinity: np.ndarray) -> np.ndarray:
    """Two points are alike when they are alike to the same points: the matrix times its transpose.

    Chapter: clustering
    """
    return affinity @ affinity.T


def normalize_rows(affinity: np.ndarray) -> np.ndarray:
    """Divide each row by its maximum.

    Chapter: clustering
    """
    return affinity / affinity.max(axis=1, keepdims=True)


def refine(
    affinity: np.ndarray,
    steps: Sequence[str] = ("crop", "blur", "threshold", "symmetrize", "diffuse", "normalize"),
    *,
    sigma: float = 1.0,
    share: float = 0.95,
    soft: float = 0.01,
) -> np.ndarray:
    """Affinity refinement: six operations in the order of the paper.

    Parameters
    ----------
    affinity : array of shape (n, n)
        Rows in order of time, which the blur uses.
    steps : sequence of {"crop", "blur", "threshold", "symmetrize", "diffuse", "normalize"}
    sigma : float
        Of the blur, windows.
    share, soft : float
        Of the row threshold.

    Returns
    -------
    ndarray of shape (n, n)

    References
    ----------
    wang2018diarization

    Chapter: clustering
    """
    operations = {
        "crop": crop_diagonal,
        "blur": lambda a: gaussian_blur(a, sigma),
        "threshold": lambda a: threshold_rows(a, share, soft),
        "symmetrize": symmetrize,
        "diffuse": diffuse,
        "normalize": normalize_rows,
    }
    for step in steps:
        check_choice("refinement step", step, tuple(operations))
        affinity = operations[step](affinity)
    return affinity


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues that count the clusters, and the coordinates in which they separate.

    Parameters
    ----------
    eigenvalues : ndarray of shape (m,)
        The informative end first: descending for an affinity, ascending for a Laplacian.
    vectors : ndarray of shape (n, m)
    clusters : int
        Where the largest eigengap lies.
    gap : float
        How large it is, in the method's own measure.
    neighbors : int
        Neighbors kept in each row (NME-SC), else 0.

    Chapter: clustering
    """

    eigenvalues: np.ndarray
    vectors: np.ndarray
    clusters: int
    gap: float
    neighbors: int = 0


def eigengap_ratio(eigenvalues: np.ndarray, low: int, high: int, stop: float = 1e-2) -> tuple[int, float]:
    """Number of clusters at the largest ratio of one descending eigenvalue to the next.

    Parameters
    ----------
    eigenvalues : array, descending
    low, high : int
        Numbers of clusters allowed.
    stop : float
        Smaller eigenvalues are noise and are not looked at.

    Returns
    -------
    clusters : int
    ratio : float

    References
    ----------
    wang2018diarization

    Chapter: clustering
    """
    usable = np.arange(low, min(high, len(eigenvalues) - 1) + 1)
    usable = usable[eigenvalues[usable - 1] >= stop] if len(usable) else usable
    if len(usable) == 0:
        return low, float("nan")
    ratios = eigenvalues[usable - 1] / (np.maximum(eigenvalues[usable], 0) + TINY)  # eq: clustering-ratio
    best = int(ratios.argmax())
    return int(usable[best]), float(ratios[best])


def refined_spectrum(affinity: np.ndarray, low: int, high: int, **options: float) -> Spectrum:
    """Eigenvectors of the refined affinity, and its largest eigengap.

    Notes
    -----
    The last step divides rows by their maximum: ``D⁻¹ S`` with symmetric ``S``. It has the eigenvalues of
    ``D^-½ S D^-½``, which is symmetric: that solver is faster and cannot return complex numbers.

    References
    ----------
    wang2018diarization

    Chapter: clustering
    """
    from scipy.linalg import eigh

    symmetric = refine(affinity, ("crop", "blur", "threshold", "symmetrize", "diffuse"), **options)
    scale = 1 / np.sqrt(symmetric.max(axis=1))
    n = len(affinity)
    wanted = min(high + 1, n)
    values, vectors = eigh(symmetric * scale[:, None] * scale[None, :], subset_by_index=(n - wanted, n - 1))
    values, vectors = values[::-1], (vectors * scale[:, None])[:, ::-1]
    clusters, gap = eigengap_ratio(values, low, high)
    return Spectrum(values, vectors / np.linalg.norm(vectors, axis=0), clusters, gap)


def nearest_neighbor_graph(similarity: np.ndarray, neighbors: int) -> np.ndarray:
    """Ones at each row's largest ``neighbors`` entries, averaged with the transpose.

    References
    ----------
    park2020autotuning

    Chapter: clustering
    """
    kept = np.argpartition(-similarity, neighbors - 1, axis=1)[:, :neighbors]
    graph = np.zeros_like(similarity)
    np.put_along_axis(graph, kept, 1.0, axis=1)
    return (graph + graph.T) / 2  # eq: clustering-neighbors


def _laplacian_spectrum(graph: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray, int, float]:
    from scipy.linalg import eigh

    laplacian = np.diag(graph.sum(axis=1)) - graph  # eq: clustering-laplacian
    n = len(graph)
    wanted = min(high + 1, n)
    values, vectors = eigh(laplacian, subset_by_index=(0, wanted - 1))
    largest = eigh(laplacian, eigvals_only=True, subset_by_index=(n - 1, n - 1))[0] if wanted < n else values[-1]
    gaps = np.diff(values)[low - 1 : high]
    if len(gaps) == 0:
        return values, vectors, low, 0.0
    best = int(gaps.argmax())
    return values, vectors, low + best, float(gaps[best] / (largest + TINY))  # eq: clustering-gap


def nme_spectrum(
    similarity: np.ndarray, low: int, high: int, *, largest_share: float = 0.25, tries: int = 12
) -> Spectrum:
    """NME-SC: choose the number of neighbors by the normalized maximum eigengap.

    Parameters
    ----------
    similarity : array of shape (n, n)
    low, high : int
        Numbers of clusters allowed.
    largest_share : float
        The most neighbors that are tried, as a share of n.
    tries : int
        How many values are tried, evenly spread.

    Returns
    -------
    Spectrum

    References
    ----------
    park2020autotuning

    Chapter: clustering
    """
    n = len(similarity)
    most = min(max(round(largest_share * n), 2), n)
    best: tuple[float, Spectrum] | None = None
    for neighbors in np.unique(np.linspace(2, most, tries).round().astype(int)):
        values, vectors, clusters, gap = _laplacian_spectrum(
            nearest_neighbor_graph(similarity, int(neighbors)), low, high
        )
        ratio = neighbors / (gap + TINY)  # eq: clustering-nme
        if best is None or ratio < best[0]:
            best = ratio, Spectrum(values, vectors, clusters, gap, int(neighbors))
    return best[1]


def normalized_spectrum(affinity: np.ndarray, low: int, high: int) -> Spectrum:
    """Eigenvectors of the normalized Laplacian, divided by the root of the degree, as scikit-learn does it.

    References
    ----------
    vonluxburg2007tutorial

    Chapter: clustering
    """
    from scipy.linalg import eigh

    graph = affinity - np.diag(np.diag(affinity))
    degree = np.maximum(graph.sum(axis=1), TINY)
    scale = 1 / np.sqrt(degree)
    n = len(graph)
    wanted = min(high + 1, n)
    laplacian = np.eye(n) - graph * scale[:, None] * scale[None, :]
    values, vectors = eigh(laplacian, subset_by_index=(0, wanted - 1))
    gaps = np.diff(values)[low - 1 : high]
    best = int(gaps.argmax()) if len(gaps) else 0
    return Spectrum(values, vectors * scale[:, None], low + best, float(gaps[best]) if len(gaps) else 0.0)


def spectrum(embeddings: np.ndarray, method: str = "nme", low: int = 1, high: int = 10, **options: float) -> Spectrum:
    """The spectrum by one of the three methods.

    Parameters
    ----------
    embeddings : array of shape (n, d), n >= 2
        In order of time.
    method : {"nme", "refined", "normalized"}
    low, high : int
        Numbers of clusters allowed.

    Returns
    -------
    Spectrum

    Chapter: clustering
    """
    check_choice("method", method, METHODS)
    affinity = affinity_matrix(embeddings)
    function = {"nme": nme_spectrum, "refined": refined_spectrum, "normalized": normalized_spectrum}[method]
    return function(affinity, low, high, **options)


def spectral(
    embeddings: np.ndarray,
    clusters: int | None = None,
    *,
    method: str = "nme",
    minimum_speakers: int = 1,
    maximum_speakers: int | None = 10,
    seed: int = 0,
    **options: float,
) -> np.ndarray:
    """Spectral clustering of embeddings.

    Parameters
    ----------
    embeddings : array of shape (n, d)
        In order of time, which the refinement's blur uses.
    clusters : int, optional
        Estimated by the eigengap when it is not given.
    method : {"nme", "refined", "normalized"}
        Park's auto-tuned graph, Wang's refined affinity, or the textbook's normalized Laplacian.
    minimum_speakers, maximum_speakers : int
        Limits of the estimate.
    seed : int
        Of the k-means on the eigenvectors.
    **options
        ``largest_share``, ``tries`` (nme) or ``sigma``, ``share``, ``soft`` (refined).

    Returns
    -------
    ndarray of int, shape (n,)
        Numbered by first appearance.

    Raises
    ------
    OptionError
        On an unknown method, a row of zeros, or embeddings that are not finite.

    References
    ----------
    wang2018diarization, park2020autotuning, vonluxburg2007tutorial

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    check_choice("method", method, METHODS)
    low, high = check_range(minimum_speakers, maximum_speakers, clusters, len(points))
    if len(points) < 3 or high == 1:
        if low > 1:
            return np.arange(len(points))
        if len(points) == 2 and high > 1:  # two points have no gap to look at: alike when their cosine is positive
            return np.array([0, 0 if affinity_matrix(points)[0, 1] > 0.5 else 1])
        return np.zeros(len(points), dtype=int)
    found = spectrum(points, method, low, high, **options)
    if found.clusters > found.vectors.shape[1]:
        raise OptionError(f"{found.clusters} clusters need as many points, got {len(points)}; ask for fewer")
    return first_appearance(fit_k_means(found.vectors[:, : found.clusters], found.clusters, seed=seed).labels)
