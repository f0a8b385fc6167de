"""A lower bound on `mean-latency` over all plans: any placement, any stages, any slices.

Ours. Waits are left out, so tasks do not interact, and each is relaxed to a shortest path along
one path of its model's DAG, from an input (at the source) to a result (due at `results_to`), the
one of most work. Of the tensors, those on it count, moved over the routes; of the layers beside
it, those that cannot be sliced, at their least time. A stage covers a run of the path's layers,
is entered by the tensor before the run and left by its last (a stage is convex, with one tensor in
and one out), and takes no less than `bounds.stage` says, from each home.

On chains without sliceable layers this is the least latency without waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.stage import (
    Segments,
    harmonic,
    leveled,
    may_slice,
    segments,
    serial_bound,
)
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import DirectedLink

NodeLinks = list[tuple[list[DirectedLink], list[DirectedLink]]]

MOST_NODES = 32
"""Up to so many nodes the path visits nodes; beyond, the source and all others as one."""


@kept(by=lambda instance, deadline=NEVER: ())  # every solver of an instance asks for it
def mean_latency_bound(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan's `mean-latency` is below; None where a layer has no node.

    At the deadline `TimeIsUp` is raised, and nothing kept.

    For S stages along a path of P layers, O(S P N) a model, and a task O(S N^2) up to
    `MOST_NODES` nodes (once for tasks of one model, but for quotas of 0), else O(S tiers).
    """
    rates = [task.arrivals_per_s for task in instance.tasks]
    weights = [(rate or 0.0) if any(rates) else 1.0 for rate in rates]
    works: dict[str, _Work] = {}
    links = _links_by_node(instance)
    total = 0.0
    for position, (task, weight) in enumerate(zip(instance.tasks, weights, strict=True)):
        if weight:
            deadline.check("the lower bound")
            if task.model not in works:
                works[task.model] = _Work.of(instance, task_arrays(instance, position))
            total += weight * _task_bound(instance, position, works[task.model], links)
    bound = total / sum(weights)
    return None if bound == inf else bound * (1 - BOUND_SLACK)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Work:
    """What is the same for all tasks of a model: its path, the layers beside it that cannot be
    sliced, the stages along it, and what each takes on every node alone, `alone_s` [S, N].

    `kept_s` holds stages' times by home for tasks that may use the same nodes.
    """

    path: list[int]
    beside: list[int]
    runs: Segments
    alone_s: Floats
    input_bytes: Floats
    output_bytes: Floats
    kept_s: dict[bytes, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Instance, arrays: TaskArrays) -> _Work:
        """Of the model of some task; layers' `tiers` are those of the model."""
        path = _heaviest_path(arrays)
        runs = segments(arrays.model, path)
        slopes = np.maximum(arrays.times_s - _overheads(instance, arrays), 0.0)[path]
        shut = (runs.weights > 0).astype(float) @ ~arrays.allowed[path] > 0
        alone = np.where(shut, inf, runs.weights @ slopes)
        size = arrays.output_bytes[path]
        into = runs.input_share * size[runs.first - 1]
        rest = set(range(len(arrays.model.layers))) - set(path)
        beside = [layer for layer in sorted(rest) if not may_slice(arrays.model.layers[layer])]
        return cls(
            path=path,
            beside=beside,
            runs=runs,
            alone_s=alone,
            input_bytes=into,
            output_bytes=size[runs.last],
        )


def _task_bound(instance: Instance, position: int, work: _Work, links: NodeLinks) -> float:
    """Seconds that a task's latency is never below."""
    arrays = task_arrays(instance, position)
    open_to = _open_nodes(instance, arrays)
    rows = [*work.path, *work.beside]
    times = arrays.times_s[rows]
    least = np.where(arrays.allowed[rows] & (open_to | (times == 0)), times, inf)
    steps, beside = least[: len(work.path)], least[len(work.path) :]
    if least.shape[1] > MOST_NODES and arrays.source is not None:
        path_s = _two_places(instance, arrays, work, steps, links)
    else:
        path_s = _all_places(instance, arrays, work, steps, open_to)
    return path_s + float(beside.min(axis=1).sum())


def _open_nodes(instance: Instance, arrays: TaskArrays) -> Flags:
    """[nodes]: where the task may have a visit with s > 0: its source, or quota for a guest."""
    open_to = hosts(instance)
    if arrays.source is not None:
        open_to[arrays.source] = True
    return open_to


def _overheads(instance: Instance, arrays: TaskArrays) -> Floats:
    """[layers, nodes]: the `overhead_s` in `times_s`: none in a measured time."""
    measured = [
        [node.name in layer.times_s or node.tier in layer.times_s for node in instance.nodes]
        if layer.times_s
        else [layer.op == "input"] * len(instance.nodes)
        for layer in arrays.model.layers
    ]
    return np.where(measured, 0.0, [node.overhead_s for node in instance.nodes])


def _heaviest_path(arrays: TaskArrays) -> list[int]:
    """Layers of a path to a result of most FLOP, from an input where the model has one."""
    model, fixed = arrays.model, bool(arrays.is_input.any())
    work, after = np.full(len(model.layers), -inf), {}
    for layer in model.order.tolist():
        tails = model.inputs[layer]
        best = max(tails, key=lambda tail: work[tail], default=None)
        if best is not None:
            after[layer] = best
        if best is not None or not fixed or arrays.is_input[layer]:
            work[layer] = model.layers[layer].flops + (0.0 if best is None else work[best])
    sinks = [layer for layer, readers in enumerate(model.consumers) if not readers]
    path = [max(sinks, key=lambda layer: work[layer])]
    while path[-1] in after:
        path.append(after[path[-1]])
    return path[::-1]


def _all_places(
    instance: Instance, arrays: TaskArrays, work: _Work, steps: Floats, open_to: Flags
) -> float:
    """The shortest way along the path over all nodes, [path, nodes] `steps` for whole layers."""
    key = open_to.tobytes()
    if key not in work.kept_s:
        work.kept_s[key] = _stage_seconds(instance, work, open_to)
    stages_s, routes = work.kept_s[key], routes_of(instance)
    size = arrays.output_bytes[work.path]
    best = [steps[0]]
    moved = [_moved(routes, best[0], float(size[0]))]
    for at in range(1, len(work.path)):
        least = moved[at - 1] + steps[at]
        for run in np.flatnonzero(work.runs.last == at).tolist():
            least = np.minimum(least, moved[int(work.runs.first[run]) - 1] + stages_s[run])
        best.append(least)
        moved.append(_moved(routes, least, float(size[at])))
    if arrays.results_to is None:
        return float(best[-1].min())
    return float(moved[-1][arrays.results_to])


def _moved(routes: Routes, total: Floats, num_bytes: float) -> Floats:
    """[nodes]: the least with the tensor at each node, from the least with it made at each."""
    with np.errstate(invalid="ignore"):
        seconds = routes.latency_s + routes.seconds_per_byte * num_bytes
    seconds = np.where(np.isinf(routes.latency_s), inf, seconds)
    return np.asarray((total[:, None] + seconds).min(axis=0))


def _stage_seconds(instance: Instance, work: _Work, open_to: Flags) -> Floats:
    """[S, homes]: what every stage takes at least from every home."""
    routes = routes_of(instance)
    per_byte = np.where(np.isinf(routes.latency_s), inf, routes.seconds_per_byte)
    alone = np.where(open_to, work.alone_s, inf)
    out = np.empty(alone.shape)
    with np.errstate(invalid="ignore"):
        for home, node in enumerate(instance.nodes):
            moved = np.multiply.outer(work.input_bytes, per_byte[home])
            moved += np.multiply.outer(work.output_bytes, per_byte[:, home])
            moved[np.isnan(moved)] = inf  # 0 bytes over no route
            own = alone[:, home]
            others = np.delete(alone, home, axis=1)
            away = np.delete(moved, home, axis=1).min(axis=1, initial=inf)
            round_trip = routes.latency_s[home] + routes.latency_s[:, home]
            least = leveled(round_trip, alone + moved)
            if node.radio == "serial":  # transfers, their latencies too, follow one another
                apart = np.delete(np.where(open_to, round_trip, inf), home).min(initial=inf)
                least = np.maximum(least, apart + serial_bound(own, harmonic(others), away))
            out[:, home] = np.minimum(own, least)
    return out


def _two_places(
    instance: Instance,
    arrays: TaskArrays,
    work: _Work,
    steps: Floats,
    links: NodeLinks,
) -> float:
    """The same with all nodes but the source as one, as far away as its nearest neighbour.

    A stage at the source shares with tiers: in sum, nodes of one tier do no more than as many
    nodes of their mean speed over the tier's best route. A stage elsewhere moves nothing.
    """
    source = arrays.source or 0
    out, back = links[source]
    away_s = np.delete(steps, source, axis=1).min(axis=1)
    here_stage, away_stage = _two_stage_seconds(instance, work, source)
    size = arrays.output_bytes[work.path]
    there_s, home_s = _least_seconds(out, size), _least_seconds(back, size)

    def moved(here: float, away: float, at: int) -> tuple[float, float]:
        return min(here, away + home_s[at]), min(away, here + there_s[at])

    here, away = float(steps[0, source]), float(away_s[0])
    at_hand = [moved(here, away, 0)]
    by_end: dict[int, list[int]] = {}
    for run, last in enumerate(work.runs.last.tolist()):
        by_end.setdefault(last, []).append(run)
    for at in range(1, len(work.path)):
        here = at_hand[at - 1][0] + float(steps[at, source])
        away = at_hand[at - 1][1] + float(away_s[at])
        if at in by_end:
            runs = by_end[at]
            before = np.array([at_hand[int(work.runs.first[run]) - 1] for run in runs])
            here = min(here, float((before[:, 0] + here_stage[runs]).min()))
            away = min(away, float((before[:, 1] + away_stage[runs]).min()))
        at_hand.append(moved(here, away, at))
    if arrays.results_to is None:
        return min(here, away)
    return at_hand[-1][0 if arrays.results_to == source else 1]


def _least_seconds(links: list[DirectedLink], num_bytes: Floats) -> list[float]:
    """What each of these sizes takes over the best of some links; inf without any."""
    if not links:
        return [inf] * len(num_bytes)
    latency = np.array([link.lag_s for link in links])
    per_byte = 8 / np.array([link.bandwidth_bps for link in links])
    seconds = latency[:, None] + per_byte[:, None] * num_bytes
    return [float(least) for least in seconds.min(axis=0)]


def _links_by_node(instance: Instance) -> NodeLinks:
    """The directed links out of and into every node."""
    own: NodeLinks = [([], []) for _ in instance.nodes]
    for link in instance.directed_links:
        own[link.tail][0].append(link)
        own[link.head][1].append(link)
    return own


def _two_stage_seconds(instance: Instance, work: _Work, source: int) -> tuple[Floats, Floats]:
    """[S]: what every stage takes at least from the source, and from anywhere else."""
    routes = routes_of(instance)
    with np.errstate(divide="ignore"):
        own_speed = 1 / work.alone_s[:, source]
    speeds, counts = _tier_speeds(instance, work)
    others, away, apart = np.zeros(len(own_speed)), np.full(len(own_speed), inf), inf
    starts, seconds = [0.0], [1 / own_speed]
    for tier, (nodes, speed) in enumerate(zip(counts, speeds, strict=True)):
        mine = tier == instance.node_rank[source] and instance.nodes[source].quota != 0
        members = nodes[nodes != source]
        if not len(members):
            continue
        there = float(routes.seconds_per_byte[source, members].min())
        back = float(routes.seconds_per_byte[members, source].min())
        if max(there, back) == inf:
            moved = np.full(len(own_speed), inf)
        else:
            moved = work.input_bytes * there + work.output_bytes * back
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = speed - own_speed if mine else speed
            rest = np.where(np.isfinite(speed), np.maximum(rest, 0.0), inf)
            seconds.append(moved / len(members) + 1 / rest)
        round_trip = routes.latency_s[source, members] + routes.latency_s[members, source]
        starts.append(float(round_trip.min()))
        others, away, apart = others + rest, np.minimum(away, moved), min(apart, starts[-1])
    here = leveled(np.array(starts), np.stack(seconds, axis=1))
    with np.errstate(divide="ignore"):
        elsewhere = 1 / (others + own_speed)
        if instance.nodes[source].radio == "serial":
            serial = serial_bound(1 / own_speed, 1 / others, away)
            here = np.maximum(here, np.minimum(1 / own_speed, apart + serial))
    return here, elsewhere


def _tier_speeds(instance: Instance, work: _Work) -> tuple[Floats, list[Integers]]:
    """Per tier: [S] the sum of 1 / `alone_s` over nodes with a quota above 0, and these nodes."""
    open_to = hosts(instance)
    tiers = range(len(instance.tiers))
    if b"tiers" not in work.kept_s:
        with np.errstate(divide="ignore"):
            rates = np.where(open_to, 1 / work.alone_s, 0.0)
        sums = [rates[:, instance.node_rank == tier].sum(axis=1) for tier in tiers]
        work.kept_s[b"tiers"] = np.array(sums)
    members = [np.flatnonzero(open_to & (instance.node_rank == tier)) for tier in tiers]
    return work.kept_s[b"tiers"], members
