import json
import shutil
import subprocess

import pytest
from tests.pages import ROOT

from diarbook.errors import KnowledgeError
from diarbook.knowledge.chapters import subjects
from diarbook.knowledge.chooser import Question, Rule, Use, choose, combinations, load_chooser, problems
from diarbook.knowledge.evidence import evidence_files
from diarbook.knowledge.landscape import KINDS, Entry, load_landscape
from diarbook.knowledge.ontology import bibliography_keys

TASK = Question("task", "I need to", {"a": "do A", "b": "do B"}, ())
SIZE = Question("size", "Size", {"s": "small", "l": "large"}, ("a",))
ENTRIES = {"tools": {"t": Entry("t", "T", {"gated": True, "licence": {"code": "MIT"}}, "tools.yaml:1: t")}}


TOOL = Use("tools", "t", {})


def rule(name, when, use=(TOOL,), sources=(), evidence=()):
    return Rule(name, when, tuple(use), "B.", "W.", sources, evidence, f"f:1: {name}")


def faults(*rules):
    return problems([TASK, SIZE], rules, ENTRIES, {"vad"}, {"k"}, {"e"})


def test_the_book_s_chooser_has_no_faults():
    questions, rules = load_chooser()
    entries = {kind: {entry.id: entry for entry in load_landscape(kind)} for kind in KINDS}
    evidence = {path.stem for path in evidence_files()}
    assert problems(questions, rules, entries, subjects(), bibliography_keys(), evidence) == []
    lines = (ROOT / "data" / "landscape" / "chooser.yaml").read_text(encoding="utf-8").split("\n")
    for one in rules:
        assert lines[int(one.location.split(":")[1]) - 1] == f"  - id: {one.id}"


def test_only_what_is_asked_is_combined():
    assert list(combinations([TASK, SIZE])) == [{"task": "a", "size": "s"}, {"task": "a", "size": "l"}, {"task": "b"}]


def test_the_first_rule_that_fits_wins():
    rules = [rule("x", {"size": ("s",)}), rule("y", {"task": ("a", "b")})]
    assert choose(rules, {"task": "a", "size": "s"}).id == "x"
    assert choose(rules, {"task": "b"}).id == "y"
    assert choose(rules[:1], {"task": "b"}) is None


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([rule("x", {"task": ("a", "b"), "mood": ("s",)})], "f:1: x: 'mood' is no question"),
        ([rule("x", {"task": ("a", "c")})], "f:1: x: 'c' is no answer to 'task'"),
        ([rule("x", {"task": ("a",)})], "chooser.yaml: no rule fits b"),
        ([rule("x", {"task": ("a", "b")}), rule("y", {"size": ("s",)})], "f:1: y: no answer reaches it"),
        ([rule("x", {"task": ("a", "b")}, [Use("tools", "u", {})])], "f:1: x: 'u' is not among the tools"),
        ([rule("x", {"task": ("a", "b")}, [Use("book", "bad", {})])], "f:1: x: 'bad' is no chapter"),
        (
            [rule("x", {"task": ("a", "b")}, [Use("tools", "t", {"gated": False})])],
            "f:1: x: t: gated is True, the rule needs False",
        ),
        (
            [rule("x", {"task": ("a", "b")}, [Use("tools", "t", {"licence.code": ["BSD", "ISC"]})])],
            "f:1: x: t: licence.code is 'MIT', the rule needs ['BSD', 'ISC']",
        ),
        ([rule("x", {"task": ("a", "b")}, sources=("z",))], "f:1: x: 'z' is not in the bibliography"),
        ([rule("x", {"task": ("a", "b")}, evidence=("z",))], "f:1: x: evidence 'z' does not exist"),
    ],
)
def test_faults_are_named(rules, message):
    assert message in faults(*rules)


def test_a_chooser_without_faults_is_left_alone():
    needs = {"gated": True, "licence.code": ["MIT", "BSD"]}
    assert faults(rule("x", {"task": ("a", "b")}, [Use("tools", "t", needs), Use("book", "vad", {})], ("k",))) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("questions: [\n", "chooser.yaml:2: not valid YAML"),
        ("questions: []\nrules: []\n", "chooser.yaml:1: field 'questions' [] should be non-empty"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, text, message):
    (tmp_path / "chooser.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load_chooser(tmp_path)
    assert str(caught.value).startswith(message)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js here; the browser test covers the script")
def test_the_script_chooses_as_the_library_does():
    questions, rules = load_chooser()
    answers = list(combinations(questions))
    data = [{"id": one.id, "when": {key: list(value) for key, value in one.when.items()}} for one in rules]
    program = "const { choose } = require(process.argv[1]); const [rules, answers] = JSON.parse(process.argv[2]);"
    program += "console.log(JSON.stringify(answers.map((one) => choose(rules, one).id)))"
    script = str(ROOT / "book" / "_static" / "wsw-chooser.js")
    run = subprocess.run(
        ["node", "-e", program, script, json.dumps([data, answers])], capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == [choose(rules, one).id for one in answers]
