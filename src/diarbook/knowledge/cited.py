"""Addresses that the book's first notes cited: the entry of the bibliography that each became, or why it has none.

Chapter: bibliography
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import read_data, repository_root
from diarbook.knowledge.tables import read_table


@dataclass(frozen=True, slots=True)
class Cited:
    """One cited address.

    Parameters
    ----------
    url : str
    key : str or None
        Of the bibliography.
    left_out : str or None
        Why it has no entry; exactly one of the two is there.
    location : str
        File and line, as a fault names them.

    Chapter: bibliography
    """

    url: str
    key: str | None
    left_out: str | None
    location: str


def cited_file() -> Path | None:
    """``data/cited.yaml``, or None outside a clone."""
    root = repository_root()
    return None if root is None else root / "data" / "cited.yaml"


def load_cited(path: Path) -> list[Cited]:
    """Read the list.

    Raises
    ------
    KnowledgeError
        With file and line: not YAML, or against ``data/cited.schema.json``; or an address that occurs twice.

    Chapter: bibliography
    """
    cited: dict[str, Cited] = {}
    for row in read_table(path, read_data("cited.schema.json")):
        url = row.fields["url"]
        if url in cited:
            raise KnowledgeError(f"{row.location}: {url} occurs twice; keep one")
        cited[url] = Cited(url, row.fields.get("key"), row.fields.get("left_out"), row.location)
    return list(cited.values())


def problems(cited: Collection[Cited], sources: Collection[str]) -> list[str]:
    """Keys that the bibliography lacks, one line each.

    Chapter: bibliography
    """
    return [
        f"{one.location}: {one.key!r} is not in the bibliography" for one in cited if one.key not in {None, *sources}
    ]
