import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.backends import as_norm, s_norm, t_norm, z_norm
from diarbook.errors import OptionError

SCORES = np.array([[1.0, 3.0]])
ENROLLED = np.array([[0.0, 2.0]])  # mean 1, deviation 1
TESTED = np.array([[0.0, 4.0], [1.0, 1.5]])  # means 2 and 1.25, deviations 2 and 0.25


def test_norms_by_hand():
    np.testing.assert_allclose(z_norm(SCORES, ENROLLED), [[0.0, 2.0]])
    np.testing.assert_allclose(t_norm(SCORES, TESTED), [[-0.5, 7.0]])
    np.testing.assert_allclose(s_norm(SCORES, ENROLLED, TESTED), [[-0.25, 4.5]])
    cohort = np.array([[-9.0, 0.0, 2.0]])
    tested = np.array([[0.0, 4.0, -1.0], [1.0, -5.0, 1.5]])
    np.testing.assert_allclose(as_norm(SCORES, cohort, tested, top=2), [[-0.25, 4.5]])


@given(seed=st.integers(0, 999), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_normalized_scores_do_not_depend_on_the_scale_of_the_scores(seed, scale, shift):
    rng = np.random.default_rng(seed)
    scores, enrolled, tested = rng.normal(size=(3, 4)), rng.normal(size=(3, 20)), rng.normal(size=(4, 20))
    before = as_norm(scores, enrolled, tested, top=10)
    after = as_norm(scale * scores + shift, scale * enrolled + shift, scale * tested + shift, top=10)
    np.testing.assert_allclose(after, before, atol=1e-8)
    np.testing.assert_allclose(as_norm(scores.T, tested, enrolled, top=10), before.T)
    np.testing.assert_allclose(as_norm(scores, enrolled, tested, top=20), s_norm(scores, enrolled, tested))


def test_norms_help_where_voices_have_scores_of_their_own():
    from diarbook.metrics import equal_error_rate

    rng = np.random.default_rng(0)
    people, cohort = rng.normal(size=(60, 8)), rng.normal(size=(80, 8))
    raise_all = rng.normal(scale=4, size=60)  # what a voice scores against everybody
    tests = people + 0.9 * rng.normal(size=people.shape)
    scores = people @ tests.T + raise_all[:, None]
    labels = np.eye(60, dtype=bool)
    enrolled = people @ cohort.T + raise_all[:, None]
    plain = equal_error_rate(scores.ravel(), labels.ravel())
    normed = equal_error_rate(as_norm(scores, enrolled, tests @ cohort.T, top=60).ravel(), labels.ravel())
    assert normed < 0.8 * plain


@pytest.mark.parametrize(
    ("cohort", "top", "message"),
    [
        (np.ones((1, 1)), 2, "must have shape"),
        (np.array([[1.0, np.nan]]), 2, "must be finite"),
        (np.array([[1.0, 2.0]]), 3, "top must be 2 to the cohort's size, 2, got 3"),
        (np.array([[1.0, 1.0]]), 2, "scores alike against the whole cohort"),
    ],
)
def test_a_cohort_that_cannot_be_used_is_refused(cohort, top, message):
    with pytest.raises(OptionError, match=message):
        as_norm(np.ones((1, 1)), cohort, np.array([[0.0, 1.0, 2.0]]), top=top)
