import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from diarbook.knowledge.concept_directives import (
    by_chapter,
    by_name,
    by_stage,
    edges_of,
    followers,
    label_box,
    label_lines,
    load_readings,
    map_data,
    map_layout,
    map_list,
    packed,
    plain,
    prerequisites,
    separated_boxes,
    terms_script,
    unlinked,
)
from diarbook.knowledge.ontology import Concept, load_ontology

ROOT = Path(__file__).resolve().parents[1]
TEXTS = {"kind": "term", "definition": "D.", "expert": "E.", "chapter": "start"}


def concept(name, **fields):
    return Concept(id=name, **{"label": name.replace("-", " "), **TEXTS, **fields})


def concepts(*rows):
    return {row.id: row for row in rows}


PAGES = {"start": "n/start", "features": "n/features", "vad": "n/vad", "clustering": "n/clustering"}
ORDER = ["index", "n/start", "n/features", "n/vad", "n/clustering", "glossary"]


def test_concepts_that_their_chapter_never_links():
    found = concepts(
        concept("b", chapter="vad"),
        concept("a", chapter="vad"),
        concept("linked", chapter="vad"),
        concept("elsewhere", chapter="start"),
        concept("unwritten", chapter="landscape"),
    )
    uses = {"n/vad": ["linked"], "index": ["a", "elsewhere"]}
    assert unlinked(found, uses, PAGES) == {"start": ["elsewhere"], "vad": ["a", "b"]}
    assert unlinked(found, uses, {}) == {}


def test_names_find_concepts_by_label_and_alternative():
    assert by_name(concepts(concept("turn", alternative=("Speaker Turn",)))) == {"turn": "turn", "speaker turn": "turn"}


def field():
    return concepts(
        concept("s1"),
        concept("s2"),
        concept("f1", chapter="features", related=("s1", "s2")),
        concept("f2", chapter="features"),
        concept("v1", chapter="vad", broader=("f1",), related=("f2", "s1", "s2")),
        concept("c1", chapter="clustering", stage=("v1",)),
    )


def test_prerequisites_are_earlier_chapters_that_share_two_concepts_and_are_not_met_on_the_way():
    found = prerequisites(field(), {}, PAGES, ORDER)
    assert found["n/start"] == []
    assert found["n/features"] == [("n/start", ["s1", "s2"])]
    assert found["n/vad"] == [("n/features", ["f1", "f2"])]  # start is read before features
    assert found["n/clustering"] == [("n/vad", ["v1"])]  # the only one needed at all


def test_named_prerequisites_come_first_and_links_count():
    uses = {"n/clustering": ["f2", "f1", "nobody"]}
    found = prerequisites(field(), uses, PAGES, ORDER, {"n/clustering": ["n/start"], "n/vad": ["gone"]})
    assert found["n/clustering"] == [("n/start", []), ("n/features", ["f2", "f1"])]
    assert found["n/vad"] == [("n/features", ["f1", "f2"])]


def test_followers_are_all_pages_that_use_a_chapter_s_terms():
    uses = {"n/vad": ["f1", "v1"], "index": ["f2"], "n/features": ["f1"]}
    found = followers(field(), uses, PAGES, ORDER)
    assert found["n/features"] == [("index", ["f2"]), ("n/vad", ["f1"])]
    assert found["n/vad"] == []


def test_hover_definitions_are_a_small_script_without_marks():
    made = concepts(concept("a", definition="Says `x` of *speech* and $y$."), concept("b"))
    script = terms_script(made, {"a": ("g", "term-a")}, "g.html")
    data = json.loads(script.removeprefix("globalThis.wswTerms=").removesuffix(";\n"))
    assert data == {"glossary": "g.html", "terms": {"term-a": ["a", "Says x of speech and y."]}}
    assert plain("2 * 3 * 4") == "2 * 3 * 4"
    book = load_ontology()
    every = terms_script(book, {name: ("g", f"term-{name}") for name in book}, "g.html")
    assert len(every.encode()) < 150_000


def test_toolkits_are_ordered_by_stage():
    told = (("NeMo", "x"),)
    found = by_stage(
        concepts(
            concept("whole", kind="task", chapter="landscape", toolkits=told),
            concept("clustering-stage", kind="stage", chapter="clustering", toolkits=told),
            concept("vad-stage", kind="stage", chapter="vad"),
            concept("onset", chapter="vad", toolkits=told),
            concept("silent", chapter="vad"),
            concept("elsewhere", chapter="start", stage=("clustering-stage",), toolkits=told),
        )
    )
    shown = [(stage and stage.id, [member.id for member in members]) for stage, members in found]
    assert shown == [
        ("vad-stage", ["onset"]),
        ("clustering-stage", ["clustering-stage", "elsewhere"]),
        (None, ["whole"]),
    ]


def test_readings_by_chapter_and_year(tmp_path):
    path = tmp_path / "r.bib"
    path.write_text(
        "@article{late,\n author={A B}, title={The {DER} of {\\'e}t{\\'e}}, journal={J}, year={2020},\n"
        " concepts={v1, s1}, annotation={Read it.}\n}\n"
        "@misc{early,\n author={C D}, title={T}, year={1999}\n}\n@misc{alone,\n title={U}\n}\n"
    )
    made = field()
    made["v1"] = concept("v1", chapter="vad", sources=("early",))
    readings = load_readings(path, made)
    assert [one.key for one in readings] == ["alone", "early", "late"]
    assert readings[2].title == "The DER of été"
    assert (readings[2].venue, readings[2].annotation, readings[0].annotation) == ("J", "Read it.", "")
    lists = by_chapter(readings, made)
    assert {word: [one.key for one in members] for word, members in lists.items()} == {
        "start": ["late"],
        "vad": ["early", "late"],
        None: ["alone"],
    }
    assert list(lists) == ["start", "vad", None]


def test_every_entry_of_the_bibliography_can_be_read():
    assert load_readings(ROOT / "data" / "references.bib", load_ontology())


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("turn", ["turn"]),
        ("additive angular margin softmax", ["additive angular", "margin softmax"]),
        ("encoder-decoder attractors", ["encoder-decoder", "attractors"]),
        ("pneumonoultramicroscopic", ["pneumonoultramicroscopic"]),
    ],
)
def test_long_labels_are_broken(label, lines):
    assert label_lines(label) == lines


def covers(places, half):
    depth = (half[:, None] + half[None]) - np.abs(places[:, None] - places[None])
    np.fill_diagonal(depth[..., 0], -1)
    return (depth > 1.5).all(-1).sum() // 2


def test_boxes_are_moved_apart_even_from_one_place():
    half = np.full((9, 2), [40.0, 12.0])
    assert covers(separated_boxes(np.zeros((9, 2)), half), half) == 0


def test_packed_boxes_do_not_overlap():
    sizes = np.random.default_rng(0).uniform(40, 400, (25, 2))
    corners = packed(sizes)
    assert covers(corners + sizes / 2, sizes / 2) == 0
    assert packed(np.array([[10.0, 10.0]])).tolist() == [[0, 0]]


def test_the_map_of_the_book_is_quick_legible_and_always_the_same():
    book = load_ontology()
    start = time.perf_counter()
    places, regions = map_layout(book)
    assert time.perf_counter() - start < 3
    assert map_layout(dict(reversed(book.items()))) == (places, regions)
    names = list(book)
    half = np.array([label_box(book[name].label) for name in names])
    assert covers(np.array([places[name] for name in names], dtype=float), half) <= len(names) // 50
    boxes = np.array(list(regions.values()), dtype=float)
    assert covers(boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / 2) == 0
    for name in names:
        x, y, width, height = regions[book[name].chapter]
        assert x <= places[name][0] <= x + width
        assert y <= places[name][1] <= y + height


def test_the_map_s_data_name_every_concept_and_relation_once():
    made = field()
    data = map_data(made, {"v1": "g.html#term-v1"}, {"vad": ("vad.html", "VAD")})
    assert {node["id"] for node in data["nodes"]} == set(made)
    assert len(data["edges"]) == len(edges_of(made)) == 7
    assert [chapter["word"] for chapter in data["chapters"]] == ["start", "features", "vad", "clustering"]
    page = map_list(data)
    assert page.count("<li ") == len(made)
    assert 'href="g.html#term-v1"' in page
    assert 'href="vad.html"' in page


# ---- A small book, built twice ----

CONFIGURATION = """
import diarbook.files
from pathlib import Path
diarbook.files.repository_root = lambda: Path(__file__).parent
extensions = ['myst_parser', 'sphinxcontrib.bibtex', 'diarbook.knowledge.sphinx_ext',
              'diarbook.knowledge.concept_directives']
bibtex_bibfiles = ['data/references.bib']
exclude_patterns = ['out']
nitpicky = True
project = 'x'
"""

CARD = "```{chapter-card}\n:question: Why?\n:after: start\n```\n"
BOOK = {
    "index": "# Front\n\n```{toctree}\nstart\nvad\nglossary\nconcept-map\nrosetta\nreading-lists\nbibliography\n```\n",
    "start": "# Start: who\n\n{term}`turn` and {term}`speech`.\n",
    "vad": f"# VAD: where\n\n{CARD}\n{{term}}`VAD` finds {{term}}`speech`.\n",
    "glossary": "# G\n\n```{glossary-from-ontology}\n```\n",
    "concept-map": "# M\n\n```{concept-map}\n```\n",
    "rosetta": "# R\n\n```{rosetta}\n```\n",
    "reading-lists": "# L\n\n```{reading-lists}\n```\n",
    "bibliography": "# B\n\n```{bibliography}\n:all:\n```\n",
}
TERMS = [
    {**TEXTS, "id": "turn", "label": "turn", "definition": "One stretch.", "related": ["speech"], "unit": "seconds"},
    {**TEXTS, "id": "speech", "label": "speech", "related": ["turn"], "sources": ["somebody2000"]},
    {
        **TEXTS,
        "id": "voice-activity-detection",
        "label": "voice activity detection",
        "alternative": ["VAD"],
        "kind": "stage",
        "chapter": "vad",
        "related": ["turn"],
        "input": "waveform",
        "output": "$p$",
        "toolkits": {"NeMo": "`marblenet`, 0.5"},
    },
]


class Book:
    def __init__(self, folder):
        self.folder = folder
        (folder / "data" / "ontology").mkdir(parents=True)
        entry = "@misc{somebody2000,\n author={Some Body}, title={Speech}, year={2000}, annotation={Read *this*.}\n}\n"
        (folder / "data" / "references.bib").write_text(entry)
        (folder / "conf.py").write_text(CONFIGURATION)
        self.write(BOOK, TERMS)

    def write(self, pages, terms):
        for name, text in pages.items():
            (self.folder / f"{name}.md").write_text(text, encoding="utf-8")
        (self.folder / "data" / "ontology" / "a.yaml").write_text(yaml.safe_dump(terms), encoding="utf-8")

    def build(self):
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ".", "out"]
        environment = os.environ | {"NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=environment, check=False, timeout=120
        )
        return done.stderr

    def page(self, name):
        return (self.folder / "out" / name).read_text(encoding="utf-8")


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


def test_the_book_links_its_terms_and_chapters(book):
    assert book.build() == ""
    glossary = book.page("glossary.html")
    assert glossary.count(">Used in<") == 3
    for heading in ("Scheme", "Unit", "Input", "Output"):
        assert f">{heading}<" in glossary
    start, vad = book.page("start.html"), book.page("vad.html")
    assert "Prerequisites" not in start
    assert start.count("wsw-after") == 1
    assert 'href="vad.html"' in start.partition("wsw-after")[2]
    card = vad.partition("wsw-chapter-card")[2]
    assert "Read first" not in vad
    assert vad.count("Prerequisites") == 1
    assert 'href="start.html"' in card
    assert 'href="glossary.html#term-turn"' in card
    assert "wsw-after" not in vad
    assert '"term-turn":["turn","One stretch."]' in book.page("_static/wsw-terms-data.js")
    assert "<wsw-concept-map>" in book.page("concept-map.html")
    assert len(book.page("concept-map.html")) < 1_500_000
    assert "marblenet" in book.page("rosetta.html")
    assert "<em>this</em>" in book.page("reading-lists.html")
    assert "wsw-map.js" in book.page("concept-map.html")
    assert "wsw-map.js" not in vad


def test_one_edit_changes_glossary_hover_text_and_map(book):
    assert book.build() == ""
    changed = [{**TERMS[0], "definition": "Another stretch."}, *TERMS[1:]]
    book.write({}, changed)
    assert book.build() == ""
    for name in ("glossary.html", "_static/wsw-terms-data.js", "concept-map.html"):
        assert "Another stretch." in book.page(name)
        assert "One stretch." not in book.page(name)


def test_a_new_use_reaches_the_pages_that_show_it(book):
    assert book.build() == ""
    assert 'href="vad.html"' not in book.page("glossary.html").partition('id="term-turn"')[2].partition("<dt id")[0]
    book.write({"vad": BOOK["vad"] + "\nA {term}`turn`.\n"}, TERMS)
    assert book.build() == ""
    assert "glossary.html#term-turn" in book.page("start.html").partition("wsw-after")[2]
    assert book.page("glossary.html").count('href="vad.html"') > 2
    (book.folder / "vad.md").write_text("# VAD\n\n{term}`VAD`.\n")
    assert book.build() == ""
    assert "wsw-after" not in book.page("start.html")


def test_a_chapter_that_leaves_its_terms_out_is_a_warning(book):
    book.write({"vad": "# VAD\n\nNothing.\n"}, TERMS)
    assert "concepts of this chapter that its page never links with {term}, 1: voice activity detection" in book.build()


def test_a_reading_of_an_unknown_concept_is_a_warning(book):
    path = book.folder / "data" / "references.bib"
    path.write_text(path.read_text().replace("year={2000}", "year={2000}, concepts={nothing}"))
    assert "somebody2000: concepts names 'nothing', which no file defines" in book.build()
