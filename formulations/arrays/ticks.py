"""Ticks: the unit in which the durations of a makespan problem are whole numbers."""

from __future__ import annotations

from fractions import Fraction
from math import floor, frexp

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.tolerances import ROUNDING

PRECISION_BITS = 32
MOST_TICKS = 2.0**PRECISION_BITS
"""Of a known makespan: durations rounded down leave gaps of 1e-9 a layer."""


def ticks_per_second(durations: NDArray[np.float64], longest: float) -> float:
    """As few as the durations need to be whole numbers; where they are none, as many as can be.

    Parameters
    ----------
    durations
        Seconds, > 0 and at most `longest`.
    longest
        A known makespan; it has at most `MOST_TICKS`.
    """
    if longest == 0:
        return 1.0
    return _common(np.unique(durations), longest) or _largest_power(longest)


def whole_ticks(seconds: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Seconds in ticks, rounded down, but not where a whole number is missed by float rounding.

    So every schedule in seconds is one in ticks that ends no later than (1 + 2 ROUNDING) times its
    end, rounded down.
    """
    return np.asarray(np.floor(seconds * (scale * (1 + 2 * ROUNDING))))


def _common(durations: NDArray[np.float64], longest: float) -> float | None:
    """Ticks a second of which all durations are multiples; None if that takes too many.

    Euclid's algorithm on floats: a tick that does not divide a duration is cut by the denominator
    of their ratio, so it halves at least each time.
    """
    if not len(durations):
        return None
    tick = float(durations[0])
    while longest <= MOST_TICKS * tick:
        ratio = durations / tick
        missed = ratio[np.abs(ratio - np.rint(ratio)) > ROUNDING * ratio]
        if not len(missed):
            return 1 / tick
        exact = Fraction(float(missed[0]))
        near = exact.limit_denominator(max(1, floor(MOST_TICKS * tick / longest)))
        if abs(near - exact) > ROUNDING * exact:
            return None
        tick /= near.denominator
    return None


def _largest_power(longest: float) -> float:
    """The largest power of two S with longest * S <= `MOST_TICKS`."""
    mantissa, exponent = frexp(longest)
    return 2.0 ** min(PRECISION_BITS - exponent + (mantissa == 0.5), 1023)
