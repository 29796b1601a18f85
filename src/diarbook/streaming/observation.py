"""What the networks say at one step of a stream, gathered before anything is kept of it.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from diarbook.streaming.engine import Engine
from diarbook.streaming.memory import Memory
from diarbook.streaming.recent import RecentAudio, RecentChunks, frame_at
from diarbook.streaming.settings import StreamSettings
from diarbook.streaming.stretches import ProvisionalStretches, Span, StretchPlan, plan_stretches


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """Chunks, the stretches that they show, and the embeddings of those.

    Parameters
    ----------
    recent : RecentChunks
    until : int
        Frames before this one can be decided.
    plan : StretchPlan
    vectors : ndarray of shape (n, d)
        Of the plan's stretches that are ready; NaN for one without an embedding.
    provisional : ProvisionalStretches

    Chapter: streaming
    """

    recent: RecentChunks
    until: int
    plan: StretchPlan
    vectors: np.ndarray
    provisional: ProvisionalStretches


def observe(
    engine: Engine,
    audio: RecentAudio,
    recent: RecentChunks,
    memory: Memory,
    decided: int,
    settings: StreamSettings,
    final: bool = False,
) -> Observation | None:
    """Ask both networks. Nothing is changed, so a network that fails leaves no traces.

    Parameters
    ----------
    engine : Engine
    audio : RecentAudio
    recent : RecentChunks
        What was seen before.
    memory : Memory
    decided : int
        Frames before this one have been decided.
    settings : StreamSettings
    final : bool
        No more sound will come.

    Returns
    -------
    Observation or None
        None as long as there is less than a frame of sound.

    Raises
    ------
    NetworkError
        When a network fails.

    Chapter: streaming
    """
    recent = engine.look(audio, recent, decided, final)
    if not recent.chunks:
        return None

    def embed(spans: Sequence[Span]) -> np.ndarray:
        return engine.embed(audio, [np.array([span]) for span in spans])[0]

    until = recent.end if final else min(frame_at(audio.heard) - settings.look_ahead_frames, recent.end)
    plan = plan_stretches(recent, memory.settled, max(decided, until), final, settings)
    return _embedded(recent, max(decided, until), plan, memory, embed)


def observe_without_networks(
    recent: RecentChunks, memory: Memory, decided: int, settings: StreamSettings
) -> Observation | None:
    """The last observation of a stream whose networks have failed: what was seen before, up to its last frame.

    Parameters
    ----------
    recent : RecentChunks
    memory : Memory
    decided : int
        Frames before this one have been decided.
    settings : StreamSettings

    Chapter: streaming
    """
    if not recent.chunks:
        return None
    until = max(decided, recent.end)
    # Provisional stretches are not made ready: as they are, they have embeddings, which nobody could compute anew.
    plan = plan_stretches(recent, memory.settled, until, False, settings)
    return _embedded(recent, until, plan, memory, lambda spans: np.full((len(spans), 1), np.nan))


def _embedded(
    recent: RecentChunks, until: int, plan: StretchPlan, memory: Memory, embed: Callable[[Sequence[Span]], np.ndarray]
) -> Observation:
    vectors = embed(plan.ready)
    fresh = memory.provisional.without_embedding(plan.provisional)
    provisional = memory.provisional.updated(plan.provisional, dict(zip(fresh, embed(fresh), strict=True)))
    return Observation(recent, until, plan, vectors, provisional)
