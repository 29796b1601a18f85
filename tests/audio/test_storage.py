"""Samples of long recordings lie in a file, and are the same there."""

import mmap
import os
import resource
import tempfile

import numpy as np
import pytest
import soundfile

from diarbook import audio
from diarbook.audio import storage
from diarbook.audio.storage import Samples, pieces, release
from diarbook.errors import AudioError


def in_a_file(array):
    holder = array
    while holder is not None and not isinstance(holder, mmap.mmap):
        holder = holder.obj if isinstance(holder, memoryview) else getattr(holder, "base", None)
    return holder is not None


@pytest.mark.parametrize("held", [0, 3, 4, 40, 1000])
def test_samples_are_the_same_in_memory_and_in_a_file(held):
    blocks = [np.arange(start, start + 7, dtype=np.float32) for start in range(0, 70, 7)]
    samples = Samples(held)
    for block in blocks:
        samples.append(block)
    assert len(samples) == 70
    assert np.array_equal(samples.array(), np.arange(70))
    assert in_a_file(samples.array()) == (held < 280)


@pytest.mark.parametrize("held", [0, 1000])
def test_what_is_truncated_is_gone_and_more_can_follow(held):
    samples = Samples(held)
    samples.append(np.arange(9.0))
    samples.array()
    samples.truncate(4)
    samples.append(np.array([7.0]))
    assert samples.array().tolist() == [0, 1, 2, 3, 7]
    samples.truncate(0)
    assert len(samples) == 0
    assert samples.array().tolist() == []


def test_a_released_waveform_can_be_looked_at_and_written_again():
    samples = Samples(held=0)
    samples.append(np.ones(100_000, np.float32))
    waveform = samples.array()
    waveform[5] = 3
    release(waveform[10:])
    assert waveform[5] == 3
    assert waveform.sum() == 100_002


def test_looking_at_a_file_in_pieces_does_not_fill_memory():
    samples = Samples(held=0)
    block = np.ones(1 << 22, np.float32)
    for _ in range(24):  # 400 MB
        samples.append(block)
    waveform = samples.array()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert all(piece.min() == 1 for _, piece in pieces(waveform))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7])
def test_pieces_are_the_whole(length):
    waveform = np.arange(length, dtype=np.float32)
    found = list(pieces(waveform, 3))
    assert [first for first, _ in found] == list(range(0, length, 3))
    assert np.array_equal(np.concatenate([np.zeros(0), *(piece for _, piece in found)]), waveform)


def test_a_long_recording_is_read_as_a_short_one(tmp_path, monkeypatch):
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.sin(np.arange(30_000) / 9.0) / 2, 22_050)
    whole = audio.load_audio(path)
    monkeypatch.setattr(storage.Samples.__init__, "__defaults__", (1000,))
    stored = audio.load_audio(path)
    assert in_a_file(stored)
    assert not in_a_file(whole)
    assert np.array_equal(stored, whole)


def test_a_full_disk_is_said_in_one_line(monkeypatch):
    class Full:
        def write(self, data):
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(AudioError, match=r"cannot be kept there \(No space left on device\); make room, or name"):
        Samples(held=0).append(np.zeros(3, np.float32))


def test_what_a_full_disk_did_not_keep_is_not_counted(monkeypatch):
    class Full:
        def write(self, data):
            raise OSError(28, os.strerror(28))

    samples = Samples(held=0)
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(AudioError):
        samples.append(np.zeros(3, np.float32))
    assert len(samples) == 0


def test_a_disk_that_is_full_only_when_the_buffer_is_written_is_said_too(monkeypatch):
    class FullLater:
        def write(self, data):
            return len(data)

        def flush(self):
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(tempfile, "TemporaryFile", FullLater)
    with pytest.raises(AudioError, match="cannot be kept there"):
        Samples(held=0).append(np.zeros(3, np.float32))
