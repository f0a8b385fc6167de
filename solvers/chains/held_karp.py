"""Identical blocks: shortest paths through sets of nodes, filled with blocks, fastest nodes first.

The paths after M. Held and R. M. Karp (1962); the filling is ours: blocks are equal, so taking the
fastest nodes first is best, and every node on a path has at least one block but for its ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.blocks import ROUNDING, Blocks

Table = NDArray[np.float64]
Found = tuple[float, list[int]] | None


def best_latency(blocks: Blocks, is_ring: bool, limit: float, deadline: Deadline) -> Found:
    """The least latency of blocks in a ring, or a line, of nodes.

    O(2^N N^3) seconds for N nodes, O(2^N N^2) numbers.

    Parameters
    ----------
    blocks
        With their ends.
    is_ring
        Whether one node may have both ends and others what is between them.
    limit
        Seconds that no node and no link may be busy for longer; inf: none.
    deadline
        When it must end.

    Returns
    -------
    (float, list of int) or None
        Seconds, and the node of every layer; None where there is no such placement.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    walks = _Walks(blocks, is_ring, limit, deadline)
    best, chosen = inf, None
    for first, last in walks.ends():
        deadline.check("the best ring")
        inner, seconds = walks.between(first, last)
        values = seconds + walks.filled(inner, first, last)
        at = int(values.argmin())
        if values[at] < best:
            best, chosen = float(values[at]), (first, last, int(inner[at]))
    return None if chosen is None else (best, walks.placement(*chosen))


def best_period(blocks: Blocks, is_ring: bool, limit: float, deadline: Deadline) -> Found:
    """The least period: the least limit on it that leaves a plan.

    By bisection over what a node or a link may be busy for, O(2^N N^3 log(L N + N^2)).

    Parameters
    ----------
    blocks, is_ring, limit, deadline
        As for `best_latency`.
    """
    values = [value for value in busy_values(blocks) if value <= limit]
    plans: dict[float, Found] = {}

    def is_kept(value: float) -> bool:
        plans[value] = best_latency(blocks, is_ring, value, deadline)
        return plans[value] is not None

    at = bisect_left(values, True, key=is_kept)
    if at == len(values):
        return None
    found = plans[values[at]]
    return None if found is None else (values[at], found[1])


def busy_values(blocks: Blocks) -> list[float]:
    """Every time for which a node or a link may be busy, rising: every period is one of them.

    Parameters
    ----------
    blocks
        With their ends.
    """
    counts = np.arange(blocks.count + 1)[:, None]
    with np.errstate(invalid="ignore"):
        own = np.concatenate([np.zeros_like(blocks.block_s)[None], counts[1:] * blocks.block_s])
    ends = [0.0, blocks.first_s, blocks.last_s, blocks.first_s + blocks.last_s]
    times = [own + end for end in ends]
    times += [blocks.hop_busy_s, blocks.ends_busy_s, blocks.start_busy_s, blocks.close_busy_s]
    values = np.unique(np.concatenate([np.ravel(value) for value in times]))
    rising: list[float] = values[np.isfinite(values)].tolist()
    return rising


@dataclass(frozen=True, eq=False)
class _Walks:
    """Ways over sets of nodes under a limit on what a node or a link is busy for."""

    blocks: Blocks
    is_ring: bool
    limit: float
    deadline: Deadline

    @cached_property
    def slack(self) -> float:
        """The limit, with what rounding may add."""
        return self.limit * (1 + ROUNDING)

    @cached_property
    def hop_s(self) -> Table:
        """[nodes, nodes]: seconds of the hops that keep the limit."""
        return np.where(self.blocks.hop_busy_s <= self.slack, self.blocks.hop_s, inf)

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """[sets, nodes]: who is in a set."""
        count = len(self.hop_s)
        return (np.arange(1 << count)[:, None] >> np.arange(count) & 1).astype(bool)

    @cached_property
    def start_s(self) -> Table:
        """[nodes, nodes]: those from a first node, from which results leave, too."""
        return np.where(self.blocks.start_busy_s <= self.slack, self.hop_s, inf)

    @cached_property
    def paths(self) -> Table:
        """[sets, nodes, nodes]: seconds from a node outside a set through all of it to its last."""
        return self._paths_from(self.start_s if self.blocks.returns else self.hop_s)

    @cached_property
    def loops(self) -> Table:
        """As `paths`, from a node that has both ends."""
        if self.blocks.returns or (self.start_s == self.hop_s).all():
            return self.paths
        return self._paths_from(self.start_s)

    def _paths_from(self, start_s: Table) -> Table:
        """Paths that begin with these hops."""
        count = len(self.hop_s)
        seconds = np.full((1 << count, count, count), inf)
        for node in range(count):
            seconds[1 << node, :, node] = start_s[:, node]
            seconds[1 << node, node, node] = inf
        sizes = self.members.sum(axis=1)
        for size in range(2, count + 1):
            self.deadline.check("the paths through all sets of nodes")
            for node in range(count):
                sets = np.flatnonzero((sizes == size) & self.members[:, node])
                before = seconds[sets ^ (1 << node)]
                seconds[sets, :, node] = (before + self.hop_s[:, node]).min(axis=2)
                seconds[sets, node, node] = inf
        return seconds

    def _last_hops(self, first: int, last: int) -> tuple[Table, Table]:
        """Paths, and [nodes] seconds of the hop from their last node to that of the last layers."""
        if first != last:
            return self.paths, self.hop_s[:, last]
        close_busy = self.blocks.close_busy_s[:, first]
        return self.loops, np.where(close_busy <= self.slack, self.hop_s[:, first], inf)

    def ends(self) -> Iterator[tuple[int, int]]:
        """Pairs of nodes for the first and the last layer that keep the limit."""
        blocks, nodes = self.blocks, range(len(self.hop_s))
        must_meet = blocks.together or (blocks.returns and not self.is_ring)
        for first in nodes:
            for last in nodes:
                if must_meet and first != last:
                    continue
                busy = blocks.ends_busy_s[first, last]
                if busy <= self.slack and self._ends_s(first, last) < inf:
                    yield first, last

    def _ends_s(self, first: int, last: int) -> float:
        """Seconds of the ends, with the ways to the first and from the last."""
        blocks = self.blocks
        to_first = blocks.enter_s[first] + blocks.first_s[first]
        return float(to_first + blocks.last_s[last] + blocks.leave_s[first, last])

    def between(self, first: int, last: int) -> tuple[NDArray[np.int64], Table]:
        """Sets of nodes between the ends, and seconds of all but the blocks. O(2^N N)."""
        ends_s, sets = self._ends_s(first, last), np.arange(len(self.members))
        if first != last:
            through = sets[self.members[:, last] & ~self.members[:, first]]
            return through ^ (1 << last), ends_s + self.paths[through, first, last]
        if not self.is_ring:
            return sets[:1], np.full(1, ends_s)
        inner = sets[~self.members[:, first]]
        paths, hops = self._last_hops(first, last)
        seconds = (paths[inner, first] + hops).min(axis=1)
        seconds[0] = 0.0  # one node alone
        return inner, ends_s + seconds

    def filled(self, inner: NDArray[np.int64], first: int, last: int) -> Table:
        """[sets]: seconds of the blocks; inf where they do not fit, or a node is left without."""
        counts = self.counts(inner, first, last)
        fits = counts.sum(axis=1) == self.blocks.count
        times = np.where(np.isfinite(self.blocks.block_s), self.blocks.block_s, 0.0)
        return np.where(fits, counts @ times, inf)

    def counts(self, inner: NDArray[np.int64], first: int, last: int) -> Table:
        """[sets, nodes]: blocks of every node, the fastest filled first; all 0 where they cannot.

        O(N) for a set.
        """
        blocks, used = self.blocks, self.members[inner].copy()
        counts = used.astype(float)
        counts[:, first] += 1 - blocks.first
        counts[:, last] += 1 - blocks.last
        used[:, [first, last]] = True
        if first == last:
            counts[inner == 0, first] = 0.0
        most = np.where(used, self._most(first, last), 0.0)
        left = blocks.count - counts.sum(axis=1)
        possible = (counts <= most).all(axis=1) & (left >= 0)
        for node in np.argsort(blocks.block_s, kind="stable").tolist():
            more = np.clip(most[:, node] - counts[:, node], 0.0, np.maximum(left, 0.0))
            counts[:, node] += more
            left -= more
        return np.where(possible[:, None], counts, 0.0)

    def _most(self, first: int, last: int) -> Table:
        """[nodes]: how many blocks memory and the limit leave a node."""
        blocks = self.blocks
        most: Table = blocks.most_blocks[first, last]
        if self.limit == inf:
            return most
        ends_s = np.zeros(len(most))
        ends_s[first] += blocks.first_s[first]
        ends_s[last] += blocks.last_s[last]
        left = self.slack - ends_s
        times = np.where(blocks.block_s > 0, blocks.block_s, 1.0)
        within = np.where(blocks.block_s > 0, np.floor(left / times), float(blocks.count))
        return np.where(left < 0, -1.0, np.minimum(most, within))

    def placement(self, first: int, last: int, inner: int) -> list[int]:
        """The node of every layer: embedding, blocks along the path, head."""
        counts = self.counts(np.array([inner]), first, last)[0].astype(int)
        nodes = [first] * self.blocks.first
        at_end = 1 - self.blocks.last if first == last and inner else 0
        nodes += [first] * (int(counts[first]) - at_end)
        for node in self._path(first, last, inner):
            nodes += [node] * int(counts[node])
        nodes += [last] * (at_end if first == last else int(counts[last]))
        nodes += [last] * self.blocks.last
        return nodes + [first] * self.blocks.returns

    def _path(self, first: int, last: int, inner: int) -> list[int]:
        """The inner nodes in order, found from the last."""
        path: list[int] = []
        paths, hops = self._last_hops(first, last)
        while inner:
            node = int((paths[inner, first] + hops).argmin())
            path.append(node)
            inner, hops = inner ^ (1 << node), self.hop_s[:, node]
        return path[::-1]
