"""Who of up to three local speakers talks in each 17 ms of a 10 s chunk: segmentation-3.0 as our own PyTorch module.

The network classifies every frame into one of seven sets of speakers (the *powerset* of three speakers,
at most two of them at once), so overlapped speech is a class like any other.

Chapter: segmentation
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from diarbook.assets import cache_folder, sha256_of, weights_path
from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.errors import AssetError, OptionError
from diarbook.files import write_atomically

LOCAL_SPEAKERS = 3
SIMULTANEOUS_SPEAKERS = 2
POWERSET = tuple(
    members for size in range(SIMULTANEOUS_SPEAKERS + 1) for members in combinations(range(LOCAL_SPEAKERS), size)
)
CHUNK_SECONDS = 10.0
# One frame is the sinc filters' stride times three poolings by three; its receptive field follows from the kernels.
FRAME_SAMPLES = 10 * 3 * 3 * 3
RECEPTIVE_FIELD_SAMPLES = 991
EXPORT_VERSION = 2


class SincFilters(nn.Module):
    """Band-pass filters of a waveform, each one given by two numbers: its lowest frequency and its bandwidth.

    Half of the filters are even (cosine) and half are odd (sine), so a pair sees a band at any phase.

    Parameters
    ----------
    filters : int
        Number of filters, even.
    length : int
        Taps of a filter, odd.
    stride : int
        Samples from one output to the next.

    References
    ----------
    ravanelli2018sincnet

    Chapter: segmentation
    """

    MINIMUM_LOW_HZ = 50.0
    MINIMUM_BAND_HZ = 50.0

    def __init__(self, filters: int = 80, length: int = 251, stride: int = 10) -> None:
        super().__init__()
        self.stride = stride
        half = length // 2
        self.low_hz_ = nn.Parameter(torch.zeros(filters // 2, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(filters // 2, 1))
        # Left half only: the right half is its mirror image. n_ is 2 pi t, window_ is Hamming's.
        self.register_buffer("window_", torch.hamming_window(length, periodic=False)[:half])
        self.register_buffer("n_", 2 * torch.pi * torch.arange(-half, 0.0).view(1, -1) / SAMPLE_RATE)

    def taps(self) -> Tensor:
        """Impulse responses, shape (filters, 1, length)."""
        low = self.MINIMUM_LOW_HZ + self.low_hz_.abs()
        high = (low + self.MINIMUM_BAND_HZ + self.band_hz_.abs()).clamp(self.MINIMUM_LOW_HZ, SAMPLE_RATE / 2)
        band = high - low
        # The difference of two ideal low-pass filters, sin(2 pi f t) / (pi t), is an ideal band-pass filter.
        scale = self.window_ / (self.n_ / 2) / (2 * band)
        even = (torch.sin(high * self.n_) - torch.sin(low * self.n_)) * scale
        odd = (torch.cos(low * self.n_) - torch.cos(high * self.n_)) * scale
        one, zero = torch.ones_like(band), torch.zeros_like(band)
        cosine = torch.cat([even, one, even.flip(1)], dim=1)
        sine = torch.cat([odd, zero, -odd.flip(1)], dim=1)
        return torch.cat([cosine, sine]).unsqueeze(1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Filter (batch, 1, samples) into (batch, filters, frames)."""
        return functional.conv1d(waveforms, self.taps(), stride=self.stride)


class _FirstLayer(nn.Module):
    """Holds the filters under the name that the checkpoint uses."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters()

    def forward(self, waveforms: Tensor) -> Tensor:
        return self.filterbank(waveforms)


class SincNet(nn.Module):
    """Convolutional front-end on the raw waveform: 60 features every 270 samples (16.9 ms).

    References
    ----------
    ravanelli2018sincnet

    Chapter: segmentation
    """

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([_FirstLayer(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.pool1d = nn.ModuleList([nn.MaxPool1d(3) for _ in range(3)])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(width, affine=True) for width in (80, 60, 60)])

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map (batch, 1, samples) to (batch, 60, frames)."""
        outputs = self.wav_norm1d(waveforms)
        for layer, (convolution, pool, norm) in enumerate(zip(self.conv1d, self.pool1d, self.norm1d, strict=True)):
            outputs = convolution(outputs)
            if layer == 0:
                outputs = outputs.abs()
            outputs = functional.leaky_relu(norm(pool(outputs)))
        return outputs


class PyanNet(nn.Module):
    """SincNet, four bidirectional LSTM layers, two linear layers and a classifier of seven sets of speakers.

    References
    ----------
    plaquet2023powerset, bredin2023pyannote

    Chapter: segmentation
    """

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, len(POWERSET))

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map (batch, 1, samples) to log-probabilities (batch, frames, 7)."""
        outputs, _ = self.lstm(self.sincnet(waveforms).transpose(1, 2))
        for linear in self.linear:
            outputs = functional.leaky_relu(linear(outputs))
        return functional.log_softmax(self.classifier(outputs), dim=-1)


def _stand_in(name: str) -> type:
    """An empty class that takes the place of one that the checkpoint mentions and we do not need."""

    class StandIn:
        def __new__(cls, *_: object) -> StandIn:
            return object.__new__(cls)

    StandIn.__name__ = name
    return StandIn


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors of a pyannote checkpoint, by name, without running anything that its pickle asks for.

    PyTorch's restricted unpickler rebuilds tensors and plain containers only. The checkpoint also mentions
    three classes of pyannote.audio that describe its task: empty classes stand in for them, so
    pyannote.audio is not imported.

    Raises
    ------
    AssetError
        When the file is no such checkpoint.

    Chapter: segmentation
    """
    from torch.torch_version import TorchVersion

    task = "pyannote.audio.core.task."
    allowed = [(_stand_in(name), task + name) for name in ("Specifications", "Problem", "Resolution")]
    allowed.append((TorchVersion, "torch.torch_version.TorchVersion"))
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise AssetError(f"{path}: not a segmentation checkpoint ({reason}); run `diarbook fetch` again") from None


def frame_count(samples: int) -> int:
    """Frames that the network makes of a chunk of this many samples.

    Chapter: segmentation
    """
    return max(0, (samples - RECEPTIVE_FIELD_SAMPLES) // FRAME_SAMPLES + 1)


@dataclass(frozen=True, slots=True)
class ChunkScores:
    """What the network says of each chunk of a recording.

    Parameters
    ----------
    posteriors : ndarray of float32, shape (chunks, frames, 7)
        Probability of each set of local speakers (see ``POWERSET``). Speaker 1 of one chunk is
        nobody in particular in the next.
    starts : ndarray of shape (chunks,)
        Where each chunk starts, seconds; multiples of ``frame_step``.
    frame_step, frame_duration : float
        Seconds from a frame to the next, and seconds that a frame sees through the convolutions.

    Chapter: segmentation
    """

    posteriors: np.ndarray
    starts: np.ndarray
    frame_step: float
    frame_duration: float

    @property
    def first_frames(self) -> np.ndarray:
        """Index of each chunk's first frame on the recording's own grid of frames, shape (chunks,)."""
        return np.round(self.starts / self.frame_step).astype(int)

    @property
    def frames(self) -> int:
        """Number of frames of the recording's grid."""
        return int(self.first_frames[-1] + self.posteriors.shape[1])

    @property
    def offset(self) -> float:
        """Where frame 0 of the grid begins, seconds: half a receptive field less half a step."""
        return (self.frame_duration - self.frame_step) / 2

    def aggregate(self, scores: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Average (chunks, frames, …) scores of overlapping chunks on the recording's grid.

        Parameters
        ----------
        scores : ndarray of shape (chunks, frames) or (chunks, frames, k)
        weights : ndarray of shape (frames,), optional
            How much a frame counts for its place in the chunk; equal by default.

        Returns
        -------
        ndarray of float32, shape (frames of the recording,) or (frames of the recording, k)
        """
        length = scores.shape[1]
        weights = np.ones(length, dtype=np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
        weights = weights.reshape(-1, *[1] * (scores.ndim - 2))
        total = np.zeros((self.frames, *scores.shape[2:]), dtype=np.float32)
        weight = np.zeros((self.frames, *[1] * (scores.ndim - 2)), dtype=np.float32)
        for first, chunk in zip(self.first_frames, scores, strict=True):
            total[first : first + length] += chunk * weights
            weight[first : first + length] += weights
        return total / np.maximum(weight, np.finfo(np.float32).tiny)


def powerset_matrix() -> np.ndarray:
    """Who belongs to which set: (7, 3), 1 where the set of that row holds the speaker of that column.

    Chapter: segmentation
    """
    matrix = np.zeros((len(POWERSET), LOCAL_SPEAKERS), dtype=np.float32)
    for row, members in enumerate(POWERSET):
        matrix[row, list(members)] = 1
    return matrix


def powerset_to_multilabel(posteriors: np.ndarray, hard: bool = False) -> np.ndarray:
    """Probability that each local speaker talks, from the probabilities of the sets of speakers.

    Parameters
    ----------
    posteriors : ndarray of shape (…, 7)
    hard : bool
        Take the most probable set of each frame instead of summing over the sets that hold the speaker.

    Returns
    -------
    ndarray of float32, shape (…, 3)

    References
    ----------
    plaquet2023powerset

    Chapter: segmentation
    """
    posteriors = np.asarray(posteriors, dtype=np.float32)
    if posteriors.shape[-1] != len(POWERSET):
        raise OptionError(f"posteriors must have {len(POWERSET)} classes last, got shape {posteriors.shape}")
    matrix = powerset_matrix()
    return matrix[posteriors.argmax(axis=-1)] if hard else posteriors @ matrix


def speech_and_overlap(posteriors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of at least one speaker, and of at least two, each of shape (…,).

    Chapter: vad
    """
    sizes = np.array([len(members) for members in POWERSET])
    posteriors = np.asarray(posteriors, dtype=np.float32)
    return posteriors[..., sizes >= 1].sum(axis=-1), posteriors[..., sizes >= 2].sum(axis=-1)


@dataclass(frozen=True)
class SegmentationModel:
    """The network, ready to run.

    Parameters
    ----------
    run : callable
        Maps float32 (batch, 1, samples) to log-probabilities (batch, frames, 7).
    backend : str
    batch_size : int
        Chunks that go through the network at once.

    Chapter: segmentation
    """

    run: Callable[[np.ndarray], np.ndarray]
    backend: str
    batch_size: int = 32

    def chunks(
        self,
        waveform: np.ndarray,
        step: float = 1.0,
        duration: float = CHUNK_SECONDS,
        progress: Callable[[float], None] | None = None,
    ) -> ChunkScores:
        """Slide the network over a recording.

        Parameters
        ----------
        waveform : ndarray of shape (samples,)
            At 16 kHz.
        step : float
            Seconds from one chunk to the next, rounded to whole frames so that chunks share one grid of frames.
        duration : float
            Seconds of a chunk; the network was trained on 10.
        progress : callable, optional
            Called with the share done, 0 to 1.

        Returns
        -------
        ChunkScores
            The last chunk ends with the recording. A recording shorter than a chunk is one chunk, padded
            with silence; frames past its end are cut off.

        Raises
        ------
        AudioError
            When the waveform cannot be used.
        OptionError
            When ``step`` or ``duration`` is out of range.

        Chapter: segmentation
        """
        waveform = check_waveform(waveform)
        if not 0 < step <= duration:
            raise OptionError(f"step must be above 0 s and at most the chunk's {duration} s, got {step}")
        size = round(duration * SAMPLE_RATE)
        shortest = RECEPTIVE_FIELD_SAMPLES + FRAME_SAMPLES  # one frame alone cannot be normalised over time
        if size < shortest:
            raise OptionError(f"a chunk must last {shortest / SAMPLE_RATE:.3f} s or more, got {duration}")
        scores = chunk_grid(len(waveform), step, duration)
        firsts = np.round(scores.starts * SAMPLE_RATE).astype(int)
        missing = firsts[-1] + size - len(waveform)
        padded = np.pad(waveform, (0, missing)) if missing > 0 else waveform
        views = np.lib.stride_tricks.sliding_window_view(padded, size)
        for first in range(0, len(firsts), self.batch_size):
            rows = slice(first, first + self.batch_size)
            scores.posteriors[rows] = np.exp(self.run(views[firsts[rows]][:, None]))[:, : scores.posteriors.shape[1]]
            if progress is not None:
                progress(min(1.0, (first + self.batch_size) / len(firsts)))
        return scores


def chunk_grid(samples: int, step: float = 1.0, duration: float = CHUNK_SECONDS) -> ChunkScores:
    """Chunks over a recording of that many samples with all probabilities zero, for a caller to fill in.

    Chapter: segmentation
    """
    size = round(duration * SAMPLE_RATE)
    hop = max(1, round(step * SAMPLE_RATE / FRAME_SAMPLES)) * FRAME_SAMPLES
    firsts = _chunk_starts(samples, size, hop)
    # What lies beyond the end of a recording shorter than one chunk is padding, not speech.
    frames = frame_count(min(size, samples)) if len(firsts) == 1 else frame_count(size)
    return ChunkScores(
        np.zeros((len(firsts), frames, len(POWERSET)), dtype=np.float32),
        firsts / SAMPLE_RATE,
        FRAME_SAMPLES / SAMPLE_RATE,
        RECEPTIVE_FIELD_SAMPLES / SAMPLE_RATE,
    )


def _chunk_starts(samples: int, size: int, hop: int) -> np.ndarray:
    """First samples of the chunks: every ``hop``, and one more that reaches the end."""
    last = max(0, -(-(samples - size) // FRAME_SAMPLES) * FRAME_SAMPLES)
    starts = np.arange(0, last + 1, hop)
    return starts if starts[-1] == last else np.append(starts, last)


def build_network() -> PyanNet:
    """The network with its pretrained weights, every one of them used, in evaluation mode.

    Chapter: segmentation
    """
    network = PyanNet()
    network.load_state_dict(read_checkpoint(weights_path("segmentation-3.0")), strict=True)
    return network.eval()


def _torch_runner() -> Callable[[np.ndarray], np.ndarray]:
    network = build_network()

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(np.ascontiguousarray(batch))).numpy()

    return run


def _export_onnx() -> Path:
    """Path of the exported network; exported once, and again when the weights or the export change."""
    from diarbook.embeddings.embedder import _quiet_exporter

    key = hashlib.sha256(f"{sha256_of(weights_path('segmentation-3.0'))} {EXPORT_VERSION}".encode()).hexdigest()[:16]
    path = cache_folder() / f"segmentation-3.0-{key}.onnx"
    if path.is_file():
        return path
    with tempfile.TemporaryDirectory() as folder, _quiet_exporter():
        draft = Path(folder) / "model.onnx"
        torch.onnx.export(
            build_network(),
            (torch.zeros(2, 1, int(CHUNK_SECONDS * SAMPLE_RATE)),),
            str(draft),
            input_names=["waveforms"],
            output_names=["scores"],
            dynamic_axes={"waveforms": {0: "batch", 2: "samples"}, "scores": {0: "batch", 1: "frames"}},
            opset_version=17,
            dynamo=False,
        )
        write_atomically(path, draft.read_bytes())
    return path


def _onnx_runner() -> Callable[[np.ndarray], np.ndarray]:
    from diarbook.embeddings.embedder import _session

    session = _session(_export_onnx())

    def run(batch: np.ndarray) -> np.ndarray:
        return session.run(None, {"waveforms": np.ascontiguousarray(batch)})[0]

    return run


@functools.lru_cache
def load_segmentation(backend: str = "onnx") -> SegmentationModel:
    """The pretrained segmentation-3.0 network, loaded once.

    Parameters
    ----------
    backend : str
        ``onnx`` is the faster one on a processor; the network is exported into the cache at first use. Or ``torch``.

    Raises
    ------
    AssetError
        When the weights are not fetched or corrupt.
    OptionError
        When the backend is unknown.

    References
    ----------
    plaquet2023powerset

    Chapter: segmentation
    """
    runners = {"torch": _torch_runner, "onnx": _onnx_runner}
    if backend not in runners:
        raise OptionError(f"unknown backend {backend!r}; choose one of {', '.join(runners)}")
    return SegmentationModel(runners[backend](), backend)


def frame_probabilities(
    waveform: np.ndarray, step: float = 1.0, model: SegmentationModel | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Probability of speech and of overlapped speech over a whole recording.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    step : float
        Seconds from one chunk to the next: smaller averages more looks at each frame, and costs more.
    model : SegmentationModel, optional

    Returns
    -------
    speech, overlap : ndarray of float32, shape (frames,)
        Frame ``i`` is centred within 6 ms of ``(i + 0.5) * frame_step`` seconds.
    frame_step : float
        Seconds.

    Chapter: vad
    """
    scores = (model or load_segmentation()).chunks(waveform, step=step)
    both = scores.aggregate(np.stack(speech_and_overlap(scores.posteriors), axis=-1))
    frames = round(len(waveform) / SAMPLE_RATE / scores.frame_step)
    # The network's first frame starts 1.3 steps into the recording: repeat it once, and the last one to the end.
    before = round(scores.offset / scores.frame_step)
    both = np.pad(both, ((before, max(0, frames - before - len(both))), (0, 0)), mode="edge")[:frames]
    return both[:, 0], both[:, 1], scores.frame_step
