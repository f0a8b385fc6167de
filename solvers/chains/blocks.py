"""A chain of identical blocks between two ends, as language models are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.solvers.chains.chain import Chain

Table = NDArray[np.float64]
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class Blocks:
    """An embedding or nothing, `count` identical blocks, a head or nothing, on all nodes.

    `first_s`, `block_s`, `last_s` are [nodes], inf where that may not be; `enter_s`, `leave_s`
    [nodes] and `hop_s` [nodes, nodes] what crossings cost, and `*_busy_s` how long they occupy a
    link. `most_blocks` [nodes, nodes, nodes] is how many a node's memory takes where given nodes
    have the ends: `most_blocks[first, last, node]`. `first`, `last`: whether there are such layers;
    `together`: whether they must be on one node.
    """

    count: int
    first: int
    last: int
    together: bool
    first_s: Table
    block_s: Table
    last_s: Table
    enter_s: Table
    hop_s: Table
    leave_s: Table
    enter_busy_s: Table
    hop_busy_s: Table
    leave_busy_s: Table
    most_blocks: Table

    def keeps_triangle(self) -> bool:
        """Whether no detour over a third node is shorter than a hop. O(N^3)."""
        detours = (self.hop_s[:, :, None] + self.hop_s[None, :, :]).min(axis=1)
        return bool((self.hop_s <= detours * (1 + ROUNDING)).all())


def blocks_of(chain: Chain) -> Blocks | None:
    """The blocks of a chain; None where it has other layers than one at either end.

    Identical are layers of equal times, places and memory of their own, whose tensors, and that
    which the first of them reads, cost the same on every way.

    Parameters
    ----------
    chain
        Any.
    """
    total = len(chain.layers)
    for first, last in ((0, 0), (0, 1), (1, 0), (1, 1)):
        if total - first - last >= 2 and _are_identical(chain, first, total - last):
            together = _ends_together(chain, first, last)
            return None if together is None else _blocks(chain, first, last, together)
    return None


def _are_identical(chain: Chain, start: int, end: int) -> bool:
    """Whether the layers from a start up to an end are, and all hops of the chain."""
    costs, own = chain.costs_s[start:end], chain.own_bytes[start:end]
    owners = chain.owners.tolist()
    model = chain.arrays.model
    return (
        bool((costs == costs[0]).all() and (own == own[0]).all())
        and all(bool((hops == hops[0]).all()) for hops in (chain.ways.hops, chain.busy.hops))
        and all(owners.count(owner) == 1 for owner in owners[start:end])
        and not any(model.results[layer] for layer in chain.layers[:-1])
    )


def _ends_together(chain: Chain, first: int, last: int) -> bool | None:
    """Whether a group holds both ends; None where one holds a block."""
    ends = {0} if first else set()
    ends |= {len(chain.layers) - 1} if last else set()
    groups = [set(group) for group in chain.groups]
    if any(len(group) > 1 and not group <= ends for group in groups):
        return None
    return any(len(group) > 1 for group in groups)


def _blocks(chain: Chain, first: int, last: int, together: bool) -> Blocks:
    total, nothing = len(chain.layers), np.zeros(chain.num_nodes)
    return Blocks(
        count=total - first - last,
        first=first,
        last=last,
        together=together,
        first_s=chain.costs_s[0] if first else nothing,
        block_s=chain.costs_s[first],
        last_s=chain.costs_s[-1] if last else nothing,
        enter_s=chain.ways.enter,
        hop_s=chain.ways.hops[0],
        leave_s=chain.ways.leave,
        enter_busy_s=chain.busy.enter,
        hop_busy_s=chain.busy.hops[0],
        leave_busy_s=chain.busy.leave,
        most_blocks=_most_blocks(chain, first, last),
    )


def _most_blocks(chain: Chain, first: int, last: int) -> Table:
    """[nodes, nodes, nodes]: blocks beside what ends a node has; less than 0: not even these."""
    total, nodes = len(chain.layers), np.arange(chain.num_nodes)
    heads, tails = list(range(first)), list(range(total - last, total))
    held = np.zeros((chain.num_nodes,) * 3)
    held[nodes, :, nodes] += chain.bytes_of(heads)
    held[:, nodes, nodes] += chain.bytes_of(tails)
    held[nodes, nodes, nodes] = chain.bytes_of(heads + tails)
    room, size = chain.room_bytes - held, float(chain.own_bytes[first])
    most = np.full(held.shape, float(total - first - last))
    if size:
        most = np.minimum(most, np.floor(room / size))
    most[:, :, ~np.isfinite(chain.costs_s[first])] = 0.0
    return np.where(room < 0, -1.0, most)
