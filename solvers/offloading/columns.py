"""`mean-latency` of given subtasks with one column per (node, set of subtasks) (ours).

The linear relaxation is solved by column generation (`relaxation`). Columns whose reduced cost
exceeds what is left between its bound and the best assignment known are in no better one; the rest
goes to HiGHS as a 0-1 program. Where it is too much for that, the relaxation is branched (`tree`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.arrays import Integers
from splitfog.instances.records import changed
from splitfog.solvers.base import Request
from splitfog.solvers.engines.milp import solve_program
from splitfog.solvers.offloading.master import Column, Layout, Master
from splitfog.solvers.offloading.relaxation import Relaxation
from splitfog.solvers.offloading.tree import branched

FAR = 0.25
"""What is found below this part of the unit is too far below it."""
MOST_COLUMNS = 8_000
"""Of the 0-1 program over all that might matter."""
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
    root = Relaxation(master)
    if start is not None:
        root.add(master.columns_of(start), master.layouts_of(start))
    if not root.solve(request.deadline):
        return BestAssignment(None, master.seconds(min(root.bound, master.cutoff)), "time limit")
    if root.bound >= master.cutoff:
        return BestAssignment(None, master.seconds(master.cutoff))
    limit = min(5.0, request.remaining_s / 10)
    better = _program(root, root.columns, root.layouts, limit, request.seed)[0]
    best = start
    if better is not None:
        cost = assignments.cost(better)
        if assignments.obeys(better, cost) and cost.value < master.value:
            best, master.cutoff = better, cost.value / master.unit_s
    columns, beyond = root.survivors(MOST_COLUMNS, request.part(0.1))
    limit = max(request.remaining_s - RESERVE_S, request.remaining_s / 2)
    if beyond < master.cutoff < inf:
        deadline = Deadline(request.clock() + limit, request.clock)
        final, bound = branched(root, deadline)
        stopped: StoppedBy = "time limit" if deadline.is_over else "finished"
    else:
        layouts = root.surviving_layouts()
        final, bound, stopped = _program(root, columns, layouts, limit, request.seed, best)
        bound = min(bound, beyond)
    bound = min(max(bound, root.bound), master.cutoff)
    return BestAssignment(better if final is None else final, master.seconds(bound), stopped)


def _program(
    root: Relaxation,
    columns: list[Column],
    layouts: list[Layout],
    limit_s: float,
    seed: int,
    start: Integers | None = None,
) -> tuple[Integers | None, float, StoppedBy]:
    """The 0-1 program over these columns and layouts: assignment, bound in units, why it stopped.

    Layouts need not be whole: columns that are leave one of a stage.
    """
    master = root.master
    given = set() if start is None else set(master.columns_of(start))
    columns = list(dict.fromkeys([*columns, *given]))
    laid = [] if start is None else master.layouts_of(start)
    layouts = list(dict.fromkeys([*layouts, *laid]))
    program, limits = LinearProgram(constant=master.constant), master.limits()
    rows: list[list[tuple[int, float]]] = [[] for _ in limits]

    def put(terms: list[tuple[int, float]], cost: float, upper: float, is_binary: bool) -> None:
        number = program.add_column(cost, upper=upper, is_binary=is_binary)
        for row, value in terms:
            rows[row].append((number, value))

    for column in columns:
        put(master.terms(column), master.cost(column), 1.0, True)
    for layout in layouts:
        put(master.layout_terms(layout), master.level(layout), 1.0, False)
        put(master.longer_terms(layout), 1.0, inf, False)
    for row_terms, (lower, upper) in zip(rows, limits, strict=True):
        program.add_row(row_terms, lower, upper)
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
    chosen = result.values[len(columns) :: 2]
    for (barrier, at), taken in zip(layouts, chosen, strict=False):
        own = master.layouts[barrier]
        if taken > 0.5 and own.places[at].min() >= 0:  # whatever else holds a slice, for nothing
            assignment[own.slices] = own.places[at]
    return (assignment if (assignment >= 0).all() else None), result.bound, result.stopped_by
