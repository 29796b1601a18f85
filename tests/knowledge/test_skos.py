import csv
import io
from dataclasses import replace

import pytest
import rdflib
from rdflib import DCTERMS, RDF, RDFS, SKOS, Literal, Namespace, URIRef
from rdflib.compare import isomorphic
from tests.pages import ROOT

from diarbook.cli import main
from diarbook.errors import KnowledgeError
from diarbook.knowledge import Concept, load_ontology
from diarbook.knowledge.references import Reference
from diarbook.knowledge.skos import BASE, concept_graph, export, missing_labels, shape_problems, source_address

SCHEME, WSW = URIRef(f"{BASE}scheme"), Namespace(f"{BASE}vocabulary#")
COVERAGE = (ROOT / "data" / "ontology" / "coverage.tsv").read_text(encoding="utf-8")


def node(name):
    return URIRef(f"{BASE}concept/{name}")


@pytest.fixture(scope="module")
def concepts():
    return load_ontology()


@pytest.fixture(scope="module")
def graph(concepts):
    return concept_graph(concepts)


@pytest.fixture
def small():
    fields = {"kind": "stage", "definition": "One.", "expert": "Two.", "topic": "vad"}
    activity = Concept(id="activity", label="activity", **{**fields, "kind": "facet"})
    rows = [
        activity,
        Concept(id="method", label="method", broader=("activity",), **{**fields, "kind": "facet"}),
        Concept(id="processing-stage", label="stage", broader=("activity",), **{**fields, "kind": "facet"}),
        Concept(
            id="one",
            label="one",
            alternative=("One", "eins"),
            hidden=("ein",),
            related=("two",),
            symbol="$x$",
            **fields,
        ),
        Concept(id="two", label="two", toolkits=(("NeMo", "zwei | 2"),), sources=("somebody2000",), **fields),
        Concept(
            id="three",
            label="three",
            broader=("one",),
            stage=("two",),
            not_to_be_confused_with=("two",),
            note="Not four.",
            replaces=("drei",),
            created="2026-11-22",
            modified="2026-11-28",
            **{**fields, "kind": "method"},
        ),
        Concept(id="four", label="four", steps=("one", "two"), **{**fields, "kind": "method"}),
    ]
    return {concept.id: concept for concept in rows}


def test_the_ontology_is_large_and_covers_every_promised_term(concepts):
    assert len(concepts) >= 250
    assert missing_labels(concepts, COVERAGE) == []
    assert len(COVERAGE.splitlines()) > 190


def test_a_missing_label_is_found_whatever_its_case(small):
    table = "label\talternative labels\nONE\tEINS|uno|EIN\nfive\t\n"
    assert missing_labels(small, table) == ["uno", "five"]


def test_shacl_conforms(concepts):
    assert shape_problems(concepts) == []


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("three", {"definition": "no full stop"}, "three: a definition is one sentence"),
        ("three", {"definition": "small letter."}, "three: a definition is one sentence"),
        ("three", {"expert": "no full stop"}, "three: the exact sentence ends"),
        ("three", {"related": ("one",)}, "three: what is broader cannot also be related"),
        ("three", {"broader": ("nowhere",)}, "three: broader leads to a concept"),
        ("three", {"related": ("nowhere",)}, "three: related leads to a concept"),
        ("three", {"not_to_be_confused_with": ("one",)}, "three: nothing is mistaken for what it is a kind of"),
        ("three", {"note": "no full stop"}, "three: a scope note ends"),
        ("three", {"created": "yesterday"}, "three: created is a day"),
        ("four", {"steps": ("three",)}, "four: a step of a system is a concept of kind stage"),
        ("four", {"kind": "tool"}, "four: a top concept leads to it"),
        ("one", {"broader": ("three",)}, "one: a concept is never broader than itself"),
        ("one", {"alternative": ("two",)}, "one: a label of one concept is the preferred one of another"),
        ("three", {"stage": ("three",)}, "three: a concept is part of a concept of kind stage"),
        ("one", {"label": "x"}, "one: a concept has one preferred label"),
    ],
)
def test_shacl_finds(small, name, change, fault):
    assert shape_problems(small) == []
    broken = small | {name: replace(small[name], file="a.yaml", **change)}
    assert any(line.startswith(f"a.yaml:1: {fault}") for line in shape_problems(broken))


def test_the_graph_says_what_the_concepts_say(small):
    source = Reference("somebody2000", {"doi": "10.1/x", "url": "https://example.org"}, ())
    graph = concept_graph(small, {"somebody2000": source})
    assert set(graph.subjects(RDF.type, SKOS.Concept)) == {node(name) for name in small}
    assert list(graph.objects(node("one"), SKOS.altLabel)) == [Literal("eins", lang="en")]
    assert list(graph.objects(node("one"), SKOS.hiddenLabel)) == [Literal("ein", lang="en")]
    assert (node("one"), SKOS.narrower, node("three")) in graph
    assert (node("two"), SKOS.related, node("one")) in graph
    assert (node("two"), WSW.notToBeConfusedWith, node("three")) in graph, "it holds in both directions"
    assert set(graph.objects(node("four"), WSW.hasStep)) == {node("one"), node("two")}
    assert list(graph.objects(node("one"), SKOS.broader)) == [node("processing-stage")]
    assert list(graph.objects(node("three"), SKOS.broader)) == [node("one")]
    assert list(graph.subjects(RDF.type, SKOS.ConceptScheme)) == [SCHEME]
    assert list(graph.objects(SCHEME, SKOS.hasTopConcept)) == [node("activity")]
    assert graph.value(node("three"), SKOS.inScheme) == SCHEME
    assert graph.value(node("two"), WSW.inNemo) == Literal("zwei | 2")
    assert graph.value(node("three"), SKOS.definition) == Literal("Two.", lang="en")
    assert graph.value(node("three"), WSW.plainDefinition) == Literal("One.", lang="en")
    assert (WSW.plainDefinition, RDFS.subPropertyOf, SKOS.definition) in graph
    assert graph.value(node("three"), SKOS.scopeNote) == Literal("Not four.", lang="en")
    assert graph.value(node("two"), DCTERMS.source) == URIRef("https://doi.org/10.1/x")
    assert graph.value(node("drei"), DCTERMS.isReplacedBy) == node("three")
    assert str(graph.value(SCHEME, DCTERMS.modified)) == "2026-11-28"
    bare = concept_graph(small, {"somebody2000": Reference("somebody2000", {"title": "On {EM}", "year": "2000"}, ())})
    assert bare.value(node("two"), DCTERMS.bibliographicCitation) == Literal("On EM (2000)")


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"doi": "10.1/x", "eprint": "1.2", "archiveprefix": "arXiv"}, "https://doi.org/10.1/x"),
        ({"eprint": "2401.1", "archiveprefix": "arXiv", "url": "https://e.org"}, "https://arxiv.org/abs/2401.1"),
        ({"eprint": "9", "archiveprefix": "hal", "url": "https://e.org"}, "https://e.org"),
        ({}, None),
    ],
)
def test_a_source_is_the_address_that_its_entry_gives(fields, address):
    assert source_address(Reference("k", fields, ())) == address


def test_the_book_s_terms_are_declared(graph):
    for term in {predicate for predicate in graph.predicates() if str(predicate).startswith(str(WSW))}:
        for said in (RDFS.label, RDFS.comment, RDFS.domain, RDFS.range):
            assert (term, said, None) in graph, term


RULES = {
    "a circle of broader": "?x skos:broader+ ?x",
    "no path to a top concept": "?x a skos:Concept FILTER NOT EXISTS { ?x skos:broader*/skos:topConceptOf ?scheme }",
    "not in the one scheme": f"?x a skos:Concept FILTER NOT EXISTS {{ ?x skos:inScheme <{BASE}scheme> }}",
    "related, and broader or narrower": "?x skos:related ?y . ?x (skos:broader+)|(skos:narrower+) ?y",
    "told apart from its own broader concept": "?x wsw:notToBeConfusedWith ?y . ?x skos:broader+ ?y",
    "told apart in one direction": "?x wsw:notToBeConfusedWith ?y FILTER NOT EXISTS { ?y wsw:notToBeConfusedWith ?x }",
    "labels not disjoint": "?x skos:prefLabel ?l . ?x skos:altLabel|skos:hiddenLabel ?l",
    "alternative and hidden": "?x skos:altLabel ?l . ?x skos:hiddenLabel ?l",
    "two preferred labels in a language": (
        "?x skos:prefLabel ?a . ?x skos:prefLabel ?b FILTER (?a != ?b && lang(?a) = lang(?b))"
    ),
    "an orphan": (
        "?x a skos:Concept FILTER NOT EXISTS { ?x skos:broader|skos:narrower|skos:related|wsw:partOfStage ?y }"
    ),
    "broader without narrower": "?x skos:broader ?y FILTER NOT EXISTS { ?y skos:narrower ?x }",
}
"""What must find nothing: patterns of SPARQL."""


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_skos_or_of_the_book_is_kept(graph, rule):
    found = graph.query(f"PREFIX skos: <{SKOS}> PREFIX wsw: <{WSW}> SELECT DISTINCT ?x WHERE {{ {RULES[rule]} }}")
    assert [str(row.x) for row in found] == []


def test_no_label_is_the_preferred_one_of_another_concept_whatever_its_case(graph):
    owners = {}
    for concept, label in graph.subject_objects(SKOS.prefLabel):
        if (concept, RDF.type, SKOS.Concept) in graph:
            assert owners.setdefault(str(label).casefold(), concept) == concept, label
    for predicate in (SKOS.altLabel, SKOS.hiddenLabel):
        for concept, label in graph.subject_objects(predicate):
            assert owners.setdefault(str(label).casefold(), concept) == concept, label


def test_every_rule_can_fail(small):
    """Each pattern finds its planted fault."""
    planted = {
        "a circle of broader": {"one": {"broader": ("three",)}},
        "no path to a top concept": {"four": {"kind": "tool"}},
        "related, and broader or narrower": {"three": {"related": ("one",)}},
        "told apart from its own broader concept": {"three": {"not_to_be_confused_with": ("one",)}},
        "an orphan": {"four": {"kind": "tool", "steps": ()}},
    }
    for rule, changes in planted.items():
        broken = small | {name: replace(small[name], **change) for name, change in changes.items()}
        query = f"PREFIX skos: <{SKOS}> PREFIX wsw: <{WSW}> ASK {{ {RULES[rule]} }}"
        assert not concept_graph(small, {}).query(query).askAnswer, rule
        assert concept_graph(broken, {}).query(query).askAnswer, rule


@pytest.mark.parametrize(("form", "name"), [("ttl", "turtle"), ("jsonld", "json-ld")])
def test_rdflib_reads_the_export_back(concepts, form, name):
    text = export(concepts, form)
    assert isomorphic(rdflib.Graph().parse(data=text, format=name), concept_graph(concepts))
    assert text == export(dict(reversed(concepts.items())), form)


def test_the_table_has_every_concept(concepts):
    rows = list(csv.DictReader(io.StringIO(export(concepts, "csv"))))
    assert [row["id"] for row in rows] == list(concepts)
    for row, concept in zip(rows, concepts.values(), strict=True):
        assert (row["label"], row["definition"], row["group"]) == (concept.label, concept.definition, concept.group)
        assert tuple(filter(None, row["broader"].split("|"))) == concept.parents(concepts)


def test_an_unknown_format(small):
    with pytest.raises(KnowledgeError, match="unknown format 'owl'; known: ttl, jsonld, csv"):
        export(small, "owl")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["ontology", *arguments])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


def test_check(capsys, concepts):
    assert call(capsys, "check") == (0, "", f"{len(concepts)} concepts below 5 top concepts, 0 faults\n")


def test_check_names_file_and_line(capsys, tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text(
        "- id: x\n  label: x y\n  kind: method\n  definition: D.\n  expert: E.\n  topic: vad\n  related: [nowhere]\n"
    )
    broken = load_ontology(tmp_path)
    monkeypatch.setattr("diarbook.knowledge.ontology.load_ontology", lambda: broken)
    status, out, err = call(capsys, "check")
    assert status == 1
    assert out.startswith("a.yaml:7: x: related names 'nowhere', which no file defines\ncoverage.tsv: ")
    assert err.startswith("1 concepts below 0 top concepts, ")
    status, out, err = call(capsys, "export")
    assert (status, out) == (1, "")
    assert err.startswith("diarbook: 1 faults, the first: a.yaml:7: x: related")


@pytest.mark.parametrize("form", ["ttl", "jsonld", "csv"])
def test_export(capsys, tmp_path, concepts, form):
    expected = export(concepts, form)
    assert call(capsys, "export", "--format", form) == (0, expected, "")
    target = tmp_path / "out"
    assert call(capsys, "export", "--format", form, "-o", str(target)) == (0, "", "")
    assert target.read_text(encoding="utf-8") == expected


def test_export_into_a_folder_that_is_not_there(capsys, tmp_path):
    status, out, err = call(capsys, "export", "-o", str(tmp_path / "none" / "x.ttl"))
    assert (status, out) == (1, "")
    assert "no such folder; make it" in err
    assert list(tmp_path.iterdir()) == []


def test_outside_a_checkout(capsys, monkeypatch):
    monkeypatch.setattr("diarbook.knowledge.ontology.repository_root", lambda: None)
    status, _, err = call(capsys, "check")
    assert status == 1
    assert err == "diarbook: the ontology is in the book's repository; run this in a clone of it\n"
