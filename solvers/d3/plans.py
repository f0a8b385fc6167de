"""From placements to sliced plans that are allowed: bases, memory, and the best found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.arrays.tiers import TierGraph
from splitfog.formulations.costs.feasibility import memory_bytes, memory_room
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.weights import held_bytes, node_bytes
from splitfog.instances.changes import with_one_task
from splitfog.instances.instance import Instance
from splitfog.instances.kept import share
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.d3.hpa import horizontal_partition
from splitfog.solvers.d3.rules import (
    balanced_shares,
    dealt_grids,
    fused_strips,
    layer_by_layer,
    speed_shares,
)
from splitfog.solvers.d3.search import Slicer, with_stages
from splitfog.solvers.verdicts import Verdicts

Placement = NDArray[np.int64]
ROOM_PARTS = (1, 2, 3, 4, 6, 8)
"""Where memory is short, a stage may take up to such parts of what a node has room for."""


@dataclass(eq=False)
class TaskPlanner:
    """Sliced plans of one task of an instance, the other tasks being decided.

    `others` is a decision of all tasks; this task's part of it is replaced.
    """

    verdicts: Verdicts
    position: int
    others: Decision
    helpers: str = "tier"
    grid: int = 5
    slicer: Slicer = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the slicer that all placements share."""
        self.slicer = self.new_slicer()

    @property
    def instance(self) -> Instance:
        """The instance of which the task is one."""
        return self.verdicts.instance

    @property
    def arrays(self) -> TaskArrays:
        """The task's arrays."""
        return task_arrays(self.instance, self.position)

    def new_slicer(self, **how: Any) -> Slicer:
        """A slicer of the task with other rules or less room."""
        return Slicer(arrays=self.arrays, helpers=self.helpers, grid=self.grid, **how)

    def whole(self, answer: TaskDecision) -> Decision:
        """The decision of all tasks with this answer."""
        tasks = list(self.others.tasks)
        tasks[self.position] = answer
        return Decision(tuple(tasks))

    def value(self, answer: TaskDecision) -> float:
        """The reference cost of an answer; inf where it is not allowed."""
        decision = self.whole(answer)
        return inf if self.verdicts.faults(decision) else float(self.verdicts.cost(decision))

    def best(self, placement: Placement) -> tuple[float, TaskDecision]:
        """The best allowed plan found on a placement, and its value; inf where there is none."""
        answers = list(self._answers(placement))
        values = [self.value(answer) for answer in answers]
        chosen = int(np.argmin(values))
        return values[chosen], answers[chosen]

    def _answers(self, placement: Placement) -> Iterator[TaskDecision]:
        free = self.slicer.sliced(placement)
        yield free
        yield with_stages(self.arrays, placement, [])
        homes = {stage.home for stage in free.stages} or set(placement.tolist())
        if not all(self.slicer.team(home).independent for home in homes):
            yield from self._by_layer(placement)
        if self.verdicts.faults(self.whole(free)):
            yield from self._by_layer(placement)
            yield self.new_slicer(rule=fused_strips).sliced(placement)
            yield self.new_slicer(rule=dealt_grids(self.grid)).prefix_sliced(placement)
            yield from self._within_memory(placement)

    def _by_layer(self, placement: Placement) -> Iterator[TaskDecision]:
        """Every layer by itself, by the rules of `modnn` and `coedge`."""
        yield layer_by_layer(self.slicer, placement, speed_shares)
        yield layer_by_layer(self.slicer, placement, balanced_shares)

    def _within_memory(self, placement: Placement) -> Iterator[TaskDecision]:
        """Plans whose stages take at most a part of each node's room, the least useful left out."""
        room = self._room(placement)
        for part in ROOM_PARTS:
            answer = self.new_slicer(room_bytes=room / part).sliced(placement)
            stages = sorted(answer.stages, key=self._use, reverse=True)
            kept: list[Stage] = []
            for stage in stages:
                if self._fits(with_stages(self.arrays, placement, [*kept, stage])):
                    kept.append(stage)
            yield with_stages(self.arrays, placement, kept)

    def _room(self, placement: Placement) -> NDArray[np.float64]:
        """[nodes]: memory left beside the other tasks' weights and this one's, unsliced.

        The weights of a node's own layers are there anyway, so that their stages cost it nothing.
        """
        held = memory_bytes(self.instance, self.whole(with_stages(self.arrays, placement, [])))
        own = node_bytes(self.arrays.model, placement, len(held))
        return np.asarray(memory_room(self.instance) - np.array(held) + own)

    def _fits(self, answer: TaskDecision) -> bool:
        held = memory_bytes(self.instance, self.whole(answer))
        return bool((np.array(held) <= memory_room(self.instance)).all())

    def _use(self, stage: Stage) -> float:
        """Seconds that a stage saves per byte of weights that it copies."""
        task, model = self.arrays.task, self.arrays.model
        home = self.instance.nodes[stage.home]
        alone = sum(layer_time(model.layers[layer], home) for layer in stage.layers)
        timeline = stage_timeline(self.instance, task, stage)
        saved = alone - (inf if timeline is None else timeline.end_s)
        copies = len({part.node for part in stage.slices} - {stage.home})
        weights = held_bytes(model, stage.layers)
        return saved / max(copies * weights, 1.0)


def homes_of(instance: Instance, helpers: str) -> list[int]:
    """Nodes whose tier has several nodes (`tier`), or all nodes (`all`), in file order."""
    rank = instance.node_rank
    crowded = np.bincount(rank)[rank] > 1
    return [n for n in range(len(rank)) if crowded[n] or (helpers == "all" and len(rank) > 1)]


def base_placements(
    instance: Instance, objective: Objective, position: int, helpers: str
) -> list[Placement]:
    """Placements of a task to slice: all layers on one node that has fellows, cheapest first.

    Input layers are at the source. Nodes without memory for all of it come last: stages may yet
    take weights off them. Where all layers may be on none of the nodes: the horizontal partition
    (`hpa`), if it finds one. (Groups with input layers are not looked at.)

    Raises
    ------
    SolverDeclined
        Where no node has fellows.
    """
    homes = homes_of(instance, helpers)
    if not homes:
        reason = "no tier has several nodes that could share a layer"
        if len(instance.nodes) > 1:
            reason += " (--option helpers=all takes nodes of all tiers)"
        raise SolverDeclined("vsm", reason, "hpa")
    arrays = task_arrays(instance, position)
    seconds = _single_node_seconds(arrays, objective, homes)
    weights = held_bytes(arrays.model, np.flatnonzero(~arrays.is_input).tolist())
    short = weights > memory_room(instance)[homes]
    ranked = sorted(zip(short.tolist(), seconds.tolist(), homes))
    found = [_on_node(arrays, home) for _, total, home in ranked if total < inf]
    if found:
        return found
    partition = horizontal_partition(TierGraph(arrays), objective.transfers == "once")
    return [] if partition is None else [partition]


def _on_node(arrays: TaskArrays, home: int) -> Placement:
    """Every layer on one node but the inputs, which are at the source."""
    placement = np.full(len(arrays.model.layers), home)
    placement[arrays.is_input] = 0 if arrays.source is None else arrays.source
    return placement


def _single_node_seconds(
    arrays: TaskArrays, objective: Objective, homes: list[int]
) -> NDArray[np.float64]:
    """[homes]: the task's latency with all layers on one node; inf where it may not be there."""
    instance, model = arrays.instance, arrays.model
    routes, rank = routes_of(instance), instance.node_rank
    seconds: NDArray[np.float64] = arrays.costs_s[~arrays.is_input][:, homes].sum(axis=0)
    for layer in np.flatnonzero(arrays.is_input).tolist():
        times = len(model.reads[layer]) if objective.transfers == "per-edge" else 1
        if times and model.reads[layer]:
            size = float(arrays.output_bytes[layer])
            ways = [routes.transfer(arrays.source or 0, home, size) for home in homes]
            seconds = seconds + times * np.array(ways)
            if objective.monotone:
                seconds[rank[homes] < rank[arrays.source or 0]] = inf
    if arrays.results_to is not None:
        for layer in np.flatnonzero(model.results).tolist():
            size = float(arrays.output_bytes[layer])
            ways = [routes.transfer(home, arrays.results_to, size) for home in homes]
            seconds = seconds + np.array(ways)
    return seconds


def parted(instance: Instance) -> list[Instance]:
    """One instance a task; the instance itself where there is one, or where memory joins them.

    Under `latency` tasks meet in the memory of nodes only.
    """
    limited = limits_memory(instance)
    if limited or len(instance.tasks) == 1:
        return [instance]
    routes_of(instance)
    parts = []
    for position in range(len(instance.tasks)):
        part = with_one_task(instance, position)
        share(routes_of, instance, part)
        parts.append(part)
    return parts
