"""The SQLite file under a store of voiceprints: made, brought up to date, and read while others write.

Chapter: voiceprints
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from diarbook.errors import VoiceprintError
from diarbook.voiceprints.records import COLUMNS

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
ADDED = {"expires": 2, "enrolled": 3}
"""The version that has a column, where it is not the first."""

REMEDIES = {
    "SQLITE_FULL": "the disk is full; nothing was changed; free some space and repeat",
    "SQLITE_BUSY": "another process keeps writing; repeat later",
    "SQLITE_NOTADB": "is no store of voiceprints; give another path",
    "SQLITE_CORRUPT": "is damaged; restore it from a copy or an export",
    "SQLITE_READONLY": "cannot be written to; change its permissions or give another path",
    "SQLITE_CANTOPEN": "cannot be opened; check the path and its permissions",
    "SQLITE_IOERR": "the disk failed; nothing was changed; check it and repeat",
}


class Database:
    """A SQLite file of schema ``SCHEMA``.

    Parameters
    ----------
    path : path
    create : bool
        Make the file when there is none.
    readonly : bool
        Only read, and so also from a file or a folder that cannot be written to.
    timeout : float
        Seconds to wait for another process that writes; a reader waits for nobody.

    Raises
    ------
    VoiceprintError
        When the file is missing, is no store, is damaged, or was written by a newer version of this package.

    Chapter: voiceprints
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool, readonly: bool, timeout: float) -> None:
        self.path, self.readonly = Path(path), readonly
        self._writes = 0
        try:
            self._check_path(create and not readonly)
        except OSError as error:
            raise VoiceprintError(
                f"{self.path}: cannot be opened ({error.strerror}); check the path and its permissions"
            ) from None
        self._connection = self._connected(timeout)
        try:
            with self._explained():
                self._open()
        except BaseException:
            self._connection.close()
            raise

    def _check_path(self, create: bool) -> None:
        """Make an empty file that only its owner can read, or see that there is one to open."""
        if self.path.is_dir():
            raise VoiceprintError(f"{self.path}: is a folder; give the path of a file")
        if self.path.exists():
            if not self.path.is_file():
                raise VoiceprintError(f"{self.path}: is not a regular file; give the path of a file")
            if not create and not self.path.stat().st_size:
                raise VoiceprintError(f"{self.path}: is empty, no store; enroll somebody first, or correct --store")
            return
        if not create:
            raise VoiceprintError(f"{self.path}: no such store; enroll somebody first, or correct --store")
        file = Path(os.path.realpath(self.path))
        if not file.parent.is_dir():
            raise VoiceprintError(f"{self.path}: its folder does not exist; make it first")
        with suppress(FileExistsError):  # another process was faster
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _connected(self, timeout: float) -> sqlite3.Connection:
        """A connection to the file of that name, whatever SQLite makes of names such as ``:memory:``."""
        file = Path(os.path.realpath(self.path))
        log = file.with_name(f"{file.name}-wal")
        address = file.as_uri()
        with self._explained():
            connection = sqlite3.connect(f"{address}?mode=rw", uri=True, timeout=timeout, isolation_level=None)
            if not self.readonly:
                return connection
            try:
                connection.execute("PRAGMA query_only = ON")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except (sqlite3.Error, UnicodeDecodeError) as error:
                connection.close()
                code = getattr(error, "sqlite_errorname", "") or ""
                if not code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
                    raise
                if log.exists() and log.stat().st_size:
                    raise VoiceprintError(
                        f"{self.path}: {log.name} beside it has to be read too, and the folder cannot be written to;"
                        " copy both to one that can"
                    ) from None
                # Nobody can write here: without a log the file is the whole store.
                return sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True, isolation_level=None)
            return connection

    def _open(self) -> None:
        run = self._connection.execute
        application = run("PRAGMA application_id").fetchone()[0]
        empty = run("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if application != APPLICATION_ID and (self.readonly or not empty):
            raise VoiceprintError(f"{self.path}: is another program's database; give another path")
        if not self.readonly:
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = FULL")
            run("PRAGMA secure_delete = ON")
            if self._version() != SCHEMA_VERSION:
                with self._transaction():  # another process may have made it meanwhile
                    self._bring_up_to_date(self._version())
        version = self._version()
        self._columns = {column: column if ADDED.get(column, 1) <= version else "NULL" for column in COLUMNS}

    def _version(self) -> int:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise VoiceprintError(
                f"{self.path}: was written by a newer diarbook (schema {version}, known up to {SCHEMA_VERSION});"
                " install that one"
            )
        return version

    def _bring_up_to_date(self, version: int) -> None:
        steps = [SCHEMA] if version <= 0 else [MIGRATIONS[step] for step in range(version, SCHEMA_VERSION)]
        for statement in filter(str.strip, ";".join(steps).split(";")):
            self._connection.execute(statement)
        if steps:
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of SQLite as one line with a remedy."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "") or ""
            for name, remedy in REMEDIES.items():
                if code.startswith(name):
                    raise VoiceprintError(f"{self.path}: {remedy}") from None
            what = "".join(character if character.isprintable() else "?" for character in str(error))
            raise VoiceprintError(f"{self.path}: {what}; restore it from a copy or an export") from None
        except UnicodeDecodeError:  # Python's driver wants the damaged text in an error of SQLite to be UTF-8
            raise VoiceprintError(f"{self.path}: {REMEDIES['SQLITE_CORRUPT']}") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self.readonly:
            raise VoiceprintError(f"{self.path}: was opened for reading only; open it without readonly")
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            self._writes += 1

    def _state(self) -> tuple[int, int]:
        """Changes when this or another process has written."""
        return self._connection.execute("PRAGMA data_version").fetchone()[0], self._writes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def scrub(self) -> None:
        """Write the log back into the file and empty it, so that no deleted byte is left in it.

        Raises
        ------
        VoiceprintError
            When another process is in the way.

        Chapter: privacy
        """
        with self._explained():
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise VoiceprintError(f"{self.path}: deleted, but another process holds the log; close it and repeat")
