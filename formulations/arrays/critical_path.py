"""Heads and tails: what must come before and after a layer on a node, whatever else is decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]


def heads(times: Table, transfers: Table, inputs: Sequence[Sequence[int]]) -> Table:
    """[layers, nodes]: earliest start of every layer on every node, nothing ever waiting.

    A longest path over layers with, for each producer by itself, its best node: a lower bound of
    the start in any schedule (the producers of one layer may want different places).

    Parameters
    ----------
    times
        [layers, nodes]: duration of every layer, inf where it may not be; layers in topological
        order.
    transfers
        [layers, nodes, nodes]: time of a layer's tensor from node to node, inf where impossible.
    inputs
        Producers of every layer. O(E N^2).
    """
    earliest = np.zeros_like(times)
    arrivals: dict[int, Table] = {}
    for layer, producers in enumerate(inputs):
        for producer in producers:
            if producer not in arrivals:
                ends = earliest[producer] + times[producer]
                arrivals[producer] = (ends[:, None] + transfers[producer]).min(axis=0)
            np.maximum(earliest[layer], arrivals[producer], out=earliest[layer])
    return earliest


def tails(times: Table, transfers: Table, readers: Sequence[Sequence[int]], last: Table) -> Table:
    """[layers, nodes]: least time from a layer's end on a node to the end of everything.

    `last` [layers, nodes] is the time that a result still travels, 0 for other layers; the rest
    as for `heads`. O(E N^2).
    """
    left = last.copy()
    for layer in range(len(times) - 1, -1, -1):
        for reader in readers[layer]:
            ahead = times[reader] + left[reader]
            way = (transfers[layer] + ahead).min(axis=1)
            np.maximum(left[layer], way, out=left[layer])
    return left
