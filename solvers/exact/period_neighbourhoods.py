"""Better plans for `period` by small programs: all units of a few nodes are placed anew (ours)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from splitfog.formulations.costs.reference import decision_cost
from splitfog.formulations.decision import Decision
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.programs.placement import PlacementProgram
from splitfog.formulations.tolerances import BOUND_SLACK, EQUAL
from splitfog.instances.records import changed
from splitfog.solvers.base import Request
from splitfog.solvers.engines.milp import solve_program

FREED = 3
"""Nodes that a small program empties."""
ROUND_S = 4.0
"""Seconds that it may take."""


def improve_period(
    request: Request, built: PlacementProgram, engine: Literal["cbc", "highs"], seconds: float
) -> None:
    """Offer what small programs make of the best decision, until the time is over.

    Each frees the busiest node and a few drawn at random, and minimises the longest busy time of
    these, while nothing else may become busier than the longest now. `built` must be without
    rows that break symmetries.
    """
    rng = np.random.default_rng(request.seed)
    end_s = request.elapsed_s + min(seconds, request.remaining_s)
    decision = request.incumbent
    while decision is not None and request.elapsed_s < end_s:
        freed = _drawn(request, decision, rng)
        program = _freed_program(built, decision, freed, _value(request, decision))
        start = built.encode(decision)
        result = solve_program(
            program,
            engine,
            time_limit_s=min(ROUND_S, end_s - request.elapsed_s),
            relative_gap=1e-4,
            start=start,
            seed=request.seed,
        )
        if result.values is not None:
            found = built.decode(result.values)
            request.offer(found)
            if _value(request, found) <= _value(request, decision) * (1 + EQUAL):
                decision = found
        if result.stopped_by == "interrupted":
            raise KeyboardInterrupt


def _value(request: Request, decision: Decision) -> float:
    return float(decision_cost(request.instance, decision, request.objective))


def _drawn(request: Request, decision: Decision, rng: np.random.Generator) -> list[int]:
    """The busiest node and others at random."""
    instance = request.instance
    ledger = decision_cost(instance, decision, request.objective).ledger
    busy = list(ledger.node_busy_s)
    for link, seconds in zip(instance.directed_links, ledger.link_busy_s, strict=True):
        for node in (link.tail, link.head):
            busy[node] += 0.0 if instance.nodes[node].overlap else seconds
    busiest = int(np.argmax(busy))
    others = np.setdiff1d(np.arange(len(busy)), [busiest])
    return [busiest, *rng.choice(others, min(FREED - 1, len(others)), replace=False).tolist()]


def _freed_program(
    built: PlacementProgram, decision: Decision, freed: list[int], value_s: float
) -> LinearProgram:
    """Units on freed nodes may go to any of these, all others stay; freed nodes count alone."""
    program = built.program
    upper, cost, rows = list(program.upper), list(program.cost), list(program.rows)
    for own, columns, answer in zip(built.units, built.columns, decision.tasks, strict=True):
        node_of = np.zeros(own.num_units, np.int64)
        node_of[own.unit_of] = answer.placement
        for unit, node in enumerate(node_of.tolist()):
            allowed = set(freed) if node in freed else {node}
            for other, column in enumerate(columns[unit].tolist()):
                if column >= 0 and other not in allowed:
                    upper[column] = 0.0
    cost[built.longest], upper[built.longest] = 0.0, value_s / built.unit_s * (1 + BOUND_SLACK)
    longest_freed = len(cost)
    for node in freed:
        if node in built.busy_rows:
            row = dict(rows[built.busy_rows[node]])
            row[longest_freed] = row.pop(built.longest)
            rows[built.busy_rows[node]] = row
    return changed(
        program,
        cost=[*cost, 1.0],
        upper=[*upper, upper[built.longest]],
        is_binary=[*program.is_binary, False],
        rows=rows,
    )
