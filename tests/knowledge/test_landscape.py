import pytest
import yaml

from diarbook.errors import KnowledgeError
from diarbook.knowledge import load_ontology
from diarbook.knowledge.evidence import Evidence, evidence_files, load_evidence
from diarbook.knowledge.landscape import KINDS, Entry, load_landscape, measured_here, problems
from diarbook.knowledge.ontology import bibliography_keys

EVIDENCE = {path.stem: load_evidence(path) for path in evidence_files()}

STORE = {
    "id": "x",
    "name": "X",
    "kind": "library",
    "mode": "embedded",
    "what": "W.",
    "indexes": ["flat"],
    "metrics": None,
    "filtering": None,
    "persistence": None,
    "licence": "MIT",
    "language": "C",
    "release": None,
    "install": "pip install x",
    "call": None,
    "scale": None,
    "offline": "Not tried.",
    "gotchas": [],
    "concept": None,
    "sources": [],
    "url": "https://example.org",
    "not_verified": [],
    "checked": "2026-11-24",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_book_s_landscape_has_no_faults(kind):
    entries = load_landscape(kind)
    assert len(entries) > 15
    assert problems(entries, load_ontology(), EVIDENCE, bibliography_keys()) == []


def test_every_published_result_has_a_protocol_and_a_place():
    results = [result for entry in load_landscape("models") for result in entry.fields["published"]]
    assert len(results) > 50
    assert all(result["protocol"] and result["where"] for result in results)


def write(folder, *rows):
    (folder / "vector_stores.yaml").write_text(yaml.safe_dump(list(rows), sort_keys=False), encoding="utf-8")
    return folder


def test_an_entry_is_read(tmp_path):
    [entry] = load_landscape("vector_stores", write(tmp_path, STORE))
    assert (entry.id, entry.name, entry.location) == ("x", "X", "vector_stores.yaml:1: x")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([STORE | {"mood": "good"}], "vector_stores.yaml:24: x: unknown field 'mood'; known: "),
        ([STORE | {"kind": 3}], "vector_stores.yaml:3: x: field 'kind' must be a text, got 3"),
        ([STORE | {"url": "ftp://x"}], "vector_stores.yaml:21: x: field 'url' 'ftp://x' does not match"),
        (
            [{key: value for key, value in STORE.items() if key != "licence"}],
            "vector_stores.yaml:1: x: field 'licence' is missing",
        ),
        ([STORE, dict(STORE, indexes=["flat", "IVF"], gotchas=["g"])], "vector_stores.yaml:24: x: defined twice"),
        (["x"], "vector_stores.yaml:1: row 1: must be a mapping, got 'x'"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path, rows, message):
    with pytest.raises(KnowledgeError) as caught:
        load_landscape("vector_stores", write(tmp_path, *rows))
    assert str(caught.value).startswith(message)


def test_a_file_that_is_missing_and_a_kind_that_is_unknown(tmp_path):
    with pytest.raises(KnowledgeError, match=r"models\.yaml: cannot be read"):
        load_landscape("models", tmp_path)
    with pytest.raises(KnowledgeError, match="unknown kind 'pets'; known: tools, models"):
        load_landscape("pets")


def test_references_that_lead_nowhere():
    fields = {
        "concept": "a",
        "stages": ["b"],
        "sources": ["s"],
        "published": [{"source": "p"}],
        "scale_source": "s",
        "measured": [{"evidence": "c", "row": {}, "show": []}],
        "not_verified": ["d", "concept"],
    }
    assert problems([Entry("x", "X", fields, "f:1: x")], {"z"}, EVIDENCE, {"z"}) == [
        "f:1: x: 'b' is no concept of the ontology",
        "f:1: x: 'a' is no concept of the ontology",
        "f:1: x: 's' is not in the bibliography",
        "f:1: x: 'p' is not in the bibliography",
        "f:1: x: evidence 'c' does not exist",
        "f:1: x: not_verified names 'd', which is no field",
    ]


TABLE = Evidence(
    "e",
    "T",
    {},
    ({"part": "p", "who": "a", "der": 12.345}, {"part": "p", "who": "b", "der": None}),
    {"part": "Part", "who": "System", "der": "DER, %"},
)


def measured(**changes):
    item = {"evidence": "e", "row": {"who": "a"}, "show": ["der"]} | changes
    return measured_here(Entry("x", "X", {"measured": [item]}, "f:1: x"), {"e": TABLE})


def test_what_was_measured_here_is_read_from_the_evidence():
    assert measured() == [("e", "a: DER, %: 12.3")]
    assert measured(row={"part": "p", "who": "b"}) == [("e", "b: DER, %: undefined")]
    assert measured_here(Entry("x", "X", {}, "f:1: x"), {}) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evidence": "f"}, "f:1: x: evidence 'f' does not exist"),
        ({"row": {"whom": "a"}}, "f:1: x: 'whom' is no column of evidence 'e'"),
        ({"show": ["jer"]}, "f:1: x: 'jer' is no column of evidence 'e'"),
        ({"row": {"part": "p"}}, "f:1: x: 2 rows of evidence 'e' fit {'part': 'p'}, not one"),
        ({"row": {"who": "c"}}, "f:1: x: 0 rows of evidence 'e' fit {'who': 'c'}, not one"),
    ],
)
def test_a_measurement_that_leads_nowhere_is_named(changes, message):
    with pytest.raises(KnowledgeError) as caught:
        measured(**changes)
    assert str(caught.value) == message
