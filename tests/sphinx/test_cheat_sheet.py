import re

import pytest
from tests.knowledge.test_troubleshooting import check, commands
from tests.pages import ROOT
from tests.sphinx.small_book import API, BIBLIOGRAPHY, GLOSSARY, build

from diarbook.cli import COMMANDS
from diarbook.knowledge.ontology import TOOLKITS, load_ontology
from diarbook.metrics.protocol import PRESETS
from diarbook.sphinx.cheat_sheet import preset_cells

SHEET = (ROOT / "book" / "cheat-sheet.md").read_text(encoding="utf-8")
LINES = [
    line[2:].partition(" #")[0] for line in SHEET.replace("\\\n>", "").splitlines() if line.startswith("$ diarbook ")
]


def test_every_command_is_on_the_sheet():
    assert {words[0] for line in LINES for words in commands(line)} == set(COMMANDS)


@pytest.mark.parametrize("line", [line for line in LINES if "--help" not in line])
def test_commands_exist(line):
    for words in commands(line):
        check(words)


def test_concepts_on_the_sheet_have_defaults():
    [names] = re.findall(r"\{toolkit-defaults\} (.+)", SHEET)
    concepts = load_ontology()
    assert [name for name in names.split() if not concepts[name].toolkits] == []


def test_presets_in_words():
    assert preset_cells(PRESETS["full"]) == ("0 s", "scored", "both sides", "before collar")
    assert preset_cells(PRESETS["forgiving"]) == ("0.25 s", "left out", "both sides", "before collar")
    assert preset_cells(PRESETS["nist"])[2] == "reference's extent, without NOSCORE"


def test_tables_come_from_the_data(tmp_path):
    index = "# F\n\n```{toctree}\ns\napi\nb\nglossary\n```\n"
    page = (
        "# S\n\n```{sheet}\n```\n\n```{scoring-presets}\n```\n\n```{toolkit-defaults} collar chunk\n:but: Kaldi\n```\n"
    )
    err, html = build(tmp_path, index=index, s=page, api=API, b=BIBLIOGRAPHY, glossary=GLOSSARY)
    assert err == ""
    shown = html["s"]
    assert "wsw-sheet.css" in shown
    assert "wsw-sheet.css" not in html["glossary"]
    for name in PRESETS:
        assert f"<p>{name}</p>" in shown
    for name in TOOLKITS:
        assert (f"<p>{name}</p>" in shown) == (name != "Kaldi")
    assert "forgiveness_collar" in shown


def test_a_concept_without_defaults_is_a_warning(tmp_path):
    page = "# S\n\n```{toolkit-defaults} nothing\n```\n"
    err, _ = build(tmp_path, index=page, api=API, b=BIBLIOGRAPHY, glossary=GLOSSARY)
    assert "the ontology has no defaults of 'nothing'" in err
