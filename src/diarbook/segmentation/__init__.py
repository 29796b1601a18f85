"""Cutting a recording where the speaker changes: windows, change detection, and a network that does both.

Chapter: segmentation
"""

from __future__ import annotations

from diarbook.segmentation.change import (
    ChangeSearch,
    change_curve,
    change_points,
    local_speaker_changes,
    pick_peaks,
    quasi_silences,
    reference_changes,
    segments_from_changes,
    within,
)
from diarbook.segmentation.model import SegmentationModel, frame_probabilities, load_segmentation
from diarbook.segmentation.scores import ChunkScores, powerset_to_multilabel, speech_and_overlap
from diarbook.segmentation.windows import uniform_windows, window_speakers, windows_to_turns

__all__ = [
    "ChangeSearch",
    "ChunkScores",
    "SegmentationModel",
    "change_curve",
    "change_points",
    "frame_probabilities",
    "load_segmentation",
    "local_speaker_changes",
    "pick_peaks",
    "powerset_to_multilabel",
    "quasi_silences",
    "reference_changes",
    "segments_from_changes",
    "speech_and_overlap",
    "uniform_windows",
    "window_speakers",
    "windows_to_turns",
    "within",
]
