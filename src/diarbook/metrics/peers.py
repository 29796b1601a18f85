"""The same score by other scorers, each called by its own conventions; for comparison only.

The packages are imported when a function is called.

Chapter: evaluation
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from diarbook.metrics.der import diarization_error
from diarbook.turns import Turn, to_annotation


def ours(reference: Sequence[Turn], hypothesis: Sequence[Turn], collar=0.0, skip_overlap=False, uem=None) -> float:
    """Diarization error rate by this book.

    Chapter: evaluation
    """
    return diarization_error(reference, hypothesis, collar=collar, skip_overlap=skip_overlap, uem=uem).rate


def by_pyannote(reference, hypothesis, collar=0.0, skip_overlap=False, uem=None) -> float:
    """Diarization error rate by pyannote.metrics; ``collar`` is handed over as it is.

    Chapter: evaluation
    """
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    regions = None if uem is None else Timeline([Segment(*row) for row in np.asarray(uem).tolist()])
    metric = DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that there is no UEM, which is the point here
        return float(metric(to_annotation(reference), to_annotation(hypothesis), uem=regions))


def _rows(turns: Sequence[Turn]) -> list[tuple[str, float, float]]:
    return [(turn.speaker, turn.start, turn.end) for turn in turns]


def by_spyder(reference, hypothesis, collar=0.0, skip_overlap=False, uem=None) -> float:
    """Diarization error rate by spyder.

    Chapter: evaluation
    """
    import spyder

    return float(
        spyder.DER(
            _rows(reference),
            _rows(hypothesis),
            uem=None if uem is None else [tuple(row) for row in np.asarray(uem).tolist()],
            collar=collar,
            regions="nonoverlap" if skip_overlap else "all",
        ).der
    )


def by_simpleder(reference, hypothesis, collar=0.0, skip_overlap=False, uem=None) -> float:
    """Diarization error rate by simpleder, which has no UEM: NaN when there is one.

    Chapter: evaluation
    """
    import simpleder

    if uem is not None:
        return math.nan
    return float(simpleder.DER(_rows(reference), _rows(hypothesis), collar=collar, skip_overlap=skip_overlap))


SCORERS: dict[str, Callable[..., float]] = {
    "ours": ours,
    "pyannote.metrics": by_pyannote,
    "spyder": by_spyder,
    "simpleder": by_simpleder,
}


def every_rate(reference: Sequence[Turn], hypothesis: Sequence[Turn], **options) -> dict[str, float]:
    """Diarization error rate by each scorer, with the same arguments.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn
    **options
        ``collar``, ``skip_overlap`` and ``uem``.

    Returns
    -------
    dict of str to float
        By scorer; NaN where one cannot answer.

    Chapter: evaluation
    """
    return {name: scorer(reference, hypothesis, **options) for name, scorer in SCORERS.items()}
