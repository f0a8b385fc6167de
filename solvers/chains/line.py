"""Ranges of a chain on kinds of nodes, one after another: what a walk costs, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.records import changed

Table = NDArray[np.float64]
Walk = list[tuple[int, int, int]]
"""(kind, start, end) of every range, in order."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RangeLine:
    """A chain of L layers for K kinds of nodes; costs in seconds, inf: impossible.

    `counts` [kinds] is how many nodes there are of a kind, `stages` [kinds, L + 1, L + 1] what the
    layers from a start up to an end take, `hops` [L + 1, kinds, kinds] the way of the tensor at a
    cut; `starts` [kinds, L + 1] and `ends` [kinds, L + 1] are what it costs to begin with a range
    on a kind at a cut, and to have ended with one. `join`: how costs add up, `np.add` for a sum or
    `np.maximum` for the longest. `partial` [kinds, L + 1, L + 1]:
    ranges of which some best walk has one at most; None: not known.
    """

    counts: NDArray[np.int64]
    stages: Table
    hops: Table
    starts: Table
    ends: Table
    join: Callable[..., Table] = np.add
    partial: NDArray[np.bool_] | None = None

    @property
    def num_layers(self) -> int:
        """L."""
        return int(self.stages.shape[2]) - 1

    @cached_property
    def longest(self) -> list[int]:
        """[L + 1]: the most layers of a range from a start."""
        possible = np.isfinite(self.stages).any(axis=0)
        lengths = np.arange(self.num_layers + 1) - np.arange(self.num_layers + 1)[:, None]
        most: list[int] = np.where(possible, lengths, 0).max(axis=1).tolist()
        return most

    @property
    def most(self) -> float:
        """What no walk costs more than that uses kinds no more often than they have nodes."""
        tables = (self.starts, self.hops, self.ends)
        start, hop, end = (_longest(table) for table in tables)
        stages = sum(count * _longest(own) for count, own in zip(self.counts, self.stages))
        return start + end + int(self.counts.sum()) * hop + float(stages)

    def counted(self) -> RangeLine:
        """The line whose walks cost 1 each."""
        tables = {name: getattr(self, name) for name in ("starts", "stages", "hops", "ends")}
        free = {name: np.where(np.isfinite(own), 0.0, inf) for name, own in tables.items()}
        return changed(self, **free | {"starts": free["starts"] + 1.0})

    def sent(self, values: Table, cut: int) -> Table:
        """[..., kinds, kinds]: costs after a hop, from costs [..., kinds] before it."""
        return self.join(values[..., :, None], self.hops[cut])

    def held(self, arrivals: Table, start: int, ends: slice) -> Table:
        """[ends, ..., kinds]: costs after a range from a start, from costs [..., kinds] before."""
        stages = self.stages[:, start, ends].T
        shape = (len(stages), *(1,) * (arrivals.ndim - 1), len(self.counts))
        return self.join(arrivals[None], stages.reshape(shape))

    def ended(self, values: Table, cut: int) -> Table:
        """[..., kinds]: costs of whole walks that end at a cut."""
        return self.join(values, self.ends[:, cut])


@dataclass(frozen=True, eq=False, kw_only=True)
class BusyLine(RangeLine):
    """A line where nodes are busy with what they send and receive, none longer than `limit`.

    A cost is how long the last node is busy so far; all before are within the limit. Of every hop
    `outs` and `ins` [L + 1, kinds, kinds] are what it takes of its tail's and of its head's time,
    `end_outs` [kinds, L + 1] what an end takes of the last node's: whole walks cost 0.
    """

    limit: float
    outs: Table
    ins: Table
    end_outs: Table

    def sent(self, values: Table, cut: int) -> Table:
        """As of a line: what the head of a hop is busy with it."""
        possible = (values[..., :, None] + self.outs[cut] <= self.limit) & (
            self.hops[cut] <= self.limit
        )
        return np.where(possible, self.ins[cut], np.inf)

    def held(self, arrivals: Table, start: int, ends: slice) -> Table:
        """As of a line."""
        busy = super().held(arrivals, start, ends)
        return np.where(busy <= self.limit, busy, np.inf)

    def ended(self, values: Table, cut: int) -> Table:
        """As of a line."""
        possible = values + self.end_outs[:, cut] <= self.limit
        return np.where(possible & (self.ends[:, cut] <= self.limit), 0.0, np.inf)


def _longest(table: Table) -> float:
    """The largest finite number; 0: there is none."""
    return float(np.max(table, where=np.isfinite(table), initial=0.0))
