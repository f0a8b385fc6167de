"""Exponents of growth."""

from __future__ import annotations

import pytest

from splitfog.studies.statistics.growth import growth


def test_a_square_has_the_exponent_two() -> None:
    """3 n**2, exactly: so has the interval."""
    found = growth([1, 2, 4], [3, 12, 48])
    assert found is not None
    assert (found.exponent, found.low, found.high) == pytest.approx((2, 2, 2))


def test_an_outlier_changes_the_interval_only() -> None:
    """Of ten slopes six are 2; those of the fourth case, a hundred times too slow, lie around."""
    found = growth([1, 2, 4, 8, 16], [1, 4, 16, 6400, 256])
    assert found is not None
    assert found.exponent == pytest.approx(2)
    assert found.low < 0 and found.high > 3


def test_two_sizes_have_no_exponent() -> None:
    """However many cases; and warn of nothing."""
    assert growth([2, 2, 4, 4], [1, 2, 3, 4]) is None
    assert growth([], []) is None
