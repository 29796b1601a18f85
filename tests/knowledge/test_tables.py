import json
import pkgutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import diarbook.knowledge
from diarbook.errors import KnowledgeError
from diarbook.knowledge.tables import location, read_table

SCHEMA = json.dumps(
    {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["id"],
            "properties": {
                "id": {"type": "string", "pattern": "^[a-z]+$", "explanation": "must be small letters"},
                "name": {"type": ["string", "null"]},
                "list": {"type": ["array", "null"], "items": {"type": "string"}},
                "size": {"enum": ["small", "large"]},
                "day": {"type": "string", "format": "date"},
                "more": {"type": "object", "additionalProperties": False, "properties": {"deep": {"type": "integer"}}},
            },
        },
    }
)


def read(folder, text, schema=SCHEMA, part=None):
    path = folder / "t.yaml"
    path.write_text(text, encoding="utf-8")
    return read_table(path, schema, part)


def test_rows_know_their_lines(tmp_path):
    first, second = read(tmp_path, "# head\n- id: a\n  name: one\n    two\n\n- name:\n  id: b\n  list: [x  y, z]\n")
    assert (first.text("name"), first.texts("list"), first.location) == ("one two", (), "t.yaml:2: a")
    assert (second.text("name"), second.texts("list"), second.location) == (None, ("x y", "z"), "t.yaml:6: b")
    assert first.lines == {"id": 2, "name": 3}
    assert location("t.yaml", second.lines, "list") == "t.yaml:8"
    assert location("t.yaml", second.lines, "more") == "t.yaml:6"


def test_an_empty_file_has_no_rows(tmp_path):
    assert read(tmp_path, "") == read(tmp_path, "# nothing\n") == []


def test_days_stay_texts_even_those_that_no_calendar_has(tmp_path):
    [row] = read(tmp_path, "- id: a\n  day: 2026-11-28\n")
    assert row.fields["day"] == "2026-11-28"
    with pytest.raises(KnowledgeError, match=r"^t\.yaml:2: a: field 'day' '2026-13-45' is not a 'date'$"):
        read(tmp_path, "- id: a\n  day: 2026-13-45\n")


def test_one_list_of_several(tmp_path):
    schema = json.dumps(
        {"properties": {"one": {"type": "array"}, "two": {"type": "array"}}, "required": ["one", "two"]}
    )
    text = "two:\n- id: x\none:\n- id: y\n- id: z\n"
    assert [row.location for row in read(tmp_path, text, schema, "one")] == ["t.yaml:4: y", "t.yaml:5: z"]
    with pytest.raises(KnowledgeError, match=r"^t\.yaml:1: field 'one' is missing$"):
        read(tmp_path, "two: []\n", schema, "two")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- id: a\n- [\n", "t.yaml:3: not valid YAML (did not find expected node content)"),
        ("- id: a\n  name: x\n  name: y\n", "t.yaml:3: not valid YAML (field 'name' occurs twice; keep one)"),
        ("- id: a\n  more: {deep: 1, deep: 1}\n", "t.yaml:2: not valid YAML (field 'deep' occurs twice; keep one)"),
        ("- id: a\n  3: x\n", "t.yaml:2: not valid YAML (a field's name must be a text)"),
        ("id: a\n", "t.yaml:1: must be a list, got {'id': 'a'}"),
        ("- id: a\n- 5\n", "t.yaml:2: row 2: must be a mapping, got 5"),
        ("- name: x\n", "t.yaml:1: row 1: field 'id' is missing"),
        ("- id: A\n", "t.yaml:1: A: field 'id' must be small letters, got 'A'"),
        ("- id: a\n  nmae: x\n", "t.yaml:2: a: unknown field 'nmae'; known: day, id, list, more, name, size"),
        ("- id: a\n  name: [x]\n", "t.yaml:2: a: field 'name' must be a text or empty, got ['x']"),
        ("- id: a\n  list:\n  - x\n  - 3\n", "t.yaml:4: a: field 'list.1' must be a text, got 3"),
        ("- id: a\n  size: huge\n", "t.yaml:2: a: field 'size' is 'huge'; known: small, large"),
        ("- id: a\n  more: {deep: x}\n", "t.yaml:2: a: field 'more.deep' must be a whole number, got 'x'"),
        ("- id: a\n  more:\n    depe: 1\n", "t.yaml:3: a: unknown field 'more.depe'; known: deep"),
        (f"- id: a\n  size: {'x' * 99}\n", f"t.yaml:2: a: field 'size' is '{'x' * 59}…; known: small, large"),
        ("- id: a\n  name: 3\n- id: B\n", "t.yaml:2: a: field 'name' must be a text or empty, got 3"),
    ],
)
def test_a_fault_names_file_line_and_row(tmp_path, text, message):
    with pytest.raises(KnowledgeError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == message


def test_a_file_that_cannot_be_opened_or_decoded(tmp_path):
    with pytest.raises(KnowledgeError, match=r"^none\.yaml: cannot be read \(No such file or directory\)$"):
        read_table(tmp_path / "none.yaml", SCHEMA)
    (tmp_path / "bytes.yaml").write_bytes(b"- id: \xff\n")
    with pytest.raises(KnowledgeError, match=r"^bytes\.yaml: not valid YAML"):
        read_table(tmp_path / "bytes.yaml", SCHEMA)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(st.sampled_from("-:{}[]&*<!|>#'\"?, \n\tab1."), max_size=40))
@example("- &a [*a]\n")
@example("- !!binary aGk=\n")
@example("- !!set {a}\n")
@example("- !!timestamp 2026-13-45\n")
@example("- {<<: {id: a}}\n")
@example("? [a]\n: b\n")
@example("- a: " + "[" * 2000)
def test_any_text_gives_rows_or_one_line(tmp_path, text):
    message = "t.yaml"
    try:
        read(tmp_path, text)
    except KnowledgeError as error:
        message = str(error)
    assert message.startswith("t.yaml")
    assert "\n" not in message


def test_knowledge_needs_no_sphinx():
    names = [info.name for info in pkgutil.iter_modules(diarbook.knowledge.__path__)]
    assert len(names) >= 11
    code = f"import sys\nfor name in {names}: __import__(f'diarbook.knowledge.{{name}}')\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert not {"docutils", "sphinx", "torch", "matplotlib"} & set(done.stdout.split())
