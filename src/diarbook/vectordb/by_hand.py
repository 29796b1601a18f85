"""The three ideas behind fast search, short enough to read: cells, codes, and edges.

They are for reading. FAISS runs the same methods a hundred times as fast.

Chapter: vectordb
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np

from diarbook.clustering.kmeans import fit_k_means, lloyd, squared_distances
from diarbook.errors import VectorStoreError


@dataclass(frozen=True, eq=False)
class InvertedFile:
    """Vectors sorted into the cells of their nearest centroids.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
        Of length one.
    centroids : ndarray of shape (lists, d)
    lists : tuple of ndarray of int
        Rows of ``vectors`` in each cell.

    Chapter: vectordb
    """

    vectors: np.ndarray
    centroids: np.ndarray
    lists: tuple[np.ndarray, ...]

    def search(self, query: np.ndarray, k: int, probes: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the nearest vectors in the ``probes`` nearest cells, and their cosines.

        Chapter: vectordb
        """
        opened = np.argsort(-(self.centroids @ query))[:probes]  # eq: vec-probes
        rows = np.concatenate([self.lists[cell] for cell in opened])
        scores = self.vectors[rows] @ query  # eq: vec-scores, for these rows only
        best = np.argsort(-scores)[:k]
        return rows[best], scores[best]


def build_inverted_file(vectors: np.ndarray, lists: int, *, iterations: int = 10, seed: int = 0) -> InvertedFile:
    """Sort vectors into cells, by k-means with centroids of length one.

    Parameters
    ----------
    vectors : array of shape (n, d)
        Of length one.
    lists, iterations, seed : int

    References
    ----------
    sivic2003video

    Chapter: vectordb
    """
    fit = fit_k_means(vectors, lists, restarts=1, iterations=iterations, seed=seed, spherical=True)
    centroids = fit.centers.astype(np.float32)
    nearest = (vectors @ centroids.T).argmax(axis=1)
    return InvertedFile(vectors, centroids, tuple(np.flatnonzero(nearest == cell) for cell in range(lists)))


@dataclass(frozen=True, eq=False)
class ProductQuantizer:
    """A codebook for each part of a vector.

    Parameters
    ----------
    codebooks : ndarray of shape (parts, codewords, d / parts)

    Chapter: vectordb
    """

    codebooks: np.ndarray

    def _parts(self, vectors: np.ndarray) -> np.ndarray:
        return np.atleast_2d(vectors).reshape(-1, len(self.codebooks), self.codebooks.shape[2])

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """The nearest word of each part: uint8 of shape (n, parts).

        Chapter: vectordb
        """
        parts = self._parts(vectors)
        columns = [
            squared_distances(parts[:, m], book).argmin(axis=1) for m, book in enumerate(self.codebooks)
        ]  # eq: vec-encode
        return np.stack(columns, axis=1).astype(np.uint8)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """What the codes stand for: shape (n, d).

        Chapter: vectordb
        """
        return np.concatenate([book[codes[:, m]] for m, book in enumerate(self.codebooks)], axis=1)

    def scores(self, query: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Inner products of a whole query with coded vectors: the query is not rounded, hence asymmetric.

        Chapter: vectordb
        """
        table = np.einsum("mwd,md->mw", self.codebooks, self._parts(query)[0])  # eq: vec-table, a table for this query
        return table[np.arange(len(table)), codes].sum(axis=1)  # eq: vec-lookup, one look-up a part


def train_product_quantizer(
    vectors: np.ndarray, parts: int, codewords: int = 256, *, iterations: int = 8, seed: int = 0
) -> ProductQuantizer:
    """Learn a codebook for each part, by k-means from randomly chosen vectors.

    Parameters
    ----------
    vectors : array of shape (n, d)
    parts : int
        A divisor of d.
    codewords : int
        2 to 256; at most n.
    iterations, seed : int

    Raises
    ------
    VectorStoreError
        When ``parts`` does not divide d, or ``codewords`` is out of range.

    References
    ----------
    jegou2011pq

    Chapter: vectordb
    """
    count, dimension = vectors.shape
    if parts < 1 or dimension % parts:
        raise VectorStoreError(f"product quantizer: {parts} parts do not divide {dimension} dimensions; give a divisor")
    if not 2 <= codewords <= min(256, count):
        raise VectorStoreError(f"product quantizer: codewords must be 2 to {min(256, count)}, got {codewords}")
    random = np.random.default_rng(seed)
    pieces = np.split(vectors, parts, axis=1)  # eq: vec-split
    books = [
        lloyd(piece, piece[random.choice(count, codewords, replace=False)], iterations).centers.astype(np.float32)
        for piece in pieces
    ]
    return ProductQuantizer(np.stack(books))


@dataclass(eq=False)
class SmallWorld:
    """A graph of neighbors in layers: few nodes on the top one, all of them on the lowest.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
        Of length one.
    edges : int
        Neighbors of a node, twice as many on the lowest layer.
    width : int
        How many candidates are kept while building.
    layers : list of dict of int to list of int
        Neighbors of each node, by layer from the lowest.
    entry : int
        Where every search starts; -1 when the graph is empty.

    Chapter: vectordb
    """

    vectors: np.ndarray
    edges: int = 8
    width: int = 40
    layers: list[dict[int, list[int]]] = field(default_factory=list)
    entry: int = -1

    def search(self, query: np.ndarray, k: int, width: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Rows of the ``k`` nearest, their cosines, and how many vectors were compared.

        Chapter: vectordb
        """
        start, looked = [self.entry], 0
        for layer in reversed(self.layers[1:]):
            nearest, seen = self._walk(query, start, 1, layer)  # greedy: keep the single best
            start, looked = [nearest[0][1]], looked + seen
        nearest, seen = self._walk(query, start, max(width, k), self.layers[0])
        rows = np.array([row for _, row in nearest[:k]], dtype=int)
        return rows, np.array([score for score, _ in nearest[:k]]), looked + seen

    def _walk(self, query: np.ndarray, start: list[int], width: int, layer: dict) -> tuple[list, int]:
        """Best-first search of one layer: (cosine, row), best first, and how many vectors were compared."""
        scores = self.vectors[start] @ query
        seen = set(start)
        ahead = [(-score, row) for score, row in zip(scores.tolist(), start, strict=True)]  # best on top
        kept = [(score, row) for score, row in zip(scores.tolist(), start, strict=True)]  # worst on top
        heapq.heapify(ahead)
        heapq.heapify(kept)
        while ahead:
            score, row = heapq.heappop(ahead)
            if len(kept) >= width and -score < kept[0][0]:
                break  # nothing that is left can lead nearer
            fresh = [other for other in layer[row] if other not in seen]
            if not fresh:
                continue
            seen.update(fresh)
            for value, other in zip((self.vectors[fresh] @ query).tolist(), fresh, strict=True):
                if len(kept) < width or value > kept[0][0]:
                    heapq.heappush(ahead, (-value, other))
                    heapq.heappush(kept, (value, other))
                    if len(kept) > width:
                        heapq.heappop(kept)
        return sorted(kept, reverse=True), len(seen)

    def insert(self, row: int, level: int) -> None:
        """Link a vector into all layers up to ``level``.

        Chapter: vectordb
        """
        query, start = self.vectors[row], [self.entry]
        top = len(self.layers) - 1
        for layer in reversed(self.layers[level + 1 :]):
            start = [self._walk(query, start, 1, layer)[0][0][1]]
        for number in range(min(level, top), -1, -1):
            layer = self.layers[number]
            nearest, _ = self._walk(query, start, self.width, layer)
            limit = self.edges * (2 if number == 0 else 1)
            layer[row] = self._spread(nearest, self.edges)
            for other in layer[row]:
                layer[other].append(row)
                if len(layer[other]) > limit:
                    scores = (self.vectors[layer[other]] @ self.vectors[other]).tolist()
                    ordered = sorted(zip(scores, layer[other], strict=True), reverse=True)
                    layer[other] = self._spread(ordered, limit)
            start = [one for _, one in nearest]
        while len(self.layers) <= level:
            self.layers.append({row: []})
            self.entry = row

    def _spread(self, nearest: list[tuple[float, int]], limit: int) -> list[int]:
        """Near neighbors that are nearer to the node than to each other: edges in all directions."""
        chosen: list[int] = []
        for score, row in nearest:
            if len(chosen) == limit:
                break
            if not chosen or (self.vectors[chosen] @ self.vectors[row]).max() < score:
                chosen.append(row)
        return chosen


def build_small_world(vectors: np.ndarray, *, edges: int = 8, width: int = 40, seed: int = 0) -> SmallWorld:
    """Link vectors one after the other; each one's highest layer is drawn at random.

    Parameters
    ----------
    vectors : array of shape (n, d)
        Of length one; one or more.
    edges, width, seed : int

    References
    ----------
    malkov2020hnsw

    Chapter: vectordb
    """
    graph = SmallWorld(vectors, edges, width)
    random = np.random.default_rng(seed)
    levels = np.floor(-np.log(1 - random.random(len(vectors))) / math.log(edges)).astype(int)  # eq: vec-level
    graph.layers, graph.entry = [{0: []} for _ in range(levels[0] + 1)], 0
    for row in range(1, len(vectors)):
        graph.insert(row, int(levels[row]))
    return graph
