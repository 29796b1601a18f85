"""One page that fails says so, is a warning, and costs the others nothing."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat import v4
from tests.sphinx.small_book import LIMIT, text_of

from diarbook.sphinx.failures import Failure, failure_of

CONFIGURATION = """
extensions = ["myst_nb", "diarbook.sphinx.extension"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = False
nb_execution_timeout = 60
html_theme = "basic"
exclude_patterns = ["_build"]
"""

JUPYTER_BOOK = """
title: Two pages
author: A
only_build_toc_files: true
execute: {execute_notebooks: cache, timeout: 60, allow_errors: false}
sphinx:
  extra_extensions: [diarbook.sphinx.extension]
  config: {nb_execution_raise_on_error: false, use_multitoc_numbering: false}
"""


def error(name, value):
    return v4.new_output("error", ename=name, evalue=value, traceback=["..."])


def test_the_cell_that_failed_is_named_by_its_number_its_first_line_and_its_error():
    cells = [
        v4.new_markdown_cell("# T"),
        v4.new_code_cell("1 / 0", outputs=[error("ZeroDivisionError", "expected")]),
        v4.new_markdown_cell("Then"),
        v4.new_code_cell("\nassert x == 2, 'no'\ny", outputs=[error("AssertionError", "\x1b[31mno\x1b[0m\nmore")]),
        v4.new_code_cell("never"),
    ]
    report = "Traceback ...\nnbclient.exceptions.CellExecutionError: An error\n\nmore\n\nIn cell 4 of the notebook.\n"
    assert failure_of({"cells": cells}, report) == Failure("AssertionError: no", 2, "assert x == 2, 'no'")


def test_a_cell_that_ran_too_long_left_no_error_behind():
    cells = [v4.new_code_cell("a"), v4.new_code_cell("while True: pass")]
    report = (
        "  File x\n    raise e\nnbclient.exceptions.CellTimeoutError: A cell timed out, after 60 seconds.\n"
        "The message was: Cell execution timed out.\n\nIn cell 2 of the notebook.\n"
    )
    message = "CellTimeoutError: A cell timed out, after 60 seconds."
    assert failure_of({"cells": cells}, report) == Failure(message, 2, "while True: pass")


def test_a_kernel_that_did_not_start_ran_no_cell():
    report = "Traceback (most recent call last):\njupyter_client.kernelspec.NoSuchKernel: No such kernel named x\n"
    cells = [v4.new_code_cell("a")]
    assert failure_of({"cells": cells}, report) == Failure("NoSuchKernel: No such kernel named x")
    assert failure_of({"cells": []}, "") == Failure("unknown error")


class Book:
    """Two pages with a notebook each."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "conf.py").write_text(CONFIGURATION)
        (folder / "index.md").write_text("# Front\n\n```{toctree}\ngood\nbad\n```\n")
        self.write("good", "print(6 * 7)")
        self.write("bad", "print('before')", "print(2 * 3)")

    def write(self, name, *sources, title=None):
        cells = [v4.new_markdown_cell(f"# {title or name.capitalize()}"), *map(v4.new_code_cell, sources)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), self.folder / f"{name}.ipynb")

    def build(self, *command):
        """Exit status and warnings of a build, by default with the folders that Jupyter Book has."""
        sphinx = ("-m", "sphinx", "-q", "-W", "-n", "--keep-going", "-d", "_build/.doctrees", ".", "_build/html")
        environment = os.environ | {"NO_COLOR": "1"}
        done = subprocess.run(
            [sys.executable, *(command or sphinx)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=LIMIT,
        )
        return done.returncode, "".join(line for line in done.stderr.splitlines(True) if "[IPKernelApp]" not in line)

    def page(self, name):
        return text_of(self.folder / "_build" / "html" / f"{name}.html")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    book = Book(folder)
    assert book.build() == (0, "")
    return folder


@pytest.fixture
def book(built, tmp_path):
    """A copy of a book that was built."""
    made = Book(tmp_path)
    for path in built.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, tmp_path / path.name)
    return made


def test_a_page_that_fails_says_so_and_costs_the_other_nothing(book):
    assert "did not run" not in book.page("bad")
    shutil.rmtree(book.folder / "_build")
    book.write("bad", "print('before')", "# hidden\nassert 1 > 2, 'one is less'", "print('after')")
    for _ in range(2):  # the second build is no better than the first
        status, warnings = book.build()
        assert status > 0
        assert "bad.ipynb: WARNING: code cell 2 failed: AssertionError: one is less" in warnings
        assert "42" in book.page("good")
        page = book.page("bad")
        assert "Code cell 2 failed, # hidden: AssertionError: one is less. Results from there on are missing." in page
        assert page.index("This page did not run to its end") < page.index("before")
    assert (book.folder / "_build" / "html" / "reports" / "bad.err.log").exists()
    book.write("bad", "print('before')", "print(2 * 3)")
    assert book.build() == (0, "")
    assert "did not run" not in book.page("bad")
    assert "6" in book.page("bad")
    assert not (book.folder / "_build" / "html" / "reports" / "bad.err.log").exists()


def test_a_failure_that_goes_away_by_itself_is_tried_again(book):
    """The page's file is the same, so Sphinx alone would not look at it again."""
    book.write("bad", "import os\nassert os.path.exists('there')")
    assert book.build()[0] > 0
    (book.folder / "there").touch()
    assert book.build() == (0, "")
    assert "did not run" not in book.page("bad")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(1)", "Code cell 1 failed, import os: DeadKernelError"),
        (None, "It could not be read or started: NotJSONError"),
    ],
)
def test_a_kernel_that_dies_and_a_file_that_is_cut_cost_the_other_page_nothing(book, source, said):
    if source is None:
        path = book.folder / "bad.ipynb"
        path.write_text(path.read_text()[:-40])
    else:
        book.write("bad", source)
    book.write("good", "print(40 + 4)")
    assert book.build()[0] > 0
    assert said in book.page("bad")
    assert "44" in book.page("good")


def test_a_build_that_is_killed_while_it_executes_is_completed_by_the_next(book):
    shutil.rmtree(book.folder / "_build")
    kill = "import os, signal\nif os.path.exists('kill'):\n    os.kill(os.getppid(), signal.SIGKILL)\nprint('alive')"
    book.write("good", kill)
    (book.folder / "kill").touch()
    assert book.build()[0] == -9
    (book.folder / "kill").unlink()
    assert book.build() == (0, "")
    assert "alive" in book.page("good")


def test_jupyter_book_fails_too(tmp_path):
    """What ``make book`` runs."""
    book = Book(tmp_path)
    (tmp_path / "conf.py").unlink()
    (tmp_path / "_config.yml").write_text(JUPYTER_BOOK)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n- file: good\n- file: bad\n")
    (tmp_path / "index.md").write_text("# Front\n")
    book.write("bad", "1 / 0")
    status, warnings = book.build(
        "-c", "from jupyter_book.cli.main import main; main()", "build", ".", "-W", "-n", "--keep-going"
    )
    assert status > 0
    assert "code cell 1 failed: ZeroDivisionError: division by zero" in warnings
    assert "Code cell 1 failed, 1 / 0: ZeroDivisionError: division by zero." in book.page("bad")
    assert "42" in book.page("good")
