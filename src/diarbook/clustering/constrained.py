"""Clustering when it is known that some items cannot be the same person: two voices heard in one chunk.

Chapter: clustering
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarbook.clustering.common import check_embeddings, check_range, first_appearance, unit_rows
from diarbook.errors import OptionError

BLOCK = 600


@dataclass(frozen=True, slots=True)
class MergeHistory:
    """Every merge of an agglomerative clustering, in order.

    Parameters
    ----------
    pairs : ndarray of int, shape (merges, 2)
        Items that stand for the two clusters: the second one's members join the first one's.
    similarities : ndarray of shape (merges,)
        Cosine of the two clusters' centroids.
    items : int

    Chapter: clustering
    """

    pairs: np.ndarray
    similarities: np.ndarray
    items: int

    def labels(self, merges: int) -> np.ndarray:
        """Cluster of each item after that many merges, as the item that stands for it, shape (items,)."""
        parent = np.arange(self.items)
        for kept, gone in self.pairs[:merges]:
            parent[parent == gone] = kept
        return parent


def _merge_all(
    units: np.ndarray, weights: np.ndarray, apart: np.ndarray, floor: float = -np.inf
) -> Iterator[tuple[int, int, float]]:
    """Merge the two most similar clusters that may be merged, until none may or all lie below ``floor``.

    Memory is quadratic in the number of items, time nearly so: each row remembers its best partner.
    """
    count = len(units)
    sums = units * weights[:, None]
    directions = units.copy()
    apart = apart.copy()
    similarity = directions @ directions.T
    similarity[apart] = -np.inf
    np.fill_diagonal(similarity, -np.inf)
    best = similarity.argmax(axis=1)
    score = similarity[np.arange(count), best]
    while True:
        first = int(score.argmax())
        if not score[first] > floor:
            return
        second = int(best[first])
        kept, gone = min(first, second), max(first, second)
        yield kept, gone, float(score[first])
        sums[kept] += sums[gone]
        length = np.linalg.norm(sums[kept])
        directions[kept] = sums[kept] / length if length > 0 else 0.0
        apart[kept] |= apart[gone]
        apart[:, kept] = apart[kept]
        row = directions @ directions[kept]
        row[apart[kept]] = -np.inf
        row[np.isneginf(similarity[gone]) & np.isneginf(similarity[kept])] = -np.inf
        row[kept] = row[gone] = -np.inf
        similarity[kept], similarity[:, kept] = row, row
        similarity[gone], similarity[:, gone] = -np.inf, -np.inf
        score[gone] = -np.inf
        better = row > score
        best[better], score[better] = kept, row[better]
        # Rows whose best partner has just changed look again.
        stale = np.flatnonzero(((best == kept) | (best == gone)) & ~better & ~np.isneginf(score))
        stale = np.append(stale, kept)
        best[stale] = similarity[stale].argmax(axis=1)
        score[stale] = similarity[stale, best[stale]]
        score[gone] = -np.inf


def merge_history(
    embeddings: np.ndarray, apart: np.ndarray, weights: np.ndarray | None = None, floor: float = -np.inf
) -> MergeHistory:
    """Agglomerative clustering by the cosine of centroids, where some items must stay apart.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
    apart : ndarray of bool, shape (n, n)
        True where two items cannot be of one cluster (symmetric).
    weights : ndarray of shape (n,), optional
        How much an item counts in its cluster's centroid, such as its seconds of speech.
    floor : float
        Merge nothing less similar than this.

    Returns
    -------
    MergeHistory

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    apart = np.asarray(apart, dtype=bool)
    if apart.shape != (len(points), len(points)) or (apart != apart.T).any():
        raise OptionError(f"apart must be a symmetric matrix for {len(points)} items, got shape {apart.shape}")
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
    merges = list(_merge_all(unit_rows(points), weights, apart, floor)) if len(points) > 1 else []
    pairs = np.array([merge[:2] for merge in merges], dtype=int).reshape(-1, 2)
    return MergeHistory(pairs, np.array([merge[2] for merge in merges]), len(points))


def same_group(groups: np.ndarray) -> np.ndarray:
    """Which items lie in the same group, such as the same chunk: (n, n), False on the diagonal.

    Chapter: clustering
    """
    groups = np.asarray(groups)
    apart = groups[:, None] == groups[None, :]
    np.fill_diagonal(apart, False)
    return apart


def constrained_agglomerative(
    embeddings: np.ndarray,
    groups: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    threshold: float = 0.5,
    minimum_weight: float = 0.0,
    clusters: int | None = None,
    minimum_speakers: int = 1,
    maximum_speakers: int | None = None,
    block: int = BLOCK,
) -> np.ndarray:
    """Cluster local speakers of chunks; two of one chunk never meet.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
    groups : ndarray of int, shape (n,)
        Chunk of each item, in order of time: items of one chunk cannot link.
    weights : ndarray of shape (n,), optional
        Seconds of speech behind each embedding.
    threshold : float
        Clusters whose centroids are less similar (cosine) stay apart.
    minimum_weight : float
        A cluster lighter than this does not count as a speaker: its items get label -1.
        The heaviest cluster always counts.
    clusters, minimum_speakers, maximum_speakers : int, optional
        Bounds on the number of speakers; they win over the threshold and the constraints.
    block : int
        More items than this are first clustered within blocks of consecutive ones, and the blocks' clusters
        then take the items' place, again if need be: memory is block squared and time is linear.

    Returns
    -------
    ndarray of int, shape (n,)
        By first appearance; -1 for items of clusters too light to be a speaker.

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    groups = np.asarray(groups)
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(groups) != len(points) or len(weights) != len(points):
        raise OptionError(f"{len(points)} embeddings need as many groups and weights")
    least, most = check_range(minimum_speakers, maximum_speakers, clusters, max(len(points), 1))
    if len(points) == 0:
        return np.zeros(0, dtype=int)
    units = unit_rows(points)
    atoms, apart = _reduce(units, groups, weights, threshold, block)
    sums = np.zeros((atoms.max() + 1, points.shape[1]))
    np.add.at(sums, atoms, units * weights[:, None])
    heaviness = np.bincount(atoms, weights=weights)
    labels = _cut(sums, apart, heaviness, threshold, minimum_weight, least, most)[atoms]
    named = labels.copy()
    named[labels >= 0] = first_appearance(labels[labels >= 0])
    return named


def _reduce(
    units: np.ndarray, groups: np.ndarray, weights: np.ndarray, threshold: float, block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms to cluster, few enough for a quadratic method: atom of each item (n,), and which atoms stay apart."""
    atoms = np.arange(len(units))
    apart_pairs = _pairs_of_groups(groups)
    strictness = (1 + threshold) / 2
    while (count := int(atoms.max()) + 1) > block:
        sums, heaviness = np.zeros((count, units.shape[1])), np.bincount(atoms, weights=weights)
        np.add.at(sums, atoms, units * weights[:, None])
        apart_rows = np.unique(atoms[apart_pairs], axis=0) if len(apart_pairs) else apart_pairs
        parent = np.arange(count)
        for first in range(0, count, block):
            last = min(first + block, count)
            inside = apart_rows[((apart_rows >= first) & (apart_rows < last)).all(axis=1)] - first
            local = np.zeros((last - first, last - first), dtype=bool)
            local[inside[:, 0], inside[:, 1]] = local[inside[:, 1], inside[:, 0]] = True
            history = merge_history(sums[first:last], local, heaviness[first:last], floor=strictness)
            parent[first:last] = first + history.labels(len(history.pairs))
        atoms = first_appearance(parent[atoms])
        if atoms.max() + 1 > 0.8 * count:
            # Nothing much merged at this strictness: be laxer, so that the loop ends.
            strictness -= 0.1
    count = int(atoms.max()) + 1
    apart = np.zeros((count, count), dtype=bool)
    rows = atoms[apart_pairs]
    apart[rows[:, 0], rows[:, 1]] = apart[rows[:, 1], rows[:, 0]] = True
    np.fill_diagonal(apart, False)
    return atoms, apart


def _pairs_of_groups(groups: np.ndarray) -> np.ndarray:
    """Pairs of items that share a group, (pairs, 2)."""
    order = np.argsort(groups, kind="stable")
    pairs = [
        np.column_stack([order[:-gap], order[gap:]])[groups[order[:-gap]] == groups[order[gap:]]]
        for gap in range(1, min(len(groups), int(np.bincount(first_appearance(groups)).max())))
    ]
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=int)


def _cut(
    sums: np.ndarray,
    apart: np.ndarray,
    weights: np.ndarray,
    threshold: float,
    minimum_weight: float,
    least: int,
    most: int,
) -> np.ndarray:
    """Cluster of each atom, -1 where the cluster is too light."""
    history = merge_history(sums, apart, weights)

    def after(merges: int) -> tuple[np.ndarray, int]:
        labels = history.labels(merges)
        heavy = np.bincount(labels, weights=weights, minlength=len(weights)) >= minimum_weight
        present = np.zeros(len(weights), dtype=bool)
        present[labels] = True
        return labels, int((heavy & present).sum())

    chosen = int((history.similarities >= threshold).cumprod().sum())
    labels, speakers = after(chosen)
    # The cut nearest to the threshold whose number of heavy clusters lies within the bounds.
    for merges in sorted(range(len(history.pairs) + 1), key=lambda cut: (abs(cut - chosen), -cut)):
        if least <= max(speakers, 1) <= most:
            break
        labels, speakers = after(merges)
    else:
        if not least <= max(speakers, 1) <= most:
            labels, _ = after(len(history.pairs) if max(speakers, 1) > most else max(0, len(weights) - least))
    total = np.bincount(labels, weights=weights, minlength=len(weights))
    order = np.argsort(-total, kind="stable")
    present = np.unique(labels)
    heavy = [label for label in order if label in present and total[label] >= minimum_weight][:most]
    heavy = heavy or [int(order[0])]
    # Fewer heavy clusters than asked for: the next heaviest make up the number.
    heavy += [label for label in order if label in present and label not in heavy][: max(0, least - len(heavy))]
    return np.where(np.isin(labels, heavy), labels, -1)


def assign_within_groups(similarity: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Give each item its most similar cluster, no two items of a group the same one.

    Parameters
    ----------
    similarity : ndarray of shape (n, clusters)
        NaN or -inf where an item cannot be judged; it then gets what is left, or nothing.
    groups : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of int, shape (n,)
        The cluster, by the assignment of the group with the greatest sum; -1 where a group has more items than
        there are clusters, or the item cannot be judged.

    Chapter: clustering
    """
    similarity = np.asarray(similarity, dtype=np.float64)
    labels = np.full(len(similarity), -1)
    judged = np.isfinite(similarity).all(axis=1)
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(np.asarray(groups)[order])) + 1):
        members = members[judged[members]]
        if len(members):
            rows, columns = linear_sum_assignment(similarity[members], maximize=True)
            labels[members[rows]] = columns
    return labels
