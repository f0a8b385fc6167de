"""Tasks as subtasks that are matched to nodes: what each takes and moves there.

A subtask is a slice of a stage, or a `run`: the unsliced layers of a task that move together, that
is those away from its source, and all of them but the inputs where the task has no stages and
none is away. Under `batch` a task that has stages has no run. What is neither stays where the
template places it and belongs to the task's base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.arrays.task import TaskArrays, mean_weights, task_arrays
from splitfog.formulations.costs.feasibility import nodes_of
from splitfog.formulations.costs.ledger import unsliced
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.costs.stages import node_rates
from splitfog.formulations.decision import Decision, Stage, Subtask, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.footprint import stage_tiles
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.formulations.weights import held_bytes
from splitfog.instances.arrays import Seconds, frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed


@dataclass(frozen=True, eq=False, kw_only=True)
class Subtasks:
    """K subtasks on N nodes, and all that does not depend on where they go.

    `group` numbers stages and runs: slices of one group are a barrier. `transfer_in_s`,
    `service_s` and `transfer_out_s` are [K, N], inf where a node is not allowed or not reached.
    `base_s` [tasks] is the latency of what stays: its computing and transfers without waits;
    `local_s` [tasks] its computing at the source, which waits there in one visit with a run that
    stays. `weight_bytes` [K] is the size of the weights. `home` [K] is a slice's home, -1 of a run;
    `input_bytes` and `output_bytes` [K] are what a slice moves, 0 for a run.
    """

    instance: Instance
    objective: Objective
    template: Decision
    keys: tuple[Subtask, ...]
    task: NDArray[np.int64]
    group: NDArray[np.int64]
    transfer_in_s: Seconds
    service_s: Seconds
    transfer_out_s: Seconds
    weight_bytes: Seconds
    base_s: Seconds
    local_s: Seconds
    home: NDArray[np.int64]
    input_bytes: Seconds
    output_bytes: Seconds

    @property
    def rate(self) -> Seconds:
        """[K]: arrivals per second of the subtask's task, 0 without a rate."""
        return self.task_rate[self.task]

    @property
    def task_rate(self) -> Seconds:
        """[tasks]: arrivals per second, 0 without a rate."""
        return np.array([task.arrivals_per_s or 0.0 for task in self.instance.tasks])

    @property
    def task_weight(self) -> Seconds:
        """[tasks]: weight in the mean, of sum 1: the rate, or equal if no task has one."""
        return mean_weights(self.instance)

    @property
    def source(self) -> NDArray[np.int64]:
        """[K]: node of the subtask's task's source, -1 without one."""
        index = self.instance.node_index
        sources = [-1 if t.source is None else index[t.source] for t in self.instance.tasks]
        return np.array(sources, np.int64)[self.task]

    @property
    def is_run(self) -> NDArray[np.bool_]:
        """[K]: whether the subtask is a run of unsliced layers."""
        return np.array([stage is None for _, stage, _ in self.keys], bool)

    @cached_property
    def shared_s(self) -> Seconds:
        """[K, N]: `delay_s` both ways of a slice, which those of a visit wait for together.

        0 of runs, and at homes with a serial radio, where transfers follow one another.
        """
        nodes, routes = range(len(self.instance.nodes)), routes_of(self.instance)
        shared = np.zeros((len(self.keys), len(nodes)))
        if any(link.delay_s for link in self.instance.links):
            for home in np.unique(self.home[self.home >= 0]).tolist():
                if self.instance.nodes[home].radio == "parallel":
                    ways = [routes.delay(home, n) + routes.delay(n, home) for n in nodes]
                    shared[self.home == home] = ways
        return frozen(shared)

    def alone_s(self) -> Seconds:
        """[K, N]: transfers and service of each subtask on each node, without waits."""
        return self.transfer_in_s + self.service_s + self.transfer_out_s

    def assignment(self) -> NDArray[np.int64]:
        """[K]: where the template has the subtasks."""
        nodes = []
        for position, stage, piece in self.keys:
            answer = self.template.tasks[position]
            if stage is None:
                nodes.append(int(answer.placement[run_layers(self.instance, position, answer)[0]]))
            else:
                nodes.append(answer.stages[stage].slices[piece or 0].node)
        return np.array(nodes, np.int64)

    @property
    def pieces(self) -> list[tuple[Subtask, tuple[int, ...]]]:
        """Every subtask with its layers (none for slices, which their key tells apart)."""
        runs = [run_layers(self.instance, *pair) for pair in enumerate(self.template.tasks)]
        return [(key, tuple(runs[key[0]]) if key[1] is None else ()) for key in self.keys]

    def is_state(self) -> bool:
        """Whether the template is an assignment of its subtasks: every run is on one node."""
        runs = (run_layers(self.instance, *pair) for pair in enumerate(self.template.tasks))
        pairs = zip(self.template.tasks, runs, strict=True)
        return all(len(set(answer.placement[run].tolist())) <= 1 for answer, run in pairs)

    def decision(self, assignment: ArrayLike) -> Decision:
        """The template with its subtasks on the nodes given, [K]."""
        tasks = list(self.template.tasks)
        moved: dict[tuple[int, int], dict[int, int]] = {}
        for (position, stage, piece), node in zip(self.keys, np.asarray(assignment), strict=True):
            if stage is None:
                answer = tasks[position]
                placement = answer.placement.copy()
                placement[run_layers(self.instance, position, self.template.tasks[position])] = node
                tasks[position] = changed(answer, placement=frozen(placement))
            else:
                moved.setdefault((position, stage), {})[piece or 0] = int(node)
        for (position, stage), nodes in moved.items():
            stages = list(tasks[position].stages)
            slices = [
                changed(part, node=nodes.get(i, part.node))
                for i, part in enumerate(stages[stage].slices)
            ]
            stages[stage] = changed(stages[stage], slices=tuple(slices))
            tasks[position] = changed(tasks[position], stages=tuple(stages))
        return Decision(tuple(tasks))


def run_layers(instance: Instance, task: int, answer: TaskDecision) -> list[int]:
    """Layers of a task's run: see the module; empty if it has none."""
    arrays = task_arrays(instance, task)
    movable = [layer for layer in unsliced(answer) if not arrays.is_input[layer]]
    away = [layer for layer in movable if int(answer.placement[layer]) != arrays.source]
    return away if away or answer.stages else movable


def moving_tensors(arrays: TaskArrays, answer: TaskDecision, run: Sequence[int]) -> list[int]:
    """Tensors that go anywhere, or that may when the run goes: of the others nothing is sent."""
    inside = np.zeros(len(answer.placement), bool)
    inside[list(run)] = True
    places = np.where(inside, -1, answer.placement)
    tails, heads = arrays.model.edges.T
    moves = np.zeros(len(places), bool)
    moves[tails[places[tails] != places[heads]]] = True
    if arrays.results_to is not None:
        moves |= arrays.model.results
    return [int(tensor) for tensor in np.flatnonzero(moves)]


def subtasks_of(instance: Instance, template: Decision, objective: Objective) -> Subtasks:
    """The subtasks of a decision's stages and runs, task by task, runs before slices.

    O(K N) plus the tensors that leave or enter runs. Exact for `once` and `per-edge`.
    """
    columns = _Columns(instance, objective)
    for task, answer in enumerate(template.tasks):
        columns.add_task(task, answer)
    return columns.subtasks(template)


class _Columns:
    """Collects the rows of `Subtasks`, task by task."""

    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective
        self.routes = routes_of(instance)
        self.keys: list[Subtask] = []
        self.group: list[int] = []
        self.rows: list[tuple[Seconds, Seconds, Seconds, float]] = []
        self.moved: list[tuple[int, float, float]] = []
        self.base_s: list[float] = []
        self.local_s: list[float] = []
        self.num_groups = 0

    def subtasks(self, template: Decision) -> Subtasks:
        """What was collected."""
        num_nodes = len(self.instance.nodes)
        into, service, out = (
            frozen(np.array([row[i] for row in self.rows]).reshape(-1, num_nodes)) for i in range(3)
        )
        return Subtasks(
            instance=self.instance,
            objective=self.objective,
            template=template,
            keys=tuple(self.keys),
            task=frozen(np.array([task for task, _, _ in self.keys], np.int64)),
            group=frozen(np.array(self.group, np.int64)),
            transfer_in_s=into,
            service_s=service,
            transfer_out_s=out,
            weight_bytes=frozen(np.array([row[3] for row in self.rows], np.float64)),
            base_s=frozen(np.array(self.base_s)),
            local_s=frozen(np.array(self.local_s)),
            home=frozen(np.array([home for home, _, _ in self.moved], np.int64)),
            input_bytes=frozen(np.array([into for _, into, _ in self.moved], np.float64)),
            output_bytes=frozen(np.array([out for _, _, out in self.moved], np.float64)),
        )

    def add_task(self, task: int, answer: TaskDecision) -> None:
        """A task's base, its run and its stages."""
        arrays = task_arrays(self.instance, task)
        is_batch = self.objective.name == "batch"
        run = [] if is_batch and answer.stages else run_layers(self.instance, task, answer)
        stays = sorted(set(unsliced(answer)) - set(run))
        local = float(arrays.times_s[stays, answer.placement[stays]].sum())
        self.local_s.append(local)
        into, out, fixed = run_transfers(self.routes, arrays, answer, run, self.objective)
        self.base_s.append(local + fixed)
        if run:
            service = np.where(_joined(arrays, answer, run), arrays.costs_s[run].sum(axis=0), inf)
            weight = held_bytes(arrays.model, run)
            self.add((task, None, None), into, service, out, weight)
            self.moved.append((-1, 0.0, 0.0))
            self.num_groups += 1
        for position, stage in enumerate(answer.stages):
            self.add_stage(task, position, stage, arrays)

    def add(
        self, key: Subtask, into: Seconds, service: Seconds, out: Seconds, weight: float
    ) -> None:
        """One subtask of the current group."""
        self.keys.append(key)
        self.group.append(self.num_groups)
        self.rows.append((into, service, out, weight))

    def add_stage(self, task: int, position: int, stage: Stage, arrays: TaskArrays) -> None:
        """The slices of a stage, each on every node."""
        nodes, layers = self.instance.nodes, list(stage.layers)
        tiles = stage_tiles(arrays.model, stage)
        fixed, slope = node_rates(tiles.layers, nodes)
        allowed = arrays.allowed[layers].all(axis=0)
        home = stage.home
        divided = arrays.divides_group(layers)  # then its slices stay with their group
        into = route_seconds(self.routes, home, None, np.array(tiles.input_bytes)[:, None])
        out = route_seconds(self.routes, None, home, np.array(tiles.output_bytes)[:, None])
        weight = geometry_of(arrays.model, stage.layers).weight_bytes
        for piece, part in enumerate(stage.slices):
            open_to = allowed & (np.arange(len(nodes)) == part.node) if divided else allowed
            service = np.where(open_to, fixed + slope @ tiles.shares[:, piece], inf)
            self.moved.append((home, tiles.input_bytes[piece], tiles.output_bytes[piece]))
            self.add((task, position, piece), into[piece], service, out[piece], weight)
        self.num_groups += 1


def _joined(arrays: TaskArrays, answer: TaskDecision, run: Sequence[int]) -> NDArray[np.bool_]:
    """[nodes]: where a run may be beside those of its `group`s that stay."""
    inside, joined = set(run), np.ones(arrays.times_s.shape[1], bool)
    for group in arrays.groups:
        if inside & set(group):
            for layer in set(group) - inside:
                for node in nodes_of(answer, layer):
                    joined &= np.arange(len(joined)) == node
    return joined


def route_seconds(
    routes: Routes, tail: int | None, head: int | None, num_bytes: float | Seconds
) -> Seconds:
    """[nodes]: seconds of a transfer from or to every node, one end is None; or of many [T, 1]."""
    pairs = (slice(None) if tail is None else tail, slice(None) if head is None else head)
    latency, per_byte = routes.latency_s[pairs], routes.seconds_per_byte[pairs]
    with np.errstate(invalid="ignore"):
        seconds = latency + per_byte * num_bytes
    return np.where(np.isinf(latency), inf, seconds)


def run_transfers(
    routes: Routes,
    arrays: TaskArrays,
    answer: TaskDecision,
    run: Sequence[int],
    objective: Objective,
) -> tuple[Seconds, Seconds, float]:
    """Seconds [nodes] into and out of a run on each node, and of all that stays the same.

    A tensor that goes elsewhere too costs a run what it adds to the tree of its other readers.
    """
    num_nodes, inside = routes.num_nodes, set(run)
    into, out, fixed = np.zeros(num_nodes), np.zeros(num_nodes), 0.0
    rank = arrays.instance.node_rank
    for tensor in moving_tensors(arrays, answer, run):
        readers, home = arrays.model.reads[tensor], int(answer.placement[tensor])
        here = [reader in inside for reader in readers]
        others = [int(answer.placement[r]) for r, mine in zip(readers, here) if not mine]
        if objective.monotone and tensor in inside and others:
            out = np.where(rank > min(rank[others]), inf, out)
        if objective.monotone and tensor not in inside and any(here):
            into = np.where(rank < rank[home], inf, into)
        if arrays.results_to is not None and arrays.model.results[tensor]:
            others.append(arrays.results_to)
        size = float(arrays.output_bytes[tensor])
        split = [others] if objective.transfers == "once" else [[node] for node in others]
        if tensor in inside:
            for leaves in split:
                out = out + _to_all(routes, leaves, size)
            continue
        rest = sum(_tree_seconds(routes, home, set(leaves), size) for leaves in split)
        fixed += rest
        if any(here) and objective.transfers == "per-edge":
            into = into + sum(here) * route_seconds(routes, home, None, size)
        elif any(here) and set(others) <= {home}:
            into = into + route_seconds(routes, home, None, size)
        elif any(here):
            grown = [_tree_seconds(routes, home, {*others, n}, size) for n in range(num_nodes)]
            into = into + (np.array(grown) - rest if rest < inf else inf)
    return into, out, fixed


def _to_all(routes: Routes, leaves: list[int], size: float) -> Seconds:
    """[nodes]: seconds of a tensor's tree from every node to the leaves."""
    if not leaves:
        return np.zeros(routes.num_nodes)
    if len(set(leaves)) == 1:
        return route_seconds(routes, None, leaves[0], size)
    trees = [_tree_seconds(routes, n, set(leaves), size) for n in range(routes.num_nodes)]
    return np.array(trees)


def _tree_seconds(routes: Routes, root: int, leaves: set[int], size: float) -> float:
    tree = routes.tree(root, leaves)
    return inf if tree is None else sum(routes.links[link].seconds(size) for link in tree)
