import csv
import io
from dataclasses import replace

import pytest
import rdflib
from rdflib import RDF, SKOS, Literal, URIRef
from rdflib.compare import isomorphic
from tests.pages import ROOT

from diarbook.cli import main
from diarbook.errors import KnowledgeError
from diarbook.knowledge import Concept, load_ontology
from diarbook.knowledge.skos import BASE, concept_graph, export, missing_labels, shape_problems

COVERAGE = (ROOT / "data" / "ontology" / "coverage.tsv").read_text(encoding="utf-8")


def node(name):
    return URIRef(f"{BASE}concept/{name}")


@pytest.fixture(scope="module")
def concepts():
    return load_ontology()


@pytest.fixture
def small():
    fields = {"kind": "stage", "definition": "One.", "expert": "Two.", "topic": "vad"}
    one = Concept(id="one", label="one", alternative=("One", "eins"), related=("two",), symbol="$x$", **fields)
    two = Concept(id="two", label="two", toolkits=(("NeMo", "zwei | 2"),), sources=("somebody2000",), **fields)
    three = Concept(id="three", label="three", broader=("one",), stage=("two",), **{**fields, "kind": "method"})
    return {concept.id: concept for concept in (one, two, three)}


def test_the_ontology_is_large_and_covers_every_promised_term(concepts):
    assert len(concepts) >= 250
    assert missing_labels(concepts, COVERAGE) == []
    assert len(COVERAGE.splitlines()) > 190


def test_a_missing_label_is_found_whatever_its_case(small):
    table = "label\talternative labels\nONE\tEINS|uno\nfour\t\n"
    assert missing_labels(small, table) == ["uno", "four"]


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
        ("three", {"stage": ("three",)}, "three: a concept is part of a concept of kind stage"),
        ("one", {"label": "x"}, "one: a concept has one preferred label"),
    ],
)
def test_shacl_finds(small, name, change, fault):
    assert shape_problems(small) == []
    broken = small | {name: replace(small[name], file="a.yaml", **change)}
    assert any(line.startswith(f"a.yaml:1: {fault}") for line in shape_problems(broken))


def test_the_graph_says_what_the_concepts_say(small):
    graph = concept_graph(small)
    assert set(graph.subjects(RDF.type, SKOS.Concept)) == {node("one"), node("two"), node("three")}
    assert list(graph.objects(node("one"), SKOS.altLabel)) == [Literal("eins", lang="en")]
    assert (node("one"), SKOS.narrower, node("three")) in graph
    assert (node("two"), SKOS.related, node("one")) in graph
    assert (URIRef(f"{BASE}scheme/methods"), RDF.type, SKOS.ConceptScheme) in graph
    assert graph.value(node("three"), SKOS.inScheme) == URIRef(f"{BASE}scheme/methods")
    assert graph.value(node("two"), URIRef(f"{BASE}vocabulary#in-nemo")) == Literal("zwei | 2")


@pytest.mark.parametrize(("form", "name"), [("ttl", "turtle"), ("jsonld", "json-ld")])
def test_rdflib_reads_the_export_back(concepts, form, name):
    text = export(concepts, form)
    assert isomorphic(rdflib.Graph().parse(data=text, format=name), concept_graph(concepts))
    assert text == export(dict(reversed(concepts.items())), form)


def test_the_table_has_every_concept(concepts):
    rows = list(csv.DictReader(io.StringIO(export(concepts, "csv"))))
    assert [row["id"] for row in rows] == list(concepts)
    for row, concept in zip(rows, concepts.values(), strict=True):
        assert (row["label"], row["definition"], row["scheme"]) == (concept.label, concept.definition, concept.scheme)
        assert tuple(filter(None, row["broader"].split("|"))) == concept.broader


def test_an_unknown_format(small):
    with pytest.raises(KnowledgeError, match="unknown format 'owl'; known: ttl, jsonld, csv"):
        export(small, "owl")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["ontology", *arguments])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


def test_check(capsys, concepts):
    assert call(capsys, "check") == (0, "", f"{len(concepts)} concepts in 15 schemes, 0 faults\n")


def test_check_names_file_and_line(capsys, tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text(
        "- id: x\n  label: x y\n  kind: term\n  definition: D.\n  expert: E.\n  topic: vad\n  related: [nowhere]\n"
    )
    broken = load_ontology(tmp_path)
    monkeypatch.setattr("diarbook.knowledge.ontology.load_ontology", lambda: broken)
    status, out, err = call(capsys, "check")
    assert status == 1
    assert out.startswith("a.yaml:7: x: related names 'nowhere', which no file defines\ncoverage.tsv: ")
    assert err.startswith("1 concepts in 1 schemes, ")
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
