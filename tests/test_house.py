"""The house: rooms on floors. An import goes down or stays in its room, and no files form a circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "diarbook"

FLOORS = (
    ("errors",),
    ("files", "checks"),
    ("turns", "audio"),
    ("rttm", "features", "gaussians", "protection"),
    ("rttm_lint", "assets", "metrics"),
    ("networks", "backends"),
    ("embeddings", "knowledge"),
    ("segmentation", "clustering"),
    ("vad", "simulation"),
    ("pipelines", "voiceprints", "reader", "vectordb"),
    ("streaming", "sphinx"),
    ("hybrid",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# What each of these must not be able to see, however deep an import stands.
NEVER = {
    "knowledge": ("docutils", "sphinx", "torch"),
    "metrics": ("torch", "sklearn", "librosa", "pyannote", "soundfile"),
    "streaming": ("docutils", "sphinx"),
}


def modules():
    """Path of every module by its dotted name."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


def imports(path, *, top_only=False):
    """Dotted names that a file imports; those below ``if TYPE_CHECKING`` are for readers, not for the program."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in tree.body if top_only else ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def room(name):
    return name.split(".")[1] if name.count(".") else ""


def test_every_room_stands_on_a_floor():
    rooms = {room(name) for name in MODULES} - {""}
    assert rooms == set(FLOOR), "a new room needs its floor here, an old one must go"


def test_imports_go_down():
    upward = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if room(name)
        for target in imports(path)
        if target in MODULES
        and room(target)
        and room(target) != room(name)
        and FLOOR[room(target)] >= FLOOR[room(name)]
    ]
    assert not upward, "\n".join(upward)


def test_no_files_form_a_circle():
    # A package's face hands names on: it stands above its own files, which therefore never ask it for anything.
    edges = {
        name: {target for target in imports(path) if target in MODULES and target != name}
        for name, path in MODULES.items()
    }
    done, path = set(), []

    def visit(name):
        if name in path:
            raise AssertionError(" -> ".join([*path[path.index(name) :], name]))
        if name in done:
            return
        path.append(name)
        for target in sorted(edges[name]):
            visit(target)
        path.pop()
        done.add(name)

    for name in sorted(edges):
        visit(name)


@pytest.mark.parametrize("name", sorted(NEVER))
def test_rooms_keep_out_what_they_do_not_need(name):
    seen = [
        f"{module} imports {target}"
        for module, path in MODULES.items()
        if room(module) == name
        for target in imports(path, top_only=name != "knowledge")
        if target.split(".")[0] in NEVER[name]
    ]
    assert not seen, "\n".join(seen)


def test_no_file_is_a_whole_floor():
    longest = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in longest.items() if lines > 600} == {}


def test_the_live_diarizer_and_the_steps_are_short():
    for part in ("diarizer", "decider", "memory", "emitter"):
        path = SOURCE / "streaming" / f"{part}.py"
        assert len(path.read_text(encoding="utf-8").splitlines()) < 250, part
    tree = ast.parse((SOURCE / "pipelines" / "overlap.py").read_text(encoding="utf-8"))
    steps = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for step in ("segment", "embed", "cluster", "assign", "reconstruct"):
        node = steps[step]
        body = node.body[1:] if isinstance(node.body[0], ast.Expr) else node.body
        assert body[-1].end_lineno - body[0].lineno < 25, step
