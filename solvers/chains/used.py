"""Which nodes are used, as one number: how many of every tracked kind, in mixed radix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Used:
    """Rows are numbers that say how many of each of the `tracked` kinds are used; `counts` [kinds]
    is how many nodes there are."""

    counts: NDArray[np.int64]
    tracked: tuple[int, ...]

    @cached_property
    def radices(self) -> list[int]:
        """How many numbers of used nodes there are of every tracked kind."""
        return [int(self.counts[kind]) + 1 for kind in self.tracked]

    @cached_property
    def strides(self) -> NDArray[np.int64]:
        """[kinds]: by how much a row grows where a node of a kind is used; 0: not tracked."""
        strides = np.zeros(len(self.counts), np.int64)
        strides[list(self.tracked)] = np.cumprod([1, *self.radices])[:-1]
        return strides

    def full(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[rows, kinds]: whether no node of a tracked kind is left."""
        full = np.zeros((len(rows), len(self.counts)), bool)
        tracked = list(self.tracked)
        radices = np.array(self.radices, np.int64)
        full[:, tracked] = rows[:, None] // self.strides[tracked] % radices == radices - 1
        return full
