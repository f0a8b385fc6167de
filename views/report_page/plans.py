"""The plans of rows for the page: each once, without what its row says already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from splitfog.studies.row import Row, Run
from splitfog.views.report_page.shapes import Shapes

AS_IN_THE_ROW: tuple[()] = ()
"""Stands for a figure that the plan has in common with its row: no shape is empty."""


def row_plans(rows: Sequence[Row], runs: Sequence[Run]) -> dict[str, Any]:
    """Plans by row, with their names apart.

    Parameters
    ----------
    rows, runs
        Side by side; without runs there is no plan.

    Returns
    -------
    dict
        `shapes`, the names of every shape; `plans`, one without a name for every row, None where
        there is none.

    Notes
    -----
    O(n) in the letters of all plans.
    """
    shapes = Shapes()
    if not runs:
        return {"shapes": [], "plans": [None] * len(rows)}
    plans = [_plan(row, run, shapes) for row, run in zip(rows, runs, strict=True)]
    return {"shapes": shapes.names, "plans": plans}


def _plan(row: Row, run: Run, shapes: Shapes) -> list[Any] | None:
    if run.plan is None:
        return None
    plan: dict[str, Any] = msgspec.json.decode(run.plan)
    values = [
        AS_IN_THE_ROW
        if name in Row.__struct_fields__ and name != "objective" and value == getattr(row, name)
        else shapes.shaped(value)
        for name, value in plan.items()
    ]
    return [shapes.number(tuple(plan)), *values]
