"""Chroma: a collection on a local folder or on a server.

Chapter: vectordb
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from diarbook.errors import VectorStoreError
from diarbook.vectordb.base import VectorStore, explained


class ChromaStore(VectorStore):
    """A collection of Chroma with an HNSW index over cosine; its telemetry is off.

    Chroma itself skips an id that it has already, without a word; here that is an error.

    Parameters
    ----------
    name, dimension, path, server
        See :func:`open_store`.
    collection : str
    edges, ef_construction, ef_search : int
        Of the HNSW index, when the collection is made: neighbors of a vector, and how wide the graph is searched
        while building and while searching.
    threads : int

    References
    ----------
    chroma2022software

    Chapter: vectordb
    """

    OPTIONS = ("collection", "edges", "ef_construction", "ef_search", "threads")
    SERVER = True
    IN_MEMORY = False

    def __init__(
        self,
        name: str,
        dimension: int,
        path: Path | None,
        *,
        server: str | None = None,
        collection: str = "voices",
        edges: int = 16,
        ef_construction: int = 100,
        ef_search: int = 64,
        threads: int = 1,
    ) -> None:
        import chromadb
        from chromadb.config import Settings

        super().__init__(name, dimension, path)
        quiet = Settings(anonymized_telemetry=False)
        graph = {
            "space": "cosine",
            "max_neighbors": edges,
            "ef_construction": ef_construction,
            "ef_search": ef_search,
            "num_threads": threads,
        }
        with explained(name, "start the server, correct the address, or restore the folder from a copy"):
            if server:
                address = urlsplit(server)
                self._client = chromadb.HttpClient(
                    host=address.hostname, port=address.port or 8000, ssl=address.scheme == "https", settings=quiet
                )
            else:
                self._client = chromadb.PersistentClient(str(path), settings=quiet)
            self._voices = self._client.get_or_create_collection(
                collection, configuration={"hnsw": graph}, metadata={"dimension": dimension}, embedding_function=None
            )
            width = (self._voices.metadata or {}).get("dimension")
            if width != dimension:
                raise VectorStoreError(
                    f"{name}: {collection} has {width} dimensions, not {dimension}; give another collection"
                )
        self.batch = min(VectorStore.batch, self._client.get_max_batch_size())
        self._known_count: int | None = None

    def _count(self) -> int:
        if self._known_count is None:
            self._known_count = self._voices.count()
        return self._known_count

    def _known(self, ids: list[str]) -> set[str]:
        return set(self._voices.get(ids=ids, include=[])["ids"])

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        self._voices.add(ids=ids, embeddings=vectors, metadatas=[row or None for row in metadata])
        self._known_count = None

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        if metadata is None:
            self._voices.update(ids=ids, embeddings=vectors)
        else:  # its update adds to the metadata that is there, and never takes a name away
            self._delete(ids)
            self._add(ids, vectors, metadata)

    def _delete(self, ids: list[str]) -> None:
        self._voices.delete(ids=ids)
        self._known_count = None

    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterator[list[tuple[str, float]]]:
        items = [{key: value} for key, value in (where or {}).items()]
        answer = self._voices.query(
            query_embeddings=queries,
            n_results=k,
            where=None if not items else items[0] if len(items) == 1 else {"$and": items},
            include=["distances"],
        )
        for ids, distances in zip(answer["ids"], answer["distances"], strict=True):
            yield [(one, 1 - distance) for one, distance in zip(ids, distances, strict=True)]

    def _close(self) -> None:
        self._client.close()
