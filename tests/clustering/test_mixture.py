import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from diarbook.clustering import gaussian_mixture
from diarbook.clustering.mixture import Mixture, fit_mixture, log_densities, maximize, responsibilities
from diarbook.errors import OptionError


def blobs(seed, n=120, d=3, k=3):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    return rng.normal(size=(n, d)) * [1, 2, 0.5] + 5 * rng.normal(size=(k, d))[truth], truth


def test_one_component_by_hand():
    points = np.array([[-1.0], [1.0]] * 10)
    mixture = fit_mixture(points, 1, floor=0.0)
    np.testing.assert_allclose([mixture.means[0, 0], mixture.covariances[0, 0]], [0, 1], atol=1e-12)
    log_likelihood = -20 / 2 * (np.log(2 * np.pi) + 1)
    assert mixture.log_likelihood == pytest.approx(log_likelihood)
    assert mixture.parameters == 2
    assert mixture.bic(20) == pytest.approx(-2 * log_likelihood + 2 * np.log(20))


def test_one_step_by_hand():
    points = np.array([[0.0], [2.0], [10.0]])
    mixture = maximize(points, np.array([[1.0, 0], [0.5, 0.5], [0, 1]]), floor=0.0)
    np.testing.assert_allclose(mixture.weights, [0.5, 0.5])
    np.testing.assert_allclose(mixture.means[:, 0], [(0 + 1) / 1.5, (1 + 10) / 1.5])
    np.testing.assert_allclose(mixture.covariances[:, 0], [2 / 1.5 - 4 / 9, (2 + 100) / 1.5 - (11 / 1.5) ** 2])


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_densities_equal_scipy(covariance):
    points, _ = blobs(0, 20)
    mixture = fit_mixture(points, 2, covariance)
    for k in range(2):
        matrix = mixture.covariances[k] if covariance == "full" else np.diag(mixture.covariances[k])
        expected = multivariate_normal(mixture.means[k], matrix).logpdf(points) + np.log(mixture.weights[k])
        np.testing.assert_allclose(log_densities(points, mixture)[:, k], expected)
    np.testing.assert_allclose(responsibilities(points, mixture).sum(axis=1), 1)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(["full", "diagonal"]))
def test_same_start_same_end_as_scikit_learn(seed, clusters, covariance):
    points, _ = blobs(seed)
    rng = np.random.default_rng(seed)
    start = maximize(points, rng.dirichlet(np.ones(clusters) * 3, len(points)), covariance)
    inverse = np.linalg.inv(start.covariances) if covariance == "full" else 1 / start.covariances
    theirs = GaussianMixture(
        clusters,
        covariance_type="full" if covariance == "full" else "diag",
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=inverse,
        tol=1e-3,
        max_iter=30,
        reg_covar=1e-6,
    )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 30 rounds may not converge; the 30th state is what is compared
        theirs.fit(points)
    ours = fit_mixture(points, clusters, covariance, initial=start, iterations=30)
    np.testing.assert_allclose(ours.means, theirs.means_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.covariances, theirs.covariances_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.weights, theirs.weights_, atol=1e-7)
    assert responsibilities(points, ours).argmax(axis=1).tolist() == theirs.predict(points).tolist()
    assert ours.bic(len(points)) == pytest.approx(theirs.bic(points), rel=1e-6)
    assert ours.iterations == theirs.n_iter_


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["full", "diagonal"]))
def test_the_likelihood_never_falls(seed, covariance):
    points, _ = blobs(seed)
    likelihoods = [
        fit_mixture(points, 3, covariance, iterations=i, tolerance=0.0, floor=1e-9).log_likelihood for i in range(1, 12)
    ]
    assert (np.diff(likelihoods) > -1e-6).all()


def test_bic_counts_speakers():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 40)
    points = np.eye(16)[truth] + rng.normal(size=(120, 16)) * 0.08
    assert gaussian_mixture(points).tolist() == truth.tolist()
    assert gaussian_mixture(points, 2).max() == 1
    assert gaussian_mixture(points, maximum_speakers=2).max() <= 1


def test_degenerate_inputs():
    assert gaussian_mixture(np.empty((0, 3))).tolist() == []
    assert gaussian_mixture([[1.0, 2]]).tolist() == [0]
    assert gaussian_mixture([[1.0, 0], [0, 1]], 2).tolist() == [0, 1]
    assert set(gaussian_mixture(np.ones((9, 3)))) == {0}
    assert np.isfinite(log_densities(np.ones((1, 1)), Mixture(np.ones(1), np.ones((1, 1)), np.ones((1, 1))))).all()


def test_bad_input():
    with pytest.raises(OptionError, match="row 1 is not finite"):
        gaussian_mixture([[1.0, 1], [np.inf, 1]])
    with pytest.raises(OptionError, match="ask for fewer"):
        fit_mixture(np.ones((2, 2)), 3)
    with pytest.raises(OptionError, match="known: full"):
        gaussian_mixture(np.eye(4), covariance="tied")
