"""From frames to one vector a segment: whose voice a stretch of speech is.

``load_embedder("campplus")`` is what the other stages call. Importing this package imports no torch;
the networks do, on first use.

Chapter: embeddings
"""

from diarbook.embeddings.degrade import add_noise, band_limit, joined_speech
from diarbook.embeddings.embedder import Embedder, load_embedder
from diarbook.embeddings.similarity import cosine_similarity, unit_length
from diarbook.embeddings.trials import (
    Excerpt,
    Trials,
    embed_excerpts,
    single_speaker_excerpts,
    speaker_interval,
    trial_scores,
)

__all__ = [
    "Embedder",
    "Excerpt",
    "Trials",
    "add_noise",
    "band_limit",
    "cosine_similarity",
    "embed_excerpts",
    "joined_speech",
    "load_embedder",
    "single_speaker_excerpts",
    "speaker_interval",
    "trial_scores",
    "unit_length",
]
