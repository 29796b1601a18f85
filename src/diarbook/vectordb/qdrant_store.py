"""Qdrant: its Python client, which runs a small store of its own or talks to a server.

Chapter: vectordb
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diarbook.errors import VectorStoreError
from diarbook.vectordb.base import VectorStore, explained

NAMESPACE = uuid.UUID("5f1c6a52-6d2b-5e0b-9a51-9a4f7c0f4b1e")


class QdrantStore(VectorStore):
    """A collection of Qdrant.

    With a path or in memory it is the client's local mode: another program than the server, which compares every
    point, in numpy, and so is exact. With ``server`` the same calls reach a server and its HNSW index.

    Qdrant's own ids are numbers or UUIDs; each of our ids becomes the UUID that is computed from it.

    Parameters
    ----------
    name, dimension, path, server
        See :func:`open_store`.
    collection : str

    References
    ----------
    qdrant2021software

    Chapter: vectordb
    """

    OPTIONS = ("collection",)
    SERVER = True
    IN_MEMORY = True
    batch = 1000

    def __init__(
        self,
        name: str,
        dimension: int,
        path: Path | None,
        *,
        server: str | None = None,
        collection: str = "voices",
    ) -> None:
        from qdrant_client import QdrantClient, models

        super().__init__(name, dimension, path)
        self._models, self._collection = models, collection
        where = {"url": server} if server else {"path": str(path)} if path else {"location": ":memory:"}
        with explained(name, "start the server, correct the address, or close the program that holds the folder"):
            self._client = QdrantClient(**where, **({"check_compatibility": False} if server else {}))
            if self._client.collection_exists(collection):
                width = self._client.get_collection(collection).config.params.vectors.size
                if width != dimension:
                    raise VectorStoreError(
                        f"{name}: {collection} has {width} dimensions, not {dimension}; give another collection"
                    )
            else:
                settings = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
                self._client.create_collection(collection, vectors_config=settings)
        self._known_count: int | None = None

    def _count(self) -> int:
        if self._known_count is None:
            self._known_count = self._client.count(self._collection, exact=True).count
        return self._known_count

    def _known(self, ids: list[str]) -> set[str]:
        points = self._client.retrieve(self._collection, [_point(one) for one in ids], with_payload=["id"])
        return {point.payload["id"] for point in points}

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        points = [
            self._models.PointStruct(id=_point(one), vector=vector, payload={"id": one, "metadata": row})
            for one, vector, row in zip(ids, vectors.tolist(), metadata, strict=True)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # above 20,000 points it advises a server; the class says so
            self._client.upsert(self._collection, points=points, wait=True)
        self._known_count = None

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        if metadata is not None:
            self._add(ids, vectors, metadata)
            return
        points = [
            self._models.PointVectors(id=_point(one), vector=vector)
            for one, vector in zip(ids, vectors.tolist(), strict=True)
        ]
        self._client.update_vectors(self._collection, points=points, wait=True)

    def _delete(self, ids: list[str]) -> None:
        chosen = self._models.PointIdsList(points=[_point(one) for one in ids])
        self._client.delete(self._collection, points_selector=chosen, wait=True)
        self._known_count = None

    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterator[list[tuple[str, float]]]:
        models = self._models
        condition = where and models.Filter(
            must=[
                models.FieldCondition(key=f"metadata.{key}", match=models.MatchValue(value=value))
                for key, value in where.items()
            ]
        )
        for query in queries:
            answer = self._client.query_points(
                self._collection, query=query.tolist(), limit=k, query_filter=condition, with_payload=["id"]
            )
            yield [(point.payload["id"], point.score) for point in answer.points]

    def _close(self) -> None:
        self._client.close()


def _point(one: str) -> str:
    return str(uuid.uuid5(NAMESPACE, one))
