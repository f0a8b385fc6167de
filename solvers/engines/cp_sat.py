"""CP-SAT run so that it repeats itself, keeps its limits and can be stopped by Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from threading import Event, Thread
from typing import Any

from ortools.sat.python import cp_model

from splitfog.formulations.deadline import NEVER, Deadline

POLL_S = 0.1
"""How often the waiting thread looks for Ctrl-C."""


@dataclass(frozen=True, kw_only=True)
class SearchLimits:
    """Limits of one search: its deadline, deterministic effort, seed and workers.

    `is_broad` takes turns with all of CP-SAT's strategies, neighbourhood search among them, instead
    of raising the bound alone. `first_only` stops at the first solution.
    """

    deadline: Deadline = NEVER
    effort: float = inf
    seed: int = 0
    workers: int = 1
    is_broad: bool = False
    first_only: bool = False


@dataclass(frozen=True)
class CpSatResult:
    """What a search ended with; `solver` None if it has no solution."""

    solver: Any
    bound: float
    finished: bool
    infeasible: bool
    interrupted: bool


def search(model: cp_model.CpModel, limits: SearchLimits) -> CpSatResult:
    """Minimise; the same model, seed and workers give the same answer unless time runs out."""
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers = limits.workers
    parameters.random_seed = limits.seed % 2**31
    parameters.interleave_search = limits.workers > 1 or limits.is_broad
    if not parameters.interleave_search:
        # measured on segments of Inception and random DAGs: 3 to 100 times as fast as the default
        parameters.linearization_level = 0
        parameters.use_objective_lb_search = True
    parameters.stop_after_first_solution = limits.first_only
    # CP-SAT 9.15 proves wrong optima when its presolve merges at-most-ones into enforced linear
    # rows (OR-Tools issue 5293, met here too); this limit switches that step off.
    parameters.presolve_inclusion_work_limit = 0
    parameters.catch_sigint_signal = False
    if (left := limits.deadline.remaining_s) < inf:
        parameters.max_time_in_seconds = max(left, 0.0)
    if limits.effort < inf:
        parameters.max_deterministic_time = limits.effort
    status, interrupted = _run(solver, model)
    if status == cp_model.MODEL_INVALID:
        raise ValueError(f"CP-SAT refuses the model: {model.validate()}")
    has_solution = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    infeasible = status == cp_model.INFEASIBLE
    return CpSatResult(
        solver if has_solution else None,
        -inf if infeasible else solver.best_objective_bound,
        status == cp_model.OPTIMAL or infeasible,
        infeasible,
        interrupted,
    )


def _run(solver: cp_model.CpSolver, model: cp_model.CpModel) -> tuple[Any, bool]:
    """Solve in a thread of its own, since only the main thread sees Ctrl-C."""
    outcome: list[Any] = []
    done = Event()

    def work() -> None:
        try:
            outcome.append(solver.solve(model))
        except BaseException as error:
            outcome.append(error)
        finally:
            done.set()

    Thread(target=work, daemon=True).start()
    interrupted = False
    while not done.is_set():
        try:
            done.wait(POLL_S)
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            solver.stop_search()  # again and again: the search may not have begun yet
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0], interrupted
