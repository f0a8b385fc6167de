"""The shifted geometric mean."""

from __future__ import annotations

import numpy as np
import pytest

from splitfog.studies.statistics.means import shifted_geometric_mean


def test_values_are_shifted_there_and_back() -> None:
    """Of 0 and 3, shifted by 1: sqrt(1 * 4) - 1 = 1."""
    assert shifted_geometric_mean([0, 3], 1) == pytest.approx(1)


def test_without_shift_it_is_the_geometric_mean() -> None:
    """Of 1 and 4: 2; one 0 makes it 0, and warns of nothing."""
    assert shifted_geometric_mean([1, 4], 0) == pytest.approx(2)
    assert shifted_geometric_mean([0, 4], 0) == 0


def test_values_far_below_the_shift_keep_their_digits() -> None:
    """1e-15 beside a shift of 1: exp(log(1 + 1e-15)) - 1 would be 1.1e-15."""
    assert shifted_geometric_mean([1e-15], 1) == pytest.approx(1e-15, rel=1e-12)


def test_every_row_has_its_mean() -> None:
    """Along the last axis, as resamples lie."""
    means = shifted_geometric_mean(np.array([[0, 3], [3, 3]]), 1)
    assert means == pytest.approx([1, 3])
