import re

import pytest
import yaml
from tests.test_spelling import british

from diarbook.errors import KnowledgeError
from diarbook.knowledge import Concept, load_ontology, problems
from diarbook.knowledge.ontology import KINDS, bibliography_keys, canonical_name, plain, resolve


def concept(name, **fields):
    texts = {"label": name, "kind": "method", "definition": "d", "expert": "e", "topic": "start"}
    return {"id": name, **texts, **fields}


def write(folder, **contents):
    for name, rows in contents.items():
        text = rows if isinstance(rows, str) else yaml.safe_dump(rows)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_book_s_ontology_has_no_faults():
    concepts = load_ontology()
    assert len(concepts) > 10
    assert problems(concepts) == []


def test_a_concept_is_read_with_its_defaults(tmp_path):
    write(tmp_path, a=[concept("turn", alternative=["speaker turn", "Turn"], definition="one\n  line")])
    found = load_ontology(tmp_path)["turn"]
    assert isinstance(found, Concept)
    assert found.names == ("turn", "speaker turn")
    assert found.definition == "one line"
    assert (found.file, found.function, found.broader) == ("a.yaml", None, ())


def test_no_files_is_an_empty_ontology(tmp_path):
    write(tmp_path, empty="")
    assert load_ontology(tmp_path) == {}
    assert problems({}) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: [\n", "a.yaml:2: not valid YAML"),
        ("a: 1", "a.yaml:1: must be a list, got {'a': 1}"),
        ("- 5", "a.yaml:1: row 1: must be a mapping, got 5"),
        ([{"id": "x"}], "a.yaml:1: x: field 'label' is missing"),
        ([concept("x", toolkits={"NeMo": 3})], "a.yaml:7: x: field 'toolkits.NeMo' must be a text, got 3"),
        ([concept("x", unit=["s"])], "a.yaml:7: x: field 'unit' must be a text or empty"),
        ([concept("x", color="red")], "a.yaml:1: x: unknown field 'color'"),
        ([concept("x", related="y")], "a.yaml:6: x: field 'related' must be a list of texts, got 'y'"),
        ([concept("x", function=3)], "a.yaml:3: x: field 'function' must be a text or empty"),
        ([concept("No Id")], "a.yaml:3: No Id: field 'id' must be kebab-case, such as voice-activity-detection"),
        ([concept("x") | {"label": " "}], "a.yaml:5: x: field 'label' must be a text, got ' '"),
        ([concept("x"), concept("x")], "a.yaml:7: x: defined before, in a.yaml line 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, text, message):
    write(tmp_path, a=text)
    with pytest.raises(KnowledgeError) as caught:
        load_ontology(tmp_path)
    assert str(caught.value).startswith(message)


def test_one_id_in_two_files(tmp_path):
    write(tmp_path, a=[concept("x")], b=[concept("x")])
    with pytest.raises(KnowledgeError, match=r"b\.yaml:1: x: defined before, in a\.yaml line 1"):
        load_ontology(tmp_path)
    assert set(load_ontology(tmp_path, only="b.yaml")) == {"x"}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"related": ["y"]}, "related names 'y', which no file defines"),
        ({"broader": ["x"]}, "broader names the concept itself"),
        ({"broader": ["z"], "related": ["z"]}, "related names 'z', which is broader or narrower already"),
        ({"stage": ["z"]}, "stage names 'z', which is a method"),
        ({"steps": ["z"]}, "steps names 'z', which is a method"),
        (
            {"broader": ["z"], "not_to_be_confused_with": ["z"]},
            "not_to_be_confused_with names 'z', which is broader or",
        ),
        ({"replaces": ["z"]}, "replaces names 'z', which is defined"),
        ({"hidden": ["Z"]}, "the name 'Z' is taken by z in a.yaml"),
        ({"sources": ["nobody1900"]}, "source 'nobody1900' is not in references.bib"),
        ({"topic": "cooking"}, "topic 'cooking' is neither a page"),
        ({"kind": "mood"}, "kind 'mood' is unknown"),
        ({"toolkits": {"Praat": "p"}}, "toolkit 'Praat' is unknown"),
        ({"function": "diarbook.turns.nothing"}, "function 'diarbook.turns.nothing' does not"),
        ({"function": "no_such_module.f"}, "function 'no_such_module.f' does not"),
        ({"alternative": ["Z"]}, "the name 'Z' is taken by z in a.yaml"),
    ],
)
def test_faults_are_named(tmp_path, fields, fault):
    rows = [concept("z", related=["w"]), concept("w"), {**concept("x", related=["w"]), **fields}]
    rows[-1] |= {name: rows[-1].pop(name) for name in fields}  # at the end, so that its line is the last one
    text = yaml.safe_dump(rows, sort_keys=False, default_flow_style=None)
    found = problems(load_ontology(write(tmp_path, a=text)), sources={"somebody2000"})
    line = len(text.splitlines())
    assert [one for one in found if one.startswith(f"a.yaml:{line}: x: {fault}")]


def test_cycles_and_orphans_are_named(tmp_path):
    rows = [concept("x", broader=["y"]), concept("y", broader=["x"]), concept("alone")]
    found = problems(load_ontology(write(tmp_path, a=rows)), sources=set())
    assert [re.sub(r":\d+:", ":", line) for line in found] == [
        "a.yaml: x: is broader than itself",
        "a.yaml: y: is broader than itself",
        "a.yaml: alone: an orphan; relate it to another concept",
    ]


def test_a_concept_without_broader_belongs_to_the_facet_of_its_kind(tmp_path):
    rows = [
        concept("activity", kind="facet"),
        concept("method", kind="facet", broader=["activity"]),
        concept("vad", related=["task-less"]),
        concept("task-less", kind="task"),
    ]
    found = load_ontology(write(tmp_path, a=rows))
    assert found["vad"].parents(found) == ("method",)
    assert found["method"].parents(found) == ("activity",)
    assert [re.sub(r":\d+:", ":", line) for line in problems(found, sources=set())] == [
        "a.yaml: task-less: no top concept leads to it"
    ]


def test_hidden_labels_are_found_and_not_shown(tmp_path):
    found = load_ontology(write(tmp_path, a=[concept("vad", alternative=["SAD"], hidden=["sad", "voiced region"])]))[
        "vad"
    ]
    assert found.names == ("vad", "SAD")
    assert found.every_name == ("vad", "SAD", "voiced region")


@pytest.fixture(scope="module")
def book():
    return load_ontology()


def test_every_kind_of_the_book_has_its_facet(book):
    facets = {name for name, one in book.items() if one.kind == "facet"}
    assert {facet for facet, _ in KINDS.values()} - {""} <= facets
    assert {one.kind for one in book.values()} == set(KINDS)


def test_a_concept_lies_in_one_facet_that_of_its_kind(book):
    """ISO 25964: broader does not cross facets, for nothing is at once an activity and an artifact."""
    tops = {name for name, one in book.items() if one.kind == "facet" and not one.broader}

    def top(name):
        return {name} & tops or {found for above in book[name].parents(book) for found in top(above)}

    for name, one in book.items():
        assert len(top(name)) == 1, name
        if one.kind != "facet":
            assert top(name) == top(KINDS[one.kind][0]), name


def test_definitions_are_the_entry_s_own_and_not_the_book_s(book):
    """An export leaves the book, so no sentence may lean on it; and ISO 704 asks for a genus, not for an order."""
    for one in book.values():
        for text in (one.definition, one.expert, one.note or "", one.input or "", one.output or ""):
            assert not re.search(r"\b(this book|in this chapter|Here)\b", text), one.id
            assert not re.match(r"(Start|Treat|Place|Guess|Take|Join|Always)\b", text), one.id


def test_days_and_ids_of_the_book(book):
    for one in book.values():
        assert one.created <= one.modified, one.id
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.id)
    retired = [old for one in book.values() for old in one.replaces]
    assert {"cam++", "wav2vec-2.0", "voiced-region", "arrival-order-speaker-indexing"} <= set(retired)
    assert len(set(retired)) == len(retired)


def test_one_spelling(book):
    for one in book.values():
        texts = (*one.every_name, one.definition, one.expert, one.note or "")
        assert [found for text in texts for found in british(text)] == [], one.id


def test_labels_are_in_the_singular(book):
    """The rule of the page: singular, but for mass nouns, names, and what exists only in the plural."""
    allowed = {"k-means", "violators"}  # names of algorithms
    for one in book.values():
        words = re.split(r" \(| of | with | by | in | under ", one.label)[0].split()
        last = words[-1]
        if one.kind in ("tool", "model", "dataset", "campaign") or not last.islower() or last in allowed:
            continue
        assert not re.search(r"[^s]s$", last) or last.endswith(("sis", "us", "ss", "ics")), one.id


def test_neMo_compares_a_rescaled_cosine(book):
    for name in ("back-end", "cosine-similarity", "decision-threshold", "speaker-verification"):
        assert "cosine of 0.4" in dict(book[name].toolkits)["NeMo"]


def test_resolve():
    assert resolve("diarbook.turns.merge") is __import__("diarbook.turns").turns.merge
    assert resolve("diarbook.turns.Turn.duration") is not None
    assert resolve("diarbook.turns.nothing") is None
    assert canonical_name("diarbook.metrics.diarization_error") == "diarbook.metrics.der.diarization_error"
    assert canonical_name("diarbook.turns.nothing") is None


def test_plain_texts_have_no_marks():
    assert plain("Says `x` of *speech* and $y$.") == "Says x of speech and y."
    assert plain("2 * 3 * 4") == "2 * 3 * 4"


def test_bibliography_keys(tmp_path):
    path = tmp_path / "x.bib"
    path.write_text("@article{a2020x,\n title={T}\n}\n@inproceedings{ b2021y ,\n}\n")
    assert bibliography_keys(path) == {"a2020x", "b2021y"}
