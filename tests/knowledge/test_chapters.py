import ast
import json
import re

import pytest
import yaml
from tests.pages import ROOT, toc_files

from diarbook.errors import KnowledgeError
from diarbook.knowledge import load_ontology
from diarbook.knowledge.chapters import Subject, load_subjects, order_of, subjects, title_of, topic_fault
from diarbook.knowledge.claims import load_claims

WRITTEN = {page.rpartition("/")[2] for page in toc_files()}
PLANNED = {word for word, found in subjects().items() if found.planned}
TOC = """
format: jb-book
root: book/preface
parts:
  - caption: A
    chapters:
      - file: notebooks/vad
      - file: notebooks/clustering
        sections:
          - file: book/landscape/tools
"""
LATER = {"id": "eend", "title": "End to end", "after": "vad", "holds": "One network."}


def load(folder, toc=TOC, planned=(LATER,)):
    (folder / "_toc.yml").write_text(toc, encoding="utf-8")
    (folder / "planned.yaml").write_text(yaml.safe_dump(list(planned)), encoding="utf-8")
    return load_subjects(folder / "_toc.yml", folder / "planned.yaml")


def mappings(value):
    """Every mapping inside a value of YAML."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from mappings(item)


def test_subjects_are_pages_and_what_is_planned_in_the_order_of_reading(tmp_path):
    found = load(tmp_path, planned=(LATER, {**LATER, "id": "tsvad", "after": "eend"}))
    assert list(found) == ["preface", "vad", "eend", "tsvad", "clustering", "tools"]
    assert found["tools"].page == "book/landscape/tools"
    assert found["eend"] == Subject("eend", "End to end", None, "One network.")
    assert [word for word in found if found[word].planned] == ["eend", "tsvad"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"planned": ({**LATER, "id": "vad"},)}, "planned.yaml:1: vad: has the page notebooks/vad and is planned"),
        ({"planned": (LATER, dict(LATER))}, "planned.yaml:5: eend: occurs twice"),
        ({"planned": ({**LATER, "after": "cooking"},)}, "planned.yaml:1: eend: after names 'cooking'"),
        ({"planned": ({**LATER, "holds": "no sentence"},)}, "planned.yaml:2: eend: field 'holds' must be one sentence"),
        ({"toc": TOC + "      - file: book/vad\n"}, "_toc.yml: book/vad and notebooks/vad have one name"),
    ],
)
def test_a_subject_in_both_lists_or_twice_is_an_error(tmp_path, change, message):
    with pytest.raises(KnowledgeError) as caught:
        load(tmp_path, **change)
    assert str(caught.value).startswith(message)


def test_a_topic_in_neither_list_is_an_error():
    known = {"vad": Subject("vad", "VAD", "notebooks/vad"), "eend": Subject("eend", "EEND")}
    assert topic_fault("vad", known) is None
    assert topic_fault("eend", known) is None
    assert topic_fault("cooking", known) == (
        "topic 'cooking' is neither a page of _toc.yml nor a subject of data/planned.yaml"
    )


def test_titles_and_order_of_this_book():
    assert set(subjects()) - PLANNED == WRITTEN
    assert title_of("vad") == "Voice activity detection"
    assert title_of("cooking") == "cooking"
    assert order_of("clustering") < order_of("resegmentation") < order_of("evaluation") < order_of("cooking")


def test_every_planned_subject_is_somebody_s_topic_or_has_a_reason_to_be():
    entries = [*load_ontology().values(), *load_claims().values()]
    landscape = [
        row.get("topic")
        for path in (ROOT / "data" / "landscape").glob("*.yaml")
        for row in mappings(yaml.safe_load(path.read_text(encoding="utf-8")))
    ]
    assert PLANNED - {one.topic for one in entries} - set(landscape) <= {"channels"}


def test_no_chapter_in_data_names_a_page_that_is_not_there():
    for path in sorted((ROOT / "data").rglob("*.yaml")):
        for row in mappings(yaml.safe_load(path.read_text(encoding="utf-8"))):
            assert row.get("chapter") in {None, *WRITTEN}, path


def test_no_docstring_names_a_page_that_is_not_there():
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                named = re.findall(r"^Chapter: (\S+)$", ast.get_docstring(node) or "", re.M)
                assert set(named) <= WRITTEN, (path, named)


def prose():
    """Every text that a reader reads, with the name of its file."""
    for path in [*ROOT.glob("*.md"), *(ROOT / "book").rglob("*.md"), *(ROOT / "data").rglob("*.yaml")]:
        if path.name not in ("planned.yaml", "CHANGELOG.md"):
            yield path.name, path.read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield path.name, "".join(cell["source"])


def promises(text):
    """Where a text speaks of the page of a planned subject as if it were there."""
    words = "|".join(re.escape(word) for word in sorted(PLANNED))
    titles = "|".join(re.escape(subjects()[word].title.lower()) for word in sorted(PLANNED))
    subject = f"(?:{words}|{titles})"
    patterns = (
        rf"\b{subject}\s+chapter\b",
        rf"\bchapters?\s+(?:on|about)\s+{subject}\b",
        r"\bchapter,? to come\b",
        rf"\]\((?:[./\w-]*/)?(?:{words})\.(?:md|ipynb)",
    )
    return re.findall("|".join(patterns), text.lower())


def test_no_prose_names_a_page_that_is_not_there():
    assert [(name, found) for name, text in prose() if (found := promises(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "The asr\nchapter says",
        "see the chapter on eend",
        "has its own chapter, to come",
        "see [x](../notebooks/asr.ipynb)",
    ],
)
def test_a_promise_is_found(text):
    assert promises(text)
    assert not promises("the toolkits of this chapter; the vad chapter; transfer training in a chapter")
