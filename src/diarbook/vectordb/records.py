"""What an index of bare vectors lacks: names, metadata, and files that are whole or not there.

Chapter: vectordb
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diarbook.errors import VectorStoreError
from diarbook.files import write_atomically

MANIFEST = "current.json"


@dataclass
class Records:
    """Names and metadata by key; a key is a whole number that is never used again.

    Parameters
    ----------
    names : dict of int to str
    keys : dict of str to int
    metadata : dict of int to dict
    upcoming : int
        The next key.

    Chapter: vectordb
    """

    names: dict[int, str] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    metadata: dict[int, dict] = field(default_factory=dict)
    upcoming: int = 0
    _holders: dict[tuple[str, str | int], set[int]] = field(default_factory=dict)  # keys by item of metadata

    def __len__(self) -> int:
        return len(self.names)

    def known(self, ids: list[str]) -> set[str]:
        """Those of the ids that are there.

        Chapter: vectordb
        """
        return {one for one in ids if one in self.keys}

    def keys_of(self, ids: list[str]) -> np.ndarray:
        """The key of each id, int64.

        Chapter: vectordb
        """
        return np.fromiter((self.keys[one] for one in ids), dtype=np.int64, count=len(ids))

    def add(self, ids: list[str], metadata: list[dict]) -> np.ndarray:
        """Give each id a new key.

        Chapter: vectordb
        """
        keys = np.arange(self.upcoming, self.upcoming + len(ids), dtype=np.int64)
        for key, one, row in zip(keys.tolist(), ids, metadata, strict=True):
            self._put(key, one, row)
        return keys

    def _put(self, key: int, one: str, row: dict) -> None:
        self.names[key], self.keys[one] = one, key
        self.upcoming = max(self.upcoming, key + 1)
        if row:
            self.metadata[key] = row
            for item in row.items():
                self._holders.setdefault(item, set()).add(key)

    def remove(self, ids: list[str]) -> np.ndarray:
        """Forget ids; the keys that they had.

        Chapter: vectordb
        """
        keys = self.keys_of(ids)
        for key, one in zip(keys.tolist(), ids, strict=True):
            self._forget_metadata(key)
            del self.names[key], self.keys[one]
        return keys

    def replace_metadata(self, ids: list[str], metadata: list[dict]) -> None:
        """Give ids other metadata.

        Chapter: vectordb
        """
        for one, row in zip(ids, metadata, strict=True):
            key = self.keys[one]
            self._forget_metadata(key)
            self._put(key, one, row)

    def _forget_metadata(self, key: int) -> None:
        for item in self.metadata.pop(key, {}).items():
            self._holders[item].discard(key)
            if not self._holders[item]:
                del self._holders[item]

    def matching(self, where: dict) -> np.ndarray:
        """Keys whose metadata holds all items of ``where``, int64, in no order.

        Chapter: vectordb
        """
        sets = sorted((self._holders.get(item, set()) for item in where.items()), key=len)
        both = set.intersection(*sets)
        return np.fromiter(both, dtype=np.int64, count=len(both))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What was read back: the records, and the file of the vectors.

    Chapter: vectordb
    """

    records: Records
    data: Path
    extra: dict


def save_snapshot(
    folder: Path, records: Records, suffix: str, write: Callable[[Path], None], extra: dict | None = None
) -> None:
    """Write vectors and records of one state; a kill at any moment leaves the old state or the new one.

    Both files get new names. Only when they are on the disk does the manifest, renamed into place, point to them.

    Parameters
    ----------
    folder : path
    records : Records
    suffix : str
        Of the file of vectors.
    write : callable
        Writes the vectors to a path.
    extra : dict, optional
        Kept in the manifest.

    Raises
    ------
    VectorStoreError
        When the disk is full or the folder cannot be written; the old state stays.

    Chapter: vectordb
    """
    generation = _manifest(folder)["generation"] + 1 if (folder / MANIFEST).is_file() else 1
    data, table = folder / f"vectors-{generation}{suffix}", folder / f"records-{generation}.json"
    keys = sorted(records.names)
    content = {
        "upcoming": records.upcoming,
        "keys": keys,
        "names": [records.names[key] for key in keys],
        "metadata": [records.metadata.get(key, {}) for key in keys],
    }
    try:
        write(data)
        table.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        for file in (data, table):
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    except (OSError, RuntimeError) as error:
        for file in (data, table):
            file.unlink(missing_ok=True)
        raise VectorStoreError(f"{folder}: cannot be written ({error}); free disk space or check permissions") from None
    manifest = {"generation": generation, "data": data.name, "records": table.name, "extra": extra or {}}
    write_atomically(folder / MANIFEST, json.dumps(manifest) + "\n")
    for old in [*folder.glob("vectors-*"), *folder.glob("records-*.json")]:
        if old not in (data, table):
            old.unlink()


def _manifest(folder: Path) -> dict:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {"extra": {}, **manifest, "generation": int(manifest["generation"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise VectorStoreError(f"{folder / MANIFEST}: is damaged; restore the folder from a copy") from None


def load_snapshot(name: str, folder: Path) -> Snapshot | None:
    """The state that was saved last; None when there is none.

    Raises
    ------
    VectorStoreError
        When a file is missing or damaged.

    Chapter: vectordb
    """
    if not (folder / MANIFEST).is_file():
        return None
    manifest = _manifest(folder)
    try:
        data, table = folder / manifest["data"], folder / manifest["records"]
        content = json.loads(table.read_text(encoding="utf-8"))
        records = Records()
        for key, one, row in zip(content["keys"], content["names"], content["metadata"], strict=True):
            records._put(int(key), one, row)
        records.upcoming = max(records.upcoming, int(content["upcoming"]))
        extra = dict(manifest["extra"])
        if not data.is_file():
            raise KeyError(data.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VectorStoreError(f"{folder}: the {name} store is damaged ({error}); restore it from a copy") from None
    return Snapshot(records, data, extra)
