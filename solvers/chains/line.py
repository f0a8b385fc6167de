"""Ranges of a chain on kinds of nodes, one after another: what a walk costs, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    `np.maximum` for the longest.
    """

    counts: NDArray[np.int64]
    stages: Table
    hops: Table
    starts: Table
    ends: Table
    join: Callable[..., Table] = np.add

    @property
    def num_layers(self) -> int:
        """L."""
        return int(self.stages.shape[2]) - 1

    def backwards(self) -> RangeLine:
        """The line read from its end, where every walk costs what it does here."""
        return RangeLine(
            counts=self.counts,
            stages=self.stages[:, ::-1, ::-1].transpose(0, 2, 1),
            hops=self.hops[::-1].transpose(0, 2, 1),
            starts=self.ends[:, ::-1],
            ends=self.starts[:, ::-1],
            join=self.join,
        )

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


def read_backwards(walk: Walk, num_layers: int) -> Walk:
    """A walk of a line as one of that line read from its end.

    Parameters
    ----------
    walk, num_layers
        Of the line.
    """
    return [(kind, num_layers - end, num_layers - start) for kind, start, end in walk[::-1]]
