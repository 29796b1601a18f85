"""The speaker cache: a bounded number of centroids that stand for everything heard so far.

Recent stretches are points of their own, so that they can still be grouped anew. Older ones are merged, the most alike
of one speaker first, until no more than a fixed number is left: that is the pre-clusterer of multi-stage clustering.
The main clusterer, agglomerative with thresholds that know durations, always sees the merged and the recent points
together.

Chapter: streaming
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarbook.clustering.constrained import MergeRule, constrained_agglomerative

UNDECIDED = -1


def kept_labels(groups: np.ndarray, labels: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Which old label each new group of points keeps.

    Parameters
    ----------
    groups, labels : ndarray of int, shape (n,)
        New group, and old label or ``UNDECIDED``, of each point.
    seconds : ndarray of shape (n,)

    Returns
    -------
    ndarray of int, shape (groups,)
        The one-to-one assignment under which the most seconds keep their label; ``UNDECIDED`` for a group left over.

    References
    ----------
    kuhn1955hungarian

    Examples
    --------
    Group 0 holds 5 s of label 7 and 4 s of label 3, group 1 holds 3 s of label 7: the two keep 7 s if they are 3 and 7.

    >>> kept_labels(np.array([0, 0, 1]), np.array([7, 3, 7]), np.array([5.0, 4.0, 3.0])).tolist()
    [3, 7]

    Chapter: streaming
    """
    result = np.full(int(groups.max(initial=-1)) + 1, UNDECIDED)
    decided = labels != UNDECIDED
    if decided.any():
        kept = np.unique(labels[decided])
        shared = np.zeros((len(result), len(kept)))
        np.add.at(shared, (groups[decided], np.searchsorted(kept, labels[decided])), seconds[decided])
        rows, columns = linear_sum_assignment(shared, maximize=True)
        good = shared[rows, columns] > 0
        result[rows[good]] = kept[columns[good]]
    return result


class SpeakerCache:
    """Points, each a sum of unit embeddings times seconds, with the label under which it was emitted.

    Parameters
    ----------
    rule : MergeRule
    minimum_speaker : float
        Seconds that make a group of points a speaker.
    points : int
        Most points that are older than the present chunks.
    max_speakers : int
        Most labels that are remembered.

    References
    ----------
    wang2022multistage

    Chapter: streaming
    """

    def __init__(self, rule: MergeRule, minimum_speaker: float, points: int, max_speakers: int) -> None:
        self.rule, self.minimum_speaker = rule, minimum_speaker
        self.points, self.max_speakers = points, max_speakers
        self.sums = np.zeros((0, 0))
        self.seconds = np.zeros(0)
        self.labels = np.zeros(0, dtype=int)
        self.stretches = np.zeros(0, dtype=int)  # running number of the last stretch in each point
        self.agreement = np.zeros((0, 0))
        self.evidence = np.zeros((0, 0))
        self.old = 0  # points before this row are merged ones: no chunk that is still held sees them

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def nbytes(self) -> int:
        """Bytes that the points and what chunks said of their pairs take."""
        arrays = (self.sums, self.seconds, self.labels, self.stretches, self.agreement, self.evidence)
        return sum(array.nbytes for array in arrays)

    def add(self, units: np.ndarray, seconds: np.ndarray, stretches: np.ndarray, labels: np.ndarray) -> None:
        """Append points, in order of time.

        Parameters
        ----------
        units : ndarray of shape (n, d)
        seconds : ndarray of shape (n,)
        stretches : ndarray of int, shape (n,)
            Running numbers.
        labels : ndarray of int, shape (n,)
            Under which their beginning was emitted, or ``UNDECIDED``.

        Chapter: streaming
        """
        sums = units * seconds[:, None]
        self.sums = sums if not len(self) else np.concatenate([self.sums, sums])
        self.seconds = np.concatenate([self.seconds, seconds])
        self.labels = np.concatenate([self.labels, labels])
        self.stretches = np.concatenate([self.stretches, stretches])
        self.agreement, self.evidence = self.tables(len(seconds))

    def link(self, rows: np.ndarray, agreement: np.ndarray, evidence: np.ndarray) -> None:
        """Replace what the chunks say of pairs of these points; both tables have shape (n, n).

        Chapter: streaming
        """
        self.agreement[np.ix_(rows, rows)], self.evidence[np.ix_(rows, rows)] = agreement, evidence

    def tables(self, further: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Copies of the tables of agreement and of evidence, with zeros for so many further points.

        Chapter: streaming
        """
        grow = ((0, further), (0, further))
        return np.pad(self.agreement, grow), np.pad(self.evidence, grow)

    def commit(self, rows: np.ndarray, labels: np.ndarray) -> None:
        """Note under which label points were emitted; a point that has one keeps it.

        Chapter: streaming
        """
        fresh = self.labels[rows] == UNDECIDED
        self.labels[rows[fresh]] = labels[fresh]

    def cluster(
        self,
        units: np.ndarray | None = None,
        seconds: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        agreement: np.ndarray | None = None,
        evidence: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Group all points anew, and say which old label each group keeps.

        Parameters
        ----------
        units, seconds, labels : ndarray of shape (m, d), (m,) and (m,), optional
            Further points for this time only.
        agreement, evidence : ndarray of shape (n + m, n + m), optional
            What the chunks say of all pairs, the further points last.

        Returns
        -------
        groups : ndarray of int, shape (n + m,)
        labels : ndarray of int, shape (groups,)
            The label of each group, or ``UNDECIDED`` for a new voice. The assignment keeps as many seconds as can be
            under the label under which they were emitted, and gives no label twice.

        Chapter: streaming
        """
        points, weights, known = self.sums, self.seconds, self.labels
        if units is not None and len(units):
            extra = units * seconds[:, None]
            points = np.concatenate([points, extra]) if len(points) else extra
            weights, known = np.concatenate([weights, seconds]), np.concatenate([known, labels])
        else:
            agreement, evidence = self.agreement, self.evidence
        if not len(points):
            return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
        groups = constrained_agglomerative(
            points, weights, agreement, evidence, rule=self.rule, minimum_seconds=self.minimum_speaker
        )
        return groups, kept_labels(groups, known, weights)

    def speakers(self) -> dict[int, tuple[np.ndarray, float]]:
        """Sum of the embeddings, and seconds, of every label that is remembered.

        Chapter: streaming
        """
        return {
            int(label): (self.sums[self.labels == label].sum(axis=0), float(self.seconds[self.labels == label].sum()))
            for label in np.unique(self.labels)
            if label != UNDECIDED
        }

    def shrink(self, old: int) -> dict[int, int]:
        """Let the first ``old`` points be merged until the bounds hold.

        Returns
        -------
        dict of int to int
            Running numbers of stretches that were merged into others, and those others'.

        Chapter: streaming
        """
        self.old = old
        moved: dict[int, int] = {}
        # What was never given to a speaker by the time it is old says nothing that will be asked for.
        while (stray := np.flatnonzero(self.labels[: self.old] == UNDECIDED)).size:
            self._drop(int(stray[0]))
        while len(labels := np.unique(self.labels[self.labels != UNDECIDED])) > self.max_speakers:
            present = set(self.labels[self.old :].tolist())
            gone = [label for label in labels if label not in present] or list(labels[:-1])
            total = {label: self.seconds[self.labels == label].sum() for label in gone}
            for row in reversed(np.flatnonzero(self.labels == min(gone, key=lambda label: (total[label], label)))):
                self._drop(int(row))
        while self.old > self.points and (pair := self._closest_pair()) is not None:
            kept, gone = pair
            other, last = sorted((int(self.stretches[kept]), int(self.stretches[gone])))
            moved[other] = last
            self.sums[kept] += self.sums[gone]
            self.seconds[kept] += self.seconds[gone]
            self.stretches[kept] = last
            for table in (self.agreement, self.evidence):
                table[kept] += table[gone]
                table[:, kept] += table[:, gone]
                table[kept, kept] = 0
            self._drop(gone)
        return moved

    def _closest_pair(self) -> tuple[int, int] | None:
        """Rows of the two old points of one label that are most alike, attenuated as the rule does."""
        units = self.sums[: self.old] / np.maximum(np.linalg.norm(self.sums[: self.old], axis=1), 1e-12)[:, None]
        labels = self.labels[: self.old]
        seconds = self.seconds[: self.old]
        margin = self.rule.margin(
            units @ units.T, seconds[:, None], seconds[None, :], np.zeros((self.old,) * 2), np.zeros((self.old,) * 2)
        )
        margin[(labels[:, None] != labels[None, :]) | ~np.tri(self.old, k=-1, dtype=bool).T] = -np.inf
        if not self.old or not np.isfinite(margin).any():
            return None
        kept, gone = np.unravel_index(margin.argmax(), margin.shape)
        return int(kept), int(gone)

    def _drop(self, row: int) -> None:
        keep = np.arange(len(self)) != row
        self.old -= row < self.old
        self.sums, self.seconds = self.sums[keep], self.seconds[keep]
        self.labels, self.stretches = self.labels[keep], self.stretches[keep]
        self.agreement, self.evidence = self.agreement[keep][:, keep], self.evidence[keep][:, keep]
