"""Small audio files for tests, made in memory: every container, and what recorders and copies do to them."""

import io
import struct

import numpy as np
import soundfile

from diarbook.audio.mpeg import frame_at

RATE = 16_000
FORMATS = {
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "rf64": {"format": "RF64", "subtype": "PCM_16"},
    "w64": {"format": "W64", "subtype": "PCM_16"},
    "aiff": {"format": "AIFF", "subtype": "PCM_16"},
    "au": {"format": "AU", "subtype": "PCM_16"},
    "caf": {"format": "CAF", "subtype": "PCM_16"},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
}
LOSSLESS = ("wav", "rf64", "w64", "aiff", "au", "caf", "flac")


def sound(seconds, rate=RATE, seed=0, frequency=440.0):
    """A tone that swells, in a little noise: no two moments and no two seeds are alike."""
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * frequency * time) * (1 + np.sin(2 * np.pi * 0.7 * time + seed)) / 2
    return (tone + 0.02 * np.random.default_rng(seed).normal(size=len(time))).astype(np.float32)


def encoded(samples, suffix="wav", rate=RATE, **options):
    """The bytes of a file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **FORMATS[suffix] | options)
    return buffer.getvalue()


def put(data, at, new):
    """The data with other bytes at a position."""
    return data[:at] + new + data[at + len(new) :]


def cut(data, share):
    """What a copy that broke off has of the data."""
    return data[: round(len(data) * share)]


def without_count(mp3):
    """An MP3 as some recorders write it: without the frame that counts the others, if there is one."""
    first = frame_at(mp3, 0)
    return mp3[first.length :] if mp3[4 + first.side : 8 + first.side] in (b"Xing", b"Info") else mp3


def variable_mp3(samples, rate=RATE):
    """An MP3 of variable bit rate."""
    return encoded(samples, "mp3", rate, bitrate_mode="VARIABLE", compression_level=0.5)


def wav_without_length(samples, rate=RATE):
    """A WAV whose recorder was killed: both lengths are zero."""
    data = encoded(samples, rate=rate)
    return put(put(data, data.index(b"data") + 4, struct.pack("<I", 0)), 4, struct.pack("<I", 36))
