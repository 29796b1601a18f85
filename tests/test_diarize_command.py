"""``diarbook diarize`` from the outside: what it prints, where it writes, and one line for every mistake."""

import io
import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest
import soundfile

from diarbook.assets import cache_folder, recording
from diarbook.metrics import diarization_error
from diarbook.rttm import read_rttm
from diarbook.turns import Turn


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
    assert err == ""  # no bar where standard error is no terminal


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
    status, out, err = run(path)
    assert (status, out) == (0, "")
    assert err == f"diarbook: note: {path}: is silent: every sample is zero; check the microphone and the export\n"
    assert run(path, "--quiet") == (0, "", "")


@pytest.mark.parametrize("pipeline", ["overlap", "cascade", "pyannote"])
def test_a_recording_without_speech_says_so(tmp_path, pipeline):
    path = tmp_path / "hiss.wav"
    soundfile.write(path, 0.01 * np.random.default_rng(0).normal(size=48000), 16000)
    assert run(path, "--pipeline", pipeline) == (0, "", f"diarbook: note: {path}: no speech was detected\n")


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


@pytest.fixture
def idle(monkeypatch):
    """No pipeline runs: whatever is wrong must be said before."""
    monkeypatch.setattr("diarbook.pipelines.diarize.diarize", lambda *_, **__: pytest.fail("computed"))


@pytest.fixture
def quick(monkeypatch):
    """A pipeline that finds two speakers at once."""
    turns = [Turn(0.5, 1.25, "SPEAKER_00"), Turn(1.0, 2.0, "SPEAKER_01")]
    monkeypatch.setattr("diarbook.pipelines.diarize.diarize", lambda *_, **__: turns)
    return turns


@pytest.fixture
def pair(tmp_path, short):
    """Two recordings, in a folder of their own."""
    (tmp_path / "in").mkdir()
    for name in ("first.wav", "second one.wav"):
        (tmp_path / "in" / name).write_bytes(short.read_bytes())
    return sorted((tmp_path / "in").iterdir())


def test_several_recordings_as_json_are_a_line_each(quick, pair):
    status, out, _ = run(*pair, "--format", "json")
    assert status == 0
    documents = [json.loads(line) for line in out.splitlines()]
    assert [document["recording"] for document in documents] == ["first", "second_one"]
    assert documents[0]["turns"][0] == {"start": 0.5, "end": 1.25, "speaker": "SPEAKER_00"}
    assert json.loads(run(pair[0], "--format", "json")[1]) == documents[0]


@pytest.mark.parametrize("form", ["webvtt", "textgrid", "audacity"])
def test_several_recordings_are_not_run_together_in_formats_of_one(idle, pair, form):
    status, out, err = run(*pair, "--format", form)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert f"--format {form} holds one recording a file; give -o DIR" in err


@pytest.mark.parametrize("form", ["webvtt", "textgrid", "audacity"])
def test_one_recording_goes_to_standard_output_in_any_format(quick, short, form):
    status, out, _ = run(short, "--format", form)
    assert status == 0
    assert "SPEAKER_01" in out


def test_nothing_is_overwritten_without_force(tmp_path, quick, pair, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "second_one.rttm").write_text("by hand")
    status, out, err = run(*pair, "-o", folder)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "second_one.rttm: there already; add --force" in err
    assert [path.name for path in folder.iterdir()] == ["second_one.rttm"]
    assert (folder / "second_one.rttm").read_text() == "by hand"
    assert run(*pair, "-o", folder, "--force")[0] == 0
    assert (folder / "second_one.rttm").read_text().count("SPEAKER_0") == 2
    status, _, err = run(pair[0], "--force")
    assert (status, len(err.splitlines())) == (2, 1)


def test_an_output_that_is_a_folder_is_found_first(tmp_path, idle, pair):
    (tmp_path / "out" / "second_one.rttm").mkdir(parents=True)
    status, _, err = run(*pair, "-o", tmp_path / "out", "--force")
    assert (status, len(err.splitlines())) == (1, 1)
    assert "second_one.rttm: is not a regular file" in err


def test_a_missing_model_is_found_first(tmp_path, idle, short, monkeypatch):
    monkeypatch.setenv("DIARBOOK_CACHE", str(tmp_path / "empty"))
    status, _, err = run(short, "-o", tmp_path / "out")
    assert (status, len(err.splitlines())) == (1, 1)
    assert "not fetched yet" in err
    assert "diarbook fetch" in err


def test_the_last_of_many_files_is_checked_first(tmp_path, idle, pair):
    (tmp_path / "last.wav").write_bytes(b"no sound")
    status, out, err = run(*pair, tmp_path / "last.wav")
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "last.wav" in err


@pytest.mark.parametrize("kept", [0, 16_000 * 3600])
def test_long_recordings_are_read_again_and_pipes_are_not(tmp_path, quick, pair, monkeypatch, kept):
    monkeypatch.setattr("diarbook.commands.diarize.KEPT_SAMPLES", kept)
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(pair[0].read_bytes())))
    status, out, _ = run(pair[0], "-", pair[1])
    assert status == 0
    assert [line.split()[1] for line in out.splitlines()[::2]] == ["first", "stdin", "second_one"]


def test_standard_input(quick, short, monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(short.read_bytes())))
    status, out, err = run("-")
    assert (status, err) == (0, "")
    assert out.startswith("SPEAKER stdin 1 0.500 0.750 ")
    for data, message in (
        (b"", "standard input: the file is empty"),
        (b"words, not sound", "standard input: cannot be read"),
    ):
        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(data)))
        status, out, err = run("-")
        assert (status, out, len(err.splitlines())) == (1, "", 1)
        assert message in err
    status, _, err = run("-", short, "-")
    assert (status, len(err.splitlines())) == (2, 1)


def test_a_file_name_that_rttm_cannot_hold_is_found_first(tmp_path, idle, short):
    bad = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav")
    with open(bad, "wb") as file:
        file.write(short.read_bytes())
    status, out, err = run(bad)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert r"bad\udcff.wav: the file name is not UTF-8" in err


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (("--num-speakers", 2), ""),
        (("--num-speakers", 100), "100 speakers were asked for, 2 could be distinguished"),
        (("--min-speakers", 3), "3 speakers were asked for, 2 could be distinguished"),
        (("--max-speakers", 1), "1 speakers were asked for, 2 could be distinguished"),
        (("--min-speakers", 1, "--max-speakers", 3), ""),
    ],
)
def test_a_number_of_speakers_that_was_not_reached_is_said(quick, short, options, note):
    status, out, err = run(short, *options)
    assert (status, out.count("\n")) == (0, 2)
    assert err == (f"diarbook: note: {short}: {note}\n" if note else "")


def test_clipped_sound_is_said_once(tmp_path, quick, sample):
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.clip(100 * sample.waveform[112_000:192_000], -1, 1), 16_000)
    status, _, err = run(path)
    assert (status, len(err.splitlines())) == (0, 1)
    assert err.startswith(f"diarbook: note: {path}: ")
    assert "clipped" in err
    assert run(path, "--quiet")[2] == ""


def test_pyannote_ends_with_the_recording_and_keeps_its_warnings_to_itself(tmp_path, sample):
    path = tmp_path / "brief.wav"
    soundfile.write(path, sample.waveform[8 * 16_000 :][:1_600], 16_000)
    status, out, err = run(path, "--pipeline", "pyannote", "--num-speakers", 4)
    assert status == 0
    assert all(line.startswith("diarbook: note: ") for line in err.splitlines())
    assert "Warning" not in err
    ends = [float(line.split()[3]) + float(line.split()[4]) for line in out.splitlines()]
    assert ends
    assert max(ends) <= 0.1 + 1e-9


def test_unwritable_folder_is_reported_before_anything_is_computed(tmp_path, short, idle):
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
