"""Bootstrap intervals over independent cases, which for a comparison are its instances.

Bias-corrected and accelerated, 9,999 resamples from a seed. Where that is not defined, the plain
percentiles. Cases are sorted first: their order and names change nothing.

References
----------
Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 14.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 9999

Interval = tuple[float | None, float | None]
"""The ends of a 95 % interval; None where there is none."""


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval:
    """The interval of the mean of independent values.

    None for fewer than two; where all values are the same, that one.
    """
    if len(values) > 1 and min(values) == max(values):
        return values[0], values[0]
    return interval(np.mean, [values], seed)


def interval(
    statistic: Callable[..., Any], columns: Sequence[Sequence[float]], seed: int = 0
) -> Interval:
    """The interval of a statistic of cases that are resampled whole.

    Parameters
    ----------
    statistic
        Takes an array a column, and `axis` along which cases lie.
    columns
        One or more figures of every case: the same length each.
    seed
        Of the resamples.

    Returns
    -------
    tuple of float or None
        None for fewer than two cases, or where the statistic of some resamples is not finite.
    """
    if len(columns[0]) < 2:
        return None, None
    data = tuple(np.array(sorted(zip(*columns, strict=True))).T)
    for method in ("BCa", "percentile"):
        low, high = _bootstrap(statistic, data, method, seed)
        if isfinite(low) and isfinite(high):
            return low, high
    return None, None


def _bootstrap(
    statistic: Callable[..., Any], data: tuple[Any, ...], method: str, seed: int
) -> tuple[float, float]:
    from scipy.stats import bootstrap

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what is not defined is nan, and that is seen
        found = bootstrap(
            data,
            statistic,
            n_resamples=RESAMPLES,
            batch=max(1, 10_000_000 // len(data[0])),
            confidence_level=CONFIDENCE,
            method=method,
            paired=len(data) > 1,
            vectorized=True,
            random_state=np.random.default_rng(seed),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
