"""What a reader looks at: one style, the same speaker always the same color, readable in light and dark.

A figure leaves a cell as inline SVG whose ink, grid and background are CSS variables, so that one
drawing serves both themes of the book, of JupyterLab and of Colab. Only notebooks import this
module; matplotlib is imported inside the functions that draw.

Chapter: start
"""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from diarbook.errors import OptionError
from diarbook.turns import Turn, merge, speakers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Each color keeps a contrast of 3 or more on the white card and on the dark one (a test computes it); the
# first three are Okabe and Ito's, the others were chosen for their distance under simulated color blindness.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#a878fc", "#905478", "#c0303c", "#c078b4", "#6e7781")
ERROR_COLORS = {"missed": "#6e7781", "false alarm": "#8a6d00", "confusion": "#d6418f"}
SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"

# Drawn in these, shown in the theme's variables of the same meaning.
INK, MUTED, GRID, CARD = "#1c2128", "#57606a", "#dcd8cf", "#ffffff"
# Ink for text that lies on a colored patch and must not follow the theme.
ON_LIGHT, ON_DARK = "#0a0a0a", "#fafafa"

_THEME = {
    "ink": (INK, "#e6edf3"),
    "muted": (MUTED, "#9aa4af"),
    "grid": (GRID, "#30363d"),
    "card": (CARD, "#161b22"),
}
_ALIASES = {"#000000": "ink", "#ffffff": "card", "#808080": "muted", "#d3d3d3": "grid", "#b0b0b0": "grid"}
_ANONYMOUS = re.compile(r"(SPEAKER_?|spk_?|speaker ?)?\d+")
_HEAVY_BYTES = 150_000


def speaker_colors(labels: Iterable[str]) -> dict[str, str]:
    """A color for each speaker, in the order in which they first occur.

    Parameters
    ----------
    labels : iterable of str or of Turn
        Labels in the order of first appearance (repeats count once), or turns, which are sorted by time first.

    Returns
    -------
    dict of str to str
        Speaker to hex color; the palette starts again after eight.

    Chapter: start
    """
    items = list(labels)
    if items and all(isinstance(item, Turn) for item in items):
        items = speakers(items)
    return {label: PALETTE[index % len(PALETTE)] for index, label in enumerate(dict.fromkeys(map(str, items)))}


def row_colors(rows: Mapping[str, Sequence[Turn]]) -> dict[str, dict[str, str]]:
    """Colors for several diarizations of one recording, so that one voice has one color in every row.

    The first row sets the colors. In the others a speaker of the same name keeps its color; anonymous
    labels (``SPEAKER_00``, ``0``) mean nothing across rows and take the color of the speaker whom they
    overlap most, one to one.

    Returns
    -------
    dict of str to dict of str to str
        Row name to speaker to hex color.

    Chapter: start
    """
    names = list(rows)
    if not names:
        return {}
    first = speaker_colors(speakers(rows[names[0]]))
    colors = {names[0]: first}
    known = dict(first)
    for name in names[1:]:
        own = speakers(rows[name])
        anonymous = [label for label in own if _ANONYMOUS.fullmatch(label)]
        chosen = {label: known[label] for label in own if label in known and label not in anonymous}
        matched = _match_by_overlap(rows[names[0]], rows[name], anonymous)
        for label, partner in matched.items():
            if first[partner] not in chosen.values():
                chosen[label] = first[partner]
        free = [color for color in PALETTE if color not in chosen.values() and color not in first.values()]
        free += [color for color in PALETTE if color not in chosen.values() and color not in free]
        for index, label in enumerate(label for label in own if label not in chosen):
            chosen[label] = free[index % len(free)] if free else PALETTE[index % len(PALETTE)]
        known.update({label: color for label, color in chosen.items() if label not in anonymous and label not in known})
        colors[name] = {label: chosen[label] for label in own}
    return colors


def _match_by_overlap(anchor: Sequence[Turn], turns: Sequence[Turn], labels: Sequence[str]) -> dict[str, str]:
    """One-to-one match of labels to the anchor's speakers that shares the most seconds."""
    partners = speakers(anchor)
    if not labels or not partners:
        return {}
    from scipy.optimize import linear_sum_assignment

    shared = np.zeros((len(labels), len(partners)))
    spans = {p: np.array([(t.start, t.end) for t in merge(anchor) if t.speaker == p]).reshape(-1, 2) for p in partners}
    for i, label in enumerate(labels):
        own = np.array([(t.start, t.end) for t in merge(turns) if t.speaker == label]).reshape(-1, 2)
        for j, partner in enumerate(partners):
            other = spans[partner]
            low = np.maximum(own[:, None, 0], other[None, :, 0])
            high = np.minimum(own[:, None, 1], other[None, :, 1])
            shared[i, j] = np.clip(high - low, 0, None).sum()
    pairs = zip(*linear_sum_assignment(-shared), strict=True)
    return {labels[i]: partners[j] for i, j in pairs if shared[i, j] > 0}


def use_style() -> None:
    """Set matplotlib's defaults to the book's style; :func:`figure` does it for you.

    Chapter: start
    """
    import matplotlib
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "font.size": 10,
            "font.family": ["DejaVu Sans"],
            "svg.fonttype": "none",
            "svg.hashsalt": "diarbook",
            "figure.dpi": 100,
            "figure.facecolor": CARD,
            "savefig.facecolor": "none",
            "axes.facecolor": "none",
            "axes.edgecolor": MUTED,
            "axes.labelcolor": MUTED,
            "axes.titlecolor": INK,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlepad": 8,
            "axes.labelsize": 10,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=PALETTE),
            "grid.color": GRID,
            "grid.linewidth": 0.7,
            "text.color": INK,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "xtick.major.size": 3,
            "ytick.major.size": 3,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "image.cmap": SEQUENTIAL,
            "image.aspect": "auto",
            "image.interpolation": "nearest",
            "patch.linewidth": 0,
        }
    )


def figure(rows: int = 1, columns: int = 1, height: float = 3.0, width: float = 7.2, **keywords: Any) -> tuple:
    """A figure in the book's style.

    Parameters
    ----------
    rows, columns : int
        Grid of axes.
    height, width : float
        Inches of the whole figure.
    **keywords
        Passed on to :meth:`matplotlib.figure.Figure.subplots`, such as ``sharex=True``.

    Returns
    -------
    tuple of Figure and Axes
        One Axes, or an array of them as in :func:`matplotlib.pyplot.subplots`.

    Chapter: start
    """
    use_style()
    from matplotlib.figure import Figure

    figure_keywords = {"dpi": keywords.pop("dpi", 100)}
    canvas = Figure(figsize=(width, height), layout="constrained", **figure_keywords)
    return canvas, canvas.subplots(rows, columns, **keywords)


def theme_css(scope: str, light: str = "", dark: str = "") -> str:
    """CSS variables of the theme on ``scope``; light or dark follows the book, JupyterLab, Colab or the system.

    Chapter: start
    """
    light += "".join(f"--wsw-{name}:{pair[0]};" for name, pair in _THEME.items())
    dark += "".join(f"--wsw-{name}:{pair[1]};" for name, pair in _THEME.items())
    on = ",".join(
        f"{host} {scope}"
        for host in ("html[data-theme=dark]", "html[theme=dark]", "body[data-jp-theme-light=false]", "body.vscode-dark")
    )
    plain = "html:not([data-theme]):not([theme]) body:not([data-jp-theme-light]):not([class*=vscode])"
    return (
        f"{scope}{{{light}color-scheme:light}}{on}{{{dark}color-scheme:dark}}"
        f"@media(prefers-color-scheme:dark){{{plain} {scope}{{{dark}color-scheme:dark}}}}"
    )


_FONT = (
    "var(--wsw-font,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans','Liberation Sans',Arial,"
    "sans-serif)"
)


def _themed_svg(fig: Figure) -> str:
    """The figure as compact inline SVG: ids made unique, numbers rounded, neutral colors made variables."""
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    prefix = "w" + hashlib.sha256(text.encode()).hexdigest()[:8]
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda match: f' id="{prefix}{match[1]}"' if match[1] in used else "", text)
    text = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{prefix}", text)
    text = re.sub(r"(?<=[ \"(,LMCQTz])(-?\d+\.\d{3,})", lambda match: f"{float(match[1]):.2f}", text)
    text = re.sub(r"'DejaVu Sans'(, 'DejaVu Sans')*", _FONT, text)
    colors = {pair[0]: name for name, pair in _THEME.items()} | _ALIASES
    for color, name in colors.items():
        text = re.sub(rf"(?<=[ :\"]){color}\b", f"var(--wsw-{name})", text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><")
    return text


def show(fig: Figure, alt: str, caption: str | None = None) -> None:
    """Display a figure with its text alternative, in the reader's theme; the last line of a cell.

    Parameters
    ----------
    fig : Figure
        Made by :func:`figure`. It must not be used afterwards.
    alt : str
        What the picture shows, for a reader who cannot see it: the finding, not the kind of plot.
    caption : str, optional
        Printed under the figure.

    Raises
    ------
    OptionError
        When ``alt`` is empty.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(figure_html(fig, alt, caption)))


def figure_html(fig: Figure, alt: str, caption: str | None = None) -> str:
    """The HTML that :func:`show` displays.

    Chapter: start
    """
    if not isinstance(alt, str) or not alt.strip():
        raise OptionError("show(): alt is empty; say in a sentence what the picture shows")
    svg = _themed_svg(fig)
    if len(svg) > _HEAVY_BYTES:
        _rasterize_heavy(fig)
        svg = _themed_svg(fig)
    width, height = fig.get_size_inches() * 72
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{html.escape(alt.strip())}" viewBox="0 0 {width:g} {height:g}">'
    )
    svg = opening + svg[svg.index(">") + 1 :]
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    css = (
        theme_css(".wsw-figure")
        + ".wsw-figure{margin:1rem 0;color:var(--wsw-ink)}"
        + ".wsw-figure>div{background:var(--wsw-card);border:1px solid var(--wsw-grid);border-radius:12px;"
        + "padding:10px 8px 6px;overflow-x:auto}"
        + f".wsw-figure svg{{display:block;width:100%;min-width:{min(520, width):.0f}px;max-width:{width * 1.6:.0f}px;"
        + "height:auto;margin:0 auto;fill:var(--wsw-ink)}"
        + ".wsw-figure figcaption{font-size:.875em;color:var(--wsw-muted);margin:.4rem .25rem 0;text-align:left}"
    )
    return f'<figure class="wsw-figure"><style>{css}</style><div tabindex="0">{svg}</div>{below}</figure>'


def _rasterize_heavy(fig: Figure) -> None:
    """Turn artists of many points into pixels; text and axes stay vectors."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D

    fig.set_dpi(200)
    for artist in fig.findobj():
        many = isinstance(artist, Collection) or (isinstance(artist, Line2D) and len(artist.get_xdata()) > 500)
        if many:
            artist.set_rasterized(True)


def timeline(axes: Axes, rows: Mapping[str, Sequence[Turn]], duration: float) -> None:
    """Draw turns as bars: a lane for each speaker of each row, one voice one color.

    Parameters
    ----------
    axes : Axes
    rows : mapping of str to sequence of Turn
        Such as ``{"reference": turns, "system": turns}``.
    duration : float
        Seconds shown.

    Chapter: start
    """
    if not duration > 0:
        raise OptionError(f"duration must be more than 0 s, got {duration}")
    colors = row_colors(rows)
    ticks, labels, y = [], [], 0.0
    for number, (name, turns) in enumerate(rows.items()):
        if number:
            axes.axhline(y - 0.2, color=GRID, linewidth=0.8)
            y += 0.6
        if len(rows) > 1:
            axes.text(0, y - 0.42, f" {name}", color=MUTED, fontsize=9, fontweight="bold", va="center", ha="left")
            y += 0.35
        own = merge(turns)
        for speaker in speakers(own) or [""]:
            bars = [(t.start, t.duration) for t in own if t.speaker == speaker]
            if bars:
                axes.broken_barh(bars, (y - 0.36, 0.72), facecolor=colors[name][speaker])
            ticks.append(y)
            labels.append(speaker or "no speech")
            y += 1
    axes.set(xlim=(0, duration), ylim=(y - 0.4, -0.75), xlabel="seconds")
    axes.set_yticks(ticks, labels)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)


def waveform(
    axes: Axes, waveform: np.ndarray, sample_rate: int = 16_000, *, start: float = 0.0, color: str | None = None
) -> None:
    """Draw a waveform's envelope: the lowest and highest sample of each of at most 1,200 columns.

    Chapter: start
    """
    samples = np.asarray(waveform, dtype=np.float32).ravel()
    if not len(samples):
        raise OptionError("waveform: no samples to draw")
    low, high = envelope(samples, 1200)
    seconds = start + (np.arange(len(low)) + 0.5) * len(samples) / sample_rate / len(low)
    axes.fill_between(seconds, low, high, color=color or "#6e7781", linewidth=0.3)
    peak = max(float(np.abs(samples).max()), 1e-3)
    axes.set(xlim=(start, start + len(samples) / sample_rate), ylim=(-1.05 * peak, 1.05 * peak), xlabel="seconds")
    axes.grid(axis="y", visible=False)


def envelope(samples: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest sample of each of at most ``columns`` equal stretches.

    Chapter: start
    """
    columns = max(1, min(columns, len(samples)))
    edges = np.linspace(0, len(samples), columns + 1).astype(int)[:-1]
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def spectrogram(
    axes: Axes,
    matrix: np.ndarray,
    step: float,
    *,
    start: float = 0.0,
    top: float | None = None,
    label: str = "band",
    cmap: str = "magma",
    limits: tuple[float, float] | None = None,
) -> Any:
    """Draw a (frames, bands) matrix with time along and bands upward.

    Parameters
    ----------
    axes : Axes
    matrix : ndarray of shape (frames, bands)
    step : float
        Seconds from one frame to the next.
    start : float
        Time of the first frame, seconds.
    top : float, optional
        Value at the upper edge of the vertical axis; by default the number of bands.
    label : str
        Of the vertical axis, such as ``"mel band"``.
    cmap : str
        Color map.
    limits : tuple of float, optional
        Values of the darkest and brightest color; by default the 5th and 99.5th percentile.

    Returns
    -------
    AxesImage
        For a color bar.

    Chapter: features
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2:
        raise OptionError(f"matrix must have shape (frames, bands), got {matrix.shape}")
    finite = matrix[np.isfinite(matrix)]
    low, high = limits or (np.percentile(finite, [5, 99.5]) if len(finite) else (0.0, 1.0))
    edge = matrix.shape[1] if top is None else top
    image = axes.imshow(
        matrix.T,
        origin="lower",
        extent=(start, start + len(matrix) * step, 0, edge),
        cmap=cmap,
        vmin=low,
        vmax=high,
        aspect="auto",
    )
    axes.set(xlabel="seconds", ylabel=label)
    axes.grid(visible=False)
    return image


def histograms(axes: Axes, groups: Mapping[str, np.ndarray], bins: int = 50, label: str = "score") -> None:
    """Draw the distribution of each group over shared bins, such as same-speaker and different-speaker scores.

    Chapter: embeddings
    """
    values = {name: np.asarray(v, dtype=float)[np.isfinite(v)] for name, v in groups.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=bins)
    for index, (name, group) in enumerate(values.items()):
        color = PALETTE[index % len(PALETTE)]
        axes.hist(group, edges, density=True, color=color, alpha=0.35, label=name)
        axes.hist(group, edges, density=True, histtype="step", color=color, linewidth=1.5)
    axes.set(xlabel=label, ylabel="density")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.legend()
