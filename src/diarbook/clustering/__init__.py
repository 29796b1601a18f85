"""Clustering: how many people, and which stretch is whose?

Every clusterer is a function ``(embeddings (n, d), …) -> labels (n,)``, numbered by first appearance.

Chapter: clustering
"""

from diarbook.clustering.agglomerative import agglomerative, bic_merges, cut_tree, merge_tree
from diarbook.clustering.counting import estimate_speakers, silhouette
from diarbook.clustering.kmeans import k_means
from diarbook.clustering.mixture import gaussian_mixture
from diarbook.clustering.spectral import spectral

__all__ = [
    "agglomerative",
    "bic_merges",
    "cut_tree",
    "estimate_speakers",
    "gaussian_mixture",
    "k_means",
    "merge_tree",
    "silhouette",
    "spectral",
]
