"""What a plan may say of the progress of its search, whatever the plan: order and ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import inf

from splitfog.formulations.objective import RATES, flipped
from splitfog.formulations.plan_file import PlanFile, Step
from splitfog.instances.defects import shown

_UNKNOWN = (inf, -inf)
"""The value and the bound of a step without either."""


def progress_defects(plan: PlanFile) -> Iterator[str]:
    """Sentences on steps that are none, or go back, and on an end that is not the plan's."""
    if not plan.progress:
        return
    for i, (seconds, value, bound) in enumerate(plan.progress):
        if not 0 <= seconds < inf:
            yield f"progress[{i}][0] = {seconds!r}, must be >= 0"
        for at, figure in ((1, value), (2, bound)):
            if figure is not None and not 0 <= figure < inf:
                yield f"progress[{i}][{at}] = {figure!r}, must be >= 0 or null"
    kind = plan.objective.name
    for i, (before, after) in enumerate(pairwise(plan.progress), start=1):
        if _goes_back(kind, before, after):
            yield (
                f"progress[{i}] = {shown(after)}, must not be earlier or worse than "
                f"{shown(before)} before it"
            )
    _, value, bound = plan.progress[-1]
    limit = "upper_bound" if kind in RATES else "lower_bound"
    for at, figure, name in ((1, value, "value"), (2, bound, limit)):
        if figure != getattr(plan, name):
            right = shown(getattr(plan, name))
            yield f"progress[-1][{at}] = {shown(figure)}, must be {right} as {name}"


def _goes_back(objective: str, before: Step, after: Step) -> bool:
    (old_value, old_bound), (value, bound) = (_figures(objective, step) for step in (before, after))
    return after[0] < before[0] or value > old_value or bound < old_bound


def _figures(objective: str, step: Step) -> tuple[float, float]:
    """Value and bound, as numbers of which the greater value is the worse."""
    value, bound = (flipped(objective, figure) for figure in step[1:])
    unknown_value, unknown_bound = _UNKNOWN
    return (
        unknown_value if value is None else value,
        unknown_bound if bound is None else bound,
    )
