"""Rows as anytime runs: what was known when, and until when it counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite

from splitfog.formulations.objective import flipped
from splitfog.studies.row import Row, Run
from splitfog.studies.statistics.cases import InstanceKey, cost_of, instance_key
from splitfog.studies.statistics.integral import Step, primal_integral


def integrals(rows: Sequence[Row], runs: Sequence[Run]) -> list[float | None]:
    """The primal integral of every row of one objective, in seconds.

    The best cost is the best of all rows of the instance, the horizon their time limit, and where
    there is none the longest of their runs. A run without a plan gets the horizon; None stands for
    instances that nobody has a plan for.
    """
    best: dict[InstanceKey, float] = {}
    longest: dict[InstanceKey, float] = {}
    for row, run in zip(rows, runs, strict=True):
        at = instance_key(row)
        if (cost := cost_of(row)) is not None:
            best[at] = min(cost, best.get(at, cost))
        longest[at] = max(_limit_s(run) or row.runtime_s or 0.0, longest.get(at, 0.0))
    return [
        primal_integral(_steps(row, run), best[at], longest[at])
        if (at := instance_key(row)) in best
        else None
        for row, run in zip(rows, runs, strict=True)
    ]


def _limit_s(run: Run) -> float | None:
    limit = json.loads(run.options).get("time_limit_s")
    return limit if limit is not None and isfinite(limit) else None


def _steps(row: Row, run: Run) -> list[Step]:
    """When a run had plans of which cost; of one that tells no progress, its end."""
    told = json.loads(run.progress or "[]")
    if not told and row.value is not None:
        told = [(row.runtime_s or 0.0, row.value)]
    costs = [(seconds, flipped(row.objective, value)) for seconds, value, *_ in told]
    return [(at, cost if cost is None or isfinite(cost) else None) for at, cost in costs]
