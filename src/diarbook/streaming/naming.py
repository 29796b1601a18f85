"""Who of a stream's speakers has a name.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from diarbook.embeddings.similarity import unit_length
from diarbook.streaming.gallery import assign_from


@dataclass(slots=True)
class Naming:
    """A label's name, and the seconds of speech at which it is next compared with the gallery.

    Chapter: streaming
    """

    next_at: float = 0.0
    name: str | None = None
    score: float = float("nan")


@dataclass(slots=True)
class Names:
    """Names that were given; none is taken back, and none is given twice.

    Parameters
    ----------
    after : float
        Seconds of speech alone after which a speaker is compared.

    Chapter: streaming
    """

    after: float
    of: dict[int, Naming] = field(default_factory=dict)

    def get(self, label: int) -> Naming:
        """What is known of a label.

        Chapter: streaming
        """
        return self.of.get(label, Naming())

    def give(self, gallery: object, speakers: Mapping[int, tuple[np.ndarray, float]]) -> None:
        """Compare speakers who have said enough, and have no name yet, with the gallery.

        Parameters
        ----------
        gallery : object
            With ``best(vector) -> (name, score) | None``.
        speakers : mapping of int to (ndarray of shape (d,), float)
            Direction and seconds of each label.

        Chapter: streaming
        """
        waiting = []
        for label, (total, seconds) in speakers.items():
            naming = self.of.setdefault(label, Naming(self.after))
            if naming.name is None and seconds >= naming.next_at:
                waiting.append((label, unit_length(total)))
                while naming.next_at <= seconds:
                    naming.next_at *= 2
        if not waiting:
            return
        taken = {naming.name for naming in self.of.values() if naming.name is not None}
        matches = assign_from(gallery, np.stack([vector for _, vector in waiting]), taken)
        for (label, _), match in zip(waiting, matches, strict=True):
            if match is not None:
                self.of[label].name, self.of[label].score = match

    def again(self) -> None:
        """Compare those without a name anew, because the gallery is another one.

        Chapter: streaming
        """
        for naming in self.of.values():
            if naming.name is None:
                naming.next_at = self.after

    def forget(self, remembered: set[int]) -> None:
        """Keep only these labels.

        Chapter: streaming
        """
        self.of = {label: naming for label, naming in self.of.items() if label in remembered}
