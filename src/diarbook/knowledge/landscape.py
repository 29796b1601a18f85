"""What the field offers, as data: tools, models, data sets and vector stores, from ``data/landscape/*.yaml``.

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
from diarbook.knowledge.evidence import Evidence, format_value
from diarbook.knowledge.ontology import Loader, line_numbers

KINDS = ("tools", "models", "datasets", "vector_stores")
"""Names of the files."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool, model, data set or store.

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


def measured_here(entry: Entry, evidence: Mapping[str, Evidence]) -> list[tuple[str, str]]:
    """What this book measured of an entry: name of the evidence and one sentence, as the evidence stands today.

    Parameters
    ----------
    entry : Entry
        ``measured`` lists evidence, the row that is meant (values of its columns), and the columns to show.
    evidence : mapping of str to Evidence

    Raises
    ------
    KnowledgeError
        With the entry: no such evidence or column, or not exactly one such row.

    Chapter: landscape
    """
    lines = []
    for item in entry.fields.get("measured") or ():
        name = item["evidence"]
        if name not in evidence:
            raise KnowledgeError(f"{entry.place}: evidence {name!r} does not exist")
        table = evidence[name]
        for key in (*item["row"], *item["show"]):
            if key not in table.columns:
                raise KnowledgeError(f"{entry.place}: {key!r} is no column of evidence {name!r}")
        rows = [row for row in table.rows if all(row.get(key) == value for key, value in item["row"].items())]
        if len(rows) != 1:
            raise KnowledgeError(
                f"{entry.place}: {len(rows)} rows of evidence {name!r} fit {dict(item['row'])}, not one"
            )
        which = ", ".join(str(value) for key, value in item["row"].items() if key != "part")
        values = (
            f"{table.columns[key]}: {format_value(rows[0].get(key), key, table.columns[key])}" for key in item["show"]
        )
        lines.append((name, f"{which}: {'; '.join(values)}"))
    return lines


def problems(
    entries: Iterable[Entry],
    concepts: Collection[str],
    evidence: Mapping[str, Evidence],
    sources: Collection[str],
) -> list[str]:
    """What is wrong with entries, one line a fault.

    A concept or stage that the ontology lacks, a source that the bibliography lacks, evidence that does not exist, and
    a name in ``not_verified`` that is no field.

    Parameters
    ----------
    entries : iterable of Entry
    concepts : collection of str
        Ids of the ontology.
    evidence : mapping of str to Evidence
        By name.
    sources : collection of str
        Keys of the bibliography.

    Chapter: landscape
    """
    found = []
    for entry in entries:
        concept = entry.fields.get("concept")
        named = [*entry.fields.get("stages", ()), *([concept] if concept else [])]
        found += [f"{entry.place}: {name!r} is no concept of the ontology" for name in named if name not in concepts]
        found += [f"{entry.place}: {key!r} is not in the bibliography" for key in cited(entry) if key not in sources]
        try:
            measured_here(entry, evidence)
        except KnowledgeError as error:
            found.append(str(error))
        found += [
            f"{entry.place}: not_verified names {name!r}, which is no field"
            for name in entry.fields["not_verified"]
            if name.split(".")[0] not in entry.fields
        ]
    return found


def cited(entry: Entry) -> list[str]:
    """Keys of the bibliography that an entry names, each once.

    Chapter: landscape
    """
    keys = [*entry.fields["sources"], *(result["source"] for result in entry.fields.get("published") or ())]
    if entry.fields.get("scale_source"):
        keys.append(entry.fields["scale_source"])
    return list(dict.fromkeys(keys))
