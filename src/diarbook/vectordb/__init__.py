"""Stores that find the nearest of many vectors: one interface, and what it costs in each.

The adapters are imported when :func:`open_store` asks for one; importing this package costs numpy.

Chapter: vectordb
"""

from diarbook.vectordb.base import Hit, VectorStore, files_with_bytes, folder_bytes
from diarbook.vectordb.exact import exact_search, recall_at_k
from diarbook.vectordb.opening import STORES, open_store
from diarbook.vectordb.population import Population, extend_embeddings, fit_population

__all__ = [
    "STORES",
    "Hit",
    "Population",
    "VectorStore",
    "exact_search",
    "extend_embeddings",
    "files_with_bytes",
    "fit_population",
    "folder_bytes",
    "open_store",
    "recall_at_k",
]
