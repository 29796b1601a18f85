"""The terms of the field, one concept an entry, from ``data/ontology/*.yaml``.

Chapter: start
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root

CHAPTER_NAMES = {
    "start": "The whole map",
    "features": "Features",
    "vad": "Voice activity detection",
    "segmentation": "Segmentation",
    "embeddings": "Embeddings",
    "clustering": "Clustering",
    "resegmentation": "Resegmentation",
    "evaluation": "Evaluation",
    "playground": "DER playground",
    "stage-swap": "Stage swapping",
    "ivector": "I-vectors",
    "backends": "Back-ends",
    "training": "Training and adaptation",
    "eend": "End-to-end diarization",
    "tsvad": "Target-speaker VAD",
    "voiceprints": "Voiceprints",
    "verification": "Verification",
    "identification": "Identification",
    "vectordb": "Vector stores",
    "privacy": "Privacy",
    "streaming": "Streaming",
    "hybrid": "Hybrid systems",
    "toolkits": "Toolkits",
    "asr": "Words and speakers",
    "multimodal": "Sound and picture",
    "scaling": "Scaling",
    "datasets": "Data sets",
    "landscape": "Choosing tools",
}
"""Chapter words of the plan with short names, in the order of the plan."""

CHAPTERS = tuple(CHAPTER_NAMES)
"""Chapter words; a concept, or a docstring's ``Chapter:`` line, names one of them."""


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
    """One concept: what it is called, what it means, and where the book teaches it.

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
    chapter : str
        A word of ``CHAPTERS``.
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

    def place(self, name: str = "id") -> str:
        """File, line and id, as a fault names them."""
        return f"{self.file}:{self.lines.get(name, self.lines.get('id', 1))}: {self.id}"

    @property
    def names(self) -> tuple[str, ...]:
        """The label, then the alternative labels that differ from it in more than case."""
        unique: dict[str, str] = {}
        for name in (self.label, *self.alternative):
            unique.setdefault(name.casefold(), name)
        return tuple(unique.values())


_TEXTS = ("id", "label", "kind", "definition", "expert", "chapter")
_OPTIONAL = ("input", "output", "symbol", "unit", "function")
_LISTS = ("alternative", "broader", "related", "not_to_be_confused_with", "stage", "sources")
_KNOWN = {entry.name for entry in fields(Concept)} - {"file", "lines"}


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
            text = path.read_text(encoding="utf-8")
            rows, places = yaml.load(text, Loader=Loader), line_numbers(text)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise KnowledgeError(f"{path.name}: not valid YAML ({reason})") from None
        if not isinstance(rows or [], list):
            raise KnowledgeError(f"{path.name}: expected a list of concepts, got {type(rows).__name__}")
        for number, row in enumerate(rows or []):
            concept = _concept(path.name, number, row, places[number])
            if concept.id in concepts:
                other = concepts[concept.id]
                raise KnowledgeError(
                    f"{concept.place()}: defined before, in {other.file} line {other.lines['id']}; keep one"
                )
            concepts[concept.id] = concept
    return concepts


Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def line_numbers(text: str) -> list[dict[str, int]]:
    """For each row of a YAML list, the line of each of its fields."""
    top = yaml.compose(text, Loader=Loader)
    if not isinstance(top, yaml.SequenceNode):
        return []
    return [
        {"id": row.start_mark.line + 1}
        | (
            {key.value: key.start_mark.line + 1 for key, _ in row.value if key.value != "id"}
            if isinstance(row, yaml.MappingNode)
            else {}
        )
        for row in top.value
    ]


def _concept(file: str, number: int, row: object, lines: dict[str, int]) -> Concept:
    if not isinstance(row, dict):
        raise KnowledgeError(
            f"{file}:{lines['id']}: concept {number + 1}: expected a mapping, got {type(row).__name__}"
        )

    def place(name: str = "id") -> str:
        return f"{file}:{lines.get(name, lines['id'])}: {row.get('id', f'concept {number + 1}')}"

    if unknown := sorted(set(row) - _KNOWN, key=str):
        raise KnowledgeError(f"{place(unknown[0])}: unknown field {unknown[0]!r}; known: {', '.join(sorted(_KNOWN))}")
    values: dict[str, object] = {"file": file, "lines": lines}
    for name in _TEXTS:
        text = row.get(name)
        if not isinstance(text, str) or not text.strip():
            raise KnowledgeError(f"{place(name)}: field {name!r} must be a text, got {text!r}")
        values[name] = " ".join(text.split())
    for name in _OPTIONAL:
        text = row.get(name) or None
        if text is not None and not isinstance(text, str):
            raise KnowledgeError(f"{place(name)}: field {name!r} must be a text, got {text!r}")
        values[name] = " ".join(text.split()) if text else None
    for name in _LISTS:
        items = row.get(name) or []
        if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
            raise KnowledgeError(f"{place(name)}: field {name!r} must be a list of texts, got {items!r}")
        values[name] = tuple(" ".join(item.split()) for item in items)
    toolkits = row.get("toolkits") or {}
    if not isinstance(toolkits, dict) or not all(isinstance(text, str) for text in (*toolkits, *toolkits.values())):
        raise KnowledgeError(f"{place('toolkits')}: field 'toolkits' must map toolkits to texts, got {toolkits!r}")
    values["toolkits"] = tuple((name, " ".join(text.split())) for name, text in toolkits.items())
    return Concept(**values)


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
    """What is wrong with an ontology, one line a fault, each with its file, line and concept.

    Two concepts with one name, orphans, and references to concepts, kinds, sources, chapters, toolkits or functions
    that do not exist.

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
        if not re.fullmatch(r"[a-z0-9+.]+(-[a-z0-9+.]+)*", concept.id):  # as in cam++
            found.append(f"{concept.place()}: the id must be kebab-case, such as voice-activity-detection")
        if concept.kind not in SCHEMES:
            found.append(f"{concept.place('kind')}: kind {concept.kind!r} is unknown; known: {', '.join(SCHEMES)}")
        for name in concept.names:
            owner = owners.setdefault(name.casefold(), concept)
            if owner is not concept:
                place = concept.place("alternative")
                found.append(f"{place}: the name {name!r} is taken by {owner.id} in {owner.file}; keep one")
        for relation in ("broader", "related", "not_to_be_confused_with", "stage"):
            place = concept.place(relation)
            for other in getattr(concept, relation):
                if other == concept.id:
                    found.append(f"{place}: {relation} names the concept itself")
                elif other not in concepts:
                    found.append(f"{place}: {relation} names {other!r}, which no file defines")
                elif relation == "stage" and concepts[other].kind != "stage":
                    found.append(f"{place}: stage names {other!r}, which is a {concepts[other].kind}")
        above = _ancestors(concepts, concept.id)
        if concept.id in above and concept.id not in concept.broader:
            found.append(f"{concept.place('broader')}: is broader than itself")
        found += [
            f"{concept.place('related')}: related names {other!r}, which is broader or narrower already (SKOS S27)"
            for other in concept.related
            if other in above or (other in concepts and concept.id in _ancestors(concepts, other))
        ]
        for toolkit, _ in concept.toolkits:
            if toolkit not in TOOLKITS:
                found.append(
                    f"{concept.place('toolkits')}: toolkit {toolkit!r} is unknown; known: {', '.join(TOOLKITS)}"
                )
        found += [
            f"{concept.place('sources')}: source {key!r} is not in references.bib"
            for key in concept.sources
            if key not in sources
        ]
        if concept.chapter not in chapters:
            found.append(
                f"{concept.place('chapter')}: chapter {concept.chapter!r} is not in the plan; "
                f"known: {', '.join(sorted(chapters))}"
            )
        if concept.function and not callable(resolve(concept.function)):
            found.append(f"{concept.place('function')}: function {concept.function!r} does not exist")
        if not (concept.broader or concept.related or concept.stage) and not any(
            concept.id in (*other.broader, *other.related, *other.stage) for other in concepts.values()
        ):
            found.append(f"{concept.place()}: an orphan; relate it to another concept")
    return found


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
