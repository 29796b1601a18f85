"""What leaves a live diarizer: turns as they end, their numbers and names, and corrections where they are wanted.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.streaming.cache import UNDECIDED
from diarbook.streaming.naming import Names
from diarbook.streaming.recent import FRAME_SECONDS, frame_time
from diarbook.streaming.revision import History
from diarbook.streaming.settings import StreamSettings
from diarbook.streaming.turn import StreamTurn, label_name


class Emitter:
    """Turns that are open, and the numbers and names of those that are not.

    Parameters
    ----------
    settings : StreamSettings

    Chapter: streaming
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._longest = settings.longest_turn / FRAME_SECONDS
        self._open: dict[int, int] = {}  # first frame of the turn in which a label is
        self._count = 0
        self._names = Names(settings.name_after)
        self._history = History(settings.revise_seconds) if settings.revise else None

    def emit(
        self, chosen: np.ndarray, labels: np.ndarray, first: int, heard: int, final: bool = False
    ) -> list[StreamTurn]:
        """Turns that ended in the frames that were decided, those that are too long to wait for, and at last all.

        Parameters
        ----------
        chosen : ndarray of bool, shape (frames, groups)
            Which groups speak.
        labels : ndarray of int, shape (groups,)
            ``UNDECIDED`` for one that does not.
        first : int
            The first of the frames.
        heard : int
            Samples heard.
        final : bool
            No more frames will come.

        Returns
        -------
        list of StreamTurn
            In the order of their ends, with running numbers.

        Chapter: streaming
        """
        until = first + len(chosen)
        active = {int(label): chosen[:, labels == label].any(axis=1) for label in labels if label != UNDECIDED}
        turns: list[StreamTurn] = []
        for label in sorted({*self._open, *active}):
            speaking = active.get(label, np.zeros(len(chosen), dtype=bool))
            edges = np.flatnonzero(np.diff(np.concatenate([[label in self._open], speaking]).astype(np.int8)))
            for edge in edges + first:
                if label in self._open:
                    turns.append(self._turn(label, self._open.pop(label), int(edge), heard))
                else:
                    self._open[label] = int(edge)
        for label, start in list(self._open.items()):
            if until - start >= self._longest or final:
                turns.append(self._turn(label, self._open.pop(label), until, heard))
                if not final:
                    self._open[label] = until
        return self._numbered(turns)

    def _turn(self, label: int, first: int, last: int, heard: int) -> StreamTurn:
        """A turn that has no number yet."""
        named, now = self._names.get(label), heard / SAMPLE_RATE
        end = min(frame_time(last), now)
        return StreamTurn(frame_time(first), end, label_name(label), label, named.name, named.score, now, number=-1)

    def _numbered(self, turns: list[StreamTurn]) -> list[StreamTurn]:
        ordered = sorted(turns, key=lambda turn: (turn.end, turn.start, turn.speaker))
        first, self._count = self._count, self._count + len(turns)
        return [replace(turn, number=number) for number, turn in enumerate(ordered, first)]

    def speaking(self, decided: int, heard: int) -> list[StreamTurn]:
        """Turns that have begun and not ended, up to the frame before which all is decided; they have no number.

        Chapter: streaming
        """
        return [self._turn(label, first, decided, heard) for label, first in sorted(self._open.items())]

    # ------------------------------------------------------------ names and corrections

    def name(self, gallery: object, speakers: Mapping[int, tuple[np.ndarray, float]]) -> None:
        """Give names to those who have said enough, for turns from now on.

        Parameters
        ----------
        gallery : object
            With ``best(vector) -> (name, score) | None``.
        speakers : mapping of int to (ndarray of shape (d,), float)
            Direction and seconds of each label.

        Chapter: streaming
        """
        self._names.give(gallery, speakers)

    def name_again(self) -> None:
        """Compare those without a name anew, because the gallery is another one.

        Chapter: hybrid
        """
        self._names.again()

    def name_of(self, label: int) -> tuple[str | None, float]:
        """Name of a label, and the score on which it rests; None and NaN without one.

        Chapter: streaming
        """
        naming = self._names.get(label)
        return naming.name, naming.score

    def remember(self, turns: Iterable[StreamTurn], representative: Callable[[StreamTurn], int]) -> None:
        """Note emitted turns with the stretch that represents each, where turns may be corrected.

        Parameters
        ----------
        turns : iterable of StreamTurn
        representative : callable
            Gives the running number of a turn's stretch, or -1 while none is remembered.

        Chapter: streaming
        """
        if self._history is not None:
            for turn in turns:
                self._history.add(turn, -1)
            self._history.settle(representative)

    def corrections(self, labels: Mapping[int, int], heard: int) -> list[StreamTurn]:
        """Turns whose speaker is another one by now, or has got a name since.

        Parameters
        ----------
        labels : mapping of int to int
            The label now, or ``UNDECIDED``, of each stretch by its running number.
        heard : int
            Samples heard.

        Chapter: streaming
        """
        return [] if self._history is None else self._history.corrections(heard / SAMPLE_RATE, labels, self._names)

    def forget(self, moved: Mapping[int, int], remembered: Iterable[int]) -> None:
        """Follow stretches that were merged into later ones, and drop names of speakers who are remembered no more.

        Chapter: streaming
        """
        if self._history is not None:
            self._history.follow(moved)
        self._names.forget({*remembered, *self._open})

    @property
    def sizes(self) -> dict[str, int]:
        """Open turns, labels with a name or waiting for one, and turns that may be corrected."""
        history = 0 if self._history is None else len(self._history)
        return {"open_turns": len(self._open), "names": len(self._names.of), "history": history}
