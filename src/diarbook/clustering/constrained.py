"""Clustering with more to go by than the embeddings: how much speech is behind each, and who cannot be whom.

Chapter: clustering
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from diarbook.checks import check_embeddings
from diarbook.clustering.common import check_range, first_appearance, unit_rows
from diarbook.errors import OptionError

BLOCK = 600


@dataclass(frozen=True, slots=True)
class MergeRule:
    """When two clusters are one speaker.

    The cosine of two centroids is attenuated by noise, the more the less speech they are made of: between two samples
    of one voice it is about ``sqrt(r(a) r(b))`` with ``r(t) = t / (t + reliability_seconds)``. So the threshold is
    attenuated as well, and what the chunks say of the pair is added.

    Parameters
    ----------
    threshold : float
        Least cosine of two clusters with endless speech.
    reliability_seconds : float
        Seconds of speech at which half of an embedding's variance is the speaker's.
    bonus, penalty : float
        Added to, or taken off, the cosine when all chunks agree that they are the same, or different.
    full_evidence : float
        Seconds of evidence from which on the chunks count in full.

    Chapter: clustering
    """

    threshold: float = 0.55
    reliability_seconds: float = 3.0
    bonus: float = 0.05
    penalty: float = 0.3
    full_evidence: float = 1.0

    def margin(
        self,
        cosine: np.ndarray,
        seconds: np.ndarray,
        other_seconds: np.ndarray,
        agreement: np.ndarray,
        evidence: np.ndarray,
    ) -> np.ndarray:
        """How far two clusters are from the point of indifference; at 0 or above they may merge."""
        reliability = np.sqrt(seconds / (seconds + self.reliability_seconds))
        other = np.sqrt(other_seconds / (other_seconds + self.reliability_seconds))
        return cosine - self.threshold * reliability * other + self.evidence_offset(agreement, evidence)

    def evidence_offset(self, agreement: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """What the chunks add to the cosine."""
        verdict = np.divide(agreement, evidence, out=np.zeros_like(evidence), where=evidence > 0)
        verdict = verdict * np.minimum(1, evidence / self.full_evidence)
        return np.where(verdict > 0, self.bonus, self.penalty) * verdict


DEFAULT_RULE = MergeRule()


def _merge_all(
    sums: np.ndarray, seconds: np.ndarray, agreement: np.ndarray, evidence: np.ndarray, rule: MergeRule, floor: float
) -> Iterator[tuple[int, int, float]]:
    """Merge the pair with the greatest margin until all are below ``floor``: (kept, gone, margin) of each merge.

    Memory is quadratic in the number of clusters. Each row remembers its best partner, so time nearly is, too.
    """
    count = len(sums)
    sums, seconds, agreement, evidence = sums.copy(), seconds.astype(float), agreement.copy(), evidence.copy()
    directions = unit_rows(sums)
    alive = np.ones(count, dtype=bool)
    margin = rule.margin(directions @ directions.T, seconds[:, None], seconds[None, :], agreement, evidence)
    np.fill_diagonal(margin, -np.inf)
    best = margin.argmax(axis=1)
    score = margin[np.arange(count), best]
    for _ in range(count - 1):
        first = int(score.argmax())
        if score[first] < floor:
            return
        kept, gone = sorted((first, int(best[first])))
        yield kept, gone, float(score[first])
        sums[kept] += sums[gone]
        seconds[kept] += seconds[gone]
        directions[kept] = sums[kept] / max(np.linalg.norm(sums[kept]), 1e-12)
        for table in (agreement, evidence):
            table[kept] += table[gone]
            table[:, kept] = table[kept]
        alive[gone] = False
        row = rule.margin(directions @ directions[kept], seconds[kept], seconds, agreement[kept], evidence[kept])
        row[~alive] = -np.inf
        row[kept] = -np.inf
        margin[kept], margin[:, kept] = row, row
        margin[gone], margin[:, gone] = -np.inf, -np.inf
        score[gone] = -np.inf
        # Rows whose best partner has just changed look again; for the others only the new cluster is news.
        stale = alive & ((best == kept) | (best == gone))
        stale[kept] = True
        better = alive & ~stale & (row > score)
        best[better], score[better] = kept, row[better]
        best[stale] = margin[stale].argmax(axis=1)
        score[stale] = margin[stale, best[stale]]


def _labels_after(merges: list[tuple[int, int, float]], count: int) -> np.ndarray:
    """Cluster of each item after those merges, as the item that stands for it."""
    parent = np.arange(count)
    for kept, gone, _ in merges:
        parent[parent == gone] = kept
    return parent


def _totals(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Sum of the rows of each label."""
    totals = np.zeros((labels.max() + 1, *values.shape[1:]))
    np.add.at(totals, labels, values)
    return totals


def constrained_agglomerative(
    embeddings: np.ndarray,
    seconds: np.ndarray | None = None,
    agreement: csr_array | np.ndarray | None = None,
    evidence: csr_array | np.ndarray | None = None,
    *,
    rule: MergeRule = DEFAULT_RULE,
    minimum_seconds: float = 0.0,
    clusters: int | None = None,
    minimum_speakers: int = 1,
    maximum_speakers: int | None = None,
    block: int = BLOCK,
) -> np.ndarray:
    """Agglomerative clustering by centroids, with thresholds that know the durations, and with evidence of chunks.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
        In order of time.
    seconds : ndarray of shape (n,), optional
        Speech behind each embedding; 1 s by default.
    agreement, evidence : arrays of shape (n, n), optional
        Sparse or dense, symmetric. Evidence is how many seconds of speech the chunks judged a pair by, agreement
        the same times their verdict, from -1 (different speakers) to 1 (the same).
    rule : MergeRule
    minimum_seconds : float
        A cluster with less speech is no speaker: its items join the most similar cluster that is one.
        The largest cluster always is one.
    clusters, minimum_speakers, maximum_speakers : int, optional
        Bounds on the number of speakers; they win over the rule.
    block : int
        More items than this are first clustered within blocks of consecutive ones; the blocks' clusters then
        take the items' place, again if need be. So memory is quadratic in ``block`` and time is linear in n.

    Returns
    -------
    ndarray of int, shape (n,)
        Numbered by first appearance.

    Raises
    ------
    OptionError
        When shapes do not fit or the bounds contradict each other.

    Chapter: clustering
    """
    points = check_embeddings(embeddings)
    count = len(points)
    seconds = np.ones(count) if seconds is None else np.asarray(seconds, dtype=np.float64)
    if seconds.shape != (count,) or (seconds <= 0).any():
        raise OptionError(f"seconds: expected {count} positive numbers, one for each embedding")
    empty = csr_array((count, count))
    agreement = empty if agreement is None else csr_array(agreement)
    evidence = empty if evidence is None else csr_array(evidence)
    if agreement.shape != (count, count) or evidence.shape != (count, count):
        raise OptionError(f"agreement and evidence must have shape ({count}, {count}), as there are {count} embeddings")
    least, most = check_range(minimum_speakers, maximum_speakers, clusters, max(count, 1))
    if count == 0:
        return np.zeros(0, dtype=int)
    units = unit_rows(points)
    atoms = _atoms(units * seconds[:, None], seconds, agreement, evidence, rule, block)
    sums, atom_seconds = _totals(units * seconds[:, None], atoms), _totals(seconds, atoms)
    labels = _cut(sums, atom_seconds, *_between(agreement, evidence, atoms), rule, minimum_seconds, least, most)[atoms]
    return first_appearance(_dissolve_small(units, seconds, labels))


def _between(agreement: csr_array, evidence: csr_array, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chunks' tables between clusters, dense, nothing on the diagonal."""
    count = int(atoms.max()) + 1
    member = csr_array((np.ones(len(atoms)), (np.arange(len(atoms)), atoms)), shape=(len(atoms), count))
    tables = [(member.T @ table @ member).toarray() for table in (agreement, evidence)]
    for table in tables:
        np.fill_diagonal(table, 0.0)
    return tables[0], tables[1]


def _atoms(
    sums: np.ndarray, seconds: np.ndarray, agreement: csr_array, evidence: csr_array, rule: MergeRule, block: int
) -> np.ndarray:
    """Merge within blocks until a quadratic method can take the rest: cluster of each item, in order of time."""
    atoms = np.arange(len(sums))
    while (count := int(atoms.max()) + 1) > block:
        atom_sums, atom_seconds = _totals(sums, atoms), _totals(seconds, atoms)
        parent = np.arange(count)
        for first in range(0, count, block):
            chosen = np.arange(first, min(first + block, count))
            index = np.flatnonzero(np.isin(atoms, chosen))
            tables = _between(agreement[index][:, index], evidence[index][:, index], atoms[index] - first)
            merges = list(_merge_all(atom_sums[chosen], atom_seconds[chosen], *tables, rule, floor=0.0))
            parent[chosen] = first + _labels_after(merges, len(chosen))
        atoms = first_appearance(parent[atoms])
        if atoms.max() + 1 > 0.9 * count:
            block *= 2
    return atoms


def _cut(
    sums: np.ndarray,
    seconds: np.ndarray,
    agreement: np.ndarray,
    evidence: np.ndarray,
    rule: MergeRule,
    minimum_seconds: float,
    least: int,
    most: int,
) -> np.ndarray:
    """Cluster of each atom; -1 for those of clusters too small to be a speaker."""
    bounded = least > 1 or most < len(sums)
    merges = list(_merge_all(sums, seconds, agreement, evidence, rule, floor=-np.inf if bounded else 0.0))
    chosen = int(np.cumprod([margin >= 0 for *_, margin in merges]).sum()) if merges else 0

    def after(cut: int) -> tuple[np.ndarray, np.ndarray]:
        labels = _labels_after(merges[:cut], len(seconds))
        return labels, np.bincount(labels, weights=seconds, minlength=len(seconds))

    labels, total = after(chosen)
    if bounded:
        # The cut nearest to the rule's own whose number of speakers lies within the bounds.
        for cut in sorted(range(len(merges) + 1), key=lambda cut: (abs(cut - chosen), cut)):
            labels, total = after(cut)
            if least <= max(1, int((total >= max(minimum_seconds, 1e-9)).sum())) <= most:
                break
        else:
            labels, total = after(max(0, len(seconds) - least) if len(seconds) >= least else 0)
    order = [int(label) for label in np.argsort(-total, kind="stable") if total[label] > 0]
    enough = [label for label in order if total[label] >= minimum_seconds][:most]
    # Fewer than asked for are large enough: the next largest make up the number.
    speakers = enough if len(enough) >= least else order[:least]
    return np.where(np.isin(labels, speakers), labels, -1)


def _dissolve_small(units: np.ndarray, seconds: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give items labeled -1 the label of the most similar centroid."""
    small = labels < 0
    if not small.any():
        return labels
    names, compact = np.unique(labels[~small], return_inverse=True)
    centroids = unit_rows(_totals((units * seconds[:, None])[~small], compact))
    labels = labels.copy()
    labels[small] = names[(units[small] @ centroids.T).argmax(axis=1)]
    return labels


def assign_crowded(
    embeddings: np.ndarray,
    centroids: np.ndarray,
    agreement: np.ndarray,
    evidence: np.ndarray,
    excluded: np.ndarray,
    chunks: np.ndarray,
    seconds: np.ndarray,
    rule: MergeRule = DEFAULT_RULE,
    *,
    maximum_speakers: int | None = None,
) -> np.ndarray:
    """Give voices that never speak alone the likeliest speaker among those who are not the ones talking over them.

    Parameters
    ----------
    embeddings : ndarray of shape (m, d)
        Of overlapped speech, so hardly more than a hint.
    centroids : ndarray of shape (k, d)
        Of unit length.
    agreement, evidence : ndarray of shape (m, k)
        What the chunks say of each pair, see :class:`MergeRule`.
    excluded : ndarray of bool, shape (m, k)
        Speakers whom a voice cannot be.
    chunks : ndarray of int, shape (m,)
        Where each voice is heard: no two of a chunk get the same speaker of the k.
    seconds : ndarray of shape (m,)
        Voices with more speech choose first.
    rule : MergeRule
    maximum_speakers : int, optional
        When there are that many already, a voice for whom everyone is excluded gets the most similar speaker, if
        possible none whom another voice of its chunk got.

    Returns
    -------
    ndarray of int, shape (m,)
        0 to k - 1, or k, "somebody else", when everyone is excluded and there may be more speakers.

    Examples
    --------
    >>> voice, speakers, nothing = np.array([[1.0, 0.1]]), np.eye(2), np.zeros((1, 2))
    >>> assign_crowded(voice, speakers, nothing, nothing, nothing > 0, np.array([0]), np.array([1.0])).tolist()
    [0]

    Chapter: clustering
    """
    count = len(centroids)
    labels = np.full(len(embeddings), count)
    if count == 0 or len(embeddings) == 0:
        return labels
    cosine = unit_rows(np.asarray(embeddings, dtype=np.float64)) @ centroids.T
    score = cosine + rule.evidence_offset(agreement, evidence)
    full = maximum_speakers is not None and count >= maximum_speakers
    taken = np.zeros(excluded.shape, dtype=bool)  # by another voice of the same chunk
    for item in np.argsort(-seconds, kind="stable"):
        barred = excluded[item] | taken[item]
        if not barred.all():
            labels[item] = int(np.where(barred, -np.inf, score[item]).argmax())
        elif full:
            labels[item] = int(np.where(taken[item] & ~taken[item].all(), -np.inf, cosine[item]).argmax())
        if labels[item] < count:
            taken[chunks == chunks[item], labels[item]] = True
    return labels
