"""What goes wrong, why, and what to do: ``data/troubleshooting.yaml``.

Chapter: troubleshooting
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import read_data, repository_root
from diarbook.knowledge.chapters import Subject, subjects
from diarbook.knowledge.tables import Row, read_table

GROUPS = {
    "installing": "Installing and updating",
    "models": "Models and their licenses",
    "speed": "Speed and memory",
    "speakers": "Speakers: how many, and which",
    "boundaries": "Times",
    "words": "Words and speakers",
    "scoring": "Scores and thresholds",
    "live": "Live",
    "voices": "Voices",
    "sound": "Sound",
    "rights": "Consent and law",
}
"""Headings of the groups, in the order of the page."""

REST = "…"
"""What stands in a message for what differs from case to case."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A page of the book, and a heading of it if one is meant.

    Parameters
    ----------
    page : str
        Last part of its name in ``_toc.yml``.
    section : str or None

    Chapter: troubleshooting
    """

    page: str
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Pain:
    """One thing that goes wrong.

    Parameters
    ----------
    id : str
        Anchor of the entry.
    group : str
        A key of ``GROUPS``.
    title, symptom, cause, remedy : str
    messages : tuple of str
        Literal error messages.
    run : tuple of str
        Commands.
    code : str
        Lines of Python; empty without any.
    see : tuple of Reference
    lacks : str or None
        What the book cannot show yet.
    threads : tuple of str
        Issues and pull requests, ``owner/repository#number``.
    sources : tuple of str
        Keys of the bibliography.
    seen : str or None
        What was read or run besides.
    location : str
        File, line and id, as a fault names them.

    Chapter: troubleshooting
    """

    id: str
    group: str
    title: str
    symptom: str
    cause: str
    remedy: str
    messages: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    code: str = ""
    see: tuple[Reference, ...] = ()
    lacks: str | None = None
    threads: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    seen: str | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of ``diarbook`` itself.

    Parameters
    ----------
    says : str
        What is printed, with ``REST`` for what differs.
    meaning, do : str

    Chapter: troubleshooting
    """

    says: str
    meaning: str
    do: str


def troubleshooting_file() -> Path | None:
    """``data/troubleshooting.yaml`` of the checkout; None outside one."""
    root = repository_root()
    return None if root is None else root / "data" / "troubleshooting.yaml"


def load_pains(path: Path) -> list[Pain]:
    """Everything that goes wrong, in the order of the file.

    Raises
    ------
    KnowledgeError
        With file, line and entry: not YAML, or against ``data/troubleshooting.schema.json``; or an id that occurs
        twice.

    Chapter: troubleshooting
    """
    pains: dict[str, Pain] = {}
    for row in _rows(path, "pains"):
        pain = _pain(row)
        if pain.id in pains:
            raise KnowledgeError(f"{row.location}: occurs twice; keep one")
        pains[pain.id] = pain
    return list(pains.values())


def load_messages(path: Path) -> list[Message]:
    """The messages of ``diarbook``, in the order of the file.

    Raises
    ------
    KnowledgeError
        As :func:`load_pains`.

    Chapter: troubleshooting
    """
    return [Message(**{name: row.text(name) for name in ("says", "meaning", "do")}) for row in _rows(path, "messages")]


def _rows(path: Path, part: str) -> list[Row]:
    return read_table(path, read_data("troubleshooting.schema.json"), part)


def _pain(row: Row) -> Pain:
    texts = {name: row.text(name) for name in ("id", "group", "title", "symptom", "cause", "remedy", "lacks", "seen")}
    lists = {name: row.texts(name) for name in ("messages", "run", "threads", "sources")}
    see = tuple(Reference(one["page"], one.get("section")) for one in row.fields.get("see") or ())
    return Pain(**texts, **lists, code=(row.fields.get("code") or "").rstrip(), see=see, location=row.location)


def problems(
    pains: Collection[Pain], sources: Collection[str] = (), known: Mapping[str, Subject] | None = None
) -> Iterator[str]:
    """Sources that the bibliography lacks and pages that the book lacks, one line each.

    Parameters
    ----------
    pains : collection of Pain
    sources : collection of str
        Known bibliography keys.
    known : mapping of str to Subject, optional
        The subjects; those of the book by default.

    Chapter: troubleshooting
    """
    known = subjects() if known is None else known
    for pain in pains:
        for key in pain.sources:
            if key not in sources:
                yield f"{pain.location}: source {key!r} is not in references.bib"
        for one in pain.see:
            if one.page not in known or known[one.page].planned:
                yield f"{pain.location}: the book has no page {one.page!r}"


def thread_address(thread: str) -> str:
    """Address of an issue or a pull request: GitHub leads from the one to the other.

    Examples
    --------
    >>> thread_address("pyannote/pyannote-audio#1955")
    'https://github.com/pyannote/pyannote-audio/issues/1955'

    Chapter: troubleshooting
    """
    repository, _, number = thread.partition("#")
    return f"https://github.com/{repository}/issues/{number}"


def literal_parts(says: str) -> list[str]:
    """Parts of a message that are the same every time.

    Examples
    --------
    >>> literal_parts("…: no such file; check the path")
    [': no such file; check the path']

    Chapter: troubleshooting
    """
    return [part for part in re.split(REST, says) if part.strip()]


def headings(page: str, root: Path | None = None) -> list[str]:
    """Headings of a page of the book, in its order; none of a page that is not there.

    Parameters
    ----------
    page : str
        Name as in ``_toc.yml``, such as ``notebooks/vad``.
    root : path, optional
        The checkout by default.

    Chapter: troubleshooting
    """
    root = repository_root() if root is None else root
    if root is None:
        return []
    notebook, text = root / f"{page}.ipynb", root / f"{page}.md"
    if notebook.is_file():
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        content = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    else:
        content = text.read_text(encoding="utf-8") if text.is_file() else ""
    return re.findall(r"^#{1,6} (.+)$", content, re.M)
