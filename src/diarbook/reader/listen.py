"""What a reader hears: a player beside the timeline of who speaks, with the sound inside the page.

Each output is one ``<wsw-timeline>`` element. Its picture is plain HTML in a declarative shadow root, so it
shows without a script; a small script adds the moving cursor, playing a single turn, and the keyboard.
Nothing is asked of another host.

Chapter: start
"""

from __future__ import annotations

import base64
import functools
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform, resample
from diarbook.errors import OptionError
from diarbook.reader.plots import envelope, row_colors, theme_css
from diarbook.turns import Turn, crop, merge, speakers

_COLUMNS = 400


def encode_mp3(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> bytes:
    """The waveform as MP3, about 40 kbit/s, as long as the original.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        Within -1 to 1; louder samples are clipped.
    sample_rate : int
        Hz; rates that MP3 lacks are resampled to 16 kHz.

    Returns
    -------
    bytes
        Constant bit rate, so that a browser seeks exactly, with the header that tells the encoder's delay.

    Chapter: start
    """
    import soundfile

    if sample_rate <= 0:
        raise OptionError(f"sample_rate must be positive, got {sample_rate} Hz")
    samples = check_waveform(waveform)
    if sample_rate not in (16_000, 22_050, 24_000, 32_000, 44_100, 48_000):
        samples, sample_rate = resample(samples, sample_rate), SAMPLE_RATE
    buffer = io.BytesIO()
    # 0.8 is 40 kbit/s at 16 kHz. At 32 and less the header fits in no frame, and 96 ms of silence stay in front.
    soundfile.write(
        buffer,
        np.clip(samples, -1, 1),
        sample_rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=0.8,
        bitrate_mode="CONSTANT",
    )
    return buffer.getvalue()


def play(waveform: np.ndarray, title: str, sample_rate: int = SAMPLE_RATE) -> None:
    """Display a player with the waveform's picture.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    title : str
        What one hears.
    sample_rate : int
        Hz.

    Raises
    ------
    AudioError
        When the waveform is too short, has more than one channel, or holds NaN.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(player_html(waveform, {}, title, sample_rate)))


def timeline(
    waveform: np.ndarray, rows: Mapping[str, Sequence[Turn]], title: str, sample_rate: int = SAMPLE_RATE
) -> None:
    """Display a player above the turns of one or more diarizations of the same recording.

    A click on a turn plays that turn only; a cursor follows the sound; the keyboard does all of it.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    rows : mapping of str to sequence of Turn
        Such as ``{"reference": turns, "system": turns}``; one voice has one color in all of them.
    title : str
        What one hears.
    sample_rate : int
        Hz.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(player_html(waveform, rows, title, sample_rate)))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _axis(duration: float) -> str:
    """Marks of the time axis, at most twelve."""
    steps = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
    step = next((s for s in steps if duration / s <= 12), duration)
    marks = np.arange(0, duration + 1e-9, step)
    result = []
    for index, mark in enumerate(marks):
        near_end = index and duration - mark < 0.04 * duration
        kind = ' class="first"' if index == 0 else ' class="last"' if near_end else ""
        unit = " s" if index == len(marks) - 1 else ""
        result.append(f'<i{kind} style="left:{100 * mark / duration:.3f}%">{mark:g}{unit}</i>')
    return "".join(result)


def _wave(waveform: np.ndarray) -> str:
    """The waveform's envelope as one SVG polygon."""
    low, high = envelope(waveform, _COLUMNS)
    peak = max(float(np.abs(waveform).max()), 1e-4)
    top = " ".join(f"{i},{50 - 48 * value / peak:.0f}" for i, value in enumerate(high))
    bottom = " ".join(f"{i},{50 - 48 * low[i] / peak:.0f}" for i in range(len(low) - 1, -1, -1))
    return (
        f'<svg viewBox="0 0 {max(len(low) - 1, 1)} 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon points="{top} {bottom}"/></svg>'
    )


def _turn(turn: Turn, duration: float) -> str:
    """One turn as a button."""
    end = min(turn.end, duration)
    left, width = 100 * turn.start / duration, 100 * (end - turn.start) / duration
    label = html.escape(turn.speaker)
    return (
        f'<button data-s="{turn.start:.3f}" data-e="{end:.3f}" style="left:{left:.3f}%;width:{width:.3f}%" '
        f'aria-label="{label}, {turn.start:.1f} to {end:.1f} seconds" '
        f'title="{label}, {turn.start:.2f} to {end:.2f} s"></button>'
    )


def _lanes(rows: Mapping[str, Sequence[Turn]], duration: float) -> str:
    """A lane for each speaker of each row."""
    colors = row_colors(rows)
    lanes = []
    for name, turns in rows.items():
        own = merge(crop(turns, 0, duration))
        if len(rows) > 1:
            lanes.append(f'<div class="row">{html.escape(name)}</div>')
        for speaker in speakers(own):
            buttons = "".join(_turn(turn, duration) for turn in own if turn.speaker == speaker)
            label = html.escape(speaker)
            lanes.append(
                f'<div class="lane turns" role="group" aria-label="{html.escape(name)}: {label}" '
                f'style="--c:{colors[name][speaker]}"><b title="{label}">{label}</b>'
                f'<div class="t">{buttons}</div></div>'
            )
        if not own:
            lanes.append('<div class="lane"><b>no speech</b><div class="t"></div></div>')
    return "".join(lanes)


@functools.cache
def _asset(name: str) -> str:
    """A file beside this one without comments of whole lines and indentation."""
    lines = (line.strip() for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*")))


def player_html(
    waveform: np.ndarray, rows: Mapping[str, Sequence[Turn]], title: str, sample_rate: int = SAMPLE_RATE
) -> str:
    """The HTML that :func:`play` and :func:`timeline` display.

    Raises
    ------
    AudioError
        When the waveform is too short, has more than one channel, or holds NaN.
    OptionError
        When the title is empty.

    Chapter: start
    """
    waveform = check_waveform(waveform)
    if not isinstance(title, str) or not title.strip():
        raise OptionError("title is empty; say what one hears")
    duration = len(waveform) / sample_rate
    heading = html.escape(title.strip())
    sound = base64.b64encode(encode_mp3(waveform, sample_rate)).decode()
    width = min(max(duration * 12, 260), 3000)
    template = (
        f'<template shadowrootmode="open"><style>{_asset("listen.css")}</style>'
        f'<div class="card{"" if rows else " plain"}">'
        f'<div class="head"><button class="go" aria-pressed="false" aria-label="play {heading}"><span></span></button>'
        f"<strong>{heading}</strong><output>{_clock(0)} / {_clock(duration)}</output></div>"
        f'<div class="scroll"><div class="body" style="min-width:{width:.0f}px">'
        f'<div class="lane wave" role="slider" tabindex="0" aria-label="position in {heading}" aria-valuemin="0" '
        f'aria-valuemax="{duration:.2f}" aria-valuenow="0"><b></b><div class="t">{_wave(waveform)}</div></div>'
        f"{_lanes(rows, duration)}"
        f'<div class="lane axis" aria-hidden="true"><b></b><div class="t">{_axis(duration)}</div></div>'
        '<div class="over"><b></b><div class="t"><u></u></div></div></div></div><slot></slot></div></template>'
    )
    return (
        f'<wsw-timeline data-duration="{duration:.3f}" role="group" aria-label="{heading}">'
        f"<style>{theme_css('wsw-timeline')}</style>{template}"
        f'<audio controls preload="metadata" aria-label="{heading}" src="data:audio/mpeg;base64,{sound}"></audio>'
        f"</wsw-timeline><script>{_asset('listen.js')}</script>"
    )
