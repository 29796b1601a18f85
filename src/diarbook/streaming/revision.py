"""Corrections of turns that were emitted, for those who ask for them.

Chapter: streaming
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from diarbook.streaming.cache import UNDECIDED
from diarbook.streaming.naming import Names
from diarbook.streaming.turn import StreamTurn, label_name


class History:
    """The turns of the last minutes, each with the stretch of speech whose speaker is the turn's.

    Parameters
    ----------
    seconds : float
        How far back a turn can be corrected.

    Chapter: streaming
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._turns: deque[tuple[StreamTurn, int]] = deque()
        self._moved: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._turns) + len(self._moved)

    def add(self, turn: StreamTurn, stretch: int) -> None:
        """Remember a turn; ``stretch`` is a running number, or -1 when no stretch speaks for it.

        Chapter: streaming
        """
        self._turns.append((turn, stretch))

    def settle(self, stretch_of: Callable[[StreamTurn], int]) -> None:
        """Find the stretch of turns that had none when they were emitted, since it was not remembered yet.

        Chapter: streaming
        """
        for index, (turn, number) in enumerate(self._turns):
            if number < 0:
                self._turns[index] = (turn, stretch_of(turn))

    def follow(self, moved: Mapping[int, int]) -> None:
        """Note that stretches were merged into later ones.

        Chapter: streaming
        """
        numbers = [number for _, number in self._turns if number >= 0]
        oldest = min(numbers) if numbers else None
        joined = {**self._moved, **moved}
        self._moved = {} if oldest is None else {other: last for other, last in joined.items() if other >= oldest}

    def corrections(self, heard: float, label_of: Mapping[int, int], names: Names) -> list[StreamTurn]:
        """Turns whose stretch belongs to another speaker by now, or whose speaker has got a name since.

        Parameters
        ----------
        heard : float
            Seconds of audio heard.
        label_of : mapping of int to int
            The label now, or ``UNDECIDED``, of each stretch by its running number.
        names : Names

        Chapter: streaming
        """
        while self._turns and self._turns[0][0].end < heard - self.seconds:
            self._turns.popleft()
        revised = []
        for index, (turn, number) in enumerate(self._turns):
            while number in self._moved:
                number = self._moved[number]
            label = label_of.get(number, UNDECIDED)
            naming = names.get(label)
            if label != UNDECIDED and (label_name(label), naming.name) != (turn.speaker, turn.name):
                turn = replace(
                    turn,
                    speaker=label_name(label),
                    speaker_number=label,
                    name=naming.name,
                    score=naming.score,
                    emitted=heard,
                    revision=turn.revision + 1,
                )
                revised.append(turn)
            self._turns[index] = (turn, number)
        return revised
