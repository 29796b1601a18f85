"""``diarbook diarize`` from the outside: what it prints, where it writes, and one line for every mistake."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from diarbook.assets import cache_folder, recording
from diarbook.metrics import diarization_error
from diarbook.rttm import read_rttm


def run(*arguments, cwd=None):
    """Run the command in this process, as ``main`` does, and collect what it prints."""
    import contextlib
    import io
    import os

    from diarbook.cli import main

    out, err = io.StringIO(), io.StringIO()
    before = os.getcwd()
    if cwd is not None:
        os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(["diarize", *map(str, arguments)])
            except SystemExit as end:
                status = end.code or 0
    finally:
        os.chdir(before)
    return status, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def sample():
    return recording("sample")


@pytest.fixture(scope="module")
def short(tmp_path_factory, sample):
    path = tmp_path_factory.mktemp("audio") / "short.wav"
    soundfile.write(path, sample.waveform[7 * 16000 : 15 * 16000], 16000)
    return path


def test_rttm_of_the_sample_to_standard_output(tmp_path, sample):
    status, out, err = run(cache_folder() / "sample.wav")
    assert status == 0
    path = tmp_path / "out.rttm"
    path.write_text(out)
    turns = read_rttm(path)["sample"]
    assert diarization_error(list(sample.turns), turns, uem=sample.uem).rate <= 0.10
    assert "100%" in err


@pytest.mark.parametrize(
    ("form", "suffix", "start"),
    [
        ("rttm", ".rttm", "SPEAKER short 1 "),
        ("json", ".json", "{"),
        ("audacity", ".txt", ""),
        ("textgrid", ".TextGrid", 'File type = "ooTextFile"'),
        ("webvtt", ".vtt", "WEBVTT"),
    ],
)
def test_formats_into_a_folder(tmp_path, short, form, suffix, start):
    folder = tmp_path / "new" / "folder"
    status, out, _ = run(short, "--format", form, "-o", folder)
    assert status == 0
    assert out == ""
    assert [path.name for path in folder.iterdir()] == [f"short{suffix}"]
    text = (folder / f"short{suffix}").read_text()
    assert text.startswith(start)
    if form == "json":
        assert json.loads(text)["recording"] == "short"
        assert json.loads(text)["turns"]


def test_stereo_44100_and_8000_mp3_and_two_files(tmp_path, sample):
    import soxr

    stretch = sample.waveform[7 * 16000 : 15 * 16000]
    stereo, telephone = tmp_path / "my stereo file.wav", tmp_path / "telephone.mp3"
    wide = soxr.resample(stretch, 16000, 44100)
    soundfile.write(stereo, np.column_stack([wide, 0.5 * wide]), 44100)
    soundfile.write(telephone, soxr.resample(stretch, 16000, 8000), 8000)
    status, out, _ = run(stereo, telephone, "--num-speakers", 2)
    assert status == 0
    names = {line.split()[1] for line in out.splitlines()}
    assert names == {"my_stereo_file", "telephone"}
    assert all(line.startswith("SPEAKER ") and len(line.split()) == 10 for line in out.splitlines())


def test_silence_is_valid_and_empty(tmp_path):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(32000), 16000)
    status, out, _ = run(path)
    assert (status, out) == (0, "")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.wav", None, "no such file"),
        ("empty.wav", b"", "empty"),
        ("text.wav", b"these are words, not sound\n", "cannot be read as audio"),
        ("nan.wav", np.full(16000, np.nan, np.float32), "finite number"),
        ("brief.wav", np.zeros(800, np.float32), "0.050 s of audio, at least 0.1 s"),
    ],
)
def test_bad_files_are_one_line_and_stop_before_anything_is_written(tmp_path, short, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        soundfile.write(path, content, 16000, subtype="FLOAT")
    folder = tmp_path / "out"
    status, out, err = run(short, path, "-o", folder)
    assert status == 1
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err
    assert name in err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--pipeline", "magic"], 2, "'magic' is not one of"),
        (["--format", "word"], 2, "'word' is not one of"),
        (["--num-speakers", "0"], 2, "0 is not in the range"),
        (["--num-speakers", "two"], 2, "'two' is not a valid integer"),
        (["--num-speakers", "2", "--min-speakers", "1"], 1, "not both"),
        (["--min-speakers", "3", "--max-speakers", "2"], 1, "above"),
        (["--loud"], 2, "--loud"),
    ],
)
def test_bad_options_are_one_line(short, options, status, message):
    code, out, err = run(short, *options)
    assert code == status
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err


def test_no_file_is_a_mistake():
    code, _, err = run()
    assert code == 2
    assert len(err.splitlines()) == 1


def test_unwritable_folder_is_told_before_anything_is_computed(tmp_path, short, monkeypatch):
    import diarbook.pipelines.diarize

    monkeypatch.setattr(diarbook.pipelines.diarize, "diarize", lambda *_, **__: pytest.fail("computed"))
    blocker = tmp_path / "file"
    blocker.write_text("a file, not a folder")
    code, _, err = run(short, "-o", blocker / "below")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "cannot be written" in err


def test_two_files_of_one_name_are_refused(tmp_path, short):
    twin = tmp_path / "short.wav"
    twin.write_bytes(short.read_bytes())
    code, _, err = run(short, twin)
    assert code == 1
    assert "rename" in err


def test_help_needs_no_torch():
    code = (
        "import sys; from diarbook.commands.diarize import command; command.main(['--help'], standalone_mode=False);"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--num-speakers" in result.stdout
