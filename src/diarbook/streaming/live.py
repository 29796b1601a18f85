"""Turns of a recording, or of sound that is still arriving, one after the other.

Chapter: streaming
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from diarbook.errors import DiarbookError
from diarbook.streaming.diarizer import StreamingDiarizer
from diarbook.streaming.settings import DEFAULT_SETTINGS, StreamSettings
from diarbook.streaming.sources import file_blocks
from diarbook.streaming.turn import StreamTurn

if TYPE_CHECKING:
    from diarbook.segmentation.model import SegmentationModel
    from diarbook.streaming.engine import StreamEmbedder


def stream_turns(
    source: str | os.PathLike[str] | np.ndarray | Iterable[np.ndarray],
    settings: StreamSettings = DEFAULT_SETTINGS,
    *,
    segmentation: SegmentationModel | None = None,
    embedder: StreamEmbedder | None = None,
    gallery: object | None = None,
) -> Iterator[StreamTurn]:
    """Diarize sound as it arrives: each turn is handed out when it ends, and is final.

    It is called ``diarbook.stream`` in the root package.

    Parameters
    ----------
    source : path, ndarray of shape (samples,), or iterable of such
        An audio file, a waveform at 16 kHz, or blocks of one, of any length, as a microphone delivers them.
    settings : StreamSettings
        Latency and the like.
    segmentation, embedder, gallery : optional
        See :class:`~diarbook.streaming.diarizer.StreamingDiarizer`.

    Yields
    ------
    StreamTurn
        In the order in which they end; with ``settings.revise`` also corrections of earlier ones.

    Raises
    ------
    DiarbookError
        When the sound becomes unreadable, after the turns of what was heard before.

    References
    ----------
    coria2021diart

    Chapter: streaming
    """
    if isinstance(source, str | os.PathLike):
        source = file_blocks(source)
    diarizer = StreamingDiarizer(settings, segmentation, embedder, gallery)
    try:
        for block in [source] if isinstance(source, np.ndarray) else source:
            yield from diarizer.push(block)
    except DiarbookError:
        yield from diarizer.finish()
        raise
    yield from diarizer.finish()


def stream(
    source: str | os.PathLike[str] | np.ndarray | Iterable[np.ndarray],
    settings: StreamSettings = DEFAULT_SETTINGS,
    *,
    segmentation: SegmentationModel | None = None,
    embedder: StreamEmbedder | None = None,
    gallery: object | None = None,
) -> list[StreamTurn]:
    """All turns of :func:`stream_turns`, in the order of their emission, once the sound is over.

    Chapter: streaming
    """
    networks = {"segmentation": segmentation, "embedder": embedder}
    return list(stream_turns(source, settings, gallery=gallery, **networks))


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
