"""What a sliced stage costs, as a timeline and as visits of a queue (docs/slices.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.costs.ledger import (
    Ledger,
    TaskCost,
    follows_flops,
    layer_time,
    work_time,
)
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stage_timeline import Timeline, run_timeline
from splitfog.formulations.decision import Stage, TaskDecision
from splitfog.formulations.tiles.grids import cover_defects
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of, stage_shape_defects
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Node, Task, figure_in


@dataclass(frozen=True)
class StageVisit:
    """All slices of a stage on one node: transfers in, services and transfers out, added up.

    Transfers as long as `stage_visits` says, with the hops of other slices over the same links.
    """

    node: int
    transfer_in_s: float
    service_s: float
    transfer_out_s: float


@dataclass(frozen=True, eq=False)
class SliceWork:
    """What each of T slices takes and moves: seconds on its node, bytes in, bytes out, all [T]."""

    service_s: NDArray[np.float64]
    input_bytes: NDArray[np.float64]
    output_bytes: NDArray[np.float64]


def layer_rates(layers: Sequence[Layer], node: Node) -> tuple[float, NDArray[np.float64]]:
    """(fixed_s, slope_s [layers]): a slice on `node` takes fixed_s + shares @ slope_s seconds.

    A layer adds its `overhead_s` and its share of its work's time, or its share of `times_s`.
    """
    computed = [layer.times_s.keys().isdisjoint((node.name, node.tier)) for layer in layers]
    slope_s = [
        work_time(layer, node) if by_work else layer_time(layer, node)
        for layer, by_work in zip(layers, computed, strict=True)
    ]
    return node.overhead_s * sum(computed), np.array(slope_s)


def node_rates(
    layers: Sequence[Layer], nodes: Sequence[Node]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`layer_rates` of many nodes: fixed_s [nodes] and slope_s [nodes, layers]."""
    if not follows_flops(layers, nodes):
        fixed, slope = zip(*(layer_rates(layers, node) for node in nodes), strict=True)
        return np.array(fixed), np.array(slope)
    speed = np.array([node.speed_flops for node in nodes])
    overhead = np.array([node.overhead_s for node in nodes])
    flops = np.array([figure_in(layer.flops, None) for layer in layers])
    return overhead * len(layers), flops / speed[:, None]


def slice_work(
    instance: Instance, geometry: StageGeometry, rectangles: ArrayLike, nodes: ArrayLike
) -> SliceWork:
    """Seconds and bytes of T slices: rectangles int [T, 4], nodes int [T].

    A slice pays `overhead_s` for every layer of the stage, also for one of which it computes
    nothing. O(layers x (T + distinct nodes)).

    Raises
    ------
    ValueError
        For rectangles outside the stage's output.
    """
    tiles = regions(geometry, rectangles)
    hosts = np.asarray(nodes, np.int64)
    layers = [geometry.model.layers[layer] for layer in geometry.layers]
    service_s = np.zeros(len(hosts))
    for node in np.unique(hosts).tolist():
        fixed_s, slope_s = layer_rates(layers, instance.nodes[node])
        here = hosts == node
        service_s[here] = fixed_s + slope_s @ tiles.shares[:-1, here]
    return SliceWork(service_s, tiles.input_bytes, tiles.output_bytes)


def stage_work(instance: Instance, task: Task, stage: Stage) -> SliceWork:
    """Seconds and bytes of every slice of a stage, in slice order.

    Raises
    ------
    ValueError
        If the layers may not form a stage, or a slice leaves the output (see `stage_defects`).
    """
    geometry = geometry_of(instance.model_of(task), stage.layers)
    return slice_work(instance, geometry, _rectangles(stage), [s.node for s in stage.slices])


def stage_timeline(instance: Instance, task: Task, stage: Stage) -> Timeline | None:
    """When every slice of a stage computes and every transfer runs; None without a route.

    See `run_timeline` for the rules; errors as `stage_work`.
    """
    return _timeline(instance, stage, stage_work(instance, task, stage))


def book_stage(instance: Instance, task: Task, stage: Stage, ledger: Ledger) -> float:
    """Seconds until the last output is at home; inf, and nothing booked, if no route.

    Books the slices' computing on their nodes and every hop on its link. Errors as `stage_work`.
    """
    work = stage_work(instance, task, stage)
    timeline = _timeline(instance, stage, work)
    if timeline is None:
        return inf
    _book(instance, task, stage, work, ledger)
    return timeline.end_s


def stage_visits(instance: Instance, task: Task, stage: Stage) -> tuple[StageVisit, ...]:
    """One visit per node with slices, in order of its first slice; errors as `stage_work`.

    Transfers are whole routes, store and forward; inf where there is none, 0 at the home. Slicing
    does not multiply bandwidth: each link of a visit's way in counts for as long as the hops of
    all the stage's slices over it take together, its `delay_s` once; the way out likewise. Where
    the home's radio is serial, all transfers follow one another and a visit's are its own slices'.
    """
    work = stage_work(instance, task, stage)
    service_s: dict[int, float] = {}
    for part, seconds in zip(stage.slices, work.service_s.tolist(), strict=True):
        service_s[part.node] = service_s.get(part.node, 0.0) + seconds
    there = [(stage.home, part.node) for part in stage.slices]
    back = [(part.node, stage.home) for part in stage.slices]
    into = _moved_s(instance, stage, there, work.input_bytes.tolist())
    out = _moved_s(instance, stage, back, work.output_bytes.tolist())
    return tuple(
        StageVisit(node, into[node], seconds, out[node]) for node, seconds in service_s.items()
    )


def _moved_s(
    instance: Instance, stage: Stage, ways: Sequence[tuple[int, int]], sizes: Sequence[float]
) -> dict[int, float]:
    """By node: the transfers of its slices one way; `ways` (tail, head) and bytes by slice."""
    routes, links = routes_of(instance), instance.directed_links
    nodes = [part.node for part in stage.slices]
    if instance.nodes[stage.home].radio == "serial":
        own_s = dict.fromkeys(nodes, 0.0)
        for node, way, size in zip(nodes, ways, sizes, strict=True):
            own_s[node] += routes.transfer(*way, size)
        return own_s
    paths = {node: routes.path(*way) for node, way in zip(nodes, ways, strict=True)}
    busy_s: dict[int, float] = {}
    for node, size in zip(nodes, sizes, strict=True):
        for link in paths[node] or ():
            busy_s[link] = busy_s.get(link, 0.0) + links[link].busy_seconds(size)
    return {
        node: inf if path is None else sum(busy_s[link] + links[link].delay_s for link in path)
        for node, path in paths.items()
    }


def visits_latency(
    instance: Instance, home: int, visits: Sequence[StageVisit], wait_s: Sequence[float]
) -> float:
    """A stage's latency among queues, given the wait of every node (docs/slices.md).

    The largest over nodes of (transfers in + wait + service + transfers out); where the home has
    `radio: "serial"`, all transfers in, the largest (wait + service), all transfers out.
    """
    served = [_wait(visit, wait_s) + visit.service_s for visit in visits]
    if instance.nodes[home].radio == "serial":
        moved = sum(visit.transfer_in_s + visit.transfer_out_s for visit in visits)
        return moved + max(served, default=0.0)
    ends = [
        visit.transfer_in_s + seconds + visit.transfer_out_s
        for visit, seconds in zip(visits, served, strict=True)
    ]
    return max(ends, default=0.0)


def book_visits(
    instance: Instance,
    task: Task,
    stage: Stage,
    visits: Sequence[StageVisit],
    wait_s: list[float],
    ledger: Ledger,
) -> TaskCost:
    """What a stage among queues adds to its task's cost; books its nodes and links.

    `latency_s` is `visits_latency`; compute, transfer and wait are the plain sums over the visits,
    which need not add up to it. Without a route it is inf and nothing is booked.
    """
    if all(visit.transfer_in_s + visit.transfer_out_s < inf for visit in visits):
        _book(instance, task, stage, stage_work(instance, task, stage), ledger)
    return TaskCost(
        visits_latency(instance, stage.home, visits, wait_s),
        sum(visit.service_s for visit in visits),
        sum(visit.transfer_in_s + visit.transfer_out_s for visit in visits),
        sum(_wait(visit, wait_s) for visit in visits),
    )


def sliced_weights(answer: TaskDecision) -> set[tuple[int, int]]:
    """(layer, node) for every node that holds a layer's weights because of a slice there.

    Every node with a slice holds all layers of the stage; the home without one holds none.
    """
    return {
        (layer, part.node)
        for stage in answer.stages
        for layer in stage.layers
        for part in stage.slices
    }


def stage_defects(instance: Instance, task: Task, answer: TaskDecision) -> list[str]:
    """Everything that is forbidden in a task's stages, as sentences.

    Layers in two stages, layers not placed at their stage's home, layers that may not form a
    stage, slices that do not cover the output exactly once, nodes that a layer's `tiers` forbid,
    and nodes without a route from or to home. Stages and slices are named by position.
    """
    sentences = []
    owner: dict[int, int] = {}
    layers = instance.model_of(task).layers
    for position, stage in enumerate(answer.stages):
        for layer in dict.fromkeys(stage.layers):
            first = owner.setdefault(layer, position)
            if first != position:
                sentences.append(f"layer {layers[layer].name} is in stages {first} and {position}")
        own = [
            *stage_form_defects(instance, task, stage),
            *_away_from_home(instance, task, answer, stage),
        ]
        own += [*_forbidden(instance, task, stage), *_unreached(instance, stage)]
        sentences += [f"stage {position}: {sentence}" for sentence in own]
    return sentences


def stage_form_defects(instance: Instance, task: Task, stage: Stage) -> list[str]:
    """Why layers are no stage, or slices not its whole output exactly once."""
    model = instance.model_of(task)
    defects = stage_shape_defects(model, stage.layers)
    if defects:
        return defects
    geometry = geometry_of(model, stage.layers)
    return cover_defects(geometry.height, geometry.width, _rectangles(stage).tolist())


def _away_from_home(
    instance: Instance, task: Task, answer: TaskDecision, stage: Stage
) -> Iterator[str]:
    for layer in dict.fromkeys(stage.layers):
        place = int(answer.placement[layer])
        if place != stage.home:
            yield (
                f"layer {instance.model_of(task).layers[layer].name} is on "
                f"{instance.nodes[place].name}, must be at the stage's home "
                f"{instance.nodes[stage.home].name}"
            )


def _forbidden(instance: Instance, task: Task, stage: Stage) -> Iterator[str]:
    for node in dict.fromkeys(part.node for part in stage.slices):
        host = instance.nodes[node]
        for layer in dict.fromkeys(stage.layers):
            asked = instance.model_of(task).layers[layer]
            if not asked.may_run_on(host):
                allowed = ", ".join(asked.tiers or ()) or "no node"
                yield f"layer {asked.name} has a slice on {host.name}, must be on {allowed}"


def _unreached(instance: Instance, stage: Stage) -> Iterator[str]:
    routes = routes_of(instance)
    for node in dict.fromkeys(part.node for part in stage.slices):
        for tail, head in pairwise((stage.home, node, stage.home)):
            if routes.path(tail, head) is None:
                names = f"{instance.nodes[tail].name} to {instance.nodes[head].name}"
                yield f"there is no route from {names} for the slices there"


def _wait(visit: StageVisit, wait_s: Sequence[float]) -> float:
    return wait_s[visit.node] if visit.service_s > 0 else 0.0


def _rectangles(stage: Stage) -> NDArray[np.int64]:
    rectangles = [(*part.rows, *part.columns) for part in stage.slices]
    return np.array(rectangles, np.int64).reshape(-1, 4)


def _paths(
    instance: Instance, stage: Stage
) -> list[tuple[tuple[int, ...], tuple[int, ...]]] | None:
    """Links to and from the node of every slice; None if there is no route for one."""
    routes = routes_of(instance)
    paths = []
    for part in stage.slices:
        there, back = routes.path(stage.home, part.node), routes.path(part.node, stage.home)
        if there is None or back is None:
            return None
        paths.append((there, back))
    return paths


def _timeline(instance: Instance, stage: Stage, work: SliceWork) -> Timeline | None:
    paths = _paths(instance, stage)
    if paths is None:
        return None
    return run_timeline(
        instance,
        stage.home,
        [part.node for part in stage.slices],
        paths,
        work.service_s.tolist(),
        work.input_bytes.tolist(),
        work.output_bytes.tolist(),
    )


def _book(instance: Instance, task: Task, stage: Stage, work: SliceWork, ledger: Ledger) -> None:
    paths = _paths(instance, stage) or []
    for position, (part, ways) in enumerate(zip(stage.slices, paths, strict=True)):
        ledger.node_busy_s[part.node] += float(work.service_s[position])
        for way, volumes in zip(ways, (work.input_bytes, work.output_bytes), strict=True):
            for link in way:
                num_bytes = float(volumes[position])
                busy_s = instance.directed_links[link].busy_seconds(num_bytes)
                ledger.cross(link, num_bytes, busy_s, task)
