"""A set-up that is killed anywhere is made anew by the next `make`; stubs stand in for Python, pip and uv."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Writes down what it is asked for; at step $DIE_AT it kills the whole process group, as a power cut would.
STUB = """\
#!/bin/sh
[ "$1" = -c ] && exit 0
echo "$@" >> "$LOG"
case "$*" in
*"-m venv"*)
  for last; do :; done
  mkdir -p "$last/bin" && cp "$0" "$last/bin/python" && printf '#!/bin/sh\\necho diarbook "$@" >> "$LOG"\\n' \\
    > "$last/bin/diarbook" && chmod +x "$last/bin/diarbook" ;;
esac
[ "$(wc -l < "$LOG")" = "$DIE_AT" ] && { touch "$(dirname "$LOG")/killed"; kill -9 0; }
exit 0
"""
STEPS = 4  # venv, pip install uv, uv pip sync, pip install --editable


@pytest.fixture
def clone(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "data").mkdir()
    for file in ("requirements.lock", "pyproject.toml", "data/audio.yaml", "data/models.yaml"):
        (tmp_path / file).write_text("\n", encoding="utf-8")
    stub = tmp_path / "stub-python"
    stub.write_text(STUB, encoding="utf-8")
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def make(clone, target="assets", die_at=0):
    """Run make in a process group of its own; the steps that it took."""
    log = clone / "log"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        ["make", "--silent", f"PYTHON={clone / 'stub-python'}", target],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "LOG": str(log), "DIE_AT": str(die_at)},
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_the_first_set_up_takes_every_step_and_the_second_none(clone):
    status, steps = make(clone)
    assert status == 0
    assert len(steps) == STEPS + 1
    assert (clone / ".venv/.ready").is_file()
    assert make(clone) == (0, ["diarbook fetch"])


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_set_up_killed_at_any_step_is_made_anew(clone, step):
    (clone / ".venv/lib").mkdir(parents=True)
    (clone / ".venv/lib/half-written").touch()
    status, steps = make(clone, die_at=step)
    assert status != 0
    assert len(steps) == step
    assert not (clone / ".venv/.ready").exists()
    (clone / ".venv/lib").mkdir(exist_ok=True)
    (clone / ".venv/lib/half-written").touch()
    status, steps = make(clone)
    assert status == 0
    assert len(steps) == STEPS + 1
    assert (clone / ".venv/.ready").is_file()
    assert not (clone / ".venv/lib/half-written").exists()


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_an_update_killed_at_any_step_is_made_anew(clone, step):
    assert make(clone)[0] == 0
    later = (clone / ".venv/.ready").stat().st_mtime + 10
    os.utime(clone / "requirements.lock", (later, later))
    assert make(clone, die_at=step)[0] != 0
    assert not (clone / ".venv/.ready").exists()
    os.utime(clone / "requirements.lock", (later - 20, later - 20))
    status, steps = make(clone)
    assert status == 0
    assert len(steps) == STEPS + 1


def test_an_update_keeps_what_is_installed(clone):
    assert make(clone)[0] == 0
    (clone / ".venv/lib").mkdir()
    (clone / ".venv/lib/installed").touch()
    later = (clone / ".venv/.ready").stat().st_mtime + 10
    os.utime(clone / "requirements.lock", (later, later))
    assert make(clone)[0] == 0
    assert (clone / ".venv/lib/installed").is_file()


def test_a_fetch_that_was_killed_is_repeated(clone):
    assert make(clone, target="assets", die_at=0)[0] == 0
    fetched = clone / "data/cache/.fetched"
    fetched.unlink()
    status, steps = make(clone, target="data/cache/.fetched")
    assert (status, steps) == (0, ["diarbook fetch"])
    assert fetched.is_file()


def test_bench_leaves_out_what_hunts_for_faults_or_needs_files_that_are_not_kept(clone):
    (clone / "benchmarks").mkdir()
    apart = ("shake", "mutants", "fuzz", "alignment")
    for name in ("pages", *apart):
        (clone / "benchmarks" / f"{name}.py").touch()
    shown = subprocess.run(
        ["make", "--dry-run", "--silent", "PYTHON=true", "bench"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout
    [line] = [line for line in shown.splitlines() if line.startswith("for file in")]
    assert "benchmarks/pages.py" in line
    assert not any(name in line for name in apart)
