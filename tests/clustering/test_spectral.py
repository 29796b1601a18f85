import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score
from spectralcluster import EigenGapType, RefinementName, RefinementOptions, SpectralClusterer
from spectralcluster import refinement as peer
from spectralcluster.utils import compute_affinity_matrix, compute_number_of_clusters, compute_sorted_eigenvectors

from diarbook.clustering import spectral
from diarbook.clustering.spectral import (
    affinity_matrix,
    crop_diagonal,
    diffuse,
    eigengap_ratio,
    gaussian_blur,
    nearest_neighbor_graph,
    nme_spectrum,
    normalize_rows,
    normalized_spectrum,
    refine,
    refined_spectrum,
    symmetrize,
    threshold_rows,
)
from diarbook.errors import OptionError


def conversation(seed=0, speakers=3, turns=9, length=8, noise=0.15, d=16):
    rng = np.random.default_rng(seed)
    order = np.concatenate([np.arange(speakers), rng.integers(0, speakers, turns - speakers)])
    truth = np.repeat(order, length)
    return np.eye(d)[truth] + noise * rng.normal(size=(len(truth), d)), truth


def test_affinity_and_refinement_equal_spectralcluster():
    points, _ = conversation()
    ours, theirs = affinity_matrix(points), compute_affinity_matrix(points)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    for mine, other in (
        (crop_diagonal, peer.CropDiagonal()),
        (gaussian_blur, peer.GaussianBlur(1)),
        (threshold_rows, peer.RowWiseThreshold(0.95, 0.01)),
        (symmetrize, peer.Symmetrize()),
        (diffuse, peer.Diffuse()),
        (normalize_rows, peer.RowWiseNormalize()),
    ):
        ours, theirs = mine(ours), other.refine(theirs)
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
    np.testing.assert_allclose(refine(affinity_matrix(points)), theirs, atol=1e-10)


def test_refinement_by_hand():
    affinity = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    np.testing.assert_allclose(np.diag(crop_diagonal(affinity)), [0.9, 0.9, 0.2])
    np.testing.assert_allclose(threshold_rows(affinity, 0.5, 0.01)[0], [1, 0.9, 0.001])
    np.testing.assert_allclose(symmetrize(np.array([[1, 2.0], [5, 1]])), [[1, 5], [5, 1]])
    np.testing.assert_allclose(normalize_rows(np.array([[1, 2.0], [5, 1]])), [[0.5, 1], [1, 0.2]])
    np.testing.assert_allclose(nearest_neighbor_graph(affinity, 2), [[1, 1, 0], [1, 1, 0.5], [0, 0.5, 1]])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_eigengap_and_labels_equal_spectralcluster(seed, speakers):
    points, truth = conversation(seed, speakers)
    sequence = [
        RefinementName.CropDiagonal,
        RefinementName.GaussianBlur,
        RefinementName.RowWiseThreshold,
        RefinementName.Symmetrize,
        RefinementName.Diffuse,
        RefinementName.RowWiseNormalize,
    ]
    options = RefinementOptions(refinement_sequence=sequence)
    values, _ = compute_sorted_eigenvectors(refine(affinity_matrix(points)))
    expected, gap = compute_number_of_clusters(values, max_clusters=7, eigengap_type=EigenGapType.Ratio)
    found = refined_spectrum(affinity_matrix(points), 1, 7)
    np.testing.assert_allclose(found.eigenvalues[:4], values[:4], atol=1e-8)
    assert found.clusters == expected
    assert found.gap == pytest.approx(gap, rel=1e-4)
    theirs = SpectralClusterer(max_clusters=7, refinement_options=options).predict(points)
    ours = spectral(points, method="refined", maximum_speakers=7)
    assert adjusted_rand_score(ours, theirs) == 1 or adjusted_rand_score(truth, ours) >= adjusted_rand_score(
        truth, theirs
    )


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_normalized_laplacian_equals_scikit_learn(seed, speakers):
    points, truth = conversation(seed, speakers)
    theirs = SpectralClustering(speakers, affinity="precomputed", random_state=0).fit_predict(
        affinity_matrix(points) ** 8
    )
    from sklearn.manifold import spectral_embedding

    graph = affinity_matrix(points) ** 8
    expected = spectral_embedding(graph, n_components=speakers, drop_first=False, random_state=0)
    found = normalized_spectrum(graph, speakers, speakers).vectors[:, :speakers]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)
    assert adjusted_rand_score(theirs, truth) == pytest.approx(
        adjusted_rand_score(spectral(points, speakers, method="normalized"), truth), abs=0.15
    )


@pytest.mark.parametrize("method", ["nme", "refined"])
@pytest.mark.parametrize("speakers", [2, 3, 5])
def test_counts_and_separates(method, speakers):
    points, truth = conversation(1, speakers, turns=15)
    assert spectral(points, method=method).tolist() == truth.tolist()
    assert spectral(points, speakers, method=method).tolist() == truth.tolist()


def test_nme_measures_by_hand():
    """Two pairs of twins, one neighbor each beside itself: two parts with Laplacian eigenvalues 0, 0, 2, 2."""
    similarity = np.array([[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 1, 0.9], [0, 0, 0.9, 1.0]])
    found = nme_spectrum(similarity, 1, 3, largest_share=0.5)
    np.testing.assert_allclose(found.eigenvalues, [0, 0, 2, 2], atol=1e-12)
    assert (found.clusters, found.neighbors) == (2, 2)
    assert found.gap == pytest.approx((2 - 0) / 2)


def test_eigengap_by_hand():
    assert eigengap_ratio(np.array([10, 8, 7, 0.5, 0.4]), 1, 4) == (3, pytest.approx(14.0))
    assert eigengap_ratio(np.array([10, 8, 7, 0.5, 0.4]), 1, 2)[0] == 1
    assert eigengap_ratio(np.array([1.0, 1e-5, 1e-12]), 1, 2)[0] == 1  # what is below the stop is noise
    assert eigengap_ratio(np.array([1.0]), 1, 5)[0] == 1


@pytest.mark.parametrize("method", ["nme", "refined", "normalized"])
def test_degenerate_inputs(method):
    assert spectral(np.empty((0, 3)), method=method).tolist() == []
    assert spectral([[1.0, 2]], method=method).tolist() == [0]
    assert spectral([[1.0, 0], [1, 0.1]], method=method).tolist() == [0, 0]
    assert spectral([[1.0, 0], [-1, 0.1]], method=method).tolist() == [0, 1]
    assert spectral([[1.0, 0], [1, 0.1]], 2, method=method).tolist() == [0, 1]
    assert spectral(np.eye(3), 1, method=method).tolist() == [0, 0, 0]
    assert len(spectral(np.ones((12, 3)), method=method)) == 12
    assert sorted(spectral(np.eye(3), 3, method=method)) == [0, 1, 2]


def test_bad_input():
    with pytest.raises(OptionError, match="row 0 is not finite"):
        spectral([[np.nan, 1.0], [1, 2], [2, 1]])
    with pytest.raises(OptionError, match="row 2 is all zeros"):
        spectral([[1.0, 1], [1, 2], [0, 0]])
    with pytest.raises(OptionError, match="known: nme"):
        spectral(np.eye(5), method="magic")
    with pytest.raises(OptionError, match="known: crop"):
        refine(np.eye(3), ("sharpen",))
