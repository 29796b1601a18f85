"""The troubleshooting page: every entry is whole, and what it shows exists."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest
from tests.pages import toc_files

import diarbook
from diarbook.cli import group
from diarbook.errors import KnowledgeError
from diarbook.knowledge.ontology import bibliography_keys
from diarbook.knowledge.troubleshooting import (
    GROUPS,
    REST,
    headings,
    literal_parts,
    load_messages,
    load_pains,
    problems,
    thread_address,
    troubleshooting_file,
)

PAINS = load_pains(troubleshooting_file())
MESSAGES = load_messages(troubleshooting_file())
PAGES = {page.rpartition("/")[2]: page for page in toc_files()}
# What every tracker that was read asks for.
ASKED_FOR = {
    "number-of-speakers", "token", "migration", "torchcodec", "slow", "memory", "labels-between-files", "known-people",
    "words-without-speaker", "straddling-segments", "fifth-speaker", "live-labels", "threshold", "two-ders",
    "scoring-words", "fine-tuning", "noise", "overlap", "stereo", "licenses", "confidence", "on-device",
    "split-and-merged", "children", "consent", "spoofing", "ghost-speakers", "shifted-times", "telemetry",
}  # fmt: skip


def texts_of_the_source():
    """Every text of the package's source, with ``REST`` for what is computed."""
    found = []
    for path in Path(diarbook.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else REST for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


TEXTS = texts_of_the_source()


def commands(line):
    """The commands of ``diarbook`` in a line of a shell, each as a list of words without what a shell takes away."""
    for part in re.split(r"\|", line):
        words = shlex.split(re.split(r"[<>]", part)[0])
        if words[:1] == ["diarbook"]:
            yield words[1:]


def check(words):
    """Parse a command as ``diarbook`` would, without running it; what does not exist is an error."""
    with group.make_context("diarbook", list(words)) as context:
        rest, current = [*context.protected_args, *context.args], group
        while isinstance(current, click.Group):
            _, current, rest = current.resolve_command(context, rest)
            if isinstance(current, click.Group):
                context = current.make_context(current.name, list(rest), parent=context)
                rest = [*context.protected_args, *context.args]
        current.make_parser(click.Context(current, parent=context)).parse_args(list(rest))


def test_nothing_that_is_asked_for_is_missing():
    assert {pain.id for pain in PAINS} == ASKED_FOR
    assert {pain.group for pain in PAINS} == set(GROUPS)


def test_sources_and_pages_exist():
    assert list(problems(PAINS, bibliography_keys())) == []


@pytest.mark.parametrize("pain", PAINS, ids=lambda pain: pain.id)
def test_an_entry_is_whole(pain):
    assert pain.threads or pain.sources or pain.seen
    for text in (pain.symptom, pain.cause, pain.remedy):
        assert len(text) > 40
        assert text.rstrip().endswith((".", "?"))
    # It shows what it says, leads to a page that does, or says that there is none yet.
    assert pain.run or pain.code or pain.see or pain.lacks
    assert len(set(pain.threads)) == len(pain.threads)


@pytest.mark.parametrize("pain", PAINS, ids=lambda pain: pain.id)
def test_headings_that_are_named_exist(pain):
    for one in pain.see:
        if one.section is not None:
            found = headings(PAGES[one.page])
            assert one.section in found, (one.page, found)


@pytest.mark.parametrize("pain", [pain for pain in PAINS if pain.run], ids=lambda pain: pain.id)
def test_commands_exist(pain):
    for line in pain.run:
        for words in commands(line):
            check(words)


@pytest.mark.parametrize("pain", [pain for pain in PAINS if pain.code], ids=lambda pain: pain.id)
def test_code_is_python_and_takes_what_exists(pain):
    tree = ast.parse(pain.code)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("diarbook"):
            module = __import__(node.module, fromlist=["_"])
            assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.says[:40])
def test_messages_are_what_the_source_says(message):
    # A piece may stand in a constant of its own, so that the pieces are looked for one by one.
    for part in literal_parts(message.says):
        assert any(part.strip(" ;") in text for text in TEXTS), part


def test_messages_that_are_not_said_are_found():
    assert literal_parts("…: no such thing … at all") == [": no such thing ", " at all"]
    assert not any(": no such thing" in text for text in TEXTS)


@pytest.mark.parametrize(
    "line", ["diarbook diarise x.wav", "diarbook diarize x.wav --loud", "diarbook store forget Ann"]
)
def test_commands_that_do_not_exist_are_found(line):
    [words] = commands(line)
    with pytest.raises(click.UsageError):
        check(words)


def test_the_commands_of_a_line():
    assert list(commands('ffmpeg -i x -f s16le - | diarbook stream - --store "a b.db" > y.rttm')) == [
        ["stream", "-", "--store", "a b.db"]
    ]


def test_a_thread_s_address():
    assert thread_address("a/b.c#12") == "https://github.com/a/b.c/issues/12"


GOOD = "id: a\n    group: live\n    title: T\n    symptom: S\n    cause: C\n    remedy: R\n"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (GOOD, "t.yaml:2: a: needs threads, sources or seen"),
        (GOOD + "    threads: [a/b]\n", "t.yaml:8: a: field 'threads.0' must be owner/repository#number"),
        (GOOD.replace("    cause: C\n", "") + "    seen: x\n", "t.yaml:2: a: field 'cause' is missing"),
        (GOOD.replace("live", "alive") + "    seen: x\n", "t.yaml:3: a: field 'group' is 'alive'; known: installing"),
        (GOOD + "    seen: x\n  - " + GOOD + "    seen: x\n", "t.yaml:9: a: occurs twice"),
    ],
)
def test_faults_are_named(tmp_path, entry, message):
    path = tmp_path / "t.yaml"
    path.write_text(f"pains:\n  - {entry}messages: []\n", encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load_pains(path)
    assert str(caught.value).startswith(message)


def test_pages_and_sources_that_do_not_exist_are_named(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(f"pains:\n  - {GOOD}    sources: [nobody]\n    see: [{{page: vad}}, {{page: asr}}]\nmessages: []\n")
    [unknown, planned] = problems(load_pains(path), {"somebody"})
    assert unknown == "t.yaml:2: a: source 'nobody' is not in references.bib"
    assert planned == "t.yaml:2: a: the book has no page 'asr'"


def test_headings_of_a_page(tmp_path):
    (tmp_path / "a.md").write_text("# A: b?\n\ntext # no\n\n### C\n", encoding="utf-8")
    cells = (
        '{"cells": [{"cell_type": "markdown", "source": ["# N\\n", "## M"]}, {"cell_type": "code", "source": ["# x"]}]}'
    )
    (tmp_path / "n.ipynb").write_text(cells, encoding="utf-8")
    assert headings("a", tmp_path) == ["A: b?", "C"]
    assert headings("n", tmp_path) == ["N", "M"]
    assert headings("gone", tmp_path) == []
