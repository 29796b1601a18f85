"""One interface for every embedding model: a waveform and windows in, one vector a window out.

Chapter: embeddings
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diarbook import assets
from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.checks import check_choice
from diarbook.embeddings.front_end import CAMPPLUS, FRAMES_A_SECOND, GE2E, FrontEnd
from diarbook.errors import AssetError, DiarbookError, OptionError
from diarbook.features import FRAME_LENGTH
from diarbook.networks.onnx import THREADS, export, session

BACKENDS = ("onnx", "torch")
BATCH_FRAMES = 12_000
EXPORTER = 1
TOLERANCE = 1e-4

Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Embedder:
    """A speaker embedding model, ready to run.

    Parameters
    ----------
    name, backend : str
        Such as ``campplus`` and ``onnx``.
    dimension : int
        Length of an embedding.
    minimum_seconds : float
        A shorter window gets a row of NaN.
    front_end : FrontEnd
    network : callable
        ``(batch, frames, bands) -> (batch, dimension)``.

    Chapter: embeddings
    """

    name: str
    backend: str
    dimension: int
    minimum_seconds: float
    front_end: FrontEnd
    network: Network

    @property
    def identity(self) -> tuple[str, str]:
        """Name and version, see :func:`model_identity`: vectors of two identities cannot be compared."""
        return model_identity(self.name)

    @property
    def frame_rate(self) -> int:
        """Frames of features a second."""
        return FRAMES_A_SECOND

    def features(self, waveform: np.ndarray) -> np.ndarray:
        """Features of a whole recording, for :meth:`embed_spans`: what pipelines, streams and peers call.

        Parameters
        ----------
        waveform : array of shape (samples,)
            At 16 kHz. One shorter than a frame of 25 ms has none.

        Returns
        -------
        ndarray of float32, shape (frames, bands)

        Examples
        --------
        >>> embedder = load_embedder("campplus")
        >>> embedder.features(np.zeros(16_000, dtype=np.float32)).shape
        (98, 80)

        Chapter: embeddings
        """
        if len(waveform) < FRAME_LENGTH:
            return np.zeros((0, self.front_end.bands), dtype=np.float32)
        return self.front_end.compute(waveform)

    def embed_spans(self, features: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """Embed spans of the frames of :meth:`features`.

        Parameters
        ----------
        features : array of shape (frames, bands)
        spans : array of int, shape (n, 2)
            First frame, and the frame after the last; what lies outside the features is cut off.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            NaN rows for spans that are too short.

        Chapter: embeddings
        """
        bounds = np.clip(np.asarray(spans, dtype=int).reshape(-1, 2), 0, len(features))
        return self.embed_features([features[first:last] for first, last in bounds])

    def reasons(self, waveform: np.ndarray, windows: np.ndarray) -> dict[int, str]:
        """Why rows of :meth:`embed` would be NaN, by row.

        Chapter: embeddings
        """
        duration = len(waveform) / SAMPLE_RATE
        reasons = {}
        for row, (start, end) in enumerate(_checked_windows(windows)):
            inside = min(end, duration) - max(start, 0.0)
            if inside < self.minimum_seconds - 1e-9:
                reasons[row] = (
                    f"window {row} ({start:.2f} to {end:.2f} s) holds {max(inside, 0):.2f} s of audio; "
                    f"{self.name} needs {self.minimum_seconds} s"
                )
        return reasons

    def embed(self, waveform: np.ndarray, windows: np.ndarray | Sequence | None = None) -> np.ndarray:
        """Embed stretches of a recording.

        Parameters
        ----------
        waveform : array of shape (samples,)
            At 16 kHz.
        windows : array of shape (n, 2), optional
            Starts and ends in seconds, in any order and of any length; what lies outside the audio is cut off.
            By default one window, the whole waveform.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            Not of unit length. NaN rows for windows that are too short, see :meth:`reasons`.

        Raises
        ------
        AudioError
            When the waveform is not one channel of finite samples.
        OptionError
            When a window ends before it starts or is not finite.

        Chapter: embeddings
        """
        waveform = check_waveform(waveform)
        duration = len(waveform) / SAMPLE_RATE
        windows = np.array([[0.0, duration]]) if windows is None else _checked_windows(windows)
        bad = self.reasons(waveform, windows)
        good = np.array([row for row in range(len(windows)) if row not in bad], dtype=int)
        result = np.full((len(windows), self.dimension), np.nan, dtype=np.float32)
        good = good[np.argsort(windows[good, 0], kind="stable")]  # in time order, each block of audio is read once
        inside = np.clip(windows[good], 0.0, duration)
        result[good] = self._run(self.front_end.windows(waveform, inside), len(good))
        return result

    def embed_features(self, features: Sequence[np.ndarray]) -> np.ndarray:
        """Embed features that the caller computed, each item a matrix of (frames, bands).

        An item may join frames that were not neighbors, such as one speaker's frames without overlap.
        An item shorter than ``minimum_seconds`` gets a row of NaN.

        Chapter: embeddings
        """
        least = round(self.minimum_seconds * FRAMES_A_SECOND) - 2  # two frames of a window lie beyond its edge
        for item in features:
            if item.ndim != 2 or item.shape[1] != self.front_end.bands:
                raise OptionError(
                    f"{self.name} takes features of shape (frames, {self.front_end.bands}), got {item.shape}"
                )
        good = [row for row, item in enumerate(features) if len(item) >= least]
        result = np.full((len(features), self.dimension), np.nan, dtype=np.float32)
        result[good] = self._run(
            (self.front_end.parts(np.asarray(features[row], np.float32)) for row in good), len(good)
        )
        return result

    def _run(self, items: Iterator[np.ndarray], count: int) -> np.ndarray:
        """Embed every part, parts of equal length together, and average the parts of each item."""
        totals = np.zeros((count, self.dimension), dtype=np.float64)
        parts = np.zeros(count)
        waiting: dict[int, list[tuple[int, np.ndarray]]] = {}

        def flush(length: int) -> None:
            batch = waiting.pop(length)
            rows = [row for row, _ in batch]
            np.add.at(totals, rows, self.network(np.stack([part for _, part in batch])))
            np.add.at(parts, rows, 1)

        for row, item in enumerate(items):
            for part in item:
                batch = waiting.setdefault(len(part), [])
                batch.append((row, part))
                if len(batch) * len(part) >= BATCH_FRAMES:
                    flush(len(part))
        for length in list(waiting):
            flush(length)
        return (totals / parts[:, None]).astype(np.float32)


def _checked_windows(windows: np.ndarray | Sequence) -> np.ndarray:
    windows = np.asarray(windows, dtype=np.float64).reshape(-1, 2) if len(windows) else np.zeros((0, 2))
    wrong = ~np.isfinite(windows).all(axis=1) | (windows[:, 1] < windows[:, 0])
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise OptionError(f"window {row} is {windows[row].tolist()}: give finite seconds, start before end")
    return windows


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _torch_network(name: str) -> Network:
    import torch

    model = SPECIFICATIONS[name].load(assets.weights_path(name))

    def run(features: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), _torch_threads(THREADS):
            return model(torch.from_numpy(features)).numpy()

    return run


def _onnx_network(path: Path) -> Network:
    run = session(path).run
    return lambda features: run(None, {"features": features})[0]


def exported_path(name: str) -> Path:
    """Where the ONNX form of a model lies: the name holds the weights' SHA-256 and the exporter's version.

    Chapter: embeddings
    """
    digest = assets.sha256_of(assets.weights_path(name))
    return assets.cache_folder() / f"{name}-{digest[:16]}-v{EXPORTER}.onnx"


def export_onnx(name: str) -> Path:
    """Write a model as ONNX into the cache, once, and check that it agrees with PyTorch.

    Raises
    ------
    DiarbookError
        When the exported network's embeddings differ from PyTorch's by more than 1e-4.

    Chapter: embeddings
    """
    specification = SPECIFICATIONS[name]
    bands, frames = specification.front_end.bands, specification.example_frames

    def build():
        return specification.load(assets.weights_path(name))

    def check(draft: Path) -> None:
        import torch

        network, model = _onnx_network(draft), build()
        generator = np.random.default_rng(0)
        for batch, length in ((1, frames), (3, 2 * frames + 7)):
            features = generator.standard_normal((batch, length, bands), dtype=np.float32)
            with torch.inference_mode():
                difference = float(np.abs(network(features) - model(torch.from_numpy(features)).numpy()).max())
            if not difference <= TOLERANCE:
                raise DiarbookError(
                    f"{name}: ONNX and PyTorch embeddings differ by {difference:.1e}; "
                    "use load_embedder(backend='torch')"
                )

    axes = {0: "batch", 1: "frames"}
    return export(build, exported_path(name), (2, frames, bands), {"features": axes, "embedding": {0: "batch"}}, check)


def _load_campplus(path: Path):
    from diarbook.networks.campplus import load_campplus

    return load_campplus(path)


def _load_ge2e(path: Path):
    from diarbook.networks.ge2e import load_ge2e

    return load_ge2e(path)


@dataclass(frozen=True)
class Specification:
    """What is particular to a released model.

    Parameters
    ----------
    dimension : int
    minimum_seconds : float
    example_frames : int
        Length of the example that the export follows.
    front_end : FrontEnd
    load : callable
        Path of the weights to the PyTorch module.

    Chapter: embeddings
    """

    dimension: int
    minimum_seconds: float
    example_frames: int
    front_end: FrontEnd
    load: Callable[[Path], Callable]


SPECIFICATIONS = {
    "campplus": Specification(192, 0.25, 148, CAMPPLUS, _load_campplus),
    "ge2e": Specification(256, 0.25, 160, GE2E, _load_ge2e),
}


def model_identity(name: str = "campplus") -> tuple[str, str]:
    """Name and version of an embedding model; the version is the start of the SHA-256 of its weights.

    Raises
    ------
    AssetError
        When the model is unknown.

    Examples
    --------
    >>> model_identity("campplus")
    ('campplus', '92f29b94e694')

    Chapter: voiceprints
    """
    entry = assets.models().get(name)
    if entry is None:
        raise AssetError(f"unknown model {name!r}; known: {', '.join(assets.models())}")
    return name, entry["weights"].sha256[:12]


def load_embedder(name: str = "campplus", backend: str = "onnx") -> Embedder:
    """A released speaker embedding model; a second call returns the first one's, however its arguments are spelled.

    Parameters
    ----------
    name : {"campplus", "ge2e"}
    backend : {"onnx", "torch"}
        ``onnx`` is faster on a processor; the model is exported into the cache on first use.

    Raises
    ------
    OptionError
        When the name or the backend is unknown.
    AssetError
        When the weights are not fetched.

    References
    ----------
    wang2023campplus, wan2018ge2e

    Examples
    --------
    >>> load_embedder() is load_embedder(backend="onnx", name="campplus")
    True

    Chapter: embeddings
    """
    check_choice("embedding model", name, tuple(SPECIFICATIONS))
    check_choice("backend", backend, BACKENDS)
    return _loaded(name, backend)


@functools.cache
def _loaded(name: str, backend: str) -> Embedder:
    network = _onnx_network(export_onnx(name)) if backend == "onnx" else _torch_network(name)
    specification = SPECIFICATIONS[name]
    return Embedder(
        name, backend, specification.dimension, specification.minimum_seconds, specification.front_end, network
    )
