import json
import math

import numpy as np
import pytest

from diarbook.errors import OptionError
from diarbook.reader import claims
from diarbook.reader.claims import Claim, ClaimError, Page, compare, is_strict, note_html, seed

PAGE = Page("verification")


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    monkeypatch.setenv("DIARBOOK_STRICT", "1")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("DIARBOOK_CLAIMS", raising=False)
    monkeypatch.delenv("DIARBOOK_SEED", raising=False)


@pytest.fixture
def shown(monkeypatch):
    """What a reader's machine displays."""
    monkeypatch.setenv("DIARBOOK_STRICT", "0")
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda item: seen.append(item.data))
    return seen


def test_the_worst_element_decides():
    assert compare([1.0, 4.0, 2.0], "<", 5.0, 0.1) == (4.0, 5.0, 1.0)
    assert compare([1.0, 4.0], ">", [0.5, 1.0], 0.1) == (1.0, 0.5, 0.5)
    assert compare([1.0, 2.0], "~", [1.25, 2.0], 0.1) == (1.0, 1.25, -0.25)


def test_a_comparison_holds_from_its_margin_on():
    PAGE.claim("less", 1.0, "<", 1.5, margin=0.5)
    PAGE.claim("more", 2.0, ">", 1.5, margin=0.5)
    PAGE.claim("alike", 1.0, "~", 1.5, margin=0.5)
    for relation, limit in (("<", 1.25), (">", 0.75), ("~", 1.75), ("~", 0.25)):
        with pytest.raises(ClaimError):
            PAGE.claim("by half", 1.0, relation, limit, margin=0.5)


def test_the_error_names_page_sentence_and_numbers():
    with pytest.raises(ClaimError, match=r"verification: 'A errs less' does not hold: 0\.3 is to be below 0\.25 by at"):
        PAGE.claim("A errs less", 0.3, "<", 0.25, margin=0.02)
    with pytest.raises(ClaimError, match=r"verification: 'one is two' does not hold: an exact check"):
        PAGE.check("one is two", 1 == 2)


@pytest.mark.parametrize("relation", ["<", ">", "~"])
def test_what_is_not_a_number_never_holds(relation):
    with pytest.raises(ClaimError):
        PAGE.claim("a number", [0.0, math.nan], relation, 0.0, margin=1e9)


def test_infinity_is_above_everything():
    PAGE.claim("nothing is as large", math.inf, ">", 1.0, margin=1.0)


def test_a_check_takes_arrays():
    PAGE.check("all of them", np.array([True, True]))
    PAGE.check("strings", ["a"] == ["a"])
    with pytest.raises(ClaimError):
        PAGE.check("all of them", np.array([True, False]))
    with pytest.raises(ClaimError):
        PAGE.check("something was selected", [])


@pytest.mark.parametrize(
    ("arguments", "margin", "text"),
    [((1, "<=", 2), 1, "unknown relation"), ((1, "<", 2), 0, "positive margin"), (([], "<", 2), 1, "no numbers")],
)
def test_a_claim_that_says_nothing_is_refused(arguments, margin, text):
    with pytest.raises(OptionError, match=text):
        PAGE.claim("nothing", *arguments, margin=margin)


def test_a_reader_sees_one_line_and_the_page_goes_on(shown):
    PAGE.claim("A < B errs less", 0.3, "<", 0.25, margin=0.02)
    PAGE.check("one is two", 1 == 2)
    assert len(shown) == 2
    assert shown[0].startswith("<p")
    assert "\n" not in shown[0]
    assert "On your machine this came out differently: A &lt; B errs less (0.3 is to be below 0.25" in shown[0]


def test_a_reader_does_not_see_a_margin_that_shrank(shown):
    PAGE.claim("A errs less", 0.24, "<", 0.25, margin=0.02)
    assert shown == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"CI": "true"}, True),
        ({"CI": ""}, False),
        ({"DIARBOOK_STRICT": "1"}, True),
        ({"DIARBOOK_STRICT": "0", "CI": "true"}, False),
    ],
)
def test_strict_in_tests_and_in_continuous_integration(monkeypatch, variables, expected):
    monkeypatch.delenv("DIARBOOK_STRICT")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_strict() is expected


def test_every_claim_is_recorded_where_it_is_asked_for(monkeypatch, tmp_path, shown):
    file = tmp_path / "claims.jsonl"
    monkeypatch.setenv("DIARBOOK_CLAIMS", str(file))
    PAGE.claim("less", [0.25, 0.5], "<", 1.0, margin=0.25)
    PAGE.claim("more", 1.0, ">", 2.0, margin=0.25)
    PAGE.check("equal", True)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(row["sentence"], row["holds"], row["value"], row["limit"], row["margin"]) for row in rows] == [
        ("less", True, 0.5, 1.0, 0.25),
        ("more", False, 1.0, 2.0, 0.25),
        ("equal", True, None, None, None),
    ]
    assert [Claim(**row).spare for row in rows[:2]] == [1.0, -5.0]
    assert math.isnan(Claim(**rows[2]).spare)


def test_spare_counts_margins():
    assert Claim("p", "s", True, True, 1.0, "~", 1.25, 0.5, -0.25).spare == 0.5
    assert Claim("p", "s", True, True, 1.0, "<", 2.0, 0.5, 1.0).spare == 1.0


def test_the_line_for_a_reader_is_escaped():
    assert "<script>" not in note_html(Claim("p", "<script>", False, False))


def test_an_arbitrary_seed_moves_with_the_environment(monkeypatch):
    assert seed(3) == 3
    monkeypatch.setenv("DIARBOOK_SEED", "100")
    assert seed(3) == 103


def test_relations_are_explained():
    assert set(claims.RELATIONS) == {"<", ">", "~"}
