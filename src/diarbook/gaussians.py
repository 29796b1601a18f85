"""One Gaussian a segment: sums over blocks of frames, and distances of two segments.

Chapter: segmentation
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.checks import check_choice

COVARIANCES = ("full", "diagonal")
PENALTIES = ("local", "global", "segmental")
VARIANCE_FLOOR = 1e-3


def gaussian(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances, floored, from sums of vectors and of their outer products (or squares).

    Parameters
    ----------
    counts : array of shape (k,)
    sums : array of shape (k, d)
    squares : array of shape (k, d, d) for full covariances, (k, d) for diagonal ones

    Returns
    -------
    means, covariances : ndarray
        Shapes as the sums' and the squares'.

    Chapter: segmentation
    """
    full = squares.ndim == 3
    means = sums / counts[:, None]
    outer = means[:, :, None] * means[:, None, :] if full else means**2
    covariances = squares / counts.reshape((-1,) + (1,) * (squares.ndim - 1)) - outer  # eq: segmentation-covariance
    return means, covariances + VARIANCE_FLOOR * (np.eye(means.shape[1]) if full else 1.0)


def log_determinant(covariances: np.ndarray) -> np.ndarray:
    """Log determinants (k,) of (k, d, d) full or (k, d) diagonal covariances.

    Chapter: segmentation
    """
    return np.linalg.slogdet(covariances)[1] if covariances.ndim == 3 else np.log(covariances).sum(axis=1)


def gaussian_parameters(dimension: int, covariance: str = "full") -> int:
    """Free parameters of one Gaussian: its mean and its covariance.

    Chapter: segmentation
    """
    check_choice("covariance", covariance, COVARIANCES)
    return dimension + (dimension * (dimension + 1) // 2 if covariance == "full" else dimension)


@dataclass(frozen=True)
class BlockSums:
    """Running sums of features over blocks of frames: any stretch's Gaussian in one subtraction.

    Parameters
    ----------
    counts : ndarray of shape (blocks + 1,)
        Frames before each block edge.
    sums : ndarray of shape (blocks + 1, d)
    squares : ndarray of shape (blocks + 1, d, d) or (blocks + 1, d)
        Sums of outer products (full) or of squares (diagonal).

    Chapter: segmentation
    """

    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    @property
    def full(self) -> bool:
        """Whether covariances are full matrices."""
        return self.squares.ndim == 3

    @property
    def parameters(self) -> int:
        """Free parameters of one Gaussian: a mean and a covariance."""
        return gaussian_parameters(self.sums.shape[1], "full" if self.full else "diagonal")

    def gaussians(self, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame counts (k,), means (k, d) and covariances (k, d, d) or (k, d) of the stretches first to last."""
        first, last = np.broadcast_arrays(first, last)
        counts = self.counts[last] - self.counts[first]
        return counts, *gaussian(counts, self.sums[last] - self.sums[first], self.squares[last] - self.squares[first])

    def log_likelihood_terms(self, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frame counts and ``n / 2 log |covariance|`` of the stretches first to last."""
        counts, _, covariances = self.gaussians(first, last)
        return counts, counts / 2 * log_determinant(covariances)


def block_sums(features: np.ndarray, block: int, covariance: str = "full") -> BlockSums:
    """Accumulate features over blocks of ``block`` frames; the last block may be shorter.

    Parameters
    ----------
    features : array of shape (frames, d)
    block : int
        Frames a block, which is the resolution of every boundary found.
    covariance : {"full", "diagonal"}

    Returns
    -------
    BlockSums

    Chapter: segmentation
    """
    check_choice("covariance", covariance, COVARIANCES)
    frames, dimension = features.shape
    centered = features - features.mean(axis=0) if frames else features  # keeps the differences well conditioned
    edges = np.append(np.arange(0, frames, block), frames)
    blocks = len(edges) - 1
    padded = np.zeros((blocks * block, dimension))
    padded[:frames] = centered
    padded = padded.reshape(blocks, block, dimension)
    squares = np.einsum("bfi,bfj->bij", padded, padded) if covariance == "full" else (padded**2).sum(axis=1)

    def accumulate(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])

    return BlockSums(edges.astype(np.float64), accumulate(padded.sum(axis=1)), accumulate(squares))


def generalized_likelihood_ratio(
    sums: BlockSums, start: np.ndarray, split: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log of the generalized likelihood ratio of two Gaussians against one, and the two sides' frame counts.

    Parameters
    ----------
    sums : BlockSums
    start, split, end : array of int, shape (k,)
        Block edges; the left stretch is start to split, the right one split to end.

    Returns
    -------
    ratio, left, right : ndarray of shape (k,)

    References
    ----------
    chen1998bic

    Chapter: segmentation
    """
    left, left_term = sums.log_likelihood_terms(start, split)
    right, right_term = sums.log_likelihood_terms(split, end)
    _, whole_term = sums.log_likelihood_terms(start, end)
    return whole_term - left_term - right_term, left, right  # eq: segmentation-glr


def bic_penalty(
    parameters: int, left: np.ndarray, right: np.ndarray, total: float, variant: str = "local"
) -> np.ndarray:
    """What a second Gaussian costs, before the penalty factor.

    Parameters
    ----------
    parameters : int
        Free parameters of one Gaussian.
    left, right : array of shape (k,)
        Frames on each side.
    total : float
        Frames of the whole recording (used by the global variant).
    variant : {"local", "global", "segmental"}
        Whose length counts: the two stretches together, the recording, or each stretch's own.

    Returns
    -------
    ndarray of shape (k,)

    References
    ----------
    chen1998bic, stafylakis2010penalty

    Chapter: segmentation
    """
    check_choice("penalty", variant, PENALTIES)
    both = np.asarray(left) + np.asarray(right)
    if variant == "local":
        size = np.log(both)  # eq: segmentation-local
    elif variant == "global":
        size = np.full(np.shape(both), np.log(total))  # eq: segmentation-global
    else:
        size = np.log(left) + np.log(right) - np.log(both)  # eq: segmentation-segmental
    return parameters / 2 * size


def symmetric_divergence(sums: BlockSums, start: np.ndarray, split: np.ndarray, end: np.ndarray) -> np.ndarray:
    """KL2: the Kullback-Leibler divergence of the two sides' Gaussians, summed over both directions.

    Parameters
    ----------
    sums : BlockSums
    start, split, end : array of int, shape (k,)

    Returns
    -------
    ndarray of shape (k,)

    References
    ----------
    siegler1997automatic

    Chapter: segmentation
    """
    _, left_mean, left = sums.gaussians(start, split)
    _, right_mean, right = sums.gaussians(split, end)
    shift = left_mean - right_mean
    if sums.full:  # eq: segmentation-kl2
        left_inverse, right_inverse = np.linalg.inv(left), np.linalg.inv(right)
        spread = np.einsum("kij,kji->k", left - right, right_inverse - left_inverse)
        place = np.einsum("ki,kij,kj->k", shift, left_inverse + right_inverse, shift)
    else:
        spread = ((left - right) * (1 / right - 1 / left)).sum(axis=1)
        place = (shift**2 * (1 / left + 1 / right)).sum(axis=1)
    return (spread + place) / 2
