"""The best of the lower bounds on `mean-latency` that hold for all plans."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from splitfog.formulations.bounds.mean_latency import mean_latency_bound
from splitfog.formulations.deadline import NEVER, Deadline, TimeIsUp
from splitfog.formulations.priced_bounds.without_stages import bound_without_stages
from splitfog.formulations.stage_bounds.all_plans import bound_over_all_plans
from splitfog.instances.instance import Instance
from splitfog.instances.kept import give

BOUNDS = (mean_latency_bound, bound_over_all_plans, bound_without_stages)
"""What every answer on a mean latency is held to, kept with the instance."""


def best_mean_latency_bound(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan's `mean-latency` is below; None where a layer has no node.

    The larger of the bound without waits and the one with queues and stages, each kept with the
    instance; where the deadline comes before the second is made, the first. `TimeIsUp` is raised
    where it comes before that.
    """
    best = mean_latency_bound(instance, deadline)
    with suppress(TimeIsUp):
        queued = bound_over_all_plans(instance, deadline)
        best = queued if best is None or queued is None else max(best, queued)
    return best


def bounds_made(instance: Instance, deadline: Deadline = NEVER) -> tuple[float | None, ...]:
    """What `BOUNDS` say, as many as are made before the deadline."""
    made: list[float | None] = []
    with suppress(TimeIsUp):
        for bound in BOUNDS:
            made.append(bound(instance, deadline))
    return tuple(made)


def keep_bounds(instance: Instance, made: Sequence[float | None]) -> None:
    """Let a copy of an instance keep what `bounds_made` found for the other."""
    for bound, value in zip(BOUNDS, made, strict=False):
        give(bound, instance, value)
