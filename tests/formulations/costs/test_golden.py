"""Every number of the golden cases comes out of the reference cost."""

import pytest

from splitfog import evaluate, violations
from tests.cases.golden import COSTS, NAMES, SINGLE, case, number


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("cost", COSTS)
def test_costs_of_single_tasks(name: str, cost: str) -> None:
    """The cost of each listed placement, feasible or not."""
    instance, data = case(name)
    for listed in data["placements"]:
        placement = {instance.tasks[0].name: listed["placement"]}
        value = evaluate(instance, placement, **COSTS[cost])
        assert value == pytest.approx(number(listed[cost]), rel=1e-12)


@pytest.mark.parametrize("name", SINGLE)
def test_violations(name: str) -> None:
    """A placement breaks a rule exactly where the case says so."""
    instance, data = case(name)
    for listed in data["placements"]:
        found = violations(instance, {instance.tasks[0].name: listed["placement"]})
        assert bool(found) == listed["violations"], found


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SINGLE)))
def test_mean_latency_of_streams(name: str) -> None:
    """The mean latency with Pollaczek-Khinchine waits, and every task's own."""
    instance, data = case(name)
    for listed in data["placements"]:
        cost = evaluate(instance, listed["placements"])
        assert cost == pytest.approx(number(listed["mean-latency"]), rel=1e-12)
        if listed["mean-latency"] is not None:
            own = [task.latency_s for task in cost.tasks]
            assert own == pytest.approx(listed["latency_s"], rel=1e-12)
