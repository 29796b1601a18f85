"""Names for the speakers of a conversation, from a store of voiceprints.

Chapter: identification
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from diarbook.turns import Turn
from diarbook.voiceprints.matching import name_speakers
from diarbook.voiceprints.store import VoiceprintStore

if TYPE_CHECKING:
    from diarbook.embeddings.embedder import Embedder


def identify(
    waveform: np.ndarray,
    turns: Sequence[Turn],
    store: VoiceprintStore | str | os.PathLike[str],
    *,
    threshold: float | None = None,
    embedder: Embedder | None = None,
) -> list[Turn]:
    """Who spoke when, by name: turns of known speakers get the names of a store, the others keep their labels.

    :func:`~diarbook.voiceprints.matching.name_speakers` also says what was compared.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        At 16 kHz.
    turns : sequence of Turn
        Who spoke when, such as :func:`~diarbook.pipelines.diarize.diarize` returns.
    store : VoiceprintStore or path
    threshold : float, optional
        Cosine from which a name is given; by default that of a search among so many people.
    embedder : Embedder, optional
        CAM++ by default; its model must be the store's.

    Returns
    -------
    list of Turn

    Raises
    ------
    VoiceprintError
        When there is no such store, or it is of another model.
    OptionError
        When the threshold is no cosine.

    Chapter: identification
    """
    opened = nullcontext(store) if isinstance(store, VoiceprintStore) else VoiceprintStore(store, readonly=True)
    with opened as people:
        return name_speakers(waveform, turns, people, threshold=threshold, embedder=embedder)[0]
