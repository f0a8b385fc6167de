"""Primal gaps and integrals."""

from __future__ import annotations

import pytest

from splitfog.studies.statistics.integral import Step, primal_gap, primal_integral


def test_a_gap_is_a_share_of_the_dearer() -> None:
    """4 beside 2: 2 / 4. No plan: 1. Nothing beside nothing: 0."""
    assert [primal_gap(cost, 2) for cost in (4, 2, None)] == [0.5, 0, 1]
    assert (primal_gap(0, 0), primal_gap(1, 0)) == (0, 1)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(1, 4), (3, 2)], 2),  # 1 s of 1, 2 s of 0.5, then 0
        ([(3, 2)], 3),
        ([], 10),
        ([(1, None), (12, 2)], 10),  # the plan came after the horizon
        ([(0, 4)], 5),  # half as good as possible, all the time
    ],
)
def test_an_integral_over_ten_seconds(steps: list[Step], expected: float) -> None:
    """The best cost is 2."""
    assert primal_integral(steps, best=2, horizon_s=10) == pytest.approx(expected)
