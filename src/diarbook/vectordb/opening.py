"""Opening a vector store: which kinds there are, and whose folder it is.

Chapter: vectordb
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from diarbook.errors import VectorStoreError
from diarbook.files import TEMPORARY, write_atomically
from diarbook.vectordb.base import VectorStore

STORES = {
    "exact": "diarbook.vectordb.exact:ExactStore",
    "faiss-flat": "diarbook.vectordb.faiss_store:FaissStore",
    "faiss-ivf": "diarbook.vectordb.faiss_store:FaissStore",
    "faiss-hnsw": "diarbook.vectordb.faiss_store:FaissStore",
    "faiss-pq": "diarbook.vectordb.faiss_store:FaissStore",
    "qdrant": "diarbook.vectordb.qdrant_store:QdrantStore",
    "milvus": "diarbook.vectordb.milvus_store:MilvusStore",
    "chroma": "diarbook.vectordb.chroma_store:ChromaStore",
    "duckdb": "diarbook.vectordb.duckdb_store:DuckDBStore",
}
"""Names that :func:`open_store` knows, with the class of each."""

CARD = "diarbook-store.json"
"""The file beside a store's own files that says which store they belong to."""


def open_store(
    name: str,
    path: str | Path | None = None,
    *,
    dimension: int = 192,
    server: str | None = None,
    **options: object,
) -> VectorStore:
    """Open a vector store, or make it.

    Parameters
    ----------
    name : str
        One of ``STORES``.
    path : path, optional
        The store's folder, made when it is not there. Without it the store lives in memory, where it can.
    dimension : int
        Of the vectors.
    server : str, optional
        Address of a running Qdrant, Milvus or Chroma, such as ``http://localhost:6333``. Then no path.
    **options
        Of the adapter, such as ``ef_search``; see its class.

    Returns
    -------
    VectorStore
        A context manager.

    Raises
    ------
    VectorStoreError
        For an unknown name or option, a folder of another store or dimension, a store that cannot be opened, a server
        that does not answer.

    References
    ----------
    douze2024faiss, qdrant2021software, wang2021milvus, chroma2022software, duckdb2019raasveldt

    Chapter: vectordb
    """
    if name not in STORES:
        raise VectorStoreError(f"unknown vector store {name!r}; known: {', '.join(STORES)}")
    if isinstance(dimension, bool) or not isinstance(dimension, int) or not 1 <= dimension <= 16_384:
        raise VectorStoreError(f"{name}: dimension must be 1 to 16384, got {dimension!r}")
    module, _, attribute = STORES[name].partition(":")
    adapter = getattr(import_module(module), attribute)
    if unknown := sorted(set(options) - set(adapter.OPTIONS)):
        known = ", ".join(adapter.OPTIONS) or "none"
        raise VectorStoreError(f"{name}: unknown option {unknown[0]!r}; known: {known}")
    for option, value in options.items():
        if option != "collection" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise VectorStoreError(f"{name}: {option} must be a whole number of 1 or more, got {value!r}")
    if server is not None:
        if not adapter.SERVER:
            raise VectorStoreError(f"{name}: has no server; leave out server=, or use qdrant, milvus or chroma")
        if path is not None:
            raise VectorStoreError(f"{name}: give path= or server=, not both")
        return adapter(name, dimension, None, server=server, **options)
    if path is None:
        if not adapter.IN_MEMORY:
            raise VectorStoreError(f"{name}: lives on disk only; give path=")
        return adapter(name, dimension, None, **options)
    path = Path(path)
    made = _check_folder(name, dimension, path)
    card = path / CARD
    fresh = not card.is_file()
    if fresh:  # before anything else is in the folder: a kill leaves one that can be opened again
        write_atomically(card, json.dumps({"store": name, "dimension": dimension}) + "\n")
    try:
        return adapter(name, dimension, path, **options)
    except BaseException:
        if fresh and [file.name for file in path.iterdir()] == [CARD]:
            card.unlink()
            if made:
                path.rmdir()
        raise


def _check_folder(name: str, dimension: int, path: Path) -> bool:
    """Make the folder, which its owner alone can read, or see that it is this store's; whether it was made."""
    if not path.exists():
        if not path.parent.is_dir():
            raise VectorStoreError(f"{path}: its parent folder does not exist; make it first")
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise VectorStoreError(f"{path}: cannot be made ({error.strerror}); check the permissions") from None
        return True
    if not path.is_dir():
        raise VectorStoreError(f"{path}: is no folder; a vector store needs one of its own")
    card = path / CARD
    if not card.is_file():
        if any(not file.name.startswith(TEMPORARY) for file in path.iterdir()):
            raise VectorStoreError(f"{path}: holds other files; give a store a folder of its own")
        return False
    try:
        known = json.loads(card.read_text(encoding="utf-8"))
        kind, width = known["store"], known["dimension"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise VectorStoreError(f"{card}: is damaged; restore the folder from a copy") from None
    if (kind, width) != (name, dimension):
        raise VectorStoreError(
            f"{path}: is a {kind} store of {width} dimensions, not {name} of {dimension}; give another folder"
        )
    return False
