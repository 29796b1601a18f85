"""Stages replaced by the truth, to see what each one costs.

Chapter: stage-swap
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarbook.pipelines.cascade import Cluster, Vad
from diarbook.pipelines.options import SpeakerBounds
from diarbook.pipelines.overlap import DEFAULTS, Segment, Voices
from diarbook.turns import (
    Turn,
    regions,
    shift,
    speakers,
    to_activity,
)

if TYPE_CHECKING:
    from diarbook.segmentation.scores import ChunkScores


def remembered(stage: Callable) -> Callable:
    """The stage, run once for the same input: for experiments that change another stage.

    Parameters
    ----------
    stage : callable
        Takes arrays, such as a detector or an embedding of windows.

    Returns
    -------
    callable
        Gives the earlier result when the arrays have the same shapes, types and bytes. Do not change what it returns.

    Chapter: stage-swap
    """
    results: dict[tuple[bytes, ...], object] = {}

    def run(*arrays: np.ndarray):
        key = tuple((a.shape, a.dtype.str, hashlib.sha256(np.ascontiguousarray(a)).digest()) for a in arrays)
        if key not in results:
            results[key] = stage(*arrays)
        return results[key]

    return run


def oracle_vad(reference: Sequence[Turn]) -> Vad:
    """A voice activity detector that knows the answer.

    Chapter: start
    """
    return lambda _waveform: regions(reference)


def oracle_window_labels(reference: Sequence[Turn]) -> Cluster:
    """A clusterer of windows that knows who speaks most in each.

    Chapter: start
    """
    names = speakers(reference)

    def cluster(_embeddings: np.ndarray, windows: np.ndarray, _bounds: SpeakerBounds) -> np.ndarray:
        times = np.array(
            [
                [
                    sum(max(0.0, min(t.end, end) - max(t.start, start)) for t in reference if t.speaker == name)
                    for name in names
                ]
                for start, end in windows
            ]
        ).reshape(len(windows), len(names))
        return times.argmax(axis=1) if len(names) else np.zeros(len(windows), dtype=int)

    return cluster


def oracle_segmentation(reference: Sequence[Turn], step: float = DEFAULTS.step) -> Segment:
    """A segmentation network that knows the answer, and has its limits: three speakers a chunk, two at once.

    Parameters
    ----------
    reference : sequence of Turn
    step : float
        Seconds from one chunk to the next.

    Chapter: segmentation
    """
    from diarbook.networks.powerset import LOCAL_SPEAKERS, POWERSET
    from diarbook.segmentation.scores import chunk_grid

    def segment(waveform: np.ndarray) -> ChunkScores:
        scores = chunk_grid(len(waveform), step)
        names = speakers(reference)
        activity = to_activity(shift(reference, -scores.offset), scores.frame_step, scores.frames, names)
        length = scores.posteriors.shape[1]
        for chunk, first in enumerate(scores.first_frames):
            part = activity[first : first + length]
            # The three who speak most in the chunk; where more than two speak, the two of them who speak most.
            local = np.argsort(-part.sum(axis=0), kind="stable")[:LOCAL_SPEAKERS]
            part = part[:, local] & (np.cumsum(part[:, local], axis=1) <= 2)
            part = np.pad(part, ((0, 0), (0, LOCAL_SPEAKERS - part.shape[1])))
            for index, members in enumerate(POWERSET):
                row = np.isin(np.arange(LOCAL_SPEAKERS), members)
                scores.posteriors[chunk, (part == row).all(axis=1), index] = 1.0
        return scores

    return segment


def oracle_voice_labels(reference: Sequence[Turn]) -> Callable[[Voices, SpeakerBounds], np.ndarray]:
    """A clusterer of voices that knows who speaks most in each stretch, and whom each crowded local speaker follows.

    Chapter: clustering
    """
    names = speakers(reference)

    def cluster(voices: Voices, _bounds: SpeakerBounds) -> np.ndarray:
        if not names:
            return np.zeros(len(voices.embeddings), dtype=int)
        scores, length = voices.scores, voices.activity.shape[1]
        truth = to_activity(shift(reference, -scores.offset), scores.frame_step, scores.frames, names)
        labels = [int(truth[first:last].sum(axis=0).argmax()) for first, last in voices.stretches]
        for chunk, local in voices.crowded:
            first = scores.first_frames[chunk]
            together = voices.activity[chunk].T @ truth[first : first + length]
            rows, columns = linear_sum_assignment(together, maximize=True)
            match = columns[rows == local]
            labels.append(int(match[0]) if len(match) else int(together[local].argmax()))
        return np.array(labels, dtype=int)

    return cluster
