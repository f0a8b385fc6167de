"""The prices at which tasks take most, if each does what is least of all that it has done."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from splitfog.formulations.priced_bounds.loads import LoadTable
from splitfog.formulations.priced_bounds.prices import Prices, pressure_of, price_of
from splitfog.formulations.tolerances import ROUNDING, TINY
from splitfog.instances.arrays import Floats, Integers

if TYPE_CHECKING:
    import highspy

TANGENTS = 8
"""That stand for the waits at a node at first."""

FINER = 3
"""So often tangents are added where the loads then are."""


def best_prices(
    seconds: Floats, loads: Sequence[LoadTable], low: Prices, high: Prices
) -> tuple[Prices, float]:
    """Nearly the best prices, and about how much the rows then take.

    Parameters
    ----------
    seconds
        [rounds, R]: of R rows of tasks by weight, without what they paid.
    loads
        Of every round [R, 2 nodes + links]: loads v and r of nodes, and of links.
    low, high
        Between which prices are sought.

    Notes
    -----
    A linear program, of whose rows the duals are the prices: the least seconds and waits of a mix
    of what every row has done that no link is too slow for; more than it can do is had at the
    highest price, and what is left of it is paid back at the lowest. Waits v^2 / (2 (1 - r)) are
    the largest of some tangents.
    """
    program = _Program(seconds, loads, low, high)
    pressure, links, value = program.solved()
    return Prices(price_of(pressure), links), value


class _Program:
    """Its columns: mixes of what rows did; v, then r, of `nodes`; their waits; and what is too much
    for `links`. Its rows: one way for each; what v and r are; links; tangents."""

    def __init__(
        self, seconds: Floats, loads: Sequence[LoadTable], low: Prices, high: Prices
    ) -> None:
        self._seconds, self._load = seconds, LoadTable.stacked(loads)
        self._num_nodes, self._num_links = len(low.nodes), len(low.links)
        self._nodes, self._links = self._used()
        self._low, self._high = (pressure_of(each.nodes[self._nodes]) for each in (low, high))
        self._tolls = low.links[self._links], high.links[self._links]
        self._unit = max(float(seconds.min(axis=0).sum()), TINY)

    def solved(self) -> tuple[Floats, Floats, float]:
        """The pressures of nodes, the prices of links, and the value."""
        highs, count = self._begun(), len(self._nodes)
        pressures = np.linspace(self._low, self._high, TANGENTS)
        self._add_tangents(highs, pressures)
        highs.run()
        for _ in range(FINER):
            values = np.array(highs.getSolution().col_value)[self._seconds.size :]
            v, r = values[: 2 * count].reshape(2, -1)
            more = np.clip(v / np.maximum(1 - r, ROUNDING), self._low, self._high)[None]
            self._add_tangents(highs, more)
            pressures = np.concatenate([pressures, more])
            highs.run()
        dual = -np.array(highs.getSolution().row_dual) * self._unit
        first = self._seconds.shape[1] + 2 * count
        pressure, toll = np.zeros(self._num_nodes), np.zeros(self._num_links)
        toll[self._links] = np.maximum(dual[first : first + len(self._links)], 0.0)
        by_tangent = np.maximum(dual[first + len(self._links) :].reshape(pressures.shape), 0.0)
        pressure[self._nodes] = (pressures * by_tangent).sum(axis=0)
        return pressure, toll, highs.getInfo().objective_function_value * self._unit

    def _begun(self) -> highspy.Highs:
        """The program without tangents."""
        import highspy

        count, slow, rows = len(self._nodes), len(self._links), self._seconds.shape[1]
        fixed = np.concatenate([np.ones(rows), np.zeros(2 * count), np.ones(slow)])
        cost = [self._seconds.ravel(), np.zeros(2 * count), np.ones(count)]
        costs = np.concatenate([*cost, self._tolls[1], -self._tolls[0]]) / self._unit
        row, column, value = (np.concatenate(each) for each in zip(*self._entries(), strict=True))
        order = np.lexsort((row, column))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(costs), len(fixed)
        program.col_cost_ = costs
        program.col_lower_, program.col_upper_ = np.zeros(len(costs)), np.full(len(costs), inf)
        program.row_lower_ = program.row_upper_ = fixed
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_ = np.searchsorted(column[order], np.arange(len(costs) + 1))
        program.a_matrix_.index_, program.a_matrix_.value_ = row[order], value[order]
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.passModel(program)
        return highs

    def _add_tangents(self, highs: highspy.Highs, pressures: Floats) -> None:
        """Waits of nodes are above these lines, [tangents, nodes] pressures."""
        (lines, count), first = pressures.shape, self._seconds.size
        columns = first + np.arange(3 * count).reshape(3, count).T  # [nodes, 3]: v, r, wait
        columns = np.tile(columns, (lines, 1))
        slopes = pressures.ravel()
        values = np.stack([slopes, slopes**2 / 2, np.full(len(slopes), -1.0)], axis=1)
        highs.addRows(
            len(slopes),
            np.full(len(slopes), -inf),
            slopes**2 / 2,
            values.size,
            3 * np.arange(len(slopes)),
            columns.ravel(),
            values.ravel(),
        )

    def _used(self) -> tuple[Integers, Integers]:
        """Nodes with any load, and links of which rows could ask as much as they can do."""
        load, columns = self._load, 2 * self._num_nodes + self._num_links
        key = (load.row % self._seconds.shape[1]) * columns + load.column
        at, own = np.unique(key, return_inverse=True)
        most = np.zeros(len(at))
        np.maximum.at(most, own.reshape(-1), load.load)
        total = np.bincount(at % columns, most, columns)
        nodes = np.flatnonzero(total[self._num_nodes : 2 * self._num_nodes])
        return nodes, np.flatnonzero(total[2 * self._num_nodes :] >= 1)

    def _entries(self) -> list[tuple[Integers, Integers, Floats]]:
        """Row, column and value of all coefficients but those of tangents."""
        (rounds, rows), count, slow = self._seconds.shape, len(self._nodes), len(self._links)
        mixes, parts, over = np.arange(rounds * rows), np.arange(2 * count), np.arange(slow)
        where = np.full(2 * self._num_nodes + self._num_links, -1)
        where[self._nodes] = rows + parts[:count]
        where[self._num_nodes + self._nodes] = rows + parts[count:]
        where[2 * self._num_nodes + self._links] = rows + 2 * count + over
        row = where[self._load.column]
        used = row >= 0
        return [
            (mixes % rows, mixes, np.ones(len(mixes))),
            (row[used], self._load.row[used], self._load.load[used]),
            (rows + parts, len(mixes) + parts, np.full(2 * count, -1.0)),
            (rows + 2 * count + over, len(mixes) + 3 * count + over, np.full(slow, -1.0)),
            (rows + 2 * count + over, len(mixes) + 3 * count + slow + over, np.ones(slow)),
        ]
