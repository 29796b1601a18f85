"""The bibliography: every entry is annotated, checked and can be found."""

import re

import pytest
from tests.pages import ROOT

from diarbook.knowledge import load_ontology
from diarbook.knowledge.references import load_references, problems

TEXT = (ROOT / "data" / "references.bib").read_text(encoding="utf-8")
CONCEPTS = set(load_ontology())
ENTRIES = dict(re.findall(r"^@\w+\{([^,]+),(.*?)^\}", TEXT, re.MULTILINE | re.DOTALL))


def field(name, body):
    found = re.search(rf"^  {name} = \{{(.*)\}},?$", body, re.MULTILINE)
    return found.group(1) if found else ""


def test_there_are_two_hundred():
    assert len(ENTRIES) > 200
    assert TEXT.count("\n@") + 1 == len(ENTRIES)


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_says_what_it_is(key):
    body = ENTRIES[key]
    for name in ("author", "title", "year", "annotation"):
        assert field(name, body), f"{key} lacks {name}"
    assert re.fullmatch(r"(19|20)\d\d", field("year", body))
    assert not set(filter(None, field("concepts", body).split(", "))) - CONCEPTS


def test_no_two_entries_are_one_work():
    titles = {}
    for key, body in ENTRIES.items():
        title = re.sub(r"\W", "", field("title", body)).lower()
        assert titles.setdefault(title, key) == key, f"{key} and {titles[title]} have one title"
    for name in ("eprint", "doi"):
        values = [field(name, body).lower() for body in ENTRIES.values() if field(name, body)]
        assert len(values) == len(set(values))


def test_an_entry_says_what_was_opened_and_has_the_year_of_the_work():
    assert problems(load_references()) == []
