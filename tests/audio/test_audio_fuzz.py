"""Damaged heads of audio files: sound or one AudioError, never longer than the file allows, never other memory.

``DIARBOOK_FUZZ_SECONDS=600 pytest -n0 tests/audio/test_audio_fuzz.py`` looks for longer; finds go into FAILED.
"""

import io
import os
import time
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.soundfiles import FORMATS, RATE, encoded, sound

from diarbook.audio import read_audio
from diarbook.errors import AudioError, AudioWarning

SECONDS = 0.4
LONG = float(os.environ.get("DIARBOOK_FUZZ_SECONDS", "0"))
KINDS = [*FORMATS, "gsm", "ulaw", "stereo.wav", "stereo.mp3", "vbr.mp3"]


@cache
def intact(kind):
    """A small file of a kind."""
    samples = sound(SECONDS)
    match kind:
        case "gsm":
            return encoded(samples, "wav", subtype="GSM610")
        case "ulaw":
            return encoded(samples, "wav", subtype="ULAW")
        case "vbr.mp3":
            return encoded(samples, "mp3", bitrate_mode="VARIABLE")
        case "stereo.wav" | "stereo.mp3":
            return encoded(np.column_stack([samples, samples]), kind.rpartition(".")[2])
    return encoded(samples, kind)


def mutated(kind, edits, share, twice):
    """The file with other bytes, cut, and perhaps joined with itself."""
    data = bytearray(intact(kind))
    for at, byte in edits:
        data[at % len(data)] = byte
    data = bytes(data[: max(1, round(share * len(data)))])
    return data + intact(kind) if twice else data


def decoded(data, poison):
    """Samples or the message; memory that is free holds the poison."""
    for size in (2_000, 7_000, 64_000, 128_000):
        np.full(size, poison, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", AudioWarning)
        try:
            return read_audio(io.BytesIO(data), "a file", quiet=True)
        except AudioError as error:
            return str(error)


def check(kind, edits, share, twice):
    data = mutated(kind, edits, share, twice)
    first, second = decoded(data, 777.25), decoded(data, -555.5)
    if isinstance(first, str):
        assert first == second
        assert first.startswith("a file: ")
        assert "\n" not in first
        return
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    # A head can change the rate by 16 and the bits of a sample by as much; no head makes hours of half a second.
    assert len(first) <= 16 * 16 * (1 + twice) * SECONDS * RATE


HEADS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4)
ANYWHERE = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=8)


@settings(max_examples=300)
@given(
    kind=st.sampled_from(KINDS),
    edits=st.one_of(HEADS, ANYWHERE),
    share=st.one_of(st.just(1.0), st.floats(0, 1)),
    twice=st.booleans(),
)
@example(
    kind="ulaw", edits=[(24, 255), (22, 130), (28, 246), (39, 171), (49, 108), (54, 171)], share=0.0971, twice=False
)
@example(kind="mp3", edits=[], share=0.3, twice=False)
@example(kind="wav", edits=[(40, 0), (41, 0), (42, 0), (43, 0)], share=1.0, twice=False)
def test_a_damaged_head_gives_sound_or_an_error(kind, edits, share, twice):
    check(kind, edits, share, twice)


@pytest.mark.skipif(not LONG, reason="DIARBOOK_FUZZ_SECONDS is not set")
@pytest.mark.timeout(LONG + 300)
def test_for_longer():
    random = np.random.default_rng(int(os.environ.get("DIARBOOK_FUZZ_SEED", "1")))
    count, end = 0, time.monotonic() + LONG
    while time.monotonic() < end:
        kind = KINDS[random.integers(len(KINDS))]
        reach = int(random.choice([64, 200, 600, 20_000]))
        values = random.choice([0, 1, 0x7F, 0x80, 0xFF, *random.integers(0, 256, 5)], size=8)
        edits = [(int(random.integers(reach)), int(byte)) for byte in values[: random.integers(1, 8)]]
        share = 1.0 if random.random() < 0.6 else float(random.random())
        case = (kind, edits, share, bool(random.random() < 0.3))
        try:
            check(*case)
        except BaseException:
            print("FAILED", case)
            raise
        count += 1
    print(f"{count} files")
