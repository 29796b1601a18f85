"""Frames of MPEG audio: counted, not estimated."""

import io

import numpy as np
import pytest
from tests.soundfiles import RATE, cut, encoded, put, sound, variable_mp3, without_count

from diarbook.audio import read_audio
from diarbook.audio.containers import streams
from diarbook.audio.mpeg import frame_at, mpeg_streams, tag_length
from diarbook.errors import AudioWarning

ID3 = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)  # as long as its length of 7 bits a byte says


def read(data):
    return read_audio(io.BytesIO(data), "x", quiet=True)


def correlation(a, b):
    n = min(len(a), len(b))
    return float(np.corrcoef(a[:n], b[:n])[0, 1])


@pytest.mark.parametrize(
    ("header", "length", "samples", "rate"),
    [
        ("fffb9000", 417, 1152, 44_100),  # MPEG-1, layer III, 128 kbit/s
        ("fffb9200", 418, 1152, 44_100),  # the same, padded
        ("fff344c0", 216, 576, 24_000),  # MPEG-2, layer III, 32 kbit/s would be 96; 72 kbit/s does not exist
        ("fffd8400", 384, 1152, 48_000),  # layer II, 128 kbit/s
        ("ffff1400", 32, 384, 48_000),  # layer I, 32 kbit/s
        ("ffe31800", 72, 576, 8_000),  # MPEG-2.5, 8 kbit/s
    ],
)
def test_frames_by_the_tables_of_the_standard(header, length, samples, rate):
    frame = frame_at(bytes.fromhex(header), 0)
    if header == "fff344c0":
        length = 576 // 8 * 32_000 // 24_000
    assert (frame.length, frame.samples, frame.rate) == (length, samples, rate)


@pytest.mark.parametrize("header", ["fffbf000", "fffb9c00", "fff99000", "ffeb9000", "fffb0000", "00fb9000", "fffb90"])
def test_what_is_no_frame(header):
    assert frame_at(bytes.fromhex(header), 0) is None


def test_tags_by_hand():
    assert tag_length(b"ID3\x04\0\0\0\0\x02\x01") == 10 + 257
    assert tag_length(b"ID3\x04\0\x10\0\0\x02\x01") == 20 + 257
    assert tag_length(b"TAG" + bytes(125)) == 128
    assert tag_length(b"APETAGEX\xd0\x07\0\0\x40\0\0\0\x01\0\0\0\0\0\0\xa0" + bytes(8)) == 64 + 32
    assert tag_length(b"RIFF") == 0


def test_variable_bit_rate_without_a_count_is_read_whole():
    """Silence first: the estimate of a decoder takes its bit rate for all."""
    samples = np.concatenate([sound(2.0), 1e-4 * sound(8.0), sound(4.0, seed=3)])
    intact = variable_mp3(samples)
    data = without_count(intact)
    whole, heard = read(intact), read(data)
    assert len(whole) == len(samples)
    assert 0 <= len(heard) - len(samples) < 3_000  # whole frames: nobody knows how much of the last is padding
    delay = max(range(1_200), key=lambda lag: np.dot(heard[lag : lag + RATE], whole[:RATE]))
    assert correlation(heard[delay:], whole) > 0.999
    _, [stream] = streams(io.BytesIO(data))
    assert b"Info" in stream.head


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("level", [0.0, 0.5, 0.9])
def test_constant_bit_rate_without_a_count_is_read_whole(rate, level, recwarn):
    """At 44,100 Hz some frames are padded: an estimate by the first ones lost up to a hundredth."""
    data = without_count(encoded(sound(6.0, rate), "mp3", rate, bitrate_mode="CONSTANT", compression_level=level))
    [(head, start, stop, *_)] = mpeg_streams(io.BytesIO(data), len(data))
    first = frame_at(data, 0)
    heard = read_audio(io.BytesIO(data), "x", rate, quiet=True)
    lengths, at = [], 0
    while (frame := frame_at(data, at)) is not None and at + frame.length <= len(data):
        lengths.append(frame.length)
        at += frame.length
    assert (start, stop) == (0, len(data))
    assert bool(head) is (len(set(lengths)) > 1)
    # The decoder's own delay of 529 samples is left out where the frames are counted.
    assert len(heard) == len(lengths) * first.samples - (529 if head else 0)
    assert 0 <= len(heard) - 6 * rate < 3_000
    assert not recwarn.list


@pytest.mark.parametrize("between", [b"", ID3, b"TAG" + bytes(125)])
def test_joined_files_are_read_whole(between, recwarn):
    first, second = sound(2.0), sound(1.0, seed=1)
    heard = read(encoded(first, "mp3") + between + encoded(second, "mp3"))
    assert len(heard) == 3 * RATE
    assert correlation(heard, np.concatenate([first, second])) > 0.98
    assert not recwarn.list


def test_joined_files_without_counts_are_read_whole():
    data = without_count(variable_mp3(sound(2.0)))
    assert len(read(data + data)) >= 4 * RATE


def test_joined_files_of_other_rates_and_channels():
    second = np.column_stack([sound(1.0, 44_100)] * 2)
    heard = read(
        encoded(sound(2.0), "mp3") + encoded(second, "mp3", 44_100) + encoded(sound(1.0, 22_050), "mp3", 22_050)
    )
    assert len(heard) == 4 * RATE


def test_a_count_that_is_too_small_is_put_right(recwarn):
    data = encoded(sound(2.0), "mp3")
    at = data.index(b"Info" if b"Info" in data else b"Xing") + 8
    assert len(read(put(data, at, (10).to_bytes(4, "big")))) >= 2 * RATE - 2_000
    assert len(read(put(data, at, bytes(4)))) >= 2 * RATE
    assert not recwarn.list


def test_a_copy_that_broke_off_says_so():
    data = encoded(sound(6.0), "mp3")
    with pytest.warns(AudioWarning, match=r"x: ends early: 6\.0 s by its header, 1\.\d s decoded"):
        heard = read(cut(data, 0.3))
    assert correlation(heard, sound(6.0)) > 0.98
    assert 1.5 < len(heard) / RATE < 2.0


def test_damage_in_the_middle_costs_the_middle():
    data = encoded(sound(6.0), "mp3")
    with pytest.warns(AudioWarning, match="x: is damaged in the middle"):
        heard = read(put(data, len(data) // 2, bytes(3_000)))
    assert 5.0 < len(heard) / RATE < 6.0
