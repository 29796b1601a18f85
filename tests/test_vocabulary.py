"""One vocabulary: what the top of ``turns`` and the field call things; private words are no names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.pages import notebooks

import diarbook
from diarbook import turns

ROOT = Path(diarbook.__file__).parent

BANNED = {
    "told": "explained",
    "tell": "explain",
    "tells": "explains",
    "telling": "instructive",
    "found": "result, or what was detected",
    "place": "source, position or label",
    "placed": "assigned",
    "kinship": "agreement",
    "leash": "limit",
    "promise": "committed",
    "promises": "committed",
    "promised": "committed",
    "stranger": "unknown speaker",
    "strangers": "unknown speakers",
    "spokesman": "representative",
    "lost": "missed",
    "invented": "false alarm",
}
"""Parts of names that mean something in this book alone, and the word for them."""

OF_PYTHON = {"tell"}
"""Names that Python's own protocols give, here that of files."""

WORDS = ("turn", "region", "window", "stretch", "chunk")


def defined_names(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of all that a module defines and others read: functions, classes, arguments, attributes."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            names.append((node.lineno, node.arg))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.attr))
        if isinstance(node, ast.ClassDef | ast.Module):
            for inner in node.body:
                targets = inner.targets if isinstance(inner, ast.Assign) else [getattr(inner, "target", None)]
                names += [(inner.lineno, target.id) for target in targets if isinstance(target, ast.Name)]
    return names


def parts(name: str) -> list[str]:
    """Words of a name in snake_case or CapWords."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def test_the_parts_of_a_name():
    assert parts("telling_stretches") == ["telling", "stretches"]
    assert parts("_PlacedTurn") == ["", "placed", "turn"]
    source = "class A:\n    found: int\n\n    def f(self, place):\n        self.told = place\n\n\nlost = 1\n"
    assert {name for _, name in defined_names(ast.parse(source))} == {
        "A",
        "f",
        "self",
        "place",
        "found",
        "told",
        "lost",
    }


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_words_of_the_field(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    private = [
        f"{path.relative_to(ROOT)}:{line}: {name}: say {BANNED[part]}"
        for line, name in defined_names(tree)
        for part in parts(name)
        if part in BANNED and name not in OF_PYTHON
    ]
    assert not private


def test_the_words_for_parts_of_time_are_explained_where_turns_are_defined():
    for word in (*WORDS, "missed", "false alarm", "confusion", "total"):
        assert f"*{word}*" in turns.__doc__


def tags() -> set[str]:
    """Names of the formulas that lines of the source say they compute."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py"))
    return set(re.findall(r"# eq: ([a-z0-9-]+)", text))


def test_every_tag_of_a_formula_is_the_label_of_one():
    labels = set()
    for path in notebooks():
        labels |= set(re.findall(r"\(eq-([a-z0-9-]+)\)", Path(path).read_text(encoding="utf-8")))
    assert tags()
    assert tags() <= labels
