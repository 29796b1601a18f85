"""From frames to one vector a segment: networks that say whose voice a stretch of speech is.

``load_embedder("campplus")`` is what the other stages call. Importing this package imports no torch;
the networks do, on first use.

Chapter: embeddings
"""

from __future__ import annotations

import importlib

_HOME = {
    "Embedder": "embedder",
    "load_embedder": "embedder",
    "cosine_similarity": "similarity",
    "unit_length": "similarity",
    "add_noise": "degrade",
    "band_limit": "degrade",
    "joined_speech": "degrade",
    "Chunk": "trials",
    "Trials": "trials",
    "embed_chunks": "trials",
    "single_speaker_chunks": "trials",
    "single_speaker_turns": "trials",
    "speaker_interval": "trials",
    "trial_scores": "trials",
    "length_mask": "pooling",
    "mean_pooling": "pooling",
    "statistics_pooling": "pooling",
    "AttentiveStatisticsPooling": "pooling",
    "parameter_count": "structure",
    "receptive_field": "structure",
    "measured_receptive_field": "structure",
    "XVector": "xvector",
    "EcapaTdnn": "ecapa",
    "ResNetEmbedding": "resnet",
    "CamPlusPlus": "campplus",
    "Ge2eEncoder": "ge2e",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
