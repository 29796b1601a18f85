"""The cascade: where is speech, cut it, embed the pieces, group them, smooth.

Chapter: start
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.clustering.constrained import MergeRule, constrained_agglomerative
from diarbook.embeddings.embedder import load_embedder
from diarbook.pipelines.options import ANY_NUMBER, Progress, SpeakerBounds, is_silent, weighted
from diarbook.pipelines.overlap import DEFAULTS
from diarbook.segmentation.windows import uniform_windows, windows_to_turns
from diarbook.turns import Turn, crop, label_by_appearance
from diarbook.vad import Hysteresis, segmentation_vad

# What each stage costs of all the work, measured on the meeting clips.
SHARES = {"segmentation": 0.6, "embeddings": 0.37, "clustering": 0.02, "reconstruction": 0.01}

Vad = Callable[[np.ndarray], np.ndarray]
Windows = Callable[[np.ndarray], np.ndarray]
Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]
Cluster = Callable[[np.ndarray, np.ndarray, SpeakerBounds], np.ndarray]
Smooth = Callable[[np.ndarray, np.ndarray], "list[Turn]"]
# The best of 0.4 to 0.7 on the development set of benchmarks/development.py, at no loss on the training clips.
CASCADE_RULE = MergeRule(threshold=0.62)


def least_speech(windows: np.ndarray) -> float:
    """Seconds of windows that make a cluster a speaker, by the rule of the overlap-aware pipeline: (n, 2) to a number.

    Examples
    --------
    >>> least_speech(np.array([[0.0, 1.5], [0.75, 2.25]])), least_speech(np.array([[0.0, 600.0]]))
    (1.0, 6.0)

    Chapter: clustering
    """
    following = np.append(windows[1:, 0], np.inf)
    covered = np.clip(np.minimum(windows[:, 1], following) - windows[:, 0], 0.0, None)  # what overlaps counts once
    return DEFAULTS.speaker_seconds(float(covered.sum()))


def cluster_windows(
    embeddings: np.ndarray,
    windows: np.ndarray,
    bounds: SpeakerBounds = ANY_NUMBER,
    rule: MergeRule = CASCADE_RULE,
    minimum_speaker: float | None = None,
) -> np.ndarray:
    """Label windows by agglomerative clustering; clusters too small to be a speaker join their nearest one.

    Parameters
    ----------
    embeddings : ndarray of shape (n, d)
        NaN rows, of windows too short to embed, take the label of the nearest window in time.
    windows : ndarray of shape (n, 2)
        Seconds.
    bounds : SpeakerBounds
    rule : MergeRule
        When two clusters are one speaker.
    minimum_speaker : float, optional
        Seconds of windows that make a cluster a speaker; :func:`least_speech` by default.

    Returns
    -------
    ndarray of int, shape (n,)

    Chapter: clustering
    """
    known = np.isfinite(embeddings).all(axis=1)
    if not known.any():
        return np.zeros(len(windows), dtype=int)
    seconds = np.diff(windows[known], axis=1)[:, 0]
    labels = np.zeros(len(windows), dtype=int)
    labels[known] = constrained_agglomerative(
        embeddings[known],
        seconds,
        rule=rule,
        minimum_seconds=least_speech(windows) if minimum_speaker is None else minimum_speaker,
        minimum_speakers=bounds.least,
        maximum_speakers=bounds.most,
    )
    centers, missing = windows.mean(axis=1), np.flatnonzero(~known)
    if len(missing):
        order = np.argsort(centers[known])
        sorted_centers = centers[known][order]
        right = np.clip(np.searchsorted(sorted_centers, centers[missing]), 0, len(order) - 1)
        left = np.maximum(right - 1, 0)
        nearer = np.abs(sorted_centers[left] - centers[missing]) <= np.abs(sorted_centers[right] - centers[missing])
        labels[missing] = labels[known][order][np.where(nearer, left, right)]
    return labels


@dataclass(frozen=True, slots=True)
class CascadeStages:
    """What the cascade does, step by step; each can be replaced, by another function or by the truth.

    Parameters
    ----------
    vad : callable, optional
        Waveform to speech (n, 2) in seconds; segmentation-3.0 by default,
        :func:`~diarbook.pipelines.oracles.oracle_vad` for the truth.
    windows : callable, optional
        Speech to windows (m, 2); 1.5 s every 0.75 s by default.
    embed : callable, optional
        Waveform and windows to embeddings (m, d), NaN where a window is too short; CAM++ by default.
    cluster : callable, optional
        Embeddings, windows and :class:`~diarbook.pipelines.options.SpeakerBounds` to labels (m,);
        :func:`cluster_windows` by default, :func:`~diarbook.pipelines.oracles.oracle_window_labels` for the truth.
    smooth : callable, optional
        Windows and labels to turns; by default each moment goes to the window whose center is nearest.

    Chapter: stage-swap
    """

    vad: Vad | None = None
    windows: Windows | None = None
    embed: Embed | None = None
    cluster: Cluster | None = None
    smooth: Smooth | None = None


def cascade(
    waveform: np.ndarray,
    stages: CascadeStages = CascadeStages(),
    *,
    bounds: SpeakerBounds = ANY_NUMBER,
    progress: Progress | None = None,
) -> list[Turn]:
    """Diarize stage by stage: where is speech, cut it, embed the pieces, group them, smooth.

    Nobody overlaps anybody in the result: one speaker a window is what this design can say.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    stages : CascadeStages
    bounds : SpeakerBounds
    progress : callable, optional
        Called with a stage's name and the share of all work done, 0 to 1.

    Returns
    -------
    list of Turn
        Speakers named by first appearance.

    Raises
    ------
    AudioError
        When the waveform cannot be used.

    References
    ----------
    park2022review

    Chapter: start
    """
    waveform = check_waveform(waveform)
    if is_silent(waveform):
        return []
    report = weighted(progress, SHARES)
    speech = (stages.vad or cascade_vad)(waveform)
    report("segmentation", 1.0)
    pieces = (stages.windows or uniform_windows)(speech)
    if len(pieces) == 0:
        return []
    embeddings = (stages.embed or load_embedder("campplus").embed)(waveform, pieces)
    report("embeddings", 1.0)
    labels = (stages.cluster or cluster_windows)(embeddings, pieces, bounds)
    report("clustering", 1.0)
    turns = (stages.smooth or windows_to_turns)(pieces, labels)
    report("reconstruction", 1.0)
    return label_by_appearance(crop(turns, 0.0, len(waveform) / SAMPLE_RATE))


def cascade_vad(waveform: np.ndarray) -> np.ndarray:
    """The cascade's own speech detection: segmentation-3.0 every 2 s, with the overlap-aware pipeline's onset.

    Chapter: vad
    """
    return segmentation_vad(waveform, Hysteresis(DEFAULTS.speech_onset), step=DEFAULTS.step)
