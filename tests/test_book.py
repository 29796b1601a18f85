"""The built book, as files. `make book` itself fails at the first warning."""

import base64
import io
import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate
from tests.pages import ROOT, toc_files

from diarbook.assets import recording, recordings_registry
from diarbook.audio import SAMPLE_RATE, resample

HTML = ROOT / "_build" / "html"
PAGES = toc_files()
pytestmark = pytest.mark.book


class Page(HTMLParser):
    """Anchors, links, pictures and classes of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.classes, self.pictures = set(), [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        self.classes |= set(values.get("class", "").split())
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values)


@cache
def parsed(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_there_and_sound(page):
    path = HTML / f"{page}.html"
    assert path.is_file()
    classes = parsed(path).classes
    assert not classes & {"problematic", "system-message", "stderr", "traceback"}
    text = path.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" not in text
    assert not re.search(r"\{(term|glue|cite|eq|numref|doc|ref)[:}]", re.sub(r"<pre>.*?</pre>", "", text, flags=re.S))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_book_leads_somewhere(page):
    path = HTML / f"{page}.html"
    for link in parsed(path).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target /= "index.html"
        assert target.is_file(), link
        if parts.fragment and target.suffix == ".html":
            assert unquote(parts.fragment) in parsed(target).ids | {"", "top"}, link


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_a_text(page):
    for picture in parsed(HTML / f"{page}.html").pictures:
        assert "alt" in picture, picture.get("src", "")[:80]


def test_the_search_knows_every_page():
    text = (HTML / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    assert set(PAGES) <= set(index["docnames"])


def test_every_notebook_page_ran():
    """A chapter without an output was not executed."""
    for page in PAGES:
        if page.startswith("notebooks/"):
            assert "cell_output" in parsed(HTML / f"{page}.html").classes, page


def embedded_audio(page: str) -> list[bytes]:
    text = (HTML / f"{page}.html").read_text(encoding="utf-8")
    return [base64.b64decode(data) for data in re.findall(r"data:audio/mpeg;base64,([A-Za-z0-9+/=]+)", text)]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_carries_audio_that_may_not_be_redistributed(page):
    """A published page hands out what it plays: no player may hold a stretch of such a recording."""
    private = [name for name, entry in recordings_registry().items() if not entry.get("redistribute", True)]
    assert private == ["sample"]
    whole = recording("sample").waveform
    for audio in embedded_audio(page):
        samples, rate = soundfile.read(io.BytesIO(audio), dtype="float32")
        waveform = resample(samples, rate)
        for first in range(0, len(waveform) - SAMPLE_RATE, SAMPLE_RATE):
            piece = waveform[first : first + SAMPLE_RATE]
            assert likeness(whole, piece) < 0.8, f"{first // SAMPLE_RATE} s into a player"


def likeness(whole: np.ndarray, piece: np.ndarray) -> float:
    """Correlation coefficient of a piece and the stretch that it fits best; 0 for near silence."""
    if np.abs(piece).max() < 1e-3:
        return 0.0
    products = correlate(whole, piece, mode="valid", method="fft")
    best = int(np.abs(products).argmax())
    stretch = whole[best : best + len(piece)]
    return float(abs(products[best]) / (np.linalg.norm(piece) * max(np.linalg.norm(stretch), 1e-9)))


def test_a_stretch_of_a_recording_is_recognized_and_another_voice_is_not():
    whole = recording("sample").waveform
    copied = 0.3 * whole[200_000 : 200_000 + SAMPLE_RATE]
    assert likeness(whole, copied) > 0.99
    assert likeness(whole, recording("tst00").waveform[200_000 : 200_000 + SAMPLE_RATE]) < 0.8
