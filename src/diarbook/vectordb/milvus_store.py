"""Milvus: one client for Milvus Lite on a local folder and for a server.

Chapter: vectordb
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diarbook.checks import LONGEST_NAME
from diarbook.errors import VectorStoreError
from diarbook.vectordb.base import VectorStore, explained


class MilvusStore(VectorStore):
    """A collection of Milvus with an HNSW index.

    With a path it is Milvus Lite: a server in this process, which listens on a free port of this machine without a
    password, and stores into the path. With ``server`` the same calls reach Milvus itself.

    Parameters
    ----------
    name, dimension, path, server
        See :func:`open_store`.
    collection : str
    edges, ef_construction, ef_search : int
        Of the HNSW index: neighbors of a vector, and how wide the graph is searched while building and while
        searching.

    References
    ----------
    wang2021milvus

    Chapter: vectordb
    """

    OPTIONS = ("collection", "edges", "ef_construction", "ef_search")
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
    ) -> None:
        super().__init__(name, dimension, path)
        for logger in ("pymilvus", "milvus_lite"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)  # errors arrive as exceptions
        self._collection, self.ef_search = collection, ef_search
        self._server, self._local = server, None if path is None else str(path / "milvus.db")
        self._known_count: int | None = None
        self._refuse_a_second_one()
        try:
            with explained(name, "start the server, correct the address, or close the program that holds the folder"):
                self._connect()
                self._prepare(edges, ef_construction)
        except BaseException:
            self._release()
            raise

    def _refuse_a_second_one(self) -> None:
        """The local server ends with the first of its clients that is closed, and the others would hang in the air."""
        if self._local is None:
            return
        from milvus_lite.server_manager import server_manager_instance

        if os.path.abspath(self._local) in server_manager_instance._servers:
            raise VectorStoreError(f"{self.path}: is open in this program already; use that one, or close it first")

    def _prepare(self, edges: int, ef_construction: int) -> None:
        """Find the collection, or make it, and load it."""
        from pymilvus import DataType

        if self._client.has_collection(self._collection):
            fields = {field["name"]: field for field in self._client.describe_collection(self._collection)["fields"]}
            width = fields["vector"]["params"]["dim"]
            if int(width) != self.dimension:
                raise VectorStoreError(
                    f"{self.name}: {self._collection} has {width} dimensions, not {self.dimension}; give another"
                    " collection"
                )
        else:
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=LONGEST_NAME)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self.dimension)
            schema.add_field("metadata", DataType.JSON)
            index = self._client.prepare_index_params()
            parameters = {"M": edges, "efConstruction": ef_construction}
            index.add_index("vector", index_type="HNSW", metric_type="COSINE", params=parameters)
            self._client.create_collection(
                self._collection, schema=schema, index_params=index, consistency_level="Strong"
            )
        self._client.load_collection(self._collection)

    def _connect(self) -> None:
        from pymilvus import MilvusClient

        # The local server takes the client's "are you there" of every 10 s for an attack and hangs up.
        calm = {"grpc_options": {"grpc.keepalive_time_ms": 2**31 - 1}} if self._local else {}
        self._client = MilvusClient(self._server or self._local, timeout=30, **calm)

    def _close(self) -> None:
        self._client.close()
        self._release()

    def _release(self) -> None:
        """End the local server; else it holds the folder until the process ends."""
        if self._local is not None:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(self._local)

    def _count(self) -> int:
        if self._known_count is None:
            answer = self._client.query(self._collection, filter="", output_fields=["count(*)"])
            self._known_count = int(answer[0]["count(*)"])
        return self._known_count

    def _known(self, ids: list[str]) -> set[str]:
        return {row["id"] for row in self._client.query(self._collection, filter=_among(ids), output_fields=["id"])}

    def _rows(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> list[dict]:
        return [
            {"id": one, "vector": vector, "metadata": row}
            for one, vector, row in zip(ids, vectors, metadata, strict=True)
        ]

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        self._client.insert(self._collection, self._rows(ids, vectors, metadata))
        self._known_count = None

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        if metadata is None:  # an upsert replaces the whole row
            rows = self._client.query(self._collection, filter=_among(ids), output_fields=["id", "metadata"])
            known = {row["id"]: row["metadata"] for row in rows}
            metadata = [known[one] for one in ids]
        self._client.upsert(self._collection, self._rows(ids, vectors, metadata))

    def _delete(self, ids: list[str]) -> None:
        # With ids= the client writes them into an expression without escaping them.
        self._client.delete(self._collection, filter=_among(ids))
        self._known_count = None

    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterator[list[tuple[str, float]]]:
        answer = self._client.search(
            self._collection,
            data=list(queries),
            limit=k,
            filter=" and ".join(f'metadata["{key}"] == {_literal(value)}' for key, value in (where or {}).items()),
            output_fields=["id"],
            search_params={"metric_type": "COSINE", "params": {"ef": max(self.ef_search, k)}},
        )
        return ([(hit["id"], hit["distance"]) for hit in hits] for hits in answer)

    def _flush(self) -> None:
        """Close the growing segment: it is written to the disk and gets its index.

        Milvus Lite leaves the index to a thread, says that it is finished before it is, and compares all until then.
        To load the collection meanwhile can read half an index. Only its end waits, so it is ended and started again.
        """
        self._client.flush(self._collection)
        if self._local is not None:
            self._close()
            self._connect()
            self._client.load_collection(self._collection)

    def _last_flush(self) -> None:
        self._client.flush(self._collection)


def _among(ids: list[str]) -> str:
    """A filter that only these ids pass."""
    return f"id in [{', '.join(map(_literal, ids))}]"


def _literal(value: str | int) -> str:
    """A value in Milvus' filter language."""
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
