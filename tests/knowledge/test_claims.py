import datetime
import json
from collections import Counter

import jsonschema
import pytest
import yaml
from tests.pages import ROOT

from diarbook.errors import KnowledgeError
from diarbook.knowledge.claims import VERDICTS, Claim, load_claims, pages_to_check, problems, repeated_figures
from diarbook.knowledge.ontology import load_ontology
from diarbook.knowledge.references import Opening, Reference

LEDGER = load_claims(ROOT / "data" / "claims.yaml")
SOURCES = {
    "somebody2000": Reference(
        "somebody2000", {"eprint": "2001.00001"}, (Opening(datetime.date(2026, 11, 24), "abstract"),)
    ),
    "closed2001": Reference("closed2001", {"url": "https://b.org/a"}, ()),
}


def claim(name="c001", **changes):
    row = {"id": name, "line": 3, "claim": "c", "verdict": "unsupported", "says": "s", "topic": "start"}
    return {**row, "checked": datetime.date(2026, 11, 24), "how": "h", **changes}


def load(folder, *rows):
    path = folder / "claims.yaml"
    path.write_text(rows[0] if isinstance(rows[0], str) else yaml.safe_dump(list(rows)), encoding="utf-8")
    return load_claims(path)


def test_the_book_s_ledger_has_no_faults():
    assert problems(LEDGER, concepts=load_ontology()) == []


def test_the_book_s_ledger_keeps_to_its_schema():
    rows = yaml.safe_load((ROOT / "data" / "claims.yaml").read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "data" / "claims.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(json.loads(json.dumps(rows, default=str)))] == []


def test_the_book_s_ledger_is_large_and_honest():
    assert len(LEDGER) >= 200
    assert set(Counter(found.verdict for found in LEDGER.values())) == set(VERDICTS)
    assert list(LEDGER) == sorted(LEDGER)
    unproven = [found.id for found in LEDGER.values() if found.verdict == "unsupported" and found.sources]
    assert unproven == [], "an unsupported claim has no source to cite"


def test_no_page_repeats_a_claim_that_did_not_hold():
    pages = pages_to_check(ROOT)
    names = {page.name for page in pages}
    assert {"README.md", "preface.md", "evaluation.ipynb", "evaluation.yaml"} <= names
    assert "claims.md" not in names
    assert repeated_figures(LEDGER, pages) == []


@pytest.mark.parametrize("found", [found for found in LEDGER.values() if found.pattern], ids=lambda found: found.id)
def test_a_planted_sentence_is_caught(tmp_path, found):
    page = tmp_path / "planted.md"
    page.write_text(f"# Title\n\nText before it.\n\n{found.planted}\n", encoding="utf-8")
    caught = [line for line in repeated_figures(LEDGER, [page]) if f"repeats claim {found.id} " in line]
    assert caught
    assert caught[0].startswith("planted.md:5: ")
    assert found.says in caught[0]
    page.write_text(f"The notes are wrong here ({found.id}): {found.planted}\n", encoding="utf-8")
    assert [line for line in repeated_figures({found.id: found}, [page]) if found.id in line] == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("one\n\nThe rate is\n7 % of\nall.", "x.md:4"),
        ("- 7 % of\n- all", None),
        ("| 7 % of |\n| all |", None),
        ("7\u00a0% of all, then\n", "x.md:1"),
        ("7 % of\n\nall", None),
    ],
)
def test_a_pattern_looks_at_one_paragraph_at_a_time(tmp_path, text, place):
    page = tmp_path / "x.md"
    page.write_text(text, encoding="utf-8")
    ledger = load(tmp_path, claim(pattern="7 ?% of all", planted="7% of all"))
    assert [line.partition(": ")[0] for line in repeated_figures(ledger, [page])] == ([place] if place else [])


def test_notebooks_are_read_cell_by_cell(tmp_path):
    page = tmp_path / "x.ipynb"
    cells = [{"cell_type": "markdown", "source": ["fine\n", "7 % of "]}, {"cell_type": "code", "source": "a\nf(7)"}]
    page.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    ledger = load(tmp_path, claim(pattern=r"f\(7\)|7 % of all", planted="f(7)"))
    assert [line.partition(": ")[0] for line in repeated_figures(ledger, [page])] == ["x.ipynb:cell 2:2"]
    page.write_text("{}", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"x\.ipynb: not a notebook"):
        repeated_figures(ledger, [page])


def test_a_claim_is_read_with_its_defaults(tmp_path):
    found = load(tmp_path, claim(claim="two\n  lines", again=[4, 5], figures=["1  %"]))["c001"]
    assert isinstance(found, Claim)
    assert (found.claim, found.again, found.figures, found.pattern, found.sources) == (
        "two lines",
        (4, 5),
        ("1 %",),
        None,
        (),
    )
    assert found.location() == "claims.yaml:1: c001"
    assert load(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("{a: [\n", "claims.yaml:2: not valid YAML"),
        ("a: 1", "claims.yaml:1: must be a list, got {'a': 1}"),
        ("- 5", "claims.yaml:1: row 1: must be a mapping, got 5"),
        ("- id: c001\n  line: 2\n", "claims.yaml:1: c001: field 'claim' is missing"),
        ("- id: c001\n  color: red\n", "claims.yaml:2: c001: unknown field 'color'"),
        (claim(figures="1 %"), "claims.yaml:3: c001: field 'figures' must be a list, got '1 %'"),
        (claim(line=0), "claims.yaml:5: c001: field 'line' 0 is less than the minimum of 1"),
        (claim(again=["x"]), "claims.yaml:2: c001: field 'again.0' must be a whole number, got 'x'"),
        (claim(checked="today"), "claims.yaml:1: c001: field 'checked' must be a day such as 2026-11-24, got 'today'"),
        (claim(pattern=3, planted="x"), "field 'pattern' must be a text, got 3"),
        (claim(pattern="7"), "c001: 'planted' is a dependency of 'pattern'"),
        (claim("one"), "one: field 'id' must be c and three digits, such as c001, got 'one'"),
        (
            claim(verdict="maybe"),
            "field 'verdict' is 'maybe'; known: confirmed, common knowledge, corrected, unsupported, obsolete",
        ),
        (
            claim(verdict="confirmed"),
            "claims.yaml:1: c001: a claim that is confirmed, corrected or common knowledge needs a source",
        ),
        (
            claim(verdict="common knowledge"),
            "claims.yaml:1: c001: a claim that is confirmed, corrected or common knowledge needs a source",
        ),
        (
            claim(verdict="corrected"),
            "claims.yaml:1: c001: a claim that is confirmed, corrected or common knowledge needs a source",
        ),
        (claim(urls=["example.org"]), "field 'urls.0' must be an address, got 'example.org'"),
        (
            claim(pattern="7", planted="7", verdict="confirmed", sources=["somebody2000"]),
            "a claim that holds may be repeated; leave out its pattern",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, rows, message):
    with pytest.raises(KnowledgeError) as caught:
        load(tmp_path, rows)
    assert message in str(caught.value)


def test_one_id_twice(tmp_path):
    with pytest.raises(KnowledgeError, match=r"claims\.yaml:\d+: c001: used before, in line 1; keep one"):
        load(tmp_path, claim(), claim())
    with pytest.raises(KnowledgeError, match=r"none\.yaml: cannot be read"):
        load_claims(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sources": ["nobody1900"]}, "source 'nobody1900' is not in references.bib"),
        ({"concepts": ["nothing"]}, "concept 'nothing' is not in the ontology"),
        ({"topic": "cooking"}, "topic 'cooking' is neither a page"),
        ({"verdict": "confirmed", "sources": ["closed2001"]}, "confirmed, but none of its sources was opened"),
        ({"verdict": "corrected", "sources": ["closed2001"]}, "corrected, but none of its sources was opened"),
        ({"verdict": "obsolete", "sources": ["closed2001"]}, "obsolete, but none of its sources was opened"),
        (
            {"verdict": "confirmed", "urls": ["https://arxiv.org/abs/2001.00001"]},
            "https://arxiv.org/abs/2001.00001 is 'somebody2000' of the bibliography; name it in 'sources'",
        ),
        ({"verdict": "obsolete", "urls": ["https://b.org/a/"]}, "https://b.org/a/ is 'closed2001' of the bibliography"),
        ({"pattern": "(", "planted": "("}, "not a regular expression"),
        ({"pattern": "7", "planted": "8"}, "the pattern does not find its planted sentence '8'"),
        ({"pattern": "7", "planted": "7", "says": "7 is wrong"}, "the pattern finds the book's own wording in 'says'"),
    ],
)
def test_faults_are_named(tmp_path, changes, fault):
    found = problems(load(tmp_path, claim(**changes)), sources=set(SOURCES), concepts={"turn"}, references=SOURCES)
    assert len(found) == 1
    assert found[0].startswith("claims.yaml:")
    assert fault in found[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "confirmed", "sources": ["closed2001", "somebody2000"]},
        {"verdict": "confirmed", "sources": ["closed2001"], "urls": ["https://b.org/c"]},
        {"verdict": "common knowledge", "sources": ["closed2001"]},
        {"verdict": "corrected", "sources": ["closed2001"], "how": "algebra; common knowledge, not reopened"},
        {"urls": ["https://b.org/a"]},
    ],
)
def test_what_rests_on_something_opened_or_says_so_is_no_fault(tmp_path, changes):
    assert problems(load(tmp_path, claim(**changes)), set(SOURCES), references=SOURCES) == []


def test_a_fault_names_the_line_of_its_field(tmp_path):
    rows = yaml.safe_dump([claim(), claim("c002", topic="cooking")], sort_keys=False)
    line = next(number for number, text in enumerate(rows.split("\n"), start=1) if "cooking" in text)
    assert problems(load(tmp_path, rows))[0].startswith(f"claims.yaml:{line}: c002: topic 'cooking'")
