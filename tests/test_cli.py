"""The command line as a user meets it; what single commands compute is tested beside their modules."""

import errno
import importlib
import io
import json
import logging
import os
import pkgutil
import re
import shlex
import signal
import subprocess
import sys
import time
import warnings

import click
import pytest

import diarbook.commands
from diarbook import cli
from diarbook.commands.terminal import quiet_option
from diarbook.errors import AudioError, AudioWarning


def run(*arguments, **options):
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "diarbook", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
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
        if module.name not in ("common", "terminal")
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


def leaves(command, words=()):
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        yield words, command
        for name in command.list_commands(None):
            yield from leaves(command.get_command(None, name), (*words, name))
    else:
        yield words, command


EVERY = {" ".join(words): command for words, command in leaves(cli.group) if words}


@pytest.mark.parametrize("name", EVERY)
def test_every_command_explains_itself(capsys, name):
    status, out, _ = call(capsys, *name.split(), "--help")
    assert status == 0
    command = EVERY[name]
    assert command.help
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))
    if not isinstance(command, click.Group):
        assert "  -q, --quiet " in out
    examples = re.findall(r"^ +(?:.*\| )?diarbook (.*)$", out.partition("Examples:\n")[2], re.M)
    assert examples or " " in name  # a command of a group may leave them to the group


@pytest.mark.parametrize("name", EVERY)
def test_examples_of_the_help_are_command_lines(name):
    for line in re.findall(r"diarbook (.*)$", EVERY[name].epilog or "", re.M):
        words = shlex.split(re.split(r" [|<>] ", line)[0])
        command = cli.group
        while isinstance(command, click.Group):
            command = command.get_command(None, words.pop(0))
        assert command is not None, line
        command.make_context("diarbook", words)  # parses, and runs nothing


def test_version(capsys):
    assert call(capsys, "--version") == (0, f"diarbook {diarbook.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("--frobnicate",), "No such option '--frobnicate'"),
        (("fetch", "--frobnicate"), "(see `diarbook fetch --help`)"),
        (("score",), "Missing argument"),
        (("diarise",), "No such command 'diarise'. Did you mean 'diarize'? (see `diarbook --help`)"),
        (("enrol",), "Did you mean 'enroll' or 'enroll-all'?"),
        (("fetch", "--quite"), "Did you mean '--quiet'?"),
        (("fetch", "-dash.wav"), "A name that starts with a dash goes after --: `-- -dash.wav`, or is written"),
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


def test_other_errors_of_the_system_name_their_file(capsys, monkeypatch):
    def failing():
        open("/nowhere/at/all")  # noqa: SIM115

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: click.command()(failing))
    message = "diarbook: /nowhere/at/all: No such file or directory; check the path\n"
    assert call(capsys, "info") == (1, "", message)


def test_a_message_cannot_command_the_terminal(capsys):
    status, _, err = call(capsys, "score", "red\x1b[31m", "b\udcff")
    assert (status, err) == (1, "diarbook: red\\x1b[31m: no such file; check the path\n")


class Broken(io.TextIOBase):
    """A stream that takes nothing."""

    def __init__(self, number):
        self.number = number

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))


OUTPUTS = [
    ("--help",),
    ("--version",),
    ("info",),
    ("info", "--json"),
    ("score", "a.rttm", "a.rttm"),
    ("score", "a.rttm", "a.rttm", "--json"),
    ("lint", "bad.rttm"),
    ("lint", "bad.rttm", "--json"),
    ("store", "--store", "v.db", "list"),
    ("diarize", "silent.wav", "--format", "json", "--quiet"),
    ("stream", "--help"),
]


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    import numpy as np
    import soundfile

    from diarbook.voiceprints.store import VoiceprintStore

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.rttm").write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> A <NA> <NA>\n")
    (tmp_path / "bad.rttm").write_text("SPEAKER a 1 zero 1.0 <NA> <NA> A <NA> <NA>\n")
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    VoiceprintStore(tmp_path / "v.db").close()


@pytest.mark.parametrize("arguments", OUTPUTS, ids=" ".join)
def test_a_full_disk_is_one_line(capsys, monkeypatch, inputs, arguments):
    monkeypatch.setattr("sys.stdout", Broken(errno.ENOSPC))
    status, _, err = call(capsys, *arguments)
    assert status == 1
    assert_one_line(err)
    assert err.startswith("diarbook: standard output: cannot be written (No space left on device); check where")


@pytest.mark.parametrize("arguments", OUTPUTS, ids=" ".join)
def test_a_reader_that_leaves_ends_every_command_quietly(capsys, monkeypatch, inputs, arguments):
    monkeypatch.setattr("sys.stdout", Broken(errno.EPIPE))
    assert call(capsys, *arguments)[::2] == (0, "")


@pytest.mark.parametrize("arguments", [("score", "a.rttm", "a.rttm"), ("lint", "a.rttm"), ("diarize", "silent.wav")])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
def test_a_standard_error_that_cannot_be_written_stops_nothing(capsys, monkeypatch, inputs, arguments, number):
    expected = call(capsys, *arguments)[:2]
    monkeypatch.setattr("sys.stderr", Broken(number))
    assert call(capsys, *arguments)[:2] == expected
    assert expected[0] == 0
    assert call(capsys, "frobnicate")[0] == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("redirected", "status", "out", "err"),
    [
        (">/dev/full", 1, "", "diarbook: standard output: cannot be written (No space left on device)"),
        (">&-", 1, "", "diarbook: standard output: cannot be written (Bad file descriptor)"),
        ("2>&-", 0, "diarbook 0", ""),
        ("<&- 2>/dev/full", 0, "diarbook 0", ""),
    ],
)
def test_streams_of_the_process(redirected, status, out, err, unbuffered):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m diarbook info {redirected}"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert done.returncode == status
    assert done.stdout.startswith(out)
    assert done.stderr.startswith(err)
    assert done.stderr.count("\n") == bool(err)


def test_a_file_never_takes_the_number_of_a_closed_stream(tmp_path):
    made = tmp_path / "v.db"
    code = (
        "import os, sys, diarbook.cli as cli, click\n"
        f"def store(): handle = os.open({str(made)!r}, os.O_CREAT | os.O_RDWR); sys.exit(handle)\n"
        "cli.LazyGroup.get_command = lambda *_: click.command()(store)\n"
        "cli.main(['info'])\n"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" <&- >&- 2>&-', "-", sys.executable, "-c", code], timeout=600, check=False
    )
    assert done.returncode > 2
    assert made.read_bytes() == b""


def test_output_is_utf_8_whatever_the_locale(tmp_path):
    (tmp_path / "王.rttm").write_text("SPEAKER 王 1 0.0 1.0 <NA> <NA> é <NA> <NA>\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "diarbook", "score", "王.rttm", "王.rttm", "--per-file"],
        capture_output=True,
        cwd=tmp_path,
        timeout=600,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert "王" in done.stdout.decode()


def warning_command(category=AudioWarning, text="a.wav: ends early"):
    @click.command()
    @quiet_option
    def command():
        for _ in range(2):
            warnings.warn(text, category, stacklevel=1)
        warnings.warn("a tensor is deprecated", UserWarning, stacklevel=1)
        logging.getLogger("torch").error("a library is chatty")
        click.echo("result")

    return lambda *_: command


def test_a_warning_about_sound_is_one_line_said_once(capsys, monkeypatch):
    monkeypatch.setattr(cli.LazyGroup, "get_command", warning_command())
    monkeypatch.setattr("sys.warnoptions", [])
    assert call(capsys, "info") == (0, "result\n", "diarbook: note: a.wav: ends early\n")
    assert call(capsys, "info", "--quiet") == (0, "result\n", "")
    assert call(capsys, "info") == (0, "result\n", "diarbook: note: a.wav: ends early\n")  # nothing is remembered


@pytest.mark.filterwarnings("ignore::diarbook.errors.AudioWarning")
def test_who_asks_python_for_warnings_gets_them(monkeypatch):
    monkeypatch.setattr("sys.warnoptions", ["error"])
    monkeypatch.setattr(cli.LazyGroup, "get_command", warning_command())
    with pytest.warns(UserWarning, match="deprecated"), pytest.raises(SystemExit):
        cli.main(["info"])


def test_streams_and_filters_are_given_back(capsys):
    before = sys.stdout, sys.stderr, logging.root.manager.disable, list(warnings.filters)
    call(capsys, "--version")
    assert (sys.stdout, sys.stderr, logging.root.manager.disable, list(warnings.filters)) == before


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
    _, err = process.communicate(timeout=600)
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
        timeout=600,
        check=False,
    )
    assert done.stderr in ("status 0\n", "status 141\n")


def test_help_imports_no_heavy_package():
    code = (
        "import sys, contextlib, diarbook.cli\n"
        "with contextlib.suppress(SystemExit): diarbook.cli.main(['--help'])\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'librosa', 'yaml'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
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
