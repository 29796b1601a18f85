"""What a live diarizer remembers of voices: the speaker cache, stretches that are still in view, committed labels.

A label under which some of a stretch was emitted is *committed*: the stretch, and whatever it becomes, keeps it.

Chapter: streaming
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.embeddings.similarity import unit_length
from diarbook.segmentation.local import stretch_links
from diarbook.streaming.cache import UNDECIDED, SpeakerCache
from diarbook.streaming.recent import CHUNK_FRAMES, RecentChunks, frame_time, span_seconds
from diarbook.streaming.settings import StreamSettings
from diarbook.streaming.stretches import ProvisionalStretches, Span, StretchPlan
from diarbook.streaming.turn import StreamTurn


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Groups of all points of the cache, then of the provisional stretches.

    Parameters
    ----------
    groups : ndarray of int, shape (n,)
    labels : ndarray of int, shape (k + 1,)
        The label that each of the k groups keeps, or ``UNDECIDED``; the last is for an unknown speaker, who was heard
        only while others spoke and is none of them.
    spans : ndarray of int, shape (m, 2)
        Stretches that are the last points: recent ones of the cache, then provisional ones.
    sums : ndarray of shape (n, d)
        The points.

    Chapter: streaming
    """

    groups: np.ndarray
    labels: np.ndarray
    spans: np.ndarray
    sums: np.ndarray

    @property
    def recent(self) -> np.ndarray:
        """Groups of the stretches, shape (m,)."""
        return self.groups[len(self.groups) - len(self.spans) :]


class Memory:
    """The speaker cache with the stretches that are still in view, and the labels that are committed.

    Parameters
    ----------
    settings : StreamSettings

    Chapter: streaming
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._cache = SpeakerCache(settings.rule, settings.minimum_speaker, settings.points, settings.max_speakers)
        self._spans = np.zeros((0, 2), dtype=int)  # of the recent points of the cache
        self._provisional = ProvisionalStretches()
        self._committed: tuple[tuple[Span, int], ...] = ()  # provisional stretches that were emitted, with their label
        self._settled = 0
        self._stretch_count = self._label_count = 0
        self._overlap_only: int | None = None  # label of somebody who was heard only while others spoke

    @property
    def settled(self) -> int:
        """Stretches that end before this frame are remembered."""
        return self._settled

    @property
    def provisional(self) -> ProvisionalStretches:
        """Stretches that may still change."""
        return self._provisional

    def add(self, plan: StretchPlan, vectors: np.ndarray, provisional: ProvisionalStretches) -> None:
        """Put stretches that are old enough into the cache, and hold the rest.

        Parameters
        ----------
        plan : StretchPlan
        vectors : ndarray of shape (n, d)
            Embeddings of the plan's stretches that are ready; NaN rows are left out.
        provisional : ProvisionalStretches

        Chapter: streaming
        """
        self._settled, self._provisional = plan.settled, provisional
        good = np.isfinite(vectors).all(axis=1)
        if good.any():
            spans = np.array(plan.ready)[good]
            numbers = self._stretch_count + np.arange(len(spans))
            self._stretch_count += len(spans)
            units = unit_length(vectors[good].astype(np.float64))
            self._cache.add(units, span_seconds(spans), numbers, self._committed_labels(spans))
            self._spans = np.concatenate([self._spans, spans])

    def _committed_labels(self, spans: np.ndarray) -> np.ndarray:
        """Labels under which parts of these spans were emitted before, or ``UNDECIDED``."""
        labels = np.full(len(spans), UNDECIDED)
        for row, (first, last) in enumerate(spans):
            shared = [(min(last, end) - max(first, start), -label) for (start, end), label in self._committed]
            if shared and max(shared)[0] > 0:
                labels[row] = -max(shared)[1]
        return labels

    def group(self, recent: RecentChunks) -> Grouping:
        """Group all points and provisional stretches anew, by their embeddings and by what the chunks say of pairs.

        Chapter: streaming
        """
        cache, spans, units = self._cache, self._provisional.spans, self._provisional.units
        own = len(self._spans)
        stretches = np.concatenate([self._spans, spans])
        rows = len(cache) - own + np.arange(len(stretches))
        visible = np.flatnonzero(stretches[:, 0] >= recent.first)
        agreement, evidence = cache.tables(len(spans))
        if len(visible) > 1:
            links = stretch_links(*recent.scores(), stretches[visible] - recent.first)
            pairs = np.ix_(rows[visible], rows[visible])
            agreement[pairs], evidence[pairs] = links.agreement.toarray(), links.evidence.toarray()
            kept = rows[visible[visible < own]]
            cache.link(kept, agreement[np.ix_(kept, kept)], evidence[np.ix_(kept, kept)])
        seconds = span_seconds(spans)
        groups, labels = cache.cluster(units, seconds, self._committed_labels(spans), agreement, evidence)
        parts = [part for part in (cache.sums, units * seconds[:, None]) if len(part)]
        labels = np.append(labels, UNDECIDED if self._overlap_only is None else self._overlap_only)
        return Grouping(groups, labels, stretches, np.concatenate(parts) if parts else np.zeros((0, 1)))

    def commit(self, grouping: Grouping, chosen: np.ndarray, until: int) -> np.ndarray:
        """Number the groups that speak, and note which stretches are emitted under which label.

        Parameters
        ----------
        grouping : Grouping
            Of this step.
        chosen : ndarray of bool, shape (frames, k + 1)
            Which groups speak in the frames that are decided now.
        until : int
            The frame after the last of them.

        Returns
        -------
        ndarray of int, shape (k + 1,)
            Labels, new ones in the order in which groups are first heard; ``UNDECIDED`` for one that was never heard.

        Chapter: streaming
        """
        labels = grouping.labels.copy()
        heard = np.flatnonzero(chosen.any(axis=0))
        for group in sorted(heard, key=lambda group: (int(chosen[:, group].argmax()), group)):
            if labels[group] == UNDECIDED:
                labels[group] = self._new_label(overlap_only=group == len(labels) - 1)
        begun = grouping.spans[:, 0] < until
        known = {*self._cache.labels.tolist(), *(label for _, label in self._committed)}
        for group in heard:
            # Somebody may have been heard over others before their first stretch: the label lives on in that one.
            mine = np.flatnonzero(grouping.recent == group)
            if len(mine) and labels[group] not in known and not begun[mine].any():
                begun[mine[0]] = True
        rows, own = np.flatnonzero(begun), len(self._spans)
        remembered, provisional = rows[rows < own], rows[rows >= own]
        self._cache.commit(len(self._cache) - own + remembered, labels[grouping.recent[remembered]])
        self._commit_provisional(grouping.spans[provisional], labels[grouping.recent[provisional]])
        return labels

    def _commit_provisional(self, spans: np.ndarray, labels: np.ndarray) -> None:
        emitted = [((int(first), int(last)), int(label)) for (first, last), label in zip(spans, labels, strict=True)]
        earlier = [
            ((first, last), label)
            for (first, last), label in self._committed
            if last > self._settled and not any(first < end and last > start for (start, end), _ in emitted)
        ]
        self._committed = (*(one for one in emitted if one[1] != UNDECIDED), *earlier)

    def _new_label(self, overlap_only: bool) -> int:
        """The next number. Who was heard only while others spoke keeps their number when they first speak alone."""
        if not overlap_only and self._overlap_only is not None:
            label, self._overlap_only = self._overlap_only, None
            return label
        label, self._label_count = self._label_count, self._label_count + 1
        if overlap_only:
            self._overlap_only = label
        return label

    def representative(self, turn: StreamTurn) -> int:
        """Running number of the stretch of its speaker that lies most within a turn, or -1.

        Chapter: streaming
        """
        if not len(self._spans):
            return -1
        times = frame_time(self._spans)
        shared = np.minimum(times[:, 1], turn.end) - np.maximum(times[:, 0], turn.start)
        first_row = len(self._cache) - len(self._spans)
        shared = np.where(self._cache.labels[first_row:] == turn.speaker_number, shared, -1.0)
        return int(self._cache.stretches[first_row:][shared.argmax()]) if shared.max() > 0 else -1

    def labels_now(self, grouping: Grouping) -> dict[int, int]:
        """The label that each stretch's group keeps now, by the stretch's running number.

        Chapter: streaming
        """
        labels = grouping.labels[grouping.groups[: len(self._cache)]]
        return dict(zip(self._cache.stretches.tolist(), labels.tolist(), strict=True))

    @property
    def labels(self) -> set[int]:
        """Labels that are remembered."""
        return set(self._cache.labels.tolist()) - {UNDECIDED}

    def speakers(self) -> dict[int, tuple[np.ndarray, float]]:
        """Sum of the embeddings, and seconds, of every label that is remembered.

        Chapter: streaming
        """
        return self._cache.speakers()

    def shrink(self, recent: RecentChunks, decided: int) -> dict[int, int]:
        """Forget the edges of stretches that no chunk will see again; their points may be merged.

        Returns
        -------
        dict of int to int
            Running numbers of stretches that were merged into others, and those others'.

        Chapter: streaming
        """
        seen = self._spans[:, 1] > min(recent.first, decided - CHUNK_FRAMES)
        self._spans = self._spans[seen]
        return self._cache.shrink(len(self._cache) - len(self._spans))

    @property
    def sizes(self) -> dict[str, int]:
        """Points, speakers and provisional stretches that are held, and the bytes of them all."""
        return {
            "points": len(self._cache),
            "speakers": len(self._cache.speakers()),
            "provisional": len(self._provisional),
            "bytes": self._cache.nbytes + self._provisional.nbytes,
        }
