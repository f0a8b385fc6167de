"""The linear relaxation of `master`, by generation of columns and layouts (ours).

Each round looks for the cheapest sets of every node (`queue_sets`) and the cheapest layouts of
every stage, and so also yields a valid bound from the prices, whatever the state of the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf

import highspy
import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.tolerances import BOUND_SLACK, EQUAL
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.engines.result import LEAST_S
from splitfog.solvers.offloading.master import Column, Layout, Master, column_of
from splitfog.solvers.offloading.pricing import Prices
from splitfog.solvers.offloading.queue_sets import Sets, cheap_sets, sets_below

ROUNDS = 1_000
"""Of column generation at most."""
TOLERANCES = (inf, 1e-3, 1e-4, 1e-8)
"""Of a node's cheapest set, in units; a finer one when the coarser finds nothing new."""
MOST_FRESH = 30
"""Columns of a node that a round adds at most."""
MOST_FRESH_LAYOUTS = 5
"""Layouts of a barrier that a round adds at most for their value, and for their time."""
MOST_LABELS = 100_000
"""Sets that a search for cheap ones may look into at a time."""
MOST_SURVIVORS = 50_000
"""The same of a search for all that may matter."""


class Relaxation:
    """The relaxation of a master over the columns and layouts made so far.

    Attributes
    ----------
    columns, layouts : list
        Those of the program.
    bound : float
        Proven of all assignments of the master, in its units.
    prices : Prices
        Those that prove it.
    """

    def __init__(self, master: Master) -> None:
        self.master, self.bound = master, -inf
        self.columns: list[Column] = []
        self.layouts: list[Layout] = []
        self._known: dict[Column | Layout, int] = {}
        self._highs = self._begun()

    def add(self, columns: Iterable[Column], layouts: Iterable[Layout]) -> bool:
        """Put columns and layouts into the program; False: all are there."""
        before, master = len(self._known), self.master
        for column in columns:
            if column not in self._known:
                self._known[column] = self._add(master.cost(column), master.terms(column))
                self.columns.append(column)
        for layout in layouts:
            if layout not in self._known:
                self._known[layout] = self._add(master.level(layout), master.layout_terms(layout))
                self._add(1.0, master.longer_terms(layout))
                self.layouts.append(layout)
        return len(self._known) > before

    def solve(self, deadline: Deadline) -> bool:
        """Add what has a negative reduced cost until nothing has; False: time was up before."""
        finer = 0
        for _ in range(ROUNDS):
            if deadline.remaining_s < inf:
                limit = self._highs.getRunTime() + max(deadline.remaining_s, LEAST_S)
                self._highs.setOptionValue("time_limit", limit)
            self._highs.run()
            if deadline.is_over:
                return False
            duals = self._duals()
            prices = self._feasible(duals)
            found = self._cheapest(prices, TOLERANCES[finer], deadline)
            bound = self._bound(prices, found)
            if bound > self.bound:
                self.bound, self.prices = bound, prices
                self._least = [sets.bound for sets in found]
            if deadline.is_over:
                return False
            if self.bound >= self.master.cutoff:
                return True
            if not self.add(self._fresh(prices, found), self._fresh_layouts(duals)):
                if finer == len(TOLERANCES) - 1:
                    return True
                finer += 1
        return True

    def shares(self) -> Floats:
        """[K, N]: how much of every subtask the solution has on every node."""
        self._highs.run()
        taken, master = self._highs.getSolution().col_value, self.master
        shares = np.zeros((master.rows.count, master.rows.nodes))
        for column in self.columns:
            shares[master.held(column), column[0]] += taken[self._known[column]]
        return shares

    def survivors(self, most: int, deadline: Deadline) -> tuple[list[Column], float]:
        """Columns that may be in a better assignment, the `most` cheapest of them, and a bound for
        all assignments with others; of what is not looked at in time, the bound alone."""
        gap = self.master.cutoff - self.bound + BOUND_SLACK
        columns: list[Column] = []
        cost, beyond = [np.zeros(0)], inf
        for own, least in zip(self.master.nodes, self._least, strict=True):
            if deadline.is_over:
                beyond = self.bound
                break
            offers = own.offers(self.prices)
            found = sets_below(
                offers, own.allows, least + gap, room=gap, most=MOST_SURVIVORS, deadline=deadline
            )
            columns += [column_of(own, taken) for taken in found.taken]
            cost.append(found.value - least)
            beyond = min(beyond, self.bound + found.bound - least)
        costs = np.concatenate(cost)
        if len(costs) > most:
            order = np.argsort(costs, kind="stable")
            beyond = min(beyond, self.bound + float(costs[order[most]]))
            columns = [columns[i] for i in order[:most].tolist()]
        return columns, beyond

    def surviving_layouts(self) -> list[Layout]:
        """The layouts that may be in a better assignment."""
        gap, found = self.master.cutoff - self.bound + BOUND_SLACK, list[Layout]()
        for barrier, own in enumerate(self.master.layouts):
            values = own.values(self.prices.count, self.prices.time)
            found += [(barrier, at) for at in np.flatnonzero(values <= values.min() + gap).tolist()]
        return found

    def _begun(self) -> highspy.Highs:
        """The program with its rows, dear substitutes for what they need, and lone subtasks."""
        highs, none, master = highspy.Highs(), np.empty(0), self.master
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        for lower, upper in master.limits():
            highs.addRow(lower, upper, 0, none.astype(np.int32), none)
        self._highs = highs
        dear = 10.0 * master.cutoff if master.cutoff < inf else 1e3 * (1 + master.constant)
        for row in np.flatnonzero(master.lone).tolist():
            self._add(dear, [(row, 1.0)])
        for row in range(master.rows.stage, master.rows.part):
            self._add(dear, [(row, 1.0)])
        for own in master.nodes:
            single = np.flatnonzero(own.sets.holds.sum(axis=1) == 1)
            allowed = own.allows(np.eye(len(own.fixed), dtype=bool)[single])
            self.add([(own.sets.node, (offer,)) for offer in single[allowed].tolist()], [])
        return highs

    def _add(self, cost: float, terms: list[tuple[int, float]]) -> int:
        """The number of a new variable of the program."""
        rows = np.array([row for row, _ in terms], np.int32)
        values = np.array([value for _, value in terms])
        self._highs.addCol(cost, 0, inf, len(rows), rows, values)
        return int(self._highs.getNumCol()) - 1

    def _duals(self) -> Prices:
        """The duals with the signs that they must have."""
        duals, rows = np.array(self._highs.getSolution().row_dual), self.master.rows
        cover = np.maximum(duals[: rows.count], 0.0)
        return Prices(
            cover=np.where(self.master.lone, cover, 0.0),
            node=np.minimum(duals[rows.count : rows.stage], 0.0),
            stage=np.maximum(duals[rows.stage : rows.part], 0.0),
            count=np.maximum(duals[rows.part : rows.time], 0.0),
            time=np.maximum(duals[rows.time : rows.link], 0.0),
            link=np.minimum(duals[rows.link :], 0.0),
        )

    def _feasible(self, prices: Prices) -> Prices:
        """The same with the time of no layout paid more than it costs."""
        time = prices.time.copy()
        for own in self.master.layouts:
            mine = np.unique(own.parts[own.parts >= 0])
            time[mine] /= max(1.0, float(own.shares(prices.time).max(initial=0.0)))
        return replace(prices, time=time)

    def _cheapest(self, prices: Prices, tolerance: float, deadline: Deadline) -> list[Sets]:
        """The cheapest sets of every node."""
        return [
            cheap_sets(
                own.offers(prices), own.allows, tolerance, most=MOST_LABELS, deadline=deadline
            )
            for own in self.master.nodes
        ]

    def _bound(self, prices: Prices, found: list[Sets]) -> float:
        """What prices, the cheapest layouts and the cheapest sets prove."""
        master = self.master
        bound = master.constant + float(prices.cover.sum() + prices.link @ master.room)
        for own in master.layouts:
            bound += float(own.values(prices.count, prices.time).min(initial=inf))
        return bound + sum(sets.bound for sets in found)

    def _fresh(self, prices: Prices, found: list[Sets]) -> list[Column]:
        """The best new columns of every node."""
        fresh = []
        for own, sets in zip(self.master.nodes, found, strict=True):
            below = sets.taken[sets.value < prices.node[own.sets.node] - EQUAL]
            new = (column_of(own, taken) for taken in below)
            kept = [column for column in new if column not in self._known]
            fresh += kept[:MOST_FRESH]
        return fresh

    def _fresh_layouts(self, prices: Prices) -> list[Layout]:
        """The cheapest layouts of every barrier, and those whose time is overpaid."""
        fresh: list[Layout] = []
        for barrier, own in enumerate(self.master.layouts):
            values, shares = own.values(prices.count, prices.time), own.shares(prices.time)
            cheap = _least(values, prices.stage[barrier] - EQUAL)
            fresh += [(barrier, at) for at in [*cheap, *_least(-shares, -1 - EQUAL)]]
        return fresh


def _least(values: Floats, limit: float) -> list[int]:
    """The positions of the `MOST_FRESH_LAYOUTS` least values below a limit."""
    below: Integers = np.flatnonzero(values < limit)
    order = np.argsort(values[below], kind="stable")[:MOST_FRESH_LAYOUTS]
    return [int(at) for at in below[order]]
