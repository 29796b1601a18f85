"""Random command lines: whatever is typed ends with 0, 1 or 2, in lines and never in a traceback.

``DIARBOOK_FUZZ_SECONDS=600 pytest -n0 tests/commands/test_fuzz.py`` looks for longer, ``DIARBOOK_FUZZ_SEED`` elsewhere.
"""

import contextlib
import io
import os
import random
import shlex
import time
import types
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

from diarbook import cli

SECONDS = float(os.environ.get("DIARBOOK_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("DIARBOOK_FUZZ_SEED", "0"))
AT_LEAST = 200
JUNK = [
    *("", " ", "-", "--", "0", "-1", "1", "2", "0.5", "1e400", "nan", "inf", "1_000", "٣", "é", "王 é", "a\nb"),
    *("\x1b[2J", "bad\udcff", "SPEAKER_00", "SPEAKER_01=Ann", "Ann=", "<NA>", "x" * 300, "../x", "/dev/null"),
    *("/dev/full", "*", "%s", "{}", "2001-01-01", "2999-12-31", "true"),
]
RTTM = "SPEAKER sound 1 0.0 0.1 <NA> <NA> Ann <NA> <NA>\nSPEAKER sound 1 0.1 0.1 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
NAMES = ["sound.wav", "two words.wav", "-dash.wav", "text.wav", "empty.wav", "ref.rttm", "bad.rttm", "all.uem",
         "labels.txt", "v.db", "junk.db", "folder", "missing", "folder/new", "bad\udcff.wav", "link.rttm"]  # fmt: skip
SLOW = {"samples"}  # how many resamples are drawn is the user's own choice


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a little of everything, and no networks, microphone or downloads."""
    from diarbook.voiceprints.store import VoiceprintStore

    monkeypatch.setattr("diarbook.assets.weights_path", lambda name: tmp_path / name)
    monkeypatch.setattr("diarbook.vad.silero_vad", lambda *_, **__: np.zeros((0, 2)))
    terms = {"term": types.SimpleNamespace(kind="facet", broader=())}
    monkeypatch.setattr("diarbook.knowledge.ontology.load_ontology", lambda: terms)
    monkeypatch.setattr("diarbook.knowledge.skos.missing_labels", lambda *_: [])
    monkeypatch.setattr("diarbook.knowledge.ontology.problems", lambda _: [])
    monkeypatch.setattr("diarbook.knowledge.skos.shape_problems", lambda _: [])
    monkeypatch.setattr("diarbook.knowledge.skos.export", lambda *_: "terms")
    monkeypatch.setenv("DIARBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DIARBOOK_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.chdir(tmp_path)
    fill(VoiceprintStore)
    return tmp_path


def fill(store):
    os.makedirs("folder", exist_ok=True)
    for name in ("sound.wav", "two words.wav", "-dash.wav"):
        soundfile.write(os.path.abspath(name), np.zeros(3_200), 16_000)
    with open("bad\udcff.wav", "wb") as bad, open("sound.wav", "rb") as good:
        bad.write(good.read())
    for name, text in {
        "text.wav": "these are words\n",
        "empty.wav": "",
        "ref.rttm": RTTM,
        "bad.rttm": "SPEAKER sound 1 zero 0.1 <NA> <NA> Ann <NA> <NA>\n",
        "all.uem": "sound 1 0 1\n",
        "labels.txt": "0.0\t0.1\tAnn\n",
        "junk.db": "no database at all, but long enough to look at" * 10,
        "folder/ref.rttm": RTTM,
    }.items():
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    with contextlib.suppress(FileNotFoundError):
        os.unlink("v.db")
    store("v.db").close()
    if not os.path.lexists("link.rttm"):
        os.symlink("ref.rttm", "link.rttm")


def leaves(command, words=()):
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(None):
            yield from leaves(command.get_command(None, name), (*words, name))
    else:
        yield words, command


def value(rng, parameter):
    kind = parameter.type
    pool = list(NAMES)
    if isinstance(kind, click.Choice):
        pool = list(kind.choices)
    elif isinstance(kind, click.IntRange | click.FloatRange) or kind in (click.INT, click.FLOAT):
        pool = ["0", "1", "2", "0.5", "5", "16000"]
    return rng.choice(JUNK) if rng.random() < 0.3 else rng.choice(pool)


def arguments(rng, words, command):
    options, rest = [], []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            wanted = 1 if parameter.nargs == 1 else rng.choice([1, 1, 2, 3])
            rest += [value(rng, parameter) for _ in range(wanted) if rng.random() < 0.95]
        elif parameter.name not in SLOW and rng.random() < (0.85 if parameter.required else 0.25):
            name = rng.choice([*parameter.opts, *parameter.secondary_opts])
            if parameter.is_flag:
                options.append(name)
            elif name.startswith("--"):
                options.append(f"{name}={value(rng, parameter)}")
            else:
                options += [name, value(rng, parameter)]
    if rng.random() < 0.3:
        rest = ["--", *rest]
    if rng.random() < 0.03:
        options.insert(0, rng.choice(["--frobnicate", "-d", "--help"]))
    store = ["--store", "v.db"] if words[0] == "store" and rng.random() < 0.8 else []
    return [words[0], *store, *words[1:], *options, *rest]


def run(words, data):
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main(words)
            except SystemExit as end:
                return end.code, out.getvalue(), err.getvalue()
    raise AssertionError("main returned")


def contents():
    kept = [name for name in NAMES if not name.endswith(".db")]
    return {name: Path(name).read_bytes() for name in kept if os.path.isfile(name)}


def check(words, status, err):
    lines = err.splitlines()
    assert status in (0, 1, 2), words
    assert all(line.isprintable() for line in lines), err
    assert "Traceback" not in err
    assert "Warning:" not in err
    if status == 2:
        assert len(lines) == 1
        assert err.startswith("diarbook: ")
    if status == 1 and words[0] not in ("lint", "ontology"):
        assert lines[-1].startswith("diarbook: ")


@pytest.mark.timeout(SECONDS + 300)
def test_random_command_lines(place):
    from diarbook.voiceprints.store import VoiceprintStore

    rng = random.Random(SEED)
    commands = list(leaves(cli.group))
    before, end, count = contents(), time.monotonic() + SECONDS, 0
    inputs = [b"", RTTM.encode(), (place / "sound.wav").read_bytes(), b"\xff" * 101]
    while count < AT_LEAST or time.monotonic() < end:
        count += 1
        words = arguments(rng, *rng.choice(commands))
        status = err = ""
        try:
            status, _, err = run(words, rng.choice(inputs))
            check(words, status, err)
            if "--force" not in words:
                after = contents()
                assert {name: after.get(name) for name in before} == before, "something was overwritten"
        except Exception as error:
            raise AssertionError(f"diarbook {shlex.join(words)}: {status}\n{err}") from error
        if status == 0:
            fill(VoiceprintStore)
