"""Intervals by bootstrap over cases of one or several figures."""

from __future__ import annotations

from typing import Any

import pytest

from splitfog.studies.statistics.intervals import interval, mean_interval


def ratio(first: Any, second: Any, axis: int = -1) -> Any:
    """Of two sums."""
    return first.sum(axis=axis) / second.sum(axis=axis)


def test_figures_of_a_case_stay_together() -> None:
    """The first is twice the second in every case: whichever are drawn, the ratio is 2. Were the
    columns drawn apart, it would be between 2 * 1 / 9 and 2 * 9 / 1."""
    assert interval(ratio, [[2, 6, 18], [1, 3, 9]]) == pytest.approx((2, 2))


def test_the_order_of_cases_changes_nothing() -> None:
    """One and the same interval, to the last digit."""
    values = [n**2 / 7 for n in range(12)]
    assert mean_interval(values) == mean_interval(values[::-1])
    assert mean_interval(values) == mean_interval(values[1::2] + values[::2])


def test_no_interval_where_resamples_have_no_figure() -> None:
    """Of two cases a quarter of the resamples hold the first alone: 1 / 0."""
    assert interval(ratio, [[1, 1], [0, 1]]) == (None, None)
