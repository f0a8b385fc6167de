"""`random`: the best of some random feasible placements."""

from __future__ import annotations

import numpy as np

from splitfog.baselines.common import Placement
from splitfog.baselines.simple.domains import Domains
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.decision import placed
from splitfog.solvers.base import Answer, Request


def solve_random(request: Request) -> Answer:
    """The best of `samples` random placements, the same for the same seed.

    Groups draw a node first, then every layer in topological order, each uniformly among the
    nodes that `tiers`, groups, routes and `monotone` leave it; a placement that fails otherwise
    (memory, overload, quota, seldom a route) is dropped. Unknown where no sample is feasible.
    O(samples (V + E)).
    """
    rng = np.random.default_rng(request.seed)
    instance = request.instance
    domains = []
    for position, task in enumerate(instance.tasks):
        domains.append(Domains(task_arrays(instance, position), request.objective.monotone))
        if domains[-1].empty:
            reason = f"task {task.name}: no placement respects tiers, groups, routes and monotone"
            return Answer(None, reason=reason)
    for _ in range(request.options["samples"]):
        placements = [draw(own, rng) for own in domains]
        drawn = [placement for placement in placements if placement is not None]
        if len(drawn) == len(placements):
            request.offer(placed(*drawn))
        if request.out_of_time:
            return Answer(request.incumbent, stopped_by="time limit", reason=_reason(request))
    return Answer(request.incumbent, reason=_reason(request))


def draw(domains: Domains, rng: np.random.Generator) -> Placement | None:
    """One random placement, or None at a dead end (which only missing routes lead to)."""
    model = domains.arrays.model
    masks = domains.masks
    for group in domains.arrays.groups:
        nodes = domains.nodes(masks[group[0]])
        fixed = domains.fixed(masks, group[0], nodes[int(rng.integers(len(nodes)))])
        if fixed is None:
            return None
        masks = fixed
    chances = rng.random(len(masks)).tolist()
    placement = [0] * len(masks)
    for layer in model.order.tolist():
        nodes = domains.nodes(domains.left(masks, layer, placement))
        if not nodes:
            return None
        placement[layer] = nodes[int(chances[layer] * len(nodes))]
    return np.array(placement, np.int64)


def _reason(request: Request) -> str | None:
    return None if request.incumbent is not None else "no random placement was feasible"
