"""Every registered solver and baseline x every small instance, held to the contract."""

import pytest

from splitfog.solvers.registry import solver_infos
from tests.cases.golden import NAMES, OPTIMA, SINGLE, case, optimum
from tests.checks import check_against_optimum, solved

FOG = sorted(set(NAMES) - set(SINGLE))
INFOS = solver_infos()


def pairs(*objectives: str) -> list[tuple[str, str]]:
    """(solver, objective) for all that a solver minimises."""
    return [(info.name, name) for info in INFOS for name in objectives if name in info.objectives]


@pytest.mark.parametrize(
    ("solver", "key"),
    [(s.name, key) for s in INFOS for key in OPTIMA if OPTIMA[key]["objective"] in s.objectives],
)
def test_single_task(solver: str, key: str) -> None:
    """The contract on the golden cases, and nothing claimed contradicts their optimum."""
    for name in SINGLE:
        plan = solved(case(name)[0], solver, **OPTIMA[key], time_limit_s=20)
        if plan is not None:
            check_against_optimum(plan, optimum(name, key))


@pytest.mark.parametrize(
    ("solver", "objective"), pairs("latency", "mean-latency", "period", "batch")
)
def test_several_tasks(solver: str, objective: str) -> None:
    """The contract where several tasks share nodes, with rates and quotas."""
    for name in FOG:
        solved(case(name)[0], solver, objective=objective, time_limit_s=20)


@pytest.mark.parametrize(("solver", "objective"), pairs("makespan"))
def test_makespan(solver: str, objective: str) -> None:
    """The contract for schedules."""
    for name in SINGLE:
        solved(case(name)[0], solver, objective=objective, time_limit_s=20)
