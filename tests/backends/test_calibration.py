import math

import numpy as np
import pytest

from diarbook.backends import fit_calibration
from diarbook.errors import OptionError


def trials(seed=0, count=4000):
    """Gaussian scores whose log-likelihood ratio is known: 3 score - 1.5, with one-to-one odds."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.5
    return np.where(labels, 1.0, 0.0) + rng.normal(scale=math.sqrt(1 / 3), size=count), labels


def test_calibration_finds_the_known_line():
    line = fit_calibration(*trials(), name="simulated", model="m", model_version="v")
    assert (line.scale, line.offset) == (pytest.approx(3.0, abs=0.2), pytest.approx(-1.5, abs=0.15))
    assert (line.name, line.model, line.model_version) == ("simulated", "m", "v")


@pytest.mark.parametrize("prior", [0.5, 0.05])
def test_calibration_agrees_with_scikit_learn(prior):
    from sklearn.linear_model import LogisticRegression

    scores, labels = trials(1)
    weights = np.where(labels, prior / labels.sum(), (1 - prior) / (~labels).sum()) * len(labels)
    theirs = LogisticRegression(C=1e9, tol=1e-10).fit(scores[:, None], labels, sample_weight=weights)
    ours = fit_calibration(scores, labels, name="x", prior=prior)
    odds = math.log(prior / (1 - prior))
    assert ours.scale == pytest.approx(theirs.coef_[0, 0], rel=1e-3)
    assert ours.offset == pytest.approx(theirs.intercept_[0] - odds, abs=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_calibration([1, 2], [True, True], name="x"), "both kinds of trial are needed"),
        (lambda: fit_calibration([1, 2], [True], name="x"), "one label for each score"),
        (lambda: fit_calibration([1, math.nan], [True, False], name="x"), "scores must (not be NaN|be finite)"),
        (lambda: fit_calibration([2, 1], [True, False], name="x"), "separate the trials without error"),
        (lambda: fit_calibration([1, 2], [True, False], name="x", prior=1.0), "prior must be between 0 and 1"),
        # Scores that touch gave a scale of 9,956: whichever line the search had reached when it gave up.
        (lambda: fit_calibration([1, 2, 2, 3], [False, False, True, True], name="x"), "separate the trials"),
        (lambda: fit_calibration([3, 2, 2, 1], [False, False, True, True], name="x"), "separate the trials"),
        (lambda: fit_calibration([2, 2], [True, False], name="x"), "all scores are equal"),
    ],
)
def test_input_without_sense_is_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()


def test_scores_that_overlap_by_one_trial_are_calibrated():
    line = fit_calibration([1.0, 2.5, 2.0, 3.0], [False, False, True, True], name="x")
    assert 0 < line.scale < 10
