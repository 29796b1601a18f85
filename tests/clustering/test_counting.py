import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from diarbook.clustering import estimate_speakers, silhouette
from diarbook.clustering.common import distances, first_appearance
from diarbook.errors import OptionError


def conversation(speakers, seed=0, noise=0.12):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.concatenate([np.arange(speakers), rng.permutation(speakers), np.arange(speakers)]), 8)
    return np.eye(16)[truth] + noise * rng.normal(size=(len(truth), 16)), truth


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_silhouette_equals_scikit_learn(seed, k):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, 4))
    labels = np.concatenate([np.arange(k), rng.integers(0, k, 30 - k)])
    assert silhouette(distances(points, "euclidean"), labels) == pytest.approx(silhouette_score(points, labels))


def test_silhouette_by_hand():
    table = distances(np.array([[0.0], [1], [4], [5]]), "euclidean")
    expected = np.mean([1 - 1 / 4.5, 1 - 1 / 3.5, 1 - 1 / 3.5, 1 - 1 / 4.5])
    assert silhouette(table, [0, 0, 1, 1]) == pytest.approx(expected)
    assert np.isnan(silhouette(table, [0, 0, 0, 0]))
    assert np.isnan(silhouette(table, [0, 1, 2, 3]))


@pytest.mark.parametrize("method", ["threshold", "eigengap", "nme", "silhouette", "bic"])
@pytest.mark.parametrize("speakers", [2, 4])
def test_every_method_counts_clear_speakers(method, speakers):
    points, _ = conversation(speakers)
    assert estimate_speakers(points, method, threshold=0.6) == speakers
    assert estimate_speakers(points, method, threshold=0.6, maximum_speakers=2) <= 2
    assert estimate_speakers(points, method, threshold=0.6, minimum_speakers=5, maximum_speakers=5) == 5


@pytest.mark.parametrize("method", ["threshold", "silhouette"])
def test_one_speaker_is_one(method):
    rng = np.random.default_rng(0)
    points = np.eye(16)[np.zeros(30, int)] + 0.1 * rng.normal(size=(30, 16))
    assert estimate_speakers(points, method, threshold=0.6) == 1


def test_degenerate_inputs():
    for method in ("threshold", "eigengap", "nme", "silhouette", "bic"):
        assert estimate_speakers(np.empty((0, 3)), method, threshold=0.5) == 0
        assert estimate_speakers([[1.0, 2]], method, threshold=0.5) == 1
        assert estimate_speakers([[1.0, 2], [1.0, 2]], method, threshold=0.5) in (1, 2)
    assert estimate_speakers(np.ones((9, 3)), "silhouette") == 1
    with pytest.raises(OptionError, match="needs a threshold"):
        estimate_speakers(np.eye(3), "threshold")
    with pytest.raises(OptionError, match="known: threshold"):
        estimate_speakers(np.eye(3), "guess")
    with pytest.raises(OptionError, match="row 0 is not finite"):
        estimate_speakers([[np.nan, 1]])


def test_first_appearance():
    assert first_appearance(np.array([5, 5, 2, 9, 2])).tolist() == [0, 0, 1, 2, 1]
    assert first_appearance(np.array(["b", "a", "b"])).tolist() == [0, 1, 0]
    assert first_appearance(np.array([], int)).tolist() == []
