"""Calibration: from scores to log-likelihood ratios, which say what a score is worth.

Chapter: verification
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError
from diarbook.metrics.calibration import both_kinds, cross_entropy


@dataclass(frozen=True, slots=True)
class Calibration:
    """A straight line from scores to log-likelihood ratios.

    Parameters
    ----------
    name : str
        What it was fitted on; every calibrated score says so.
    scale, offset : float
    model, model_version : str
        Whose scores it takes.

    Chapter: verification
    """

    name: str
    scale: float
    offset: float
    model: str = ""
    model_version: str = ""

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Natural log-likelihood ratios: above 0 the same voice is likelier.

        Chapter: verification
        """
        return self.scale * np.asarray(scores, dtype=float) + self.offset


def fit_calibration(
    scores: np.ndarray,
    labels: np.ndarray,
    *,
    name: str,
    prior: float = 0.5,
    model: str = "",
    model_version: str = "",
) -> Calibration:
    """Fit scale and offset by logistic regression, with both kinds of trial weighted by the prior.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    labels : ndarray of bool, shape (n,)
        Whether a trial has one voice on both sides.
    name : str
    prior : float
        How probable a trial of one voice is where the scores will be used.
    model, model_version : str

    Raises
    ------
    OptionError
        When one kind of trial is missing, a score is not finite, the prior is not between 0 and 1, all scores are
        equal, or they separate the trials, at most touching, so that no finite line is best.

    Examples
    --------
    >>> line = fit_calibration([0.2, 0.5, 0.4, 0.9], [False, False, True, True], name="four trials")
    >>> bool(line.apply(0.9) > 0 > line.apply(0.2))
    True

    References
    ----------
    brummer2006calibration, brummer2013bosaris

    Chapter: verification
    """
    from scipy.optimize import minimize

    targets, others = both_kinds(scores, labels)
    if not 0 < prior < 1:
        raise OptionError(f"prior must be between 0 and 1, got {prior}")
    everything = np.concatenate([targets, others])
    if everything.min() == everything.max():
        raise OptionError("all scores are equal, so they say nothing of the trials; calibrate other scores")
    # Where the two kinds no more than touch, a steeper line is always better, and the search ends wherever it tires.
    if targets.min() >= others.max() or targets.max() <= others.min():
        raise OptionError("the scores separate the trials without error; calibrate on harder or more trials")
    center, width = everything.mean(), everything.std()
    targets, others = (targets - center) / width, (others - center) / width

    def loss(line: np.ndarray) -> float:
        return cross_entropy(line[0] * targets + line[1], line[0] * others + line[1], prior)

    scale, offset = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-9}).x
    return Calibration(name, float(scale / width), float(offset - scale * center / width), model, model_version)
