"""0-1 programs by HiGHS or CBC, with time limit, dual bound, start and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.records import changed
from splitfog.solvers.engines.result import FEASIBILITY, Call, MilpResult, Watch

Engine = Literal["cbc", "highs"]
DOUBT = 3 * FEASIBILITY
"""What is taken off an engine's bound beside `BOUND_SLACK`: HiGHS looks for nothing that is better
by less than `FEASIBILITY`, a row of the objective may be broken by as much, and so may whole
numbers. It is absolute: a proof to 1e-6 needs an optimum that is no smaller than about 1/3 (scale
by a known value and, where what is found is much smaller, by that again)."""

__all__ = ["DOUBT", "Engine", "MilpResult", "Watch", "solve_program"]


def solve_program(
    program: LinearProgram,
    engine: Engine = "highs",
    *,
    time_limit_s: float = inf,
    relative_gap: float = 1e-9,
    start: Mapping[int, float] | None = None,
    seed: int = 0,
    target: float = -inf,
    threads: int = 0,
    watch: Watch | None = None,
) -> MilpResult:
    """The best solution that an engine finds within a time limit, and its dual bound.

    Parameters
    ----------
    program
        What is minimised; costs and rows scaled so that numbers are near 1.
    engine
        The back end.
    time_limit_s
        Seconds, inf for no limit.
    relative_gap
        At which the engine stops.
    start
        Values of (at least) all binary columns of a feasible solution.
    seed
        Of the engine's own choices.
    target
        HiGHS stops at a solution whose costs are no more.
    threads
        Of the engine; 0 leaves it the choice.
    watch
        Told of HiGHS's better solutions and bounds while it runs; CBC says nothing before its end.
        What it raises ends the search.

    Returns
    -------
    MilpResult
        After Ctrl-C with `stopped_by` "interrupted" and what was found so far.
    """
    deadline = Deadline(time.perf_counter() + time_limit_s)
    if time_limit_s <= 0:
        return MilpResult(None, -inf, stopped_by="time limit")
    for presolved in (True, False):
        how = Call(
            deadline=deadline,
            gap=relative_gap,
            start=dict(start or {}),
            seed=seed,
            presolved=presolved,
            threads=threads,
        )
        if engine == "highs":
            from splitfog.solvers.engines.highs import solve_by_highs

            told = watch and _certain(program, watch)
            result, failed = solve_by_highs(program, how, target, told)
        else:
            from splitfog.solvers.engines.cbc import solve_by_cbc

            result, failed = solve_by_cbc(program, how), False
        if not (failed or (start and result.infeasible)):
            break
    return _rounded(program, result)


def _rounded(program: LinearProgram, result: MilpResult) -> MilpResult:
    """The result with bounds that are sure, and no columns but the program's."""
    values = None if result.values is None else result.values[: program.num_columns]
    root = None if result.root is None else _sure(program, result.root)
    return changed(result, values=values, bound=_sure(program, result.bound), root=root)


def _sure(program: LinearProgram, bound: float) -> float:
    """An engine's bound rounded down, and never below what the columns alone say."""
    least = sum(c * u for c, u in zip(program.cost, program.upper) if c < 0)
    if -inf < bound < inf:
        bound -= BOUND_SLACK * (abs(bound) + abs(program.constant)) + DOUBT
    return max(bound, least) + program.constant


def _certain(program: LinearProgram, watch: Watch) -> Watch:
    """Who watches, told of bounds that are sure and of no columns but the program's."""

    def told(values: NDArray[np.float64] | None, bound: float) -> None:
        own = None if values is None else values[: program.num_columns]
        watch(own, _sure(program, bound))

    return told
