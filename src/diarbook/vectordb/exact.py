"""Exact search: one product of a matrix and a vector, and how much of its result another search finds.

Chapter: vectordb
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from diarbook.errors import VectorStoreError
from diarbook.vectordb.base import VectorStore, explained, nearest
from diarbook.vectordb.records import Records, load_snapshot, save_snapshot

BLOCK_SCORES = 20_000_000
"""Scores in memory at once."""


def exact_search(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows of each query, by looking at all of them.

    Parameters
    ----------
    vectors : array of shape (n, d)
        Of length one.
    queries : array of shape (m, d)
        Of length one.
    k : int
        1 to n.

    Returns
    -------
    positions : ndarray of int, shape (m, k)
        Rows of ``vectors``, nearest first; ties in their order.
    scores : ndarray of shape (m, k)
        Cosine similarity.

    Raises
    ------
    VectorStoreError
        When ``k`` is out of range or the dimensions differ.

    Chapter: vectordb
    """
    vectors, queries = np.atleast_2d(vectors), np.atleast_2d(queries)
    if vectors.shape[1] != queries.shape[1]:
        raise VectorStoreError(
            f"exact_search: vectors have {vectors.shape[1]} dimensions, queries {queries.shape[1]}; embed both alike"
        )
    if not 1 <= k <= len(vectors):
        raise VectorStoreError(f"exact_search: k must be 1 to {len(vectors)}, got {k}")
    positions, cosines = np.empty((len(queries), k), dtype=int), np.empty((len(queries), k), dtype=np.float32)
    for row, scores in enumerate(_all_scores(vectors, queries)):
        best = nearest(scores, k)
        order = np.lexsort((best, -np.round(scores[best], 6)))[:k]
        positions[row], cosines[row] = best[order], scores[best[order]]
    return positions, np.clip(cosines, -1.0, 1.0)  # rounding can go beyond


def _all_scores(vectors: np.ndarray, queries: np.ndarray) -> Iterator[np.ndarray]:
    """Scores of every vector, query by query; several queries share one product."""
    rows = max(1, BLOCK_SCORES // max(1, len(vectors)))
    for start in range(0, len(queries), rows):
        yield from queries[start : start + rows] @ vectors.T  # eq: vec-scores, for several q at once


def recall_at_k(results: Sequence[Iterable], truth: Sequence[Iterable], k: int) -> float:
    """Mean share of the ``k`` truly nearest that a search returned among its first ``k``.

    Parameters
    ----------
    results, truth : sequence of sequence
        Ids or positions for each query, nearest first.
    k : int
        The truth must hold so many for each query.

    Returns
    -------
    float
        NaN without queries.

    Raises
    ------
    VectorStoreError
        When the numbers of queries differ, or the truth is too short.

    References
    ----------
    aumuller2020annbenchmarks

    Chapter: vectordb
    """
    if len(results) != len(truth):
        raise VectorStoreError(f"recall: {len(results)} results for {len(truth)} queries; give one for each")
    if not len(truth):
        return float("nan")
    shares = []
    for got, true in zip(results, truth, strict=True):
        true = list(true)[:k]
        if len(true) < k:
            raise VectorStoreError(f"recall at {k}: the truth holds {len(true)} for a query; search exactly for {k}")
        shares.append(len(set(list(got)[:k]) & set(true)) / k)  # eq: vec-recall
    return float(np.mean(shares))


class ExactStore(VectorStore):
    """The reference: a matrix in memory, compared whole. :meth:`flush` writes it to the disk, all or nothing.

    Chapter: vectordb
    """

    OPTIONS = ()
    SERVER = False
    IN_MEMORY = True

    def __init__(self, name: str, dimension: int, path: Path | None) -> None:
        super().__init__(name, dimension, path)
        self._records, self._matrix = Records(), np.empty((0, dimension), dtype=np.float32)
        self._rows = np.empty(0, dtype=np.int64)  # the key of each row, ascending
        self._saved = True
        if path is not None and (saved := load_snapshot(name, path)):
            self._records = saved.records
            self._rows = np.array(sorted(self._records.names), dtype=np.int64)
            with explained(f"{path}", f"{saved.data.name} is damaged; restore the folder from a copy"):
                self._matrix = np.load(saved.data, allow_pickle=False)
            if self._matrix.shape != (len(self._rows), dimension) or self._matrix.dtype != np.float32:
                raise VectorStoreError(
                    f"{path}: {saved.data.name} holds {self._matrix.dtype} of shape {self._matrix.shape}, expected"
                    f" float32 of {(len(self._rows), dimension)}: it is damaged; restore the folder from a copy"
                )

    def _count(self) -> int:
        return len(self._records)

    def _batches(self, count: int) -> Iterator[slice]:
        return iter([slice(0, count)])  # each addition copies the matrix: one is enough

    def _known(self, ids: list[str]) -> set[str]:
        return self._records.known(ids)

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        keys = self._records.add(ids, metadata)
        self._matrix = np.concatenate([self._matrix, vectors])
        self._rows = np.concatenate([self._rows, keys])
        self._saved = False

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        self._matrix[np.searchsorted(self._rows, self._records.keys_of(ids))] = vectors
        if metadata is not None:
            self._records.replace_metadata(ids, metadata)
        self._saved = False

    def _delete(self, ids: list[str]) -> None:
        keep = ~np.isin(self._rows, self._records.remove(ids))
        self._matrix, self._rows = self._matrix[keep], self._rows[keep]
        self._saved = False

    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterator[list[tuple[str, float]]]:
        rows = self._rows
        matrix = self._matrix
        if where is not None:
            allowed = np.isin(rows, self._records.matching(where))
            rows, matrix = rows[allowed], matrix[allowed]
        names = self._records.names
        if not len(rows):
            return iter([[] for _ in queries])
        return (
            [(names[rows[row]], scores[row]) for row in nearest(scores, min(k, len(rows)))]
            for scores in _all_scores(matrix, queries)
        )

    def _flush(self) -> None:
        """Write matrix, ids and metadata, all or nothing."""
        if self.path is not None and not self._saved:
            save_snapshot(self.path, self._records, ".npy", lambda file: np.save(file, self._matrix))
            self._saved = True

    def _close(self) -> None:
        self._records, self._matrix = Records(), np.empty((0, self.dimension), dtype=np.float32)
        self._rows, self._saved = np.empty(0, dtype=np.int64), True
