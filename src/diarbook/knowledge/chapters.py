"""Which subjects have a page, by ``_toc.yml``, and which are planned, by ``data/planned.yaml``.

A ``topic`` of a concept, a claim or a tool names a subject: the last part of a page's name in ``_toc.yml``, or an entry
of ``data/planned.yaml``. A subject that is in both or in neither is an error, so that nothing points to a page that is
not there without saying so.

Chapter: how-to-use
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.files import read_data, repository_root
from diarbook.knowledge.tables import read_table

SHORT_TITLES = {
    "start": "The whole map",
    "vad": "Voice activity detection",
    "playground": "DER playground",
    "stage-swap": "Stage swapping",
    "vectordb": "Vector stores",
    "hybrid": "Hybrid systems",
    "datasets": "Data sets",
    "chooser": "Choosing tools",
    "vector-stores": "Vector stores, compared",
    "api": "API",
}
"""Short titles of the pages whose name in ``_toc.yml`` is not one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of the book.

    Parameters
    ----------
    word : str
        What a ``topic`` says, such as ``vad``.
    title : str
        Short title.
    page : str, optional
        Name of its page as in ``_toc.yml``, such as ``notebooks/vad``; None while it is planned.
    holds : str
        What the page of a planned subject will hold, in one sentence.

    Chapter: how-to-use
    """

    word: str
    title: str
    page: str | None = None
    holds: str = ""

    @property
    def planned(self) -> bool:
        """Whether the book has no page for it yet."""
        return self.page is None


def load_subjects(toc: Path, planned: Path) -> dict[str, Subject]:
    """Every subject by its word, in the order of reading.

    Parameters
    ----------
    toc : path
        A table of contents of Jupyter Book.
    planned : path
        A YAML list as ``data/planned.schema.json`` describes it; an entry stands behind the one named by its ``after``.

    Raises
    ------
    KnowledgeError
        A planned subject that has a page, that occurs twice, or that comes after none; or two pages of one name.

    Chapter: how-to-use
    """
    found: dict[str, Subject] = {}
    for page in toc_pages(yaml.safe_load(toc.read_text(encoding="utf-8"))):
        word = page.rpartition("/")[2]
        if word in found:
            raise KnowledgeError(f"{toc.name}: {page} and {found[word].page} have one name; rename one")
        found[word] = Subject(word, SHORT_TITLES.get(word, word.replace("-", " ").capitalize()), page)
    order = list(found)
    for row in read_table(planned, read_data("planned.schema.json")):
        word, after = row.fields["id"], row.fields["after"]
        if word in found:
            known = found[word]
            reason = "occurs twice" if known.planned else f"has the page {known.page} and is planned; keep one"
            raise KnowledgeError(f"{row.location}: {reason}")
        if after not in found:
            raise KnowledgeError(f"{row.location}: after names {after!r}, which is no subject before it")
        found[word] = Subject(word, row.fields["title"], holds=row.fields["holds"])
        order.insert(order.index(after) + 1, word)
    return {word: found[word] for word in order}


def toc_pages(entry: Mapping[str, object]) -> Iterator[str]:
    """Names of the pages of a table of contents, in its order."""
    if page := entry.get("file") or entry.get("root"):
        yield str(page)
    for inner in ("parts", "subtrees", "chapters", "sections", "entries"):
        for child in entry.get(inner) or ():
            yield from toc_pages(child)


@cache
def _of(root: Path) -> dict[str, Subject]:
    return load_subjects(root / "_toc.yml", root / "data" / "planned.yaml")


def subjects() -> Mapping[str, Subject]:
    """The subjects of this book; none outside a checkout.

    Chapter: how-to-use
    """
    root = repository_root()
    return {} if root is None else _of(root)


def title_of(word: str) -> str:
    """Short title of a subject; the word itself where there is no such subject."""
    found = subjects().get(word)
    return found.title if found else word


def order_of(word: str) -> int:
    """Position of a subject in the order of reading; words that are no subject come last."""
    known = list(subjects())
    return known.index(word) if word in known else len(known)


def topic_fault(word: str, known: Mapping[str, Subject] | None = None) -> str | None:
    """What is wrong with a topic, or None.

    Parameters
    ----------
    word : str
    known : mapping of str to Subject, optional
        Those of this book by default.

    Chapter: how-to-use
    """
    if word in (subjects() if known is None else known):
        return None
    return f"topic {word!r} is neither a page of _toc.yml nor a subject of data/planned.yaml"
