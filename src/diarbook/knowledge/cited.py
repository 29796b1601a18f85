"""Addresses that the book's first notes cited: the entry of the bibliography that each became, or why it has none.

Chapter: bibliography
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.ontology import Loader, line_numbers


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
    place : str
        File and line, as a fault names them.

    Chapter: bibliography
    """

    url: str
    key: str | None
    left_out: str | None
    place: str


def cited_file() -> Path | None:
    """``data/cited.yaml``, or None outside a clone."""
    root = repository_root()
    return None if root is None else root / "data" / "cited.yaml"


def load_cited(path: Path) -> list[Cited]:
    """Read the list.

    Raises
    ------
    KnowledgeError
        With file and line: not YAML, another field, an address that occurs twice, or not exactly one of ``key`` and
        ``left_out``.

    Chapter: bibliography
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        rows, lines = yaml.load(text, Loader=Loader), line_numbers(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KnowledgeError(f"{path.name}: cannot be read ({' '.join(str(error).split())})") from None
    found: dict[str, Cited] = {}
    for row, line in zip(rows or [], lines, strict=True):
        place = f"{path.name}:{min(line.values()) if isinstance(line, dict) else line}"
        if not isinstance(row, dict) or set(row) not in ({"url", "key"}, {"url", "left_out"}):
            raise KnowledgeError(f"{place}: expected url and one of key and left_out")
        if row["url"] in found:
            raise KnowledgeError(f"{place}: {row['url']} occurs twice; keep one")
        found[row["url"]] = Cited(row["url"], row.get("key"), row.get("left_out"), place)
    return list(found.values())


def problems(cited: Collection[Cited], sources: Collection[str]) -> list[str]:
    """Keys that the bibliography lacks, one line each.

    Chapter: bibliography
    """
    return [f"{one.place}: {one.key!r} is not in the bibliography" for one in cited if one.key not in {None, *sources}]
