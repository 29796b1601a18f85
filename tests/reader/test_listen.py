"""The player: sound as long as the original, names escaped, bad input refused."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile
from tests.reader.test_plots import NASTY, parse

from diarbook.audio import SAMPLE_RATE
from diarbook.errors import AudioError, OptionError
from diarbook.reader import listen, plots
from diarbook.turns import Turn


@pytest.fixture(scope="module")
def waveform():
    """Three seconds of tone bursts, whose edges show any delay."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * 440 * time) * (time % 0.5 < 0.1)).astype(np.float32)


def sound(text: str) -> tuple[np.ndarray, int]:
    data = re.search(r'src="data:audio/mpeg;base64,([^"]+)"', text)[1]
    return soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")


def lag(a: np.ndarray, b: np.ndarray) -> int:
    size = 2 ** int(np.ceil(np.log2(len(a) + len(b))))
    correlation = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)))
    best = int(correlation.argmax())
    return best if best < size // 2 else best - size


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_sound_keeps_length_and_place(rate):
    time = np.arange(int(2.37 * rate)) / rate
    original = (0.5 * np.sin(2 * np.pi * 300 * time) * (time % 0.5 < 0.1)).astype(np.float32)
    decoded, decoded_rate = soundfile.read(io.BytesIO(listen.encode_mp3(original, rate)), dtype="float32")
    assert abs(len(decoded) / decoded_rate - len(original) / rate) < 0.03
    if decoded_rate == rate:
        assert abs(lag(decoded, original)) / rate < 0.03


def test_thirty_seconds_are_about_150_kilobytes():
    noise = np.random.default_rng(0).normal(scale=0.1, size=30 * SAMPLE_RATE)
    assert len(listen.encode_mp3(noise)) < 160_000


def test_player_is_well_formed_escaped_and_self_contained(waveform):
    rows = {f"row {NASTY}": [Turn(0, 1, NASTY), Turn(0.5, 2, 'a" onclick="x')], "system": [Turn(0, 1, "SPEAKER_00")]}
    text = listen.player_html(waveform, rows, f"title {NASTY}")
    checker = parse(text)
    assert [tag for tag, _ in checker.tags].count("script") == 1
    assert not [attrs for _, attrs in checker.tags if "onclick" in attrs]
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "http" not in text
    labels = [attrs["aria-label"] for tag, attrs in checker.tags if tag == "button"]
    assert len(labels) == 4
    assert all(labels)
    assert f"{NASTY}, 0.0 to 1.0 seconds" in labels


def test_player_colors_equal_the_plots(waveform):
    rows = {"reference": [Turn(1, 2, "b"), Turn(0, 1, "a")], "system": [Turn(0, 0.9, "0"), Turn(1, 2, "1")]}
    colors = re.findall(r'--c:(#[0-9a-f]{6})"><b title="(\w)"', listen.player_html(waveform, rows, "x"))
    wanted = plots.row_colors(rows)
    assert [(c, s) for c, s in colors] == [(wanted[row][s], s) for row in rows for s in wanted[row]]


def test_script_is_small_and_guarded(waveform):
    text = listen.player_html(waveform, {}, "x")
    script = re.search(r"<script>(.*?)</script>", text, flags=re.S)[1]
    assert len(script) < 10_000
    assert script.startswith('(() => {\nif (customElements.get("wsw-timeline")) return ')


def test_turns_are_cut_at_the_end_of_the_sound(waveform):
    text = listen.player_html(waveform, {"reference": [Turn(2, 9, "a"), Turn(5, 6, "b")]}, "x")
    assert 'data-s="2.000" data-e="3.000"' in text
    assert text.count("data-s=") == 1
    assert "no speech" in listen.player_html(waveform, {"system": []}, "x")


def test_play_keeps_another_rate():
    text = listen.player_html(np.full(24_000, 0.1, np.float32), {}, "x", sample_rate=8_000)
    assert 'data-duration="3.000"' in text
    decoded, rate = sound(text)
    assert len(decoded) / rate == pytest.approx(3, abs=0.03)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.array([np.nan] * 9_000), "not a finite number"),
        (np.zeros((9_000, 2)), "one channel"),
        (np.zeros(10), "at least 0.1 s"),
    ],
)
def test_bad_sound_is_refused(bad, message):
    with pytest.raises(AudioError, match=message):
        listen.play(bad, "x")


def test_title_is_required(waveform):
    with pytest.raises(OptionError, match="title is empty"):
        listen.timeline(waveform, {}, " ")
    with pytest.raises(OptionError, match="sample_rate"):
        listen.encode_mp3(waveform, 0)
