"""Names for the speakers of a stream.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from diarbook.embeddings.embedder import model_identity
from diarbook.embeddings.similarity import unit_length
from diarbook.errors import OptionError, VoiceprintError
from diarbook.voiceprints.matching import CALIBRATION, assign_names
from diarbook.voiceprints.thresholds import THRESHOLD, check_threshold
from diarbook.voiceprints.voiceprint import now

if TYPE_CHECKING:
    from diarbook.voiceprints.store import VoiceprintStore


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Voiceprints as one matrix, with the threshold from which a name is given.

    Parameters
    ----------
    names : tuple of str
    vectors : ndarray of shape (n, d)
        Of unit length.
    threshold : float
        Cosine.
    model, model_version, calibration : str
        What the scores belong to.
    ends : mapping of str to datetime
        When consents end, of those that do: from then on the name is not given any more.

    Raises
    ------
    OptionError
        When there are not as many vectors as names, or the threshold is no cosine.

    Chapter: streaming
    """

    names: tuple[str, ...]
    vectors: np.ndarray
    threshold: float = THRESHOLD
    model: str = "campplus"
    model_version: str = ""
    calibration: str = CALIBRATION
    ends: Mapping[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_threshold(self.threshold)
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.names):
            raise OptionError(f"gallery: {len(self.names)} names, but vectors of shape {self.vectors.shape}")

    @classmethod
    def of(cls, store: VoiceprintStore, threshold: float | None = None, model: str = "campplus") -> Gallery:
        """The voiceprints of a store whose consent holds now; what is enrolled later is not seen.

        Without a threshold it is that of a search among so many people.

        Raises
        ------
        VoiceprintError
            When the store is of another model.

        Chapter: streaming
        """
        mine = model_identity(model)
        identity = store.identity
        if identity is not None and identity[:2] != mine:
            raise VoiceprintError(
                f"{store.path}: holds voiceprints of {identity[0]} {identity[1]}, the stream is embedded by {mine[0]}"
                f" {mine[1]}; enroll again with that model"
            )
        names, matrix = store.matrix()
        vectors = np.array(matrix, dtype=np.float64) if names else np.zeros((0, 1))
        return cls(tuple(names), vectors, check_threshold(threshold, len(names)), *mine, ends=store.ends())

    def _free(self, taken: Collection[str] = ()) -> np.ndarray:
        """Rows whose name is not taken and whose consent holds."""
        moment = now()
        return np.array(
            [
                row
                for row, name in enumerate(self.names)
                if name not in taken and not (name in self.ends and self.ends[name] <= moment)
            ],
            dtype=int,
        )

    def _scores(self, vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Cosines; rounding can go beyond 1."""
        return np.clip(unit_length(np.asarray(vectors, dtype=np.float64)) @ self.vectors[rows].T, -1.0, 1.0)

    def best(self, vector: np.ndarray) -> tuple[str, float] | None:
        """The most similar voiceprint and its cosine, or None when it is below the threshold.

        Chapter: streaming
        """
        rows = self._free()
        if not len(rows):
            return None
        scores = self._scores(vector, rows)
        index = int(scores.argmax())
        return (self.names[rows[index]], float(scores[index])) if scores[index] >= self.threshold else None

    def assign(self, vectors: np.ndarray, taken: set[str]) -> list[tuple[str, float] | None]:
        """Names for several speakers at once, each name for one of them at most, and none that is taken.

        Chapter: streaming
        """
        free = self._free(taken)
        if not len(free) or not len(vectors):
            return [None] * len(vectors)
        scores = self._scores(vectors, free)
        chosen = assign_names(scores, self.threshold)
        return [
            None if column < 0 else (self.names[free[column]], float(row[column]))
            for column, row in zip(chosen, scores, strict=True)
        ]


def assign_from(gallery: object, vectors: np.ndarray, taken: set[str]) -> list[tuple[str, float] | None]:
    """The same for anything with ``best``: the surest speaker takes the name.

    Parameters
    ----------
    gallery : object
        With ``best(vector) -> (name, score) | None``, or with ``assign`` as :class:`Gallery` has it.
    vectors : ndarray of shape (n, d)
    taken : set of str

    Chapter: streaming
    """
    if hasattr(gallery, "assign"):
        return gallery.assign(vectors, taken)
    matches = [gallery.best(vector) for vector in vectors]
    result: list[tuple[str, float] | None] = [None] * len(matches)
    taken = set(taken)
    for row in sorted((r for r, match in enumerate(matches) if match), key=lambda r: -matches[r][1]):
        if matches[row][0] not in taken:
            taken.add(matches[row][0])
            result[row] = matches[row]
    return result
