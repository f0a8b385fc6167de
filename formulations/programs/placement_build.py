"""Placements as a 0-1 program: `latency` and `period` on any nodes and links.

Ours. One binary x(unit, node) for every unit of layers that must share a node. What a tensor
crosses is written in one of two ways, both as tight as the transport between its two ends: by
`cut_rows` where the links that routes use form a forest, else by `transport_rows`. Memory counts
the weights of a model once per node, whichever tasks and layers use them.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.units import Broadcast, TaskUnits, parcels_on, task_units
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.cut_rows import CutRows
from splitfog.formulations.programs.forest import Forest
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.programs.placed import Columns, Placed, may_send, summed
from splitfog.formulations.programs.placement import ABSENT, PlacementProgram
from splitfog.formulations.programs.transport_rows import TransportRows
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.instance import Instance

LARGE = 10.0
"""Times the known value; costs above are large numbers to an engine."""


def placement_program(
    instance: Instance,
    objective: Objective,
    at_most_s: float = inf,
    memory: bool = True,
    unit_s: float | None = None,
    deadline: Deadline = NEVER,
) -> PlacementProgram:
    """The 0-1 program of an instance for `latency` or `period`.

    Parameters
    ----------
    instance, objective
        What is placed and what is minimised.
    at_most_s
        The value of a known feasible decision: what costs more by itself is left out.
    memory
        False leaves the memory limits out.
    unit_s
        Seconds that one unit of cost is; None: `at_most_s`, else a rough size of the answer.
    deadline
        When there is no more use for it.

    Raises
    ------
    TimeIsUp
        At the deadline.
    """
    build = ProgramBuild(
        instance,
        objective,
        at_most_s=at_most_s,
        memory=memory,
        unit_s=unit_s,
        deadline=deadline,
    )
    return build.finished()


def num_pairs(instance: Instance, objective: Objective) -> int:
    """How many pairs of nodes the ends of all edges have, where the links form no forest; else 0.

    Most of a program's columns, each in two rows: at most so many, less what is too dear.
    """
    if Forest.of(instance):
        return 0
    may = may_send(instance, objective)
    total = 0
    for task in range(len(instance.tasks)):
        units = task_units(instance, task, objective.transfers)
        allowed = np.isfinite(units.costs_s)
        for tail, head in units.edges:
            ends = allowed[tail], allowed[head]
            if min(ends[0].sum(), ends[1].sum()) > 1:
                total += int((ends[0].astype(np.int64) @ may.astype(np.int64)) @ ends[1])
    return total


class ProgramBuild:
    """The program while it grows; every method adds the rows or columns that it names."""

    def __init__(
        self,
        instance: Instance,
        objective: Objective,
        *,
        at_most_s: float,
        memory: bool = True,
        unit_s: float | None = None,
        deadline: Deadline = NEVER,
    ) -> None:
        self.instance, self.objective = instance, objective
        self.links = instance.directed_links
        self.is_period = objective.name == "period"
        self.weight = 1.0 if self.is_period else 1 / len(instance.tasks)
        self.program = LinearProgram(deadline=deadline)
        self.units = tuple(
            task_units(instance, task, objective.transfers) for task in range(len(instance.tasks))
        )
        self.at_most_s = at_most_s
        self.unit_s = self._scale() if unit_s is None else unit_s
        self.node_busy: list[dict[int, float]] = [{} for _ in instance.nodes]
        self.link_busy: list[dict[int, float]] = [{} for _ in self.links]
        self.columns = tuple(self._placements(*each) for each in enumerate(self.units))
        self.placed = Placed(instance, objective, self.program, self.columns)
        self.with_memory = memory
        self.longest, self.busy_rows = ABSENT, dict[int, int]()

    def finished(self) -> PlacementProgram:
        """All rows and columns added."""
        placed, forest = self.placed, Forest.of(self.instance)
        ways = (
            CutRows(placed, forest, self._cross) if forest else TransportRows(placed, self._cross)
        )
        for task, units in enumerate(self.units):
            for broadcast in units.broadcasts:
                add = ways.tensor if broadcast.readers else self._results
                add(task, broadcast)
            for edge in units.edges:
                add_edge = placed.rises if edge in units.silent else ways.edge
                add_edge(task, *edge)
        if self.objective.contiguous is not None:
            self._contiguous()
        if self.with_memory:
            self._memory()
        if self.is_period:
            self._period()
        elif self.at_most_s < inf:
            self._leave_out_the_dear()
        return PlacementProgram(
            instance=self.instance,
            program=self.program,
            units=self.units,
            columns=self.columns,
            unit_s=self.unit_s,
            longest=self.longest,
            busy_rows=self.busy_rows,
        )

    def _scale(self) -> float:
        """Seconds that count as 1: the known value, else a rough size of the answer."""
        if 0 < self.at_most_s < inf:
            return self.at_most_s
        least = [np.where(np.isfinite(u.costs_s), u.costs_s, 0.0).max(axis=1) for u in self.units]
        total = float(sum(part.sum() for part in least)) * self.weight
        return total if total > 0 else 1.0

    def _placements(self, task: int, units: TaskUnits) -> Columns:
        """x(unit, node), exactly one of them 1 for every unit."""
        columns = np.full(units.costs_s.shape, ABSENT)
        for unit, node in np.argwhere(self._affordable(units)).tolist():
            column = self.program.add_column(is_binary=True, key=("at", task, unit, node))
            columns[unit, node] = column
            self._compute(node, column, float(units.costs_s[unit, node]))
        for unit in range(units.num_units):
            self.program.add_row(summed(columns[unit]), 1.0, 1.0, ("one node", task, unit))
        return columns

    def _affordable(self, units: TaskUnits) -> NDArray[np.bool_]:
        """[units, nodes]: allowed, and not by itself dearer than the known value."""
        costs = units.costs_s * self.weight
        if self.at_most_s == inf:
            return np.isfinite(costs)
        least = costs.min(axis=1, keepdims=True)
        others = 0.0 if self.is_period else least.sum() - least
        affordable: NDArray[np.bool_] = costs + others <= self.at_most_s * (1 + BOUND_SLACK)
        return affordable

    def _compute(self, node: int, column: int, seconds: float) -> None:
        """Book a unit's time on a node."""
        share = seconds * self.weight / self.unit_s
        if self.is_period:
            _add(self.node_busy[node], column, share)
        else:
            self.program.cost[column] += share

    def _cross(self, link: int, column: int, broadcast: Broadcast) -> None:
        """Book a crossing of a link that happens iff the column is 1."""
        seconds = (broadcast.busy_seconds if self.is_period else broadcast.seconds)(
            self.links[link]
        )
        share = seconds * self.weight / self.unit_s
        if not self.is_period:
            self.program.cost[column] += share
            return
        _add(self.link_busy[link], column, share)
        for node in (self.links[link].tail, self.links[link].head):
            if not self.instance.nodes[node].overlap:
                _add(self.node_busy[node], column, share)

    def _results(self, task: int, broadcast: Broadcast) -> None:
        """Results without readers: their way follows from the producer's node alone."""
        assert broadcast.sink is not None
        routes = routes_of(self.instance)
        for node, column in self.placed.nodes_of(task, broadcast.producer):
            for link in routes.path(node, broadcast.sink) or ():
                self._cross(link, column, broadcast)

    def _contiguous(self) -> None:
        """Every node has one run of a task's layers, input layers left out: b(layer, node) >=
        x(layer, node) - x(layer before, node) is 1 where a run begins, and the b of a node add up
        to 1 at most. In a ring the layer before the first is the last."""
        is_ring = self.objective.contiguous == "ring"
        for task, (own, columns) in enumerate(zip(self.units, self.columns, strict=True)):
            model = self.instance.model_of(self.instance.tasks[task])
            layers = [i for i in model.order.tolist() if model.layers[i].op != "input"]
            units = own.unit_of[layers].tolist()
            for node in range(len(self.instance.nodes)):
                places = columns[units, node].tolist()
                begins = []
                for at, place in enumerate(places):
                    before = places[at - 1] if at or is_ring else ABSENT
                    if place in (ABSENT, before):
                        continue
                    key = ("begins", task, at, node)
                    column = self.program.add_column(key=key)
                    terms = [(column, 1.0), (place, -1.0)]
                    terms += [(before, 1.0)] if before != ABSENT else []
                    self.program.add_row(terms, lower=0.0, key=key)
                    begins.append((column, 1.0))
                if len(begins) > 1:
                    self.program.add_row(begins, upper=1.0, key=("one run", task, node))

    def _memory(self) -> None:
        """The weights on a node fit; those that several tasks or layers use count once."""
        for node, most in enumerate(memory_room(self.instance).tolist()):
            if most == inf:
                continue
            for own, columns in zip(self.units, self.columns, strict=True):
                for column in columns[own.weight_bytes > most, node].tolist():
                    if column != ABSENT:
                        self.program.upper[column] = 0.0
            terms = [
                (self._any_of(columns), num_bytes / most)
                for num_bytes, columns in self._held(node)
                if num_bytes <= most
            ]
            if sum(share for _, share in terms) > 1:
                self.program.add_row(terms, upper=1.0, key=("memory", node))

    def _held(self, node: int) -> Iterator[tuple[float, list[int]]]:
        """(bytes, columns of x) of weights that are on a node if one of the columns is 1."""
        for num_bytes, holders in parcels_on(self.instance, self.units):
            found = [int(self.columns[task][unit, node]) for task, unit in holders]
            if columns := [column for column in found if column != ABSENT]:
                yield num_bytes, columns

    def _any_of(self, columns: list[int]) -> int:
        """A column that is 1 if one of several is."""
        if len(columns) == 1:
            return columns[0]
        held = self.program.add_column(key=("weights", columns[0]))
        for column in columns:
            key = ("weights", column)
            self.program.add_row([(held, 1.0), (column, -1.0)], lower=0.0, key=key)
        return held

    @property
    def _most(self) -> float:
        """The known value in units of the program, rounded up."""
        return self.at_most_s / self.unit_s * (1 + BOUND_SLACK)

    def _period(self) -> None:
        """The longest busy time of any node or link; what alone makes it too long is left out."""
        self.longest = self.program.add_column(cost=1.0, upper=inf, key=("longest",))
        for machine, busy in enumerate([*self.node_busy, *self.link_busy]):
            for column in [column for column, share in busy.items() if share > self._most]:
                self.program.upper[column] = 0.0
                del busy[column]
            if busy:
                terms = [(column, -share) for column, share in busy.items()]
                terms = [(self.longest, 1.0), *terms]
                row = self.program.add_row(terms, lower=0.0, key=("busy", machine))
                self.busy_rows[machine] = row

    def _leave_out_the_dear(self) -> None:
        """What costs more than the known value, with the least of all (other) units, is never 1.

        No better plan has it, and the program is rid of its large numbers; where there are none
        it is left as it is, since engines are as quick with it.
        """
        cost = np.array(self.program.cost)
        if cost.max(initial=0.0) <= LARGE * self._most:
            return
        spared = np.zeros(len(cost))  # by a placement: the least of its own unit
        total = 0.0
        for columns in self.columns:
            for unit in columns:
                own = unit[unit != ABSENT]
                spared[own] = least = cost[own].min(initial=inf)
                total += least
        for column in np.flatnonzero(cost + total - spared > self._most).tolist():
            self.program.upper[column] = self.program.cost[column] = 0.0


def _add(terms: dict[int, float], column: int, share: float) -> None:
    if share:
        terms[column] = terms.get(column, 0.0) + share
