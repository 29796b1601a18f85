"""Cutting a recording where the speaker changes: windows, change detection, and a network that does both.

Chapter: segmentation
"""

from __future__ import annotations

from diarbook.segmentation.change import (
    change_curve,
    change_points,
    local_speaker_changes,
    pick_peaks,
    quasi_silences,
    reference_changes,
    segments_from_changes,
    within,
)
from diarbook.segmentation.windows import uniform_windows, window_speakers, windows_to_turns

__all__ = [
    "change_curve",
    "change_points",
    "local_speaker_changes",
    "pick_peaks",
    "quasi_silences",
    "reference_changes",
    "segments_from_changes",
    "uniform_windows",
    "window_speakers",
    "windows_to_turns",
    "within",
]

_NEURAL = (
    "ChunkScores",
    "PyanNet",
    "SegmentationModel",
    "frame_probabilities",
    "load_segmentation",
    "powerset_to_multilabel",
    "speech_and_overlap",
)


def __getattr__(name: str) -> object:
    """Import the network only when it is asked for: it costs torch."""
    if name in _NEURAL:
        from diarbook.segmentation import neural

        return getattr(neural, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
