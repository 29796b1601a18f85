"""Headers that lie, and streams that are joined, in every container."""

import io
import struct

import numpy as np
import pytest
from tests.soundfiles import FORMATS, LOSSLESS, RATE, cut, encoded, put, sound, wav_without_length

from diarbook.audio import read_audio
from diarbook.audio.containers import NO_LENGTH, TOO_SHORT, Splice, Stream, container, streams
from diarbook.errors import AudioWarning

SOUND = sound(2.0)


def read(data, quiet=True):
    return read_audio(io.BytesIO(data), "x", quiet=quiet)


def same(data, samples=SOUND, steps=2):
    """Whether the samples are read, all of them, but for the rounding to 16 bits."""
    heard = read(data)
    assert len(heard) == len(samples)
    np.testing.assert_allclose(heard, samples, atol=steps / 32_768)


def named(data, name, form, value):
    """The data with another number behind a chunk's name."""
    return put(data, data.index(name) + len(name), struct.pack(form, value))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (encoded(SOUND, "wav"), "WAV"),
        (encoded(SOUND, "rf64"), "RF64"),
        (encoded(SOUND, "w64"), "W64"),
        (encoded(SOUND, "aiff"), "AIFF"),
        (encoded(SOUND, "au"), "AU"),
        (encoded(SOUND, "caf"), "CAF"),
        (encoded(SOUND, "flac"), "FLAC"),
        (encoded(SOUND, "ogg"), "OGG"),
        (encoded(SOUND, "opus"), "OGG"),
        (encoded(SOUND, "mp3"), "MP3"),
        (b"ID3\x04" + bytes(20), "MP3"),
        (b"\0\0\0\x20ftypM4A ", "M4A"),
        (b"\x1a\x45\xdf\xa3\x01", "WebM"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
        (b"\xff\xf1\x60\x40\x01\x1f\xfc\x00" + b"\xff\xf1\x60\x40", "AAC"),
        ((b"\xd0" + bytes(32)) * 20, "GSM"),
        (b"", None),
        (b"these are words", None),
        # Samples of 16 bits that look like the beginning of a frame: -1, -1; -1, 0; -1025, ...
        (b"\xff\xff" * 4096, None),
        (b"\xff\xff\x00\x00" * 1000, None),
        (b"\xff\xfb\x90\x64" + bytes(4000), None),
    ],
)
def test_containers_are_recognized_by_their_first_bytes(head, name):
    assert container(head[:4096]) == name


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_an_intact_file_is_one_stream_of_its_own_bytes(suffix):
    data = encoded(SOUND, suffix)
    _, [stream] = streams(io.BytesIO(data))
    assert (stream.share, stream.note) == (1.0, "")
    assert len(Splice(io.BytesIO(data), stream).read()) == len(data)
    same(data)


def test_a_splice_is_its_head_and_a_range_of_the_file():
    splice = Splice(io.BytesIO(b"0123456789"), Stream(b"ab", 4, 8))
    assert (splice.read(), splice.tell(), splice.read()) == (b"ab4567", 6, b"")
    assert (splice.seek(-3, io.SEEK_END), splice.read(2)) == (3, b"56")
    assert (splice.seek(-4, io.SEEK_CUR), splice.read(3)) == (1, b"b45")
    assert (splice.seek(1_000), splice.read()) == (1_000, b"")
    assert splice.seek(-5) == 0


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_joined_files_are_read_whole(suffix, recwarn):
    other = sound(1.0, seed=1)
    same(
        encoded(SOUND, suffix) + encoded(other, suffix) + encoded(SOUND, suffix), np.concatenate([SOUND, other, SOUND])
    )
    assert not recwarn.list


@pytest.mark.parametrize("suffix", FORMATS)
def test_joined_files_of_other_rates_are_read_whole(suffix):
    other = sound(1.0, 48_000 if suffix == "opus" else 32_000)
    joined = read(encoded(SOUND, suffix) + encoded(other, suffix, 48_000 if suffix == "opus" else 32_000))
    assert len(joined) == len(SOUND) + RATE
    if suffix in LOSSLESS:
        np.testing.assert_allclose(joined[: len(SOUND)], SOUND, atol=1e-4)


@pytest.mark.parametrize("first", [0, 36, 0xFFFFFFFF])
def test_a_wav_without_a_length_is_read_to_its_end(first):
    data = put(wav_without_length(SOUND), 4, struct.pack("<I", first))
    with pytest.warns(AudioWarning, match=f"x: {NO_LENGTH}; 2.0 s are decoded"):
        same(data)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFFF000])
def test_a_length_that_means_unknown_is_no_early_end(length, recwarn):
    same(named(encoded(SOUND), b"data", "<I", length))
    same(named(encoded(SOUND, "aiff"), b"SSND", ">I", length))
    same(put(encoded(SOUND, "au"), 8, struct.pack(">I", length)))
    assert not recwarn.list


def test_other_headers_without_a_length():
    rf64 = encoded(SOUND, "rf64")
    at = rf64.index(b"ds64") + 8
    for data in (
        put(encoded(SOUND, "au"), 8, bytes(4)),
        named(encoded(SOUND, "aiff"), b"SSND", ">I", 8),
        named(encoded(SOUND, "caf"), b"data", ">q", 0),
        put(rf64, at, bytes(24)),
    ):
        with pytest.warns(AudioWarning, match=NO_LENGTH):
            same(data)


def test_headers_that_say_unknown_in_their_own_way(recwarn):
    rf64, flac = encoded(SOUND, "rf64"), encoded(SOUND, "flac")
    same(named(encoded(SOUND, "caf"), b"data", ">q", -1))
    same(put(rf64, rf64.index(b"ds64") + 8, b"\xff" * 24))
    packed = int.from_bytes(flac[18:26], "big")
    same(put(flac, 18, (packed >> 36 << 36).to_bytes(8, "big")))
    for length in (0, 24, 2**64 - 1):
        same(put(encoded(SOUND, "w64"), encoded(SOUND, "w64").index(b"data") + 16, struct.pack("<Q", length)))
    assert not recwarn.list


def test_a_header_that_names_a_part_of_the_sound():
    """A recorder that brings its header up to date now and then, and was killed in between."""
    data = put(named(encoded(SOUND), b"data", "<I", RATE // 5), 4, struct.pack("<I", 36 + RATE // 5))
    with pytest.warns(AudioWarning, match=TOO_SHORT):
        same(data)


def test_a_count_of_samples_that_is_too_small_does_not_cut_a_flac(recwarn):
    flac = encoded(SOUND, "flac")
    packed = int.from_bytes(flac[18:26], "big")
    same(put(flac, 18, (packed >> 36 << 36 | 1000).to_bytes(8, "big")))
    assert not recwarn.list


@pytest.mark.parametrize(
    "tail", [b"LIST\x04\0\0\0INFO", b"TAG" + bytes(125), bytes(70_000), b"\x01\x02\x03", b"junk!" * 100]
)
def test_what_follows_the_sound_is_not_sound(tail, recwarn):
    same(encoded(SOUND) + tail)
    assert not recwarn.list


def test_an_empty_recording_with_notes_after_it_stays_empty():
    data = encoded(np.zeros(0, np.float32)) + b"LIST\x04\0\0\0INFO"
    _, [stream] = streams(io.BytesIO(data))
    assert stream == Stream(b"", 0, len(data))


@pytest.mark.parametrize("suffix", LOSSLESS[:-1])
def test_a_copy_that_broke_off_says_so(suffix):
    with pytest.warns(AudioWarning, match=r"x: ends early: 2\.0 s by its header, (1\.0|0\.9) s decoded"):
        heard = read(cut(encoded(SOUND, suffix), 0.5))
    np.testing.assert_allclose(heard, SOUND[: len(heard)], atol=1e-4)
    assert 0.9 < len(heard) / RATE < 1.01


def test_flac_is_read_to_its_last_good_frame():
    data = encoded(SOUND, "flac")
    for share in (0.3, 0.5, 0.9):
        with pytest.warns(AudioWarning, match=r"x: is damaged \(.*lost sync\); \d\.\d s of 2\.0 s are decoded"):
            heard = read(cut(data, share))
        np.testing.assert_allclose(heard, SOUND[: len(heard)], atol=1e-4)
        assert len(heard) % 4096 == 0
        assert len(heard) > 0.6 * share * len(SOUND)


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
def test_ogg_that_ends_within_a_page(suffix):
    whole = read(encoded(SOUND, suffix))
    with pytest.warns(AudioWarning, match="x: ends early, in the middle of a page"):
        heard = read(cut(encoded(sound(8.0), suffix), 0.7))
    assert 2.0 < len(heard) / RATE < 6.0
    assert len(whole) == len(SOUND)
