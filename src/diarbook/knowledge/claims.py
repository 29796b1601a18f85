"""The claims of the web notes that the book grew from, each with a verdict, from ``data/claims.yaml``.

Chapter: claims
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import read_data, repository_root
from diarbook.knowledge.chapters import Subject, topic_fault
from diarbook.knowledge.ontology import bibliography_keys
from diarbook.knowledge.references import Reference, load_references
from diarbook.knowledge.tables import Row, location, read_table

VERDICTS = {
    "confirmed": "A primary source that was opened says the same, or the released code does it.",
    "common knowledge": "Textbook matter on which the field agrees; the works named were not opened for it.",
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
    topic : str
        The subject that it belongs to, see ``diarbook.knowledge.chapters``.
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

    Chapter: claims
    """

    id: str
    claim: str
    verdict: str
    says: str
    topic: str
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

    def location(self, field: str = "id") -> str:
        """File, line and id, as a fault names them."""
        return f"{location(self.file, self.lines, field)}: {self.id}"

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern; raises ``re.error`` when it is malformed."""
        return re.compile(_SPACES.sub(_any_space, self.pattern or "(?!)"), re.IGNORECASE)


_SPACES = re.compile(r"\[[^\]]*\]| \??")


def _any_space(space: re.Match[str]) -> str:
    """What a space of a pattern stands for; a set of characters stays as it is."""
    return {" ": r"[^\S\n]+", " ?": r"[^\S\n]*"}.get(space.group(), space.group())


_TEXTS = ("id", "claim", "verdict", "says", "topic", "how", "pattern", "planted")
_LISTS = ("figures", "sources", "urls", "concepts")


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
        With file, line and claim: not YAML, or against ``data/claims.schema.json``; or an id that is used twice.

    Chapter: claims
    """
    path = claims_file() if path is None else Path(path)
    if path is None:
        return {}
    claims: dict[str, Claim] = {}
    for row in read_table(path, read_data("claims.schema.json")):
        claim = _claim(row)
        if claim.id in claims:
            raise KnowledgeError(f"{claim.location()}: used before, in line {claims[claim.id].lines['id']}; keep one")
        claims[claim.id] = claim
    return claims


def _claim(row: Row) -> Claim:
    return Claim(
        **{name: row.text(name) for name in _TEXTS},
        **{name: row.texts(name) for name in _LISTS},
        checked=datetime.date.fromisoformat(row.fields["checked"]),
        line=row.fields["line"],
        again=tuple(row.fields.get("again") or ()),
        file=row.file,
        lines=row.lines,
    )


def problems(
    claims: Mapping[str, Claim],
    sources: Collection[str] | None = None,
    concepts: Collection[str] | None = None,
    known: Mapping[str, Subject] | None = None,
    references: Mapping[str, Reference] | None = None,
) -> list[str]:
    """What is wrong with a ledger, one line a fault, each with its file, line and claim.

    Sources, concepts and topics that do not exist; a confirmed claim that rests on nothing that was opened, or a
    corrected one that does not say so; an address that the bibliography has as an entry; and a pattern that is
    malformed, that no planted sentence proves, or that finds the book's own wording.

    Parameters
    ----------
    claims : mapping of str to Claim
    sources : collection of str, optional
        Known bibliography keys; those of ``data/references.bib`` by default.
    concepts : collection of str, optional
        Known ids of the ontology; not checked by default.
    known : mapping of str to Subject, optional
        The subjects; those of the book by default.
    references : mapping of str to Reference, optional
        What was opened; ``data/references.bib`` by default.

    Chapter: claims
    """
    sources = bibliography_keys() if sources is None else sources
    references = load_references() if references is None else references
    addresses = {address: key for key, one in references.items() for address in _addresses(one)}
    faults: list[str] = []
    for claim in claims.values():
        if fault := _unopened(claim, references):
            faults.append(f"{claim.location('sources')}: {fault}")
        faults += [
            f"{claim.location('urls')}: {url} is {key!r} of the bibliography; name it in 'sources'"
            for url in claim.urls
            if claim.verdict != "unsupported" and (key := addresses.get(url.rstrip("/")))
        ]
        faults += [
            f"{claim.location('sources')}: source {key!r} is not in references.bib"
            for key in claim.sources
            if key not in sources
        ]
        faults += [
            f"{claim.location('concepts')}: concept {name!r} is not in the ontology"
            for name in claim.concepts
            if concepts is not None and name not in concepts
        ]
        if fault := topic_fault(claim.topic, known):
            faults.append(f"{claim.location('topic')}: {fault}")
        if claim.pattern is not None:
            faults += _pattern_faults(claim)
    return faults


def _unopened(claim: Claim, references: Mapping[str, Reference]) -> str | None:
    """What is wrong when no source of a claim was opened; an address that a claim lists was."""
    if claim.urls or any(references[key].opened for key in claim.sources if key in references):
        return None
    if claim.verdict == "confirmed":
        return "confirmed, but none of its sources was opened; open one, or call it common knowledge"
    if claim.verdict in {"corrected", "obsolete"} and "not reopened" not in claim.how:
        return f"{claim.verdict}, but none of its sources was opened; open one, or say 'not reopened' in 'how'"
    return None


def _addresses(reference: Reference) -> Iterator[str]:
    """Addresses of an entry: its page, and its page on arXiv."""
    if url := reference.fields.get("url"):
        yield url.rstrip("/")
    if number := reference.fields.get("eprint"):
        yield f"https://arxiv.org/abs/{number}"


def _pattern_faults(claim: Claim) -> Iterator[str]:
    where = claim.location("pattern")
    try:
        regex = claim.regex
    except re.error as error:
        yield f"{where}: not a regular expression ({error})"
        return
    if not claim.planted or not regex.search(_plain(claim.planted)):
        yield f"{claim.location('planted')}: the pattern does not find its planted sentence {claim.planted!r}"
    if regex.search(_plain(claim.says)):
        yield f"{where}: the pattern finds the book's own wording in 'says'"


def pages_to_check(root: Path | None = None) -> list[Path]:
    """What a reader reads: the pages and notebooks, README, and the data that pages are made from; not the ledger."""
    root = repository_root() if root is None else root
    if root is None:
        return []
    globs = ("README.md", "book/*.md", "notebooks/*.ipynb", "data/ontology/*.yaml", "data/landscape/*.yaml")
    return [path for glob in globs for path in sorted(root.glob(glob)) if path.name != "claims.md"]


def repeated_figures(claims: Mapping[str, Claim], pages: Iterable[Path]) -> list[str]:
    """Where a page repeats a claim that did not hold, one line each.

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
        ``FILE:LINE`` (``FILE:cell N:LINE`` in a notebook), the claim, its words there, and what the book says.

    Chapter: claims
    """
    watched = [(claim, claim.regex) for claim in claims.values() if claim.pattern]
    repetitions: list[str] = []
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
                    repetitions.append(
                        f"{prefix}:{line}: repeats claim {claim.id} ({claim.verdict}): {match.group()!r}; "
                        f"the book says: {claim.says}"
                    )
    return repetitions


def _parts(page: Path) -> Iterator[tuple[str, str]]:
    """Each text of a page with the location that a message names: the file, or each cell of a notebook."""
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
