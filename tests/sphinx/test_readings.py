import pytest
from pybtex.richtext import Text
from tests.concepts import concept, field
from tests.pages import ROOT

from diarbook.knowledge.ontology import load_ontology
from diarbook.sphinx.readings import by_chapter, load_readings, plain_latex


def test_readings_by_chapter_and_year(tmp_path):
    path = tmp_path / "r.bib"
    path.write_text(
        "@article{late,\n author={A B}, title={The {DER} of {\\'e}t{\\'e}}, journal={J}, year={2020},\n"
        " concepts={v1, s1}, annotation={Read it.}\n}\n"
        "@misc{early,\n author={C D}, title={T}, year={1999}\n}\n@misc{alone,\n title={U}\n}\n"
    )
    made = field()
    made["v1"] = concept("v1", topic="vad", sources=("early",))
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


@pytest.mark.parametrize(
    "text",
    [
        "The {DER} of {\\'e}t{\\'e}",
        "{ECAPA-TDNN}: an  {X}",
        "{NIST} -- a review",
        "a~b",
        "O($N^2$)",
        "50 \\% of \\& all",
    ],
)
def test_the_quick_way_to_plain_text_is_that_of_the_library(text):
    assert plain_latex(text) == " ".join(Text.from_latex(text).render_as("text").split())


def test_every_entry_of_the_bibliography_can_be_read():
    assert load_readings(ROOT / "data" / "references.bib", load_ontology())
