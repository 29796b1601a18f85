"""A build that failed or was interrupted never spoils the next."""

import hashlib
import json
import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat import v4
from tests.sphinx.small_book import build, run_sphinx

from diarbook.sphinx.base import write_static
from diarbook.sphinx.rebuild import UNFINISHED, Folders, execution_fingerprint, forget_old_executions, main, repair

PICTURE = b"\x89PNG picture"


def notebook(source):
    return v4.new_notebook(cells=[v4.new_code_cell(source, outputs=[v4.new_output("stream", text="3")])])


def cache_of(folder):
    """The cache of one state of the code with two executed notebooks."""
    cache = get_cache(folder / "_build" / ".jupyter_cache" / "0123")
    for source in ("print(3)", "print(1 + 2)"):
        cache.cache_notebook_bundle(CacheBundleIn(notebook(source), f"{source}.ipynb"), check_validity=False)
    return cache


@pytest.fixture
def folders(tmp_path):
    """A complete build."""
    cache_of(tmp_path).db.dispose()
    made = Folders.below(tmp_path / "_build")
    (made.output / "_static").mkdir(parents=True)
    made.doctrees.mkdir()
    (made.doctrees / "environment.pickle").write_bytes(pickle.dumps({"all_docs": {}}))
    made.outputs.mkdir()
    (made.outputs / f"{hashlib.sha256(PICTURE).hexdigest()}.png").write_bytes(PICTURE)
    return made


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def executions(folders):
    return get_cache(folders.executions / "0123")


def is_cached(cache, source):
    try:
        cache.merge_match_into_notebook(notebook(source))
    except KeyError:
        return False
    return True


def can_be_cached(cache, source="print(3)"):
    """What myst-nb does with a notebook that it has executed, and in the next build."""
    cache.cache_notebook_bundle(CacheBundleIn(notebook(source), "a.ipynb"), check_validity=False, overwrite=True)
    return is_cached(cache, source)


def test_a_complete_build_is_left_alone(folders, capsys):
    before = contents(folders.output.parent)
    assert main([str(folders.output.parent)]) == 0
    assert contents(folders.output.parent) == before
    assert capsys.readouterr() == ("", "")


def test_nothing_built_is_nothing_to_do(tmp_path, capsys):
    assert main([str(tmp_path / "_build")]) == 0
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_the_makefile_s_step_says_what_it_removed_and_needs_no_sphinx(folders):
    static = folders.output / "_static"
    static.rmdir()
    static.write_text("<svg/>")
    code = "import sys\nfrom diarbook.sphinx.rebuild import main\nprint(main(sys.argv[1:]), *sys.modules)"
    command = [sys.executable, "-c", code, str(folders.output.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    assert done.stderr == f"removed {static}: a file where a folder belongs\n"
    status, *modules = done.stdout.split()
    assert status == "0"
    assert not {"docutils", "sphinx", "numpy", "torch"} & set(modules)
    command = [sys.executable, "-m", "diarbook.sphinx.rebuild"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=600).returncode == 2


@pytest.mark.parametrize(
    "name", ["html", "html/_static", "html/_images", "html/reports", ".doctrees", "jupyter_execute"]
)
def test_a_file_where_a_folder_belongs_goes(folders, name):
    path = folders.output.parent / name
    if path.is_dir():
        path.rename(path.with_name("aside"))
    path.write_text("x")
    assert repair(folders) == [f"{path}: a file where a folder belongs"]
    assert not path.exists()


def test_an_unfinished_build_is_read_again(folders):
    (folders.output / UNFINISHED).touch()
    assert repair(folders) == []
    assert not (folders.doctrees / "environment.pickle").exists()
    assert executions(folders).list_cache_records()


@pytest.mark.parametrize("size", [0, 1, 20])
def test_an_environment_without_its_end_goes(folders, size):
    path = folders.doctrees / "environment.pickle"
    path.write_bytes(path.read_bytes()[:size])
    assert repair(folders) == [f"{path}: it was not written to its end"]
    assert not path.exists()


def test_a_picture_without_its_end_goes_and_is_made_again(folders):
    [path] = folders.outputs.glob("*.png")
    path.write_bytes(PICTURE[:-1])
    other = folders.outputs / "notes.png"
    other.write_bytes(b"x")
    assert repair(folders) == [f"{path}: it was not written to its end"]
    assert not path.exists()
    assert other.exists()
    assert not (folders.doctrees / "environment.pickle").exists()


def test_an_execution_without_its_end_is_made_again_and_the_other_is_kept(folders):
    cache = executions(folders)
    first = cache.match_cache_notebook(notebook("print(3)")).hashkey
    path = folders.executions / "0123" / "executed" / first / "base.ipynb"
    path.write_text(path.read_text()[:-10])
    assert repair(folders) == [f"{path}: it was not written to its end"]
    assert not is_cached(cache, "print(3)")
    assert is_cached(cache, "print(1 + 2)")
    assert can_be_cached(cache)


def test_a_record_without_its_execution_is_forgotten(folders):
    """Killed between the record and the file, myst-nb raised KeyError in every build after that."""
    cache = executions(folders)
    path = folders.executions / "0123" / "executed" / cache.match_cache_notebook(notebook("print(3)")).hashkey
    (path / "base.ipynb").unlink()
    assert len(repair(folders)) == 1
    assert not is_cached(cache, "print(3)")
    assert can_be_cached(cache)


def test_an_execution_without_its_record_is_forgotten(folders):
    cache = executions(folders)
    key = cache.match_cache_notebook(notebook("print(3)")).hashkey
    with closing(sqlite3.connect(folders.executions / "0123" / "global.db")) as database, database:
        database.execute("DELETE FROM nbcache WHERE hashkey = ?", (key,))
    (folders.executions / "0123" / "executed" / key / "base.ipynb").unlink()  # its folder alone stopped the next build
    assert len(repair(folders)) == 1
    assert can_be_cached(cache)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "no table", "flipped", "missing"])
def test_a_cache_whose_database_cannot_be_read_goes(folders, damage):
    database = folders.executions / "0123" / "global.db"
    content = database.read_bytes()
    if damage == "cut":
        database.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        database.write_bytes(content[:4096] + bytes(len(content) - 4096))
    elif damage == "no table":
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("DROP TABLE nbproject")
    elif damage == "missing":
        database.unlink()
    else:
        database.write_bytes(b"" if damage == "empty" else b"SQLite format 3 no more" * 100)
    [line] = repair(folders)
    assert line.startswith(f"{folders.executions / '0123'}: its database ")
    assert not database.parent.exists()
    assert can_be_cached(executions(folders))


def test_a_cache_that_another_build_writes_is_left_alone(folders):
    before = contents(folders.executions)
    with closing(sqlite3.connect(folders.executions / "0123" / "global.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert repair(folders) == []
        other.execute("ROLLBACK")
    assert contents(folders.executions) == before


def test_a_transaction_that_was_cut_off_is_rolled_back(folders, tmp_path):
    """A journal that a killed build left behind: SQLite undoes it, nothing is lost."""
    database = folders.executions / "0123" / "global.db"
    code = (
        "import os, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1')\n"
        "database.execute('BEGIN IMMEDIATE')\n"
        "database.execute('DELETE FROM nbcache')\n"
        "database.execute('CREATE TABLE filler (text)')\n"
        "for _ in range(500): database.execute('INSERT INTO filler VALUES (hex(randomblob(500)))')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(database)], check=False, timeout=600)
    assert database.with_name("global.db-journal").exists()
    assert repair(folders) == []
    assert len(executions(folders).list_cache_records()) == 2


def test_outputs_are_kept_by_code_scripts_settings_and_data_but_not_by_what_makes_pages(tmp_path, monkeypatch):
    package = tmp_path / "src" / "diarbook"
    for name in ("sphinx", "knowledge", "reader"):
        (package / name).mkdir(parents=True)
    digests = {execution_fingerprint(tmp_path)}
    (package / "sphinx" / "api.py").write_text("x")
    assert {execution_fingerprint(tmp_path)} == digests
    for path in (package / "turns.py", package / "knowledge" / "evidence.py", package / "reader" / "listen.js"):
        path.write_text("x")
        digests.add(execution_fingerprint(tmp_path))
    monkeypatch.setenv("DIARBOOK_STRICT", "0")  # the tests themselves are strict
    digests.add(execution_fingerprint(tmp_path))
    assert len(digests) == 5


def test_executions_of_older_code_are_forgotten(tmp_path):
    root = tmp_path / ".jupyter_cache"
    for name in ("a", "b", "c"):
        (root / name).mkdir(parents=True)
    forget_old_executions(SimpleNamespace(config=SimpleNamespace(nb_execution_cache_path=str(root / "a"))), None)
    assert len(list(root.iterdir())) == 2
    assert (root / "a").is_dir()


def test_static_files_are_written_whole_into_folders_that_are_made(tmp_path):
    app = SimpleNamespace(outdir=tmp_path / "html")
    write_static(app, "deep/er/x.js", "one")
    path = tmp_path / "html" / "_static" / "deep" / "er" / "x.js"
    before = path.stat().st_mtime_ns
    write_static(app, "deep/er/x.js", b"one")
    assert (path.read_text(), path.stat().st_mtime_ns) == ("one", before)
    write_static(app, "deep/er/x.js", "two")
    assert path.read_text() == "two"
    assert [file.name for file in path.parent.iterdir()] == ["x.js"]


# ---- Whole builds ----


FAILING = """
def stop(app, doctree):
    from pathlib import Path
    if (Path(app.srcdir) / "fail").exists():
        raise RuntimeError("planned")
def copy_logo(app, error):  # as a theme does, whatever happened
    from sphinx.util.fileutil import copy_asset_file
    copy_asset_file(Path(app.srcdir) / "logo.svg", Path(app.outdir) / "_static")
def setup(app):
    app.connect("doctree-read", stop)
    app.connect("build-finished", copy_logo)
from pathlib import Path
"""


def test_a_failed_build_leaves_no_file_called_static(tmp_path):
    """The theme copied its logo into a folder that was not there yet: every build after that failed."""
    (tmp_path / "logo.svg").write_text("<svg/>")
    said, _ = build(tmp_path, index="# One\n")
    assert said == ""
    (tmp_path / "conf.py").write_text((tmp_path / "conf.py").read_text() + FAILING)
    for path in sorted((tmp_path / "out").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "fail").touch()
    failed = run_sphinx(tmp_path)
    assert failed.returncode != 0
    assert (tmp_path / "out" / "_static").is_dir()
    assert (tmp_path / "out" / UNFINISHED).exists()
    (tmp_path / "fail").unlink()
    assert run_sphinx(tmp_path).stderr == ""
    assert not (tmp_path / "out" / UNFINISHED).exists()
    assert (tmp_path / "out" / "_static" / "logo.svg").read_text() == "<svg/>"


def test_a_warning_is_said_again_by_the_next_build(tmp_path):
    """Sphinx reads a page once: the second build of a page with a fault succeeded."""
    page = "# F\n\n```{chapter-card}\n:after: nowhere\n:question: Q?\n```\n"
    said, _ = build(tmp_path, index=page)
    assert "'after' names 'nowhere', which is no page" in said
    again = run_sphinx(tmp_path)
    assert again.returncode != 0
    assert "'after' names 'nowhere', which is no page" in again.stderr
    (tmp_path / "index.md").write_text("# F\n")
    assert run_sphinx(tmp_path).returncode == 0


KILLED = """
import os
def die(app, pagename, *rest):
    if os.path.exists("kill") and pagename == "b":
        os._exit(9)
def setup(app):
    app.connect("html-page-context", die)
"""


def test_a_build_that_is_killed_while_it_writes_is_completed_by_the_next(tmp_path):
    """Sphinx took the pages for written, since it had read them, and missed the index of the search."""
    pages = {name: f"# {name}\n\nOld.\n" for name in "abc"}
    toc = "# I\n\n```{toctree}\na\nb\nc\n```\n"
    said, _ = build(tmp_path, index=toc, **pages)
    assert said == ""
    (tmp_path / "conf.py").write_text((tmp_path / "conf.py").read_text() + KILLED)
    for name in pages:
        (tmp_path / f"{name}.md").write_text(f"# {name}\n\nNew.\n")
    (tmp_path / "kill").touch()
    assert run_sphinx(tmp_path).returncode == 9
    (tmp_path / "kill").unlink()
    (tmp_path / "out" / "searchindex.js").unlink()
    done = run_sphinx(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert all("New." in (tmp_path / "out" / f"{name}.html").read_text() for name in pages)
    index = (tmp_path / "out" / "searchindex.js").read_text()
    names = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["docnames"]
    assert set(names) == {"index", *pages}
