"""`make book`, killed wherever it is, and called again: it succeeds. A tiny book stands in for the whole one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What the build prints when it enters each of its phases.
PHASES = ("reading sources", "Executing notebook", "pickling environment", "copying static files", "writing output")


def notebook(name, code):
    cells = [
        {"cell_type": "markdown", "id": f"{name}-0", "metadata": {}, "source": [f"# {name}\n"]},
        {
            "cell_type": "code",
            "id": f"{name}-1",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": [code],
        },
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def book(tmp_path):
    """The real Makefile and configuration with two quick notebooks; what is installed is taken as it is."""
    for file in ("Makefile", "_config.yml", "requirements.lock", "pyproject.toml", "data/references.bib"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    for folder in ("book/_static", "tests/offline", "src"):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nchapters:\n- file: notebooks/one\n- file: notebooks/two\n", encoding="utf-8"
    )
    (tmp_path / "index.md").write_text("# A tiny book\n", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/one.ipynb").write_text(notebook("one", "print('answer', 6 * 7)"), encoding="utf-8")
    (tmp_path / "notebooks/two.ipynb").write_text(notebook("two", "print('answer', 7 * 8)"), encoding="utf-8")
    return tmp_path


def make_book(folder, until=None):
    """Run `make book`, or kill it and all that it started when it prints a text; its status and what it printed."""
    with (folder / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["make", "-o", ".venv/.ready", "-o", "data/cache/.fetched", "book"],
            cwd=folder,
            env={key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while process.poll() is None:
            time.sleep(0.02)
            if until is not None and until in (folder / "log").read_text(encoding="utf-8"):
                os.killpg(process.pid, signal.SIGKILL)
                break
        return process.wait(), (folder / "log").read_text(encoding="utf-8")


def test_a_build_that_is_killed_in_each_of_its_phases_succeeds_when_it_is_called_again(book):
    for phase in PHASES:
        status, printed = make_book(book, until=phase)
        assert status == -signal.SIGKILL, f"{phase}: {printed[-2000:]}"
    status, printed = make_book(book)
    assert status == 0, printed[-2000:]
    for name, answer in (("one", "answer 42"), ("two", "answer 56")):
        assert answer in (book / "_build/html/notebooks" / f"{name}.html").read_text(encoding="utf-8")
