"""The interface of every vector store, and what all adapters check in the same way.

Chapter: vectordb
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from diarbook.checks import check_name
from diarbook.embeddings.similarity import unit_float32
from diarbook.errors import DiarbookError, OptionError, VectorStoreError

Metadata = Mapping[str, str | int]

TIE_DECIMALS = 6
"""Scores that agree so far are a tie: float32 sums differ beyond, depending on the order of the additions."""


class Hit(NamedTuple):
    """One result of a search.

    Parameters
    ----------
    id : str
    score : float
        Cosine similarity, -1 to 1.

    Chapter: vectordb
    """

    id: str
    score: float


class VectorStore(ABC):
    """What every store can do; it checks what comes in, and an adapter's methods with ``_`` do the work.

    Vectors may have any length; only their direction is kept. Metadata is a flat mapping of names to texts or whole
    numbers. A ``where`` asks for equality, of all its items.

    Parameters
    ----------
    name : str
        Of ``STORES``.
    dimension : int
    path : path, optional
        The store's folder.

    Raises
    ------
    VectorStoreError
        By every method, before anything is changed: a vector of another dimension, not finite or zero; an id that is
        no name (:func:`diarbook.checks.check_name`), is there already (``add``) or is not (``update``, ``delete``);
        metadata or a filter of another kind. Whatever a library raises becomes one, too.

    Chapter: vectordb
    """

    batch = 5000

    def __init__(self, name: str, dimension: int, path: Path | None) -> None:
        self.name, self.dimension, self.path = name, dimension, path
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------ the interface

    def add(self, ids: Sequence[str], vectors: np.ndarray, metadata: Sequence[Metadata] | None = None) -> None:
        """Keep new vectors.

        Parameters
        ----------
        ids : sequence of n str
        vectors : array of shape (n, dimension)
        metadata : sequence of n mappings, optional

        Chapter: vectordb
        """
        ids, vectors, metadata = self._checked(ids, vectors, metadata)
        if known := self._known_of(ids):
            raise VectorStoreError(f"{self.name}: {min(known)!r} is there already; use update or another id")
        metadata = [{} for _ in ids] if metadata is None else metadata
        with self._explained():
            for rows in self._batches(len(ids)):
                self._add(ids[rows], vectors[rows], metadata[rows])

    def update(self, ids: Sequence[str], vectors: np.ndarray, metadata: Sequence[Metadata] | None = None) -> None:
        """Replace vectors that are there; without ``metadata`` theirs is kept.

        Chapter: vectordb
        """
        ids, vectors, metadata = self._checked(ids, vectors, metadata)
        self._refuse_unknown(ids)
        with self._explained():
            for rows in self._batches(len(ids)):
                self._update(ids[rows], vectors[rows], None if metadata is None else metadata[rows])

    def delete(self, ids: Sequence[str]) -> None:
        """Take vectors out of every later search; see each adapter for what happens to their bytes.

        Chapter: vectordb
        """
        self._check_open()
        ids = _checked_ids(self.name, ids)
        self._refuse_unknown(ids)
        with self._explained():
            for rows in self._batches(len(ids)):
                self._delete(ids[rows])

    def search(self, queries: np.ndarray, k: int = 10, where: Metadata | None = None) -> list[list[Hit]]:
        """The nearest vectors of each query.

        Parameters
        ----------
        queries : array of shape (n, dimension) or (dimension,)
        k : int
            At most so many for each.
        where : mapping, optional
            Only vectors whose metadata holds all these items.

        Returns
        -------
        list of n lists of Hit
            Highest cosine first, ties in the order of ids. Fewer than ``k`` where fewer match, or where an approximate
            index finds no more.

        Chapter: vectordb
        """
        self._check_open()
        queries = checked_vectors(np.atleast_2d(queries), self.dimension, self.name)
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise VectorStoreError(f"{self.name}: k must be a whole number of 1 or more, got {k!r}")
        if where is not None:
            where = _checked_metadata(self.name, [where])[0]
        k = min(int(k), len(self))
        if k == 0 or not len(queries):
            return [[] for _ in queries]
        with self._explained():
            return [ranked(hits)[:k] for hits in self._search(queries, k, where or None)]

    def flush(self) -> None:
        """Bring to the disk what is not there yet; nothing to do for a store that writes at once.

        Chapter: vectordb
        """
        self._check_open()
        with self._explained():
            self._flush()

    def size_on_disk(self) -> int:
        """Bytes of the store's folder; 0 in memory or on a server.

        Chapter: vectordb
        """
        return 0 if self.path is None else folder_bytes(self.path)

    def close(self) -> None:
        """Flush, and let go of files and connections; a second call does nothing.

        Chapter: vectordb
        """
        if not self._closed:
            with self._explained():
                self._last_flush()
                self._close()
            self._closed = True

    def __len__(self) -> int:
        """How many vectors there are."""
        with self._explained():
            return self._count()

    # ------------------------------------------------------------ what an adapter writes

    @abstractmethod
    def _count(self) -> int: ...

    @abstractmethod
    def _known(self, ids: list[str]) -> set[str]:
        """Those of the ids that are there."""

    @abstractmethod
    def _add(self, ids: list[str], vectors: np.ndarray, metadata: list[dict]) -> None: ...

    @abstractmethod
    def _update(self, ids: list[str], vectors: np.ndarray, metadata: list[dict] | None) -> None: ...

    @abstractmethod
    def _delete(self, ids: list[str]) -> None: ...

    @abstractmethod
    def _search(self, queries: np.ndarray, k: int, where: dict | None) -> Iterable[Iterable[tuple[str, float]]]: ...

    def _flush(self) -> None:  # noqa: B027 -- most databases have written when a call returns
        """Write what is not on the disk yet."""

    def _last_flush(self) -> None:
        """The same when the store is closed next."""
        self._flush()

    @abstractmethod
    def _close(self) -> None: ...

    # ------------------------------------------------------------ shared

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.name, "repeat, or close other programs that use the store and open it again")

    def _check_open(self) -> None:
        if self._closed:
            raise VectorStoreError(f"{self.name}: the store is closed; open it again")

    def _batches(self, count: int) -> Iterator[slice]:
        return (slice(start, min(start + self.batch, count)) for start in range(0, count, self.batch))

    def _known_of(self, ids: list[str]) -> set[str]:
        if not len(self):
            return set()
        with self._explained():
            return set().union(*(self._known(ids[rows]) for rows in self._batches(len(ids))))

    def _refuse_unknown(self, ids: list[str]) -> None:
        if absent := set(ids) - self._known_of(ids):
            raise VectorStoreError(f"{self.name}: there is no {min(absent)!r}; add it first, or correct the id")

    def _checked(
        self, ids: Sequence[str], vectors: np.ndarray, metadata: Sequence[Metadata] | None
    ) -> tuple[list[str], np.ndarray, list[dict] | None]:
        self._check_open()
        ids = _checked_ids(self.name, ids)
        vectors = checked_vectors(vectors, self.dimension, self.name)
        if metadata is not None:
            metadata = _checked_metadata(self.name, metadata)
        for what, values in (("vectors", vectors), ("rows of metadata", metadata)):
            if values is not None and len(values) != len(ids):
                raise VectorStoreError(f"{self.name}: {len(values)} {what} for {len(ids)} ids; give one for each")
        return ids, vectors, metadata


def _checked_ids(name: str, ids: Sequence[str]) -> list[str]:
    if isinstance(ids, str):
        raise VectorStoreError(f"{name}: ids is one text, {ids!r}; give a list of them")
    ids = [_checked_id(name, one) for one in ids]
    if len(set(ids)) < len(ids):
        twice = min(one for one, times in Counter(ids).items() if times > 1)
        raise VectorStoreError(f"{name}: id {twice!r} occurs twice in one call; give each once")
    return ids


def _checked_id(name: str, one: str) -> str:
    if not isinstance(one, str):
        raise VectorStoreError(f"{name}: id {one!r} is no text; give names")
    try:
        return check_name(str(one), "id")  # numpy's texts become Python's
    except OptionError as error:
        raise VectorStoreError(f"{name}: {error}") from None


def _checked_metadata(name: str, rows: Sequence[Metadata]) -> list[dict]:
    checked = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise VectorStoreError(f"{name}: metadata {row!r} must be a mapping of names to values")
        for key, value in row.items():
            if not isinstance(key, str) or not key.isidentifier():
                raise VectorStoreError(f"{name}: metadata name {key!r} must be letters, digits and _, no digit first")
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and abs(int(value)) < 2**63
            if not isinstance(value, str) and not whole:
                raise VectorStoreError(f"{name}: metadata {key} = {value!r} must be a text or a whole number")
        checked.append({key: value if isinstance(value, str) else int(value) for key, value in row.items()})
    return checked


def checked_vectors(vectors: np.ndarray, dimension: int, name: str = "vectors") -> np.ndarray:
    """Rows of length one, so that an inner product is a cosine, or what is wrong with them.

    Parameters
    ----------
    vectors : array of shape (n, dimension)
    dimension : int
    name : str
        Begins the message of an error.

    Returns
    -------
    ndarray of float32, shape (n, dimension)

    Raises
    ------
    VectorStoreError
        When a row has another dimension, is not finite, or has no direction.

    Chapter: vectordb
    """
    try:
        vectors = np.asarray(vectors)
        if vectors.dtype.kind != "f":
            vectors = vectors.astype(np.float64)
    except (TypeError, ValueError):
        raise VectorStoreError(f"{name}: the vectors are no table of numbers; give an array of shape (n, d)") from None
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise VectorStoreError(
            f"{name}: expected vectors of shape (n, {dimension}), got {vectors.shape}; embed with the store's model"
        )
    units = unit_float32(vectors)
    if (bad := np.flatnonzero(~np.isfinite(units).all(axis=1))).size:
        what = "is zero" if not vectors[bad[0]].any() else "is not finite"
        raise VectorStoreError(f"{name}: vector {bad[0]} {what}; leave out what could not be embedded")
    return units


def ranked(hits: Iterable[tuple[str, float]]) -> list[Hit]:
    """Hits, highest score first, ties in the order of ids.

    Scores that agree to six decimals are a tie. A cosine that rounding brought beyond 1 is 1.

    Chapter: vectordb
    """
    return sorted(
        (Hit(id, min(1.0, max(-1.0, float(score)))) for id, score in hits),
        key=lambda hit: (-round(hit.score, TIE_DECIMALS), hit.id),
    )


def folder_bytes(path: Path) -> int:
    """Bytes of all files of a folder.

    Chapter: vectordb
    """
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def files_with_bytes(path: Path, vector: np.ndarray, numbers: int = 4) -> list[str]:
    """Files of a folder in which a vector can still be read as it is.

    It looks for the vector's first numbers, as little-endian float32 side by side. A file that is compressed or that
    turns the table on its side hides them: no find is no proof of deletion.

    Parameters
    ----------
    path : path
    vector : array of shape (d,)
        As it was added; it is scaled as the stores scale it.
    numbers : int
        So many numbers have to match.

    Returns
    -------
    list of str
        Paths inside the folder, sorted.

    Chapter: vectordb
    """
    wanted = checked_vectors(np.atleast_2d(vector), np.size(vector))[0, :numbers].astype("<f4").tobytes()
    files = (file for file in Path(path).rglob("*") if file.is_file())
    return sorted(str(file.relative_to(path)) for file in files if wanted in file.read_bytes())


@contextmanager
def explained(name: str, remedy: str) -> Iterator[None]:
    """What a library raises, as one line with a remedy.

    Chapter: vectordb
    """
    try:
        yield
    except DiarbookError:
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        shown = "".join(character if character.isprintable() else "?" for character in first)
        raise VectorStoreError(f"{name}: {shown}; {remedy}") from error


def nearest(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the ``k`` highest scores and of all that tie with the last of them, in no order.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    k : int
        1 to n.

    Chapter: vectordb
    """
    if k >= len(scores):
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= edge - 10.0**-TIE_DECIMALS)
