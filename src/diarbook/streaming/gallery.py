"""Names for the speakers of a stream.

Chapter: streaming
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diarbook.embeddings.similarity import unit_length
from diarbook.errors import OptionError, VoiceprintError
from diarbook.voiceprints.voice import model_identity
from diarbook.voiceprints.matching import CALIBRATION, THRESHOLD, assign_names

if TYPE_CHECKING:
    from diarbook.voiceprints.store import VoiceprintStore


@dataclass(frozen=True, slots=True)
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

    Raises
    ------
    OptionError
        When there are not as many vectors as names.

    Chapter: streaming
    """

    names: tuple[str, ...]
    vectors: np.ndarray
    threshold: float = THRESHOLD
    model: str = "campplus"
    model_version: str = ""
    calibration: str = CALIBRATION

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.names):
            raise OptionError(f"gallery: {len(self.names)} names, but vectors of shape {self.vectors.shape}")

    @classmethod
    def of(cls, store: VoiceprintStore, threshold: float = THRESHOLD, model: str = "campplus") -> Gallery:
        """The voiceprints of a store as they are now; what is enrolled later is not seen.

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
                f" {mine[1]}; enrol again with that model"
            )
        names, matrix = store.matrix()
        vectors = np.array(matrix, dtype=np.float64) if names else np.zeros((0, 1))
        return cls(tuple(names), vectors, threshold, *mine)

    def best(self, vector: np.ndarray) -> tuple[str, float] | None:
        """The most similar voiceprint and its cosine, or None when it is below the threshold.

        Chapter: streaming
        """
        if not self.names:
            return None
        scores = self.vectors @ unit_length(np.asarray(vector, dtype=np.float64))
        index = int(scores.argmax())
        return (self.names[index], float(scores[index])) if scores[index] >= self.threshold else None

    def assign(self, vectors: np.ndarray, taken: set[str]) -> list[tuple[str, float] | None]:
        """Names for several speakers at once, each name for one of them at most, and none that is taken.

        Chapter: streaming
        """
        free = [index for index, name in enumerate(self.names) if name not in taken]
        if not free or not len(vectors):
            return [None] * len(vectors)
        scores = unit_length(np.asarray(vectors, dtype=np.float64)) @ self.vectors[free].T
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
    found = [gallery.best(vector) for vector in vectors]
    result: list[tuple[str, float] | None] = [None] * len(found)
    taken = set(taken)
    for row in sorted((r for r, match in enumerate(found) if match), key=lambda r: -found[r][1]):
        if found[row][0] not in taken:
            taken.add(found[row][0])
            result[row] = found[row]
    return result
