"""Stretches of one voice alone in a stream: which are old enough to be remembered, and which may still change.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from diarbook.embeddings.similarity import unit_length
from diarbook.segmentation.local import equal_parts, lone_runs
from diarbook.streaming.recent import FRAME_SECONDS, RecentChunks
from diarbook.streaming.settings import StreamSettings

REACH_FRAMES = 30  # how far a stretch has a say over frames around it
Span = tuple[int, int]
"""First frame of a stretch, and the frame after its last."""


@dataclass(frozen=True, slots=True)
class StretchPlan:
    """The stretches that the chunks show.

    Parameters
    ----------
    ready : tuple of Span
        Old enough to be remembered.
    provisional : tuple of Span
        Those that may still change, as far as they have a say in what is decided now.
    settled : int
        All stretches that end before this frame are remembered once those that are ready are.

    Chapter: streaming
    """

    ready: tuple[Span, ...]
    provisional: tuple[Span, ...]
    settled: int


def plan_stretches(
    recent: RecentChunks, settled: int, until: int, final: bool, settings: StreamSettings
) -> StretchPlan:
    """Which stretches the chunks show from the frame ``settled`` on.

    Parameters
    ----------
    recent : RecentChunks
    settled : int
        Stretches that end before this frame are remembered already.
    until : int
        Frames before this one are about to be decided.
    final : bool
        No more sound will come, so nothing changes any more.
    settings : StreamSettings

    Chapter: streaming
    """
    longest = int(settings.longest / FRAME_SECONDS)
    limit = recent.end - (0 if final else round(settings.guard / FRAME_SECONDS))
    ready: list[Span] = []
    provisional: list[Span] = []
    for start, end in lone_runs(*recent.scores()) + recent.first:
        start = max(start, settled)
        if start >= end:
            continue
        if end <= limit:
            ready += equal_parts(start, end, settings.longest, settings.shortest, FRAME_SECONDS)
            settled = end
            continue
        while limit - start >= longest:
            ready.append((start, start + longest))
            start = settled = start + longest
        provisional += equal_parts(start, end, settings.longest, settings.shortest, FRAME_SECONDS)
    near = tuple(span for span in provisional if span[0] < until + REACH_FRAMES)
    return StretchPlan(tuple(ready), near, settled)


@dataclass(frozen=True, slots=True, eq=False)
class ProvisionalStretches:
    """Stretches that may still change, with their embeddings: a value, of which every step makes a new one.

    Parameters
    ----------
    vectors : dict of Span to ndarray of shape (d,)
        Embeddings as they were computed; NaN for what was too short.
    spans : ndarray of int, shape (n, 2)
        The stretches as they are now, those that have an embedding.
    units : ndarray of shape (n, d)
        Of unit length.

    Chapter: streaming
    """

    vectors: dict[Span, np.ndarray] = field(default_factory=dict)
    spans: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=int))
    units: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def nbytes(self) -> int:
        """Bytes of the embeddings."""
        return sum(vector.nbytes for vector in self.vectors.values())

    def without_embedding(self, spans: Iterable[Span]) -> list[Span]:
        """Those of the spans that are no known stretch, grown a little.

        Chapter: streaming
        """
        return [span for span in spans if _grown_from(span, self.vectors) is None]

    def updated(self, spans: Iterable[Span], fresh: dict[Span, np.ndarray]) -> ProvisionalStretches:
        """The stretches of a new step: one that grew a little keeps its embedding.

        Parameters
        ----------
        spans : iterable of Span
        fresh : dict of Span to ndarray of shape (d,)
            Embeddings of those that had none.

        Chapter: streaming
        """
        spans = list(spans)
        vectors = {old: self.vectors[old] for span in spans if (old := _grown_from(span, self.vectors)) is not None}
        vectors.update(fresh)
        now = {span: vectors[span if span in vectors else _grown_from(span, vectors)] for span in spans}
        good = {span: vector for span, vector in now.items() if np.isfinite(vector).all()}
        if not good:
            return ProvisionalStretches(vectors)
        units = unit_length(np.stack(list(good.values())).astype(np.float64))
        return ProvisionalStretches(vectors, np.array(list(good)), units)


def _grown_from(span: Span, known: Iterable[Span]) -> Span | None:
    """The known stretch that this one is, grown only a little, if there is one."""
    return next((old for old in known if _grew_little(old, span)), None)


def _grew_little(old: Span, new: Span) -> bool:
    longer = (new[1] - new[0]) - (old[1] - old[0])
    return abs(old[0] - new[0]) <= 6 and -6 <= longer <= max(15, (old[1] - old[0]) // 2)
