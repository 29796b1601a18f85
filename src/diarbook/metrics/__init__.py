"""Scores of diarization, detection, segmentation and verification: exact, fast, explicit about their protocol.

Only NumPy and SciPy are imported.

Chapter: evaluation
"""

from diarbook.metrics.bootstrap import (
    Spread,
    bootstrap_interval,
    bootstrap_values,
    error_rows,
    paired_difference,
    rate_spread,
    ratio_interval,
    rule_of_three,
    shared_people,
)
from diarbook.metrics.confusion import ConfusionMatrix, confusion_matrix
from diarbook.metrics.der import (
    DiarizationError,
    best_matching,
    diarization_error,
    diarization_errors,
    identification_error,
    mean_rate,
    pool,
)
from diarbook.metrics.detection import DetectionError, detection_error, overlap_detection_error, pool_detection
from diarbook.metrics.exclusions import Exclusions, corpus_exclusions
from diarbook.metrics.identification import OpenSetCurve, closed_set_accuracy, open_set_curve
from diarbook.metrics.jer import JaccardError, jaccard_error, jaccard_errors, pool_jaccard
from diarbook.metrics.protocol import PRESETS, Protocol, ProtocolCard, preset
from diarbook.metrics.report import Report, score
from diarbook.metrics.segmentation import (
    BoundaryScores,
    Share,
    boundary_scores,
    coverage,
    coverage_share,
    pool_boundaries,
    purity,
    purity_share,
)
from diarbook.metrics.timeline import ErrorSpan, error_timeline
from diarbook.metrics.verification import (
    DetectionErrorTradeoff,
    OperatingPoint,
    detection_error_tradeoff,
    equal_error_point,
    equal_error_rate,
    minimum_detection_cost,
    minimum_detection_cost_point,
)

__all__ = [
    "PRESETS",
    "BoundaryScores",
    "ConfusionMatrix",
    "DetectionError",
    "DetectionErrorTradeoff",
    "DiarizationError",
    "ErrorSpan",
    "Exclusions",
    "JaccardError",
    "OpenSetCurve",
    "OperatingPoint",
    "Protocol",
    "ProtocolCard",
    "Report",
    "Share",
    "Spread",
    "best_matching",
    "bootstrap_interval",
    "bootstrap_values",
    "boundary_scores",
    "closed_set_accuracy",
    "confusion_matrix",
    "corpus_exclusions",
    "coverage",
    "coverage_share",
    "detection_error",
    "detection_error_tradeoff",
    "diarization_error",
    "diarization_errors",
    "equal_error_point",
    "equal_error_rate",
    "error_rows",
    "error_timeline",
    "identification_error",
    "jaccard_error",
    "jaccard_errors",
    "mean_rate",
    "minimum_detection_cost",
    "minimum_detection_cost_point",
    "open_set_curve",
    "overlap_detection_error",
    "paired_difference",
    "pool",
    "pool_boundaries",
    "pool_detection",
    "pool_jaccard",
    "preset",
    "purity",
    "purity_share",
    "rate_spread",
    "ratio_interval",
    "rule_of_three",
    "score",
    "shared_people",
]
