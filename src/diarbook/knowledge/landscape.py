"""What the field offers, as data: tools, models, data sets and vector stores, from ``data/landscape/*.yaml``.

Chapter: tools
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.chapters import topic_fault
from diarbook.knowledge.evidence import Evidence, format_value
from diarbook.knowledge.tables import read_table

KINDS = ("tools", "models", "datasets", "vector_stores")
"""Names of the files."""

FRESH_MONTHS = 6
"""After so many months an entry should be checked again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool, model, data set or store.

    Parameters
    ----------
    id, name : str
    fields : mapping of str to object
        Everything that ``data/landscape/schema`` describes; None is a value that could not be checked.
    location : str
        File, line and id, as a fault names them.

    Chapter: tools
    """

    id: str
    name: str
    fields: Mapping[str, object]
    location: str


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

    Chapter: tools
    """
    if kind not in KINDS:
        raise KnowledgeError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    path = (landscape_folder() if folder is None else Path(folder)) / f"{kind}.yaml"
    schema = landscape_folder() / "schema" / f"{kind}.json"
    entries: dict[str, Entry] = {}
    for row in read_table(path, schema.read_text(encoding="utf-8")):
        entry = Entry(row.fields["id"], row.fields["name"], row.fields, row.location)
        if entry.id in entries:
            raise KnowledgeError(f"{entry.location}: defined twice; keep one")
        entries[entry.id] = entry
    return list(entries.values())


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

    Chapter: tools
    """
    lines = []
    for item in entry.fields.get("measured") or ():
        name = item["evidence"]
        if name not in evidence:
            raise KnowledgeError(f"{entry.location}: evidence {name!r} does not exist")
        table = evidence[name]
        for key in (*item["row"], *item["show"]):
            if key not in table.columns:
                raise KnowledgeError(f"{entry.location}: {key!r} is no column of evidence {name!r}")
        rows = [row for row in table.rows if all(row.get(key) == value for key, value in item["row"].items())]
        if len(rows) != 1:
            raise KnowledgeError(
                f"{entry.location}: {len(rows)} rows of evidence {name!r} fit {dict(item['row'])}, not one"
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
    today: dt.date | None = None,
) -> list[str]:
    """What is wrong with entries, one line a fault.

    A concept or stage that the ontology lacks, a source that the bibliography lacks, a topic that is no subject,
    evidence that does not exist, a name in ``not_verified`` that is no field, and a check that lies in the future.

    Parameters
    ----------
    entries : iterable of Entry
    concepts : collection of str
        Ids of the ontology.
    evidence : mapping of str to Evidence
        By name.
    sources : collection of str
        Keys of the bibliography.
    today : date, optional
        By the machine's clock by default.

    Chapter: tools
    """
    faults = []
    today = today or dt.date.today()
    for entry in entries:
        concept = entry.fields.get("concept")
        named = [*entry.fields.get("stages", ()), *([concept] if concept else [])]
        faults += [
            f"{entry.location}: {name!r} is no concept of the ontology" for name in named if name not in concepts
        ]
        faults += [
            f"{entry.location}: {key!r} is not in the bibliography" for key in cited(entry) if key not in sources
        ]
        if (topic := entry.fields.get("topic")) and (fault := topic_fault(topic)):
            faults.append(f"{entry.location}: {fault}")
        try:
            measured_here(entry, evidence)
        except KnowledgeError as error:
            faults.append(str(error))
        faults += [
            f"{entry.location}: not_verified names {name!r}, which is no field"
            for name in entry.fields["not_verified"]
            if name.split(".")[0] not in entry.fields
        ]
        if "checked" in entry.fields and checked_on(entry) > today:
            faults.append(f"{entry.location}: it was checked on {checked_on(entry)}, which is after {today}")
    return faults


def checked_on(entry: Entry) -> dt.date:
    """The day on which an entry was last compared with its sources.

    Chapter: tools
    """
    return dt.date.fromisoformat(str(entry.fields["checked"]))


def overdue(entries: Iterable[Entry], today: dt.date, months: int = FRESH_MONTHS) -> list[Entry]:
    """Entries that were last checked more than some months ago, the oldest first.

    Parameters
    ----------
    entries : iterable of Entry
    today : date
    months : int
        Calendar months: what was checked on 27 May is overdue on 28 November.

    Examples
    --------
    >>> old, new = (Entry(day, day, {"checked": day}, "f:1") for day in ("2026-05-27", "2026-05-28"))
    >>> [entry.id for entry in overdue([new, old], dt.date(2026, 11, 28))]
    ['2026-05-27']

    Chapter: tools
    """
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    # The same day of the earlier month, or its last day where it has no such day.
    after = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    limit = min(after - dt.timedelta(days=1), dt.date(year, month + 1, 1) + dt.timedelta(days=today.day - 1))
    return sorted((entry for entry in entries if checked_on(entry) < limit), key=lambda one: (checked_on(one), one.id))


def freshness(entries: Sequence[Entry], today: dt.date, months: int = FRESH_MONTHS) -> str:
    """One or two sentences: when the entries were checked, and which should be checked again.

    Parameters
    ----------
    entries : sequence of Entry
        At least one.
    today : date
    months : int

    Examples
    --------
    >>> freshness([Entry("x", "X", {"checked": "2026-11-24"}, "f:1")], dt.date(2026, 11, 28))
    '1 entry, last checked on 2026-11-24. None was checked more than 6 months before 2026-11-28.'

    Chapter: tools
    """
    days = sorted(map(checked_on, entries))
    number = "1 entry" if len(days) == 1 else f"{len(days)} entries"
    when = f"on {days[0]}" if days[0] == days[-1] else f"between {days[0]} and {days[-1]}"
    old = overdue(entries, today, months)
    listed = "; ".join(f"{entry.name} ({checked_on(entry)})" for entry in old)
    rest = f"To be checked again: {listed}." if old else f"None was checked more than {months} months before {today}."
    return f"{number}, last checked {when}. {rest}"


def cited(entry: Entry) -> list[str]:
    """Keys of the bibliography that an entry names, each once.

    Chapter: tools
    """
    keys = [*entry.fields["sources"], *(result["source"] for result in entry.fields.get("published") or ())]
    if entry.fields.get("scale_source"):
        keys.append(entry.fields["scale_source"])
    return list(dict.fromkeys(keys))


if __name__ == "__main__":
    for kind in KINDS:
        print(f"{kind}: {freshness(load_landscape(kind), dt.date.today())}")
