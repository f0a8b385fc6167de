"""What rows say of each other: gaps to the best bound, speed-ups, and claims that are refuted."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec
from msgspec import Raw, Struct

from splitfog.formulations.objective import flipped
from splitfog.formulations.plan import OPTIMALITY_GAP, ProvenOver, gap_of
from splitfog.instances.records import changed
from splitfog.studies.engine.jobs import Job, Ran
from splitfog.studies.row import Row


def judged(results: Sequence[tuple[Job, Ran]], baseline: str) -> list[Row]:
    """The rows, with gaps and speed-ups; claims that another's plan refutes are errors.

    A plan is judged only by bounds over plans of which it is one: those over all plans, and where
    it has no slices those over placements.
    """
    least: dict[tuple[int, str], float] = {}
    for job, ran in results:
        for over in _classes(ran):
            if (cost := _cost(ran.row)) is not None:
                key: tuple[int, str] = (job.problem, over)
                least[key] = min(cost, least.get(key, inf))
    sound = [
        (job, ran, _refuted(ran.row, least.get((job.problem, ran.row.proven_over or "all"))))
        for job, ran in results
    ]
    most: dict[tuple[int, str], float] = {}
    reference: dict[tuple[int, int], float] = {}
    for job, _, row in sound:
        if (bound := _bound(row)) is not None and row.proven_over is not None:
            claimed: tuple[int, str] = (job.problem, row.proven_over)
            most[claimed] = max(bound, most.get(claimed, 0.0))
        if (cost := _cost(row)) is not None and row.solver == baseline:
            reference[job.problem, job.seed] = cost
    return [
        changed(
            row,
            gap=_gap(row, [most.get((job.problem, over)) for over in _classes(ran)]),
            speedup=_speedup(reference.get((job.problem, job.seed)), _cost(row)),
        )
        for job, ran, row in sound
    ]


def _cost(row: Row) -> float | None:
    """The value in seconds, less of which is better: of a rate those of an execution."""
    return flipped(row.objective, row.value)


def _bound(row: Row) -> float | None:
    """The bound in seconds, which no cost is below."""
    bound = row.lower_bound if row.upper_bound is None else row.upper_bound
    return flipped(row.objective, bound)


def _classes(ran: Ran) -> tuple[ProvenOver, ...]:
    """The kinds of plans that a run's plan is one of, whoever made it."""
    return ("all",) if _is_sliced(ran) else ("all", "placements")


def _is_sliced(ran: Ran) -> bool:
    if ran.run.plan is None:
        return False
    plan = msgspec.json.decode(ran.run.plan, type=_StagedPlan)
    return any(entry.stages for entry in plan.tasks)


class _Staged(Struct):
    stages: tuple[Raw, ...] = ()


class _StagedPlan(Struct):
    """What is read of a plan here."""

    tasks: tuple[_Staged, ...]


def _refuted(row: Row, best_cost: float | None) -> Row:
    """The row, of status `error` if a plan of the comparison disproves what it claims."""
    if best_cost is None:
        return row
    bound = _bound(row)
    if row.status == "infeasible":
        claim = "it claims that there is no plan, but another solver has one"
    elif bound is not None and row.proven_over and bound > best_cost * (1 + OPTIMALITY_GAP):
        best = flipped(row.objective, best_cost)
        if row.upper_bound is None:
            claim = f"its lower bound {row.lower_bound!r} is above the value {best!r} of a plan"
        else:
            claim = f"its upper bound {row.upper_bound!r} is below the value {best!r} of a plan"
    else:
        return row
    none = dict.fromkeys(("lower_bound", "upper_bound", "proven_over"))
    return changed(row, status="error", reason=claim, **none)


def _gap(row: Row, others: Sequence[float | None]) -> float | None:
    """The gap to the best bound, the row's own included; 0 where that is above by rounding."""
    bounds = [bound for bound in (_bound(row), *others) if bound is not None]
    gap = gap_of(_cost(row), max(bounds, default=None))
    return None if gap is None else max(gap, 0.0)


def _speedup(reference: float | None, value: float | None) -> float | None:
    if reference is None or value is None:
        return None
    if value == 0:
        return 1.0 if reference == 0 else None
    return reference / value
