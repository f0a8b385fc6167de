"""Plans of the cheap solvers and baselines, for searches to start from."""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.instances.records import changed
from splitfog.solvers.base import Request, SolverDeclined
from splitfog.solvers.registry import load_solver, own_infos, parse_options, solver_info
from splitfog.solvers.starts.packed_plans import plans_that_fit

SHARE = 0.25
"""Of the time left, at most this for one solver that watches its time limit."""


def warm_starts(request: Request) -> Iterator[Decision]:
    """The start plan, plans that fit in memory where it binds, then what every cheap solver finds.

    What these find may be feasible or not; they are asked while time remains.

    When time is over but `request` has no incumbent yet, the next ones are asked all the same.

    First for the objective itself, then for `latency`, whose plans are good starts for all. Plans
    with slices are left out.
    """
    yield from own_start(request)
    yield from plans_that_fit(request)
    for objective in _objectives(request.objective):
        for info in own_infos():
            late = request.out_of_time and request.incumbent is not None
            if info.cheap and objective.name in info.objectives and not late:
                found = plan_of(request, info.name, objective, _limit_s(request))
                if found is not None:
                    yield found


def _limit_s(request: Request) -> float | None:
    """What one solver may take."""
    return None if request.time_limit_s is None else max(SHARE * request.remaining_s, 1e-3)


def rivals(request: Request) -> Iterator[Decision]:
    """What every baseline finds for the objective itself, but the random one, whatever the time."""
    for info in own_infos():
        is_rival = info.kind == "baseline" and request.objective.name in info.objectives
        if is_rival and info.name != "random":
            found = plan_of(request, info.name, request.objective, _limit_s(request))
            if found is not None:
                yield found


def drawn(request: Request, limit_s: float) -> Iterator[Decision]:
    """What the random baseline finds in so many seconds."""
    found = plan_of(request, "random", request.objective, limit_s)
    if found is not None:
        yield found


def own_start(request: Request) -> list[Decision]:
    """The start plan, unless there is none or it has slices."""
    start = request.start
    return [] if start is None or any(task.stages for task in start.tasks) else [start]


def _objectives(objective: Objective) -> list[Objective]:
    """The objective itself, and `latency` as it counts transfers."""
    if objective.name == "latency":
        return [objective]
    return [objective, changed(objective, name="latency")]


def plan_of(
    request: Request, name: str, objective: Objective, limit_s: float | None = None
) -> Decision | None:
    """One solver's plan for the instance of a request, feasible or not."""
    info = solver_info(name)
    inner = Request(
        request.instance,
        objective,
        time_limit_s=limit_s,
        seed=request.seed,
        options=parse_options(info, {}),
    )
    try:
        answer = load_solver(info)(inner)
    except SolverDeclined:
        return None
    return answer.decision or inner.incumbent
