"""The terms of the field, one concept an entry, from ``data/ontology/*.yaml``.

Chapter: start
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root

CHAPTERS = (
    "start",
    "features",
    "vad",
    "segmentation",
    "embeddings",
    "clustering",
    "resegmentation",
    "evaluation",
    "playground",
    "stage-swap",
    "ivector",
    "backends",
    "training",
    "eend",
    "tsvad",
    "voiceprints",
    "verification",
    "identification",
    "vectordb",
    "privacy",
    "streaming",
    "hybrid",
    "toolkits",
    "asr",
    "multimodal",
    "scaling",
    "datasets",
    "landscape",
)
"""Chapter words of the plan; a concept, or a docstring's ``Chapter:`` line, names one of them."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept: what it is called, what it means, and where the book teaches it.

    Parameters
    ----------
    id : str
        The label in kebab-case; other concepts point to it.
    label : str
        The standard term.
    kind : str
        Such as ``task``, ``stage``, ``method``, ``metric`` or ``model``.
    definition : str
        One plain sentence for a newcomer.
    expert : str
        One precise sentence.
    chapter : str
        A word of ``CHAPTERS``.
    alternative : tuple of str
        Abbreviations and other names.
    broader, related, not_to_be_confused_with : tuple of str
        Ids of other concepts.
    function : str, optional
        Full name of the function that implements it.
    sources : tuple of str
        Keys of ``data/references.bib``.
    file : str
        Where the concept is defined.

    Chapter: start
    """

    id: str
    label: str
    kind: str
    definition: str
    expert: str
    chapter: str
    alternative: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    not_to_be_confused_with: tuple[str, ...] = ()
    function: str | None = None
    sources: tuple[str, ...] = ()
    file: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The label, then the alternative labels that differ from it in more than case."""
        unique: dict[str, str] = {}
        for name in (self.label, *self.alternative):
            unique.setdefault(name.casefold(), name)
        return tuple(unique.values())


_TEXTS = ("id", "label", "kind", "definition", "expert", "chapter")
_LISTS = ("alternative", "broader", "related", "not_to_be_confused_with", "sources")
_KNOWN = {field.name for field in fields(Concept)} - {"file"}


def ontology_files(folder: Path | None = None) -> list[Path]:
    """The ontology's files, sorted by name; none outside a checkout."""
    if folder is None:
        root = repository_root()
        if root is None:
            return []
        folder = root / "data" / "ontology"
    return sorted(Path(folder).glob("*.yaml"))


def load_ontology(folder: Path | None = None, only: str | None = None) -> dict[str, Concept]:
    """Every concept by id.

    Parameters
    ----------
    folder : path, optional
        Folder of YAML files; ``data/ontology`` of the checkout by default.
    only : str, optional
        Name of the one file to read.

    Raises
    ------
    KnowledgeError
        With the file and the concept: not YAML, a missing or unknown field, a value of the wrong type, or
        an id that is defined twice.

    Chapter: start
    """
    concepts: dict[str, Concept] = {}
    for path in ontology_files(folder):
        if only not in (None, path.name):
            continue
        try:
            rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise KnowledgeError(f"{path.name}: not valid YAML ({reason})") from None
        if not isinstance(rows or [], list):
            raise KnowledgeError(f"{path.name}: expected a list of concepts, got {type(rows).__name__}")
        for number, row in enumerate(rows or [], 1):
            concept = _concept(path.name, number, row)
            if concept.id in concepts:
                other = concepts[concept.id].file
                raise KnowledgeError(f"{path.name}: {concept.id}: defined before, in {other}; keep one")
            concepts[concept.id] = concept
    return concepts


def _concept(file: str, number: int, row: object) -> Concept:
    if not isinstance(row, dict):
        raise KnowledgeError(f"{file}: concept {number}: expected a mapping, got {type(row).__name__}")
    place = f"{file}: {row.get('id', f'concept {number}')}"
    if unknown := set(row) - _KNOWN:
        raise KnowledgeError(
            f"{place}: unknown field {sorted(unknown, key=str)[0]!r}; known: {', '.join(sorted(_KNOWN))}"
        )
    values: dict[str, object] = {"file": file}
    for name in _TEXTS:
        text = row.get(name)
        if not isinstance(text, str) or not text.strip():
            raise KnowledgeError(f"{place}: field {name!r} must be a text, got {text!r}")
        values[name] = " ".join(text.split())
    for name in _LISTS:
        items = row.get(name) or []
        if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
            raise KnowledgeError(f"{place}: field {name!r} must be a list of texts, got {items!r}")
        values[name] = tuple(" ".join(item.split()) for item in items)
    function = row.get("function") or None
    if function is not None and not isinstance(function, str):
        raise KnowledgeError(f"{place}: field 'function' must be a text, got {function!r}")
    return Concept(**values, function=function)


def bibliography_keys(path: Path | None = None) -> set[str]:
    """Keys of the entries of a BibTeX file; ``data/references.bib`` by default."""
    if path is None:
        root = repository_root()
        if root is None:
            return set()
        path = root / "data" / "references.bib"
    return set(re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)\s*,", path.read_text(encoding="utf-8"), flags=re.MULTILINE))


def resolve(name: str) -> object | None:
    """The object of a dotted name, or None when there is no such object."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        module = ".".join(parts[:cut])
        try:
            found: object = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module == error.name or module.startswith(f"{error.name}.")):
                continue
            raise
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return found
    return None


def problems(
    concepts: dict[str, Concept], sources: Collection[str] | None = None, chapters: Iterable[str] = CHAPTERS
) -> list[str]:
    """What is wrong with an ontology, one line a fault, each with its file and concept.

    Two concepts with one name, and references to concepts, sources, chapters or functions that do not exist.

    Parameters
    ----------
    concepts : dict of str to Concept
    sources : collection of str, optional
        Known bibliography keys; those of ``data/references.bib`` by default.
    chapters : iterable of str
        Known chapter words.

    Chapter: start
    """
    sources = bibliography_keys() if sources is None else sources
    chapters = set(chapters)
    found: list[str] = []
    owners: dict[str, Concept] = {}
    for concept in concepts.values():
        place = f"{concept.file}: {concept.id}"
        if not re.fullmatch(r"[a-z0-9+.]+(-[a-z0-9+.]+)*", concept.id):  # as in cam++
            found.append(f"{place}: the id must be kebab-case, such as voice-activity-detection")
        for name in concept.names:
            owner = owners.setdefault(name.casefold(), concept)
            if owner is not concept:
                found.append(f"{place}: the name {name!r} is taken by {owner.id} in {owner.file}; keep one")
        for field in ("broader", "related", "not_to_be_confused_with"):
            for other in getattr(concept, field):
                if other == concept.id:
                    found.append(f"{place}: {field} names the concept itself")
                elif other not in concepts:
                    found.append(f"{place}: {field} names {other!r}, which no file defines")
        found += [f"{place}: source {key!r} is not in references.bib" for key in concept.sources if key not in sources]
        if concept.chapter not in chapters:
            found.append(
                f"{place}: chapter {concept.chapter!r} is not in the plan; known: {', '.join(sorted(chapters))}"
            )
        if concept.function and not callable(resolve(concept.function)):
            found.append(f"{place}: function {concept.function!r} does not exist")
    return found + [f"{concepts[name].file}: {name}: is broader than itself" for name in _in_cycles(concepts)]


def _in_cycles(concepts: dict[str, Concept]) -> list[str]:
    """Ids of the concepts that the relation ``broader`` leads back to."""
    cyclic = []
    for start in concepts:
        seen: set[str] = set()
        ahead = list(concepts[start].broader)
        while ahead:
            name = ahead.pop()
            if name in seen or name not in concepts:
                continue
            seen.add(name)
            ahead += concepts[name].broader
        if start in seen and start not in concepts[start].broader:
            cyclic.append(start)
    return cyclic
