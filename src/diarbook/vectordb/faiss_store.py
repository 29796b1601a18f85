"""FAISS: four indexes behind the store's interface, with names, metadata, deletion and safe files added.

FAISS itself knows vectors and whole-number keys. The rest is ours, and it is what makes an index a store.

Chapter: vectordb
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from diarbook.errors import VectorStoreError
from diarbook.vectordb.base import VectorStore, explained
from diarbook.vectordb.records import Records, load_snapshot, save_snapshot

POINTS_A_LIST = 39
"""FAISS asks for so many training vectors for each centroid."""


class FaissStore(VectorStore):
    """A FAISS index of one of four kinds: flat, ivf, hnsw, pq.

    - The ivf and pq indexes are trained on the first vectors that are added: add a representative batch first.
    - The hnsw index cannot remove: a deleted vector is skipped by every search and stays in memory and on the disk
      until :meth:`compact` builds the index again.
    - The pq index takes no filter and keeps no vectors, only codes: a filtered search asks for more and more results
      until enough of them pass.
    - Nothing reaches the disk before :meth:`flush` or :meth:`close`. One process at a time may write.

    Parameters
    ----------
    name : {"faiss-flat", "faiss-ivf", "faiss-hnsw", "faiss-pq"}
    dimension : int
    path : path, optional
    lists, probes : int
        Of ivf: how many lists (by default 4 times the root of the first batch), how many of them a query opens.
    edges, ef_construction, ef_search : int
        Of hnsw: neighbors of a vector, and how wide the graph is searched while building and while searching.
    parts, bits : int
        Of pq: sub-vectors, and bits of the code of each.

    Raises
    ------
    VectorStoreError
        When the first batch is too small to train on, or ``parts`` does not divide the dimension.

    References
    ----------
    douze2024faiss, johnson2021faiss

    Chapter: vectordb
    """

    OPTIONS = ("lists", "probes", "edges", "ef_construction", "ef_search", "parts", "bits")
    SERVER = False
    IN_MEMORY = True

    def __init__(
        self,
        name: str,
        dimension: int,
        path: Path | None,
        *,
        lists: int | None = None,
        probes: int = 8,
        edges: int = 16,
        ef_construction: int = 100,
        ef_search: int = 64,
        parts: int = 24,
        bits: int = 8,
    ) -> None:
        super().__init__(name, dimension, path)
        self.kind = name.removeprefix("faiss-")
        if self.kind == "pq" and dimension % parts:
            raise VectorStoreError(f"{name}: {parts} parts do not divide {dimension} dimensions; give parts= that do")
        self.probes, self.ef_search = probes, ef_search
        self._lists, self._edges, self._ef_construction = lists, edges, ef_construction
        self._parts, self._bits = parts, bits
        self._records, self._index, self._dead, self._saved = Records(), None, set(), True
        if path is not None and (saved := load_snapshot(name, path)):
            with explained(f"{path}", "the index is damaged; restore the folder from a copy"):
                self._index = _faiss().read_index(str(saved.data))
                self._records, self._dead = saved.records, set(saved.extra.get("dead", []))
            if (self._index.d, self._index.ntotal) != (dimension, len(self._records) + len(self._dead)):
                raise VectorStoreError(
                    f"{path}: the index holds {self._index.ntotal} vectors, its records name"
                    f" {len(self._records) + len(self._dead)}: it is damaged; restore the folder from a copy"
                )

    def _count(self) -> int:
        return len(self._records)

    def _batches(self, count: int) -> Iterator[slice]:
        return iter([slice(0, count)])

    # ------------------------------------------------------------ the index

    def _new_index(self, vectors: np.ndarray):
        faiss = _faiss()
        needed, what = 1, ""
        if self.kind == "ivf":
            fitting = max(1, min(round(4 * math.sqrt(len(vectors))), len(vectors) // POINTS_A_LIST))
            needed = lists = self._lists or fitting
            recipe, what = f"IVF{lists},Flat", f"lists={lists}"
        elif self.kind == "pq":
            needed = 2**self._bits
            # "np": without training for polysemous codes, which is slow and which no search here uses
            recipe, what = f"IDMap2,PQ{self._parts}x{self._bits}np", f"bits={self._bits}"
        else:
            recipe = {"flat": "IDMap2,Flat", "hnsw": f"IDMap2,HNSW{self._edges},Flat"}[self.kind]
        if len(vectors) < needed:
            raise VectorStoreError(
                f"{self.name}: {what} needs {needed} vectors or more to train on, got {len(vectors)};"
                " add a larger first batch or lower it"
            )
        index = faiss.index_factory(self.dimension, recipe, faiss.METRIC_INNER_PRODUCT)
        if self.kind == "hnsw":
            faiss.downcast_index(index.index).hnsw.efConstruction = self._ef_construction
        elif self.kind == "ivf":
            index.cp.min_points_per_centroid = 1  # no advice on standard error; the default follows it anyway
        elif self.kind == "pq":
            faiss.downcast_index(index.index).pq.cp.min_points_per_centroid = 1
        if not index.is_trained:
            index.train(vectors)
        return index

    def _known(self, ids: list[str]) -> set[str]:
        return self._records.known(ids)

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        if not ids:
            return
        if self._index is None:
            self._index = self._new_index(vectors)
        keys = self._records.add(ids, metadata)
        self._index.add_with_ids(vectors, keys)
        self._saved = False

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        if metadata is None:
            metadata = [self._records.metadata.get(key, {}) for key in self._records.keys_of(ids).tolist()]
        self._delete(ids)
        self._add(ids, vectors, metadata)

    def _delete(self, ids: list[str]) -> None:
        keys = self._records.remove(ids)
        if self.kind == "hnsw":
            self._dead |= set(keys.tolist())
        else:
            self._index.remove_ids(keys)
        self._saved = False

    def compact(self) -> None:
        """Build the graph again without the deleted vectors; other indexes need no such thing.

        Chapter: vectordb
        """
        if not self._dead:
            return
        keys = np.array(sorted(self._records.names), dtype=np.int64)
        old, self._index, self._dead = self._index, None, set()
        if len(keys):
            vectors = old.reconstruct_batch(keys)
            self._index = self._new_index(vectors)
            self._index.add_with_ids(vectors, keys)
        self._saved = False

    # ------------------------------------------------------------ searching

    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterator[list[tuple[str, float]]]:
        allowed = None if where is None else self._records.matching(where)
        if allowed is not None and not len(allowed):
            return iter([[] for _ in queries])
        if allowed is not None and self.kind == "pq":
            return self._search_and_sift(queries, min(k, len(allowed)), set(allowed.tolist()))
        return self._named(*self._index.search(queries, k, params=self._parameters(allowed)))

    def _parameters(self, allowed: np.ndarray | None):
        faiss = _faiss()
        if self.kind == "pq":
            return None
        more = {}
        if allowed is not None or self._dead:
            mask = np.zeros(self._records.upcoming, dtype=bool)
            mask[allowed if allowed is not None else np.fromiter(self._records.names, dtype=np.int64)] = True
            more["sel"] = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        if self.kind == "ivf":
            return faiss.SearchParametersIVF(nprobe=self.probes, **more)
        if self.kind == "hnsw":
            return faiss.SearchParametersHNSW(efSearch=self.ef_search, **more)
        return faiss.SearchParameters(**more) if more else None

    def _named(self, scores: np.ndarray, keys: np.ndarray) -> Iterator[list[tuple[str, float]]]:
        names = self._records.names
        for row, row_keys in zip(scores.tolist(), keys.tolist(), strict=True):
            yield [(names[key], score) for key, score in zip(row_keys, row, strict=True) if key >= 0]

    def _search_and_sift(self, queries: np.ndarray, k: int, allowed: set[int]) -> Iterator[list[tuple[str, float]]]:
        names, total = self._records.names, len(self)
        for query in queries:
            asked = min(total, 4 * k)
            while True:
                scores, keys = self._index.search(query[None], asked)
                passing = [
                    (names[key], score)
                    for key, score in zip(keys[0].tolist(), scores[0].tolist(), strict=True)
                    if key in allowed
                ]
                if len(passing) >= k or asked == total:
                    break
                asked = min(total, 4 * asked)
            yield passing[:k]

    # ------------------------------------------------------------ files

    def _flush(self) -> None:
        """Write index, ids and metadata, all or nothing."""
        if self.path is None or self._saved or self._index is None:
            return
        extra = {"dead": sorted(self._dead)}
        write = _faiss().write_index
        save_snapshot(self.path, self._records, ".faiss", lambda file: write(self._index, str(file)), extra)
        self._saved = True

    def _close(self) -> None:
        self._records, self._index, self._dead, self._saved = Records(), None, set(), True


def _faiss() -> ModuleType:
    import faiss

    return faiss
