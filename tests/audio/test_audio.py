import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from tests.soundfiles import FORMATS, encoded, put, sound, variable_mp3, wav_without_length, without_count

from diarbook.audio import (
    SAMPLE_RATE,
    audio_blocks,
    audio_seconds,
    check_waveform,
    clipped_fraction,
    level,
    load_audio,
    resample,
    to_mono,
)
from diarbook.errors import AudioError, AudioWarning, OptionError


def tone(rate, seconds=1.0, frequency=440.0, channels=1):
    time = np.arange(round(rate * seconds)) / rate
    return np.repeat(0.5 * np.sin(2 * np.pi * frequency * time)[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (8000, 2), (44100, 2), (48000, 1)])
def test_any_format_rate_and_channel_count_gives_the_same_tone(tmp_path, suffix, rate, channels):
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(rate, channels=channels), rate)
    waveform = load_audio(path)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) - SAMPLE_RATE) <= 0.08 * SAMPLE_RATE  # MP3 pads to whole frames
    middle = waveform[4000:12000]
    peak = np.abs(np.fft.rfft(middle)).argmax() * SAMPLE_RATE / len(middle)
    assert abs(peak - 440) <= 2
    assert level(middle) == pytest.approx(level(tone(16000)[:8000, 0]), abs=0.5)


def test_blocks_do_not_show(tmp_path):
    """Longer than a block, at another rate, is the same as in one go."""
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 8000 * 130).astype(np.float32)
    path = tmp_path / "noise.wav"
    soundfile.write(path, samples, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(load_audio(path), soxr.resample(samples, 8000, SAMPLE_RATE))


def test_resampling_agrees_with_scipy_inside_the_band():
    from scipy.signal import resample_poly

    quiet_edges = tone(8000)[:, 0] * np.hanning(8000).astype(np.float32)
    ours = resample(quiet_edges, 8000)
    np.testing.assert_allclose(ours, resample_poly(quiet_edges, 2, 1), atol=2e-3)
    assert resample(ours, SAMPLE_RATE) is ours
    with pytest.raises(OptionError, match="positive"):
        resample(ours, 0)


def test_mono_is_the_mean_of_the_channels():
    np.testing.assert_array_equal(to_mono(np.array([[1.0, 0.0], [0.5, 0.5]])), [0.5, 0.5])


def bad_file(name, folder):
    path = folder / name
    match name:
        case "empty.wav":
            path.write_bytes(b"")
        case "text.wav" | "text.raw":
            path.write_text("not audio at all, only words\n")
        case "nan.wav":
            samples = tone(16000)
            samples[77] = np.nan
            soundfile.write(path, samples, 16000, subtype="FLOAT")
        case "infinite.wav":
            soundfile.write(path, np.full(8000, np.inf), 8000, subtype="FLOAT")
        case "short.wav":
            soundfile.write(path, tone(16000, 0.05), 16000)
        case "header.wav":
            soundfile.write(path, np.zeros((0, 1)), 16000)
        case "cut.flac":
            soundfile.write(path, tone(16000), 16000)
            path.write_bytes(path.read_bytes()[:60])
        case "folder.wav":
            path.mkdir()
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.wav", "no such file"),
        ("empty.wav", "the file is empty"),
        ("text.wav", "cannot be read as audio"),
        ("text.raw", "cannot be read as audio"),
        ("nan.wav", "the sample at 0.005 s is not a finite"),
        ("infinite.wav", "the sample at 0.000 s is not a finite"),
        ("short.wav", "0.050 s of audio, at least 0.1 s"),
        ("header.wav", "holds no samples"),
        ("cut.flac", ""),
        ("folder.wav", "is a folder"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, name, message):
    path = bad_file(name, tmp_path)
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert message in text
    assert "\n" not in text


def test_silence_is_valid(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 16000)
    with pytest.warns(AudioWarning, match="silent"):
        assert level(load_audio(tmp_path / "silence.wav")) == -np.inf


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros((2, 16000), np.float32), "one channel"),
        (np.array([0.0] * 4000 + [np.nan]), "sample 4000 is not a finite"),
        (np.zeros(10, np.float32), "at least 0.1 s"),
        (np.zeros(16000, np.int16), "int16; scale"),
        (np.array(["a"]), "scale"),
    ],
)
def test_check_waveform_says_what_is_wrong(waveform, message):
    with pytest.raises(AudioError, match=message):
        check_waveform(waveform)


def test_check_waveform_keeps_a_good_one():
    waveform = tone(16000)[:, 0]
    assert check_waveform(waveform) is waveform


def test_level_and_clipping_by_hand():
    assert level(np.full(100, 0.1)) == pytest.approx(-20)
    assert level(np.zeros(0)) == -np.inf
    assert clipped_fraction(np.array([1.0, -1.0, 0.5, 0.0])) == 0.5
    assert clipped_fraction(np.zeros(0)) == 0.0


def test_a_rate_that_no_recorder_has(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16000), 3)
    with pytest.raises(AudioError, match="3 Hz is no sampling rate of 1000 to 1000000"):
        load_audio(tmp_path / "a.wav")


def test_samples_too_large_for_sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(8000, 3e38, np.float32), 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match="its samples are too large for any sound"):
        load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_blocks_are_the_file(tmp_path, seconds):
    stereo = np.column_stack([tone(44100, 3.0)[:, 0], np.zeros(3 * 44100, np.float32)])
    soundfile.write(tmp_path / "a.wav", stereo, 44100)
    blocks = list(audio_blocks(tmp_path / "a.wav", seconds))
    assert max(map(len, blocks)) <= 2 * seconds * SAMPLE_RATE + 4_000
    np.testing.assert_array_equal(np.concatenate(blocks), load_audio(tmp_path / "a.wav"))


def test_memory_is_that_of_the_result(tmp_path):
    """Ten minutes of stereo at 48 kHz: 38 MB as a result, 230 MB as they are in the file."""
    path = tmp_path / "a.flac"
    soundfile.write(path, np.tile(tone(48000, 1.0, channels=2), (300, 1)), 48000)
    load_audio(path)
    tracemalloc.start()
    waveform = load_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * waveform.nbytes + 20e6


def test_sound_that_ends_within_a_joined_file_is_kept(tmp_path):
    first, second = tmp_path / "1.wav", tmp_path / "2.wav"
    soundfile.write(first, tone(16000), 16000)
    soundfile.write(second, tone(16000), 16000)
    damaged = bytearray(second.read_bytes())
    damaged[20:22] = b"\x99\x99"  # an encoding that nobody knows
    first.write_bytes(first.read_bytes() + damaged)
    with pytest.warns(AudioWarning, match="is damaged"):
        assert len(load_audio(first)) == 16000


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_length_of_a_file(tmp_path, suffix):
    path = tmp_path / "a"
    data = encoded(sound(2.0), suffix)
    for content, seconds in ((data, 2.0), (data + data, 4.0), (wav_without_length(sound(2.0)), 2.0)):
        path.write_bytes(content)
        assert audio_seconds(path) == pytest.approx(seconds)


def test_the_length_of_files_that_do_not_say(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(without_count(variable_mp3(np.concatenate([sound(2.0), 1e-4 * sound(8.0), sound(2.0)]))))
    assert audio_seconds(path) == pytest.approx(12.0, abs=0.1)
    flac = encoded(sound(2.0), "flac")
    unknown = (int.from_bytes(flac[18:26], "big") >> 36 << 36).to_bytes(8, "big")
    path.write_bytes(put(flac, 18, unknown))
    assert audio_seconds(path) == 2.0
    path.write_text("these are words")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        audio_seconds(path)
