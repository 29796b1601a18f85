"""Milvus: one client for Milvus Lite on a local folder and for a server.

Chapter: vectordb
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diarbook.errors import VectorStoreError
from diarbook.vectordb.base import Store, told


class MilvusStore(Store):
    """A collection of Milvus with an HNSW index.

    With a path it is Milvus Lite: a server in this process, which listens on a free port of this machine without a
    password, and stores into the path. With ``server`` the same calls reach Milvus itself.

    Parameters
    ----------
    name, dimension, path, server
        See :func:`open_store`.
    collection : str
    links, ef_construction, ef_search : int
        Of the HNSW index: neighbours of a vector, and how wide the graph is searched while building and while
        searching.

    References
    ----------
    wang2021milvus

    Chapter: vectordb
    """

    OPTIONS = ("collection", "links", "ef_construction", "ef_search")
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
        links: int = 16,
        ef_construction: int = 100,
        ef_search: int = 64,
    ) -> None:
        from pymilvus import DataType

        super().__init__(name, dimension, path)
        for logger in ("pymilvus", "milvus_lite"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)  # errors arrive as exceptions
        self._collection, self.ef_search = collection, ef_search
        self._server, self._local = server, None if path is None else str(path / "milvus.db")
        with told(name, "start the server, correct the address, or close the program that holds the folder"):
            self._connect()
            if self._client.has_collection(collection):
                fields = {field["name"]: field for field in self._client.describe_collection(collection)["fields"]}
                width = fields["vector"]["params"]["dim"]
                if int(width) != dimension:
                    raise VectorStoreError(
                        f"{name}: {collection} has {width} dimensions, not {dimension}; give another collection"
                    )
            else:
                schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
                schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=800)
                schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
                schema.add_field("metadata", DataType.JSON)
                index = self._client.prepare_index_params()
                parameters = {"M": links, "efConstruction": ef_construction}
                index.add_index("vector", index_type="HNSW", metric_type="COSINE", params=parameters)
                self._client.create_collection(
                    collection, schema=schema, index_params=index, consistency_level="Strong"
                )
            self._client.load_collection(collection)
        self._count: int | None = None

    def _connect(self) -> None:
        from pymilvus import MilvusClient

        # The local server takes the client's "are you there" of every 10 s for an attack and hangs up.
        calm = {"grpc_options": {"grpc.keepalive_time_ms": 2**31 - 1}} if self._local else {}
        self._client = MilvusClient(self._server or self._local, timeout=30, **calm)

    def _close(self) -> None:
        self._client.close()
        if self._local is not None:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(self._local)  # else it holds the folder until the process ends

    def __len__(self) -> int:
        if self._count is None:
            answer = self._client.query(self._collection, filter="", output_fields=["count(*)"])
            self._count = int(answer[0]["count(*)"])
        return self._count

    def _known(self, ids: list[str]) -> set[str]:
        return {row["id"] for row in self._client.get(self._collection, ids=ids, output_fields=["id"])}

    def _rows(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> list[dict]:
        return [
            {"id": one, "vector": vector, "metadata": row}
            for one, vector, row in zip(ids, vectors, metadata, strict=True)
        ]

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        self._client.insert(self._collection, self._rows(ids, vectors, metadata))
        self._count = None

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        if metadata is None:  # an upsert replaces the whole row
            found = self._client.get(self._collection, ids=ids, output_fields=["id", "metadata"])
            known = {row["id"]: row["metadata"] for row in found}
            metadata = [known[one] for one in ids]
        self._client.upsert(self._collection, self._rows(ids, vectors, metadata))

    def _delete(self, ids: list[str]) -> None:
        self._client.delete(self._collection, ids=ids)
        self._count = None

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

    def flush(self) -> None:
        """Close the growing segment: it is written to the disk and gets its index.

        Milvus Lite leaves the index to a thread, says that it is finished before it is, and compares all until then.
        To load the collection meanwhile can read half an index. Only its end waits, so it is ended and started again.

        Chapter: vectordb
        """
        self._client.flush(self._collection)
        if self._local is not None:
            self._close()
            self._connect()
            self._client.load_collection(self._collection)

    def close(self) -> None:
        """Flush, and stop the local server or leave the connection; a second call does nothing.

        Chapter: vectordb
        """
        if not self._closed:
            self._client.flush(self._collection)
            self._close()
            self._closed = True


def _literal(value: str | int) -> str:
    """A value in Milvus' filter language."""
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
