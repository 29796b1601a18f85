"""segmentation-3.0, ready to run: who of up to three local speakers talks in each 17 ms of a 10 s chunk.

torch is imported when the network is exported, once, or asked for by name.

Chapter: segmentation
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diarbook.assets import cache_folder, sha256_of, weights_path
from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.audio.storage import release
from diarbook.checks import check_choice
from diarbook.errors import OptionError
from diarbook.networks.onnx import export, session
from diarbook.networks.powerset import CHUNK_SECONDS, FRAME_SAMPLES, RECEPTIVE_FIELD_SAMPLES
from diarbook.segmentation.level import gain_for, loudest_half_second
from diarbook.segmentation.scores import ChunkScores, chunk_grid, speech_and_overlap

NAME = "segmentation-3.0"
EXPORT_VERSION = 2


@dataclass(frozen=True)
class SegmentationModel:
    """The network, ready to run.

    Parameters
    ----------
    run : callable
        Maps float32 (batch, 1, samples) to log-probabilities (batch, frames, 7).
    backend : str
    batch_size : int
        Chunks that go through the network at once: 32 are no faster on a processor and take 650 MB more.

    Chapter: segmentation
    """

    run: Callable[[np.ndarray], np.ndarray]
    backend: str
    batch_size: int = 8

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
        shortest = RECEPTIVE_FIELD_SAMPLES + FRAME_SAMPLES  # one frame alone cannot be normalized over time
        if size < shortest:
            raise OptionError(f"a chunk must last {shortest / SAMPLE_RATE:.3f} s or more, got {duration}")
        scores = chunk_grid(len(waveform), step, duration)
        firsts = np.round(scores.starts * SAMPLE_RATE).astype(int)
        gain = gain_for(loudest_half_second(waveform))
        for first in range(0, len(firsts), self.batch_size):
            rows = slice(first, first + self.batch_size)
            batch = np.zeros((len(firsts[rows]), 1, size), dtype=np.float32)  # a copy of the recording would be hours
            for item, start in zip(batch[:, 0], firsts[rows], strict=True):
                part = waveform[start : start + size]
                item[: len(part)] = gain * part
            release(waveform)
            scores.posteriors[rows] = np.exp(self.run(batch))[:, : scores.posteriors.shape[1]]
            if progress is not None:
                progress(min(1.0, (first + self.batch_size) / len(firsts)))
        return scores


def _build():
    from diarbook.networks.pyannet import build_network

    return build_network()


def _torch_runner() -> Callable[[np.ndarray], np.ndarray]:
    import torch

    network = _build()

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(np.ascontiguousarray(batch))).numpy()

    return run


def _onnx_runner() -> Callable[[np.ndarray], np.ndarray]:
    digest = hashlib.sha256(f"{sha256_of(weights_path(NAME))} {EXPORT_VERSION}".encode()).hexdigest()
    path = export(
        _build,
        cache_folder() / f"{NAME}-{digest[:16]}.onnx",
        (2, 1, round(CHUNK_SECONDS * SAMPLE_RATE)),
        {"waveforms": {0: "batch", 2: "samples"}, "scores": {0: "batch", 1: "frames"}},
    )
    network = session(path)

    def run(batch: np.ndarray) -> np.ndarray:
        return network.run(None, {"waveforms": np.ascontiguousarray(batch)})[0]

    return run


RUNNERS = {"onnx": _onnx_runner, "torch": _torch_runner}


def load_segmentation(backend: str = "onnx") -> SegmentationModel:
    """The pretrained segmentation-3.0 network, loaded once, however the argument is spelled.

    Parameters
    ----------
    backend : {"onnx", "torch"}
        ``onnx`` is the faster one on a processor; the network is exported into the cache at first use.

    Raises
    ------
    AssetError
        When the weights are not fetched or corrupt.
    OptionError
        When the backend is unknown.

    References
    ----------
    plaquet2023powerset

    Examples
    --------
    >>> load_segmentation() is load_segmentation(backend="onnx")
    True

    Chapter: segmentation
    """
    check_choice("backend", backend, tuple(RUNNERS))
    return _loaded(backend)


@functools.cache
def _loaded(backend: str) -> SegmentationModel:
    return SegmentationModel(RUNNERS[backend](), backend)


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
        Frame ``i`` is centered within 6 ms of ``(i + 0.5) * frame_step`` seconds.
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
