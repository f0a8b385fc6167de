"""What a request of a task goes through: transfers as delays, nodes as queues, stages as barriers.

The system that `simulate` runs. A task's layers are taken in topological order (the
plan's `order`, else the file's made topological), a stage as one of them; consecutive unsliced
layers on one node are one service there. What a run or a stage reads is sent to it when it is its
turn, one tensor after another, over the links that the tensor has not crossed yet (`once`; whole
routes for every edge under `per-edge`). So without waits a request takes exactly the latency that
`latency` sums up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from splitfog.deployment.simulation.ways import Hop, Way, arrivals_s, share_links
from splitfog.formulations.costs.ledger import layer_time, unsliced
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.costs.stages import stage_visits, stage_work
from splitfog.formulations.decision import Decision, Stage, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.instances.arrays import Seconds
from splitfog.instances.instance import Instance
from splitfog.instances.order import topological
from splitfog.instances.records import Model, Task


@dataclass(frozen=True)
class Branch:
    """One visit to a node: it arrives so long after its step begins, is served, and sends back."""

    node: int
    arrives_s: float
    service_s: float
    sends_s: float


@dataclass(frozen=True)
class Step:
    """Visits that begin together after a delay and end together.

    `serial`: what they send back goes one after another, the first ready first. `back`: the way
    of each, where these share links; else `sends_s` of each is all there is to it.
    """

    delay_s: float
    branches: tuple[Branch, ...]
    serial: bool = False
    back: tuple[Way, ...] = ()


@dataclass(frozen=True)
class Program:
    """The steps of every request of a task, and the delay after the last."""

    steps: tuple[Step, ...]
    tail_s: float

    @property
    def num_visits(self) -> int:
        """How often a request queues; where branches race, each counts, service or not."""
        return sum(
            branch.service_s > 0 or len(step.branches) > 1
            for step in self.steps
            for branch in step.branches
        )


def request_program(
    instance: Instance, position: int, decision: Decision, objective: Objective
) -> Program:
    """The program of a task's requests. Needs routes for all that travels (else `ValueError`)."""
    task, answer = instance.tasks[position], decision.tasks[position]
    builder = _Builder(
        instance=instance, task=task, answer=answer, once=objective.transfers == "once"
    )
    for unit in _units(instance.model_of(task), answer):
        builder.add(unit)
    return builder.program()


def _units(model: Model, answer: TaskDecision) -> Iterator[int | Stage]:
    """Unsliced layers and stages, each after all that it reads.

    Repeatedly the one whose first layer comes first in the order.
    """
    order = model.order.tolist() if answer.order is None else list(answer.order)
    rank = {layer: at for at, layer in enumerate(order)}
    members: list[tuple[int | Stage, list[int]]] = [(i, [i]) for i in unsliced(answer)]
    members += [(stage, list(stage.layers)) for stage in answer.stages]
    members.sort(key=lambda entry: min(rank[layer] for layer in entry[1]))
    unit_of = {layer: unit for unit, (_, layers) in enumerate(members) for layer in layers}
    reads = [
        {unit_of[i] for layer in layers for i in model.inputs[layer]} - {unit}
        for unit, (_, layers) in enumerate(members)
    ]
    readers: list[list[int]] = [[] for _ in members]
    for unit, inputs in enumerate(reads):
        for tensor in inputs:
            readers[tensor].append(unit)
    for unit in topological(readers):
        yield members[unit][0]


@dataclass(kw_only=True)
class _Builder:
    """Appends units to a program."""

    instance: Instance
    task: Task
    answer: TaskDecision
    once: bool
    steps: list[Step] = field(default_factory=list)
    delay_s: float = 0.0
    """Sent since the last step."""
    run: tuple[int, float] | None = None
    """Node and seconds so far of the run that is being collected."""
    crossed: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = self.instance.model_of(self.task)
        self.routes: Routes = routes_of(self.instance)

    def add(self, unit: int | Stage) -> None:
        """The next unsliced layer or stage."""
        if isinstance(unit, Stage):
            self._close()
            self.delay_s += self._fetch(list(unit.layers), unit.home)
            self._add_stage(unit)
            return
        layer = self.model.layers[unit]
        if layer.op == "input":  # it takes no time and no node
            return
        node = int(self.answer.placement[unit])
        seconds = layer_time(layer, self.instance.nodes[node])
        if self.run is None or self.run[0] != node:
            self._close()
            self.run = (node, 0.0)
        self.delay_s += self._fetch([unit], node)  # all that a run reads is sent before it begins
        self.run = (node, self.run[1] + seconds)

    def program(self) -> Program:
        """What was added, and the results' way."""
        self._close()
        target = self.task.results_to
        if target is not None:
            for layer in self.model.results.nonzero()[0].tolist():
                self.delay_s += self._send(layer, self.instance.node_index[target])
        return Program(tuple(self.steps), self.delay_s)

    def _close(self) -> None:
        """End the run that is being collected."""
        if self.run is not None and self.run[1] > 0:
            self._append((Branch(self.run[0], 0.0, self.run[1], 0.0),))
        self.run = None

    def _append(
        self, branches: tuple[Branch, ...], serial: bool = False, back: tuple[Way, ...] = ()
    ) -> None:
        self.steps.append(Step(self.delay_s, branches, serial, back))
        self.delay_s = 0.0

    def _add_stage(self, stage: Stage) -> None:
        """One branch a node."""
        if self.instance.nodes[stage.home].radio == "serial":
            self._add_in_turn(stage)
            return
        visits = stage_visits(self.instance, self.task, stage)
        work = stage_work(self.instance, self.task, stage)
        there = [self._way(stage, v.node, True, work.input_bytes) for v in visits]
        back = [self._way(stage, v.node, False, work.output_bytes) for v in visits]
        arrive_s = arrivals_s([0.0] * len(visits), there)
        branches = tuple(
            Branch(visit.node, arrives, visit.service_s, sum(h.busy_s + h.delay_s for h in way))
            for visit, arrives, way in zip(visits, arrive_s, back, strict=True)
        )
        self._append(branches, back=tuple(back) if share_links(back) else ())

    def _add_in_turn(self, stage: Stage) -> None:
        """A serial radio sends what goes in one visit after another."""
        branches, sent = [], 0.0
        for visit in stage_visits(self.instance, self.task, stage):
            sent += visit.transfer_in_s
            arrives = sent if visit.transfer_in_s > 0 else 0.0
            branches.append(Branch(visit.node, arrives, visit.service_s, visit.transfer_out_s))
        self._append(tuple(branches), serial=True)

    def _way(self, stage: Stage, node: int, outward: bool, sizes: Seconds) -> Way:
        """The way of all slices on a node, from home (`outward`) or back."""
        ends = (stage.home, node) if outward else (node, stage.home)
        own = [float(b) for b, part in zip(sizes, stage.slices, strict=True) if part.node == node]
        links = [(link, self.routes.links[link]) for link in self.routes.path(*ends) or ()]
        return tuple(Hop(at, sum(map(link.busy_seconds, own)), link.delay_s) for at, link in links)

    def _fetch(self, layers: list[int], node: int) -> float:
        """Seconds to send all that these layers read from elsewhere to a node."""
        inside = set(layers)
        tensors = [i for layer in layers for i in self.model.inputs[layer] if i not in inside]
        return sum(self._send(t, node) for t in (dict.fromkeys(tensors) if self.once else tensors))

    def _send(self, tensor: int, node: int) -> float:
        """Seconds to send a tensor to a node."""
        path = self.routes.path(int(self.answer.placement[tensor]), node)
        if path is None:
            name = self.model.layers[tensor].name
            raise ValueError(f"task {self.task.name}: the tensor of layer {name} has no route")
        done = self.crossed.setdefault(tensor, set()) if self.once else set()
        new = [link for link in path if link not in done]
        done.update(path)
        num_bytes = float(self.model.output_bytes[tensor])
        return sum(self.routes.links[link].seconds(num_bytes) for link in new)
