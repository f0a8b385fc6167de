"""A bound on every choice of one plan per task, by prices of the plans' visits to nodes (ours).

The linear program has a column per plan and, per node that several tasks may visit, columns for
sets of visits, whose waits are exact. A plan is chosen only as far as the sets chosen hold its
visits; a stage on several nodes ends above each of its visits, at its node's wait. The sets are
grown by column generation (`queue_sets`), which proves a bound whatever the state of the program,
and what a plan would cost at least above the cheapest of its task.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import highspy
import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.offloading.catalogue import Chosen, PlanTable
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.formulations.tolerances import BOUND_SLACK, EQUAL
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.solvers.engines.result import LEAST_S
from splitfog.solvers.offloading.queue_sets import Offers, Sets, cheap_sets

ROUNDS = 300
"""Of column generation at most."""
TOLERANCES = (inf, 1e-3, 1e-7)
"""Of a node's cheapest set, in units; a finer one when the coarser finds nothing new."""
MOST_FRESH = 30
"""Sets of a node that a round adds at most."""
MOST_LABELS = 50_000
"""Sets that a search may look into at a time."""


@dataclass(frozen=True)
class PlanBound:
    """Seconds that no choice is below, and at least what choices with a plan cost, [E]."""

    bound: float
    with_plan: Floats


def plan_bound(table: PlanTable, best: Chosen, deadline: Deadline) -> PlanBound:
    """The bound of the linear program, or what of it is proven at the deadline.

    `best` is a feasible choice of all tasks; the program is in units of its value.
    """
    return _Master(table, best).run(deadline)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Visits:
    """J visits to a shared node by plans: those of a task that are alike are one.

    [J]: `task`, `rho`, `second`, and `waiting`, the weight of those that are no barrier. `of_plan`
    [E] is a plan's visit, -1 for none. `entry` and `visit` are pairs: an entry of a barrier (see
    `_Barriers`) and the visit that is part of it; `worth` is `waiting` with the weights of these.
    """

    node: int
    task: Integers
    rho: Floats
    second: Floats
    waiting: Floats
    of_plan: Integers
    entry: Integers
    visit: Integers
    worth: Floats

    def waits_s(self, taken: Flags) -> Floats:
        """[sets]: the node's wait; inf where a set overloads it."""
        return wait_seconds(taken @ self.second, taken @ self.rho)

    def allows(self, taken: Flags) -> Flags:
        """[sets]: whether what waits there, in barriers or not, alone costs less than all may."""
        wait_s, worth = self.waits_s(taken), taken @ self.worth
        cost = worth * np.where(worth > 0, wait_s, 0.0)
        return np.asarray((cost <= 1 + BOUND_SLACK) & np.isfinite(wait_s))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Barriers:
    """Entries of barriers, one per barrier and node: [entries] which `barrier` of which `plan`, its
    `node`, its `end` without a shared node's wait, in units, and whether it `waits` for one."""

    barrier: Integers
    plan: Integers
    node: Integers
    end: Floats
    waits: Flags
    weight: Floats


class _Master:
    """The linear program; costs are in units of the best choice's value."""

    def __init__(self, table: PlanTable, best: Chosen) -> None:
        self.table, self.unit_s = table, table.value(best)
        visited = table.rho > 0
        tasks = [np.unique(table.task[visited[:, n]]) for n in range(visited.shape[1])]
        self.shared = np.array([len(own) > 1 for own in tasks])
        alone = np.where(visited, wait_seconds(table.second, table.rho, overload_s=0.0), 0.0)
        alone = np.where(self.shared, 0.0, alone)
        self.fixed = (table.fixed_s + (table.waiting * alone).sum(axis=1)) / self.unit_s
        self.barriers = self._barriers(alone)
        self.nodes = [self._visits(n) for n in np.flatnonzero(self.shared).tolist()]
        self.capacity = self._capacities()
        self.known: set[tuple[int, bytes]] = set()

    def run(self, deadline: Deadline) -> PlanBound:
        """Column generation until no set is cheap enough, or the deadline."""
        best = PlanBound(-inf, np.full(len(self.table.task), -inf))
        if not self.unit_s < inf or self.unit_s == 0:
            return best
        highs, finer = self._begin(), 0
        for _ in range(ROUNDS):
            if deadline.remaining_s < inf:
                left = max(deadline.remaining_s, LEAST_S)
                highs.setOptionValue("time_limit", highs.getRunTime() + left)
            highs.run()
            if deadline.is_over:
                break
            prices = self._prices(highs)
            found = [
                cheap_sets(
                    self._offers(at, prices), own.allows, TOLERANCES[finer], most=MOST_LABELS
                )
                for at, own in enumerate(self.nodes)
            ]
            bound = self._bound(prices, found)
            best = max(best, bound, key=lambda own: own.bound)
            fresh = False
            for at, (own, sets) in enumerate(zip(self.nodes, found, strict=True)):
                below = sets.taken[sets.value < prices.node[at] - EQUAL]
                fresh |= any([self._add(highs, at, own, taken) for taken in below[:MOST_FRESH]])
            if not fresh and finer == len(TOLERANCES) - 1:
                break
            finer += not fresh
        return PlanBound(*(self._seconds(amount) for amount in (best.bound, best.with_plan)))

    def _seconds(self, amount: Any) -> Any:
        """Amounts in seconds, rounded down."""
        return amount * self.unit_s - BOUND_SLACK * self.unit_s

    def _barriers(self, alone_s: Floats) -> _Barriers:
        """The entries of all barriers; where nobody else comes the wait is in `end`."""
        table = self.table
        row, at = np.nonzero(table.end_s > -inf)
        plan, node = table.owner[row], table.node[row, at]
        waits = table.waits[row, at]
        end = table.end_s[row, at] + waits * alone_s[plan, node]
        weight = table.weight[row] / self.unit_s
        return _Barriers(
            barrier=row,
            plan=plan,
            node=node,
            end=weight * end,
            waits=waits & self.shared[node] & (table.rho[plan, node] > 0),
            weight=weight,
        )

    def _visits(self, node: int) -> _Visits:
        """The visits to a node; a plan with a barrier there has one of its own."""
        table, barriers = self.table, self.barriers
        entries = np.flatnonzero((barriers.node == node) & barriers.waits)
        own = set(barriers.plan[entries].tolist())
        numbers: dict[tuple[float, ...], int] = {}
        of_plan = np.full(len(table.task), -1)
        for plan in np.flatnonzero(table.rho[:, node] > 0).tolist():
            figures = (table.rho[plan, node], table.second[plan, node], table.waiting[plan, node])
            key = (int(table.task[plan]), *figures, plan if plan in own else -1)
            of_plan[plan] = numbers.setdefault(key, len(numbers))
        keys = np.array([key[:4] for key in numbers], float).reshape(-1, 4)
        order = np.argsort(keys[:, 0], kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        of_plan = np.where(of_plan >= 0, place[of_plan], -1) if len(place) else of_plan
        keys = keys[order]
        visit, worth = of_plan[barriers.plan[entries]], keys[:, 3] / self.unit_s
        np.add.at(worth, visit, barriers.weight[entries])
        return _Visits(
            node=node,
            task=keys[:, 0].astype(np.int64),
            rho=keys[:, 1],
            second=keys[:, 2],
            waiting=keys[:, 3] / self.unit_s,
            of_plan=of_plan,
            entry=entries,
            visit=visit,
            worth=worth,
        )

    def _capacities(self) -> tuple[Floats, Floats]:
        """Rows [E, R] that some choice may break: links' loads and quotas; and their limits [R]."""
        table = self.table
        rows = np.hstack([table.links, table.guests])
        limits = np.concatenate([np.ones(table.links.shape[1]), table.quota])
        most = np.zeros(rows.shape[1])
        for task in np.unique(table.task).tolist():
            most += rows[table.task == task].max(axis=0)
        kept = (most >= limits) & np.isfinite(limits)
        scale = np.maximum(limits[kept], 1.0)
        return rows[:, kept] / scale, limits[kept] / scale

    @cached_property
    def _first(self) -> dict[str, int]:
        """Where each kind of row begins."""
        tasks = int(self.table.task.max()) + 1
        sizes = {
            "task": tasks,
            "node": len(self.nodes),
            "visit": sum(len(own.task) for own in self.nodes),
            "entry": len(self.barriers.barrier),
            "capacity": len(self.capacity[1]),
        }
        ends = np.cumsum([0, *sizes.values()]).tolist()
        return dict(zip([*sizes, "end"], ends, strict=True))

    @cached_property
    def _visit_rows(self) -> list[int]:
        """The row of each node's first visit."""
        sizes = [len(own.task) for own in self.nodes]
        return [self._first["visit"] + int(end) for end in np.cumsum([0, *sizes])[:-1]]

    def _begin(self) -> Any:
        """The program with its plans, its barriers and one set for every visit."""
        highs, first = highspy.Highs(), self._first
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        none = np.empty(0)
        limits = [(1.0, inf)] * first["node"] + [(-inf, 1.0)] * (first["visit"] - first["node"])
        limits += [(0.0, inf)] * (first["capacity"] - first["visit"])
        limits += [(-inf, float(limit)) for limit in self.capacity[1]]
        for lower, upper in limits:
            highs.addRow(lower, upper, 0, none.astype(np.int32), none)
        for plan, task in enumerate(self.table.task.tolist()):
            terms = {task: 1.0}
            for begin, own in zip(self._visit_rows, self.nodes, strict=True):
                if own.of_plan[plan] >= 0:
                    terms[begin + int(own.of_plan[plan])] = -1.0
            for entry in np.flatnonzero(self.barriers.plan == plan).tolist():
                terms[first["entry"] + entry] = -float(self.barriers.end[entry])
            for row in np.flatnonzero(self.capacity[0][plan]).tolist():
                terms[first["capacity"] + row] = float(self.capacity[0][plan, row])
            _add_column(highs, float(self.fixed[plan]), terms)
        for barrier in np.unique(self.barriers.barrier).tolist():
            mine = np.flatnonzero(self.barriers.barrier == barrier) + first["entry"]
            _add_column(highs, 1.0, dict.fromkeys(mine.tolist(), 1.0))
        for task in range(first["node"]):  # a dear substitute, while the sets are few
            _add_column(highs, 10.0, {task: 1.0})
        for at, own in enumerate(self.nodes):
            for taken in np.eye(len(own.task), dtype=bool):
                self._add(highs, at, own, taken)
        return highs

    def _add(self, highs: Any, at: int, own: _Visits, taken: Flags) -> bool:
        """Add a set of a node's visits, unless it is known or too dear to be in a better choice."""
        key = at, taken.tobytes()
        if key in self.known or not own.allows(taken[None])[0]:
            return False
        self.known.add(key)
        wait_s = float(own.waits_s(taken[None])[0])
        entries = own.entry[taken[own.visit]]
        cost = float(own.waiting[taken].sum()) * wait_s
        begin, first = self._visit_rows[at], self._first
        terms = {first["node"] + at: 1.0}
        terms |= {begin + visit: 1.0 for visit in np.flatnonzero(taken).tolist()}
        for entry in entries.tolist():
            terms[first["entry"] + entry] = -float(self.barriers.weight[entry]) * wait_s
        _add_column(highs, cost, terms)
        return True

    def _prices(self, highs: Any) -> _Prices:
        """The duals, with the signs that a bound needs, and no barrier paid more than its cost."""
        duals, first = np.array(highs.getSolution().row_dual), self._first
        parts = np.split(duals, [first[name] for name in ("node", "visit", "entry", "capacity")])
        entry = np.maximum(parts[3], 0.0)
        paid = np.bincount(
            self.barriers.barrier, entry, int(self.barriers.barrier.max(initial=-1)) + 1
        )
        if len(entry):
            entry = entry / np.maximum(paid, 1.0)[self.barriers.barrier]
        return _Prices(
            node=np.minimum(parts[1], 0.0),
            visit=np.maximum(parts[2], 0.0),
            entry=entry,
            capacity=np.minimum(parts[4], 0.0),
        )

    def _offers(self, at: int, prices: _Prices) -> Offers:
        """What each visit to a node costs at a wait, less what plans pay for it."""
        own = self.nodes[at]
        begin = self._visit_rows[at] - self._first["visit"]
        slope = own.waiting.copy()
        np.add.at(slope, own.visit, prices.entry[own.entry] * self.barriers.weight[own.entry])
        return Offers(
            visit=own.task,
            fixed=-prices.visit[begin : begin + len(own.task)],
            slope=slope,
            rho=own.rho,
            second=own.second,
        )

    def _bound(self, prices: _Prices, found: list[Sets]) -> PlanBound:
        """What prices and the cheapest sets prove, of all choices and of those with each plan."""
        cost = self.fixed - self.capacity[0] @ prices.capacity
        for begin, own in zip(self._visit_rows, self.nodes, strict=True):
            paid = prices.visit[begin - self._first["visit"] :]
            cost = cost + np.where(own.of_plan >= 0, paid[own.of_plan], 0.0)
        np.add.at(cost, self.barriers.plan, prices.entry * self.barriers.end)
        least = np.full(self._first["node"], inf)
        np.minimum.at(least, self.table.task, cost)
        bound = float(least.sum() + prices.capacity @ self.capacity[1])
        bound += sum(sets.bound for sets in found)
        return PlanBound(bound, bound + cost - least[self.table.task])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Prices:
    """Duals: of a node's one set [nodes], of visits [J of all nodes], of entries, of capacities."""

    node: Floats
    visit: Floats
    entry: Floats
    capacity: Floats


def _add_column(highs: Any, cost: float, terms: dict[int, float]) -> None:
    rows = np.array(list(terms), np.int32)
    highs.addCol(cost, 0, inf, len(rows), rows, np.array(list(terms.values()), float))
