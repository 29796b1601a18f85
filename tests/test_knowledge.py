import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from diarbook.errors import KnowledgeError
from diarbook.knowledge import Concept, load_evidence, load_ontology, problems
from diarbook.knowledge.evidence import PROTOCOL, evidence_files, format_value, measured_rows
from diarbook.knowledge.ontology import bibliography_keys, resolve

ROOT = Path(__file__).resolve().parents[1]


def concept(name, **fields):
    texts = {"label": name, "kind": "term", "definition": "d", "expert": "e", "chapter": "start"}
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
        ("{a: [", "a.yaml: not valid YAML"),
        ("a: 1", "a.yaml: expected a list of concepts, got dict"),
        ("- 5", "a.yaml:1: concept 1: expected a mapping, got int"),
        ([{"id": "x"}], "a.yaml:1: x: field 'label' must be a text, got None"),
        ([concept("x", toolkits={"NeMo": 3})], "a.yaml:7: x: field 'toolkits' must map toolkits to texts"),
        ([concept("x", unit=["s"])], "a.yaml:7: x: field 'unit' must be a text"),
        ([concept("x", colour="red")], "a.yaml:2: x: unknown field 'colour'"),
        ([concept("x", related="y")], "a.yaml:7: x: field 'related' must be a list of texts, got 'y'"),
        ([concept("x", function=3)], "a.yaml:4: x: field 'function' must be a text"),
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
        ({"chapter": "cooking"}, "chapter 'cooking' is not in the plan"),
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


def test_cycles_orphans_and_ids_are_named(tmp_path):
    rows = [concept("x", broader=["y"]), concept("y", broader=["x"]), concept("alone"), concept("No Id", related=["x"])]
    found = problems(load_ontology(write(tmp_path, a=rows)), sources=set())
    assert [re.sub(r":\d+:", ":", line) for line in found] == [
        "a.yaml: x: is broader than itself",
        "a.yaml: y: is broader than itself",
        "a.yaml: alone: an orphan; relate it to another concept",
        "a.yaml: No Id: the id must be kebab-case, such as voice-activity-detection",
    ]


def test_resolve():
    assert resolve("diarbook.turns.merge") is __import__("diarbook.turns").turns.merge
    assert resolve("diarbook.turns.Turn.duration") is not None
    assert resolve("diarbook.turns.nothing") is None


def test_bibliography_keys(tmp_path):
    path = tmp_path / "x.bib"
    path.write_text("@article{a2020x,\n title={T}\n}\n@inproceedings{ b2021y ,\n}\n")
    assert bibliography_keys(path) == {"a2020x", "b2021y"}


def evidence(**changes):
    return {
        "title": "T",
        "protocol": dict.fromkeys(PROTOCOL, "x"),
        "columns": {"system": "System", "rate": "DER"},
        "rows": [{"system": "ours", "rate": 0.25}],
    } | changes


def test_every_evidence_file_of_the_book_is_valid():
    for path in evidence_files():
        assert load_evidence(path).rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "field 'title' must be a str"),
        (json.dumps(evidence(rows=3)), "field 'rows' must be a list"),
        (json.dumps(evidence(protocol={})), "the protocol lacks 'data'"),
        (json.dumps(evidence(protocol={**dict.fromkeys(PROTOCOL), "mood": 1})), "unknown field 'mood'"),
        (json.dumps(evidence(rows=[{"speed": 1}])), "row 1 has 'speed', which is no column"),
    ],
)
def test_evidence_faults_are_named(tmp_path, content, message):
    path = tmp_path / "e.json"
    path.write_text(content)
    with pytest.raises(KnowledgeError) as caught:
        load_evidence(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_measured_rows_by_name():
    assert measured_rows("scorer") == list(load_evidence(ROOT / "data" / "evidence" / "scorer.json").rows)
    with pytest.raises(KnowledgeError, match=r"no evidence is called 'nothing'; run `make bench`"):
        measured_rows("nothing")


def test_missing_evidence_says_how_to_make_it(tmp_path):
    with pytest.raises(KnowledgeError, match=r"no such evidence; run `make bench`"):
        load_evidence(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("value", "key", "heading", "shown"),
    [
        (0.25314, "rate", "DER", "25.3 %"),
        ([0.2, 0.3], "interval_rate", "95 % interval", "20.0 % to 30.0 %"),
        (25.314, "der", "DER (%)", "25.3"),
        (0.0512, "rtf", "", "0.0512"),
        (123.456, "s", "", "123"),
        (0.0, "s", "", "0"),
        (None, "rate", "", "undefined"),
        (float("nan"), "rate", "", "undefined"),
        (True, "", "", "yes"),
        (14, "", "", "14"),
        (["a", "b"], "", "", "a, b"),
        ({"torch": "2.11.0", "n": 1}, "", "", "torch 2.11.0, n 1"),
    ],
)
def test_values_as_a_reader_sees_them(value, key, heading, shown):
    assert format_value(value, key, heading) == shown


def build(folder, **pages):
    """Build a small book with warnings as errors; returns the pages' HTML by name."""
    (folder / "notebooks").mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "references.bib").write_text((ROOT / "data" / "references.bib").read_text(encoding="utf-8"))
    configuration = "\n".join(
        [
            "extensions = ['myst_parser', 'sphinxcontrib.bibtex', 'diarbook.knowledge.sphinx_ext']",
            "bibtex_bibfiles = ['references.bib']",
            "nitpicky = True",
            "project = 'x'",
        ]
    )
    (folder / "conf.py").write_text(configuration)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(folder), str(folder / "out")],
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
        check=False,
        timeout=120,
    )
    return done.stderr, {name: (folder / "out" / f"{name}.html").read_text(encoding="utf-8") for name in pages}


BIBLIOGRAPHY = "# B\n\n```{bibliography}\n:all:\n```\n"


def test_the_directives_build_without_warnings(tmp_path):
    front = "# Front: why\n\n{term}`speaker diarization`, {term}`who spoke when`, {term}`ASR`.\n"
    options = ":question: Who speaks?\n:after: index\n:minutes: 1\n:data: d\n:models: m\n"
    card = f"# One: two\n\n```{{chapter-card}}\n{options}```\n"
    toc = "\n```{toctree}\nglossary\none\nbibliography\napi\nevidence\n```\n"
    err, pages = build(
        tmp_path,
        index=front + toc,
        glossary="# G\n\n```{glossary-from-ontology}\n```\n",
        one=card,
        bibliography=BIBLIOGRAPHY,
        api="# A\n\n```{api-reference}\n```\n",
        evidence="# E\n\n```{evidence-index}\n```\n",
    )
    assert err == ""
    assert pages["index"].count('href="glossary.html#term-speaker-diarization"') == 2
    assert 'href="glossary.html#term-speech-recognition"' in pages["index"]
    assert '<span class="doc">Front</span>' in pages["one"]
    assert "Who speaks?" in pages["one"]
    assert 'id="diarbook.turns.Turn"' in pages["api"]
    for concept_ in load_ontology().values():
        assert concept_.label in pages["glossary"].replace("&amp;", "&").replace("’", "'")


def test_faults_of_a_page_are_warnings(tmp_path):
    err, _ = build(tmp_path, index="# F\n\n```{chapter-card}\n:after: nowhere\n```\n\n```{evidence} nothing\n```\n")
    assert "the option 'question' is missing" in err
    assert "'after' names 'nowhere', which is no page" in err
    assert "no such evidence; run `make bench`" in err
