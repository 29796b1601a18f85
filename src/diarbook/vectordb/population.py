"""Many voices out of few: a Gaussian model of how embeddings differ between and within speakers.

Chapter: vectordb
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.errors import VectorStoreError

BLOCK = 50_000


@dataclass(frozen=True, eq=False)
class Population:
    """Speakers and their utterances as two Gaussians.

    An utterance is ``mean + speaker + utterance``, scaled to length one. The speaker's part is drawn once a speaker,
    the utterance's once an utterance.

    Parameters
    ----------
    mean : ndarray of shape (d,)
    between, within : ndarray of shape (d, d)
        Covariances of the two parts.

    Chapter: vectordb
    """

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

    def sample(self, speakers: int, each: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw utterances.

        Parameters
        ----------
        speakers, each : int
            How many speakers, and utterances of each.
        seed : int

        Returns
        -------
        vectors : ndarray of float32, shape (speakers * each, d)
            Of length one; those of one speaker side by side.
        labels : ndarray of int, shape (speakers * each,)

        Chapter: vectordb
        """
        if speakers < 1 or each < 1:
            raise VectorStoreError(f"sample: speakers and each must be 1 or more, got {speakers} and {each}")
        random = np.random.default_rng(seed)
        mean = self.mean.astype(np.float32)
        roots = [np.linalg.cholesky(part).T.astype(np.float32) for part in (self.between, self.within)]
        vectors = np.empty((speakers * each, len(mean)), dtype=np.float32)
        step = max(1, BLOCK // each)
        for start in range(0, speakers, step):
            some = min(step, speakers - start)
            voice = random.standard_normal((some, len(mean)), dtype=np.float32) @ roots[0]
            block = random.standard_normal((some * each, len(mean)), dtype=np.float32) @ roots[1]
            block += mean + np.repeat(voice, each, axis=0)  # eq: vec-model
            block /= np.linalg.norm(block, axis=1, keepdims=True)
            vectors[start * each : (start + some) * each] = block
        return vectors, np.repeat(np.arange(speakers), each)


def fit_population(
    real: np.ndarray, labels: Sequence, *, between_shrinkage: float = 0.6, within_shrinkage: float = 0.1
) -> Population:
    """Fit the model to real embeddings.

    The mean cosine of different speakers sets the length of the mean; that of same-speaker pairs sets the size of the
    spread between speakers; the rest to one is the spread within. Only the shapes of the two covariances come from
    the few speakers, and a share of each is spread evenly over all directions.

    Parameters
    ----------
    real : array of shape (n, d)
        Embeddings of any length.
    labels : sequence of n
        Who speaks.
    between_shrinkage, within_shrinkage : float
        That share, above 0, at most 1. The first is the value that gives different speakers of the book's clips the
        spread of cosines that they have.

    Returns
    -------
    Population

    Raises
    ------
    VectorStoreError
        When there are fewer than two speakers, nobody spoke twice, or voices are not alike at all.

    References
    ----------
    prince2007plda

    Chapter: vectordb
    """
    real = np.asarray(real, dtype=np.float64)
    speakers, who = np.unique(np.asarray(labels), return_inverse=True)
    if real.ndim != 2 or len(real) != len(who):
        raise VectorStoreError(f"fit_population: {len(who)} labels for embeddings of shape {real.shape}; give one each")
    if not (0 < between_shrinkage <= 1 and 0 < within_shrinkage <= 1):
        raise VectorStoreError("fit_population: a shrinkage must be above 0 and at most 1")
    length = np.linalg.norm(real, axis=1, keepdims=True)
    if not np.isfinite(length).all() or (length == 0).any():
        raise VectorStoreError("fit_population: an embedding is zero or not finite; leave it out")
    real = real / length
    first, second = np.triu_indices(len(real), k=1)
    cosines, same = (real @ real.T)[first, second], who[first] == who[second]
    if len(speakers) < 2 or not same.any():
        raise VectorStoreError("fit_population: needs two speakers or more, one of them heard twice; give more chunks")
    alike, apart = float(cosines[same].mean()), max(0.0, float(cosines[~same].mean()))
    if not apart < alike < 1:
        raise VectorStoreError(
            f"fit_population: same-speaker cosine {alike:.2f} must be above {apart:.2f}; check the labels"
        )
    means = np.stack([real[who == index].mean(axis=0) for index in range(len(speakers))])
    center = means.mean(axis=0)
    mean = center * np.sqrt(apart) / np.linalg.norm(center)  # eq: vec-mean
    return Population(
        mean,
        _shrunk(means - center, between_shrinkage, alike - apart),  # eq: vec-between
        _shrunk(real - means[who], within_shrinkage, 1 - alike),  # eq: vec-within
    )


def _shrunk(rows: np.ndarray, share: float, trace: float) -> np.ndarray:
    """Covariance of the shape of the rows', a share of it evenly spread, of a given trace."""
    shape = rows.T @ rows
    even = np.eye(shape.shape[0]) / shape.shape[0]
    return trace * ((1 - share) * shape / np.trace(shape) + share * even)


def extend_embeddings(
    real: np.ndarray, labels: Sequence, n: int, seed: int = 0, *, each: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """``n`` embeddings of invented speakers who differ about as the real ones do.

    It is not realistic in the tails: real utterances of one person scatter more, since microphones, moods and rooms
    differ in leaps, and a dozen speakers say little about the directions in which a million differ.

    Parameters
    ----------
    real : array of shape (m, d)
    labels : sequence of m
        Who speaks.
    n : int
        How many to make.
    seed : int
    each : int
        Utterances of each invented speaker; the last one may have fewer.

    Returns
    -------
    vectors : ndarray of float32, shape (n, d)
        Of length one.
    labels : ndarray of int, shape (n,)
        Invented speakers.

    Raises
    ------
    VectorStoreError
        When the model cannot be fitted or ``n`` is less than 1.

    Chapter: vectordb
    """
    if n < 1:
        raise VectorStoreError(f"extend_embeddings: n must be 1 or more, got {n}")
    vectors, who = fit_population(real, labels).sample(-(-n // each), each, seed)
    return vectors[:n], who[:n]
