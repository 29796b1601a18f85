"""The ontology as one SKOS concept scheme: Turtle, JSON-LD and CSV, and its SHACL check.

Chapter: ontology
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge import references as bibliography
from diarbook.knowledge.ontology import Concept

if TYPE_CHECKING:
    import rdflib

BASE = "https://w3id.org/who-spoke-when/"
"""Identifiers start with this. It is a proposal: the name has to be registered before the addresses lead anywhere."""

FORMATS = {"ttl": "turtle", "jsonld": "json-ld", "csv": "csv"}
"""Names of the exports, with what rdflib calls them."""

SCHEME = {
    "title": "Who Spoke When: concepts of speaker diarization, speaker recognition and voiceprints",
    "description": "Concepts of the book Who Spoke When, each with two definitions, relations and sources.",
    "creator": "The Who Spoke When authors",
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "created": "2026-11-22",
}
"""What the scheme says about itself; its version is the package's, and it changes when one of its concepts does."""

IN_TOOLKIT = {
    "pyannote.audio": "inPyannoteAudio",
    "NeMo": "inNemo",
    "SpeechBrain": "inSpeechbrain",
    "WeSpeaker": "inWespeaker",
    "Kaldi": "inKaldi",
    "diart": "inDiart",
}
"""The property of each toolkit; written out, so that a heading may change and an identifier does not."""

TERMS = {
    "plainDefinition": ("plain definition", "The definition in one sentence for a newcomer.", "definition"),
    "kind": ("kind", "What sort of thing the concept is; decides the facet where no broader concept is named.", None),
    "topic": (
        "topic",
        "The subject of the book that the concept belongs to, written or planned.",
        None,
    ),
    "partOfStage": ("part of stage", "A stage of processing to which the concept belongs.", "semanticRelation"),
    "hasStep": ("has step", "A stage of processing that is a part of the system.", "semanticRelation"),
    "notToBeConfusedWith": (
        "not to be confused with",
        "A concept that this one is often mistaken for; it holds in both directions.",
        "semanticRelation",
    ),
    "input": ("input", "What goes in.", None),
    "output": ("output", "What comes out.", None),
    "symbol": ("symbol", "How equations write it, in LaTeX.", None),
    "unit": ("unit", "The unit that it is given in.", None),
    "function": ("function", "Full name of the Python function that implements it.", None),
    **{
        name: (f"in {toolkit}", f"What {toolkit} calls it, and its default.", None)
        for toolkit, name in IN_TOOLKIT.items()
    },
}
"""The book's own properties: label, meaning, and the property of SKOS that each specializes."""

_TEXTS = ("input", "output", "symbol", "unit", "function")
_RELATIONS = ("broader", "related", "not_to_be_confused_with", "stage", "steps")
_RELATED_TERMS = ("partOfStage", "hasStep", "notToBeConfusedWith")


def source_address(reference: bibliography.Reference) -> str | None:
    """DOI, arXiv or other address of a source; None when its entry has none.

    Parameters
    ----------
    reference : Reference
    """
    fields = reference.fields
    if doi := fields.get("doi"):
        return f"https://doi.org/{doi.strip()}"
    if (number := fields.get("eprint")) and fields.get("archiveprefix", fields.get("archivePrefix", "")) == "arXiv":
        return f"https://arxiv.org/abs/{number.strip()}"
    return fields["url"].strip() if fields.get("url") else None


def concept_graph(
    concepts: Mapping[str, Concept], references: Mapping[str, bibliography.Reference] | None = None
) -> rdflib.Graph:
    """The concepts as one SKOS concept scheme.

    A concept has one ``skos:prefLabel``, its ``skos:altLabel`` and ``skos:hiddenLabel``, the exact sentence as
    ``skos:definition``, the plain one as ``wsw:plainDefinition``, and its scope note. ``skos:narrower`` and the second
    direction of symmetric relations are written out. A retired id says what replaces it.

    Parameters
    ----------
    concepts : mapping of str to Concept
        Ids to concepts, without faults (see ``diarbook.knowledge.ontology.problems``).
    references : mapping of str to Reference, optional
        The sources; those of the book by default. One without an address becomes a citation.

    References
    ----------
    miles2009skos, isaac2009primer

    Chapter: ontology
    """
    from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS, XSD, Graph, Literal, Namespace, URIRef

    references = bibliography.load_references() if references is None else references
    concept_space, term = Namespace(f"{BASE}concept/"), Namespace(f"{BASE}vocabulary#")
    graph = Graph()
    for prefix, space in (("skos", SKOS), ("dcterms", DCTERMS), ("", concept_space), ("wsw", term)):
        graph.bind(prefix, space)
    _declare(graph, term)
    scheme = URIRef(f"{BASE}scheme")
    graph.add((scheme, RDF.type, SKOS.ConceptScheme))
    graph.add((scheme, SKOS.prefLabel, Literal(SCHEME["title"], lang="en")))
    for name in ("title", "description", "creator"):
        language = None if name == "creator" else "en"
        graph.add((scheme, DCTERMS[name], Literal(SCHEME[name], lang=language)))
    graph.add((scheme, DCTERMS.license, URIRef(SCHEME["license"])))
    graph.add((scheme, DCTERMS.created, Literal(SCHEME["created"], datatype=XSD.date)))
    changed = max((concept.modified or SCHEME["created"] for concept in concepts.values()), default=SCHEME["created"])
    graph.add((scheme, DCTERMS.modified, Literal(changed, datatype=XSD.date)))
    graph.add((scheme, OWL.versionInfo, Literal(diarbook.__version__)))

    for concept in concepts.values():
        node = concept_space[concept.id]
        graph.add((node, RDF.type, SKOS.Concept))
        graph.add((node, SKOS.inScheme, scheme))
        graph.add((node, SKOS.prefLabel, Literal(concept.label, lang="en")))
        for name in concept.names[1:]:
            graph.add((node, SKOS.altLabel, Literal(name, lang="en")))
        for name in concept.every_name[len(concept.names) :]:
            graph.add((node, SKOS.hiddenLabel, Literal(name, lang="en")))
        graph.add((node, SKOS.definition, Literal(concept.expert, lang="en")))
        graph.add((node, term.plainDefinition, Literal(concept.definition, lang="en")))
        if concept.note:
            graph.add((node, SKOS.scopeNote, Literal(concept.note, lang="en")))
        if concept.kind == "facet" and not concept.broader:
            graph.add((node, SKOS.topConceptOf, scheme))
            graph.add((scheme, SKOS.hasTopConcept, node))
        for other in concept.parents(concepts):
            graph.add((node, SKOS.broader, concept_space[other]))
            graph.add((concept_space[other], SKOS.narrower, node))
        for relation, others in (
            (SKOS.related, concept.related),
            (term.notToBeConfusedWith, concept.not_to_be_confused_with),
        ):
            for other in others:
                graph.add((node, relation, concept_space[other]))
                graph.add((concept_space[other], relation, node))
        for relation, others in ((term.partOfStage, concept.stage), (term.hasStep, concept.steps)):
            for other in others:
                graph.add((node, relation, concept_space[other]))
        graph.add((node, term.kind, Literal(concept.kind)))
        graph.add((node, term.topic, Literal(concept.topic)))
        for name in _TEXTS:
            if value := getattr(concept, name):
                graph.add((node, term[name], Literal(value)))
        for toolkit, text in concept.toolkits:
            graph.add((node, term[IN_TOOLKIT[toolkit]], Literal(text)))
        for key in concept.sources:
            if key not in references:
                continue
            if address := source_address(references[key]):
                graph.add((node, DCTERMS.source, URIRef(address)))
            else:
                graph.add((node, DCTERMS.bibliographicCitation, Literal(_citation(references[key]))))
        for address in concept.exact_match:
            graph.add((node, SKOS.exactMatch, URIRef(address)))
        for address in concept.close_match:
            graph.add((node, SKOS.closeMatch, URIRef(address)))
        for name in ("created", "modified"):
            if day := getattr(concept, name):
                graph.add((node, DCTERMS[name], Literal(day, datatype=XSD.date)))
        for old in concept.replaces:
            graph.add((concept_space[old], OWL.deprecated, Literal(True)))
            graph.add((concept_space[old], DCTERMS.isReplacedBy, node))
            graph.add((concept_space[old], RDFS.isDefinedBy, scheme))
    return graph


def _citation(reference: bibliography.Reference) -> str:
    """Title and year of a source without an address, without marks of LaTeX."""
    title = re.sub(r"[{}]|\\[a-z]+\s?", "", reference.fields.get("title", reference.key))
    return f"{title} ({reference.fields.get('year', 'n. d.')})"


def _declare(graph: rdflib.Graph, term: rdflib.Namespace) -> None:
    """Say what the book's own properties are."""
    from rdflib import RDF, RDFS, SKOS, Literal

    for name, (label, meaning, special) in TERMS.items():
        node = term[name]
        graph.add((node, RDF.type, RDF.Property))
        graph.add((node, RDFS.label, Literal(label, lang="en")))
        graph.add((node, RDFS.comment, Literal(meaning, lang="en")))
        graph.add((node, RDFS.domain, SKOS.Concept))
        graph.add((node, RDFS.range, SKOS.Concept if name in _RELATED_TERMS else RDFS.Literal))
        if special:
            graph.add((node, RDFS.subPropertyOf, SKOS[special]))


def concept_table(concepts: Mapping[str, Concept]) -> str:
    """The concepts as CSV, a line each; several values in one field are separated by ``|``."""
    columns = ("id", "label", "alternative", "hidden", "group", "kind", "definition", "expert", "note")
    columns = (*columns, *_RELATIONS, *_TEXTS)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "toolkits", "topic", "sources", "created", "modified"])
    for concept in concepts.values():
        values = [concept.parents(concepts) if name == "broader" else getattr(concept, name) for name in columns]
        values += [tuple(f"{toolkit}: {text}" for toolkit, text in concept.toolkits), concept.topic, concept.sources]
        values += [concept.created, concept.modified]
        writer.writerow(["|".join(value) if isinstance(value, tuple) else value or "" for value in values])
    return out.getvalue()


def export(concepts: Mapping[str, Concept], form: str) -> str:
    """Text of an export, the same for the same concepts.

    Parameters
    ----------
    concepts : mapping of str to Concept
    form : str
        A key of ``FORMATS``.

    Raises
    ------
    KnowledgeError
        For another format.

    Chapter: ontology
    """
    if form not in FORMATS:
        raise KnowledgeError(f"unknown format {form!r}; known: {', '.join(FORMATS)}")
    if form == "csv":
        return concept_table(concepts)
    from rdflib import DCTERMS, SKOS

    graph = concept_graph(concepts)
    if form == "ttl":
        return graph.serialize(format="turtle")
    context = {"@vocab": str(SKOS), "wsw": f"{BASE}vocabulary#", "dcterms": str(DCTERMS)}
    tree = json.loads(graph.serialize(format="json-ld", context=context, sort_keys=True))
    return json.dumps(in_order(tree), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def in_order(value: object) -> object:
    """Lists of a JSON value sorted, since a graph has no order."""
    if isinstance(value, dict):
        return {key: in_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def shape_problems(concepts: Mapping[str, Concept], shapes: Path | None = None) -> list[str]:
    """What SHACL finds wrong with the graph, one line a fault.

    Parameters
    ----------
    concepts : mapping of str to Concept
    shapes : path, optional
        Turtle file of shapes; ``data/ontology/shapes.ttl`` by default.

    References
    ----------
    knublauch2017shacl

    Chapter: ontology
    """
    import pyshacl
    from rdflib import RDF, SH, Graph

    if shapes is None:
        root = repository_root()
        if root is None:
            raise KnowledgeError("the shapes are in the book's repository; run this in a clone of it")
        shapes = root / "data" / "ontology" / "shapes.ttl"
    _, report, _ = pyshacl.validate(concept_graph(concepts), shacl_graph=Graph().parse(shapes, format="turtle"))
    faults = []
    for result in report.subjects(RDF.type, SH.ValidationResult):
        node = report.value(result, SH.focusNode)
        name = str(node).rpartition("/")[2]
        where = concepts[name].location() if name in concepts else name
        faults.append(f"{where}: {report.value(result, SH.resultMessage)}")
    return sorted(faults)


def missing_labels(concepts: Mapping[str, Concept], table: str) -> list[str]:
    """Labels of a coverage table that no concept has, preferred, alternative or hidden, whatever their case.

    Parameters
    ----------
    concepts : mapping of str to Concept
    table : str
        Tab-separated text with a header: label, alternative labels separated by ``|``, and further columns.
    """
    names = {name.casefold() for concept in concepts.values() for name in concept.every_name}
    rows: Iterable[list[str]] = csv.reader(io.StringIO(table), delimiter="\t")
    labels = [label for row in list(rows)[1:] if row for label in (row[0], *row[1].split("|")) if label]
    return [label for label in labels if label.casefold() not in names]
