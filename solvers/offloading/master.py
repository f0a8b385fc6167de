"""The linear program over columns (node, set of subtasks), grown by column generation (ours).

A column's waits are exact, so the program is a plain set partition, joined over nodes only by
the latencies of stages with several slices, the barriers (see `pricing`), and by links
that might be overloaded. A barrier's latency y has a row per node, above what the node's set says
of it, and a row per slice, above what the sets that hold the slice say, since it is in one.

Each round prices every column of every node, over tables of all sets, and so also yields a valid
bound from the prices, whatever the state of the program. Where slices of one stage share links on
their ways, which makes them longer, a column counts its own hops: the relaxation knows no more, and
the 0-1 program has rows that do (`lengthened`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import highspy
import numpy as np

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.node_sets import node_sets
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.tolerances import BOUND_SLACK, EQUAL
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.base import Request
from splitfog.solvers.engines.result import LEAST_S
from splitfog.solvers.offloading.pricing import NodeColumns, Prices, barriers_of

Column = tuple[int, int]
"""(node, mask)."""

ROUNDS = 400
"""Of column generation at most."""
BLOCKS = 64
"""A round takes at most the best set of each of so many blocks of a node's sets."""


@dataclass(frozen=True)
class Links:
    """Links that some assignment may overload: load [links, K, N], and room [links] left."""

    load: Floats
    room: Floats


def overloadable_links(assignments: Assignments) -> Links:
    """The links that the worst of all assignments would load to 1 or more."""
    use, (count, nodes) = assignments.links, assignments.subtasks.service_s.shape
    load = np.zeros((len(use.base_load), count, nodes))
    for leg in np.flatnonzero(use.rate[use.subtask] > 0).tolist():
        links = use.table[use.row[leg]]
        seconds = use.busy_s(links, use.size[leg])
        node, hop = np.nonzero(links >= 0)
        subtask = use.subtask[leg]
        np.add.at(load, (links[node, hop], subtask, node), use.rate[subtask] * seconds[node, hop])
    kept = use.base_load + load.max(axis=2).sum(axis=1) >= 1
    return Links(load[kept], 1 - use.base_load[kept])


def _floor_s(assignments: Assignments) -> float:
    """Seconds that no assignment's value is below, without waits; 1 if that is nothing."""
    subtasks, least = assignments.subtasks, np.zeros(assignments.num_groups)
    shortest = subtasks.alone_s().min(axis=1, initial=inf)
    np.maximum.at(least, subtasks.group, np.where(shortest < inf, shortest, 0.0))
    floor = float(assignments.weight @ subtasks.base_s)
    floor += float(assignments.weight[assignments.group_task] @ least)
    return floor if 0 < floor < inf else 1.0


@dataclass(frozen=True)
class Rows:
    """Where the rows are: subtasks, nodes, slices of barriers, (barrier, node), links."""

    count: int
    nodes: int
    slices: Integers
    barriers: Integers

    def node(self, node: int) -> int:
        """The row that gives a node one set at most."""
        return self.count + node

    def slice(self, subtasks: Any) -> Any:
        """The rows that keep y above the sets with a slice."""
        return self.count + self.nodes + np.searchsorted(self.slices, subtasks)

    def spread(self, group: int, node: Any) -> Any:
        """The rows that keep y above the set of a node."""
        first = self.count + self.nodes + len(self.slices)
        return first + self.nodes * int(np.searchsorted(self.barriers, group)) + node

    def link(self, position: int) -> int:
        """The row of a link's load."""
        return int(self.spread(len(self.barriers) and int(self.barriers[-1]) + 1, position))


@dataclass(frozen=True)
class LongWay:
    """A row that y of a barrier above its least and some columns, by number, keep above `lower`."""

    group: int
    terms: list[tuple[int, float]]
    lower: float


@dataclass
class Master:
    """The linear program over the columns made so far; costs are in units of `unit_s`."""

    assignments: Assignments
    value: float
    deadline: Deadline = NEVER
    columns: list[Column] = field(default_factory=list)
    bound: float = -inf

    def __post_init__(self) -> None:
        own = self.assignments
        self.unit_s = self.value if self.value < inf else _floor_s(own)
        self.cutoff = self.value / self.unit_s
        sets = node_sets(own)
        self.barriers = barriers_of(own, sets, own.weight[own.group_task] / self.unit_s)
        links = overloadable_links(own)
        self.room = links.room
        stays = [own_sets.stay_weight / self.unit_s for own_sets in sets]
        self.nodes = []
        for each, stay in zip(sets, stays, strict=True):
            self.deadline.check("the columns of all nodes")
            load = links.load[:, list(each.members), each.node]
            self.nodes.append(NodeColumns(each, self.barriers, load, self.room, stay))
        self.constant = float(own.weight @ own.subtasks.base_s) / self.unit_s
        self.constant += sum(stay * each.wait_s[0] for each, stay in zip(sets, stays, strict=True))
        self.constant += float(self.barriers.least @ self.barriers.is_barrier)
        self._drop_dear()
        groups = np.flatnonzero(self.barriers.is_barrier)
        slices = np.flatnonzero(self.barriers.is_barrier[own.subtasks.group])
        self.rows = Rows(len(own.subtasks.keys), own.num_nodes, slices, groups)
        self.known: set[Column] = set()

    def seconds(self, amount: float) -> float:
        """An amount in seconds, rounded down."""
        return amount * self.unit_s - BOUND_SLACK * abs(amount * self.unit_s)

    def generate(self, start: Integers | None, request: Request) -> StoppedBy | None:
        """Columns until none has a negative reduced cost; keeps the best bound and its prices."""
        highs = self._begin(start)
        for _ in range(ROUNDS):
            if self.deadline.remaining_s < inf:
                highs.setOptionValue(
                    "time_limit", highs.getRunTime() + max(self.deadline.remaining_s, LEAST_S)
                )
            highs.run()
            if request.out_of_time:
                return "time limit"
            prices = self._prices(highs)
            bound, reduced = self._price(prices)
            if bound > self.bound:
                self.bound, self.best_prices = bound, prices
                self._drop(reduced)
            fresh = self._fresh(prices, reduced)
            if request.out_of_time:
                return "time limit"
            if not fresh or self.bound >= self.cutoff:
                return None
            for column in fresh:
                self._add(highs, column)
        return None

    def survivors(self, most: int) -> tuple[list[Column], float]:
        """The columns that may be in a better assignment, the `most` cheapest of them, and a bound
        for all assignments with others."""
        _, reduced = self._price(self.best_prices)
        self._drop(reduced)
        tables = []
        for own in self.nodes:
            costs = own.reduced(self.best_prices)
            costs = costs - min(float(costs.min(initial=0.0)), 0.0)
            tables.append(np.stack([np.full(len(costs), own.sets.node), own.masks, costs]))
        table, beyond = np.concatenate(tables, axis=1), inf
        if table.shape[1] > most:
            order = np.argsort(table[2], kind="stable")
            beyond = self.bound + float(table[2, order[most]])
            table = table[:, order[:most]]
        return [(int(node), int(mask)) for node, mask in table[:2].T.tolist()], beyond

    def cost(self, column: Column) -> float | None:
        """What a column costs beside the barriers; None if it was dropped or is none."""
        own = self.nodes[column[0]]
        at = own.position(column[1])
        return None if at < 0 else float(own.fixed[at])

    def terms(self, column: Column) -> list[tuple[int, float]]:
        """(row, coefficient) of a column: its node, subtasks, barriers and links."""
        node, mask = column
        own, rows = self.nodes[node], self.rows
        sets, at = own.sets, own.position(mask)
        held = sets.subtasks(mask)
        terms = [(rows.node(node), 1.0), *((subtask, 1.0) for subtask in held)]
        for number, bounds in own.bound.items():
            group = sets.groups[number]
            bound = float(bounds[at])
            here = [k for k in held if k in group.members]
            terms += [(int(rows.slice(k)), -bound) for k in here]
            if here:
                spread = int(rows.spread(group.group, node))
                terms.append((spread, own.empty[number] - bound))
        bits = [bit for bit in range(len(sets.members)) if mask >> bit & 1]
        loads = own.load[:, bits].sum(axis=1)
        return terms + [(rows.link(i), load) for i, load in enumerate(loads.tolist()) if load]

    def limits(self) -> list[tuple[float, float]]:
        """(lower, upper) of every row in order; what y exceeds the least by is a column."""
        own, least = self.barriers, self.barriers.least
        limits = [(1.0, inf)] * self.rows.count + [(-inf, 1.0)] * self.rows.nodes
        limits += [(-float(least[own.of[k]]), inf) for k in self.rows.slices]
        for group in self.rows.barriers.tolist():
            empty = np.full(self.rows.nodes, float(least[group]))
            for node in self.nodes:
                for at, bound in node.empty.items():
                    if node.sets.groups[at].group == group:
                        empty[node.sets.node] = bound
            limits += [(float(bound) - float(least[group]), inf) for bound in empty]
        return limits + [(-inf, float(room)) for room in self.room]

    def excess_terms(self, group: int) -> list[int]:
        """Rows of a barrier's latency above its least."""
        slices = np.flatnonzero(self.barriers.of == group)
        spread = self.rows.spread(group, np.arange(self.rows.nodes))
        return [*self.rows.slice(slices).tolist(), *spread.tolist()]

    def lengthened(self, columns: list[Column]) -> Iterator[LongWay]:
        """Rows that hold of 0-1 solutions alone: of a barrier and a node whose visit others' slices
        lengthen, where their ways share links.

        y >= the visit of the node's set + what the other nodes' sets add, less the most of it
        where the node has no slice.
        """
        added_s, of = self.assignments.stage_ways.added_s, self.barriers.of
        held = [(node, self.nodes[node].sets.subtasks(mask)) for node, mask in columns]
        for group in np.unique(of[list(added_s)]).tolist():
            if not self.barriers.is_barrier[group]:
                continue
            mine = [
                (number, node, slices)
                for number, (node, members) in enumerate(held)
                if (slices := [k for k in members if of[k] == group])
            ]
            for own in self.nodes:
                at = next((at for at in own.visit if own.sets.groups[at].group == group), None)
                if at is not None:
                    yield from self._long_ways(own, at, mine, columns)

    def _long_ways(
        self,
        own: NodeColumns,
        at: int,
        mine: list[tuple[int, int, list[int]]],
        columns: list[Column],
    ) -> Iterator[LongWay]:
        """The row of a node and its group at a position, if it says anything; `mine` are (number,
        node, slices) of the columns with slices of the group."""
        group, here = own.sets.groups[at].group, own.sets.node
        worth, added_s = float(self.barriers.worth[group]), self.assignments.stage_ways.added_s
        kin = [k for k in np.flatnonzero(self.barriers.of == group).tolist() if k in added_s]
        added = {k: worth * added_s[k][here] for k in kin}
        most = sum(float(row.max()) for row in added.values())
        if most == 0:
            return
        terms = []
        for number, node, slices in mine:
            if node == here:
                visit = float(own.visit[at][own.position(columns[number][1])])
                terms.append((number, -visit - most))
            else:
                terms.append((number, -sum(float(added[k][node]) for k in slices if k in added)))
        yield LongWay(group, terms, -most - float(self.barriers.least[group]))

    def _begin(self, start: Integers | None) -> Any:
        """The program with its rows, barriers, first columns, and dear substitutes for all."""
        highs, none = highspy.Highs(), np.empty(0)
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        for lower, upper in self.limits():
            highs.addRow(lower, upper, 0, none.astype(np.int32), none)
        dear = 10.0 * self.cutoff if self.cutoff < inf else 1e3 * (1 + self.constant)
        for subtask in range(self.rows.count):
            highs.addCol(dear, 0, inf, 1, np.array([subtask], np.int32), np.ones(1))
        for group in self.rows.barriers.tolist():
            rows = np.array(self.excess_terms(group), np.int32)
            highs.addCol(1.0, 0, inf, len(rows), rows, np.ones(len(rows)))
        for own in self.nodes:
            if start is not None:
                held = np.flatnonzero(start == own.sets.node).tolist()
                self._add(highs, (own.sets.node, own.sets.mask(held)))
            for bit in range(len(own.sets.members)):
                self._add(highs, (own.sets.node, 1 << bit))
        return highs

    def _add(self, highs: Any, column: Column) -> None:
        cost = self.cost(column)
        if cost is None or column in self.known:
            return
        self.known.add(column)
        self.columns.append(column)
        terms = self.terms(column)
        rows = np.array([row for row, _ in terms], np.int32)
        values = np.array([value for _, value in terms])
        highs.addCol(cost, 0, inf, len(rows), rows, values)

    def _prices(self, highs: Any) -> Prices:
        """The duals, made feasible for the bound: their signs, and no barrier overpaid."""
        duals, rows, own = np.array(highs.getSolution().row_dual), self.rows, self.barriers
        slices, spread = np.zeros(rows.count), np.zeros((len(own.worth), rows.nodes))
        slices[rows.slices] = np.maximum(duals[rows.slice(rows.slices)], 0.0)
        for group in rows.barriers.tolist():
            spread[group] = np.maximum(duals[rows.spread(group, np.arange(rows.nodes))], 0.0)
        paid = spread.sum(axis=1)
        np.add.at(paid, own.of, slices)
        part = 1.0 / np.maximum(paid, 1.0)
        return Prices(
            np.maximum(duals[: rows.count], 0.0),
            slices * part[own.of],
            spread * part[:, None],
            np.minimum(duals[rows.link(0) :], 0.0),
            np.minimum(duals[rows.node(0) : rows.node(rows.nodes)], 0.0),
        )

    def _price(self, prices: Prices) -> tuple[float, list[Floats]]:
        """The bound of these prices, and the reduced cost of every column of every node."""
        limits = np.array([lower for lower, _ in self.limits()])
        rows = self.rows
        bound = self.constant + float(prices.cover.sum() + prices.link @ self.room)
        bound += float(prices.slice[rows.slices] @ limits[rows.slice(rows.slices)])
        for group in rows.barriers.tolist():
            spread = rows.spread(group, np.arange(rows.nodes))
            bound += float(prices.spread[group] @ limits[spread])
        reduced = [own.reduced(prices) for own in self.nodes]
        return bound + sum(min(float(r.min(initial=0.0)), 0.0) for r in reduced), reduced

    def _drop_dear(self) -> None:
        """Forget sets that alone cost more than the cut-off: no wide coefficients come in."""
        for own in self.nodes:
            own.keep(self.constant + own.least() <= self.cutoff + BOUND_SLACK)

    def _drop(self, reduced: list[Floats]) -> None:
        """Forget columns that no assignment better than the cut-off has."""
        gap = self.cutoff - self.bound + BOUND_SLACK
        for at, (own, costs) in enumerate(zip(self.nodes, reduced, strict=True)):
            kept = costs - min(float(costs.min(initial=0.0)), 0.0) <= gap
            if kept.sum() < 0.7 * len(kept):
                own.keep(kept)
                reduced[at] = costs[kept]

    def _fresh(self, prices: Prices, reduced: list[Floats]) -> list[Column]:
        """The best new columns of blocks of every node's sets."""
        fresh = []
        for own, costs in zip(self.nodes, reduced, strict=True):
            for block in np.array_split(np.arange(len(costs)), BLOCKS):
                if len(block):
                    best = block[costs[block].argmin()]
                    column = (own.sets.node, int(own.masks[best]))
                    dear = costs[best] >= prices.node[own.sets.node] - EQUAL
                    if not dear and column not in self.known:
                        fresh.append(column)
        return fresh
