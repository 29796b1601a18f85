import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics.pairwise import cosine_similarity as peer

from diarbook.embeddings import cosine_similarity, unit_length
from diarbook.embeddings.similarity import unit_float32
from diarbook.errors import OptionError


def test_worked_by_hand():
    first, second = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([4.0, 3.0])
    np.testing.assert_allclose(unit_length(first), [[0.6, 0.8], [1.0, 0.0]])
    np.testing.assert_allclose(cosine_similarity(first, second), [24 / 25, 4 / 5])
    assert cosine_similarity([1.0, 0.0], [-2.0, 0.0]) == -1


def test_no_direction_is_nan():
    assert np.isnan(unit_length(np.zeros((1, 3)))).all()
    scores = cosine_similarity(np.array([[0.0, 0.0], [np.nan, 1.0], [1.0, 1.0]]))
    assert np.isnan(scores[:2]).all()
    assert scores[2, 2] == pytest.approx(1)


def test_embeddings_of_two_models_are_refused():
    with pytest.raises(OptionError, match="192 and 256"):
        cosine_similarity(np.ones((2, 192)), np.ones((3, 256)))


@given(hnp.arrays(np.float64, (5, 4), elements=st.floats(0.01, 100)), st.floats(0.1, 1000))
def test_equals_scikit_learn_and_ignores_length(vectors, scale):
    np.testing.assert_allclose(cosine_similarity(vectors), peer(vectors), atol=1e-9)
    np.testing.assert_allclose(cosine_similarity(scale * vectors, vectors), peer(vectors), atol=1e-9)


def test_keeps_single_precision():
    assert unit_length(np.ones((2, 3), np.float32)).dtype == np.float32


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=50, deadline=None)
def test_what_is_normalized_once_keeps_every_bit(seed, dimension, kind):
    vectors = (np.random.default_rng(seed).normal(size=(30, dimension)) * 10.0 ** np.arange(-15, 15)[:, None]).astype(
        kind
    )
    units = unit_float32(vectors)
    assert units.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(units.astype(float), axis=1), 1, atol=1.5e-7)
    np.testing.assert_allclose(units, unit_length(vectors.astype(float)), atol=1e-6)
    for again in (unit_float32(units), unit_float32(units.astype(float)), unit_float32(units[3])):
        np.testing.assert_array_equal(again, units if again.ndim == 2 else units[3])
    assert unit_float32(vectors[3]).tobytes() == units[3].tobytes()


def test_what_has_no_direction_becomes_nan():
    assert np.isnan(unit_float32([[0.0, 0.0], [np.inf, 1.0], [np.nan, 1.0], [1e200, 1e200]])).all()
    for shape in ((), (0,), (0, 3), (2, 0)):
        assert unit_float32(np.ones(shape)).shape == shape
