import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, is_valid_linkage, linkage
from scipy.stats import multivariate_normal
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from diarbook.clustering import agglomerative, bic_merges, cut_tree, merge_tree
from diarbook.clustering.agglomerative import LINKAGES
from diarbook.clustering.common import first_appearance
from diarbook.errors import OptionError

SQUARE = np.array([[0.0, 0], [1, 0], [5, 0], [5, 3]])


def random_points(seed, n=None, d=5):
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(2, 60))
    return rng.normal(size=(n, d)) + 3 * rng.normal(size=(4, d))[rng.integers(0, 4, n)]


# ward: ((1+2) * 34 + 2 * ... by hand below
@pytest.mark.parametrize(
    ("method", "last"),
    [
        ("single", 4.0),
        ("complete", np.sqrt(34)),
        ("average", (5 + 4 + np.sqrt(34) + 5) / 4),
        ("centroid", np.hypot(4.5, 1.5)),
        ("ward", np.sqrt(2 * 2 * 2 / 4) * np.hypot(4.5, 1.5)),
    ],
)
def test_four_points_by_hand(method, last):
    tree = merge_tree(SQUARE, method, "euclidean")
    np.testing.assert_allclose(tree, [[0, 1, 1, 2], [2, 3, 3, 2], [4, 5, last, 4]])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(LINKAGES))
def test_tree_and_labels_equal_scipy(seed, method):
    points = random_points(seed)
    ours, theirs = merge_tree(points, method, "euclidean"), linkage(points, method)
    assert is_valid_linkage(ours) or method == "centroid"
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    for threshold in np.quantile(theirs[:, 2], [0.1, 0.5, 0.9]) + 1e-9:
        expected = fcluster(theirs, threshold, "distance")
        assert cut_tree(ours, threshold=threshold).tolist() == first_appearance(expected).tolist()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["single", "complete", "average"]), st.integers(1, 8))
def test_labels_equal_scikit_learn(seed, method, clusters):
    points = random_points(seed, 40)
    theirs = AgglomerativeClustering(clusters, metric="cosine", linkage=method).fit_predict(points)
    ours = agglomerative(points, clusters=clusters, linkage=method)
    assert ours.tolist() == first_appearance(theirs).tolist()
    threshold = float(np.median(merge_tree(points, method)[:, 2])) + 1e-6
    theirs = AgglomerativeClustering(None, distance_threshold=threshold, metric="cosine", linkage=method).fit_predict(
        points
    )
    assert agglomerative(points, threshold, linkage=method).tolist() == first_appearance(theirs).tolist()


@pytest.mark.parametrize("method", ["centroid", "ward"])
def test_cosine_scales_to_length_one_for_centroids(method):
    points = random_points(3, 30)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    np.testing.assert_allclose(merge_tree(points * 7, method, "cosine"), linkage(unit, method), atol=1e-9)


def test_an_inversion_is_cut_as_scipy_cuts_it():
    points = np.array(
        [[0.0, 0], [1, 0], [0.5, 0.9]]
    )  # the third point is nearer to the middle than the two are to each other
    tree = merge_tree(points, "centroid", "euclidean")
    assert tree[1, 2] < tree[0, 2]
    for threshold in (0.5, 0.95, 1.1):
        expected = fcluster(linkage(points, "centroid"), threshold, "distance")
        assert cut_tree(tree, threshold=threshold).tolist() == first_appearance(expected).tolist()


def test_two_thousand_windows_agree_with_scipy():
    points = random_points(0, 2000, 16)
    np.testing.assert_allclose(merge_tree(points)[:, 2], linkage(points, "average", metric="cosine")[:, 2], atol=1e-9)


def test_limits_on_the_number_of_speakers():
    points = random_points(1, 30)
    assert agglomerative(points, 0.0).max() == 29
    assert agglomerative(points, 0.0, maximum_speakers=4).max() == 3
    assert agglomerative(points, 9.0).max() == 0
    assert agglomerative(points, 9.0, minimum_speakers=3).max() == 2
    assert agglomerative(points, clusters=99).max() == 29


def test_degenerate_inputs():
    assert agglomerative(np.empty((0, 3)), 0.5).tolist() == []
    assert agglomerative([[1.0, 2]], 0.5).tolist() == [0]
    assert agglomerative([[1.0, 0], [0, 1]], 0.5).tolist() == [0, 1]
    assert agglomerative([[1.0, 0], [1, 0.01]], 0.5).tolist() == [0, 0]
    for method in LINKAGES:
        assert agglomerative(np.ones((9, 3)), 0.1, linkage=method).tolist() == [0] * 9
        assert agglomerative(np.ones((9, 3)), clusters=2, linkage=method).max() == 1


@pytest.mark.parametrize(
    ("points", "options", "words"),
    [
        ([[1, 2], [np.nan, 1]], {"threshold": 1}, "row 1 is not finite"),
        ([1, 2], {"threshold": 1}, "shape (n, d)"),
        ([[0, 0], [1, 1]], {"threshold": 1}, "row 0 is all zeros"),
        ([[1, 2], [2, 1]], {}, "threshold or a number"),
        ([[1, 2], [2, 1]], {"clusters": 0}, "1 <= minimum"),
        ([[1, 2], [2, 1]], {"threshold": 1, "minimum_speakers": 3, "maximum_speakers": 2}, "1 <= minimum"),
        ([[1, 2], [2, 1]], {"threshold": 1, "linkage": "median"}, "known: single"),
        ([[1, 2], [2, 1]], {"threshold": 1, "metric": "dot"}, "known: cosine"),
    ],
)
def test_bad_input(points, options, words):
    with pytest.raises(OptionError) as caught:
        agglomerative(np.array(points, float), **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cut_needs_one_rule():
    for options in ({}, {"threshold": 1, "clusters": 2}):
        with pytest.raises(OptionError, match="either"):
            cut_tree(np.empty((0, 4)), **options)


def voices(seed=0, repeats=4):
    rng = np.random.default_rng(seed)
    mixing = [np.eye(4), np.eye(4) + rng.normal(size=(4, 4)) / 2, 2 * np.eye(4)]
    segments = [
        rng.normal(size=(int(rng.integers(150, 400)), 4)) @ m + i for _ in range(repeats) for i, m in enumerate(mixing)
    ]
    return segments, np.tile([0, 1, 2], repeats)


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_bic_finds_the_voices(covariance):
    segments, truth = voices()
    assert bic_merges(segments, covariance=covariance).tolist() == truth.tolist()
    assert bic_merges(segments, penalty=0.0, covariance=covariance).max() == len(segments) - 1
    assert bic_merges(segments, penalty=1e6, covariance=covariance).max() == 0


def test_bic_of_two_segments_by_scipy_likelihoods():
    rng = np.random.default_rng(5)
    one, two = rng.normal(size=(300, 2)), rng.normal(size=(200, 2)) + 0.3

    def best(piece):
        return multivariate_normal(piece.mean(axis=0), np.cov(piece.T, bias=True)).logpdf(piece).sum()

    gain = best(one) + best(two) - best(np.vstack([one, two]))
    factor = gain / (5 / 2 * np.log(500))  # 2 means + 3 covariances
    assert bic_merges([one, two], penalty=factor * 0.98).tolist() == [0, 1]
    assert bic_merges([one, two], penalty=factor * 1.02).tolist() == [0, 0]


def test_bic_degenerate():
    assert bic_merges([]).tolist() == []
    assert bic_merges([np.ones((5, 2))]).tolist() == [0]
    assert bic_merges([np.ones((5, 2))] * 3).tolist() == [0, 0, 0]
    with pytest.raises(OptionError, match="at least one frame"):
        bic_merges([np.ones((5, 2)), np.empty((0, 2))])
    with pytest.raises(OptionError, match="not finite"):
        bic_merges([np.full((5, 2), np.nan)])


def test_a_planted_mistake_would_be_seen():
    """Average linkage that forgets cluster sizes (WPGMA) is a classic slip; it must differ from SciPy's UPGMA here."""
    points = random_points(11, 40)
    assert not np.allclose(linkage(points, "weighted")[:, 2], merge_tree(points, "average", "euclidean")[:, 2])
    labels = agglomerative(points, clusters=4, metric="euclidean")
    assert adjusted_rand_score(labels, fcluster(linkage(points, "average"), 4, "maxclust")) == 1


def test_an_inversion_hides_no_merge_above_the_threshold():
    # A regular simplex of four points, edge 1: the centroid linkage merges at 1, then at sqrt(3)/2 and sqrt(2/3),
    # both below the first. A threshold between undoes the first merge, and so everything that was built on it.
    points = np.vstack([np.zeros(3), [1, 0, 0], [0.5, np.sqrt(3) / 2, 0], [0.5, np.sqrt(3) / 6, np.sqrt(2 / 3)]])
    tree = merge_tree(points, "centroid", "euclidean")
    assert tree[0, 2] == pytest.approx(1.0)
    assert tree[1, 2] == pytest.approx(np.sqrt(3) / 2)
    assert cut_tree(tree, threshold=0.95).tolist() == [0, 1, 2, 3]
    assert cut_tree(tree, threshold=1.05).tolist() == [0, 0, 0, 0]


def test_a_merge_at_exactly_the_threshold_stays():
    tree = np.array([[0.0, 1.0, 0.5, 2.0]])
    assert cut_tree(tree, threshold=0.5).tolist() == [0, 0]
    assert cut_tree(tree, threshold=np.nextafter(0.5, 0)).tolist() == [0, 1]
