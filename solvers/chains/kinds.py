"""Nodes that are alike to a chain: which of them has a range changes nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.solvers.chains.chain import Chain

Kinds = tuple[tuple[int, ...], ...]
"""The nodes of every kind, in file order."""


def kinds_of(chain: Chain) -> Kinds:
    """The nodes that may have layers, by kind: two of one kind may change places in any plan.

    The source, and where results go, are kinds of their own. O(N^2 H N^2) for N nodes and H
    different tensors, less where nodes differ in speed or memory.

    Parameters
    ----------
    chain
        Whose nodes.
    """
    own, between = _own_figures(chain), _between(chain)
    kinds: list[list[int]] = []
    for node in np.flatnonzero(np.isfinite(chain.costs_s).any(axis=0)).tolist():
        for kind in kinds:
            if (own[kind[0]] == own[node]).all() and _may_swap(between, kind[0], node):
                kind.append(node)
                break
        else:
            kinds.append([node])
    return tuple([tuple(kind) for kind in kinds])


def _own_figures(chain: Chain) -> NDArray[np.float64]:
    """[nodes, figures]: what a node has by itself, and of its ways to the chain's ends."""
    arrays, nodes = chain.arrays, np.arange(chain.num_nodes)
    figures = [
        chain.costs_s,
        chain.room_bytes,
        [node.overlap for node in arrays.instance.nodes],
        nodes == (-1 if arrays.source is None else arrays.source),
        nodes == (-1 if arrays.results_to is None else arrays.results_to),
        *(row for ways in (chain.ways, chain.busy) for row in (ways.enter, ways.leave)),
    ]
    return np.vstack([np.asarray(figure, float) for figure in figures]).T


def _between(chain: Chain) -> NDArray[np.float64]:
    """[tensors, nodes, nodes]: hops, every different tensor once."""
    hops = np.concatenate([chain.ways.hops, chain.busy.hops])
    rows = dict.fromkeys(table.tobytes() for table in hops)
    return np.array([np.frombuffer(row).reshape(hops.shape[1:]) for row in rows]).reshape(
        -1, *hops.shape[1:]
    )


def _may_swap(between: NDArray[np.float64], one: int, other: int) -> bool:
    """Whether all hops stay what they are where two nodes change places."""
    swapped = np.arange(between.shape[1])
    swapped[[one, other]] = [other, one]
    rows = [one, other]
    return bool(
        (between[:, rows][:, :, swapped] == between[:, [other, one]]).all()
        and (between[:, :, rows][:, swapped] == between[:, :, [other, one]]).all()
    )
