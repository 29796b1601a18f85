"""A diarization to take apart: drag turns over real audio and watch the diarization error change.

The element is ``book/_static/der-playground.js``, one script without dependencies. Each output carries the script, the
case and its sound, so it works in JupyterLab, in Colab, in the built book and in a page opened from disk, and asks no
other host for anything. The script defines the element once a page, however many playgrounds the page has.

Chapter: playground
"""

from __future__ import annotations

import base64
import functools
import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.errors import OptionError
from diarbook.files import read_script
from diarbook.metrics import Protocol, diarization_error
from diarbook.reader.listen import encode_mp3
from diarbook.reader.plots import ERROR_COLORS, PALETTE, envelope, speaker_colors
from diarbook.rttm import format_rttm
from diarbook.turns import Turn, crop, shift

_PEAKS = 1000
# The book's theme lays a light box under a cell's HTML in the dark; the element brings its own ground.
_BARE = "html[data-theme=dark] .bd-content div.cell_output .text_html:has(der-playground){background:none;padding:0}"


@dataclass(frozen=True)
class Playground:
    """What :func:`playground` returns; a notebook shows it when it is the last value of a cell.

    Parameters
    ----------
    case : mapping
        What the element reads: ``name``, ``title``, ``audio`` (data URI), ``duration``, ``peaks`` (base64), ``colors``
        of reference speakers, ``palette`` and ``error_colors``, ``reference`` and ``hypothesis`` (rows of start, end,
        speaker), ``collar``, ``skip_overlap``, ``uem``, ``mapping``.
    summary : str
        The score in words, for a reader without JavaScript.

    Chapter: playground
    """

    case: Mapping[str, object]
    summary: str

    def __repr__(self) -> str:
        turns = f"{len(self.case['reference'])} and {len(self.case['hypothesis'])} turns"
        return f"Playground({self.case['name']!r}, {self.case['duration']:.1f} s, {turns}): {self.summary}"

    def element(self) -> str:
        """The element alone, for a page that has the script already."""
        case = html.escape(json.dumps(self.case, ensure_ascii=False, allow_nan=False), quote=True)
        return f'<der-playground case="{case}"><p>{html.escape(self.summary)}</p></der-playground>'

    def _repr_html_(self) -> str:
        return f"{self.element()}<style>{_BARE}</style><script>{script()}</script>"

    def page(self, theme: str = "light") -> str:
        """A whole HTML page with this playground, to save and open without the book."""
        if theme not in ("light", "dark"):
            raise OptionError(f"theme must be light or dark, got {theme!r}")
        title = html.escape(str(self.case["title"] or "DER playground"))
        return (
            f'<!DOCTYPE html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            "<style>body{margin:0 auto;padding:8px;max-width:1000px}[data-theme=dark] body{background:#14181e}</style>"
            f"</head><body>{self._repr_html_()}</body></html>\n"
        )


def playground(
    waveform: np.ndarray,
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    title: str = "",
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    uem: np.ndarray | None = None,
    mapping: str = "before_collar",
    name: str = "recording",
    colors: Mapping[str, str] | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> Playground:
    """A playground over one recording, its reference and a hypothesis.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    reference, hypothesis : sequence of Turn
        Speakers' names are single words, as RTTM wants them.
    title : str
        Heading above the score.
    collar : float
        Seconds removed on each side of every reference boundary, 0 to 1; the reader may change it.
    skip_overlap : bool
        Leave out overlapped reference speech; the reader may change it.
    uem : ndarray of shape (n, 2), optional
        Regions to score, seconds.
    mapping : {"before_collar", "after_collar"}
        As in :func:`diarbook.metrics.diarization_error`.
    name : str
        The recording's name in RTTM that is taken out.
    colors : mapping of str to str, optional
        Hex color of each reference speaker; by default those of :func:`diarbook.reader.plots.speaker_colors`.
    sample_rate : int
        Hz.

    Returns
    -------
    Playground

    Raises
    ------
    AudioError
        When the waveform is too short, has more than one channel, or holds NaN.
    OptionError
        When an option is out of its range, or a turn starts after the audio ends.
    RttmError
        When a name is empty or holds white space.

    Chapter: playground
    """
    waveform = check_waveform(waveform)
    if sample_rate <= 0:
        raise OptionError(f"sample_rate must be positive, got {sample_rate} Hz")
    duration = len(waveform) / sample_rate
    options = Protocol(collar, skip_overlap, mapping)
    if collar > 1:
        raise OptionError(f"collar must be at most 1 s, where the slider ends, got {collar}")
    for side, turns in (("reference", reference), ("hypothesis", hypothesis)):
        format_rttm(turns, name)
        late = [turn for turn in turns if turn.start > duration]
        if late:
            raise OptionError(
                f"{side}: a turn of {late[0].speaker!r} starts at {late[0].start:.2f} s, after the audio ends at "
                f"{duration:.2f} s; check that both are of one recording"
            )
    low, high = envelope(waveform, _PEAKS)
    peaks = np.maximum(np.abs(low), np.abs(high))
    heights = np.round(255 * peaks / max(float(peaks.max()), 1e-4)).astype(np.uint8)
    regions = None if uem is None else np.asarray(uem, dtype=float).reshape(-1, 2).tolist()
    case = {
        "name": name,
        "title": title,
        "audio": "data:audio/mpeg;base64," + base64.b64encode(encode_mp3(waveform, sample_rate)).decode(),
        "duration": round(duration, 3),
        "peaks": base64.b64encode(heights.tobytes()).decode(),
        "palette": list(PALETTE),
        "error_colors": {kind.replace(" ", "_"): color for kind, color in ERROR_COLORS.items()},
        "colors": dict(speaker_colors(list(reference)) if colors is None else colors),
        "reference": _rows(reference),
        "hypothesis": _rows(hypothesis),
        "collar": float(collar),
        "skip_overlap": bool(skip_overlap),
        "uem": regions,
        "mapping": mapping,
    }
    error = diarization_error(reference, hypothesis, uem=uem, **options.options())
    rate = f"undefined: {error.reason}" if math.isnan(error.rate) else f"{100 * error.rate:.1f} %"
    summary = (
        f"DER {rate} (missed {error.missed:.2f} s, false alarm {error.false_alarm:.2f} s, confusion "
        f"{error.confusion:.2f} s, of {error.total:.2f} s)"
    )
    return Playground(case, summary)


def excerpt(
    waveform: np.ndarray, turns: Sequence[Turn], start: float, end: float, sample_rate: int = SAMPLE_RATE
) -> tuple[np.ndarray, list[Turn]]:
    """A stretch of a recording and its turns, both counted from zero again.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    turns : sequence of Turn
        Those that cross ``start`` or ``end`` are cut there.
    start, end : float
        Seconds.
    sample_rate : int
        Hz.

    Returns
    -------
    waveform : ndarray of shape (samples,)
    turns : list of Turn

    Raises
    ------
    OptionError
        When the stretch is empty or not inside the audio.

    Chapter: playground
    """
    duration = len(waveform) / sample_rate
    if not 0 <= start < end <= duration:
        raise OptionError(f"a stretch must lie within 0 to {duration:.2f} s and have a length, got {start} to {end}")
    samples = slice(round(start * sample_rate), round(end * sample_rate))
    return waveform[samples], shift(crop(turns, start, end), -start)


def _rows(turns: Sequence[Turn]) -> list[list[float | str]]:
    return [[round(turn.start, 6), round(turn.end, 6), turn.speaker] for turn in sorted(turns)]


@functools.lru_cache
def script() -> str:
    """Source of the element, from a checkout or from the installed package.

    Raises
    ------
    DiarbookError
        When the package was installed without it.

    Chapter: playground
    """
    return read_script("der-playground.js")
