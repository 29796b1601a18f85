"""The claims of the web notes that the book grew from, each with a verdict, from ``data/claims.yaml``.

Chapter: landscape
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.ontology import CHAPTERS, Loader, bibliography_keys, line_numbers

VERDICTS = {
    "confirmed": "A primary source says the same, or the released code does it.",
    "corrected": "A primary source says otherwise; the book follows the source.",
    "unsupported": "No primary source was found; the book does not repeat it.",
    "obsolete": "It was so once and has changed since.",
}
"""What each verdict means."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of the notes: what they say, whether it holds, and what the book says.

    Parameters
    ----------
    id : str
        ``c`` and three digits; never changes.
    claim : str
        What the notes claim, in the book's own words.
    verdict : str
        A key of ``VERDICTS``.
    says : str
        What the book says, or how it words it.
    chapter : str
        A word of ``CHAPTERS``.
    checked : datetime.date
        Day of the check.
    how : str
        Where it was checked.
    line : int, optional
        Line of the notes; None for a claim met elsewhere.
    again : tuple of int
        Other lines that repeat it.
    figures : tuple of str
        The figures of the claim as the notes give them, with their units.
    sources : tuple of str
        Keys of ``data/references.bib``.
    urls : tuple of str
        Primary sources that have no key.
    concepts : tuple of str
        Ids of the ontology.
    pattern : str, optional
        Regular expression that finds the claim in a page. A space stands for white space, and
        a space with a question mark for white space or none.
    planted : str, optional
        A sentence that the pattern has to find.
    file : str
        Where the claim is kept.
    lines : mapping of str to int
        Line of each field in that file; ``id`` is the line where the claim starts.

    Chapter: landscape
    """

    id: str
    claim: str
    verdict: str
    says: str
    chapter: str
    checked: datetime.date
    how: str
    line: int | None = None
    again: tuple[int, ...] = ()
    figures: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    pattern: str | None = None
    planted: str | None = None
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def place(self, name: str = "id") -> str:
        """File, line and id, as a fault names them."""
        return f"{self.file}:{self.lines.get(name, self.lines.get('id', 1))}: {self.id}"

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern; raises ``re.error`` when it is malformed."""
        return re.compile(_SPACES.sub(_any_space, self.pattern or "(?!)"), re.IGNORECASE)


_SPACES = re.compile(r"\[[^\]]*\]| \??")


def _any_space(found: re.Match[str]) -> str:
    """What a space of a pattern stands for; a set of characters stays as it is."""
    return {" ": r"[^\S\n]+", " ?": r"[^\S\n]*"}.get(found.group(), found.group())


_TEXTS = ("id", "claim", "verdict", "says", "chapter", "how")
_OPTIONAL = ("pattern", "planted")
_LISTS = ("figures", "sources", "urls", "concepts")
_KNOWN = {entry.name for entry in fields(Claim)} - {"file", "lines"}


def claims_file() -> Path | None:
    """``data/claims.yaml`` of the checkout; None outside one."""
    root = repository_root()
    return None if root is None else root / "data" / "claims.yaml"


def load_claims(path: Path | None = None) -> dict[str, Claim]:
    """Every claim by id, in the order of the file.

    Parameters
    ----------
    path : path, optional
        A YAML list of claims; ``data/claims.yaml`` of the checkout by default.

    Raises
    ------
    KnowledgeError
        With the file, the line and the claim: not YAML, a missing or unknown field, a value of the wrong type, or an
        id that is used twice.

    Chapter: landscape
    """
    path = claims_file() if path is None else Path(path)
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        rows, places = yaml.load(text, Loader=Loader) or [], line_numbers(text)
    except OSError as error:
        raise KnowledgeError(f"{path.name}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise KnowledgeError(f"{path.name}: not valid YAML ({reason})") from None
    if not isinstance(rows, list):
        raise KnowledgeError(f"{path.name}: expected a list of claims, got {type(rows).__name__}")
    claims: dict[str, Claim] = {}
    for number, row in enumerate(rows):
        claim = _claim(path.name, number, row, places[number])
        if claim.id in claims:
            raise KnowledgeError(f"{claim.place()}: used before, in line {claims[claim.id].lines['id']}; keep one")
        claims[claim.id] = claim
    return claims


def _claim(file: str, number: int, row: object, lines: dict[str, int]) -> Claim:
    if not isinstance(row, dict):
        raise KnowledgeError(f"{file}:{lines['id']}: claim {number + 1}: expected a mapping, got {type(row).__name__}")

    def fault(name: str, message: str) -> KnowledgeError:
        place = f"{file}:{lines.get(name, lines['id'])}: {row.get('id', f'claim {number + 1}')}"
        return KnowledgeError(f"{place}: {message}")

    if unknown := sorted(set(row) - _KNOWN, key=str):
        raise fault(unknown[0], f"unknown field {unknown[0]!r}; known: {', '.join(sorted(_KNOWN))}")
    values: dict[str, object] = {"file": file, "lines": lines}
    for name in _TEXTS + _OPTIONAL:
        text = row.get(name)
        if name in _OPTIONAL and text is None:
            continue
        if not isinstance(text, str) or not text.strip():
            raise fault(name, f"field {name!r} must be a text, got {text!r}")
        values[name] = " ".join(text.split())
    for name in _LISTS:
        items = row.get(name) or []
        if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
            raise fault(name, f"field {name!r} must be a list of texts, got {items!r}")
        values[name] = tuple(" ".join(item.split()) for item in items)
    values["line"] = row.get("line")
    if values["line"] is not None and not _is_line(values["line"]):
        raise fault("line", f"field 'line' must be a line number, got {row['line']!r}")
    again = row.get("again") or []
    if not isinstance(again, list) or not all(map(_is_line, again)):
        raise fault("again", f"field 'again' must be a list of line numbers, got {again!r}")
    values["again"] = tuple(again)
    if not isinstance(row.get("checked"), datetime.date):
        raise fault("checked", f"field 'checked' must be a day such as 2026-11-24, got {row.get('checked')!r}")
    values["checked"] = row["checked"]
    return Claim(**values)


def _is_line(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def problems(
    claims: Mapping[str, Claim],
    sources: Collection[str] | None = None,
    concepts: Collection[str] | None = None,
    chapters: Iterable[str] = CHAPTERS,
) -> list[str]:
    """What is wrong with a ledger, one line a fault, each with its file, line and claim.

    Verdicts, sources, concepts and chapters that do not exist; a confirmed or corrected claim without a source; and a
    pattern that is malformed, that no planted sentence proves, or that finds the book's own wording.

    Parameters
    ----------
    claims : mapping of str to Claim
    sources : collection of str, optional
        Known bibliography keys; those of ``data/references.bib`` by default.
    concepts : collection of str, optional
        Known ids of the ontology; not checked by default.
    chapters : iterable of str
        Known chapter words.

    Chapter: landscape
    """
    sources = bibliography_keys() if sources is None else sources
    chapters = set(chapters)
    found: list[str] = []
    for claim in claims.values():
        if not re.fullmatch(r"c\d{3}", claim.id):
            found.append(f"{claim.place()}: the id must be c and three digits, such as c001")
        if claim.verdict not in VERDICTS:
            known = ", ".join(VERDICTS)
            found.append(f"{claim.place('verdict')}: verdict {claim.verdict!r} is unknown; known: {known}")
        elif claim.verdict in ("confirmed", "corrected") and not claim.sources + claim.urls:
            found.append(f"{claim.place('verdict')}: a {claim.verdict} claim needs a source")
        found += [
            f"{claim.place('sources')}: source {key!r} is not in references.bib"
            for key in claim.sources
            if key not in sources
        ]
        found += [
            f"{claim.place('urls')}: {url!r} is not an address"
            for url in claim.urls
            if not re.fullmatch(r"https?://\S+", url)
        ]
        if concepts is not None:
            found += [
                f"{claim.place('concepts')}: concept {name!r} is not in the ontology"
                for name in claim.concepts
                if name not in concepts
            ]
        if claim.chapter not in chapters:
            place = claim.place("chapter")
            found.append(f"{place}: chapter {claim.chapter!r} is not in the plan; known: {', '.join(sorted(chapters))}")
        found += _pattern_problems(claim)
    return found


def _pattern_problems(claim: Claim) -> list[str]:
    place = claim.place("pattern")
    if claim.pattern is None:
        return []
    if claim.verdict == "confirmed":
        return [f"{place}: a confirmed claim may be repeated; leave out its pattern"]
    try:
        regex = claim.regex
    except re.error as error:
        return [f"{place}: not a regular expression ({error})"]
    found = []
    if not claim.planted or not regex.search(_plain(claim.planted)):
        found.append(f"{claim.place('planted')}: the pattern does not find its planted sentence {claim.planted!r}")
    if regex.search(_plain(claim.says)):
        found.append(f"{place}: the pattern finds the book's own wording in 'says'")
    return found


def pages_to_check(root: Path | None = None) -> list[Path]:
    """What a reader reads: the pages and notebooks, README, and the data that pages are made from; not the ledger."""
    root = repository_root() if root is None else root
    if root is None:
        return []
    globs = ("README.md", "book/*.md", "notebooks/*.ipynb", "data/ontology/*.yaml", "data/landscape/*.yaml")
    return [path for glob in globs for path in sorted(root.glob(glob)) if path.name != "claims.md"]


def repeated_figures(claims: Mapping[str, Claim], pages: Iterable[Path]) -> list[str]:
    """Where a page repeats a claim that did not hold, one line a place.

    A claim is looked for by its ``pattern``, in one paragraph, list item or table row at a time. A paragraph that
    names the claim's id speaks about the claim, so it may repeat it.

    Parameters
    ----------
    claims : mapping of str to Claim
    pages : iterable of path
        Markdown, notebooks or YAML.

    Returns
    -------
    list of str
        ``FILE:LINE`` (``FILE:cell N:LINE`` in a notebook), the claim, what was found, and what the book says.

    Chapter: landscape
    """
    watched = [(claim, claim.regex) for claim in claims.values() if claim.pattern]
    found: list[str] = []
    for page in pages:
        for prefix, text in _parts(Path(page)):
            plain = _plain(text)
            for claim, regex in watched:
                for match in regex.finditer(plain):
                    start = plain.rfind("\n", 0, match.start()) + 1
                    end = plain.find("\n", match.end())
                    if claim.id in plain[start : end if end >= 0 else None]:
                        continue
                    line = text.count("\n", 0, match.start()) + 1
                    found.append(
                        f"{prefix}:{line}: repeats claim {claim.id} ({claim.verdict}): {match.group()!r}; "
                        f"the book says: {claim.says}"
                    )
    return found


def _parts(page: Path) -> Iterator[tuple[str, str]]:
    """Each text of a page with the place that a message names: the file, or each cell of a notebook."""
    content = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        yield page.name, content
        return
    try:
        cells = json.loads(content)["cells"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise KnowledgeError(f"{page.name}: not a notebook") from None
    for number, cell in enumerate(cells, start=1):
        source = cell.get("source", "")
        yield f"{page.name}:cell {number}", source if isinstance(source, str) else "".join(source)


# The end of a line that the next line continues: no blank line, list item, table row, heading or quotation.
_CONTINUES = re.compile(r"(?<!\n)\n(?![^\S\n]*(?:\n|[-*+|#>:]|\d+[.)]\s|$))")
_TYPOGRAPHY = str.maketrans({"–": "-", "—": "-", "−": "-", "‑": "-", "\u00a0": " ", "\u202f": " ", "’": "'", "×": "x"})


def _plain(text: str) -> str:
    """The text with one paragraph a line and plain dashes, every character at its old position."""
    return _CONTINUES.sub(" ", text.translate(_TYPOGRAPHY))
