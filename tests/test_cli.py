"""The command line as a user meets it; what single commands compute is tested beside their modules."""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time

import click
import pytest

import diarbook.commands
from diarbook import cli
from diarbook.errors import AudioError


def run(*arguments, **options):
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "diarbook", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
        **options,
    )


def call(capsys, *arguments):
    """Exit status, standard output and standard error, in this process."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return caught.value.code, out, err


def assert_one_line(err):
    assert err.startswith("diarbook: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_every_command_is_listed_with_its_own_words():
    names = [
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(diarbook.commands.__path__)
        if module.name != "common"
    ]
    assert sorted(names) == sorted(cli.COMMANDS)
    for name, help_text in cli.COMMANDS.items():
        command = importlib.import_module(f"diarbook.commands.{name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        assert command.name == name
        assert command.get_short_help_str(limit=200) == help_text


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help(capsys, arguments):
    status, out, _ = call(capsys, *arguments)
    assert status == 0
    assert all(name in out for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_each_command(capsys, name):
    status, out, _ = call(capsys, name, "--help")
    assert status == 0
    assert out.startswith(f"Usage: diarbook {name}")


def test_version(capsys):
    assert call(capsys, "--version") == (0, f"diarbook {diarbook.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("--frobnicate",), "No such option '--frobnicate'"),
        (("fetch", "--frobnicate"), "(see `diarbook fetch --help`)"),
        (("score",), "Missing argument"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(capsys, arguments, message):
    status, out, err = call(capsys, *arguments)
    assert (status, out) == (2, "")
    assert_one_line(err)
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "nope"), "unknown model or recording 'nope'"),
        (("score", "missing.rttm", "missing.rttm"), "missing.rttm: no such file"),
    ],
)
def test_an_error_is_one_line_and_status_1(capsys, arguments, message):
    status, out, err = call(capsys, *arguments)
    assert (status, out) == (1, "")
    assert_one_line(err)
    assert message in err


def test_a_malformed_rttm_line_is_named_with_its_number(capsys, tmp_path):
    path = tmp_path / "bad.rttm"
    path.write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> A <NA> <NA>\nSPEAKER a 1 zero 1.0 <NA> <NA> A <NA> <NA>\n")
    status, _, err = call(capsys, "score", path.as_posix(), path.as_posix())
    assert status == 1
    assert_one_line(err)
    assert f"{path}:2: start must be a number of seconds, got 'zero'" in err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (AudioError("a.wav: first\n  second"), 1, "diarbook: a.wav: first second\n"),
        (KeyboardInterrupt(), 130, "diarbook: interrupted\n"),
        (click.Abort(), 130, "diarbook: interrupted\n"),
        (click.FileError("a.wav", "gone"), 1, "diarbook: Could not open file 'a.wav': gone\n"),
        (MemoryError(), 1, "diarbook: out of memory; give shorter audio or close other programs\n"),
    ],
)
def test_whatever_a_command_raises(capsys, monkeypatch, error, status, message):
    @click.command()
    def failing():
        raise error

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: failing)
    assert call(capsys, "info") == (status, "", message)


def test_the_status_that_a_command_returns_is_the_exit_status(capsys, monkeypatch):
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: click.command()(lambda: 3))
    assert call(capsys, "info")[0] == 3


def test_an_interrupt_from_the_keyboard(tmp_path):
    code = (
        "import time, click, diarbook.cli as cli\n"
        "cli.LazyGroup.get_command = lambda *_: click.command()(lambda: (print('ready', flush=True), time.sleep(60)))\n"
        "cli.main(['info'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "diarbook: interrupted\n"


def test_a_reader_that_leaves_is_no_error():
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {{ {sys.executable} -m diarbook info; echo status $? >&2; }} | head -c 1",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr in ("status 0\n", "status 141\n")


def test_help_imports_no_heavy_package():
    code = (
        "import sys, contextlib, diarbook.cli\n"
        "with contextlib.suppress(SystemExit): diarbook.cli.main(['--help'])\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'librosa', 'yaml'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("\n[]\n")


def test_fetch_with_everything_there():
    done = run("fetch")
    assert (done.returncode, done.stdout) == (0, "")
    assert "verified in" in done.stderr
    assert run("fetch", "--quiet", "ge2e").stderr == ""


def test_fetch_into_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("fetch", "sample", env={"DIARBOOK_CACHE": str(tmp_path / "file")})
    assert done.returncode == 1
    assert_one_line(done.stderr)
    assert "set DIARBOOK_CACHE" in done.stderr


def test_fetch_from_an_empty_mirror(tmp_path):
    done = run("fetch", env={"DIARBOOK_CACHE": str(tmp_path / "cache"), "DIARBOOK_MIRROR": str(tmp_path)})
    assert done.returncode == 1
    assert_one_line(done.stderr)
    assert "not in the mirror" in done.stderr


def test_info_names_licences_and_what_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("DIARBOOK_CACHE", str(tmp_path))
    status, out, _ = call(capsys, "info")
    assert status == 0
    assert f"Cache: {tmp_path}" in out
    assert "missing" in out
    assert "MIT (CNRS)" in out
    monkeypatch.delenv("DIARBOOK_CACHE")
    _, out, _ = call(capsys, "info", "--json")
    described = json.loads(out)
    assert described["models"]["segmentation-3.0"] == {
        "title": "pyannote segmentation-3.0",
        "licence": "MIT (CNRS)",
        "origin": "pyannote/segmentation-3.0",
        "fetched": True,
    }
    assert described["packages"]["torch"]
    assert len(described["recordings"]) == 15
