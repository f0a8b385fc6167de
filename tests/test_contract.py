"""Every registered solver and baseline x every small instance, held to the contract."""

import pytest

from splitfog.solvers.registry import solver_infos
from tests.checks import check_against_optimum, solved
from tests.golden import NAMES, OPTIMA, SINGLE, case, optimum

INFOS = {info.name: info for info in solver_infos()}


def supporting(objective: str) -> list[str]:
    """Names of those that minimise an objective."""
    return [name for name, info in INFOS.items() if objective in info.objectives]


@pytest.mark.parametrize("key", OPTIMA)
@pytest.mark.parametrize("solver", INFOS)
def test_single_task(solver: str, key: str) -> None:
    """The contract on the golden cases, and nothing claimed contradicts their optimum."""
    how = OPTIMA[key]
    if solver not in supporting(how["objective"]):
        pytest.skip("another objective")
    for name in SINGLE:
        plan = solved(case(name)[0], solver, **how, time_limit_s=20)
        if plan is not None:
            check_against_optimum(plan, optimum(name, key))


@pytest.mark.parametrize("objective", ["latency", "mean-latency", "period"])
@pytest.mark.parametrize("solver", INFOS)
def test_several_tasks(solver: str, objective: str) -> None:
    """The contract where several tasks share nodes, with rates and quotas."""
    if solver not in supporting(objective):
        pytest.skip("another objective")
    for name in sorted(set(NAMES) - set(SINGLE)):
        solved(case(name)[0], solver, objective=objective, time_limit_s=20)


@pytest.mark.parametrize("solver", supporting("makespan"))
def test_makespan(solver: str) -> None:
    """The contract for schedules."""
    for name in SINGLE:
        solved(case(name)[0], solver, objective="makespan", time_limit_s=20)
