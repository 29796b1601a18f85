"""Who speaks now: a diarizer that is fed sound as it arrives.

Time is counted in frames of segmentation-3.0 (270 samples). All work is done at fixed numbers of samples heard, so the
output does not depend on the blocks in which the sound arrives.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.clustering.constrained import assign_crowded
from diarbook.embeddings.similarity import unit_length
from diarbook.errors import AudioError, OptionError
from diarbook.networks.powerset import FRAME_SAMPLES
from diarbook.segmentation.local import crowded_links, equal_parts, lone_runs, stretch_links
from diarbook.segmentation.scores import ChunkScores, speech_and_overlap
from diarbook.segmentation.stitching import choose_speakers, local_activations
from diarbook.streaming.cache import UNDECIDED, SpeakerCache
from diarbook.streaming.hearing import CHUNK_SAMPLES, OFFSET_SAMPLES, SHORTEST_CHUNK, Hearing
from diarbook.streaming.naming import Names
from diarbook.streaming.revision import History
from diarbook.streaming.settings import DEFAULT_SETTINGS, StreamSettings
from diarbook.streaming.turn import CachedSpeaker, StreamTurn, label_name

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder
    from diarbook.segmentation.model import SegmentationModel

REACH_FRAMES = 30  # how far a stretch has a say over frames around it
REVISE_STEPS = 10


@dataclass(frozen=True, slots=True)
class _Grouping:
    """Groups of all points of the cache, then of the growing stretches.

    ``labels`` holds what each group carries on, ``stretches`` the spans of the last points, ``sums`` the points.
    """

    groups: np.ndarray
    labels: np.ndarray
    stretches: np.ndarray
    sums: np.ndarray

    @property
    def recent(self) -> np.ndarray:
        """Groups of the stretches."""
        return self.groups[len(self.groups) - len(self.stretches) :]


class StreamingDiarizer:
    """Diarize sound as it arrives, with bounded memory and bounded latency.

    Every ``step`` the segmentation network looks at the last 10 s. Stretches in which one person speaks alone are
    embedded once they are ``guard`` seconds old, and grouped together with the points of the speaker cache. Frames are
    decided when the look-ahead has been heard; a turn is emitted when it ends.

    Parameters
    ----------
    settings : StreamSettings
    segmentation : SegmentationModel, optional
        segmentation-3.0 by default, loaded at first use.
    embedder : Embedder, optional
        CAM++ by default.
    gallery : object, optional
        With ``best(vector) -> (name, score) | None``, such as :class:`~diarbook.streaming.gallery.Gallery`.

    Notes
    -----
    A frame's label is decided at most ``latency`` seconds of audio after the frame's end, and at least
    ``settings.look_ahead`` after it; what the machine needs for a step comes on top. :meth:`finish` decides the rest
    with the look-ahead that there is.

    References
    ----------
    coria2021diart, wang2023turntodiarize, medennikov2025streaming

    Chapter: streaming
    """

    def __init__(
        self,
        settings: StreamSettings = DEFAULT_SETTINGS,
        segmentation: SegmentationModel | None = None,
        embedder: Embedder | None = None,
        gallery: object | None = None,
    ) -> None:
        self.settings, self.gallery = settings, gallery
        self._cache = SpeakerCache(settings.rule, settings.minimum_speaker, settings.points, settings.max_speakers)
        self._hearing = Hearing(settings, segmentation, embedder)
        self._step_samples = settings.step_frames * FRAME_SAMPLES
        # Chunks that are 10 s long start on a frame of the stream, so the steps are counted from the first such chunk.
        self._next = CHUNK_SAMPLES % self._step_samples
        while self._next < SHORTEST_CHUNK:
            self._next += self._step_samples
        self._stretches = np.zeros((0, 2), dtype=int)  # the recent points of the cache, in frames
        self._frontier = 0  # stretches that end before this frame have been remembered
        self._decided = 0  # frames before this one have been decided
        self._promised: list[tuple[int, int, int]] = []  # growing stretches that were emitted, with their label
        self._stranger: int | None = None  # label of somebody who was heard only while others spoke
        self._known: dict[tuple[int, int], np.ndarray] = {}  # embeddings of stretches that are still growing
        self._stretch_count = self._label_count = self._turn_count = 0
        self._open: dict[int, int] = {}  # first frame of the turn in which a label is
        self._names = Names(settings.name_after)
        self._history = History(settings.revise_seconds)
        self._finished = False

    # ------------------------------------------------------------ what a caller does

    def push(self, block: np.ndarray) -> list[StreamTurn]:
        """Hear more.

        Parameters
        ----------
        block : ndarray of float, shape (samples,)
            At 16 kHz, of any length.

        Returns
        -------
        list of StreamTurn
            Turns that became final, in the order of their ends.

        Raises
        ------
        AudioError
            When the block is not one channel of finite floats; nothing of it has been heard then.
        OptionError
            After :meth:`finish`.

        Chapter: streaming
        """
        if self._finished:
            raise OptionError("the stream is finished; make a new StreamingDiarizer")
        block = _checked(block, self.heard)
        turns: list[StreamTurn] = []
        while len(block):
            part, block = (
                block[: self._next - self._hearing.audio.heard],
                block[self._next - self._hearing.audio.heard :],
            )
            self._hearing.audio.append(part)
            if self._hearing.audio.heard == self._next:
                turns += self._step()
                self._next += self._step_samples
        return turns

    def finish(self) -> list[StreamTurn]:
        """Decide what is left, and end all turns.

        Chapter: streaming
        """
        if self._finished:
            return []
        turns = self._step(final=True) if self._hearing.audio.heard >= SHORTEST_CHUNK else []
        self._finished = True
        return turns

    def recognize(self, gallery: object) -> None:
        """Take another gallery, such as one with a newcomer, and compare those without a name with it at the next step.

        Parameters
        ----------
        gallery : object
            As for the class.

        Chapter: hybrid
        """
        self.gallery = gallery
        self._names.again()

    @property
    def heard(self) -> float:
        """Seconds of audio heard."""
        return self._hearing.audio.heard / SAMPLE_RATE

    @property
    def decided(self) -> float:
        """Seconds up to which it is decided who speaks."""
        return 0.0 if self._decided == 0 else min(self._time(self._decided), self.heard)

    @property
    def speaking(self) -> list[StreamTurn]:
        """Turns that have begun and not ended; their end is what is decided so far."""
        return [self._turn(label, first, self._decided) for label, first in sorted(self._open.items())]

    @property
    def speakers(self) -> list[CachedSpeaker]:
        """The speaker cache, one record for each label that is remembered."""
        records = []
        for label, (total, seconds) in self._cache.speakers().items():
            naming = self._names.get(label)
            records.append(CachedSpeaker(label_name(label), unit_length(total), seconds, naming.name, naming.score))
        return records

    @property
    def memory(self) -> dict[str, int]:
        """Sizes of everything that is kept: none grows with the length of the stream."""
        return {
            "audio_bytes": self._hearing.audio.nbytes,
            "chunks": len(self._hearing.chunks),
            "points": len(self._cache),
            "speakers": len(self._cache.speakers()),
            "growing": len(self._known),
            "open_turns": len(self._open),
            "names": len(self._names.of),
            "history": len(self._history),
            "bytes": self._hearing.nbytes + self._cache.nbytes + sum(v.nbytes for v in self._known.values()),
        }

    # ------------------------------------------------------------ one step

    def _step(self, final: bool = False) -> list[StreamTurn]:
        available = self._hearing.look(self._decided, final)
        if available <= 0:
            return []
        lag = (self._hearing.audio.heard - OFFSET_SAMPLES) / FRAME_SAMPLES
        until = available if final else int(lag) - self.settings.look_ahead_frames
        until = max(self._decided, min(until, available))
        scores, activity = self._hearing.window()
        base = self._hearing.chunks[0].first
        growing = self._remember(scores, activity, base, available, until, final)
        grouping = self._group(scores, activity, base, growing)
        emitted = self._decide(grouping, until) if until > self._decided else []
        emitted = self._numbered(emitted + self._end_turns(final))
        if self.gallery is not None:
            self._names.give(self.gallery, self._cache.speakers())
        if self.settings.revise:
            for turn in emitted:
                self._history.add(turn, -1)
            self._history.settle(self._spokesman)
        if self.settings.revise and (final or self._hearing.steps % REVISE_STEPS == 0):
            rows = {int(number): row for row, number in enumerate(self._cache.stretches)}
            now = {number: int(grouping.labels[grouping.groups[row]]) for number, row in rows.items()}
            emitted += self._history.corrections(self.heard, now, self._names)
        self._shrink()
        return emitted

    def _numbered(self, turns: list[StreamTurn]) -> list[StreamTurn]:
        """The turns of a step in the order of their ends, with running numbers."""
        ordered = sorted(turns, key=lambda turn: (turn.end, turn.start, turn.speaker))
        first, self._turn_count = self._turn_count, self._turn_count + len(turns)
        return [replace(turn, number=number) for number, turn in enumerate(ordered, first)]

    def _remember(
        self, scores: ChunkScores, activity: np.ndarray, base: int, available: int, until: int, final: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put stretches that are old enough into the cache; those that are growing, with their embeddings."""
        settings, frame_step = self.settings, FRAME_SAMPLES / SAMPLE_RATE
        guard = 0 if final else round(settings.guard / frame_step)
        longest = int(settings.longest / frame_step)
        limit = available - guard
        ready: list[tuple[int, int]] = []
        growing: list[tuple[int, int]] = []
        for start, end in lone_runs(scores, activity) + base:
            start = max(start, self._frontier)
            if start >= end:
                continue
            if end <= limit:
                ready += equal_parts(start, end, settings.longest, settings.shortest, frame_step)
                self._frontier = end
                continue
            while limit - start >= longest:
                ready.append((start, start + longest))
                start = self._frontier = start + longest
            growing += equal_parts(start, end, settings.longest, settings.shortest, frame_step)
        vectors = self._hearing.embed(ready)
        good = [row for row, vector in enumerate(vectors) if np.isfinite(vector).all()]
        if good:
            spans = np.array(ready)[good]
            numbers = self._stretch_count + np.arange(len(good))
            self._stretch_count += len(good)
            units = unit_length(np.stack(vectors)[good].astype(np.float64))
            self._cache.add(units, self._seconds(spans), numbers, self._promises(spans))
            self._stretches = np.concatenate([self._stretches, spans])
        return self._provisional([span for span in growing if span[0] < until + REACH_FRAMES])

    def _promises(self, spans: np.ndarray) -> np.ndarray:
        """Labels under which parts of these spans were emitted while they were growing."""
        labels = np.full(len(spans), UNDECIDED)
        for row, (first, last) in enumerate(spans):
            shared = [(min(last, b) - max(first, a), -label) for a, b, label in self._promised]
            if shared and max(shared)[0] > 0:
                labels[row] = -max(shared)[1]
        return labels

    def _provisional(self, spans: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of stretches that may still change; one that grew a little keeps its embedding."""
        used: dict[tuple[int, int], np.ndarray] = {}
        fresh = []
        for span in spans:
            known = next((old for old in self._known if self._grew_little(old, span)), None)
            if known is None:
                fresh.append(span)
            else:
                used[known] = self._known[known]
        used.update(zip(fresh, self._hearing.embed(fresh), strict=True))
        self._known = used
        rows = []
        for span in spans:
            known = span if span in used else next(old for old in used if self._grew_little(old, span))
            if np.isfinite(used[known]).all():
                rows.append((span, used[known]))
        if not rows:
            return np.zeros((0, 2), dtype=int), np.zeros((0, 1))
        return np.array([span for span, _ in rows]), unit_length(np.stack([v for _, v in rows]).astype(np.float64))

    @staticmethod
    def _grew_little(old: tuple[int, int], new: tuple[int, int]) -> bool:
        longer = (new[1] - new[0]) - (old[1] - old[0])
        return abs(old[0] - new[0]) <= 6 and -6 <= longer <= max(15, (old[1] - old[0]) // 2)

    def _seconds(self, spans: np.ndarray) -> np.ndarray:
        return np.diff(spans, axis=1)[:, 0] * FRAME_SAMPLES / SAMPLE_RATE

    def _group(
        self, scores: ChunkScores, activity: np.ndarray, base: int, growing: tuple[np.ndarray, np.ndarray]
    ) -> _Grouping:
        """Group the points of the cache and the growing stretches."""
        spans, units = growing
        stretches = np.concatenate([self._stretches, spans]).astype(int)
        count, recent = len(self._cache), len(self._stretches)
        rows = np.concatenate([np.arange(count - recent, count), count + np.arange(len(spans))]).astype(int)
        agreement = np.pad(self._cache.agreement, ((0, len(spans)),) * 2)
        evidence = np.pad(self._cache.evidence, ((0, len(spans)),) * 2)
        visible = np.flatnonzero(stretches[:, 0] >= base) if len(stretches) else np.zeros(0, int)
        if len(visible) > 1:
            links = stretch_links(scores, activity, stretches[visible] - base)
            place = np.ix_(rows[visible], rows[visible])
            agreement[place], evidence[place] = links.agreement.toarray(), links.evidence.toarray()
            self._cache.agreement, self._cache.evidence = agreement[:count, :count], evidence[:count, :count]
        seconds = self._seconds(spans)
        groups, labels = self._cache.cluster(units, seconds, self._promises(spans), agreement, evidence)
        parts = [part for part in (self._cache.sums, units * seconds[:, None]) if len(part)]
        return _Grouping(groups, labels, stretches, np.concatenate(parts) if parts else np.zeros((0, 1)))

    def _decide(self, grouping: _Grouping, until: int) -> list[StreamTurn]:
        """Say for the frames up to ``until`` who speaks; the turns that ended."""
        chosen, labels = self._speaking(grouping, until)
        heard = np.flatnonzero(chosen.any(axis=0))
        for group in sorted(heard, key=lambda group: (int(chosen[:, group].argmax()), group)):
            if labels[group] == UNDECIDED:
                labels[group] = self._new_label(stranger=group == len(labels) - 1)
        self._carry(grouping, labels, heard, until)
        turns: list[StreamTurn] = []
        by_label: dict[int, np.ndarray] = {}
        for group in heard:
            label = int(labels[group])
            by_label[label] = chosen[:, group] | by_label.get(label, False)
        for label in sorted(set(self._open) | set(by_label)):
            active = by_label.get(label, np.zeros(len(chosen), dtype=bool))
            edges = np.flatnonzero(np.diff(np.concatenate([[label in self._open], active]).astype(np.int8)))
            for edge in edges + self._decided:
                if label in self._open:
                    turns.append(self._turn(label, self._open.pop(label), int(edge)))
                else:
                    self._open[label] = int(edge)
        self._decided = until
        return turns

    def _carry(self, grouping: _Grouping, labels: np.ndarray, heard: np.ndarray, until: int) -> None:
        """Note under which label each stretch began to be emitted."""
        stretches, recent, own = grouping.stretches, grouping.recent, len(self._stretches)
        begun = stretches[:, 0] < until
        known = set(self._cache.labels.tolist()) | {label for *_, label in self._promised}
        for group in heard:
            # Somebody may have been heard over others before their first stretch: the label lives on in that one.
            mine = np.flatnonzero(recent == group)
            if len(mine) and labels[group] not in known and not begun[mine].any():
                begun[mine[0]] = True
        rows = np.arange(len(self._cache) - own, len(self._cache))
        fresh = begun[:own] & (self._cache.labels[rows] == UNDECIDED)
        self._cache.labels[rows[fresh]] = labels[recent[:own][fresh]]
        growing = [
            (int(stretches[row, 0]), int(stretches[row, 1]), int(labels[recent[row]]))
            for row in range(own, len(stretches))
            if begun[row]
        ]
        self._promised = [promise for promise in growing if promise[2] != UNDECIDED] + [
            (first, last, label)
            for first, last, label in self._promised
            if last > self._frontier and not any(first < end and last > start for start, end, _ in growing)
        ]

    def _speaking(self, grouping: _Grouping, until: int) -> tuple[np.ndarray, np.ndarray]:
        """Which groups speak in the frames up to ``until``, and the labels with one more group, for a stranger."""
        scores, activity = self._hearing.window(self._decided)
        base = self._hearing.seen - scores.frames
        stretches, recent = grouping.stretches, grouping.recent
        crowded, placed = self._place_crowded(scores, activity, grouping, base)
        labels = np.append(grouping.labels, UNDECIDED if self._stranger is None else self._stranger)
        if not len(stretches) and not len(crowded):
            return np.zeros((until - self._decided, len(labels)), dtype=bool), labels
        speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
        active = local_activations(scores, activity, stretches - base, recent, crowded, placed)
        chosen = choose_speakers(
            speech,
            overlap,
            active,
            scores.frame_step,
            speech_onset=self.settings.speech_onset,
            overlap_onset=self.settings.overlap_onset,
            smoothing=self.settings.smoothing,
        )[self._decided - base : until - base]
        return np.pad(chosen, ((0, 0), (0, len(labels) - chosen.shape[1]))), labels

    def _place_crowded(
        self, scores: ChunkScores, activity: np.ndarray, grouping: _Grouping, base: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Local speakers who hardly ever speak alone, as (chunk, local), and the group of each."""
        chunks = list(self._hearing.chunks)[-len(scores.posteriors) :]
        found = [(index, *item) for index, chunk in enumerate(chunks) for item in chunk.crowded]
        crowded = np.array([(index, local) for index, local, *_ in found], dtype=int).reshape(-1, 2)
        if not found or not len(grouping.groups):
            return crowded, np.zeros(len(found), dtype=int)
        count = int(grouping.groups.max()) + 1
        links = crowded_links(scores, activity, crowded, grouping.stretches - base)
        member = np.eye(count)[grouping.recent]
        agreement, evidence = links.agreement @ member, links.evidence @ member
        balance = (links.agreement + 0.2 * links.evidence).tocoo()
        against = balance.data < 0  # somebody else dominates that stretch in the chunk
        others = np.zeros((len(found), count))
        np.add.at(others, balance.row[against], member[balance.col[against]])
        centroids = np.zeros((count, grouping.sums.shape[1]))
        np.add.at(centroids, grouping.groups, grouping.sums)
        placed = assign_crowded(
            np.stack([vector for *_, vector, _ in found]),
            unit_length(centroids),
            agreement,
            evidence,
            others > 0,
            crowded[:, 0],
            np.array([seconds for *_, seconds in found]),
            self.settings.rule,
        )
        return crowded, placed

    def _new_label(self, stranger: bool) -> int:
        """The next number. Who was heard only while others spoke keeps their number when they first speak alone."""
        if not stranger and self._stranger is not None:
            label, self._stranger = self._stranger, None
            return label
        label, self._label_count = self._label_count, self._label_count + 1
        if stranger:
            self._stranger = label
        return label

    def _end_turns(self, final: bool) -> list[StreamTurn]:
        """End turns that are too long to wait for, and at the end of the stream all of them."""
        longest = self.settings.longest_turn * SAMPLE_RATE / FRAME_SAMPLES
        turns = []
        for label, first in list(self._open.items()):
            if self._decided - first >= longest or final:
                turns.append(self._turn(label, self._open.pop(label), self._decided))
                if not final:
                    self._open[label] = self._decided
        return turns

    def _time(self, frame: int) -> float:
        return (frame * FRAME_SAMPLES + OFFSET_SAMPLES) / SAMPLE_RATE

    def _turn(self, label: int, first: int, last: int) -> StreamTurn:
        """A turn that has no number yet."""
        named, end = self._names.get(label), min(self._time(last), self.heard)
        return StreamTurn(self._time(first), end, label_name(label), named.name, named.score, self.heard, number=-1)

    def _shrink(self) -> None:
        """Forget stretches that no chunk will see again; their points may be merged."""
        base = min(self._hearing.chunks[0].first, self._decided - CHUNK_SAMPLES // FRAME_SAMPLES)
        seen = self._stretches[:, 1] > base
        self._stretches = self._stretches[seen]
        moved = self._cache.shrink(len(self._cache) - int(seen.sum()))
        if self.settings.revise:
            self._history.follow(moved)
        remembered = set(np.unique(self._cache.labels).tolist()) | set(self._open)
        self._names.forget(remembered)

    def _spokesman(self, turn: StreamTurn) -> int:
        """Running number of the stretch that lies most within a turn, or -1."""
        if not len(self._stretches):
            return -1
        times = self._stretches * (FRAME_SAMPLES / SAMPLE_RATE) + OFFSET_SAMPLES / SAMPLE_RATE
        shared = np.minimum(times[:, 1], turn.end) - np.maximum(times[:, 0], turn.start)
        numbers = self._cache.stretches[len(self._cache) - len(self._stretches) :]
        mine = self._cache.labels[len(self._cache) - len(self._stretches) :] == int(turn.speaker.split("_")[1])
        shared = np.where(mine, shared, -1.0)
        return int(numbers[shared.argmax()]) if shared.max() > 0 else -1


def _checked(block: np.ndarray, heard: float) -> np.ndarray:
    block = np.asarray(block)
    if block.dtype.kind != "f":
        raise AudioError(f"stream: expected samples as floats within -1 to 1, got {block.dtype}; scale them")
    if block.ndim != 1:
        raise AudioError(f"stream: expected one channel of shape (samples,), got {block.shape}; average its channels")
    block = block.astype(np.float32, copy=False)
    if not np.isfinite(block).all():
        bad = heard + int(np.flatnonzero(~np.isfinite(block))[0]) / SAMPLE_RATE
        raise AudioError(f"stream: the sample at {bad:.3f} s is not a finite number; repair the source")
    return block


def stream(
    sound: np.ndarray | Iterable[np.ndarray],
    settings: StreamSettings = DEFAULT_SETTINGS,
    *,
    segmentation: SegmentationModel | None = None,
    embedder: Embedder | None = None,
    gallery: object | None = None,
) -> list[StreamTurn]:
    """Diarize a waveform, or blocks of one, as a stream would be: all turns in the order of their emission.

    Parameters
    ----------
    sound : ndarray of shape (samples,), or iterable of such
    settings : StreamSettings
    segmentation, embedder, gallery : optional
        See :class:`StreamingDiarizer`.

    Chapter: streaming
    """
    diarizer = StreamingDiarizer(settings, segmentation, embedder, gallery)
    turns: list[StreamTurn] = []
    for block in [sound] if isinstance(sound, np.ndarray) else sound:
        turns += diarizer.push(block)
    return turns + diarizer.finish()


def blocks(waveform: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Cut a waveform into blocks of ``size`` samples, as a microphone would deliver them.

    Chapter: streaming
    """
    for first in range(0, len(waveform), size):
        yield waveform[first : first + size]
