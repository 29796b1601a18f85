"""What every test shares: reproducible random examples, what can run here, and the count of executed notebooks."""

import os
import shutil
import sys
from functools import partialmethod
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from nbclient import NotebookClient
from tests.pages import CHROMIUM, HTML, notebooks

# Two test processes share two cores: more threads would only get in each other's way.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.setdefault("DIARBOOK_STRICT", "1")  # kernels of notebooks inherit it: a claim that fails is an error

# On a busy machine a kernel may take longer than nbclient's minute to start; nbmake has no setting for it.
NotebookClient.__init__ = partialmethod(NotebookClient.__init__, startup_timeout=600)

TESTS = Path(__file__).resolve().parent
# Folders and modules whose results depend on floating point: their tests are marked `numeric`.
NUMERIC = {"backends", "clustering", "embeddings", "metrics", "networks", "pipelines", "segmentation", "streaming"}
NUMERIC |= {"vectordb", "voiceprints", "test_backends", "test_features", "test_gaussians", "test_hybrid"}
NUMERIC |= {"test_pipeline", "test_protection", "test_resegmentation", "test_simulation", "test_vad"}

NO_CONSTANTS = type(providers.GLOBAL_CONSTANTS)()

# The same examples on every machine and in every order of the tests: nothing is remembered from earlier runs, and
# nothing depends on which modules are loaded. Hypothesis has no setting for the latter: it draws constants from the
# source of every local module that was imported before, so the pool is replaced by an empty one.
settings.register_profile(
    "book", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("book")
providers._get_local_constants = lambda: NO_CONSTANTS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-notebooks", action="store_true", help="fail unless every notebook of _toc.yml was executed")


def _cannot_run() -> dict[str, str]:
    """Markers whose tests cannot run here, and why."""
    reasons = {}
    if not (HTML / "index.html").is_file():
        reasons["book"] = "the book is not built; run `make book` first"
    if not any(map(shutil.which, CHROMIUM)):
        reasons["browser"] = f"no Chromium here (looked for {', '.join(CHROMIUM)}); install one"
    return reasons


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        relative = item.path.relative_to(TESTS) if item.path.is_relative_to(TESTS) else None
        if relative is not None and (relative.parts[0] in NUMERIC or relative.stem in NUMERIC):
            item.add_marker(pytest.mark.numeric)
    absent = _cannot_run()
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in absent)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    # SpeechBrain, which pyannote.audio imports too, leaves modules behind that import themselves when asked for
    # __file__, and fail where their extra is not installed. Hypothesis asks every module.
    if lazy := sys.modules.get("speechbrain.utils.importutils"):
        lazy.LazyModule.__file__ = None


_executed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    file = report.nodeid.partition("::")[0]
    if report.when == "call" and report.passed and file.endswith(".ipynb"):
        _executed.add(Path(file).stem)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("all_notebooks") and not hasattr(session.config, "workerinput"):
        expected = {path.stem for path in notebooks()}
        if (not expected or _executed != expected) and exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker, reason in _cannot_run().items():
        terminalreporter.write_line(f"NOT RUN: tests marked {marker}: {reason}.")
    if config.getoption("all_notebooks"):
        expected = {path.stem for path in notebooks()}
        terminalreporter.write_line(f"Notebooks executed: {len(_executed)} of {len(expected)} in _toc.yml.")
        if missing := sorted(expected ^ _executed):
            terminalreporter.write_line(f"ERROR: not executed, or not in _toc.yml: {', '.join(missing)}.")
