"""Sound from files, pipes and microphones, in blocks."""

import io
import sys
import time
import types

import numpy as np
import pytest
import soundfile
from tests.soundfiles import cut, encoded, sound

from diarbook.audio import load_audio, resample
from diarbook.errors import AudioError, AudioWarning
from diarbook.streaming.sources import file_blocks, microphone_blocks, paced, pcm_blocks

SOUND = (0.3 * np.random.default_rng(0).normal(size=20_000)).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (8_000, 1), (44_100, 2)])
@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_a_file_in_blocks_is_the_file(tmp_path, rate, channels, seconds):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.tile(SOUND[:, None], channels), rate, subtype="FLOAT")
    np.testing.assert_allclose(np.concatenate(list(file_blocks(path, seconds))), load_audio(path), atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"", "is empty"), (b"hello, this is text" * 50, "cannot be read as audio")],
)
def test_files_that_are_none(tmp_path, content, message):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=message):
        list(file_blocks(path))
    with pytest.raises(AudioError, match="folder"):
        list(file_blocks(tmp_path))


def test_nan_is_found_before_the_resampler_spreads_it(tmp_path):
    bad = SOUND.copy()
    bad[12_000] = np.nan
    soundfile.write(tmp_path / "a.wav", bad, 8_000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"1\.500 s is not a finite"):
        list(file_blocks(tmp_path / "a.wav"))


class Dribble(io.RawIOBase):
    """A pipe that hands out an odd number of bytes at a time."""

    def __init__(self, data):
        self.data = data

    def read(self, size=-1):
        given, self.data = self.data[:777], self.data[777:]
        return given


@pytest.mark.parametrize("rate", [16_000, 8_000, 48_000])
def test_raw_samples(rate):
    raw = (SOUND * 32_000).astype("<i2")
    heard = np.concatenate(list(pcm_blocks(Dribble(raw.tobytes()), rate)))
    expected = resample(raw.astype(np.float32) / 32_768, rate)
    assert abs(len(heard) - len(expected)) <= 1
    np.testing.assert_allclose(heard[: len(expected)], expected[: len(heard)], atol=1e-5)


def test_half_a_sample_at_the_end():
    told = []
    [block] = [b for b in pcm_blocks(io.BytesIO(b"\x00\x40\x00"), warn=told.append) if len(b)]
    assert block.tolist() == [0.5]
    assert "last byte" in told[0]


@pytest.mark.parametrize("data", [b"", b"\x01"])
def test_no_samples(data):
    with pytest.raises(AudioError, match="no samples; pipe 16-bit"):
        list(pcm_blocks(io.BytesIO(data)))


HEADS = [b"RIFF\x00\x00", b"RF64\xff\xff", b"FORM\x00\x00", b"fLaC\x00\x00", b"OggS\x00\x00", b"ID3\x04\x00"]
HEADS += [b"caff\x00\x01", b".snd\x00\x00", b"\x00\x00\x00\x20ftypM4A ", b"\x1a\x45\xdf\xa3\x01\x00"]


@pytest.mark.parametrize("head", HEADS)
def test_a_file_where_samples_should_be(head):
    with pytest.raises(AudioError, match="not raw samples"):
        list(pcm_blocks(io.BytesIO(head * 100)))
    with pytest.raises(AudioError, match="not raw samples"):
        list(pcm_blocks(Dribble(head * 1_000)))


@pytest.mark.parametrize("pipe", [io.BytesIO, Dribble])
def test_an_mp3_without_a_tag_where_samples_should_be(pipe):
    """Its first two bytes are samples that a quiet recording may begin with: the second frame decides."""
    mp3 = encoded(sound(1.0), "mp3")
    assert mp3[0] == 0xFF
    with pytest.raises(AudioError, match="not raw samples"):
        list(pcm_blocks(pipe(mp3), seconds=0.01))


@pytest.mark.parametrize("first", [-1, -2, -1025, -8192 + 255])
@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_samples_that_look_like_a_frame_are_samples(first, seconds):
    raw = np.concatenate([np.full(3, first), np.random.default_rng(0).integers(-900, 900, 9_000)]).astype("<i2")
    heard = np.concatenate(list(pcm_blocks(io.BytesIO(raw.tobytes()), seconds=seconds)))
    np.testing.assert_array_equal(heard, raw.astype(np.float32) / 32_768)


def test_a_file_that_ends_early_is_streamed_to_its_end(tmp_path):
    """Once the last half second was repeated, or the recording before it was heard."""
    path = tmp_path / "cut.mp3"
    path.write_bytes(cut(encoded(sound(12.0), "mp3"), 0.3))
    with pytest.warns(AudioWarning, match=r"cut\.mp3: ends early: 12\.0 s by its header, 3\.\d s decoded"):
        heard = np.concatenate(list(file_blocks(path, quiet=True)))
    with pytest.warns(AudioWarning, match="ends early"):
        np.testing.assert_array_equal(heard, load_audio(path, quiet=True))


def test_a_file_that_cannot_seek_is_streamed(tmp_path):
    path = tmp_path / "gsm.wav"
    path.write_bytes(encoded(sound(2.0, 8_000), "wav", 8_000, subtype="GSM610"))
    assert sum(map(len, file_blocks(path, 0.1))) == 32_000


def test_no_package_for_the_microphone(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(AudioError, match="pip install sounddevice"):
        next(microphone_blocks())


def test_a_microphone(monkeypatch):
    class PortAudioError(Exception):
        pass

    class InputStream:
        def __init__(self, callback, blocksize, channels, samplerate, dtype):
            if samplerate != 16_000:
                raise PortAudioError("rate")
            self.callback, self.blocksize = callback, blocksize

        def __enter__(self):
            for value in (1, 2):
                self.callback(np.full((self.blocksize, 1), value, np.float32), None, None, None)

        def __exit__(self, *_):
            pass

    fake = types.SimpleNamespace(InputStream=InputStream, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    heard = microphone_blocks(0.1)
    assert [(len(block), float(block[0])) for block in (next(heard), next(heard))] == [(1600, 1.0), (1600, 2.0)]

    def refuse(**_):
        raise PortAudioError("no default input device")

    fake.InputStream = refuse
    with pytest.raises(AudioError, match="no default input device"):
        next(microphone_blocks())


def test_pacing(monkeypatch):
    now, slept = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: (slept.append(seconds), now.__setitem__(0, now[0] + seconds)))
    for _ in paced(iter([np.zeros(8_000), np.zeros(8_000), np.zeros(16_000)])):
        now[0] += 0.2  # work
    assert slept == pytest.approx([0.5, 0.3, 0.8])
