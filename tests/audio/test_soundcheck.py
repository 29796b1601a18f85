"""Channels that cancel, clipping, silence."""

import io

import numpy as np
import pytest
from tests.soundfiles import RATE, encoded, sound

from diarbook.audio import audio_blocks, load_audio, read_audio
from diarbook.audio.soundcheck import MOST_CHANNELS, Soundcheck, sound_notes
from diarbook.errors import AudioWarning

SOUND = sound(2.0)


def checked(*channels, rate=RATE):
    block = np.column_stack(channels).astype(np.float32)
    check = Soundcheck(rate, block.shape[1])
    for part in np.array_split(block, 5):
        assert check.add(part, part.mean(axis=1))
    return check


def test_levels_by_hand():
    check = checked(np.full(RATE, 0.1))
    assert check.seconds == 1.0
    assert not check.cancels
    assert sound_notes([check]) == []
    assert not check.add(np.array([[np.nan]], np.float32), np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("factors", "offset", "cancels"),
    [
        ((1, -1), 0, True),
        ((1, -0.9), 0, True),  # 1.81 by channels that are unrelated, 0.01 is left: 22.6 dB
        ((1, -0.7), 0, False),
        ((1, -1), 0.1, True),  # an offset is no sound
        ((1, 1), 0, False),
        ((1, 0), 0, False),
        ((0, 0), 0, False),
        ((1, -1, 1, -1), 0, True),
        ((1, *[0] * 15), 0, False),  # one microphone of sixteen: its mean is 24 dB down, but nothing cancels
    ],
)
def test_opposite_phase(factors, offset, cancels):
    check = checked(*(factor * SOUND + offset for factor in factors))
    assert check.cancels is cancels


def test_unrelated_channels_do_not_cancel():
    noise = np.random.default_rng(0).normal(size=(32, RATE))
    assert not checked(*noise).cancels
    assert not checked(*np.zeros((MOST_CHANNELS + 1, 100))).cancels


def test_the_loudest_channel_is_used(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(np.column_stack([-0.95 * SOUND, SOUND, -0.04 * SOUND])))
    text = r"a\.wav: its channels cancel each other \(opposite phase\); channel 2 of 3 is used alone"
    with pytest.warns(AudioWarning, match=text):
        heard = load_audio(path)
    np.testing.assert_allclose(heard, SOUND, atol=1e-4)
    with pytest.warns(AudioWarning, match=text):
        np.testing.assert_array_equal(np.concatenate(list(audio_blocks(path))), heard)


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        (np.zeros(RATE), "is silent: every sample is zero; check the microphone and the export"),
        (
            np.full(RATE, 3 / 32_768),
            "holds no sound at the level of speech: its loudest half second is at -81 dB; raise the gain",
        ),
        ((50 * SOUND).clip(-1, 1), r"is clipped in \d\d\.\d % of its samples; lower the gain of the recorder"),
    ],
)
def test_notes(samples, note, tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(samples.astype(np.float32)))
    with pytest.warns(AudioWarning, match=rf"a\.wav: {note}"):
        load_audio(tmp_path / "a.wav")
    with pytest.warns(AudioWarning, match=rf"a\.wav: {note}"):
        list(audio_blocks(tmp_path / "a.wav", 0.05))


@pytest.mark.parametrize("scale", [1.0, 10 ** (-50 / 20), 32_768.0])
def test_usual_sound_at_any_level_needs_no_note(scale, recwarn):
    read_audio(io.BytesIO(encoded(SOUND * np.float32(scale), subtype="FLOAT")), "x")
    assert not recwarn.list
