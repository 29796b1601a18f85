"""The bibliography: every entry is annotated, checked and can be found."""

import re

import pytest
from tests.pages import ROOT

from diarbook.errors import KnowledgeError
from diarbook.knowledge import load_ontology
from diarbook.knowledge.references import is_opened, load_references, problems, used_keys

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


def test_what_nothing_names_is_no_entry():
    references = load_references()
    assert problems(references, used_keys(references)) == []


@pytest.mark.parametrize("key", ENTRIES)
def test_authors_have_more_than_a_family_name(key):
    author = field("author", ENTRIES[key])
    if not author.startswith("{"):
        names = author.split(" and ")
        assert all("," in name or name == "others" for name in names)
        assert names.count("others") == 0 or len(names) > 3, "name three authors at least before the others"


def test_the_year_of_a_key_is_that_of_the_work():
    wrong = [
        key
        for key, body in ENTRIES.items()
        if (year := re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", key)) and year[0] != field("year", body)
    ]
    assert wrong == []


def bibliography(folder, *entries):
    path = folder / "r.bib"
    path.write_text("\n".join(entries), encoding="utf-8")
    return path


def test_what_was_opened_and_when(tmp_path):
    path = bibliography(
        tmp_path,
        "@misc{a2001, author={A, B}, year={2001}, opened={2026-11-24: abstract; 2026-11-28: README, at a1b2c3d}}",
        "@misc{b2002, author={A, B}, year={2002}, metadata={a citation}}",
    )
    found = load_references(path)
    assert [(one.day.isoformat(), one.what) for one in found["a2001"].opened] == [
        ("2026-11-24", "abstract"),
        ("2026-11-28", "README, at a1b2c3d"),
    ]
    assert [is_opened(key, path) for key in ("a2001", "b2002", "c2003")] == [True, False, False]
    assert problems(found) == []
    assert problems(found, {"a2001"}) == ["b2002: nothing names it; leave it out"]


@pytest.mark.parametrize("opened", ["abstract", "2026-13-01: abstract", "2026-11-24", "2026-11-24: a; b"])
def test_an_opening_is_a_day_and_a_part(tmp_path, opened):
    path = bibliography(tmp_path, f"@misc{{a2001, year={{2001}}, opened={{{opened}}}}}")
    with pytest.raises(KnowledgeError, match=r"^r\.bib: a2001: opened must be a day and what was read, got"):
        load_references(path)


def test_a_file_that_is_no_bibtex_is_named(tmp_path):
    with pytest.raises(KnowledgeError, match=r"^r\.bib: not BibTeX"):
        load_references(bibliography(tmp_path, "@misc{a2001, year=}"))


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ("year={2001}", ["a: neither 'opened' nor 'metadata' says what is known of it"]),
        ("year={2001}, opened={2001-05-01: card}", ["a: 2001 is the year of its reading; give the work's year, or"]),
        ("year={2001}, urldate={2001-05-01}, metadata={m}", ["a: 2001 is the year of its reading"]),
        ("year={2001}, opened={2001-05-01: card}, version={1.2}", []),
        ("year={2001}, opened={2001-05-01: card}, date={2001-03-01}", []),
        ("year={2001}, opened={2001-05-01: card}, date={2000-03-01}", ["a: 2001 is the year of its reading"]),
        ("year={1999}, opened={2001-05-01: card}", []),
    ],
)
def test_a_year_is_the_work_s(tmp_path, fields, faults):
    found = problems(load_references(bibliography(tmp_path, f"@misc{{a, {fields}}}")))
    assert len(found) == len(faults)
    assert all(one.startswith(fault) for one, fault in zip(found, faults, strict=True))


def test_uses_are_looked_for_in_pages_code_and_data(tmp_path):
    (tmp_path / "data" / "cache").mkdir(parents=True)
    (tmp_path / "book").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "data" / "a.yaml").write_text("source: one2001")
    (tmp_path / "data" / "cache" / "b.yaml").write_text("source: two2002")
    (tmp_path / "data" / "references.bib").write_text("@misc{three2003}")
    (tmp_path / "book" / "c.md").write_text("{cite:p}`four2004,five2005`, not six2006x")
    (tmp_path / "tests" / "d.py").write_text("seven2007")
    keys = {"one2001", "two2002", "three2003", "four2004", "five2005", "six2006", "seven2007"}
    assert used_keys(keys, tmp_path) == {"one2001", "four2004", "five2005"}
