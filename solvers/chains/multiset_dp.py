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
from splitfog.solvers.chains.line import Line, Table, Walk

MOST_AT_ONCE = 1 << 19
"""Numbers that are looked at together."""


Begun = tuple[NDArray[np.int64], Table]
"""Rows, and [rows, kinds] costs until a range may begin at a cut."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BestWalk:
    """The walk of the least cost; None: there is none, and `cost` is inf."""

    cost: float
    walk: Walk | None
    begun: list[Begun]
    walks: _Walks

    @cached_property
    def rest(self) -> Table:
        """[layers + 1, rows, kinds]: for the line read from its end, the least that it costs to go
        on from a range on a kind that ended at a cut, by the row of used nodes."""
        return self.walks.rest_of(self.begun)


def best_walk(
    line: Line,
    tracked: tuple[int, ...],
    deadline: Deadline,
    rest: Table | None = None,
    at_most: float = inf,
) -> BestWalk:
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
    rest, at_most
        Of walks that cost more than `at_most` beginnings are left out; seen by the `rest` of a line
        that costs no more, read from its end, where only the first of these kinds were tracked.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    return _Walks(line, tracked, rest, at_most).best(deadline)


def num_states(line: Line, tracked: tuple[int, ...]) -> int:
    """How many numbers the program keeps.

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

    line: Line
    tracked: tuple[int, ...]
    rest: Table | None = None
    at_most: float = inf

    @cached_property
    def radices(self) -> list[int]:
        """How many numbers of used nodes there are of every tracked kind."""
        return [int(self.line.counts[kind]) + 1 for kind in self.tracked]

    @cached_property
    def strides(self) -> NDArray[np.int64]:
        """[kinds]: by how much a row grows where a node of a kind is used; 0: not tracked."""
        strides = np.zeros(len(self.line.counts), np.int64)
        strides[list(self.tracked)] = np.cumprod([1, *self.radices])[:-1]
        return strides

    @cached_property
    def full(self) -> NDArray[np.bool_]:
        """[rows, kinds]: whether no node of a tracked kind is left."""
        rows = np.arange(int(np.prod(self.radices)))
        full = np.zeros((len(rows), len(self.strides)), bool)
        for kind, radix in zip(self.tracked, self.radices, strict=True):
            full[:, kind] = rows // self.strides[kind] % radix == radix - 1
        return full

    @cached_property
    def stays(self) -> Table:
        """[kinds, kinds]: inf from a kind of one node to itself, else 0."""
        return np.where(np.diag(self.line.counts == 1), inf, 0.0)

    def best(self, deadline: Deadline) -> BestWalk:
        """The best walk."""
        line = self.line
        costs = np.full((line.num_layers + 1, *self.full.shape), inf)
        begun = []
        cost, end = inf, (0, 0, 0)
        for cut in range(line.num_layers + 1):
            deadline.check("the best ranges")
            self._prune(costs, cut)
            begun.append(self._begun(costs, cut))
            if np.isfinite(line.ends[:, cut]).any():
                ended = line.ended(costs[cut], cut)
                row, kind = divmod(int(ended.argmin()), len(line.counts))
                if ended[row, kind] < cost:
                    cost, end = float(ended[row, kind]), (cut, row, kind)
            self._hold(costs, cut, self._used(*begun[cut]))
        walk = None if cost == inf else self._backward(costs, begun, end)
        return BestWalk(cost=cost, walk=walk, begun=begun, walks=self)

    def _prune(self, costs: Table, cut: int) -> None:
        """Leave out what no walk of a cost that matters begins with."""
        if self.rest is None or self.at_most == inf:
            return
        own, rest = costs[cut], self.rest[cut]
        own = own.reshape(-1, *rest.shape)
        own[self.line.join(own, rest) > self.at_most] = inf

    def _begun(self, costs: Table, cut: int) -> Begun:
        """Costs until a range may begin there, its own node not yet used."""
        line = self.line
        rows = np.flatnonzero(np.isfinite(costs[cut]).any(axis=1))
        if not len(rows) or (rows[0] and np.isfinite(line.starts[:, cut]).any()):
            rows = np.concatenate([[0], rows])
        begun = np.empty((len(rows), len(line.counts)))
        parts = 1 + len(rows) * len(line.counts) ** 2 // MOST_AT_ONCE
        for some in np.array_split(np.arange(len(rows)), parts):
            sent = line.sent(costs[cut, rows[some]], cut) + self.stays
            begun[some] = sent.min(axis=-2)
        if not rows[0]:
            begun[0] = np.minimum(begun[0], line.starts[:, cut])
        return rows, begun

    def _used(self, rows: NDArray[np.int64], begun: Table) -> Table:
        """[rows, kinds]: the same costs by the rows that count the node of the new range, too."""
        used = np.full(self.full.shape, inf)
        at, kinds = np.nonzero(~self.full[rows] & np.isfinite(begun))
        used[rows[at] + self.strides[kinds], kinds] = begun[at, kinds]
        return used

    def _hold(self, costs: Table, start: int, arrivals: Table) -> None:
        """Lower the costs of all ends by ranges from a start."""
        line = self.line
        rows = np.flatnonzero(np.isfinite(arrivals).any(axis=1))
        longest = np.flatnonzero(np.isfinite(line.stages[:, start]).any(axis=0))
        if not len(rows) or not len(longest):
            return
        ends = slice(start + 1, int(longest[-1]) + 1)
        for some in np.array_split(rows, 1 + len(rows) * len(longest) // MOST_AT_ONCE):
            held = line.held(arrivals[some], start, ends)
            costs[ends, some] = np.minimum(costs[ends, some], held)

    def rest_of(self, begun: list[Begun]) -> Table:
        """What all beginnings cost, for the line that is read from its end: by the nodes that are
        used there, the least with those that are left, or fewer."""
        rest = np.full((len(begun), *self.full.shape), inf)
        for cut, (rows, costs) in enumerate(begun[::-1]):
            rest[cut, rows] = costs
        for kind, radix in zip(self.tracked, self.radices, strict=True):
            by_used = rest.reshape(len(rest), -1, radix, int(self.strides[kind]) * rest.shape[2])
            for used in range(1, radix):
                np.minimum(by_used[:, :, used], by_used[:, :, used - 1], out=by_used[:, :, used])
        return rest[:, ::-1]

    def _backward(self, costs: Table, begun: list[Begun], at: tuple[int, int, int]) -> Walk:
        """The ranges of a walk up to a state, found from the last to the first."""
        line, walk = self.line, Walk()
        end, row, kind = at
        while True:
            before = row - int(self.strides[kind])
            arrivals = [_row(*begun[start], before) for start in range(end)]
            held = [
                inf if own is None else line.held(own, start, slice(end, end + 1))[0, kind]
                for start, own in enumerate(arrivals)
            ]
            start = int(np.argmin(held))
            own = arrivals[start]
            walk.append((kind, start, end))
            if before == 0 and own is not None and own[kind] == line.starts[kind, start]:
                return walk[::-1]
            sent = line.sent(costs[start, before], start) + self.stays
            end, row, kind = start, before, int(sent[:, kind].argmin())


def _row(rows: NDArray[np.int64], begun: Table, row: int) -> Table | None:
    """The costs of one row; None where it is not there."""
    at = int(np.searchsorted(rows, row))
    return begun[at] if at < len(rows) and rows[at] == row else None
