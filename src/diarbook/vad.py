"""Which stretches of a recording are speech, and in which of them several people speak at once.

Each detector gives every frame a score and turns the scores into regions by :func:`hysteresis`:
``energy_vad``, ``gaussian_vad``, ``silero_vad`` and ``segmentation_vad`` map a waveform to (n, 2) seconds.

Chapter: vad
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.checks import SLACK
from diarbook.errors import AssetError, OptionError
from diarbook.features import FRAME_HOP, FRAME_LENGTH, frames

if TYPE_CHECKING:
    from diarbook.segmentation.model import SegmentationModel

SILENCE_DB = -100.0  # what digital silence counts as
ENERGY_STEP = FRAME_HOP / SAMPLE_RATE
SILERO_SAMPLES = 512
SILERO_CONTEXT = 64
SILERO_STEP = SILERO_SAMPLES / SAMPLE_RATE


# ---------------------------------------------------------------- from scores to regions


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """How frame scores become regions: two thresholds, shortest durations and padding.

    Speech begins with the first score of at least ``onset`` and ends before the first one below ``offset``. Then,
    in this order: pauses shorter than ``minimum_silence`` are filled, regions shorter than ``minimum_speech`` are
    dropped, the rest grows by ``padding`` on both sides, and pauses that have become too short are filled.

    Parameters
    ----------
    onset, offset : float
        Thresholds, ``offset <= onset``; equal by default.
    minimum_speech, minimum_silence, padding : float
        Seconds.

    Raises
    ------
    OptionError
        When a value is out of range.

    References
    ----------
    gelly2015vad

    Examples
    --------
    >>> Hysteresis(onset=0.6, offset=0.4).regions(np.array([0.1, 0.7, 0.5, 0.3, 0.9]), step=1.0).tolist()
    [[1.0, 3.0], [4.0, 5.0]]

    Chapter: vad
    """

    onset: float = 0.5
    offset: float | None = None
    minimum_speech: float = 0.0
    minimum_silence: float = 0.0
    padding: float = 0.0

    def __post_init__(self) -> None:
        if self.offset is not None and self.offset > self.onset:
            raise OptionError(f"offset {self.offset} is above onset {self.onset}; speech would end as it begins")
        if not min(self.minimum_speech, self.minimum_silence, self.padding) >= 0:
            raise OptionError("minimum_speech, minimum_silence and padding must be 0 s or more")

    def regions(self, scores: np.ndarray, step: float, duration: float | None = None) -> np.ndarray:
        """Regions of frame scores.

        Parameters
        ----------
        scores : ndarray of shape (frames,)
            Frame ``i`` stands for ``i * step`` to ``(i + 1) * step`` seconds.
        step : float
            Seconds from one frame to the next.
        duration : float, optional
            Where the recording ends, seconds; ``frames * step`` by default. Regions are cut there.

        Returns
        -------
        ndarray of shape (n, 2)
            Start and end of each region, seconds, sorted and disjoint.

        Raises
        ------
        OptionError
            When a score is NaN, or the step is not above 0.
        """
        scores = np.asarray(scores)
        if scores.ndim != 1:
            raise OptionError(f"scores: expected shape (frames,), got {scores.shape}")
        if np.isnan(scores).any():
            raise OptionError(f"scores: frame {int(np.flatnonzero(np.isnan(scores))[0])} is NaN; score every frame")
        if not step > 0:
            raise OptionError(f"step must be above 0 s, got {step}")
        end = len(scores) * step if duration is None else duration
        active = _two_thresholds(scores, self.onset, self.onset if self.offset is None else self.offset)
        edges = np.diff(np.concatenate([[0], active.astype(np.int8), [0]]))
        regions = np.column_stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)]) * step
        regions = _fill_pauses(np.clip(regions, 0, end), self.minimum_silence)
        lengths = regions[:, 1] - regions[:, 0]
        regions = regions[(lengths >= self.minimum_speech - SLACK) & (lengths > 0)]
        regions = np.clip(regions + np.array([-self.padding, self.padding]), 0, end)
        return _fill_pauses(regions, self.minimum_silence)


ENERGY_RULE = Hysteresis(24.0, 21.0, minimum_speech=0.1, minimum_silence=0.3, padding=0.1)
GAUSSIAN_RULE = Hysteresis(0.5, 0.25, minimum_speech=0.1, minimum_silence=0.3, padding=0.1)
SILERO_RULE = Hysteresis(0.5, 0.35, minimum_speech=0.25, minimum_silence=0.1, padding=0.03)
SEGMENTATION_RULE = Hysteresis()


def _two_thresholds(scores: np.ndarray, onset: float, offset: float) -> np.ndarray:
    """State of each frame: that of the last frame whose score decided anything."""
    decided = (scores >= onset) | (scores < offset)  # eq: vad-hysteresis
    last = np.maximum.accumulate(np.where(decided, np.arange(len(scores)), -1))
    return (last >= 0) & (scores[np.maximum(last, 0)] >= onset)


def _fill_pauses(regions: np.ndarray, shortest: float) -> np.ndarray:
    """Join regions that overlap, touch, or lie less than ``shortest`` seconds apart."""
    if len(regions) < 2:
        return regions
    pauses = regions[1:, 0] - regions[:-1, 1]
    kept = pauses >= max(shortest - SLACK, SLACK)
    return np.column_stack([regions[np.append(True, kept), 0], regions[np.append(kept, True), 1]])


# ---------------------------------------------------------------- energy


def log_energy(waveform: np.ndarray) -> np.ndarray:
    """Level of each 10 ms in dB relative to full scale, within a 25 ms frame around it.

    Returns
    -------
    ndarray of shape (samples // 160,)
        Frame ``i`` is centered at ``(i + 0.5) * 0.01`` s. Digital silence counts as -100 dB.

    Chapter: vad
    """
    waveform = check_waveform(waveform)
    margin = (FRAME_LENGTH - FRAME_HOP) // 2
    padded = np.pad(waveform, (margin, FRAME_LENGTH - FRAME_HOP - margin), mode="reflect")
    framed = frames(padded, FRAME_LENGTH, FRAME_HOP)
    power = np.einsum("fs,fs->f", framed, framed, dtype=np.float64) / FRAME_LENGTH
    return 10 * np.log10(np.maximum(power, 10 ** (SILENCE_DB / 10)))  # eq: vad-energy


def noise_floor(levels: np.ndarray, memory: float = 10.0, smoothing: float = 0.3) -> np.ndarray:
    """Level of the background at each frame: the lowest smoothed level within ``memory`` seconds on both sides.

    Parameters
    ----------
    levels : ndarray of shape (frames,)
        Of :func:`log_energy`.
    memory, smoothing : float
        Seconds.

    Returns
    -------
    ndarray of shape (frames,)

    References
    ----------
    martin2001minimum

    Chapter: vad
    """
    smooth = uniform_filter1d(levels, max(1, round(smoothing / ENERGY_STEP)), mode="nearest")
    return minimum_filter1d(smooth, 2 * max(1, round(memory / ENERGY_STEP)) + 1, mode="nearest")  # eq: vad-floor


def energy_scores(waveform: np.ndarray, memory: float = 10.0, smoothing: float = 0.3) -> np.ndarray:
    """How far each 10 ms rises above the background, dB, smoothed: shape (frames,).

    Chapter: vad
    """
    levels = log_energy(waveform)
    smooth = uniform_filter1d(levels, max(1, round(smoothing / ENERGY_STEP)), mode="nearest")
    return smooth - noise_floor(levels, memory, smoothing)


def energy_vad(waveform: np.ndarray, rule: Hysteresis = ENERGY_RULE, memory: float = 10.0) -> np.ndarray:
    """Speech is where the level rises above the background: an energy detector with an adaptive threshold.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    rule : Hysteresis
        Its thresholds are dB above the background.
    memory : float
        Seconds on both sides within which the background is sought.

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    Chapter: vad
    """
    return rule.regions(energy_scores(waveform, memory), ENERGY_STEP, len(waveform) / SAMPLE_RATE)


# ---------------------------------------------------------------- two Gaussians


@dataclass(frozen=True, slots=True)
class TwoGaussians:
    """A mixture of two normal distributions of one variable: background first, speech second.

    Parameters
    ----------
    weights, means, deviations : ndarray of shape (2,)
    log_likelihoods : ndarray of shape (iterations,)
        Mean log-likelihood of a value before each step; it never falls.

    Chapter: vad
    """

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    log_likelihoods: np.ndarray

    def log_joint(self, values: np.ndarray) -> np.ndarray:
        """Log of weight times density of each component, shape (values, 2)."""
        deviation = (np.asarray(values, dtype=np.float64)[:, None] - self.means) / self.deviations
        return (
            np.log(self.weights) - 0.5 * deviation**2 - np.log(self.deviations * np.sqrt(2 * np.pi))
        )  # eq: vad-mixture

    def speech_probability(self, values: np.ndarray, monotonic: bool = True) -> np.ndarray:
        """Posterior probability of the louder component, shape (values,).

        Parameters
        ----------
        values : ndarray of shape (n,)
        monotonic : bool
            Take values beyond the two means as if they were at the means. Without it a wide speech component
            claims the quietest frames of all, and a wide background claims the loudest.
        """
        values = np.clip(values, *self.means) if monotonic else np.asarray(values)
        background, speech = self.log_joint(values).T
        return 1 / (1 + np.exp(np.clip(background - speech, -700, 700)))  # eq: vad-posterior


def fit_two_gaussians(
    values: np.ndarray, iterations: int = 100, tolerance: float = 1e-6, narrowest: float = 0.5
) -> TwoGaussians:
    """Fit a mixture of two Gaussians by expectation-maximization.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Such as frame levels in dB, at least 2.
    iterations : int
        At most.
    tolerance : float
        Stop when the mean log-likelihood gains less.
    narrowest : float
        Smallest standard deviation, in the values' unit: without it a component can collapse onto one value.

    Returns
    -------
    TwoGaussians
        Ordered by mean. It starts from the values below and above the middle of the 10th and 90th percentile, so
        the result needs no seed.

    References
    ----------
    dempster1977em

    Chapter: vad
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise OptionError(f"values: expected at least 2 finite numbers in shape (n,), got shape {values.shape}")
    loud = values > np.percentile(values, [10, 90]).mean()
    share = np.column_stack([~loud, loud]).astype(np.float64)
    history: list[float] = []
    mixture = _maximize(values, share, narrowest)
    for _ in range(iterations):
        joint = mixture.log_joint(values)
        evidence = np.logaddexp(joint[:, 0], joint[:, 1])
        history.append(float(evidence.mean()))
        if len(history) > 1 and history[-1] - history[-2] < tolerance:
            break
        mixture = _maximize(values, np.exp(joint - evidence[:, None]), narrowest)  # eq: vad-posterior
    order = np.argsort(mixture.means, kind="stable")
    return TwoGaussians(mixture.weights[order], mixture.means[order], mixture.deviations[order], np.array(history))


def _maximize(values: np.ndarray, share: np.ndarray, narrowest: float) -> TwoGaussians:
    """Weights, means and deviations that fit values of which each component has a share of (n, 2)."""
    amount = np.maximum(share.sum(axis=0), 1e-12)
    means = share.T @ values / amount
    variances = np.einsum("nc,nc->c", share, (values[:, None] - means) ** 2) / amount
    deviations = np.sqrt(np.maximum(variances, narrowest**2))
    return TwoGaussians(amount / amount.sum(), means, deviations, np.empty(0))  # eq: vad-maximization


def gaussian_scores(waveform: np.ndarray, smoothing: float = 0.1, separation: float = 3.0) -> np.ndarray:
    """Probability of speech of each 10 ms from a mixture fitted to this recording's own levels: shape (frames,).

    All zeros when the two means lie less than ``separation`` dB apart: then there is one kind of sound, not two.

    Chapter: vad
    """
    levels = uniform_filter1d(log_energy(waveform), max(1, round(smoothing / ENERGY_STEP)), mode="nearest")
    if len(levels) < 2:
        return np.zeros(len(levels))
    mixture = fit_two_gaussians(levels)
    if mixture.means[1] - mixture.means[0] < separation:
        return np.zeros(len(levels))
    return mixture.speech_probability(levels)


def gaussian_vad(waveform: np.ndarray, rule: Hysteresis = GAUSSIAN_RULE) -> np.ndarray:
    """Speech is the louder of two Gaussians that are fitted to the recording's levels: a statistical detector.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    rule : Hysteresis
        Its thresholds are probabilities.

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    Chapter: vad
    """
    return rule.regions(gaussian_scores(waveform), ENERGY_STEP, len(waveform) / SAMPLE_RATE)


# ---------------------------------------------------------------- Silero


@functools.lru_cache
def _silero_session(threads: int):
    """The network of the installed silero-vad package; the package itself, which needs torch, is not imported."""
    import importlib.util
    from pathlib import Path

    import onnxruntime

    package = importlib.util.find_spec("silero_vad")
    if package is None:
        raise AssetError("silero_vad: not installed; run `pip install silero-vad`")
    path = Path(package.submodule_search_locations[0]) / "data" / "silero_vad.onnx"
    if not path.is_file():
        raise AssetError(f"{path}: not there; reinstall silero-vad")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def silero_scores(waveform: np.ndarray, threads: int = 1) -> np.ndarray:
    """Probability of speech of each 32 ms by Silero VAD: shape (frames,).

    The network is recurrent: each step sees 512 new samples, the 64 before them and its own state, so it
    runs causally, one step after the other. The last step is filled up with zeros.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    threads : int
        Processor threads; the network is too small to gain from more than one.

    References
    ----------
    silero2024vad

    Chapter: vad
    """
    waveform = check_waveform(waveform)
    session = _silero_session(threads)
    count = -(-len(waveform) // SILERO_SAMPLES)
    padded = np.pad(waveform, (SILERO_CONTEXT, count * SILERO_SAMPLES - len(waveform)))
    blocks = frames(padded, SILERO_CONTEXT + SILERO_SAMPLES, SILERO_SAMPLES)
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(SAMPLE_RATE, np.int64)
    scores = np.empty(count, np.float32)
    for index, block in enumerate(blocks):
        output, state = session.run(None, {"input": np.ascontiguousarray(block[None]), "state": state, "sr": rate})
        scores[index] = output[0, 0]
    return scores


def silero_vad(waveform: np.ndarray, rule: Hysteresis = SILERO_RULE, threads: int = 1) -> np.ndarray:
    """Speech by Silero VAD, with the package's own thresholds and durations by default.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    rule : Hysteresis
    threads : int
        Processor threads.

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    References
    ----------
    silero2024vad

    Chapter: vad
    """
    return rule.regions(silero_scores(waveform, threads), SILERO_STEP, len(waveform) / SAMPLE_RATE)


# ---------------------------------------------------------------- segmentation-3.0


def segmentation_scores(
    waveform: np.ndarray, step: float = 1.0, model: SegmentationModel | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Probability of speech and of overlapped speech of each 17 ms by segmentation-3.0.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    step : float
        Seconds from one 10 s chunk to the next.
    model : SegmentationModel, optional

    Returns
    -------
    speech, overlap : ndarray of shape (frames,)
    frame_step : float
        Seconds.

    References
    ----------
    plaquet2023powerset

    Chapter: vad
    """
    from diarbook.segmentation.model import frame_probabilities

    return frame_probabilities(waveform, step=step, model=model)


def segmentation_vad(
    waveform: np.ndarray,
    rule: Hysteresis = SEGMENTATION_RULE,
    step: float = 1.0,
    model: SegmentationModel | None = None,
) -> np.ndarray:
    """Speech is where segmentation-3.0 hears at least one speaker.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    rule : Hysteresis
    step : float
        Seconds from one 10 s chunk to the next.
    model : SegmentationModel, optional

    Returns
    -------
    ndarray of shape (n, 2)
        Seconds.

    References
    ----------
    plaquet2023powerset

    Chapter: vad
    """
    speech, _, frame_step = segmentation_scores(waveform, step, model)
    return rule.regions(speech, frame_step, len(waveform) / SAMPLE_RATE)
