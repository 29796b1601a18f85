"""The bibliography: what was opened of each source, and what is known of it from other people's citations alone.

Chapter: bibliography
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a source was opened.

    Parameters
    ----------
    day : datetime.date
    what : str
        The part that was read: the abstract, the full text, a model card, a README at a commit.

    Chapter: bibliography
    """

    day: datetime.date
    what: str


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of the bibliography.

    Parameters
    ----------
    key : str
    fields : mapping of str to str
        As the file has them, with LaTeX's marks.
    opened : tuple of Opening
        Empty when only citations of the source were seen.

    Chapter: bibliography
    """

    key: str
    fields: Mapping[str, str]
    opened: tuple[Opening, ...]


_OPENING = re.compile(r"(\d{4}-\d{2}-\d{2}): (\S.*)")


def references_file() -> Path | None:
    """``data/references.bib``, or None outside a clone."""
    root = repository_root()
    return None if root is None else root / "data" / "references.bib"


def load_references(path: Path | None = None) -> Mapping[str, Reference]:
    """Every entry by key, in the order of the file; ``data/references.bib`` by default.

    The field ``opened`` holds ``YEAR-MONTH-DAY: what was read``, several of them with a semicolon between.

    Raises
    ------
    KnowledgeError
        With file and key: not BibTeX, or an ``opened`` of another form.

    Examples
    --------
    >>> load_references()["chen1998bic"].opened[0].what
    'full text'

    Chapter: bibliography
    """
    path = references_file() if path is None else Path(path)
    if path is None:
        return {}
    return _load(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _load(path: Path, changed: int) -> Mapping[str, Reference]:
    from pybtex.database import parse_file
    from pybtex.exceptions import PybtexError

    try:
        entries = parse_file(str(path), bib_format="bibtex").entries
    except PybtexError as error:
        raise KnowledgeError(f"{path.name}: not BibTeX: {error}") from None
    made = {}
    for key, entry in entries.items():
        fields = {name.lower(): " ".join(value.split()) for name, value in entry.fields.items()}
        made[key] = Reference(key, fields, tuple(_openings(path.name, key, fields.get("opened", ""))))
    return made


def _openings(file: str, key: str, text: str) -> Iterator[Opening]:
    for part in filter(None, (one.strip() for one in text.split(";"))):
        found = _OPENING.fullmatch(part)
        try:
            day = datetime.date.fromisoformat(found[1]) if found else None
        except ValueError:
            day = None
        if day is None:
            raise KnowledgeError(f"{file}: {key}: opened must be a day and what was read, got {part!r}")
        yield Opening(day, found[2])


def is_opened(key: str, path: Path | None = None) -> bool:
    """Whether somebody opened this source; False for an unknown key.

    Parameters
    ----------
    key : str
        Of ``data/references.bib``.
    path : path, optional
        Another BibTeX file.

    Examples
    --------
    >>> is_opened("chen1998bic"), is_opened("nobody1900")
    (True, False)

    Chapter: bibliography
    """
    found = load_references(path).get(key)
    return bool(found and found.opened)


def problems(references: Mapping[str, Reference], used: Collection[str] | None = None) -> list[str]:
    """What is wrong with a bibliography, one line a fault, each with its key.

    An entry that says neither what was opened nor where its data come from; one whose year is that of its reading
    although it names no version of that year; and one that nothing uses.

    Parameters
    ----------
    references : mapping of str to Reference
    used : collection of str, optional
        Keys that pages, code and data name; not checked by default.

    Chapter: bibliography
    """
    faults = []
    for key, one in references.items():
        if not one.opened and not one.fields.get("metadata"):
            faults.append(f"{key}: neither 'opened' nor 'metadata' says what is known of it")
        read = {opening.day.year for opening in one.opened} | {_year(one.fields.get("urldate"))}
        year = _year(one.fields.get("year"))
        if year in read - {None} and _year(one.fields.get("date")) != year and not one.fields.get("version"):
            faults.append(f"{key}: {year} is the year of its reading; give the work's year, or a version or date")
        if used is not None and key not in used:
            faults.append(f"{key}: nothing names it; leave it out")
    return faults


def _year(text: str | None) -> int | None:
    """The first number of four digits."""
    found = re.search(r"\d{4}", text or "")
    return int(found[0]) if found else None


_FOLDERS = ("data", "src", "notebooks", "book", "benchmarks")
_SUFFIXES = frozenset({".py", ".ipynb", ".md", ".yaml", ".yml", ".json", ".tsv"})


def used_keys(references: Collection[str], root: Path | None = None) -> set[str]:
    """Keys that a page, the code or the data names; the test of a key alone does not keep its entry.

    Parameters
    ----------
    references : collection of str
        Keys to look for.
    root : path, optional
        Root of a clone; the one that the library lies in by default.

    Chapter: bibliography
    """
    root = repository_root() if root is None else root
    if root is None:
        return set()
    words: set[str] = set()
    for folder in _FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.suffix in _SUFFIXES and not {"cache", "_build"} & set(path.relative_to(root).parts):
                words.update(re.findall(r"[A-Za-z][\w-]*", path.read_text(encoding="utf-8")))
    return words & set(references)
