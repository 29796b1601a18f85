"""A whole recording through a live diarizer.

Chapter: streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from diarbook.streaming.diarizer import StreamingDiarizer
from diarbook.streaming.settings import DEFAULT_SETTINGS, StreamSettings
from diarbook.streaming.turn import StreamTurn

if TYPE_CHECKING:
    from diarbook.segmentation.model import SegmentationModel
    from diarbook.streaming.engine import StreamEmbedder


def stream(
    sound: np.ndarray | Iterable[np.ndarray],
    settings: StreamSettings = DEFAULT_SETTINGS,
    *,
    segmentation: SegmentationModel | None = None,
    embedder: StreamEmbedder | None = None,
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

    Examples
    --------
    >>> [len(block) for block in blocks(np.zeros(10), 4)]
    [4, 4, 2]

    Chapter: streaming
    """
    for first in range(0, len(waveform), size):
        yield waveform[first : first + size]
