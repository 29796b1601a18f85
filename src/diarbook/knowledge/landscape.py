"""What the field offers, as data: models, data sets and vector stores, from ``data/landscape/*.yaml``.

Chapter: landscape
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.ontology import Loader, line_numbers

KINDS = ("models", "datasets", "vector_stores")
"""Names of the files."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model, data set or store.

    Parameters
    ----------
    id, name : str
    fields : mapping of str to object
        Everything that ``data/landscape/schema`` describes; None is a value that could not be checked.
    place : str
        File, line and id, as a fault names them.

    Chapter: landscape
    """

    id: str
    name: str
    fields: Mapping[str, object]
    place: str


def landscape_folder() -> Path:
    """Where the files are.

    Raises
    ------
    KnowledgeError
        Outside a clone of the book's repository.
    """
    root = repository_root()
    if root is None:
        raise KnowledgeError("the landscape is in the book's repository; run this in a clone of it")
    return root / "data" / "landscape"


def load_landscape(kind: str, folder: Path | None = None) -> list[Entry]:
    """Entries of one file, checked against its JSON Schema.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    folder : path, optional
        Holds ``KIND.yaml``; ``data/landscape`` by default, whose ``schema`` folder is used in any case.

    Raises
    ------
    KnowledgeError
        With file, line and id: not YAML, or against the schema; or an id that occurs twice.

    Chapter: landscape
    """
    from jsonschema import Draft202012Validator

    if kind not in KINDS:
        raise KnowledgeError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    path = (landscape_folder() if folder is None else Path(folder)) / f"{kind}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
        rows, lines = yaml.load(text, Loader=Loader), line_numbers(text)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path.name}: cannot be read ({' '.join(str(error).split())})") from None
    plain = json.loads(json.dumps(rows, default=str))  # dates as texts, as the schema has them
    schema = json.loads((landscape_folder() / "schema" / f"{kind}.json").read_text(encoding="utf-8"))
    for fault in sorted(Draft202012Validator(schema).iter_errors(plain), key=lambda error: list(error.absolute_path)):
        where = list(fault.absolute_path)
        if not where:
            raise KnowledgeError(f"{path.name}: {fault.message}")
        row, name = plain[where[0]], str(where[1]) if len(where) > 1 else "id"
        line = lines[where[0]].get(name, lines[where[0]]["id"])
        owner = row.get("id", where[0] + 1) if isinstance(row, dict) else where[0] + 1
        raise KnowledgeError(f"{path.name}:{line}: {owner}: {'.'.join(map(str, where[1:]))}: {fault.message}")
    entries = [
        Entry(row["id"], row["name"], row, f"{path.name}:{line['id']}: {row['id']}")
        for row, line in zip(plain, lines, strict=True)
    ]
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise KnowledgeError(f"{entry.place}: defined twice; keep one")
        seen.add(entry.id)
    return entries


def problems(entries: Iterable[Entry], concepts: Collection[str], evidence: Collection[str]) -> list[str]:
    """What is wrong with entries, one line a fault.

    A concept or stage that the ontology lacks, an evidence file that does not exist, and a mismatch between the values
    that are missing and the list ``not_verified``.

    Parameters
    ----------
    entries : iterable of Entry
    concepts : collection of str
        Ids of the ontology.
    evidence : collection of str
        Stems of the files in ``data/evidence``.

    Chapter: landscape
    """
    found = []
    for entry in entries:
        concept = entry.fields.get("concept")
        named = [*entry.fields.get("stages", ()), *([concept] if concept else [])]
        found += [f"{entry.place}: {name!r} is no concept of the ontology" for name in named if name not in concepts]
        found += [
            f"{entry.place}: evidence {name!r} does not exist"
            for name in entry.fields.get("evidence", ())
            if name not in evidence
        ]
        found += [
            f"{entry.place}: not_verified names {name!r}, which is no field"
            for name in entry.fields["not_verified"]
            if name.split(".")[0] not in entry.fields
        ]
    return found
