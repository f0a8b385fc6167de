"""The columns x(unit, node) of a 0-1 program, and rows that hold whichever way crossings are
written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.programs.placement import ABSENT
from splitfog.instances.instance import Instance

Columns = NDArray[np.int64]
"""[units, nodes] of a task; `ABSENT` where a unit may not be."""
Side = NDArray[np.bool_]
"""[nodes]: those on one side of a link, or below a rank."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the units of every task may be, and the program that rows are added to."""

    instance: Instance
    objective: Objective
    program: LinearProgram
    columns: tuple[Columns, ...]

    @cached_property
    def may_send(self) -> NDArray[np.bool_]:
        """[nodes, nodes]: whether a tensor may go from one node to the other."""
        return may_send(self.instance, self.objective)

    def nodes_of(self, task: int, unit: int) -> list[tuple[int, int]]:
        """(node, column of x) of every node that a unit may be on."""
        columns = self.columns[task][unit]
        return [(node, int(columns[node])) for node in np.flatnonzero(columns != ABSENT).tolist()]

    def rises(self, task: int, producer: int, reader: int) -> None:
        """Ranks do not fall along an edge if monotone, whether anything is sent or not."""
        if not self.objective.monotone:
            return
        for rank in range(1, len(self.instance.tiers)):
            self.stays_out(task, producer, reader, self.instance.node_rank < rank)

    def stays_out(self, task: int, producer: int, reader: int, side: Side) -> None:
        """An edge does not enter a side from outside."""
        if self.may_enter(task, producer, reader, side, any_route=True):
            terms = self.difference(task, producer, reader, side)
            self.program.add_row(terms, lower=0.0, key=("edge", task, producer, reader))

    def difference(
        self, task: int, producer: int, reader: int, side: Side
    ) -> list[tuple[int, float]]:
        """x(producer, side) - x(reader, side), written on the smaller side (x sums to 1)."""
        sign = 1.0
        if 2 * side.sum() > len(side):
            side, sign = ~side, -1.0
        columns = self.columns[task]
        plus = [(column, sign * value) for column, value in summed(columns[producer][side])]
        minus = [(column, -sign * value) for column, value in summed(columns[reader][side])]
        return [*plus, *minus]

    def may_enter(
        self, task: int, producer: int, reader: int, side: Side, any_route: bool = False
    ) -> bool:
        """Whether the producer may be outside a side while the reader is inside."""
        columns = self.columns[task] != ABSENT
        tails, heads = np.flatnonzero(columns[producer] & ~side), columns[reader] & side
        if any_route:
            return bool(len(tails) and heads.any())
        return bool((self.may_send[tails] & heads).any())


def may_send(instance: Instance, objective: Objective) -> NDArray[np.bool_]:
    """[nodes, nodes]: from where to where tensors may go, by routes and ranks."""
    may: NDArray[np.bool_] = np.isfinite(routes_of(instance).latency_s)
    rank = instance.node_rank
    return may & (rank[:, None] <= rank) if objective.monotone else may


def summed(columns: NDArray[np.int64]) -> list[tuple[int, float]]:
    """The terms of a sum of those columns that there are."""
    return [(column, 1.0) for column in columns.tolist() if column != ABSENT]
