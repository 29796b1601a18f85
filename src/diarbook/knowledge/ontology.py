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

KINDS = {
    "facet": ("", "Facets"),
    "task": ("task", "Tasks"),
    "stage": ("processing-stage", "Stages"),
    "method": ("method", "Methods"),
    "process": ("procedure", "Procedures"),
    "representation": ("representation", "Representations"),
    "unit": ("unit-of-analysis", "Units"),
    "format": ("file-format", "Formats"),
    "metric": ("evaluation-metric", "Metrics"),
    "measure": ("measure", "Measures"),
    "parameter": ("parameter", "Parameters"),
    "quantity": ("observed-quantity", "Quantities"),
    "architecture": ("network-architecture", "Architectures"),
    "component": ("system-component", "Components"),
    "statistical": ("statistical-model", "Statistical models"),
    "model": ("trained-model", "Models"),
    "dataset": ("data-set", "Data sets"),
    "tool": ("software-tool", "Tools"),
    "campaign": ("evaluation-campaign", "Campaigns"),
    "phenomenon": ("phenomenon", "Phenomena"),
    "property": ("property", "Properties"),
    "risk": ("risk", "Risks"),
}
"""Of each kind of concept: the concept that is its facet, and the title of its group."""

TOOLKITS = ("pyannote.audio", "NeMo", "SpeechBrain", "WeSpeaker", "Kaldi", "diart")
"""The toolkits whose name and default a concept may give."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept: what it is called, what it means, and the subject that it belongs to.

    Parameters
    ----------
    id : str
        Kebab-case; other concepts and the world outside point to it, so that it never changes.
    label : str
        The standard term, in the singular; with a qualifier in parentheses where the word alone is ambiguous.
    kind : str
        A key of ``KINDS``, such as ``task``, ``stage``, ``method``, ``metric`` or ``model``.
    definition : str
        One plain sentence for a newcomer.
    expert : str
        One precise sentence.
    topic : str
        The subject that it belongs to, see ``diarbook.knowledge.chapters``.
    alternative : tuple of str
        Abbreviations and other names of the same thing.
    hidden : tuple of str
        What people search for and should not be told to say: plurals, spellings, misnomers, words that mean more.
    note : str, optional
        What is excluded, or how the term is used: a scope note.
    broader, related, not_to_be_confused_with : tuple of str
        Ids of other concepts.
    stage : tuple of str
        Ids of the stages (concepts of kind ``stage``) that it is a part of.
    steps : tuple of str
        Ids of the stages that are parts of it, of a whole system.
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
    exact_match, close_match : tuple of str
        Addresses of the same, or nearly the same, concept in other vocabularies.
    replaces : tuple of str
        Ids that were retired in favor of this one.
    created, modified : str, optional
        Days, such as 2026-11-24.
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
    hidden: tuple[str, ...] = ()
    note: str | None = None
    broader: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    not_to_be_confused_with: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    input: str | None = None
    output: str | None = None
    symbol: str | None = None
    unit: str | None = None
    toolkits: tuple[tuple[str, str], ...] = ()
    function: str | None = None
    sources: tuple[str, ...] = ()
    exact_match: tuple[str, ...] = ()
    close_match: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    created: str | None = None
    modified: str | None = None
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def group(self) -> str:
        """Title of the group of its kind."""
        return KINDS[self.kind][1]

    def parents(self, concepts: Mapping[str, Concept]) -> tuple[str, ...]:
        """Ids of its broader concepts; the facet of its kind where none is named.

        Parameters
        ----------
        concepts : mapping of str to Concept
            The ontology; a facet that is not in it is left out.
        """
        facet = KINDS[self.kind][0] if self.kind in KINDS else ""
        return self.broader or ((facet,) if facet in concepts else ())

    def location(self, field: str = "id") -> str:
        """File, line and id, as a fault names them."""
        return f"{location(self.file, self.lines, field)}: {self.id}"

    @property
    def names(self) -> tuple[str, ...]:
        """The label, then the alternative labels that differ from it in more than case."""
        return _unique(self.label, *self.alternative)

    @property
    def every_name(self) -> tuple[str, ...]:
        """The names, then the hidden labels that differ from them in more than case."""
        return _unique(self.label, *self.alternative, *self.hidden)


def _unique(*names: str) -> tuple[str, ...]:
    unique: dict[str, str] = {}
    for name in names:
        unique.setdefault(name.casefold(), name)
    return tuple(unique.values())


_TEXTS = (
    *("id", "label", "kind", "definition", "expert", "note", "topic", "input", "output", "symbol", "unit", "function"),
    *("created", "modified"),
)
_RELATIONS = ("broader", "related", "not_to_be_confused_with", "stage", "steps")
_LISTS = ("alternative", "hidden", *_RELATIONS, "sources", "exact_match", "close_match", "replaces")


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

    Two concepts with one name, circles, orphans, concepts that no top concept leads to, or that are told apart from
    their own broader or narrower concept, retired ids that are in use, and references to concepts, kinds, sources,
    topics, toolkits or functions that do not exist.

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
        for name in concept.every_name:
            owners.setdefault(name.casefold(), concept)
    above = {name: _ancestors(concepts, name) for name in concepts}
    return [
        fault
        for concept in concepts.values()
        for fault in (
            *_naming_faults(concept, owners),
            *_relation_faults(concept, concepts, above),
            *_reference_faults(concept, sources, known),
        )
    ]


def _naming_faults(concept: Concept, owners: Mapping[str, Concept]) -> Iterator[str]:
    for name in concept.every_name:
        owner = owners[name.casefold()]
        if owner is not concept:
            where = concept.location("hidden" if name in concept.hidden else "alternative")
            yield f"{where}: the name {name!r} is taken by {owner.id} in {owner.file}; keep one"


def _relation_faults(
    concept: Concept, concepts: Mapping[str, Concept], above: Mapping[str, Collection[str]]
) -> Iterator[str]:
    for relation in _RELATIONS:
        where = concept.location(relation)
        for other in getattr(concept, relation):
            if other == concept.id:
                yield f"{where}: {relation} names the concept itself"
            elif other not in concepts:
                yield f"{where}: {relation} names {other!r}, which no file defines"
            elif relation in ("stage", "steps") and concepts[other].kind != "stage":
                yield f"{where}: {relation} names {other!r}, which is a {concepts[other].kind}"
    own = above[concept.id]
    if concept.id in own and concept.id not in concept.broader:
        yield f"{concept.location('broader')}: is broader than itself"
    for relation, rule in (("related", " (SKOS S27)"), ("not_to_be_confused_with", "")):
        for other in getattr(concept, relation):
            if other in own or concept.id in above.get(other, ()):
                where = concept.location(relation)
                yield f"{where}: {relation} names {other!r}, which is broader or narrower already{rule}"
    tops = {name for name, one in concepts.items() if one.kind == "facet" and not one.broader}
    if tops and not tops & {concept.id, *own}:
        yield f"{concept.location('broader')}: no top concept leads to it"
    for old in concept.replaces:
        if old in concepts:
            yield f"{concept.location('replaces')}: replaces names {old!r}, which is defined"
    if not (concept.broader or concept.related or concept.stage) and not any(
        concept.id in (*other.broader, *other.related, *other.stage) for other in concepts.values()
    ):
        yield f"{concept.location()}: an orphan; relate it to another concept"


def _reference_faults(concept: Concept, sources: Collection[str], known: Mapping[str, Subject]) -> Iterator[str]:
    if concept.kind not in KINDS:
        yield f"{concept.location('kind')}: kind {concept.kind!r} is unknown; known: {', '.join(KINDS)}"
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
    ahead = list(concepts[start].parents(concepts))
    while ahead:
        name = ahead.pop()
        if name not in seen and name in concepts:
            seen.add(name)
            ahead += concepts[name].parents(concepts)
    return seen
