"""Parameters of a live diarizer.

Chapter: streaming
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from diarbook.audio import SAMPLE_RATE
from diarbook.clustering.constrained import DEFAULT_RULE, MergeRule
from diarbook.errors import OptionError
from diarbook.networks.powerset import FRAME_SAMPLES

LEAST_LATENCY, MOST_LATENCY = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Parameters of a live diarizer, fixed on training clips and simulated conversations of their voices.

    Parameters
    ----------
    latency : float
        Seconds of audio heard after the end of a frame when its speaker is decided, at most; 0.5 to 10. It is made
        of ``step`` and of the look-ahead, which is the rest.
    step : float, optional
        Seconds from one run of the network to the next; a quarter of the latency, within 0.25 to 1 s, by default.
    rule : MergeRule
        When two groups of stretches are one speaker.
    minimum_speaker : float
        Seconds of speech alone that make a new voice a speaker; less is given to the most similar one.
    crowded_every : int
        Look for local speakers who never speak alone in every so many chunks; in all of them when the look-ahead is
        shorter than that.
    guard : float
        Seconds that must be heard after a stretch before it is remembered.
    longest, shortest : float
        Seconds of a stretch that is embedded.
    speech_onset, overlap_onset, smoothing : float
        As in :class:`diarbook.pipelines.overlap.OverlapSettings`.
    points : int
        Most centroids that are remembered of what lies more than a chunk back. As few as speakers: each is one
        centroid and never looked at again, which is plain incremental clustering.
    max_speakers : int
        Most speakers that are remembered. The one with the least speech is forgotten for a new one.
    longest_turn : float
        Seconds after which a turn that has not ended is emitted in parts.
    name_after : float
        Seconds of speech alone after which a speaker is compared with the gallery; a speaker who got no name is
        compared again each time the speech has doubled.
    revise : bool
        Emit corrections of earlier turns; see :class:`~diarbook.streaming.turn.StreamTurn`.
    revise_seconds : float
        How far back a turn can be corrected: what must be remembered for it is bounded.

    Raises
    ------
    OptionError
        When a value is out of its range.

    Chapter: streaming
    """

    latency: float = 5.0
    step: float | None = None
    rule: MergeRule = DEFAULT_RULE
    minimum_speaker: float = 1.0
    crowded_every: int = 2
    guard: float = 1.0
    longest: float = 2.0
    shortest: float = 0.3
    speech_onset: float = 0.45
    overlap_onset: float = 0.2
    smoothing: float = 0.1
    points: int = 100
    max_speakers: int = 40
    longest_turn: float = 15.0
    name_after: float = 3.0
    revise: bool = False
    revise_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.step is None:
            object.__setattr__(self, "step", min(1.0, max(0.25, self.latency / 4)))
        ranges = {
            "latency": (LEAST_LATENCY, MOST_LATENCY),
            "step": (0.1, self.latency - 0.2),
            "minimum_speaker": (0.0, 60.0),
            "crowded_every": (1, 20),
            "guard": (0.1, 3.0),
            "longest": (1.0, 4.0),
            "shortest": (0.26, 1.0),
            "speech_onset": (0.0, 1.0),
            "overlap_onset": (0.0, 1.0),
            "smoothing": (0.0, 0.2),
            "points": (1, 2000),
            "max_speakers": (1, 1000),
            "longest_turn": (1.0, 3600.0),
            "name_after": (0.5, 3600.0),
            "revise_seconds": (0.0, 3600.0),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                raise OptionError(f"{name} must be {least:g} to {most:g}, got {value}")

    @property
    def step_frames(self) -> int:
        """Frames of the network from one step to the next."""
        return max(1, int(self.step * SAMPLE_RATE / FRAME_SAMPLES))

    @property
    def look_ahead_frames(self) -> int:
        """Frames that are heard after a frame before it is decided, at least."""
        return int(self.latency * SAMPLE_RATE / FRAME_SAMPLES) - self.step_frames

    @property
    def look_ahead(self) -> float:
        """The same in seconds: the algorithmic part of the latency that no faster machine takes away."""
        return self.look_ahead_frames * FRAME_SAMPLES / SAMPLE_RATE


DEFAULT_SETTINGS = StreamSettings()
