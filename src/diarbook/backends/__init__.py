"""From scores to decisions: score normalization by a cohort, and calibration to log-likelihood ratios.

Chapter: verification
"""

from diarbook.backends.calibration import Calibration, fit_calibration
from diarbook.backends.normalization import as_norm, s_norm, t_norm, z_norm

__all__ = ["Calibration", "as_norm", "fit_calibration", "s_norm", "t_norm", "z_norm"]
