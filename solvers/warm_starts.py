"""Plans of the cheap solvers and baselines, for searches to start from."""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.solvers.base import Request, SolverDeclined
from splitfog.solvers.registry import load_solver, parse_options, solver_infos

CHEAP = (
    "min-cut",
    "chain-dp",
    "hpa",
    "hpa-plain",
    "greedy",
    "heft",
    "cpop",
    "device-only",
    "edge-only",
    "cloud-only",
    "pipedream",
    "dads",
)
"""Polynomial and fast, in the order in which they are asked."""

SHARE = 0.25
"""Of the time left, at most this for one solver that watches its time limit."""


def warm_starts(request: Request) -> Iterator[Decision]:
    """The start plan, then what every cheap solver finds, feasible or not, while time remains.

    When time is over but `request` has no incumbent yet, the next ones are asked all the same.

    Solvers that do not minimise the objective are asked for `latency` instead: its plans are good
    starts for all objectives. Plans with slices are left out.
    """
    if request.start is not None and not any(task.stages for task in request.start.tasks):
        yield request.start
    for info in solver_infos():
        if info.name not in CHEAP:
            continue
        for objective in _objectives(request.objective):
            late = request.out_of_time and request.incumbent is not None
            if objective.name in info.objectives and not late:
                found = _plan(request, info.name, objective)
                if found is not None:
                    yield found


def _objectives(objective: Objective) -> list[Objective]:
    """The objective itself, and `latency` as it counts transfers."""
    if objective.name == "latency":
        return [objective]
    return [objective, Objective("latency", objective.transfers, objective.monotone)]


def _plan(request: Request, name: str, objective: Objective) -> Decision | None:
    """One solver's plan."""
    info = next(info for info in solver_infos() if info.name == name)
    limit = None if request.time_limit_s is None else max(SHARE * request.remaining_s, 1e-3)
    inner = Request(request.instance, objective, limit, request.seed)
    inner.options = parse_options(info, {})
    try:
        answer = load_solver(info)(inner)
    except SolverDeclined:
        return None
    return answer.decision or inner.incumbent
