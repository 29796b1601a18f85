"""Files, pipes, standard input, and names of any bytes."""

import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
from tests.audio.test_audio import tone

from diarbook.audio import audio_blocks, load_audio, read_audio
from diarbook.audio.inputs import opened, shown_name
from diarbook.errors import AudioError, AudioWarning


def through_a_pipe(data):
    """What is read from a pipe that somebody else fills."""
    outlet, inlet = os.pipe()

    def fill():
        with os.fdopen(inlet, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=fill)
    writer.start()
    try:
        with os.fdopen(outlet, "rb") as pipe:
            return read_audio(pipe, "a pipe", quiet=True)
    finally:
        writer.join()


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff", "w64"])
def test_a_pipe_is_read_like_a_file(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tone(16000), 16000)
    np.testing.assert_array_equal(through_a_pipe(path.read_bytes()), load_audio(path, quiet=True))


def test_a_fifo_and_standard_input_are_read_like_a_file(tmp_path):
    path, fifo = tmp_path / "a.flac", tmp_path / "fifo"
    soundfile.write(path, tone(16000), 16000)
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(path.read_bytes()))
    writer.start()
    np.testing.assert_array_equal(load_audio(fifo), load_audio(path))
    writer.join()
    code = "from diarbook.audio import load_audio; print(len(load_audio('-')))"
    for stdin in (path.open("rb"), subprocess.PIPE):
        feed = path.read_bytes() if stdin == subprocess.PIPE else None
        feeding = {"input": feed} if feed else {"stdin": stdin}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=600, **feeding)
        assert done.stdout.split() == [b"16000"]


def test_a_long_pipe_goes_to_a_file_and_nonsense_ends(monkeypatch):
    monkeypatch.setattr("diarbook.audio.inputs.SPOOL", 10_000)
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(16000), 16000, format="WAV")
    assert len(through_a_pipe(buffer.getvalue())) == 16000
    with pytest.raises(AudioError, match="a pipe: does not begin like an audio file"):
        through_a_pipe(b"y\n" * 50_000)
    with pytest.raises(AudioError, match="a pipe: the file is empty"):
        through_a_pipe(b"")


def test_an_endless_device_ends():
    with pytest.raises(AudioError, match="/dev/zero: does not begin like an audio file"):
        load_audio("/dev/zero")


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match="standard input: is closed"):
        load_audio("-")


def test_file_names_that_are_not_unicode(tmp_path):
    """Linux allows any bytes; a message shows them in one line that can be printed."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav")
    soundfile.write(os.fsencode(path), tone(16000), 16000)
    assert len(load_audio(path)) == len(np.concatenate(list(audio_blocks(path)))) == 16000
    os.truncate(path, 10_000)
    with pytest.warns(AudioWarning, match=r"bad\\xff\.wav: ends early"):
        load_audio(path)
    with pytest.raises(AudioError) as caught:
        load_audio(path + "x")
    caught.value.args[0].encode()


def test_names_in_messages_are_one_line():
    assert shown_name("a\nb\x1b[31m.wav") == r"a\nb\x1b[31m.wav"
    assert shown_name(b"\xfc.wav") == r"\xfc.wav"
    assert shown_name("été 王.wav") == "été 王.wav"
    assert shown_name("-") == "standard input"


def test_a_name_that_no_file_can_have():
    with pytest.raises(AudioError, match=r"a\\x00b: cannot be read"):
        load_audio("a\0b")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(16000), 16000)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(AudioError, match=r"a\.wav: cannot be read \(Permission denied\)"):
        load_audio(path)


def test_an_open_file_stays_open(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16000), 16000)
    with (tmp_path / "a.wav").open("rb") as file:
        read_audio(file, "a")
        assert len(read_audio(file, "a")) == 16000
        with opened(file, "a") as same:
            assert same is file
