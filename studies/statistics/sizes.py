"""How large the instances of a comparison are, as their plans tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from splitfog.studies.row import Row, Run
from splitfog.studies.statistics.cases import InstanceKey, instance_key


class _Task(Struct):
    placement: dict[str, Any]


class _Plan(Struct):
    tasks: list[_Task]
    nodes: dict[str, Any]


def sizes(rows: Sequence[Row], runs: Sequence[Run]) -> dict[InstanceKey, int]:
    """Layers of all tasks times nodes, of every instance that somebody has a plan for."""
    found: dict[InstanceKey, int] = {}
    for row, run in zip(rows, runs, strict=True):
        at = instance_key(row)
        if at not in found and row.value is not None and run.plan is not None:
            plan = msgspec.json.decode(run.plan, type=_Plan)
            found[at] = sum(len(task.placement) for task in plan.tasks) * len(plan.nodes)
    return found
