import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from diarbook.errors import OptionError
from diarbook.gaussians import (
    VARIANCE_FLOOR,
    bic_penalty,
    block_sums,
    generalized_likelihood_ratio,
    symmetric_divergence,
)
from diarbook.segmentation import (
    ChangeSearch,
    change_curve,
    change_points,
    local_speaker_changes,
    quasi_silences,
    reference_changes,
    segments_from_changes,
    within,
)
from diarbook.segmentation.change import ChangeCurve, pick_peaks
from diarbook.turns import Turn


def two_voices(seed=0, frames=600, dimension=5, shift=1.5):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimension, dimension)) / 2 + np.eye(dimension)
    left = rng.normal(size=(frames, dimension))
    right = rng.normal(size=(frames, dimension)) @ mixing + shift * rng.normal(size=dimension)
    return np.concatenate([left, right])


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
@pytest.mark.parametrize("block", [1, 7, 10])
def test_cumulative_gaussians_equal_direct_ones(covariance, block):
    features = two_voices(frames=53) + 40.0
    sums = block_sums(features, block, covariance)
    first, last = np.array([0, 2, 3]), np.array([4, 9, len(sums.counts) - 1])
    counts, means, covariances = sums.gaussians(first, last)
    for row, (a, b) in enumerate(zip(first, last, strict=True)):
        piece = features[int(sums.counts[a]) : int(sums.counts[b])]
        assert counts[row] == len(piece)
        np.testing.assert_allclose(means[row] + features.mean(axis=0), piece.mean(axis=0))
        expected = np.cov(piece.T, bias=True) + VARIANCE_FLOOR * np.eye(5)
        np.testing.assert_allclose(
            covariances[row], expected if covariance == "full" else np.diag(expected), rtol=1e-7, atol=1e-7
        )


def test_likelihood_ratio_equals_scipy_log_likelihoods():
    features = two_voices(frames=200)
    sums = block_sums(features, 1)
    ratio, *_ = generalized_likelihood_ratio(sums, np.array([0]), np.array([200]), np.array([400]))

    def best(piece):
        return multivariate_normal(piece.mean(axis=0), np.cov(piece.T, bias=True)).logpdf(piece).sum()

    expected = best(features[:200]) + best(features[200:]) - best(features)
    np.testing.assert_allclose(ratio, expected, rtol=5e-3)  # the variance floor is the difference


def test_bic_of_one_dimension_by_hand():
    # left: variance 1 around 0; right: variance 1 around 4; together: variance 1 + 4 = 5
    features = np.array([[-1.0], [1.0]] * 50 + [[3.0], [5.0]] * 50)
    ratio, left, right = generalized_likelihood_ratio(
        block_sums(features, 1, "diagonal"), np.array([0]), np.array([100]), np.array([200])
    )
    np.testing.assert_allclose(ratio, 100 * math.log(5), rtol=1e-3)
    assert (left[0], right[0]) == (100, 100)
    np.testing.assert_allclose(bic_penalty(2, left, right, 1000, "local"), math.log(200))
    np.testing.assert_allclose(bic_penalty(2, left, right, 1000, "global"), math.log(1000))
    np.testing.assert_allclose(bic_penalty(2, left, right, 1000, "segmental"), math.log(100 * 100 / 200))
    curve = change_curve(features, 1.0, ChangeSearch(covariance="diagonal", window=100, resolution=1.0))
    np.testing.assert_allclose(curve.times, [100])
    np.testing.assert_allclose(curve.values, ratio - math.log(200))


def test_parameters():
    features = two_voices(frames=20)
    assert block_sums(features, 1).parameters == 5 + 15
    assert block_sums(features, 1, "diagonal").parameters == 10


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_symmetric_divergence_equals_its_definition(covariance):
    features = two_voices(frames=100)
    sums = block_sums(features, 1, covariance)
    edges = [np.array([v]) for v in (0, 100, 200)]
    found = symmetric_divergence(sums, *edges)[0]

    def gaussian(piece):
        matrix = np.cov(piece.T, bias=True) + VARIANCE_FLOOR * np.eye(5)
        return piece.mean(axis=0), matrix if covariance == "full" else np.diag(np.diag(matrix))

    def divergence(p, q):
        (m, s), (n, t) = p, q
        inverse = np.linalg.inv(t)
        return 0.5 * (
            np.trace(inverse @ s)
            + (n - m) @ inverse @ (n - m)
            - len(m)
            + np.linalg.slogdet(t)[1]
            - np.linalg.slogdet(s)[1]
        )

    left, right = gaussian(features[:100]), gaussian(features[100:])
    np.testing.assert_allclose(found, divergence(left, right) + divergence(right, left), rtol=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["full", "diagonal"]))
def test_ratio_is_not_negative_and_divergence_symmetric(seed, covariance):
    features = np.random.default_rng(seed).normal(size=(120, 4))
    forward, backward = (block_sums(x, 1, covariance) for x in (features, features[::-1]))
    edges = [np.array([v]) for v in (0, 50, 120)]
    mirrored = [np.array([v]) for v in (0, 70, 120)]
    assert generalized_likelihood_ratio(forward, *edges)[0] >= -1e-9
    np.testing.assert_allclose(symmetric_divergence(forward, *edges), symmetric_divergence(backward, *mirrored))


@pytest.mark.parametrize("search", ["sliding", "growing"])
@pytest.mark.parametrize("covariance", ["full", "diagonal"])
@pytest.mark.parametrize("variant", ["local", "global", "segmental"])
def test_finds_the_change(search, covariance, variant):
    options = ChangeSearch(search=search, covariance=covariance, variant=variant, window=2.0)
    found = change_points(two_voices(), 0.01, options)
    assert len(found) == 1
    assert abs(found[0] - 6.0) <= 0.1 + 1e-9


@pytest.mark.parametrize(("method", "threshold"), [("glr", 150.0), ("kl2", 6.0)])
def test_other_distances_find_it_too(method, threshold):
    found = change_points(two_voices(), 0.01, ChangeSearch(method=method, threshold=threshold))
    np.testing.assert_allclose(found, [6.0], atol=0.1)


@pytest.mark.parametrize("search", ["sliding", "growing"])
def test_one_voice_has_no_change(search):
    features = np.random.default_rng(3).normal(size=(2000, 5))
    assert len(change_points(features, 0.01, ChangeSearch(search=search))) == 0


def test_a_larger_penalty_never_finds_more_and_sliding_bic_is_a_threshold_on_glr():
    features = np.concatenate([two_voices(seed) for seed in range(3)])
    counts = [len(change_points(features, 0.01, ChangeSearch(penalty=p))) for p in (0.0, 0.5, 1.0, 2.0, 20.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0
    cost = float(bic_penalty(20, 150, 150, 0))
    np.testing.assert_array_equal(
        change_points(features, 0.01, ChangeSearch(penalty=1.0)),
        change_points(features, 0.01, ChangeSearch(method="glr", threshold=cost)),
    )


def test_regions_are_searched_on_their_own():
    features = two_voices()
    assert len(change_points(features, 0.01, regions=[[0, 6.0], [6.0, 12.0]])) == 0
    np.testing.assert_allclose(change_points(features, 0.01, regions=[[2.0, 10.0], [10.5, 10.6]]), [6.0], atol=0.1)


@pytest.mark.parametrize("search", ["sliding", "growing"])
def test_degenerate_inputs(search):
    for features in (np.empty((0, 3)), np.ones((1, 3)), np.ones((2, 3)), np.ones((500, 3))):
        assert change_points(features, 0.01, ChangeSearch(search=search)).shape == (0,)
    assert change_points(np.ones((500, 3)), 0.01, ChangeSearch(search=search), regions=np.empty((0, 2))).shape == (0,)
    assert change_points(np.ones((500, 3)), 0.01, ChangeSearch(search=search), regions=[[9, 10]]).shape == (0,)


def test_bad_input():
    good = np.zeros((10, 2))
    for words, features, options in (
        ("frame 3 is not finite", np.where(np.arange(10)[:, None] == 3, np.nan, 0.0), {}),
        ("shape (frames, coefficients)", np.zeros(10), {}),
        ("unknown method", good, {"method": "aic"}),
        ("unknown covariance", good, {"covariance": "tied"}),
        ("unknown search", good, {"search": "binary"}),
        ("unknown penalty", good, {"variant": "mild"}),
        ("method 'bic'", good, {"method": "glr", "search": "growing"}),
        ("0 or more", good, {"penalty": -1}),
        ("shorter than the resolution", good, {"window": 0.01}),
        ("must be positive", good, {"resolution": 0.0}),
    ):
        with pytest.raises(OptionError) as caught:
            change_points(features, 0.01, ChangeSearch(**options))
        assert words in str(caught.value)


def test_peaks_by_hand():
    curve = ChangeCurve(np.arange(8.0), np.array([5, 1, 3, 2, 4, 0, 6, 1.0]))
    assert pick_peaks(curve, 2.5).tolist() == [0, 2, 4, 6]
    assert pick_peaks(curve, 2.5, 3.0).tolist() == [0, 6]  # highest first: 6, then 0; 4 and 2 stand too close
    assert pick_peaks(curve, 10).tolist() == []
    assert pick_peaks(ChangeCurve(np.arange(3.0), np.ones(3)), 0.5).tolist() == [2]  # a plateau is one peak


def test_quasi_silence_by_hand():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=48_000) * 0.1
    noise[16_000:24_000] *= 0.01  # 40 dB down from 1.0 to 1.5 s
    found = quasi_silences(noise, drop=20)
    assert len(found) == 1
    np.testing.assert_allclose(found[0], [1.0, 1.5], atol=0.06)
    assert len(quasi_silences(noise, drop=20, minimum=0.6)) == 0
    assert len(quasi_silences(noise, drop=60)) == 0
    assert len(quasi_silences(np.zeros(16_000))) == 0
    assert quasi_silences(np.zeros(10)).shape == (0, 2)
    with pytest.raises(OptionError, match="finite"):
        quasi_silences(np.full(1000, np.nan))
    with pytest.raises(OptionError, match="positive"):
        quasi_silences(noise, drop=0)


def test_segments_by_hand():
    regions = np.array([[0, 4.0], [6, 8]])
    cut = segments_from_changes([1.0, 1.2, 5.0, 7.0, 3.9], regions, minimum=0.5)
    np.testing.assert_allclose(cut, [[0, 1], [1, 4], [6, 7], [7, 8]])
    assert segments_from_changes([], regions).tolist() == regions.tolist()
    assert segments_from_changes([1.0], np.empty((0, 2))).shape == (0, 2)
    with pytest.raises(OptionError, match="finite"):
        segments_from_changes([np.nan], regions)


@given(st.lists(st.floats(0, 10), max_size=20), st.floats(0, 2))
def test_segments_cover_the_regions(changes, minimum):
    regions = np.array([[0.5, 4.0], [6, 9]])
    cut = segments_from_changes(changes, regions, minimum)
    assert math.isclose((cut[:, 1] - cut[:, 0]).sum(), 6.5)
    assert (cut[:, 1] - cut[:, 0] >= min(minimum, 3.0) - 1e-9).all()


def test_reference_changes_by_hand():
    turns = [Turn(0, 2, "a"), Turn(1.5, 4, "b"), Turn(4, 5, "a"), Turn(6, 7, "b"), Turn(6.2, 6.4, "b")]
    assert reference_changes(turns).tolist() == [1.5, 2, 4]  # 0, 5, 6 and 7 are edges of speech
    assert reference_changes([]).tolist() == []


def test_within_by_hand():
    spans = np.array([[0, 2.0], [3, 3.1], [4, 5]])
    assert within([-1, 0, 0.3, 1.9, 2.5, 3.05, 4.5, 9], spans, 0.2).tolist() == [0.3, 4.5]
    assert within([0.0, 2.0, 2.5], spans).tolist() == [0, 2]
    assert within([1.0], np.empty((0, 2))).tolist() == []


def test_neural_changes_ignore_the_order_of_local_speakers():
    from diarbook.segmentation.scores import ChunkScores

    posteriors = np.zeros((2, 100, 7), dtype=np.float32)  # classes: nobody, 1, 2, 3, and the three pairs
    posteriors[0, :60, 1] = posteriors[0, 60:, 2] = 1
    posteriors[1, :10, 3] = posteriors[1, 10:, 1] = 1  # the same change in a chunk that starts 50 frames later
    curve = local_speaker_changes(ChunkScores(posteriors, np.array([0, 0.5]), 0.01, 0.03), reach=0.05)
    peak = curve.times[np.flatnonzero(curve.values == curve.values.max())]
    assert curve.values.max() == pytest.approx(1)
    np.testing.assert_allclose(peak.mean(), 0.60 + 0.01, atol=0.011)
    assert curve.values[:50].max() == 0
    short = ChunkScores(np.zeros((1, 1, 7), np.float32), np.zeros(1), 0.01, 0.03)
    assert local_speaker_changes(short).values.tolist() == [0]
