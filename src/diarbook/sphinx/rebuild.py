"""Builds that can be repeated: which pages and outputs are made again, and what an interrupted build left behind.

``python -m diarbook.sphinx.rebuild _build`` removes what no build could use; it is silent when there is nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarbook.files import repository_root
from diarbook.knowledge.evidence import evidence_files
from diarbook.knowledge.ontology import ontology_files

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

UNFINISHED = ".unfinished"
"""A file in the built book while it is being built; one that stays says that the build failed or was interrupted."""

SETTINGS = ("CI", "DIARBOOK_SEED", "DIARBOOK_STRICT")
"""Environment variables that change what a notebook prints."""

KEPT_EXECUTIONS = 2
"""Of how many states of the code the executed notebooks are kept."""


# ---- What an interrupted build left behind -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a build keeps what.

    Parameters
    ----------
    output : path
        The built book.
    doctrees : path
        Pages as Sphinx has read them, and its environment.
    outputs : path
        Pictures of the executed notebooks, each named by the digest of its content.
    executions : path
        Executed notebooks, one cache for each state of the code.
    """

    output: Path
    doctrees: Path
    outputs: Path
    executions: Path

    @classmethod
    def below(cls, build: Path) -> Folders:
        """The folders of Jupyter Book."""
        return cls(build / "html", build / ".doctrees", build / "jupyter_execute", build / ".jupyter_cache")

    @classmethod
    def of(cls, app: Sphinx) -> Folders:
        """The folders of a build that runs."""
        build = Path(app.outdir).parent
        return cls(Path(app.outdir), Path(app.doctreedir), build / "jupyter_execute", build / ".jupyter_cache")


def repair(folders: Folders) -> list[str]:
    """Remove what no build could use; returns one line for each thing.

    After a build that failed or was interrupted, and whenever something else had to go, every page is read again:
    Sphinx would take pages for written that are not. Executed notebooks are kept if they are whole.
    """
    removed = [
        *_files_for_folders(folders),
        *_cut_pictures(folders.outputs),
        *_unusable_executions(folders.executions),
    ]
    environment = folders.doctrees / "environment.pickle"
    if environment.is_file():
        if _is_cut(environment):
            removed.append(f"{environment}: it was not written to its end")
        if removed or (folders.output / UNFINISHED).exists():
            environment.unlink()
    return removed


def _files_for_folders(folders: Folders) -> Iterator[str]:
    """Files where folders belong: copying a picture into a folder that is not there makes such a file."""
    inside = ("_static", "_images", "_sources", "_downloads", "reports")
    expected = (folders.output, *(folders.output / name for name in inside))
    for path in (*expected, folders.doctrees, folders.outputs, folders.executions):
        if path.is_file():
            path.unlink()
            yield f"{path}: a file where a folder belongs"


def _is_cut(pickle: Path) -> bool:
    """Whether a pickle lacks its end; Sphinx looks at the rest itself."""
    with pickle.open("rb") as handle:
        handle.seek(max(0, pickle.stat().st_size - 1))
        return handle.read() != b"."


def _cut_pictures(outputs: Path) -> Iterator[str]:
    """Pictures whose content is not what their name says: an existing picture is never written again."""
    for path in sorted(outputs.glob("?" * 64 + ".*")):
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            path.unlink()
            yield f"{path}: it was not written to its end"


def _unusable_executions(executions: Path) -> Iterator[str]:
    """Caches of executed notebooks that SQLite cannot read, and single notebooks that were not written to their end."""
    for cache in sorted(path for path in executions.glob("*") if path.is_dir()):
        database = cache / "global.db"
        try:
            yield from _unusable_notebooks(cache, database)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                continue  # another build is writing
            shutil.rmtree(cache)
            yield f"{cache}: its database cannot be read ({error})"


def _unusable_notebooks(cache: Path, database: Path) -> Iterator[str]:
    if not database.is_file():
        if any(cache.iterdir()):
            shutil.rmtree(cache)
            yield f"{cache}: its database is missing"
        return
    with closing(sqlite3.connect(database, timeout=1)) as connection:
        faults = [fault for (fault,) in connection.execute("PRAGMA quick_check") if fault != "ok"]
        if faults:
            raise sqlite3.DatabaseError(faults[0])
        connection.execute("SELECT 1 FROM nbproject, settings LIMIT 1")
        recorded = {key for (key,) in connection.execute("SELECT hashkey FROM nbcache")}
        stored = {path.name: path for path in (cache / "executed").glob("*")}
        for key in sorted(recorded | set(stored)):
            notebook = cache / "executed" / key / "base.ipynb"
            if key in recorded and _is_notebook(notebook):
                continue
            with connection:
                connection.execute("DELETE FROM nbcache WHERE hashkey = ?", (key,))
            shutil.rmtree(notebook.parent, ignore_errors=True)
            yield f"{notebook}: it was not written to its end"


def _is_notebook(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")).get("cells"), list)
    except (OSError, ValueError, AttributeError):
        return False


def begin(app: Sphinx) -> None:
    """Repair what an earlier build left, and note that this one has begun."""
    folders = Folders.of(app)
    repair(folders)
    folders.output.mkdir(parents=True, exist_ok=True)
    (folders.output / UNFINISHED).touch()


def make_static_folder(app: Sphinx) -> None:
    """Make the folder that themes copy their pictures into, even when a build fails before Sphinx makes it."""
    if app.builder.format == "html":
        (Path(app.outdir) / "_static").mkdir(parents=True, exist_ok=True)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Note that the build is complete. One whose warnings are errors is not, and warns of the same next time."""
    warned = app._warncount and (app.keep_going or app.warningiserror)
    if error is None and not warned:
        (Path(app.outdir) / UNFINISHED).unlink(missing_ok=True)


# ---- Which pages are read again ------------------------------------------------------------------------------------


def fingerprint(kind: str) -> str:
    """Which files a page that lists files would list."""
    from diarbook.sphinx.api import public_modules

    if kind == "api":
        return json.dumps(public_modules())
    paths = ontology_files() if kind == "ontology" else evidence_files()
    return hashlib.sha256("".join(map(str, paths)).encode()).hexdigest()


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages that list files, when the files have become others; sphinx itself sees changes of known files."""
    before = getattr(env, "wsw_fingerprints", {})
    env.wsw_fingerprints = {kind: fingerprint(kind) for kind in ("ontology", "evidence", "api")}
    moved = {kind for kind, value in env.wsw_fingerprints.items() if before.get(kind) != value}
    pages = {name for name, data in env.metadata.items() if data.get("wsw_depends") in moved}
    if added or removed:  # links to chapters that were planned, or are gone
        pages |= {name for name, data in env.metadata.items() if "wsw_depends" in data}
    return sorted(pages & env.found_docs)


# ---- Which notebooks are executed again ----------------------------------------------------------------------------


def execution_fingerprint(root: Path) -> str:
    """A digest of what a notebook's outputs depend on besides the notebook: code, data, settings, package versions."""
    package = root / "src" / "diarbook"
    files = [
        *(path for path in package.rglob("*") if path.suffix in (".py", ".js", ".css")),
        *(root / "book" / "_static").glob("*.js"),
        root / "data" / "audio.yaml",
        root / "data" / "models.yaml",
        *(root / "data" / "conformance").rglob("*"),
        *(root / "data" / "evidence").glob("*.json"),
        root / "requirements.lock",
    ]
    digest = hashlib.sha256(json.dumps([os.environ.get(name) for name in SETTINGS]).encode())
    for path in sorted(path for path in files if path.is_file()):
        if path.parent != package / "sphinx":  # makes pages, not outputs
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def choose_execution_cache(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks by the code that they ran on, so that an edit to the code runs them again."""
    root = repository_root()
    if root is not None and not config.nb_execution_cache_path:
        config.nb_execution_cache_path = str(Folders.of(app).executions / execution_fingerprint(root))


def forget_old_executions(app: Sphinx, error: Exception | None) -> None:
    """Keep the executions of this code and of the code before it."""
    current = Path(getattr(app.config, "nb_execution_cache_path", "") or ".")
    if current.parent.name == ".jupyter_cache" and current.is_dir():
        os.utime(current)
        by_age = sorted((path for path in current.parent.iterdir() if path.is_dir()), key=lambda p: p.stat().st_mtime)
        for path in by_age[:-KEPT_EXECUTIONS]:
            shutil.rmtree(path, ignore_errors=True)


def setup(app: Sphinx) -> dict[str, object]:
    """Repair at once, and register what decides on pages and outputs."""
    begin(app)
    if "myst_nb" in app.extensions:
        app.connect("config-inited", choose_execution_cache)
        app.connect("build-finished", forget_old_executions)
    app.connect("builder-inited", make_static_folder)
    app.connect("env-get-outdated", outdated)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main(arguments: list[str]) -> int:
    """Repair the build folder that is named, one line for each thing that was removed."""
    if len(arguments) != 1:
        print("usage: python -m diarbook.sphinx.rebuild BUILD_FOLDER", file=sys.stderr)
        return 2
    for line in repair(Folders.below(Path(arguments[0]))):
        print(f"removed {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
