import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from diarbook.clustering import k_means
from diarbook.clustering.kmeans import fit_k_means, seed_centers
from diarbook.errors import OptionError


def blobs(seed, n=80, d=3, k=4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    return rng.normal(size=(n, d)) + 6 * rng.normal(size=(k, d))[truth], truth


def test_four_points_by_hand():
    points = np.array([[0.0], [1], [9], [10]])
    run = fit_k_means(points, 2, initial=[[0.0], [1.0]])  # a poor start: 9 and 10 first go to the center at 1
    assert run.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(run.centers, [[0.5], [9.5]])
    assert run.inertia == pytest.approx(4 * 0.25)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_same_start_same_end_as_scikit_learn(seed, clusters):
    points, _ = blobs(seed)
    start = points[np.random.default_rng(seed).choice(len(points), clusters, replace=False)]
    ours = fit_k_means(points, clusters, initial=start)
    theirs = KMeans(clusters, init=start, n_init=1, tol=0, max_iter=300, algorithm="lloyd").fit(points)
    np.testing.assert_allclose(ours.inertia, theirs.inertia_, rtol=1e-9)
    assert ours.labels.tolist() == theirs.labels_.tolist()
    np.testing.assert_allclose(ours.centers, theirs.cluster_centers_, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_restarts_reach_scikit_learns_inertia(seed):
    points, _ = blobs(seed)
    ours, theirs = fit_k_means(points, 4, seed=seed), KMeans(4, n_init=10, random_state=seed).fit(points)
    assert ours.inertia <= theirs.inertia_ * 1.001


def test_seeds_are_points_spread_and_repeatable():
    points = np.repeat([[0.0], [100], [200]], 50, axis=0)
    centers = seed_centers(points, 3, np.random.default_rng(0))
    assert sorted(centers[:, 0]) == [0, 100, 200]  # points that coincide with a center have no chance
    same = [seed_centers(points, 3, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*same)


def test_an_empty_center_moves_to_the_farthest_point():
    points = np.array([[0.0], [1], [2], [30]])
    run = fit_k_means(points, 2, initial=[[1.0], [500.0]])
    assert run.labels.tolist() == [0, 0, 0, 1]


def test_cosine_ignores_length():
    rng = np.random.default_rng(0)
    points = np.repeat([[1.0, 0], [0, 1]], 20, axis=0) + rng.normal(size=(40, 2)) * 0.05
    scaled = points * rng.uniform(0.1, 10, (40, 1))
    assert k_means(scaled, 2).tolist() == [0] * 20 + [1] * 20


def test_degenerate_inputs():
    assert k_means(np.empty((0, 3)), 2).tolist() == []
    assert k_means([[1.0, 2]], 1).tolist() == [0]
    assert k_means([[1.0, 0], [0, 1]], 2).tolist() == [0, 1]
    assert set(k_means(np.ones((6, 2)), 2)) <= {0, 1}
    assert k_means(np.ones((6, 2)), 1).tolist() == [0] * 6


def test_bad_input():
    with pytest.raises(OptionError, match="row 0 is not finite"):
        k_means([[np.nan, 1.0]], 1)
    with pytest.raises(OptionError, match="ask for fewer"):
        fit_k_means(np.ones((2, 2)), 3)
    with pytest.raises(OptionError, match=r"expected shape \(2, 2\)"):
        fit_k_means(np.ones((4, 2)), 2, initial=np.ones((3, 2)))
    with pytest.raises(OptionError, match="restarts"):
        fit_k_means(np.ones((4, 2)), 2, restarts=0)
    with pytest.raises(OptionError, match="known: cosine"):
        k_means(np.ones((4, 2)), 2, metric="manhattan")
