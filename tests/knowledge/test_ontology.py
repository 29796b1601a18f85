import re

import pytest
import yaml

from diarbook.errors import KnowledgeError
from diarbook.knowledge import Concept, load_ontology, problems
from diarbook.knowledge.ontology import bibliography_keys, canonical_name, plain, resolve


def concept(name, **fields):
    texts = {"label": name, "kind": "term", "definition": "d", "expert": "e", "topic": "start"}
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
        ({"stage": ["z"]}, "stage names 'z', which is a term"),
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
