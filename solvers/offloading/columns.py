"""`mean-latency` of given subtasks with one column per (node, set of subtasks) (ours).

The linear relaxation is solved by column generation (`master`). Columns whose reduced
cost exceeds what is left between its bound and the best assignment known are in no better one; the
rest goes to HiGHS as a 0-1 program.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.arrays import Integers
from splitfog.instances.records import changed
from splitfog.solvers.base import Request
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.offloading.master import Column, Master

FAR = 0.25
"""What is found below this part of the unit is too far below it."""
MOST_COLUMNS = 8_000
"""Of the 0-1 program; if more might matter, the cheapest, and a bound that says so."""
RESERVE_S = 4.0
"""Left of the time limit for HiGHS to look at its clock, and for checking the answer."""


@dataclass(frozen=True)
class BestAssignment:
    """An assignment (None: none better than the start), the bound in seconds, why it stopped."""

    assignment: Integers | None
    bound: float
    stopped_by: StoppedBy = "finished"


def solve_by_columns(
    assignments: Assignments, start: Integers | None, value: float, request: Request
) -> BestAssignment:
    """The best assignment, if better than `start` of `value` seconds, and a bound for all.

    What is found without a start, or is much better than it, is a start: the programs are in units
    of its value, which for proofs must not be far above the optimum.
    """
    found = _solved(assignments, start, value, request)
    if found.assignment is not None and found.stopped_by == "finished":
        cost = assignments.cost(found.assignment)
        if assignments.obeys(found.assignment, cost) and 0 < cost.value < FAR * value:
            again = solve_by_columns(assignments, found.assignment, cost.value, request)
            best = found.assignment if again.assignment is None else again.assignment
            return changed(again, assignment=best, bound=max(found.bound, again.bound))
    return found


def _solved(
    assignments: Assignments, start: Integers | None, value: float, request: Request
) -> BestAssignment:
    """The same in units of `value`."""
    if (assignments.links.base_load >= 1).any():
        return BestAssignment(None, inf)
    master = Master(assignments, value if start is not None else inf, request.deadline)
    stopped = master.generate(start, request)
    if stopped is not None or master.bound >= master.cutoff:
        return BestAssignment(
            None, master.seconds(min(master.bound, master.cutoff)), stopped or "finished"
        )
    limit = min(10.0, request.remaining_s / 5)
    better = _program(master, master.columns, limit, request.seed)[0]
    best = start
    if better is not None:
        cost = assignments.cost(better)
        if assignments.obeys(better, cost) and cost.value < master.value:
            best, master.cutoff = better, cost.value / master.unit_s
    columns, beyond = master.survivors(MOST_COLUMNS, request.part(0.5))
    limit = max(request.remaining_s - RESERVE_S, request.remaining_s / 2)
    final, bound, stopped = _program(master, columns, limit, request.seed, best)
    bound = min(max(bound, master.bound), beyond, master.cutoff)
    return BestAssignment(better if final is None else final, master.seconds(bound), stopped)


def _program(
    master: Master,
    columns: list[Column],
    limit_s: float,
    seed: int,
    start: Integers | None = None,
) -> tuple[Integers | None, float, StoppedBy]:
    """The 0-1 program over these columns: assignment, bound in units, why it stopped."""
    given = set() if start is None else set(master.columns_of(start))
    columns = list(dict.fromkeys([*columns, *given]))
    program, limits = LinearProgram(constant=master.constant), master.limits()
    rows: list[list[tuple[int, float]]] = [[] for _ in limits]
    for column in columns:
        number = program.add_column(master.cost(column), is_binary=True)
        for row, value in master.terms(column):
            rows[row].append((number, value))
    excess = {}
    for group in master.rows.barriers.tolist():
        excess[group] = program.add_column(1.0, upper=inf)
        for row in master.excess_terms(group):
            rows[row].append((excess[group], 1.0))
    for row_terms, (lower, upper) in zip(rows, limits, strict=True):
        program.add_row(row_terms, lower, upper)
    for way in master.lengthened(columns):
        program.add_row([(excess[way.group], 1.0), *way.terms], way.lower)
    values = {i: float(column in given) for i, column in enumerate(columns)} if given else None
    result = solve_program(
        program, time_limit_s=limit_s, start=values, seed=seed, relative_gap=1e-7
    )
    if result.values is None:
        return None, inf if result.infeasible else result.bound, result.stopped_by
    assignment = np.full(master.rows.count, -1)
    for column, taken in zip(columns, result.values, strict=False):
        if taken > 0.5:
            assignment[master.held(column)] = column[0]
    return (assignment if (assignment >= 0).all() else None), result.bound, result.stopped_by
