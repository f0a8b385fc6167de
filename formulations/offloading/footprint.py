"""What one task's answer takes: visits to nodes, transfers, link use and weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import mean_weights, task_arrays
from splitfog.formulations.costs.ledger import hops, unsliced
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stages import layer_rates, sliced_weights
from splitfog.formulations.decision import Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import StageGeometry, geometry_of
from splitfog.instances.arrays import Flags, Floats, Integers, Seconds
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Layer, Model, Node

LONGEST_S = 1e140
"""Of a visit, for its square is a float yet; nodes are long overloaded then."""

SUMS = ("rho", "second", "waiting", "visits", "guests")
"""What visits add up to at a node: sum lambda s and lambda s^2, the weight of those that wait, how
many these are, and how many of them are foreign (what quotas count)."""

_MOST_TILES = 1024


@dataclass(frozen=True, eq=False, kw_only=True)
class Footprint:
    """What one task's answer takes: V visits in G groups, and what it sends over links.

    A group is a stage (its visits are a barrier) or one visit of unsliced layers. Visits are
    sorted by group; `first` [G] is where each group starts. `moved_s` [V] is a visit's transfers
    if they are part of its race to the barrier, 0 otherwise; `fixed_s` is the latency that never
    waits: all other transfers. `links` and `link_s` are what it occupies. `sums` [SUMS, V] is
    what a visit adds to those of its node, and `slots` [SUMS V] where, all nodes' sums end to end.
    """

    answer: TaskDecision
    node: Integers
    service_s: Seconds
    moved_s: Seconds
    first: Integers
    fixed_s: float
    links: Integers
    link_s: Seconds
    sums: Floats
    slots: Integers

    @cached_property
    def reachable(self) -> bool:
        """Whether every transfer has a route."""
        return self.fixed_s < inf and bool(np.isfinite(self.moved_s).all())

    @cached_property
    def held(self) -> Integers:
        """[H, 2]: the (layer, node) whose weights it needs."""
        layers = unsliced(self.answer)
        pairs = list(zip(layers, self.answer.placement[layers].tolist(), strict=True))
        pairs += sorted(sliced_weights(self.answer))
        return np.array(pairs, np.int64).reshape(-1, 2)

    @cached_property
    def waits(self) -> Flags:
        """[V]: which visits wait."""
        return np.asarray(self.service_s > 0)

    @cached_property
    def alone_s(self) -> Seconds:
        """[V]: how long visits take if nobody waits."""
        return np.asarray(self.moved_s + self.service_s)

    def latency_s(self, wait_s: Seconds) -> float:
        """The task's latency, given the wait of every node."""
        if not len(self.node):
            return self.fixed_s
        ends = self.alone_s + np.where(self.waits, wait_s[self.node], 0.0)
        return self.fixed_s + float(np.maximum.reduceat(ends, self.first).sum())


def footprint(
    instance: Instance, objective: Objective, task: int, answer: TaskDecision
) -> Footprint:
    """What an answer to a task takes of nodes and links. O(layers + tensors + slices)."""
    arrays, owner = task_arrays(instance, task), instance.tasks[task]
    layers = np.array(unsliced(answer), np.int64)
    nodes = answer.placement[layers]
    services = np.zeros(len(instance.nodes))
    np.add.at(services, nodes, arrays.times_s[layers, nodes])
    own = np.unique(nodes)
    visits = [(own, services[own], np.zeros(len(own)))]
    firsts = list(range(len(own)))
    crossed: list[tuple[int, float]] = []
    fixed, links = 0.0, instance.directed_links
    for layer, link in hops(instance, owner, answer, objective.transfers):
        if link is None:
            fixed = inf
            continue
        num_bytes = float(arrays.output_bytes[layer])
        crossed.append((link, links[link].busy_seconds(num_bytes)))
        fixed += links[link].seconds(num_bytes)
    for stage in answer.stages:
        firsts.append(sum(len(visit[0]) for visit in visits))
        visit, always = _stage_visits(instance, task, stage, crossed)
        visits.append(visit)
        fixed += always
    node, service, moved = (np.concatenate(part) for part in zip(*visits, strict=True))
    ids = np.array([link for link, _ in crossed], np.int64)
    seconds_of = np.array([seconds for _, seconds in crossed], np.float64)
    return Footprint(
        answer=answer,
        node=node,
        service_s=service,
        moved_s=moved,
        first=np.array(firsts, np.int64),
        fixed_s=fixed,
        links=ids,
        link_s=seconds_of,
        sums=_sums(instance, task, node, service),
        slots=(node + len(services) * np.arange(len(SUMS))[:, None]).reshape(-1),
    )


def _sums(instance: Instance, task: int, node: Integers, service_s: Seconds) -> Floats:
    rate, some = instance.tasks[task].arrivals_per_s or 0.0, service_s > 0
    capped_s = np.minimum(service_s, LONGEST_S)
    foreign = some & (node != task_arrays(instance, task).source)
    weight = float(mean_weights(instance)[task])
    return np.array([rate * capped_s, rate * capped_s**2, weight * some, some, foreign])


def _stage_visits(
    instance: Instance, task: int, stage: Stage, crossed: list[tuple[int, float]]
) -> tuple[tuple[Integers, Seconds, Seconds], float]:
    """A stage's visits, and the seconds that are no race; its link use goes into `crossed`."""
    routes, nodes = routes_of(instance), [part.node for part in stage.slices]
    tiles = stage_tiles(task_arrays(instance, task).model, stage)
    service = dict.fromkeys(nodes, 0.0)
    for position, node in enumerate(nodes):
        service[node] += tiles.service_s(instance.nodes[node], position)
    there = {node: routes.path(stage.home, node) for node in service}
    back = {node: routes.path(node, stage.home) for node in service}
    into, into_s = _moved(instance, nodes, there, tiles.input_bytes, crossed)
    out, out_s = _moved(instance, nodes, back, tiles.output_bytes, crossed)
    visits = np.array(list(service), np.int64), np.array(list(service.values()))
    if instance.nodes[stage.home].radio == "serial":
        return (*visits, np.zeros(len(service))), into_s + out_s
    return (*visits, into + out), 0.0


def _moved(
    instance: Instance,
    nodes: list[int],
    paths: dict[int, tuple[int, ...] | None],
    sizes: list[float],
    crossed: list[tuple[int, float]],
) -> tuple[Seconds, float]:
    """One way of slices on `nodes`: seconds of every visit, as all slices on its links lengthen it,
    and all slices' own hops; inf without a route."""
    links, busy_s, own_s = instance.directed_links, dict[int, float](), 0.0
    for node, num_bytes in zip(nodes, sizes, strict=True):
        path = paths[node]
        own_s += inf if path is None else 0.0
        for link in path or ():
            seconds = links[link].busy_seconds(num_bytes)
            crossed.append((link, seconds))
            busy_s[link] = busy_s.get(link, 0.0) + seconds
            own_s += seconds + links[link].delay_s
    visits = [
        inf if path is None else sum(busy_s[link] + links[link].delay_s for link in path)
        for path in paths.values()
    ]
    return np.array(visits, float), own_s


@dataclass(frozen=True, eq=False, kw_only=True)
class Tiles:
    """What the slices of a stage need, wherever they run: bytes, shares [layers, T], FLOP."""

    layers: tuple[Layer, ...]
    shares: Seconds
    work: list[float]
    input_bytes: list[float]
    output_bytes: list[float]
    measured: bool

    def service_s(self, node: Node, position: int) -> float:
        """Seconds of a slice on a node, as `stages.slice_work` has them."""
        if not self.measured:
            return node.overhead_s * len(self.layers) + self.work[position] / node.speed_flops
        fixed_s, slope_s = layer_rates(self.layers, node)
        return fixed_s + float(slope_s @ self.shares[:, position])


def stage_tiles(model: Model, stage: Stage) -> Tiles:
    """The slices of a stage: of many such stages only the nodes differ."""
    slices = tuple((*part.rows, *part.columns) for part in stage.slices)
    return _tiles_of(geometry_of(model, stage.layers), slices)


@kept(most=_MOST_TILES)
def _tiles_of(geometry: StageGeometry, slices: tuple[tuple[int, ...], ...]) -> Tiles:
    found = regions(geometry, np.array(slices, np.int64).reshape(-1, 4))
    layers = tuple(geometry.model.layers[layer] for layer in geometry.layers)
    shares = found.shares[:-1]
    flops = geometry.model.flops[list(geometry.layers)]
    return Tiles(
        layers=layers,
        shares=shares,
        work=(flops @ shares).tolist(),
        input_bytes=found.input_bytes.tolist(),
        output_bytes=found.output_bytes.tolist(),
        measured=any(layer.times_s or layer.traffic_bytes for layer in layers),
    )
