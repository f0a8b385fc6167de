"""The bound on `latency` over all plans: any placement, any stages from any homes, any slices.

Ours. A model is cut in series (`latency_bounds.series`): a stage covers whole segments, or lies
inside one. So the least way over the cuts and the nodes, each segment whole, or with stages inside
it, or covered by a stage with others, is a bound; on a chain without stages it is the optimum.
Memory and groups are left out.
"""

from __future__ import annotations

from math import inf

import numpy as np

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.latency_bounds.series import Segment, segments_of
from splitfog.formulations.latency_bounds.stage_times import StageTimes
from splitfog.formulations.latency_bounds.stages import sliced_runs
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Model
from splitfog.solvers.exact.segment_cuts import SegmentCuts

MOST_NODES = 24
"""With more, every pair of them takes too long."""


@kept(by=lambda instance, objective, deadline=NEVER: objective)
def sliced_latency_bound(
    instance: Instance, objective: Objective, deadline: Deadline = NEVER
) -> float | None:
    """Seconds that no feasible plan's `latency` is below, stages included.

    None where a layer has no node, for more than `MOST_NODES` nodes, and for models of several
    passes. At the deadline `TimeIsUp` is raised, and nothing kept.
    """
    if len(instance.nodes) > MOST_NODES or any(model.passes for model in instance.models):
        return None
    found: dict[tuple[str, str | None, str | None], float] = {}
    total = 0.0
    for position, task in enumerate(instance.tasks):
        deadline.check("the lower bound")
        key = (task.model, task.source, task.results_to)
        if key not in found:
            found[key] = _TaskBound(task_arrays(instance, position), objective, deadline).seconds()
        total += found[key]
    return total / len(instance.tasks) * (1 - BOUND_SLACK) if total < inf else None


class _TaskBound:
    """The least way of one task over its model's cuts, from every node to every other."""

    def __init__(self, arrays: TaskArrays, objective: Objective, deadline: Deadline) -> None:
        self.arrays, self.objective, self.deadline = arrays, objective, deadline
        self.instance, self.model = arrays.instance, arrays.model
        self.rank = self.instance.node_rank
        self.segments = segments_of(self.model)
        self.times = StageTimes.of(arrays)
        self.cuts = SegmentCuts(arrays, objective, self.times)
        routes = routes_of(self.instance)
        self.latency_s = routes.latency_s
        self.per_byte = np.where(np.isfinite(self.latency_s), routes.seconds_per_byte, 0.0)

    def seconds(self) -> float:
        """The bound; inf where there is no way."""
        begins = _begins(self.model)
        arrived = np.full((len(self.segments), len(self.rank)), inf)
        made = np.zeros(len(self.rank))
        for at, segment in enumerate(self.segments):
            self.deadline.check("the lower bound")
            if segment.entry is not None:
                arrived[at] = self._moved(made, segment.entry)
            made = self._whole(segment, made, arrived[at])
            if segment.may_slice:
                firsts = np.arange(begins[at], at + 1)
                sliced = arrived[firsts] + self.times.least_s(firsts, at)
                made = np.minimum(made, sliced.min(axis=0))
        return float(self._due(made).min())

    def _moved(self, made: Floats, tensor: int) -> Floats:
        """[nodes]: the least with a tensor there, once for all readers or once for each."""
        times = len(self.model.reads[tensor]) if self.objective.transfers == "per-edge" else 1
        seconds = times * (self.latency_s + self.per_byte * self.arrays.output_bytes[tensor])
        if self.objective.monotone:
            seconds = np.where(self.rank[:, None] > self.rank, inf, seconds)
        return np.asarray((made[:, None] + seconds).min(axis=0))

    def _whole(self, segment: Segment, made: Floats, arrived: Floats) -> Floats:
        """[nodes]: the least with a segment's exit made there, not by a stage that holds it."""
        if len(segment.layers) == 1:
            before = 0.0 if segment.entry is None else arrived
            return np.asarray(before + self.arrays.costs_s[segment.layers[0]])
        seconds = self.cuts.seconds(segment)[np.ix_(self.rank, self.rank)]
        return np.asarray((made[:, None] + seconds).min(axis=0))

    def _due(self, made: Floats) -> Floats:
        """[nodes]: with the way of the last tensor, where there is one, to where results go."""
        target, last = self.arrays.results_to, self.segments[-1].exit
        if target is None or last is None:
            return made
        size = float(self.arrays.output_bytes[last])
        return made + self.latency_s[:, target] + self.per_byte[:, target] * size


def _begins(model: Model) -> Integers:
    """[segments]: the first segment of the run that each is in, itself where it is in none."""
    begins = np.arange(len(segments_of(model)))
    for run in sliced_runs(model):
        begins[run] = run[0]
    return begins
