"""The ontology as a SKOS graph: Turtle, JSON-LD and CSV, and its SHACL check.

Chapter: ontology
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.ontology import SCHEMES, Concept

if TYPE_CHECKING:
    import rdflib

BASE = "https://kb4ai.github.io/speaker-diarization-pub-kb/"
"""Identifiers start with this; they never change, wherever the book is published."""

FORMATS = {"ttl": "turtle", "jsonld": "json-ld", "csv": "csv"}
"""Names of the exports, with what rdflib calls them."""

_TEXTS = ("input", "output", "symbol", "unit", "function")
_RELATIONS = ("broader", "related", "not_to_be_confused_with", "stage")


def slug(title: str) -> str:
    """Title in kebab-case, as the last part of an identifier."""
    return title.casefold().replace(" ", "-")


def concept_graph(concepts: Mapping[str, Concept]) -> rdflib.Graph:
    """The concepts as SKOS.

    A concept has one ``skos:prefLabel``, its ``skos:altLabel``, the plain sentence as ``skos:definition`` and the exact
    one as ``skos:scopeNote``. ``skos:narrower`` and the second direction of ``skos:related`` are written out.

    Parameters
    ----------
    concepts : mapping of str to Concept
        Ids to concepts, without faults (see ``diarbook.knowledge.ontology.problems``).

    References
    ----------
    miles2009skos

    Chapter: ontology
    """
    from rdflib import DCTERMS, RDF, SKOS, Graph, Literal, Namespace, URIRef

    concept_space, term = Namespace(f"{BASE}concept/"), Namespace(f"{BASE}vocabulary#")
    graph = Graph()
    for prefix, space in (("skos", SKOS), ("dcterms", DCTERMS), ("", concept_space), ("wsw", term)):
        graph.bind(prefix, space)

    schemes = {title: URIRef(f"{BASE}scheme/{slug(title)}") for title in SCHEMES.values()}
    for title, scheme in schemes.items():
        graph.add((scheme, RDF.type, SKOS.ConceptScheme))
        graph.add((scheme, SKOS.prefLabel, Literal(title, lang="en")))
    for concept in concepts.values():
        node, scheme = concept_space[concept.id], schemes[concept.scheme]
        graph.add((node, RDF.type, SKOS.Concept))
        graph.add((node, SKOS.prefLabel, Literal(concept.label, lang="en")))
        for name in concept.names[1:]:
            graph.add((node, SKOS.altLabel, Literal(name, lang="en")))
        graph.add((node, SKOS.definition, Literal(concept.definition, lang="en")))
        graph.add((node, SKOS.scopeNote, Literal(concept.expert, lang="en")))
        graph.add((node, SKOS.inScheme, scheme))
        if not concept.broader:
            graph.add((node, SKOS.topConceptOf, scheme))
            graph.add((scheme, SKOS.hasTopConcept, node))
        for other in concept.broader:
            graph.add((node, SKOS.broader, concept_space[other]))
            graph.add((concept_space[other], SKOS.narrower, node))
        for other in concept.related:
            graph.add((node, SKOS.related, concept_space[other]))
            graph.add((concept_space[other], SKOS.related, node))
        for other in concept.stage:
            graph.add((node, term.partOfStage, concept_space[other]))
        for other in concept.not_to_be_confused_with:
            graph.add((node, term.notToBeConfusedWith, concept_space[other]))
        graph.add((node, term.kind, Literal(concept.kind)))
        graph.add((node, term.topic, Literal(concept.topic)))
        for name in _TEXTS:
            if value := getattr(concept, name):
                graph.add((node, term[name], Literal(value)))
        for toolkit, text in concept.toolkits:
            graph.add((node, term[f"in-{slug(toolkit)}"], Literal(text)))
        for key in concept.sources:
            graph.add((node, DCTERMS.source, URIRef(f"{BASE}source/{key}")))
    return graph


def concept_table(concepts: Mapping[str, Concept]) -> str:
    """The concepts as CSV, a line each; several values in one field are separated by ``|``."""
    columns = ("id", "label", "alternative", "scheme", "kind", "definition", "expert", *_RELATIONS, *_TEXTS)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "toolkits", "topic", "sources"])
    for concept in concepts.values():
        values = [getattr(concept, name) for name in columns]
        values += [tuple(f"{toolkit}: {text}" for toolkit, text in concept.toolkits), concept.topic, concept.sources]
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
    """Labels of a coverage table that no concept has, preferred or alternative, whatever their case.

    Parameters
    ----------
    concepts : mapping of str to Concept
    table : str
        Tab-separated text with a header: label, alternative labels separated by ``|``, and further columns.
    """
    names = {name.casefold() for concept in concepts.values() for name in concept.names}
    rows: Iterable[list[str]] = csv.reader(io.StringIO(table), delimiter="\t")
    labels = [label for row in list(rows)[1:] if row for label in (row[0], *row[1].split("|")) if label]
    return [label for label in labels if label.casefold() not in names]
