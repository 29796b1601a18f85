"""A small book with an ontology of its own, built twice."""

import shutil

import pytest
import yaml
from tests.concepts import TEXTS
from tests.pages import ROOT
from tests.sphinx.small_book import run_sphinx

CONFIGURATION = """
import diarbook.files
from pathlib import Path
diarbook.files.repository_root = lambda: Path(__file__).parent
extensions = ['myst_parser', 'sphinxcontrib.bibtex', 'diarbook.sphinx.extension']
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
    "later": "---\norphan: true\n---\n# P\n\n```{planned-subjects}\n```\n",
}
LATER = {"id": "asr", "title": "Words", "after": "vad", "holds": "Who said which *word*."}
TERMS = [
    {**TEXTS, "id": "turn", "label": "turn", "definition": "One stretch.", "related": ["speech"], "unit": "seconds"},
    {**TEXTS, "id": "speech", "label": "speech", "related": ["turn"], "sources": ["somebody2000"]},
    {
        **TEXTS,
        "id": "voice-activity-detection",
        "label": "voice activity detection",
        "alternative": ["VAD"],
        "kind": "stage",
        "topic": "vad",
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
        for name in ("ontology.schema.json", "planned.schema.json"):
            shutil.copy(ROOT / "data" / name, folder / "data")
        (folder / "data" / "planned.yaml").write_text(yaml.safe_dump([LATER]))
        chapters = [{"file": name} for name in BOOK if name != "index"]
        (folder / "_toc.yml").write_text(yaml.safe_dump({"root": "index", "chapters": chapters}))
        (folder / "conf.py").write_text(CONFIGURATION)
        self.write(BOOK, TERMS)

    def write(self, pages, terms):
        for name, text in pages.items():
            (self.folder / f"{name}.md").write_text(text, encoding="utf-8")
        (self.folder / "data" / "ontology" / "a.yaml").write_text(yaml.safe_dump(terms), encoding="utf-8")

    def build(self):
        return run_sphinx(self.folder).stderr

    def page(self, name):
        return (self.folder / "out" / name).read_text(encoding="utf-8")


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


def test_the_book_links_its_terms_and_chapters(book):
    assert book.build() == ""
    glossary = book.page("glossary.html")
    assert glossary.count(">Used in<") == 3
    for heading in ("Kind", "Page", "Unit", "Input", "Output"):
        assert f">{heading}<" in glossary
    assert 'id="concept-voice-activity-detection"' in glossary
    assert "none was opened for this entry" in glossary
    assert "Who said which <em>word</em>." in book.page("later.html")
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
