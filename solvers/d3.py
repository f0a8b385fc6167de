"""`d3`: horizontal partition and vertical separation in turn, after D3 (arXiv 2101.05952).

Ours: that both are repeated. Slicing makes a tier with several nodes faster than the partition
took it to be, so layers are partitioned again with the times that slicing gave them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf

import numpy as np
from msgspec.structs import replace as with_fields
from numpy.typing import NDArray

from splitfog.formulations.arrays import TaskArrays, task_arrays
from splitfog.formulations.decision import Decision, TaskDecision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.stages import stage_timeline
from splitfog.formulations.tier_graph import TierGraph
from splitfog.instances.model import Instance
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.hpa import horizontal_partition, single_tier
from splitfog.solvers.min_cut import least_cut, line_network
from splitfog.solvers.vsm import part_by_part
from splitfog.solvers.vsm_plans import TaskPlanner, base_placements

Placement = NDArray[np.int64]


def solve_d3(request: Request) -> Answer:
    """The partition of `hpa` or `min-cut`, sliced, and both repeated while the latency falls.

    Candidates of a round: the partition and every single tier (for `hpa`), each sliced as `vsm`
    does. The first round takes the nodes as they are, so the result is never worse than `hpa`'s
    own plan (or `min-cut`'s); then come all layers sliced on the tier with several nodes, as in
    `vsm`. Each further round partitions with the layer times of the best plan so far: a layer in a
    stage counts by its part of the stage's time, in proportion to its own time at home. It stops
    when no candidate is better, or after `rounds`.
    """
    return part_by_part(request, _partitioned)


def _partitioned(request: Request, instance: Instance, start: Decision | None) -> Decision | str:
    """The plan of all tasks of an instance, or why there is none."""
    firsts = []
    for position, task in enumerate(instance.tasks):
        own = list(_partitions(request, task_arrays(instance, position)))
        if not own:
            return f"task {task.name}: the partition finds no placement"
        firsts.append(own)
    decision = placed(*(own[0] for own in firsts)) if start is None else start
    for position, own in enumerate(firsts):
        if request.out_of_time:
            break
        planner = TaskPlanner(
            instance,
            request.objective,
            position,
            decision,
            request.options["helpers"],
            request.options["grid"],
        )
        decision = planner.whole(_alternate(request, planner, own))
    return decision


def _alternate(request: Request, planner: TaskPlanner, firsts: list[Placement]) -> TaskDecision:
    """Partition and slice one task in turn."""
    candidates = [*firsts, *_sliced_bases(request, planner)]
    tried: set[bytes] = set()
    least, best = inf, planner.others.tasks[planner.position]
    times_s: dict[tuple[int, int], float] = {}
    for _ in range(request.options["rounds"]):
        before = least
        for placement in candidates:
            if placement.tobytes() in tried:
                continue
            tried.add(placement.tobytes())
            value, answer = planner.best(placement)
            times_s |= effective_times(planner.arrays, answer, times_s)
            if value < least:
                least, best = value, answer
                if planner.instance is request.instance:
                    request.offer(planner.whole(best))
        if least >= before or request.out_of_time:
            break
        candidates = list(_partitions(request, _retimed(planner, times_s)))
    return best


def _sliced_bases(request: Request, planner: TaskPlanner) -> list[Placement]:
    """All layers on the tier with several nodes, as `vsm` has them; none where it declines."""
    try:
        bases = base_placements(
            planner.instance, planner.objective, planner.position, planner.helpers
        )
    except SolverDeclined:
        return []
    return bases[:1]


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


def _retimed(planner: TaskPlanner, times_s: dict[tuple[int, int], float]) -> TaskArrays:
    """The task's arrays as if layers took these times on these nodes."""
    instance, arrays = planner.instance, planner.arrays
    measured: dict[int, dict[str, float]] = {}
    for (layer, node), seconds in times_s.items():
        measured.setdefault(layer, {})[instance.nodes[node].name] = seconds
    layers = tuple(
        with_fields(layer, times_s={**layer.times_s, **measured.get(position, {})})
        for position, layer in enumerate(arrays.model.layers)
    )
    model = with_fields(arrays.model, layers=layers)
    models = tuple(model if m.name == model.name else m for m in instance.models)
    return task_arrays(replace(instance, models=models), planner.position)


def _partitions(request: Request, arrays: TaskArrays) -> Iterator[Placement]:
    """The partition of one task over its tiers; for `hpa` the single tiers, too."""
    graph = TierGraph(arrays)
    if request.options["partition"] == "min-cut":
        placement = _cut(arrays, graph, request.objective)
        if placement is not None:
            yield placement
        return
    plans = [horizontal_partition(graph, request.objective.transfers == "once")]
    plans += [single_tier(graph, tier) for tier in range(graph.count)]
    yield from (plan for plan in plans if plan is not None)


def _cut(arrays: TaskArrays, graph: TierGraph, objective: Objective) -> Placement | None:
    """The least cut over one node a tier, those that stand for their tiers in `hpa`."""
    instance = arrays.instance
    names = [instance.nodes[node].name for node in graph.nodes]
    position = instance.tasks.index(arrays.task)
    try:
        reduced = _reduced(instance, names, position)
        line, network = line_network(task_arrays(reduced), objective)
    except SolverDeclined as declined:
        raise SolverDeclined("d3", f"partition=min-cut: {declined.reason}", "hpa") from None
    cut = least_cut(network)
    if cut is None:
        return None
    back = np.array([instance.node_index[node.name] for node in reduced.nodes])
    return np.asarray(back[line.nodes[cut.tiers]])


def _reduced(instance: Instance, names: list[str], position: int) -> Instance:
    """One task on some nodes, with the links between these."""
    task = instance.tasks[position]
    kept = set(names)
    if task.results_to is not None and task.results_to not in kept:
        raise SolverDeclined("d3", f"results go to {task.results_to}, which stands for no tier")
    nodes = tuple(node for node in instance.nodes if node.name in kept)
    links = tuple(link for link in instance.links if {link.tail, link.head} <= kept)
    return replace(
        instance, nodes=nodes, links=links, models=(instance.model_of(task),), tasks=(task,)
    )
