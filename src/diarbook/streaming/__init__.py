"""Diarization of sound as it arrives: a causal, overlap-aware diarizer with bounded memory.

Chapter: streaming
"""

from __future__ import annotations

from diarbook.streaming.cache import SpeakerCache
from diarbook.streaming.diarizer import StreamingDiarizer
from diarbook.streaming.gallery import Gallery
from diarbook.streaming.incremental import incremental_clustering
from diarbook.streaming.live import blocks, stream
from diarbook.streaming.settings import StreamSettings
from diarbook.streaming.turn import CachedSpeaker, StreamTurn

__all__ = [
    "CachedSpeaker",
    "Gallery",
    "SpeakerCache",
    "StreamSettings",
    "StreamTurn",
    "StreamingDiarizer",
    "blocks",
    "incremental_clustering",
    "stream",
]
