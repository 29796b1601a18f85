"""Pictures: readable by everyone, the same voice in the same color."""

import inspect
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.errors import OptionError
from diarbook.reader import plots, source, tables
from diarbook.turns import Turn, merge, regions

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
NASTY = '<script>alert("1")</script>&\''


class Checker(HTMLParser):
    """Raises when tags are not closed in order; collects what was seen."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> is out of order"

    def handle_data(self, data):
        self.text.append(data)


def parse(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids), "an id occurs twice"
    return checker


def luminance(color: str) -> float:
    value = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def oklab(linear: np.ndarray) -> np.ndarray:
    """Ottosson's perceptual space of linear sRGB, clipped to the gamut."""
    lms = np.cbrt(
        np.clip(linear, 0, 1)
        @ np.array(
            [
                [0.4122214708, 0.2119034982, 0.0883024619],
                [0.5363325363, 0.6806995451, 0.2817188376],
                [0.0514459929, 0.1073969566, 0.6299787005],
            ]
        )
    )
    return lms @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


# Machado, Oliveira and Fernandes (2009): complete protanopia, deuteranopia and tritanopia on linear sRGB.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": np.eye(3),
}


@pytest.mark.parametrize("color", plots.PALETTE)
def test_palette_has_contrast_on_both_cards(color):
    for card in ("#ffffff", plots._THEME["card"][1]):
        assert contrast(color, card) >= 3


@pytest.mark.parametrize("kind", BLINDNESS)
def test_first_six_colors_differ_for_color_blind_readers(kind):
    values = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in plots.PALETTE[:6]]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    lab = oklab(linear @ np.array(BLINDNESS[kind]).T)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(6, 1)]
    assert distance.min() > 0.07


def test_text_has_contrast_in_both_themes():
    for theme in (0, 1):
        card = plots._THEME["card"][theme]
        for name in ("ink", "muted"):
            assert contrast(plots._THEME[name][theme], card) >= 4.5


def test_palette_equals_the_style_sheet():
    text = (Path(__file__).parents[2] / "book" / "_static" / "wsw.css").read_text(encoding="utf-8")
    assert tuple(re.findall(r"--speaker-\d: (#[0-9a-f]{6});", text)) == plots.PALETTE


def test_speaker_colors_follow_first_appearance():
    assert plots.speaker_colors(["b", "a", "b"]) == {"b": plots.PALETTE[0], "a": plots.PALETTE[1]}
    turns = [Turn(5, 6, "a"), Turn(1, 2, "b")]
    assert plots.speaker_colors(turns) == {"b": plots.PALETTE[0], "a": plots.PALETTE[1]}
    assert len(plots.speaker_colors(map(str, range(20)))) == 20
    assert plots.speaker_colors([]) == {}


def test_anonymous_labels_take_the_color_of_the_voice():
    reference = [Turn(0, 4, "FEE041"), Turn(4, 9, "MEE067"), Turn(9, 10, "FEE041")]
    system = [Turn(0.1, 0.3, "SPEAKER_00"), Turn(0.4, 4, "SPEAKER_01"), Turn(4.2, 9, "SPEAKER_02")]
    colors = plots.row_colors({"reference": reference, "system": system})
    assert colors["system"]["SPEAKER_01"] == colors["reference"]["FEE041"]
    assert colors["system"]["SPEAKER_02"] == colors["reference"]["MEE067"]
    assert colors["system"]["SPEAKER_00"] not in colors["reference"].values()


def test_names_keep_their_color_even_when_wrong():
    reference = [Turn(0, 4, "ann"), Turn(4, 9, "bob")]
    swapped = [Turn(0, 4, "bob"), Turn(4, 9, "ann"), Turn(9, 10, "eve")]
    colors = plots.row_colors({"reference": reference, "system": swapped, "empty": []})
    assert {k: colors["system"][k] for k in ("ann", "bob")} == colors["reference"]
    assert colors["empty"] == {}
    assert plots.row_colors({}) == {}


turn = st.builds(
    lambda start, length, who: Turn(start, start + length, f"SPEAKER_{who:02d}"),
    st.floats(0, 100),
    st.floats(0.01, 10),
    st.integers(0, 7),
)


@given(st.lists(turn, max_size=30), st.lists(turn, max_size=30))
def test_no_two_of_eight_voices_share_a_color(reference, system):
    colors = plots.row_colors({"reference": reference, "system": system})
    for row, turns in (("reference", reference), ("system", system)):
        assert set(colors[row]) == {t.speaker for t in turns}
        assert len(set(colors[row].values())) == len(colors[row])


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_alternative_text_is_required(alt):
    fig, _ = plots.figure()
    with pytest.raises(OptionError, match="alt is empty"):
        plots.figure_html(fig, alt)


def timeline_figure():
    fig, axes = plots.figure(2, 1, height=3, sharex=True)
    noise = np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    plots.waveform(axes[0], noise)
    rows = {"reference": [Turn(0, 1, NASTY), Turn(1, 2, "$b$")], "system": [Turn(0.5, 1, "SPEAKER_00")], "none": []}
    plots.timeline(axes[1], rows, 2.0)
    return fig


def test_figure_is_well_formed_accessible_and_escaped():
    text = plots.figure_html(timeline_figure(), f'two "voices" {NASTY}', caption=NASTY)
    checker = parse(text)
    drawing = next(attrs for tag, attrs in checker.tags if tag == "svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == f'two "voices" {NASTY}'
    assert not [tag for tag, _ in checker.tags if tag == "script"]
    assert "http" not in text.replace("http://www.w3.org/", "")
    assert len(text) < 150_000


def test_figure_follows_the_theme():
    text = plots.figure_html(timeline_figure(), "voices")
    svg = text[text.index("<svg") :]
    assert "var(--wsw-ink)" in text
    assert "var(--wsw-grid)" in svg
    for color, _ in plots._THEME.values():
        assert color not in svg
    assert "html[data-theme=dark] .wsw-figure" in text


def test_same_figure_gives_same_html():
    assert plots.figure_html(timeline_figure(), "x") == plots.figure_html(timeline_figure(), "x")


def test_two_figures_share_no_ids():
    fig, axes = plots.figure()
    axes.plot([0, 1], [0, 1])
    parse(plots.figure_html(timeline_figure(), "a") + plots.figure_html(fig, "b"))


def test_many_points_stay_light():
    fig, axes = plots.figure()
    axes.scatter(*np.random.default_rng(0).normal(size=(2, 50_000)), s=2)
    text = plots.figure_html(fig, "a cloud")
    assert len(text) < 200_000
    parse(text)


def test_envelope_keeps_the_extremes():
    samples = np.random.default_rng(1).normal(size=10_007).astype(np.float32)
    low, high = plots.envelope(samples, 300)
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    assert len(low) == len(high) == 300
    assert len(plots.envelope(samples[:5], 300)[0]) == 5


def test_spectrogram_puts_frames_along_time():
    fig, axes = plots.figure()
    matrix = np.zeros((50, 4))
    matrix[10, 3] = 1
    image = plots.spectrogram(axes, matrix, 0.1, start=2.0)
    assert image.get_array()[3, 10] == 1
    assert tuple(image.get_extent()) == (2.0, 7.0, 0, 4)
    with pytest.raises(OptionError, match="frames, bands"):
        plots.spectrogram(axes, np.zeros(5), 0.1)
    parse(plots.figure_html(fig, "bands"))


def test_histograms_share_bins_and_ignore_nan():
    fig, axes = plots.figure()
    groups = {"same": np.array([0.1, 0.5, np.nan]), "different": np.array([-1.0, 0.2])}
    plots.histograms(axes, groups)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["same", "different"]
    parse(plots.figure_html(fig, "scores"))


def test_table_aligns_escapes_and_names_undefined():
    rows = [{"method": NASTY, "DER": 12.345, "n": 1200}, {"method": "b", "DER": float("nan"), "n": 3}]
    text = tables.table_html(rows, caption=NASTY, best={"DER": "min"})
    checker = parse(text)
    assert not [tag for tag, _ in checker.tags if tag == "script"]
    assert NASTY in checker.text
    assert "12.3" in checker.text
    assert "undefined" in checker.text
    assert "1,200" in checker.text
    assert 'class="wsw-num wsw-best">12.3<' in text
    assert ("div", "region") in [(tag, attrs.get("role")) for tag, attrs in checker.tags]


def test_table_takes_a_data_frame_with_its_index():
    import pandas

    frame = pandas.DataFrame({"a": [1, 2]}, index=pandas.Index(["x", "y"], name="name"))
    assert ">name<" in tables.table_html(frame)
    assert ">x<" in tables.table_html(frame)
    assert ">index<" not in tables.table_html(frame.reset_index(drop=True))
    with pytest.raises(OptionError, match="list of mappings"):
        tables.table_html([[1, 2]])


def test_source_shows_the_function_and_links_its_lines():
    text = source.source_html(regions)
    checker = parse(text)
    listing = "".join(checker.text)
    assert "def regions(turns" in listing
    link = next(attrs["href"] for tag, attrs in checker.tags if tag == "a")
    first = int(re.search(r"src/diarbook/turns\.py#L(\d+)-L\d+$", link)[1])
    lines = (Path(plots.__file__).parents[1] / "turns.py").read_text(encoding="utf-8").splitlines()
    assert lines[first - 1].startswith("def regions")
    parse(source.source_html(Turn))


@pytest.mark.parametrize("target", [merge, regions, Turn, plots.figure_html, parse])
def test_source_is_whole_though_its_docstring_is_folded(target):
    text = "".join(parse(source.source_html(target)).text)
    shown = text.partition("on GitHub")[2].replace("the rest of the docstring", "").strip("\n")
    wanted = inspect.getsource(target).strip("\n")
    assert shown == wanted
