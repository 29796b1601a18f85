import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics.pairwise import cosine_similarity as peer

from diarbook.embeddings import cosine_similarity, unit_length
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
