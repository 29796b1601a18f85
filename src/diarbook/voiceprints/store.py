"""Voiceprints on disk: one SQLite file that a kill at any moment leaves whole.

SQLite is in Python's standard library, writes transactions through a log, and keeps everything in one file. It has no
index of vectors and needs none here: up to about a million voiceprints, one product of a matrix and a vector compares
a voice with all of them, exactly, in milliseconds.

Chapter: voiceprints
"""

from __future__ import annotations

import base64
import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

import numpy as np

from diarbook.errors import VoiceprintError
from diarbook.files import write_atomically
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

APPLICATION_ID = 0x77737770
"""Marks a SQLite file as a store of voiceprints."""

SCHEMA_VERSION = 3

SCHEMA = """
CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    model TEXT NOT NULL, model_version TEXT NOT NULL, dimension INTEGER NOT NULL
);
CREATE TABLE voiceprint (
    name TEXT PRIMARY KEY, vector BLOB NOT NULL, net_speech REAL NOT NULL, samples INTEGER NOT NULL, quality REAL,
    created TEXT NOT NULL, statement TEXT NOT NULL, given TEXT NOT NULL, expires TEXT, metadata TEXT NOT NULL,
    enrolled BLOB
) WITHOUT ROWID;
"""

# Version 1 had no end of a consent, version 2 no adaptation.
MIGRATIONS = {
    1: "ALTER TABLE voiceprint ADD COLUMN expires TEXT;",
    2: "ALTER TABLE voiceprint ADD COLUMN enrolled BLOB;",
}

COLUMNS = "name, vector, net_speech, samples, quality, created, statement, given, expires, metadata, enrolled"


@dataclass(frozen=True, slots=True)
class Match:
    """One voiceprint that a voice was compared with.

    Parameters
    ----------
    name : str
    score : float
        Cosine similarity, -1 to 1.
    model, model_version : str
        What the score belongs to; it is not calibrated.

    Chapter: identification
    """

    name: str
    score: float
    model: str
    model_version: str


class VoiceprintStore:
    """Voiceprints by name, all of one embedding model.

    Several processes may use one file at once; a connection is for the thread that opened it. What a method has
    returned from is on the disk.

    Parameters
    ----------
    path : path
    create : bool
        Make the file when there is none.
    timeout : float
        Seconds to wait for another process that writes.
    preload : bool
        Read all vectors now instead of at the first search: for a service that must answer the first question fast.

    Raises
    ------
    VoiceprintError
        When the file is missing, is no store, is damaged, or was written by a newer version of this package.

    References
    ----------
    gdpr2016

    Chapter: voiceprints
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        timeout: float = 30.0,
        preload: bool = False,
    ) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise VoiceprintError(f"{self.path}: is a folder; give the path of a file")
        if not create and not self.path.is_file():
            raise VoiceprintError(f"{self.path}: no such store; enrol somebody first, or correct --store")
        if not self.path.parent.is_dir():
            raise VoiceprintError(f"{self.path}: its folder does not exist; make it first")
        self._cache: tuple[tuple[int, int], list[str], np.ndarray] | None = None
        self._writes = 0
        with self._told():
            self._connection = sqlite3.connect(self.path, timeout=timeout, isolation_level=None)
        try:
            with self._told():
                self._open()
            if preload:
                self.matrix()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        run = self._connection.execute
        application = run("PRAGMA application_id").fetchone()[0]
        empty = run("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if application != APPLICATION_ID and not empty:
            raise VoiceprintError(f"{self.path}: is another program's database; give another path")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA secure_delete = ON")
        with self._transaction():
            version = run("PRAGMA user_version").fetchone()[0]  # inside: another process may have made it meanwhile
            if version > SCHEMA_VERSION:
                raise VoiceprintError(
                    f"{self.path}: was written by a newer diarbook (schema {version}, known up to {SCHEMA_VERSION});"
                    " install that one"
                )
            steps = [SCHEMA] if version == 0 else [MIGRATIONS[step] for step in range(version, SCHEMA_VERSION)]
            for statement in filter(str.strip, ";".join(steps).split(";")):
                run(statement)
            if steps:
                run(f"PRAGMA application_id = {APPLICATION_ID}")
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of SQLite as one line with a remedy."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "") or ""
            remedies = {
                "SQLITE_FULL": "the disk is full; nothing was changed; free some space and repeat",
                "SQLITE_BUSY": "another process keeps writing; repeat later",
                "SQLITE_NOTADB": "is no store of voiceprints; give another path",
                "SQLITE_CORRUPT": "is damaged; restore it from a copy or an export",
                "SQLITE_READONLY": "cannot be written to; change its permissions or give another path",
                "SQLITE_CANTOPEN": "cannot be opened; check the path and its permissions",
                "SQLITE_IOERR": "the disk failed; nothing was changed; check it and repeat",
            }
            for name, remedy in remedies.items():
                if code.startswith(name):
                    raise VoiceprintError(f"{self.path}: {remedy}") from None
            raise VoiceprintError(f"{self.path}: {error}; restore it from a copy or an export") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            self._writes += 1

    def __enter__(self) -> VoiceprintStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        self._cache = None

    # ------------------------------------------------------------ reading

    @property
    def identity(self) -> tuple[str, str, int] | None:
        """Model, its version and its dimension; None before the first enrolment."""
        with self._told():
            return self._connection.execute("SELECT model, model_version, dimension FROM identity").fetchone()

    def __len__(self) -> int:
        with self._told():
            return self._connection.execute("SELECT count(*) FROM voiceprint").fetchone()[0]

    def __contains__(self, name: str) -> bool:
        with self._told():
            row = self._connection.execute("SELECT 1 FROM voiceprint WHERE name = ?", (name,)).fetchone()
        return row is not None

    def __iter__(self) -> Iterator[Voiceprint]:
        for name in self.names():
            if (found := self._read(name)) is not None:  # another process may have deleted it
                yield found

    def names(self) -> list[str]:
        """Names, sorted."""
        with self._told():
            return [row[0] for row in self._connection.execute("SELECT name FROM voiceprint ORDER BY name")]

    def get(self, name: str) -> Voiceprint:
        """One voiceprint.

        Raises
        ------
        VoiceprintError
            When nobody has that name.

        Chapter: voiceprints
        """
        if (found := self._read(name)) is None:
            raise VoiceprintError(f"{self.path}: nobody is called {name!r}; `diarbook store list` shows the names")
        return found

    def _read(self, name: str) -> Voiceprint | None:
        with self._told():
            row = self._connection.execute(f"SELECT {COLUMNS} FROM voiceprint WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        model, version, _ = self.identity
        return _from_row(row, model, version)

    # ------------------------------------------------------------ writing

    def add(self, voiceprint: Voiceprint, *, replace: bool = False) -> None:
        """Keep a voiceprint.

        Parameters
        ----------
        voiceprint : Voiceprint
        replace : bool
            Take the place of the one with the same name.

        Raises
        ------
        VoiceprintError
            When its consent is not valid now, its model, version or dimension is another than the store's, or the name
            is taken. Nothing is changed then.

        Chapter: voiceprints
        """
        self.add_many([voiceprint], replace=replace)

    def add_many(self, voiceprints: Iterable[Voiceprint], *, replace: bool = False) -> None:
        """Keep several voiceprints, all or none.

        Chapter: voiceprints
        """
        voiceprints = list(voiceprints)
        moment = now()
        for one in voiceprints:
            if not one.consent.valid_at(max(moment, one.created)):
                raise VoiceprintError(f"{one.name}: the consent is not valid now; ask again and enrol with --consent")
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        with self._transaction():
            for one in voiceprints:
                self._check_model(one.model, one.model_version, one.dimension)
                try:
                    marks = ", ".join("?" * len(COLUMNS.split(",")))
                    self._connection.execute(f"{verb} INTO voiceprint ({COLUMNS}) VALUES ({marks})", _to_row(one))
                except sqlite3.IntegrityError:
                    raise VoiceprintError(
                        f"{self.path}: {one.name!r} is there already; use --replace or another name"
                    ) from None

    def _check_model(self, model: str, version: str, dimension: int) -> None:
        known = self._connection.execute("SELECT model, model_version, dimension FROM identity").fetchone()
        if known is None:
            self._connection.execute("INSERT INTO identity VALUES (1, ?, ?, ?)", (model, version, dimension))
        elif known != (model, version, dimension):
            self._refuse(known, model, version, dimension)

    def _refuse(self, known: tuple[str, str, int], model: str, version: str, dimension: int) -> None:
        raise VoiceprintError(
            f"{self.path}: holds vectors of {known[0]} {known[1]} with {known[2]} dimensions, got {model} {version}"
            f" with {dimension}; scores of two models cannot be compared; use another store"
        )

    def delete(self, name: str) -> None:
        """Forget a voiceprint for good: its bytes are overwritten, in the file and in its log.

        Raises
        ------
        VoiceprintError
            When nobody has that name, or another process reads for so long that the log cannot be emptied; the
            voiceprint is gone from every search then, and another ``delete`` or ``scrub`` finishes the work.

        Chapter: privacy
        """
        with self._transaction():
            if self._connection.execute("DELETE FROM voiceprint WHERE name = ?", (name,)).rowcount == 0:
                raise VoiceprintError(f"{self.path}: nobody is called {name!r}; `diarbook store list` shows the names")
        self.scrub()

    def expire(self, moment: datetime | None = None) -> list[str]:
        """Forget everybody whose consent has ended; their names are returned.

        Parameters
        ----------
        moment : datetime, optional
            Now by default.

        Chapter: privacy
        """
        moment = now() if moment is None else moment
        with self._transaction():
            rows = self._connection.execute("SELECT name, expires FROM voiceprint WHERE expires IS NOT NULL").fetchall()
            gone = sorted(name for name, expires in rows if datetime.fromisoformat(expires) <= moment)
            self._connection.executemany("DELETE FROM voiceprint WHERE name = ?", [(name,) for name in gone])
        if gone:
            self.scrub()
        return gone

    def scrub(self) -> None:
        """Write the log back into the file and empty it, so that no deleted byte is left in it.

        Raises
        ------
        VoiceprintError
            When another process is in the way.

        Chapter: privacy
        """
        with self._told():
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise VoiceprintError(f"{self.path}: deleted, but another process holds the log; close it and repeat")

    # ------------------------------------------------------------ comparing

    def matrix(self) -> tuple[list[str], np.ndarray]:
        """All names, sorted, and their vectors: float32 of shape (voiceprints, dimension), of unit length.

        It is kept until this or another process writes. Do not change it.

        Chapter: identification
        """
        with self._told():
            state = (self._connection.execute("PRAGMA data_version").fetchone()[0], self._writes)
            if self._cache is None or self._cache[0] != state:
                rows = self._connection.execute("SELECT name, vector FROM voiceprint ORDER BY name").fetchall()
                identity = self.identity
                vectors = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4")
                width = identity[2] if identity else 0
                self._cache = (state, [row[0] for row in rows], vectors.reshape(len(rows), width))
        return self._cache[1], self._cache[2]

    def search(self, vector: np.ndarray, *, model: str, model_version: str, k: int = 1) -> list[Match]:
        """The nearest voiceprints of a voice, nearest first; ties in the order of names.

        Parameters
        ----------
        vector : ndarray of shape (d,)
            Embedding of the voice, of any length.
        model, model_version : str
            What made the embedding.
        k : int
            At most so many.

        Raises
        ------
        VoiceprintError
            When the vector is not finite, or is of another model, version or dimension than the store's.

        Chapter: identification
        """
        vector = np.asarray(vector, dtype=np.float32)
        norm = float(np.linalg.norm(vector)) if vector.ndim == 1 else math.nan
        if not math.isfinite(norm) or norm == 0:
            raise VoiceprintError("search: the vector is not one row of finite numbers; embed the voice again")
        identity = self.identity
        if identity is None:
            return []
        if identity != (model, model_version, len(vector)):
            self._refuse(identity, model, model_version, len(vector))
        names, vectors = self.matrix()
        scores = vectors @ (vector / norm)
        k = max(0, min(k, len(names)))
        best = np.arange(len(names)) if k == len(names) else np.argpartition(-scores, k)[: k + 1]
        # Ties on the edge of the k best: take all that equal the last of them before sorting.
        if 0 < k < len(names):
            best = np.flatnonzero(scores >= np.sort(scores[best])[-k])
        best = best[np.lexsort((best, -scores[best]))][:k]
        return [Match(names[index], float(scores[index]), model, model_version) for index in best]

    # ------------------------------------------------------------ in and out

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write every voiceprint as one line of JSON; the number of lines is returned.

        A vector is base64 of little-endian float32.

        Chapter: voiceprints
        """
        lines = [json.dumps(to_dict(one), ensure_ascii=False) for one in self]
        write_atomically(path, "".join(f"{line}\n" for line in lines))
        return len(lines)

    def import_(self, path: str | os.PathLike[str], *, replace: bool = False) -> int:
        """Read what :meth:`export` wrote, all or nothing; the number of voiceprints is returned.

        Raises
        ------
        VoiceprintError
            With file and line.

        Chapter: voiceprints
        """
        voiceprints = []
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise VoiceprintError(f"{path}: cannot be read ({error}); give a file of `store export`") from None
        for number, line in enumerate(text.splitlines(), 1):
            try:
                voiceprints.append(from_dict(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise VoiceprintError(f"{path}:{number}: is no voiceprint ({error}); export it again") from None
            except VoiceprintError as error:
                raise VoiceprintError(f"{path}:{number}: {error}") from None
        self.add_many(voiceprints, replace=replace)
        return len(voiceprints)


def _to_row(one: Voiceprint) -> tuple[object, ...]:
    return (
        one.name,
        one.vector.astype("<f4").tobytes(),
        one.net_speech,
        one.samples,
        None if math.isnan(one.quality) else one.quality,
        one.created.isoformat(),
        one.consent.statement,
        one.consent.given.isoformat(),
        None if one.consent.expires is None else one.consent.expires.isoformat(),
        json.dumps(dict(one.metadata), ensure_ascii=False, sort_keys=True),
        None if one.enrolled is None else one.enrolled.astype("<f4").tobytes(),
    )


def _from_row(row: tuple, model: str, version: str) -> Voiceprint:
    name, vector, net_speech, samples, quality, created, statement, given, expires, metadata, enrolled = row
    consent = Consent(
        statement, datetime.fromisoformat(given), None if expires is None else datetime.fromisoformat(expires)
    )
    return Voiceprint(
        name,
        np.frombuffer(vector, dtype="<f4"),
        model,
        version,
        net_speech,
        samples,
        math.nan if quality is None else quality,
        datetime.fromisoformat(created),
        consent,
        json.loads(metadata),
        None if enrolled is None else np.frombuffer(enrolled, dtype="<f4"),
    )


def to_dict(one: Voiceprint) -> dict[str, object]:
    """A voiceprint as plain values, as ``export`` writes it.

    Chapter: voiceprints
    """
    row = dict(zip(COLUMNS.split(", "), _to_row(one), strict=True))
    for name in ("vector", "enrolled"):
        row[name] = None if row[name] is None else base64.b64encode(row[name]).decode("ascii")
    row["metadata"] = dict(one.metadata)
    return row | {"model": one.model, "model_version": one.model_version}


def from_dict(values: dict[str, object]) -> Voiceprint:
    """The voiceprint of plain values.

    Chapter: voiceprints
    """
    # An export of before adaptation has no "enrolled".
    row = {"enrolled": None} | values
    for name in ("vector", "enrolled"):
        row[name] = None if row[name] is None else base64.b64decode(row[name], validate=True)
    row["metadata"] = json.dumps(row["metadata"])
    return _from_row(tuple(row[name] for name in COLUMNS.split(", ")), row["model"], row["model_version"])
