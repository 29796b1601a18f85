import datetime as dt

import pytest
import yaml

from diarbook.errors import KnowledgeError
from diarbook.knowledge import load_ontology
from diarbook.knowledge.evidence import Evidence, evidence_files, load_evidence
from diarbook.knowledge.landscape import (
    KINDS,
    Entry,
    checked_on,
    freshness,
    load_landscape,
    measured_here,
    overdue,
    problems,
)
from diarbook.knowledge.ontology import bibliography_keys
from diarbook.knowledge.references import load_references

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


def published():
    return [
        (entry, result)
        for kind in ("models", "tools")
        for entry in load_landscape(kind)
        for result in entry.fields["published"]
    ]


def test_every_diarization_error_rate_says_its_collar_and_its_overlap_rule():
    """Or says that its document does not."""
    rates = [(entry, result) for entry, result in published() if result["metric"] == "DER"]
    assert len(rates) > 100
    silent = [
        f"{entry.id}: {result['protocol']}"
        for entry, result in rates
        if not {"collar", "overlap"} <= set(result["protocol"].replace(",", " ").replace(";", " ").split())
    ]
    assert silent == []


def test_the_source_of_a_figure_is_the_document_where_it_stands():
    """A figure read in a README or on a card cites an entry that is one; a paper is cited for a paper's figure."""
    references = load_references()
    wrong = []
    for entry, result in published():
        one, place = references[result["source"]], result["where"].split(";")[0]
        about = f"{one.fields['title']} {one.fields.get('howpublished', '')} {one.fields.get('opened', '')}"
        wanted = next((word for word in ("README", "card", "run.sh", "benchmarks.md") if word in place), None)
        if wanted is None or wanted not in about:
            wrong.append(f"{entry.id}: {result['where']}: {result['source']}")
    assert wrong == []


def test_an_entry_shows_what_was_measured_of_it_and_not_of_a_system_that_holds_it():
    """A network's entry must not show the error rate of a pipeline of ours."""
    assert [entry.id for entry in load_landscape("models") for item in entry.fields.get("measured", ())] == []


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
        (
            [{key: value for key, value in STORE.items() if key != "checked"}],
            "vector_stores.yaml:1: x: field 'checked' is missing",
        ),
        ([STORE | {"checked": "2026-13-45"}], "vector_stores.yaml:23: x: field 'checked' '2026-13-45' is not a 'date'"),
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


def checked(day, name="x"):
    return Entry(name, name.upper(), {"checked": day, "sources": [], "not_verified": []}, f"f:1: {name}")


@pytest.mark.parametrize(
    ("today", "months", "names"),
    [
        ("2026-11-28", 6, ["a"]),
        ("2026-11-29", 6, ["a", "b"]),
        ("2026-11-28", 7, []),
        ("2027-08-31", 6, ["a", "b", "c"]),  # there is no 31 February: its last day stands in
        ("2027-09-01", 6, ["a", "b", "c", "d"]),
        ("2026-12-31", 12, []),
    ],
)
def test_what_is_older_than_some_months_is_listed_the_oldest_first(today, months, names):
    entries = [
        checked("2027-02-28", "d"),
        checked("2026-05-27", "a"),
        checked("2026-05-28", "b"),
        checked("2026-11-24", "c"),
    ]
    assert [entry.id for entry in overdue(entries, dt.date.fromisoformat(today), months)] == names


def test_the_list_of_the_overdue_names_entry_and_day():
    entries = [checked("2026-01-02", "old"), checked("2026-11-24", "new")]
    assert freshness(entries, dt.date(2026, 11, 28)) == (
        "2 entries, last checked between 2026-01-02 and 2026-11-24. To be checked again: OLD (2026-01-02)."
    )


def test_every_entry_was_checked_on_a_day_that_is_not_in_the_future():
    for kind in KINDS:
        assert all(dt.date(2026, 11, 1) <= checked_on(entry) <= dt.date.today() for entry in load_landscape(kind))
    today = dt.date(2026, 11, 28)
    assert problems([checked("2026-11-28")], (), {}, (), today) == []
    assert problems([checked("2026-11-29")], (), {}, (), today) == [
        "f:1: x: it was checked on 2026-11-29, which is after 2026-11-28"
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
