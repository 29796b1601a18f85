"""The set-up files agree with each other, and imports stay light."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from diarbook.knowledge.chapters import subjects
from diarbook.sphinx.api import public_modules

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
WITHOUT_FUNCTIONS = {"start", "stage-swap", "evaluation-in-short", "protocols"}  # they put together what others teach


def direct():
    lines = PROJECT["dependencies"] + [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def locked():
    found = {}
    for line in LOCK.splitlines():
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        found.setdefault(canonicalize_name(requirement.name), []).append((specifier.version, requirement.marker))
    return found


def test_the_lock_names_no_host_and_no_file():
    assert not re.search(r"://|^-| @ ", LOCK, re.M)


def test_the_lock_holds_every_direct_dependency_within_its_bounds():
    versions = locked()
    for name, requirement in direct().items():
        for version, _ in versions[name]:
            assert requirement.specifier.contains(version, prereleases=True), name


def test_what_is_installed_is_what_is_locked():
    from importlib.metadata import version

    for name, rows in locked().items():
        wanted = [locked_version for locked_version, marker in rows if marker is None or marker.evaluate()]
        if wanted and name in direct():
            assert version(name) == wanted[0], name


def test_environment_yml_is_made_of_the_lock():
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "environment.py"], capture_output=True, text=True, check=True, timeout=600
    )
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == done.stdout, "run `make lock`"


def test_the_readme_says_what_each_dependency_is_for():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.-]+)` \| (.+) \|$", text, re.M)
    assert len(rows) == len(dict(rows))
    assert {canonicalize_name(name) for name, _ in rows} == set(direct())


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "environment.yml", "Makefile", "book/colab.sh"])
def test_no_registry_is_named(name):
    assert "py" + "pi.org" not in (ROOT / name).read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("diarbook.metrics", {"torch", "librosa", "pandas", "matplotlib", "sklearn", "pyannote.audio"}),
        ("diarbook.rttm", {"torch", "librosa", "pandas", "matplotlib", "scipy"}),
        ("diarbook.cli", {"torch", "librosa", "pandas", "matplotlib", "numpy"}),
        ("diarbook.pipelines.diarize", {"pyannote.audio", "speechbrain", "librosa", "matplotlib"}),
        ("diarbook.vad", {"torch", "librosa", "pyannote.audio"}),
    ],
)
def test_imports_stay_light(module, heavy):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert not heavy & set(done.stdout.split())


def public_objects():
    """Name and docstring of every public function and class, where it is defined."""
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name, found in vars(module).items():
            if name.startswith("_") or not (inspect.isfunction(found) or inspect.isclass(found)):
                continue
            if found.__module__ == module_name:
                yield f"{module_name}.{name}", inspect.getdoc(found) or ""


def chapter_of(docstring):
    found = re.findall(r"^Chapter: (\S+)$", docstring, re.M)
    return found[-1] if found else None


TAUGHT = [row for row in public_objects() if not row[0].startswith(("diarbook.knowledge", "diarbook.errors"))]


def test_every_public_function_is_documented():
    assert [name for name, text in TAUGHT if not text] == []


def test_chapter_lines_name_pages_of_the_book():
    pages = {None, *(word for word, found in subjects().items() if not found.planned)}
    assert [(name, chapter_of(text)) for name, text in TAUGHT if chapter_of(text) not in pages] == []


def test_most_public_functions_name_their_chapter():
    """Helpers for showing and reading may lack the line; what a chapter teaches may not."""
    lacking = [
        name
        for name, text in TAUGHT
        if chapter_of(text) is None
        and not name.startswith(("diarbook.reader.plots", "diarbook.reader.listen", "diarbook.cli"))
    ]
    assert lacking == []


def test_every_chapter_of_the_cascade_is_named_by_a_function():
    taught = {chapter_of(text) for _, text in TAUGHT}
    written = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} & set(subjects())
    assert written - taught - WITHOUT_FUNCTIONS == set()


def test_public_modules_parse_in_every_supported_python():
    lowest = tuple(map(int, re.search(r">=(\d+)\.(\d+)", PROJECT["requires-python"]).groups()))
    assert lowest == (3, 11)
    import ast

    for path in (ROOT / "src").rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=lowest)


def test_the_network_guard_lets_only_this_machine_through():
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname()).close()\n"
        "for call in (lambda: socket.create_connection(('192.0.2.1', 80), 1),\n"
        "             lambda: socket.getaddrinfo('a.test', 80),\n"
        "             lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))):\n"
        "    try: call()\n"
        "    except OSError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "tests" / "offline")},
        check=True,
        timeout=600,
    )
    assert done.stdout.split() == ["OfflineError"] * 3


def test_colab_keeps_its_torch(tmp_path):
    """The set-up of Colab, with a Python whose pip only writes down what it is asked."""
    (tmp_path / "python3").write_text(
        "#!/bin/bash\n"
        'case "$*" in\n'
        f'  "-") exec {sys.executable} - ;;\n'
        '  "-c import diarbook"*) exit 1 ;;\n'
        f'  *"pip install"*) echo "$@" >>{tmp_path}/calls; while [ "$1" != --constraint ]; do shift; done;'
        f' cp "$2" {tmp_path}/constraints ;;\n'
        f'  *) echo "$@" >>{tmp_path}/calls ;;\n'
        "esac\n"
    )
    (tmp_path / "python3").chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / "book" / "colab.sh"],
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=False,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, "")
    import numpy
    import torch

    pins = (tmp_path / "constraints").read_text().split()
    assert {f"torch=={torch.__version__.partition('+')[0]}", f"numpy=={numpy.__version__}"} <= set(pins)
    install, fetch = (tmp_path / "calls").read_text().splitlines()
    assert install.endswith("diarbook[notebooks] @ git+https://github.com/kb4ai/speaker-diarization-pub-kb@main")
    assert fetch == "-m diarbook fetch --quiet"
    assert done.stdout.startswith("diarbook is ready: ")
    assert done.stdout.count("\n") == 1


def test_colab_says_what_failed(tmp_path):
    (tmp_path / "python3").write_text(
        '#!/bin/bash\ncase "$*" in *pip*) echo "ERROR: no wheel"; exit 1 ;; "-c"*) exit 1 ;; esac\n'
    )
    (tmp_path / "python3").chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / "book" / "colab.sh"],
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=False,
        timeout=600,
    )
    assert done.returncode == 1
    assert done.stderr == "diarbook: the set-up failed while installing the package:\nERROR: no wheel\n"
