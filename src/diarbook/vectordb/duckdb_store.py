"""DuckDB: vectors in a table of a SQL database, compared by a query, exactly.

Chapter: vectordb
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diarbook.vectordb.base import TIE_DECIMALS, VectorStore, explained


class DuckDBStore(VectorStore):
    """A table of vectors in one DuckDB file; no index, no extension: every search reads the whole column.

    Parameters
    ----------
    name, dimension, path
        See :func:`open_store`.
    threads : int

    References
    ----------
    duckdb2019raasveldt

    Chapter: vectordb
    """

    OPTIONS = ("threads",)
    SERVER = False
    IN_MEMORY = True
    batch = 100_000

    def __init__(self, name: str, dimension: int, path: Path | None, *, threads: int = 1) -> None:
        import duckdb

        super().__init__(name, dimension, path)
        with explained(name, "close the program that holds the file, or restore it from a copy"):
            file = ":memory:" if path is None else str(path / "voices.duckdb")
            self._database = duckdb.connect(file, config={"threads": threads})
            self._sql("SET enable_progress_bar = false")
            self._sql(
                f"CREATE TABLE IF NOT EXISTS voices (id VARCHAR PRIMARY KEY, vector FLOAT[{dimension}] NOT NULL,"
                " metadata MAP(VARCHAR, VARCHAR) NOT NULL)"
            )

    def _sql(self, statement: str, values: list | None = None) -> list[tuple]:
        """All rows: DuckDB 2 refuses other work while a result is not read to its end."""
        return self._database.execute(statement, values).fetchall()

    def _count(self) -> int:
        return self._sql("SELECT count(*) FROM voices")[0][0]

    def _known(self, ids: list[str]) -> set[str]:
        rows = self._sql("SELECT id FROM voices WHERE id IN (SELECT unnest($1))", [ids])
        return {row[0] for row in rows}

    def _run(self, statement: str, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        """A statement that reads the table ``incoming``."""
        import pyarrow as pa

        columns = {
            "id": pa.array(ids, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), self.dimension),
        }
        if metadata is not None:  # as JSON, the number 1 and the text "1" stay apart
            rows = [[(key, json.dumps(value)) for key, value in row.items()] for row in metadata]
            columns["metadata"] = pa.array(rows, pa.map_(pa.string(), pa.string()))
        self._database.register("incoming", pa.table(columns))
        try:
            self._sql(statement)
        finally:
            self._database.unregister("incoming")

    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None:
        self._run("INSERT INTO voices SELECT id, vector, metadata FROM incoming", ids, vectors, metadata)

    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None:
        also = "" if metadata is None else ", metadata = incoming.metadata"
        statement = f"UPDATE voices SET vector = incoming.vector{also} FROM incoming WHERE voices.id = incoming.id"
        self._run(statement, ids, vectors, metadata)

    def _delete(self, ids: list[str]) -> None:
        self._sql("DELETE FROM voices WHERE id IN (SELECT unnest($1))", [ids])

    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterator[list[tuple[str, float]]]:
        where = where or {}
        conditions = " AND ".join("metadata[?] = ?" for _ in where) or "true"
        values = [text for key, value in where.items() for text in (key, json.dumps(value))]
        statement = (
            f"SELECT id, array_inner_product(vector, ?::FLOAT[{self.dimension}]) AS score FROM voices"
            f" WHERE {conditions} ORDER BY round(score, {TIE_DECIMALS}) DESC, id LIMIT {k}"
        )
        for query in queries:
            yield self._sql(statement, [query, *values])

    def _flush(self) -> None:
        """Write the log into the file."""
        self._sql("CHECKPOINT")

    def _close(self) -> None:
        self._database.close()
