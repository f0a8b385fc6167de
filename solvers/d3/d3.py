"""`d3`: horizontal partition and vertical separation in turn, after D3 (arXiv 2101.05952).

Ours: that both are repeated. Slicing makes a tier with several nodes faster than the partition
took it to be, so layers are partitioned again with the times that slicing gave them.
"""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.instances.changes import with_one_task, without_nodes
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.d3.hpa import feasible_partition, tier_placements
from splitfog.solvers.d3.plans import TaskPlanner, base_placements
from splitfog.solvers.d3.vsm import part_by_part, sliced_placements
from splitfog.solvers.exact.min_cut import least_cut, line_network

Placement = NDArray[np.int64]


def solve_d3(request: Request) -> Answer:
    """The partition of `hpa` or `min-cut`, sliced, and both repeated while the latency falls.

    Candidates of a round: the partition and every single tier (for `hpa`), each sliced as `vsm`
    does. The first round takes the nodes as they are; then come all layers sliced on the tier with
    several nodes, as in `vsm`. Each further round partitions with the layer times of the best plan
    so far: a layer in a stage counts by its part of the stage's time, in proportion to its own time
    at home. It stops when no candidate is better, or after `rounds`.

    It begins with the start or with the plan of `hpa`, whichever is better, and is never worse.
    Where neither is there, what `vsm` makes of its own placements is tried last.
    """
    first = feasible_partition(request.verdicts)
    if first is not None:
        request.offer(first)
    return part_by_part(request, _partitioned, request.incumbent or request.start)


def _partitioned(request: Request, instance: Instance, start: Decision | None) -> Decision | str:
    """The plan of all tasks of an instance, or why there is none."""
    firsts = []
    for position in range(len(instance.tasks)):
        own = _partitions(request, task_arrays(instance, position))
        firsts.append(own or _vsm_bases(request, instance, position)[:1])
    homeless = [task.name for task, own in zip(instance.tasks, firsts, strict=True) if not own]
    if homeless:
        return f"task {homeless[0]}: the partition finds no placement"
    found = start or placed(*(own[0] for own in firsts))
    verdicts = request.verdicts_on(instance)
    for position, own in enumerate(firsts):
        if request.out_of_time:
            break
        planner = TaskPlanner(
            verdicts, position, found, request.options["helpers"], request.options["grid"]
        )
        found = planner.whole(_alternate(request, planner, own))
    if start is None and verdicts.faults(found):
        sliced = sliced_placements(request, instance, None)
        return found if isinstance(sliced, str) else sliced
    return found


def _alternate(request: Request, planner: TaskPlanner, firsts: list[Placement]) -> TaskDecision:
    """Partition and slice one task in turn, from what it has."""
    candidates = [*firsts, *_vsm_bases(request, planner.instance, planner.position)[:1]]
    tried: set[bytes] = set()
    best = planner.others.tasks[planner.position]
    least = planner.value(best)
    times_s: dict[tuple[int, int], float] = {}
    for _ in range(request.options["rounds"]):
        before, tries = least, len(tried)
        for placement in candidates:
            if placement.tobytes() in tried:
                continue
            if tried and request.out_of_time:
                break
            tried.add(placement.tobytes())
            value, answer = planner.best(placement)
            times_s |= effective_times(planner.arrays, answer, times_s)
            if value < least:
                least, best = value, answer
                if planner.instance is request.instance:
                    request.offer(planner.whole(best))
        if (least >= before and tries) or len(tried) == tries or request.out_of_time:
            break
        candidates = _partitions(request, _retimed(planner.arrays, times_s))
    return best


def _vsm_bases(request: Request, instance: Instance, position: int) -> list[Placement]:
    """The placements of a task that `vsm` slices; none where it declines."""
    try:
        return base_placements(instance, request.objective, position, request.options["helpers"])
    except SolverDeclined:
        return []


def effective_times(
    arrays: TaskArrays, answer: TaskDecision, known: dict[tuple[int, int], float]
) -> dict[tuple[int, int], float]:
    """(layer, home) -> seconds of every sliced layer: its part of its stage's time.

    In proportion to the layers' own times at home; the least of what is known and what is found.
    """
    found: dict[tuple[int, int], float] = {}
    for stage in answer.stages:
        timeline = stage_timeline(arrays.instance, arrays.task, stage)
        listed = list(stage.layers)
        own = arrays.times_s[listed, stage.home]
        if timeline is None or not own.sum() > 0:
            continue
        for layer, seconds in zip(listed, (own * (timeline.end_s / own.sum())).tolist()):
            pair = (layer, stage.home)
            found[pair] = min(seconds, known.get(pair, inf))
    return found


def _retimed(arrays: TaskArrays, times_s: dict[tuple[int, int], float]) -> TaskArrays:
    """The task's arrays as if layers took these times on these nodes."""
    changed = arrays.times_s.copy()
    for pair, seconds in times_s.items():
        changed[pair] = seconds
    return arrays.with_costs(changed)


def _partitions(request: Request, arrays: TaskArrays) -> list[Placement]:
    """The partition of one task over its tiers; for `hpa` the single tiers, too."""
    graph = TierGraph(arrays)
    if request.options["partition"] == "min-cut":
        placement = _cut(arrays, graph, request.objective)
        return [] if placement is None else [placement]
    return tier_placements(graph, request.objective.transfers == "once")


def _cut(arrays: TaskArrays, graph: TierGraph, objective: Objective) -> Placement | None:
    """The least cut over one node a tier, those that stand for their tiers in `hpa`."""
    instance, kept = arrays.instance, sorted(graph.nodes)
    position = instance.tasks.index(arrays.task)
    names = [node.name for at, node in enumerate(instance.nodes) if at not in set(kept)]
    target = arrays.task.results_to
    if target in names:
        reason = f"partition=min-cut: results go to {target}, which stands for no tier"
        raise SolverDeclined("d3", reason, "hpa")
    reduced = task_arrays(without_nodes(with_one_task(instance, position), names))
    try:
        line, network = line_network(reduced.with_costs(arrays.times_s[:, kept]), objective)
    except SolverDeclined as declined:
        raise SolverDeclined("d3", f"partition=min-cut: {declined.reason}", "hpa") from None
    cut = least_cut(network)
    return None if cut is None else np.array(kept)[line.nodes[cut.tiers]]
