"""Every set of legal stages of a task, with every placement of its layers and every home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import inf

import numpy as np

from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.tiles.stage_shape import stage_shape_defects
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model, Task

Layers = tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """P placements [P, L] that go with the same stages, whose homes are `homes` [P, stages].

    Of what is in no stage: `base_s` [P] computing and transfers; `visit_s` [P, N]; `link_s`
    [P, links] the seconds for which tensors occupy links.
    """

    stages: tuple[Layers, ...]
    placement: Integers
    homes: Integers
    base_s: Floats
    visit_s: Floats
    link_s: Floats


def legal_stages(model: Model) -> list[Layers]:
    """Every set of layers that may form a stage."""
    inner = [at for at, layer in enumerate(model.layers) if layer.op != "input"]
    sets = [layers for size in range(len(inner)) for layers in combinations(inner, size + 1)]
    return [layers for layers in sets if not stage_shape_defects(model, layers)]


def stage_sets(model: Model) -> Iterator[tuple[Layers, ...]]:
    """Every set of legal stages of which no two share a layer, none and one included."""

    def rest(stages: list[Layers], used: set[int]) -> Iterator[tuple[Layers, ...]]:
        yield ()
        for at, layers in enumerate(stages):
            if not used & set(layers):
                for others in rest(stages[at + 1 :], used | set(layers)):
                    yield (layers, *others)

    yield from rest(legal_stages(model), set())


def answers(instance: Instance, task: Task, sliced: bool) -> Iterator[Answers]:
    """Of every set of stages, or of none at all, all placements that may be.

    By routes and tiers, and by memory and groups as far as layers outside stages say.
    """
    model = instance.model_of(task)
    moves = _Moves(instance)
    for stages in stage_sets(model) if sliced else [()]:
        placement, homes = _placements(instance, task, stages)
        inside = {layer for layers in stages for layer in layers}
        outside = [layer for layer in range(len(model.layers)) if layer not in inside]
        placement, homes = (
            rows[_allowed(instance, model, placement, outside)] for rows in (placement, homes)
        )
        base_s, link_s = moves.of(task, model, placement)
        visit_s = np.zeros((len(placement), len(instance.nodes)))
        rows = np.arange(len(placement))
        for layer in outside:
            seconds = np.array([layer_time(model.layers[layer], n) for n in instance.nodes])
            visit_s[rows, placement[:, layer]] += seconds[placement[:, layer]]
        base_s = base_s + visit_s.sum(axis=1)
        kept = np.isfinite(base_s)
        yield Answers(
            stages=stages,
            placement=placement[kept],
            homes=homes[kept],
            base_s=base_s[kept],
            visit_s=visit_s[kept],
            link_s=link_s[kept],
        )


def _placements(
    instance: Instance, task: Task, stages: tuple[Layers, ...]
) -> tuple[Integers, Integers]:
    """[P, L] and [P, stages]: inputs at the source, others by tiers, stages anywhere."""
    model, everywhere = instance.model_of(task), list(range(len(instance.nodes)))
    source = None if task.source is None else instance.node_index[task.source]
    inside = {layer for layers in stages for layer in layers}
    units: list[tuple[Layers, list[int]]] = [(layers, everywhere) for layers in stages]
    for at, layer in enumerate(model.layers):
        if at not in inside:
            may = [n for n in everywhere if layer.may_run_on(instance.nodes[n])]
            if layer.op == "input":
                may = [n for n in may if n == source]
            units.append(((at,), may))
    grids = np.meshgrid(*(np.array(may, np.int64) for _, may in units), indexing="ij")
    chosen = np.stack([grid.ravel() for grid in grids], axis=1)
    placement = np.zeros((len(chosen), len(model.layers)), np.int64)
    for at, (layers, _) in enumerate(units):
        placement[:, list(layers)] = chosen[:, [at]]
    return placement, chosen[:, : len(stages)]


def _allowed(instance: Instance, model: Model, placement: Integers, outside: list[int]) -> Flags:
    """[P]: groups on one node and weights in memory, as far as layers in no stage say."""
    good = np.ones(len(placement), bool)
    for group in model.groups.values():
        own = [layer for layer in group if layer in outside]
        good &= (placement[:, own] == placement[:, own[:1]]).all(axis=1)
    owners = {int(model.weight_owner[layer]) for layer in outside}
    for at, node in enumerate(instance.nodes):
        if node.memory_bytes is not None:
            held = np.zeros(len(placement))
            for owner in owners:
                own = [layer for layer in outside if model.weight_owner[layer] == owner]
                here = (placement[:, own] == at).any(axis=1)
                held += here * model.layers[owner].weight_bytes
            good &= held <= node.memory_bytes * (1 + 1e-9)
    return good


class _Moves:
    """What the tree of routes from every node to every set of nodes takes."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        routes, count = routes_of(instance), len(instance.nodes)
        links = instance.directed_links
        self.used = np.zeros((count, 1 << count, len(links)))
        self.reached = np.ones((count, 1 << count), bool)
        for root in range(count):
            for mask in range(1 << count):
                leaves = {node for node in range(count) if mask >> node & 1} - {root}
                tree = routes.tree(root, leaves) if leaves else ()
                if tree is None:
                    self.reached[root, mask] = False
                else:
                    self.used[root, mask, tree] = 1.0

    def of(self, task: Task, model: Model, placement: Integers) -> tuple[Floats, Floats]:
        """[P] seconds, inf without a route, and [P, links] for how long links are occupied."""
        links = self.instance.directed_links
        total, busy = np.zeros(len(placement)), np.zeros((len(placement), len(links)))
        for layer, readers in enumerate(model.consumers):
            mask = np.zeros(len(placement), np.int64)
            for reader in readers:
                mask |= 1 << placement[:, reader]
            if task.results_to is not None and model.results[layer]:
                mask |= 1 << self.instance.node_index[task.results_to]
            at, num_bytes = placement[:, layer], float(model.output_bytes[layer])
            used = self.used[at, mask]
            total += np.where(self.reached[at, mask], 0.0, inf)
            total += used @ np.array([link.seconds(num_bytes) for link in links])
            busy += used * np.array([link.busy_seconds(num_bytes) for link in links])
        return total, busy
