"""The bound on `latency` over all plans, held to every plan there is."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from splitfog.solvers.exact.sliced_latency import sliced_latency_bound
from tests.cases.enumeration.sliced_latencies import least_latency, sliced_case


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_no_plan_is_below_the_bound(first: int) -> None:
    """Random small cases of every kind: placements, stages with any home, any slices."""
    for seed in range(first, first + 10):
        instance, objective = sliced_case(np.random.default_rng(seed))
        least = least_latency(instance, objective)
        bound = sliced_latency_bound(instance, objective)
        assert least == inf or (bound is not None and bound <= least), seed
