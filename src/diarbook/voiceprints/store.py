"""Voiceprints on disk: one SQLite file that a kill at any moment leaves whole.

SQLite is in Python's standard library, writes transactions through a log, and keeps everything in one file. It has no
index of vectors and needs none here: up to about a million voiceprints, one product of a matrix and a vector compares
a voice with all of them, exactly, in milliseconds.

Chapter: voiceprints
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from diarbook.embeddings.similarity import unit_float32
from diarbook.errors import VoiceprintError
from diarbook.files import write_atomically
from diarbook.rttm import rttm_name
from diarbook.voiceprints.database import Database
from diarbook.voiceprints.records import COLUMNS, LENGTH_TOLERANCE, end_of, from_row, read_export, to_dict, to_row
from diarbook.voiceprints.voiceprint import Voiceprint, now


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


class _Matrix(NamedTuple):
    """What :meth:`VoiceprintStore.matrix` returns, and how long it holds."""

    state: tuple[int, int]
    until: datetime | None
    names: list[str]
    vectors: np.ndarray


class VoiceprintStore(Database):
    """Voiceprints by name, all of one embedding model.

    A vector is handed out only while its owner's consent holds: :meth:`get`, iteration, :meth:`matrix`,
    :meth:`search` and :meth:`export` pass over who has let it end, and :meth:`expire` deletes them. :meth:`names` and
    ``len`` count everybody who is kept.

    Several processes may use one file at once; readers wait for nobody. A connection is for the thread that opened
    it. What a method has returned from is on the disk. A new file can be read by its owner alone.

    Parameters
    ----------
    path : path
    create : bool
        Make the file when there is none.
    readonly : bool
        Only read, and so also from a file or a folder that cannot be written to.
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
        readonly: bool = False,
        timeout: float = 30.0,
        preload: bool = False,
    ) -> None:
        self._matrix: _Matrix | None = None
        self._words: tuple[tuple[int, int], dict[str, str]] | None = None
        super().__init__(path, create=create, readonly=readonly, timeout=timeout)
        if preload:
            try:
                self.matrix()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self._matrix = self._words = None

    # ------------------------------------------------------------ reading

    @property
    def identity(self) -> tuple[str, str, int] | None:
        """Model, its version and its dimension; None before the first enrollment."""
        with self._explained():
            row = self._connection.execute("SELECT model, model_version, dimension FROM identity").fetchone()
        if row is not None and not (
            [type(value) for value in row] == [str, str, int] and (row[0] + row[1]).isprintable() and row[2] > 0
        ):
            raise VoiceprintError(f"{self.path}: the name of its model is damaged; restore it from a copy or an export")
        return row

    def __len__(self) -> int:
        with self._explained():
            return self._connection.execute("SELECT count(*) FROM voiceprint").fetchone()[0]

    def __contains__(self, name: str) -> bool:
        return self._row(name) is not None

    def __iter__(self) -> Iterator[Voiceprint]:
        moment = now()
        for name in self.names():
            one = self._read(name)
            if one is not None and not one.consent.ended_at(moment):  # another process may have deleted it
                yield one

    def names(self) -> list[str]:
        """Names of everybody who is kept, sorted."""
        with self._explained():
            names = [row[0] for row in self._connection.execute("SELECT name FROM voiceprint ORDER BY name")]
        for name in names:
            if not isinstance(name, str):
                raise self._damaged(name, "the name is no text")
        return names

    def get(self, name: str, *, ended: bool = False) -> Voiceprint:
        """One voiceprint.

        Parameters
        ----------
        name : str
            In any Unicode form.
        ended : bool
            Also when the consent has ended: to look at it or to delete it, not to compare with it.

        Raises
        ------
        VoiceprintError
            When nobody has that name, the consent has ended, or the row is damaged.

        Chapter: voiceprints
        """
        if (one := self._read(name)) is None:
            raise self._nobody(name)
        if not ended:
            one.require_consent()
        return one

    def _nobody(self, name: str) -> VoiceprintError:
        return VoiceprintError(f"{self.path}: nobody is called {name!r}; `diarbook store list` shows the names")

    def _damaged(self, name: object, why: object) -> VoiceprintError:
        return VoiceprintError(
            f"{self.path}: the row of {name!r} is damaged: {why}; delete it with `diarbook store delete`, or restore"
            " the store from a copy or an export"
        )

    def _row(self, name: str) -> tuple | None:
        """The row of a name in Unicode NFC, or, in a store of before that rule, as it is spelled."""
        statement = f"SELECT {', '.join(self._columns.values())} FROM voiceprint WHERE name = ?"
        with self._explained():
            for spelled in dict.fromkeys((unicodedata.normalize("NFC", name), name)):
                if not _is_text(spelled):
                    continue  # bytes of a command line that are no UTF-8 are nobody's name
                if (row := self._connection.execute(statement, (spelled,)).fetchone()) is not None:
                    return row
        return None

    def _read(self, name: str) -> Voiceprint | None:
        row = self._row(name)
        if row is None:
            return None
        identity = self.identity
        if identity is None:
            raise VoiceprintError(f"{self.path}: does not name its model; restore it from a copy or an export")
        try:
            return from_row(row, identity)
        except VoiceprintError as error:
            raise self._damaged(row[0], error) from None

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
            When its consent is not valid now, its model, version or dimension is another than the store's, the name
            is taken, or RTTM would write it like the name of somebody else. Nothing is changed then.

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
                raise VoiceprintError(f"{one.name}: the consent is not valid now; ask again and enroll with --consent")
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        marks = ", ".join("?" * len(COLUMNS))
        with self._transaction():
            words = self._new_words([one.name for one in voiceprints], replace)
            for one in voiceprints:
                self._check_model(one.model, one.model_version, one.dimension)
                self._connection.execute(f"{verb} INTO voiceprint ({', '.join(COLUMNS)}) VALUES ({marks})", to_row(one))
        (version, _), known = self._words  # of within the transaction: what others wrote since is not known
        known.update(words)
        self._words = ((version, self._writes), known)

    def check_free(self, names: Iterable[str], *, replace: bool = False) -> None:
        """Refuse names that could not be enrolled, before anybody's voice is measured.

        Parameters
        ----------
        names : iterable of str
            In Unicode NFC.
        replace : bool
            Names that are there already may be replaced.

        Raises
        ------
        VoiceprintError
            When a name is taken, or RTTM would write two names alike.

        Chapter: voiceprints
        """
        with self._explained():
            self._new_words(names, replace)

    def _new_words(self, names: Iterable[str], replace: bool) -> dict[str, str]:
        """The words of RTTM for new names, in small letters; they are compared with everybody's."""
        state = self._state()
        if self._words is None or self._words[0] != state:
            self._words = (state, {_word(name): name for name in self.names()})
        known, new = self._words[1], {}
        for name in names:
            word = _word(name)
            other = new.get(word, known.get(word))
            if other not in (None, name):
                raise VoiceprintError(
                    f"{self.path}: RTTM would write {name!r} like {other!r}, who is another person; choose a name that"
                    " differs in more than spaces and capitals"
                )
            if other == name and not replace:
                raise VoiceprintError(f"{self.path}: {name!r} is there already; use --replace or another name")
            new[word] = name
        return new

    def _check_model(self, model: str, version: str, dimension: int) -> None:
        known = self.identity
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
            if (row := self._row(name)) is None:
                raise self._nobody(name)
            known = self._words is not None and self._words[0] == self._state()
            self._connection.execute("DELETE FROM voiceprint WHERE name = ?", (row[0],))
        if known:  # else the names would be read again before the next enrollment
            (version, _), words = self._words
            words.pop(_word(row[0]), None)
            self._words = ((version, self._writes), words)
        self.scrub()

    def ended(self, moment: datetime | None = None) -> list[str]:
        """Names of those whose consent has ended, sorted; they are kept until :meth:`expire`.

        Parameters
        ----------
        moment : datetime, optional
            Now by default.

        Chapter: privacy
        """
        moment = now() if moment is None else moment
        return sorted(name for name, end in self.ends().items() if end <= moment)

    def ends(self) -> dict[str, datetime]:
        """When consents end, by name; of those that do.

        Chapter: privacy
        """
        with self._explained():
            rows = self._connection.execute(f"SELECT name, {self._columns['expires']} FROM voiceprint").fetchall()
        return {name: self._end(name, expires) for name, expires in rows if expires is not None}

    def _end(self, name: object, expires: object) -> datetime:
        try:
            return end_of(expires)
        except VoiceprintError as error:
            raise self._damaged(name, error) from None

    def expire(self, moment: datetime | None = None) -> list[str]:
        """Forget everybody whose consent has ended; their names are returned.

        Parameters
        ----------
        moment : datetime, optional
            Now by default.

        Chapter: privacy
        """
        with self._transaction():
            names = self.ended(moment)
            self._connection.executemany("DELETE FROM voiceprint WHERE name = ?", [(name,) for name in names])
        if names:
            self.scrub()
        return names

    # ------------------------------------------------------------ comparing

    def matrix(self) -> tuple[list[str], np.ndarray]:
        """All names whose consent holds, sorted, and their vectors: float32 of shape (voiceprints, dimension).

        It is kept until this or another process writes, or a consent ends. Do not change it.

        Raises
        ------
        VoiceprintError
            When a row is damaged; it is named.

        Chapter: identification
        """
        moment = now()
        with self._explained():
            kept, state = self._matrix, self._state()
            if kept is None or kept.state != state or (kept.until is not None and kept.until <= moment):
                kept = self._matrix = self._read_matrix(state, moment)
        return kept.names, kept.vectors

    def _read_matrix(self, state: tuple[int, int], moment: datetime) -> _Matrix:
        statement = f"SELECT name, vector, {self._columns['expires']} FROM voiceprint ORDER BY name"
        rows = self._connection.execute(statement).fetchall()
        identity = self.identity
        width = identity[2] if identity else 0
        until, held = None, []
        for row in rows:
            if type(row[1]) is not bytes or len(row[1]) != 4 * width or not isinstance(row[0], str):
                raise self._damaged(row[0], f"the vector is not {width} float32 numbers")
            if row[2] is not None:
                end = self._end(row[0], row[2])
                if end <= moment:
                    continue
                until = end if until is None else min(until, end)
            held.append(row)
        vectors = np.frombuffer(b"".join(row[1] for row in held), dtype="<f4").reshape(len(held), width)
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        wrong = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))
        if len(wrong):
            raise self._damaged(held[wrong[0]][0], f"the vector has length {lengths[wrong[0]]:.3g} instead of 1")
        return _Matrix(state, until, [row[0] for row in held], vectors)

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
        unit = unit_float32(vector)
        if unit.ndim != 1 or not len(unit) or not np.isfinite(unit).all():
            raise VoiceprintError("search: the vector is not one row of finite numbers; embed the voice again")
        identity = self.identity
        if identity is None:
            return []
        if identity != (model, model_version, len(unit)):
            self._refuse(identity, model, model_version, len(unit))
        names, vectors = self.matrix()
        scores = np.clip(vectors @ unit, -1.0, 1.0)  # rounding can go beyond
        k = max(0, min(k, len(names)))
        best = np.arange(len(names)) if k == len(names) else np.argpartition(-scores, k)[: k + 1]
        # Ties on the edge of the k best: take all that equal the last of them before sorting.
        if 0 < k < len(names):
            best = np.flatnonzero(scores >= np.sort(scores[best])[-k])
        best = best[np.lexsort((best, -scores[best]))][:k]
        return [Match(names[index], float(scores[index]), model, model_version) for index in best]

    # ------------------------------------------------------------ in and out

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write every voiceprint whose consent holds as one line of JSON; the number of lines is returned.

        A vector is base64 of little-endian float32, with every bit. Only the owner can read the file.

        Chapter: voiceprints
        """
        lines = [json.dumps(to_dict(one), ensure_ascii=False) for one in self]
        write_atomically(path, "".join(f"{line}\n" for line in lines), private=True)
        return len(lines)

    def import_(self, path: str | os.PathLike[str], *, replace: bool = False) -> int:
        """Read what :meth:`export` wrote, all or nothing; the number of voiceprints is returned.

        Raises
        ------
        VoiceprintError
            With file and line; see :func:`diarbook.voiceprints.records.read_export`.

        Chapter: voiceprints
        """
        voiceprints = read_export(path)
        self.add_many(voiceprints, replace=replace)
        return len(voiceprints)


def _word(name: str) -> str:
    """The word that RTTM writes for a name, in small letters."""
    return rttm_name(name).casefold()


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
