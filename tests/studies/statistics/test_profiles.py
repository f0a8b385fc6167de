"""Performance profiles."""

from __future__ import annotations

import pytest

from splitfog.studies.statistics.profiles import profiles


def test_shares_within_a_factor_of_the_best() -> None:
    """Three problems with the best 1, 2 and 3: a has 1, 1 and fails, b has 2, 1, 1."""
    a, b = profiles({"a": [1, 2, None], "b": [2, 2, 3]})
    assert (a.solver, b.solver) == ("a", "b")
    assert [a.share(factor) for factor in (1, 1.9, 2, 1e9)] == pytest.approx([2 / 3] * 4)
    assert [b.share(factor) for factor in (1, 1.9, 2, 1e9)] == pytest.approx([2 / 3, 2 / 3, 1, 1])


def test_a_best_cost_of_zero() -> None:
    """Who has it too is as good; no factor leads from 0 to 1."""
    a, b, c = profiles({"a": [0.0], "b": [1.0], "c": [0.0]})
    assert (a.share(1), b.share(1e9), c.share(1)) == (1, 0, 1)


def test_a_problem_that_nobody_solves_counts() -> None:
    """One of two: 50 %, not 100 %."""
    (a,) = profiles({"a": [1.0, None]})
    assert a.share(1e9) == 0.5
