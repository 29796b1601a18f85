"""Errors of naming a voice among many: closed-set accuracy and ranks, open-set identification and false alarms.

A probe is a voice to be named; the gallery is the set of enrolled voices. A decision names the best of the gallery when
its score is at or above the threshold, and says "unknown" otherwise.

Chapter: identification
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarbook.errors import OptionError


@dataclass(frozen=True, slots=True)
class OpenSetCurve:
    """Both rates at every threshold that changes something, from naming everybody to naming nobody.

    Parameters
    ----------
    thresholds : ndarray of shape (n,)
        Rising; the last is infinite.
    identification_rates : ndarray of shape (n,)
        Detection and identification rate: share of the enrolled probes that get their own name.
    false_alarm_rates : ndarray of shape (n,)
        Share of the probes that are not enrolled but get a name. NaN without such probes.

    Chapter: identification
    """

    thresholds: np.ndarray
    identification_rates: np.ndarray
    false_alarm_rates: np.ndarray

    def rate_at(self, false_alarm_rate: float) -> float:
        """The highest identification rate with at most this false alarm rate.

        Chapter: identification
        """
        allowed = self.false_alarm_rates <= false_alarm_rate
        return float(self.identification_rates[allowed].max()) if allowed.any() else float("nan")


def _checked(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, truth = np.asarray(scores, dtype=float), np.asarray(truth)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise OptionError(f"scores must have shape (probes, gallery) with somebody in the gallery, got {scores.shape}")
    if truth.shape != (len(scores),) or not np.issubdtype(truth.dtype, np.integer):
        raise OptionError(f"truth must hold one column of the scores for each of the {len(scores)} probes, or -1")
    if np.isnan(scores).any():
        raise OptionError("scores must not be NaN; leave out the probes that have no score")
    if len(truth) and (truth.min() < -1 or truth.max() >= scores.shape[1]):
        raise OptionError(f"truth must be -1 to {scores.shape[1] - 1}, got {truth.min()} to {truth.max()}")
    return scores, truth


def _best(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Highest score of each probe, and whether it is the right one's alone; a tie with another voice is an error."""
    rows = np.arange(len(scores))
    own = scores[rows, truth]
    rivals = scores.copy()
    rivals[rows, truth] = -np.inf
    return scores.max(axis=1), (own > rivals.max(axis=1)) & (truth >= 0)


def closed_set_accuracy(scores: np.ndarray, truth: np.ndarray) -> float:
    """Share of the probes whose own voice scores highest; all must be in the gallery.

    Parameters
    ----------
    scores : ndarray of shape (probes, gallery)
    truth : ndarray of int, shape (probes,)
        Column of each probe's own voice.

    Returns
    -------
    float
        NaN without probes. A tie for the highest score counts as an error.

    Raises
    ------
    OptionError
        When a probe is not in the gallery, or shapes and values do not fit.

    Examples
    --------
    >>> closed_set_accuracy([[0.9, 0.1], [0.6, 0.4]], [0, 1])
    0.5

    References
    ----------
    phillips2011evaluation

    Chapter: identification
    """
    scores, truth = _checked(scores, truth)
    if (truth < 0).any():
        raise OptionError("closed-set accuracy needs every probe in the gallery; use open_set_curve for the others")
    return float(_best(scores, truth)[1].mean()) if len(truth) else float("nan")


def open_set_curve(scores: np.ndarray, truth: np.ndarray) -> OpenSetCurve:
    """Detection and identification rate against false alarm rate, over all thresholds.

    Parameters
    ----------
    scores : ndarray of shape (probes, gallery)
    truth : ndarray of int, shape (probes,)
        Column of each probe's own voice; -1 where it is not enrolled.

    Raises
    ------
    OptionError
        When no probe is enrolled, or shapes and values do not fit.

    References
    ----------
    phillips2011evaluation, iso19795

    Chapter: identification
    """
    scores, truth = _checked(scores, truth)
    known = truth >= 0
    if not known.any():
        raise OptionError("an identification rate needs probes that are enrolled")
    best, right = _best(scores, truth)
    named = np.sort(best[known & right])
    alarms = np.sort(best[~known])
    thresholds = np.append(np.unique(np.concatenate([named, alarms])), np.inf)
    identified = len(named) - np.searchsorted(named, thresholds)
    alarmed = len(alarms) - np.searchsorted(alarms, thresholds)
    rates = alarmed / len(alarms) if len(alarms) else np.full(len(thresholds), np.nan)
    return OpenSetCurve(thresholds, identified / known.sum(), rates)


def cumulative_match_curve(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of the probes whose own voice is among the best k, for every k up to the size of the gallery.

    Parameters
    ----------
    scores : ndarray of shape (probes, gallery)
    truth : ndarray of int, shape (probes,)
        Column of each probe's own voice; all must be in the gallery.

    Returns
    -------
    ndarray of shape (gallery,)
        The first value is the closed-set accuracy. NaN without probes. Voices that tie with one's own are counted
        before it.

    Raises
    ------
    OptionError
        When a probe is not in the gallery, or shapes and values do not fit.

    References
    ----------
    phillips2011evaluation

    Chapter: identification
    """
    scores, truth = _checked(scores, truth)
    if (truth < 0).any():
        raise OptionError("a rank needs every probe in the gallery; use open_set_curve for the others")
    if not len(truth):
        return np.full(scores.shape[1], np.nan)
    own = scores[np.arange(len(scores)), truth]
    ranks = (scores >= own[:, None]).sum(axis=1)  # eq: id-rank
    return np.bincount(ranks, minlength=scores.shape[1] + 1)[1:].cumsum() / len(truth)


def search_false_alarm_rate(pair_rate: np.ndarray | float, gallery: np.ndarray | int) -> np.ndarray:
    """How often an unknown speaker gets some name, if every voice of the gallery is mistaken for them independently.

    Parameters
    ----------
    pair_rate : float or ndarray
        False alarm rate of one comparison.
    gallery : int or ndarray
        Number of voices that the unknown speaker is compared with.

    Returns
    -------
    ndarray
        Of the shape that both broadcast to.

    Raises
    ------
    OptionError
        When a rate is not between 0 and 1, or a gallery is negative.

    Examples
    --------
    >>> search_false_alarm_rate(0.001, [1, 100, 1000]).round(3).tolist()
    [0.001, 0.095, 0.632]

    References
    ----------
    iso19795

    Chapter: identification
    """
    pair_rate, gallery = np.asarray(pair_rate, dtype=float), np.asarray(gallery, dtype=float)
    if not ((pair_rate >= 0) & (pair_rate <= 1)).all():
        raise OptionError(f"a false alarm rate must be 0 to 1, got {pair_rate}")
    if (gallery < 0).any():
        raise OptionError(f"a gallery cannot be smaller than nobody, got {gallery}")
    with np.errstate(divide="ignore", invalid="ignore"):
        # In the form that keeps its digits when the rate is a millionth.
        return np.where(gallery == 0, 0.0, -np.expm1(gallery * np.log1p(-pair_rate)))  # eq: id-growth


def leave_one_out_scores(units: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Compare every utterance with every voice; a voice never contains the utterance that is compared with it.

    A voice is the mean of its utterances, brought to unit length.

    Parameters
    ----------
    units : ndarray of shape (utterances, d)
        Embeddings of unit length.
    truth : ndarray of int, shape (utterances,)
        Who speaks, as numbers from 0.

    Returns
    -------
    ndarray of shape (utterances, voices)
        Cosines; NaN where a voice has no other utterance than the compared one.

    Raises
    ------
    OptionError
        When the shapes do not fit, or numbers are missing between 0 and the highest.

    Chapter: identification
    """
    units, truth = np.asarray(units, dtype=float), np.asarray(truth)
    if units.ndim != 2 or truth.shape != (len(units),) or not np.issubdtype(truth.dtype, np.integer):
        raise OptionError(f"truth must number the speaker of each of the {len(units)} utterances")
    counts = np.bincount(truth)
    if not counts.all():
        raise OptionError("truth must use every number from 0 up to its highest; number the speakers anew")
    totals = np.zeros((len(counts), units.shape[1]))
    np.add.at(totals, truth, units)
    scores = units @ (totals / np.linalg.norm(totals, axis=1, keepdims=True)).T
    rest = totals[truth] - units
    alone = counts[truth] == 1
    length = np.where(alone, 1.0, np.linalg.norm(rest, axis=1))
    scores[np.arange(len(units)), truth] = np.where(alone, np.nan, (units * rest).sum(axis=1) / length)
    return scores
