"""What a walk remembers of the nodes that it used: few of them at every node, as it needs them.

The ng-routes of R. Baldacci, A. Mingozzi and R. Roberti (Operations Research 59, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.solvers.chains.line import RangeLine, Walk


@dataclass(frozen=True, eq=False)
class Memory:
    """`near` [kinds, M]: which kinds a walk remembers at a kind if it came by them, -1: none.

    Kinds of one node. What is remembered is a mask, a bit for each of them.
    """

    near: NDArray[np.int64]

    @property
    def num_masks(self) -> int:
        """2^M."""
        return 1 << int(self.near.shape[1])

    @cached_property
    def barred(self) -> NDArray[np.bool_]:
        """[kinds, masks, kinds]: whether a walk may not go from a kind, with a mask, to a kind."""
        count, bits = self.near.shape
        kinds, masks = np.arange(count), np.arange(self.num_masks)
        barred = np.zeros((count, len(masks), count), bool)
        for bit in range(bits):
            barred |= (masks >> bit & 1 > 0)[:, None] & (self.near[:, bit, None] == kinds)[:, None]
        return barred

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """[kinds, masks, kinds]: where a walk from a kind, with a mask, comes to: the kind times
        the number of masks, and the mask there."""
        count, bits = self.near.shape
        kinds = np.arange(count)
        steps = np.broadcast_to(kinds * self.num_masks, self.barred.shape).copy()
        for bit in range(bits):
            near = self.near[:, bit]
            known = self.barred[:, :, near] | (near == kinds[:, None])[:, None]
            steps += np.where(known & (near >= 0), 1 << bit, 0)
        return steps

    def masks(self, used: NDArray[np.bool_]) -> NDArray[np.int64]:
        """[rows, kinds]: what is remembered at every kind.

        Parameters
        ----------
        used
            [rows, kinds].
        """
        bits = 1 << np.arange(self.near.shape[1])
        remembered: NDArray[np.int64] = ((used[:, self.near] & (self.near >= 0)) * bits).sum(axis=2)
        return remembered


def nothing(line: RangeLine) -> Memory:
    """Without a memory.

    Parameters
    ----------
    line
        With its kinds.
    """
    return Memory(np.zeros((len(line.counts), 0), np.int64))


def cycles_of(line: RangeLine, walk: Walk) -> NDArray[np.int64]:
    """[kinds, kinds]: how often a walk comes by a kind on its way from a kind of one node back to
    it.

    Parameters
    ----------
    line, walk
        One of its walks.
    """
    cycles = np.zeros((len(line.counts),) * 2, np.int64)
    kinds = [kind for kind, _, _ in walk]
    last: dict[int, int] = {}
    for at, kind in enumerate(kinds):
        if kind in last and line.counts[kind] == 1:
            cycles[list(set(kinds[last[kind] + 1 : at])), kind] += 1
        last[kind] = at
    return cycles


def remembered(cycles: NDArray[np.int64], most: int) -> Memory:
    """A memory that bars the most frequent cycles.

    Parameters
    ----------
    cycles
        [kinds, kinds], of `cycles_of`.
    most
        Kinds that are remembered at a kind.
    """
    near = np.argsort(-cycles, axis=1, kind="stable")[:, :most]
    seen = np.take_along_axis(cycles, near, axis=1) > 0
    return Memory(np.where(seen, near, -1))
