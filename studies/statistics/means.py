"""The shifted geometric mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

SHIFT_S = 1e-3
"""Seconds by which values are shifted, so that zeros have a mean and trifles little weight."""


def shifted_geometric_mean(values: ArrayLike, shift: float = SHIFT_S, axis: int = -1) -> Any:
    """exp(mean(log(value + shift))) - shift, along an axis.

    Parameters
    ----------
    values
        At least 0, at least one along the axis.
    shift
        In the values' unit; 0 gives the geometric mean, which is 0 as soon as one value is.
    axis
        Along which the mean is taken.

    Returns
    -------
    float or numpy.ndarray
        In the values' unit, between the least and the largest of them.

    References
    ----------
    Achterberg, Constraint Integer Programming, 2007, appendix A.3.
    """
    return from_logs(shifted_logs(values, shift).mean(axis=axis), shift)


def shifted_logs(values: ArrayLike, shift: float) -> Any:
    """What is averaged: log(value / shift + 1), or the plain logarithm where there is no shift."""
    given = np.asarray(values, dtype=float)
    if shift > 0:
        return np.log1p(given / shift)
    with np.errstate(divide="ignore"):  # log 0 is -inf, and exp of that 0
        return np.log(given)


def from_logs(mean: Any, shift: float) -> Any:
    """The value whose `shifted_logs` is this mean."""
    return shift * np.expm1(mean) if shift > 0 else np.exp(mean)
