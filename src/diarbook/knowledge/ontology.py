"""The terms of the field, one concept an entry, from ``data/ontology/*.yaml``.

Chapter: ontology
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import read_data, repository_root
from diarbook.knowledge.chapters import Subject, subjects, topic_fault
from diarbook.knowledge.tables import Row, location, read_table

SCHEMES = {
    "task": "Tasks",
    "stage": "Stages",
    "method": "Methods",
    "process": "Methods",
    "representation": "Representations",
    "feature": "Representations",
    "architecture": "Architectures",
    "component": "Components",
    "metric": "Metrics",
    "measure": "Metrics",
    "format": "Formats",
    "parameter": "Parameters",
    "mode": "Modes",
    "dataset": "Data sets",
    "tool": "Tools",
    "model": "Models",
    "risk": "Risks",
    "term": "Terms",
}
"""The concept scheme of each kind of concept."""

TOOLKITS = ("pyannote.audio", "NeMo", "SpeechBrain", "WeSpeaker", "Kaldi", "diart")
"""The toolkits whose name and default a concept may give."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept: what it is called, what it means, and the subject that it belongs to.

    Parameters
    ----------
    id : str
        The label in kebab-case; other concepts point to it.
    label : str
        The standard term.
    kind : str
        A key of ``SCHEMES``, such as ``task``, ``stage``, ``method``, ``metric`` or ``model``.
    definition : str
        One plain sentence for a newcomer.
    expert : str
        One precise sentence.
    topic : str
        The subject that it belongs to, see ``diarbook.knowledge.chapters``.
    alternative : tuple of str
        Abbreviations and other names.
    broader, related, not_to_be_confused_with : tuple of str
        Ids of other concepts.
    stage : tuple of str
        Ids of the stages (concepts of kind ``stage``) that it is a part of.
    input, output : str, optional
        What goes in and what comes out, with shapes or units where it has them.
    symbol, unit : str, optional
        How equations write it, and its unit.
    toolkits : tuple of (str, str)
        What a toolkit of ``TOOLKITS`` calls it, with its default.
    function : str, optional
        Full name of the function that implements it.
    sources : tuple of str
        Keys of ``data/references.bib``.
    file : str
        Where the concept is defined.
    lines : mapping of str to int
        Line of each field in that file; ``id`` is the line where the concept starts.

    Chapter: ontology
    """

    id: str
    label: str
    kind: str
    definition: str
    expert: str
    topic: str
    alternative: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    not_to_be_confused_with: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    input: str | None = None
    output: str | None = None
    symbol: str | None = None
    unit: str | None = None
    toolkits: tuple[tuple[str, str], ...] = ()
    function: str | None = None
    sources: tuple[str, ...] = ()
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def scheme(self) -> str:
        """Title of the concept scheme."""
        return SCHEMES[self.kind]

    def location(self, field: str = "id") -> str:
        """File, line and id, as a fault names them."""
        return f"{location(self.file, self.lines, field)}: {self.id}"

    @property
    def names(self) -> tuple[str, ...]:
        """The label, then the alternative labels that differ from it in more than case."""
        unique: dict[str, str] = {}
        for name in (self.label, *self.alternative):
            unique.setdefault(name.casefold(), name)
        return tuple(unique.values())


_TEXTS = ("id", "label", "kind", "definition", "expert", "topic", "input", "output", "symbol", "unit", "function")
_LISTS = ("alternative", "broader", "related", "not_to_be_confused_with", "stage", "sources")


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
        With file, line and concept: not YAML, or against ``data/ontology.schema.json``; or an id that is defined twice.

    Chapter: ontology
    """
    paths = [path for path in ontology_files(folder) if only in (None, path.name)]
    schema = read_data("ontology.schema.json") if paths else ""
    concepts: dict[str, Concept] = {}
    for path in paths:
        for row in read_table(path, schema):
            concept = _concept(row)
            if concept.id in concepts:
                other = concepts[concept.id]
                raise KnowledgeError(
                    f"{concept.location()}: defined before, in {other.file} line {other.lines['id']}; keep one"
                )
            concepts[concept.id] = concept
    return concepts


def _concept(row: Row) -> Concept:
    toolkits = row.fields.get("toolkits") or {}
    return Concept(
        **{name: row.text(name) for name in _TEXTS},
        **{name: row.texts(name) for name in _LISTS},
        toolkits=tuple((name, " ".join(text.split())) for name, text in toolkits.items()),
        file=row.file,
        lines=row.lines,
    )


def plain(text: str) -> str:
    """A definition without the marks of MyST."""
    return re.sub(r"[`$]|\*(?=\w)|(?<=\w)\*", "", text)


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
            value: object = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module == error.name or module.startswith(f"{error.name}.")):
                continue
            raise
        for part in parts[cut:]:
            value = getattr(value, part, None)
        return value
    return None


def canonical_name(name: str) -> str | None:
    """Where an object is defined, whatever name re-exports it."""
    value = resolve(name)
    module, qualified = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{module}.{qualified}" if module and qualified else None


def problems(
    concepts: dict[str, Concept], sources: Collection[str] | None = None, known: Mapping[str, Subject] | None = None
) -> list[str]:
    """What is wrong with an ontology, one line a fault, each with its file, line and concept.

    Two concepts with one name, orphans, and references to concepts, kinds, sources, topics, toolkits or functions
    that do not exist.

    Parameters
    ----------
    concepts : dict of str to Concept
    sources : collection of str, optional
        Known bibliography keys; those of ``data/references.bib`` by default.
    known : mapping of str to Subject, optional
        The subjects; those of the book by default.

    Chapter: ontology
    """
    sources = bibliography_keys() if sources is None else sources
    known = subjects() if known is None else known
    owners: dict[str, Concept] = {}
    for concept in concepts.values():
        for name in concept.names:
            owners.setdefault(name.casefold(), concept)
    return [
        fault
        for concept in concepts.values()
        for fault in (
            *_naming_faults(concept, owners),
            *_relation_faults(concept, concepts),
            *_reference_faults(concept, sources, known),
        )
    ]


def _naming_faults(concept: Concept, owners: Mapping[str, Concept]) -> Iterator[str]:
    for name in concept.names:
        owner = owners[name.casefold()]
        if owner is not concept:
            where = concept.location("alternative")
            yield f"{where}: the name {name!r} is taken by {owner.id} in {owner.file}; keep one"


def _relation_faults(concept: Concept, concepts: Mapping[str, Concept]) -> Iterator[str]:
    for relation in ("broader", "related", "not_to_be_confused_with", "stage"):
        where = concept.location(relation)
        for other in getattr(concept, relation):
            if other == concept.id:
                yield f"{where}: {relation} names the concept itself"
            elif other not in concepts:
                yield f"{where}: {relation} names {other!r}, which no file defines"
            elif relation == "stage" and concepts[other].kind != "stage":
                yield f"{where}: stage names {other!r}, which is a {concepts[other].kind}"
    above = _ancestors(concepts, concept.id)
    if concept.id in above and concept.id not in concept.broader:
        yield f"{concept.location('broader')}: is broader than itself"
    for other in concept.related:
        if other in above or (other in concepts and concept.id in _ancestors(concepts, other)):
            where = concept.location("related")
            yield f"{where}: related names {other!r}, which is broader or narrower already (SKOS S27)"
    if not (concept.broader or concept.related or concept.stage) and not any(
        concept.id in (*other.broader, *other.related, *other.stage) for other in concepts.values()
    ):
        yield f"{concept.location()}: an orphan; relate it to another concept"


def _reference_faults(concept: Concept, sources: Collection[str], known: Mapping[str, Subject]) -> Iterator[str]:
    if concept.kind not in SCHEMES:
        yield f"{concept.location('kind')}: kind {concept.kind!r} is unknown; known: {', '.join(SCHEMES)}"
    for toolkit, _ in concept.toolkits:
        if toolkit not in TOOLKITS:
            yield f"{concept.location('toolkits')}: toolkit {toolkit!r} is unknown; known: {', '.join(TOOLKITS)}"
    for key in concept.sources:
        if key not in sources:
            yield f"{concept.location('sources')}: source {key!r} is not in references.bib"
    if fault := topic_fault(concept.topic, known):
        yield f"{concept.location('topic')}: {fault}"
    if concept.function and not callable(resolve(concept.function)):
        yield f"{concept.location('function')}: function {concept.function!r} does not exist"


def _ancestors(concepts: Mapping[str, Concept], start: str) -> set[str]:
    """Ids that the relation ``broader`` leads to, in any number of steps."""
    seen: set[str] = set()
    ahead = list(concepts[start].broader)
    while ahead:
        name = ahead.pop()
        if name not in seen and name in concepts:
            seen.add(name)
            ahead += concepts[name].broader
    return seen
