"""ticks: few where durations are multiples of one, and never longer than what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitfog.formulations.arrays.ticks import MOST_TICKS, ticks_per_second, whole_ticks

units = st.integers(-12, 12).map(lambda power: 10.0**power)
counts = st.lists(st.integers(1, 10**6), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        ([21.0, 71.0, 16.0], [21, 71, 16]),
        ([0.006, 0.015, 0.3], [2, 5, 100]),  # of 3 ms
        ([1.5, 2.0 / 3.0], [9, 4]),  # of 1/6 s
        ([7.25], [1]),
    ],
)
def test_by_hand(seconds: list[float], ticks: list[int]) -> None:
    """The greatest common divisor, also of decimal fractions that floats do not hold exactly."""
    durations = np.array(seconds)
    scale = ticks_per_second(durations, float(durations.max()) * 9)
    assert whole_ticks(durations, scale).tolist() == ticks


@given(counts, units)
def test_multiples_are_counted(counts: list[int], unit: float) -> None:
    """The same whole numbers in any unit of time, in lowest terms."""
    whole = np.array(counts, float)
    scale = ticks_per_second(whole * unit, float(whole.sum()) * unit)
    ticks = whole_ticks(whole * unit, scale)
    assert ticks.tolist() == (whole / np.gcd.reduce(np.array(counts))).tolist()


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=20), units)
def test_a_tick_is_never_too_long(seconds: list[float], unit: float) -> None:
    """Rounded down but for float rounding; a known makespan has at most 2^32 ticks."""
    durations = np.array(seconds) * unit
    longest = float(durations.sum())
    scale = ticks_per_second(durations, longest)
    ticks = whole_ticks(durations, scale)
    assert (ticks <= durations * scale * (1 + 1e-11)).all()
    assert (ticks > durations * scale - 1).all()
    assert longest * scale <= MOST_TICKS * (1 + 1e-9)


def test_nothing_lasts() -> None:
    """No duration, or a makespan of 0: any tick will do."""
    assert ticks_per_second(np.zeros(0), 1.0) > 0
    assert ticks_per_second(np.zeros(0), 0.0) == 1.0
