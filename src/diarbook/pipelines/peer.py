"""pyannote.audio's own pipeline on the same two networks.

Chapter: start
"""

from __future__ import annotations

import functools

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform
from diarbook.pipelines.options import ANY_NUMBER, Progress, SpeakerBounds, is_silent, weighted
from diarbook.turns import (
    Turn,
    crop,
    from_annotation,
    label_by_appearance,
    merge,
)

# What each of its steps costs of all the work, by the names that it reports.
SHARES = {"segmentation": 0.2, "speaker_counting": 0.01, "embeddings": 0.78, "discrete_diarization": 0.01}

PEER_THRESHOLD = 0.6
"""The best of 0.4 to 1.0 on eight conversations of the development set; on the training clips 0.9 is."""


class _PeerEmbedding:
    """CAM++ behind the interface that pyannote.audio's pipeline expects of an embedding."""

    def __init__(self) -> None:
        from diarbook.embeddings import load_embedder

        self._embedder = load_embedder("campplus")
        self.sample_rate = SAMPLE_RATE
        self.dimension = self._embedder.dimension
        self.metric = "cosine"
        self.min_num_samples = round(0.25 * SAMPLE_RATE) + 400

    def __call__(self, waveforms, masks):
        result = np.full((len(waveforms), self.dimension), np.nan, dtype=np.float32)
        for row, (waveform, mask) in enumerate(zip(waveforms[:, 0].numpy(), masks.numpy(), strict=True)):
            features = self._embedder.features(waveform)
            selected = features[mask[np.arange(len(features)) * len(mask) // len(features)] > 0.5]
            if len(selected) >= 25:
                result[row] = self._embedder.embed_features([selected])[0]
        return result


def pyannote_peer(
    waveform: np.ndarray,
    *,
    threshold: float = PEER_THRESHOLD,
    minimum_cluster_size: int = 12,
    bounds: SpeakerBounds = ANY_NUMBER,
    progress: Progress | None = None,
    kept: dict | None = None,
) -> list[Turn]:
    """pyannote.audio's own SpeakerDiarization pipeline on the same two networks, assembled offline.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    threshold : float
        Euclidean distance of unit-length centroids at which its agglomerative clustering stops; by default
        :data:`PEER_THRESHOLD`.
    minimum_cluster_size : int
        Embeddings in a cluster that counts.
    bounds : SpeakerBounds
    progress : callable, optional
        Called with a stage's name and the share of all work done, 0 to 1.
    kept : dict, optional
        Holds what the networks say of this waveform after the first call, and spares them in the next, which may
        have another threshold.

    References
    ----------
    bredin2023pyannote

    Chapter: start
    """
    import torch

    waveform = check_waveform(waveform)
    report = weighted(progress, SHARES)
    if is_silent(waveform):
        return []
    pipeline = _peer_pipeline()
    pipeline.instantiate(
        {
            "segmentation": {"min_duration_off": 0.0},
            "clustering": {
                "method": "centroid",
                "min_cluster_size": minimum_cluster_size,
                "threshold": threshold,
            },
        }
    )

    def hook(step: str, _artifact: object, total: int | None = None, completed: int | None = None, **_: object) -> None:
        if step in SHARES:
            report(step, 1.0 if not total else min(1.0, (completed or 0) / total))

    file = {"waveform": torch.from_numpy(waveform)[None], "sample_rate": SAMPLE_RATE, "uri": "waveform"}
    pipeline.training = kept is not None  # then it remembers in the file what it computes
    if kept is not None:
        kept.update(file)
        file = kept
    output = pipeline.apply(file, min_speakers=bounds.least, max_speakers=bounds.most, hook=hook)
    turns = crop(from_annotation(output.speaker_diarization), 0.0, len(waveform) / SAMPLE_RATE)
    return label_by_appearance(merge(turns))


@functools.lru_cache(maxsize=1)
def _peer_pipeline():
    """The pipeline object, with our CAM++ in place of an embedding that it would download."""
    from diarbook.assets import weights_path
    from diarbook.segmentation.peer import no_decoder_warning

    with no_decoder_warning():
        from pyannote.audio import Audio, Model
        from pyannote.audio.core.plda import PLDA
        from pyannote.audio.pipelines import SpeakerDiarization
        from pyannote.audio.pipelines.clustering import Clustering

    pipeline = SpeakerDiarization(
        segmentation=Model.from_pretrained(str(weights_path("segmentation-3.0"))),
        clustering="OracleClustering",  # the one that loads no embedding
        embedding_exclude_overlap=True,
        plda=object.__new__(PLDA),  # unused by agglomerative clustering; it would be downloaded
        segmentation_batch_size=32,
        embedding_batch_size=32,
    )
    pipeline._embedding = _PeerEmbedding()
    pipeline._audio = Audio(sample_rate=SAMPLE_RATE, mono="downmix")
    pipeline.klustering = "AgglomerativeClustering"
    pipeline.clustering = Clustering["AgglomerativeClustering"].value(metric="cosine")
    pipeline._expects_num_speakers = False
    return pipeline
