"""How a solver's time grows with the size of instances: the exponent of a power law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from splitfog.studies.statistics.intervals import CONFIDENCE

FEWEST_SIZES = 3


class Growth(Struct, frozen=True, kw_only=True):
    """seconds ~ size ** exponent, with the 95 % interval of the exponent."""

    exponent: float
    low: float
    high: float


def growth(sizes: Sequence[float], seconds: Sequence[float]) -> Growth | None:
    """The exponent of a solver's time, robust to outliers.

    The median of the slopes between any two cases of different sizes, on logarithmic scales.

    Parameters
    ----------
    sizes, seconds
        Of every case, both above 0.

    Returns
    -------
    Growth or None
        None for fewer than three different sizes.

    References
    ----------
    Sen, Estimates of the Regression Coefficient Based on Kendall's Tau, 1968.
    """
    if len(set(sizes)) < FEWEST_SIZES:
        return None
    from scipy.stats import theilslopes

    found = theilslopes(np.log(seconds), np.log(sizes), alpha=CONFIDENCE)
    return Growth(
        exponent=float(found.slope), low=float(found.low_slope), high=float(found.high_slope)
    )
