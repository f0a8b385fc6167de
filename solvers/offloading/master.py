"""The linear program over columns (node, set of subtasks), grown by column generation (ours).

A column's waits are exact, so the program is a plain set partition, joined over nodes only by
the latencies of stages with several slices, the barriers (see `pricing`), and by links
that might be overloaded. A barrier's latency y has a row per node, above what the node's set says
of it, and a row per slice, above what the sets that hold the slice say, since it is in one.

Each round looks for the cheapest sets of every node (`queue_sets`), and so also yields a valid
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
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.solvers.base import Request
from splitfog.solvers.engines.result import LEAST_S
from splitfog.solvers.offloading.pricing import NodeColumns, Prices, barriers_of
from splitfog.solvers.offloading.queue_sets import Sets, cheap_sets, sets_below

Column = tuple[int, tuple[int, ...]]
"""(node, positions of the offers that its set takes)."""

ROUNDS = 400
"""Of column generation at most."""
TOLERANCES = (inf, 1e-3, 1e-8)
"""Of a node's cheapest set, in units; a finer one when the coarser finds nothing new."""
MOST_FRESH = 30
"""Columns of a node that a round adds at most."""
MOST_LABELS = 100_000
"""Sets that a search for cheap ones may look into at a time."""
MOST_SURVIVORS = 400_000
"""The same of a search for all that may matter."""


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
            load = links.load[:, :, each.node]
            self.nodes.append(NodeColumns(each, self.barriers, load, self.room, stay))
        self.constant = float(own.weight @ own.subtasks.base_s) / self.unit_s
        least = (each.least_wait_s for each in sets)
        self.constant += sum(stay * wait_s for stay, wait_s in zip(stays, least, strict=True))
        self.constant += float(self.barriers.least @ self.barriers.is_barrier)
        for node in self.nodes:  # sets that alone are too dear would bring wide coefficients
            node.dearest = self.cutoff - self.constant + BOUND_SLACK
        groups = np.flatnonzero(self.barriers.is_barrier)
        slices = np.flatnonzero(self.barriers.is_barrier[own.subtasks.group])
        self.rows = Rows(len(own.subtasks.keys), own.num_nodes, slices, groups)
        self.known: set[Column] = set()

    def seconds(self, amount: float) -> float:
        """An amount in seconds, rounded down."""
        return amount * self.unit_s - BOUND_SLACK * abs(amount * self.unit_s)

    def generate(self, start: Integers | None, request: Request) -> StoppedBy | None:
        """Columns until none has a negative reduced cost; keeps the best bound and its prices."""
        highs, finer = self._begin(start), 0
        for _ in range(ROUNDS):
            if self.deadline.remaining_s < inf:
                highs.setOptionValue(
                    "time_limit", highs.getRunTime() + max(self.deadline.remaining_s, LEAST_S)
                )
            highs.run()
            if request.out_of_time:
                return "time limit"
            prices = self._prices(highs)
            found = self._cheapest(prices, TOLERANCES[finer])
            bound = self._bound(prices, found)
            if bound > self.bound:
                self.bound, self.best_prices = bound, prices
                self.least = [sets.bound for sets in found]
            if request.out_of_time:
                return "time limit"
            if self.bound >= self.cutoff:
                return None
            fresh = self._fresh(prices, found)
            for column in fresh:
                self._add(highs, column)
            if not fresh:
                if finer == len(TOLERANCES) - 1:
                    return None
                finer += 1
        return None

    def survivors(self, most: int, deadline: Deadline) -> tuple[list[Column], float]:
        """The columns that may be in a better assignment, the `most` cheapest of them, and a bound
        for all assignments with others; of what is not looked at in time, the bound alone."""
        gap = self.cutoff - self.bound + BOUND_SLACK
        columns: list[Column] = []
        cost, beyond = [np.zeros(0)], inf
        for own, least in zip(self.nodes, self.least, strict=True):
            if deadline.is_over:
                beyond = self.bound
                break
            offers = own.offers(self.best_prices)
            found = sets_below(
                offers, own.allows, least + gap, room=gap, most=MOST_SURVIVORS, deadline=deadline
            )
            columns += [_column(own, taken) for taken in found.taken]
            cost.append(found.value - least)
            beyond = min(beyond, self.bound + found.bound - least)
        costs = np.concatenate(cost)
        if len(costs) > most:
            order = np.argsort(costs, kind="stable")
            beyond = min(beyond, self.bound + float(costs[order[most]]))
            columns = [columns[i] for i in order[:most].tolist()]
        return columns, beyond

    def columns_of(self, assignment: Integers) -> list[Column]:
        """The columns of an assignment, of nodes that have something."""
        held = ((own, np.flatnonzero(assignment == own.sets.node)) for own in self.nodes)
        return [_column(own, own.sets.take(subtasks)) for own, subtasks in held if len(subtasks)]

    def cost(self, column: Column) -> float:
        """What a column costs beside the barriers."""
        return float(self.nodes[column[0]].costs(self.taken(column)[None])[0])

    def taken(self, column: Column) -> Flags:
        """[J]: the offers that its set takes."""
        taken = np.zeros(len(self.nodes[column[0]].fixed), bool)
        taken[list(column[1])] = True
        return taken

    def held(self, column: Column) -> Integers:
        """The subtasks of a column."""
        sets = self.nodes[column[0]].sets
        return np.flatnonzero(sets.holds[list(column[1])].any(axis=0))

    def terms(self, column: Column) -> list[tuple[int, float]]:
        """(row, coefficient) of a column: its node, subtasks, barriers and links."""
        node, taken = column[0], self.taken(column)
        own, rows = self.nodes[node], self.rows
        terms = [(rows.node(node), 1.0), *((k, 1.0) for k in self.held(column).tolist())]
        for offer, bound in own.bounds(taken):
            group = int(own.sets.group[offer])
            here = np.flatnonzero(own.sets.holds[offer])
            terms += [(row, -bound) for row in rows.slice(here).tolist()]
            terms.append((int(rows.spread(group, node)), own.empty[group] - bound))
        loads = own.load[taken].sum(axis=0)
        return terms + [(rows.link(i), load) for i, load in enumerate(loads.tolist()) if load]

    def limits(self) -> list[tuple[float, float]]:
        """(lower, upper) of every row in order; what y exceeds the least by is a column."""
        own, least = self.barriers, self.barriers.least
        limits = [(1.0, inf)] * self.rows.count + [(-inf, 1.0)] * self.rows.nodes
        limits += [(-float(least[own.of[k]]), inf) for k in self.rows.slices]
        for group in self.rows.barriers.tolist():
            empty = np.full(self.rows.nodes, float(least[group]))
            for node in self.nodes:
                if group in node.empty:
                    empty[node.sets.node] = node.empty[group]
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
        if not added_s:
            return
        held = [self.held(column).tolist() for column in columns]
        visits = [dict(self.nodes[c[0]].visits(self.taken(c))) for c in columns]
        for group in self.rows.barriers.tolist():
            worth, least = float(self.barriers.worth[group]), float(self.barriers.least[group])
            mates = [k for k in np.flatnonzero(of == group).tolist() if k in added_s]
            for each in self.nodes if mates else []:
                node = each.sets.node
                added = {k: worth * added_s[k][node] for k in mates}
                most = sum(float(row.max()) for row in added.values())
                if group not in each.empty or most == 0:
                    continue
                terms = []
                for number, (there, _) in enumerate(columns):
                    if there != node:
                        adds = sum(float(added[k][there]) for k in held[number] if k in added)
                        terms.append((number, -adds))
                    elif group in visits[number]:
                        terms.append((number, -visits[number][group] - most))
                yield LongWay(group, [term for term in terms if term[1]], -most - least)

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
        for column in [] if start is None else self.columns_of(start):
            self._add(highs, column)
        for own in self.nodes:
            single = np.flatnonzero(own.sets.holds.sum(axis=1) == 1)
            allowed = own.allows(np.eye(len(own.fixed), dtype=bool)[single])
            for offer in single[allowed].tolist():
                self._add(highs, (own.sets.node, (offer,)))
        return highs

    def _add(self, highs: Any, column: Column) -> None:
        if column in self.known:
            return
        self.known.add(column)
        self.columns.append(column)
        cost, terms = self.cost(column), self.terms(column)
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

    def _cheapest(self, prices: Prices, tolerance: float) -> list[Sets]:
        """The cheapest sets of every node."""
        pairs = ((own, own.offers(prices)) for own in self.nodes)
        return [cheap_sets(offers, own.allows, tolerance, MOST_LABELS) for own, offers in pairs]

    def _bound(self, prices: Prices, found: list[Sets]) -> float:
        """What prices and the cheapest sets prove."""
        limits = np.array([lower for lower, _ in self.limits()])
        rows = self.rows
        bound = self.constant + float(prices.cover.sum() + prices.link @ self.room)
        bound += float(prices.slice[rows.slices] @ limits[rows.slice(rows.slices)])
        for group in rows.barriers.tolist():
            spread = rows.spread(group, np.arange(rows.nodes))
            bound += float(prices.spread[group] @ limits[spread])
        return bound + sum(sets.bound for sets in found)

    def _fresh(self, prices: Prices, found: list[Sets]) -> list[Column]:
        """The best new columns of every node."""
        fresh = []
        for own, sets in zip(self.nodes, found, strict=True):
            below = sets.taken[sets.value < prices.node[own.sets.node] - EQUAL]
            new = (_column(own, taken) for taken in below)
            kept = [column for column in new if column not in self.known]
            fresh += kept[:MOST_FRESH]
        return fresh


def _column(own: NodeColumns, taken: Flags) -> Column:
    return own.sets.node, tuple(np.flatnonzero(taken).tolist())
