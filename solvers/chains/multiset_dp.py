"""The best walk over kinds of nodes: dynamic programming over how many of each are used (ours).

Where every node is a kind of its own and all are tracked, this is the program over sets of nodes;
where kinds have several nodes, the one over multisets. A kind that is not tracked may be used more
often than it has nodes: the value is then a bound (`dssr`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.line import RangeLine, Table, Walk
from splitfog.solvers.chains.used import Used

MOST_AT_ONCE = 1 << 19
"""Numbers that are looked at together."""
MOST_NUMBERS = 1 << 26
"""Costs that a program keeps: half a gigabyte."""

MANY_ROWS = 1 << 10
"""At one cut, from which on it is worth counting all numbers."""


class TooLarge(Exception):
    """A program would take more memory than it may."""


States = tuple[NDArray[np.int64], Table]
"""Rows, rising, and [rows, kinds] costs."""


def best_walk(
    line: RangeLine, tracked: tuple[int, ...], deadline: Deadline
) -> tuple[float, Walk | None]:
    """The walk of the least cost whose tracked kinds are used as often as they have nodes at most.

    F[j][used][u] is the least cost of the first j layers, where `used` counts the nodes of every
    tracked kind and u is the last kind. For K kinds, L layers and the product P of (nodes + 1) over
    tracked kinds: O(P L K (K + R)) seconds, R the most layers of a range; P L K numbers.

    Parameters
    ----------
    line
        What walks cost.
    tracked
        Kinds, by position.
    deadline
        When it must end.

    Returns
    -------
    (float, Walk or None)
        Its cost, and itself; inf and None where there is none.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    TooLarge
        Where more would have to be kept than `MOST_NUMBERS`.
    """
    return _Walks(line, Used(line.counts, tracked)).best(deadline)


def num_states(line: RangeLine, tracked: tuple[int, ...]) -> int:
    """How many numbers the program keeps at most.

    Parameters
    ----------
    line, tracked
        As for `best_walk`.
    """
    used = int(np.prod([float(line.counts[kind] + 1) for kind in tracked]))
    return used * (line.num_layers + 1) * len(line.counts)


@dataclass(frozen=True, eq=False)
class _Walks:
    """The dynamic program: rows are numbers that say how many of each tracked kind are used."""

    line: RangeLine
    used: Used

    @cached_property
    def stays(self) -> Table:
        """[kinds, kinds]: inf from a kind of one node to itself, else 0."""
        return np.where(np.diag(self.line.counts == 1), inf, 0.0)

    def best(self, deadline: Deadline) -> tuple[float, Walk | None]:
        """The best walk."""
        line, begun, costs = self.line, [], []
        held: list[list[States]] = [[] for _ in range(line.num_layers + 1)]
        cost, end = inf, (0, 0, 0)
        for cut in range(line.num_layers + 1):
            deadline.check("the best ranges")
            costs.append(_merged(held[cut], len(line.counts)))
            held[cut].clear()
            if len(costs[cut][0]) > MANY_ROWS and _numbers(costs, *held) > MOST_NUMBERS:
                raise TooLarge
            begun.append(self._begun(costs[cut], cut))
            rows, own = costs[cut]
            if len(rows) and np.isfinite(line.ends[:, cut]).any():
                ended = line.ended(own, cut)
                at, kind = divmod(int(ended.argmin()), len(line.counts))
                if ended[at, kind] < cost:
                    cost, end = float(ended[at, kind]), (cut, int(rows[at]), kind)
            self._hold(held, cut, self._with_new(begun[cut]))
        return cost, None if cost == inf else self._backward(costs, begun, end)

    def _begun(self, costs: States, cut: int) -> States:
        """Costs until a range may begin there, its own node not yet used."""
        line, (rows, own) = self.line, costs
        if not len(rows) or (rows[0] and np.isfinite(line.starts[:, cut]).any()):
            rows = np.concatenate([[0], rows])
            own = np.concatenate([np.full((1, len(line.counts)), inf), own])
        begun = np.empty((len(rows), len(line.counts)))
        parts = 1 + len(rows) * len(line.counts) ** 2 // MOST_AT_ONCE
        for some in np.array_split(np.arange(len(rows)), parts):
            begun[some] = (line.sent(own[some], cut) + self.stays).min(axis=-2)
        if not rows[0]:
            begun[0] = np.minimum(begun[0], line.starts[:, cut])
        return rows, begun

    def _with_new(self, begun: States) -> States:
        """The same costs by the rows that count the node of the new range, too."""
        rows, costs = begun
        at, kinds = np.nonzero(~self.used.full(rows) & np.isfinite(costs))
        used, places = np.unique(rows[at] + self.used.strides[kinds], return_inverse=True)
        table = np.full((len(used), len(self.used.strides)), inf)
        table[places, kinds] = costs[at, kinds]
        return used, table

    def _hold(self, held: list[list[States]], start: int, arrivals: States) -> None:
        """Add, to all ends, the costs of ranges from a start."""
        line, (rows, begun) = self.line, arrivals
        longest = np.flatnonzero(np.isfinite(line.stages[:, start]).any(axis=0))
        if not len(rows) or not len(longest):
            return
        for first in range(start + 1, int(longest[-1]) + 1, self._at_once(len(rows))):
            ends = slice(first, min(first + self._at_once(len(rows)), int(longest[-1]) + 1))
            costs = line.held(begun, start, ends)
            alive = np.asarray(np.isfinite(costs).any(axis=2))
            for end, own, kept in zip(range(ends.start, ends.stop), costs, alive, strict=True):
                if kept.any():
                    held[end].append((rows[kept], own[kept]))

    def _at_once(self, rows: int) -> int:
        """Ends that are looked at together."""
        return 1 + MOST_AT_ONCE // (rows * len(self.used.strides))

    def _backward(self, costs: list[States], begun: list[States], at: tuple[int, int, int]) -> Walk:
        """The ranges of a walk up to a state, found from the last to the first."""
        line, walk = self.line, Walk()
        end, row, kind = at
        while True:
            before = row - int(self.used.strides[kind])
            arrivals = [_row(begun[start], before) for start in range(end)]
            held = [
                inf if own is None else line.held(own, start, slice(end, end + 1))[0, kind]
                for start, own in enumerate(arrivals)
            ]
            start = int(np.argmin(held))
            own, passed = arrivals[start], _row(costs[start], before)
            walk.append((kind, start, end))
            begins = before == 0 and own is not None and own[kind] == line.starts[kind, start]
            if begins or passed is None:
                return walk[::-1]
            sent = line.sent(passed, start) + self.stays
            end, row, kind = start, before, int(sent[:, kind].argmin())


def _numbers(*states: list[States]) -> int:
    """How many costs there are in all."""
    return sum(costs.size for some in states for _, costs in some)


def _merged(states: list[States], kinds: int) -> States:
    """The least costs of every row."""
    if not states:
        return np.zeros(0, np.int64), np.zeros((0, kinds))
    rows = np.concatenate([own for own, _ in states])
    order = np.argsort(rows, kind="stable")
    unique, first = np.unique(rows[order], return_index=True)
    costs = np.concatenate([own for _, own in states])[order]
    return unique, np.minimum.reduceat(costs, first, axis=0)


def _row(states: States, row: int) -> Table | None:
    """The costs of one row; None where it is not there."""
    rows, costs = states
    at = int(np.searchsorted(rows, row))
    own: Table | None = costs[at] if at < len(rows) and rows[at] == row else None
    return own
