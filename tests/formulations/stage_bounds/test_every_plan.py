"""No plan at all is below the bounds: against the least of every plan there is."""

from __future__ import annotations

from math import inf

import pytest

from splitfog.formulations.bounds.without_stages import bound_without_stages
from splitfog.formulations.objective import Objective
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from tests.cases.enumeration.instances import small_instance
from tests.cases.enumeration.least import TooMany, least_plan
from tests.cases.enumeration.plain import plain_least
from tests.cases.enumeration.slicings import covers

LOOSE = Objective("mean-latency", monotone=False)


@pytest.mark.parametrize(
    ("height", "width", "number"), [(1, 1, 1), (1, 3, 4), (2, 2, 8), (3, 3, 322)]
)
def test_all_covers_are_there(height, width, number):
    """As many as rectangulations of a grid: the two pinwheels of 3 x 3 are among the 322."""
    found = list(covers(height, width))
    assert len(set(found)) == len(found) == number


@pytest.mark.parametrize("name", ["mean-latency", "latency"])
def test_the_least_is_that_of_the_reference(name):
    """The same as by the reference alone, wherever there are no more than 500 plans."""
    seen, objective = 0, Objective(name, monotone=False)
    for seed in range(1000, 1080):
        instance = small_instance(seed, streams=name == "mean-latency", pixels=2)
        expected = plain_least(instance, objective, most=500)
        if expected is not None:
            seen += expected < inf
            assert least_plan(instance, objective)[0] == pytest.approx(expected, rel=1e-9), seed
    assert seen > 10


def held(seed: int) -> float:
    """The least value of an instance, held to both bounds; inf where there is no plan to find."""
    instance = small_instance(seed)
    try:
        least, _ = least_plan(instance, LOOSE, limit=300_000)
    except TooMany:
        return inf
    if least < inf:
        bound, unsliced = bound_over_all_plans(instance), bound_without_stages(instance)
        assert bound is not None, seed
        assert bound <= least, seed
        assert unsliced is not None, seed
    return least


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(b, marks=pytest.mark.slow) for b in range(1, 8))]
)
def test_no_plan_is_below_the_bound_over_all(block):
    """A hundred random instances a block, about seventy of which have a plan."""
    values = [held(seed) for seed in range(100 * block, 100 * block + 100)]
    assert sum(value < inf for value in values) > 55
