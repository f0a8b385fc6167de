"""Holm's correction."""

from __future__ import annotations

import pytest

from splitfog.studies.statistics.holm import holm


def test_each_is_multiplied_by_how_many_are_left() -> None:
    """Ascending 0.01 * 3 = 0.03, 0.03 * 2 = 0.06, and 0.04 * 1 is raised to the 0.06 before it."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_none_is_above_one() -> None:
    """0.6 * 2 is 1; of no test there is none."""
    assert holm([0.9, 0.6]) == [1, 1]
    assert holm([]) == []
