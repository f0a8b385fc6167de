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
    """An embedding or nothing, `count` identical blocks, a head or nothing, on all nodes; and, with
    `returns`, a last layer that must be where the embedding is, to which the head's tensor goes.

    `first_s`, `block_s`, `last_s` are [nodes], inf where that may not be; `enter_s` [nodes],
    `hop_s` and `leave_s` [nodes, nodes] what crossings cost: `leave_s[first, last]`. How long links
    are occupied: `hop_busy_s` [nodes, nodes] by hops, `ends_busy_s[first, last]` by ways to and
    from the ends; `start_busy_s[first, node]` and `close_busy_s[node, first]` by the hop from a
    first node whose way out may begin with that link, and by the one back to it, where it has both
    ends.
    `most_blocks` [nodes, nodes, nodes] is how many a node's memory takes where given nodes have the
    ends: `most_blocks[first, last, node]`. `first`, `last`: whether there are such layers;
    `together`: whether they must be on one node.
    """

    count: int
    first: int
    last: int
    together: bool
    returns: bool
    first_s: Table
    block_s: Table
    last_s: Table
    enter_s: Table
    hop_s: Table
    leave_s: Table
    hop_busy_s: Table
    ends_busy_s: Table
    start_busy_s: Table
    close_busy_s: Table
    most_blocks: Table

    def partial(self, stages: Table) -> NDArray[np.bool_]:
        """[kinds, layers + 1, layers + 1]: ranges that could have a block more, and one less.

        Of two of them the slower one can give blocks to the other at no cost, until it has the
        fewest or the other the most: some best placement has no two.

        Parameters
        ----------
        stages
            [kinds, layers + 1, layers + 1]: seconds of ranges, inf: impossible.
        """
        fits, cuts = np.isfinite(stages), np.arange(stages.shape[1])
        start, stop = self.first, self.first + self.count
        longer = np.zeros_like(fits)
        longer[:, :, :stop] |= fits[:, :, 1 : stop + 1]
        longer[:, start + 1 :] |= fits[:, start:-1]
        blocks = np.minimum(cuts, stop) - np.maximum(cuts, start)[:, None]
        fewest = np.where((cuts[:, None] < start) | (cuts > stop), 0, 1)
        return fits & longer & (blocks > fewest)

    def keeps_triangle(self) -> bool:
        """Whether no detour over a third node is shorter than a hop. O(N^3)."""
        detours = (self.hop_s[:, :, None] + self.hop_s[None, :, :]).min(axis=1)
        return bool((self.hop_s <= detours * (1 + ROUNDING)).all())


def blocks_of(chain: Chain) -> Blocks | None:
    """The blocks of a chain; None where it has other layers than one at either end.

    Identical are layers of equal times, places and memory of their own, whose tensors, and that
    which the first of them reads, cost the same on every way. After the last there may be one more,
    in a group with the first layer.

    Parameters
    ----------
    chain
        Any.
    """
    for first, last, back in ((0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (1, 0, 1), (1, 1, 1)):
        parts = _Parts(chain, first, last, back)
        if len(parts.middle) >= 2 and parts.are_identical:
            together = parts.together
            return None if together is None else _blocks(parts, together)
    return None


@dataclass(frozen=True)
class _Parts:
    """A chain as its ends and what is between them; `back`: whether a last layer follows."""

    chain: Chain
    first: int
    last: int
    back: int

    @property
    def middle(self) -> range:
        """Positions of the blocks."""
        return range(self.first, len(self.chain.layers) - self.last - self.back)

    @property
    def heads(self) -> list[int]:
        """Positions of the layers that are where the chain begins."""
        return [*range(self.first), *[len(self.chain.layers) - 1] * self.back]

    @property
    def tails(self) -> list[int]:
        """Positions of the layers that are where it ends."""
        return list(range(self.middle.stop, self.middle.stop + self.last))

    @property
    def are_identical(self) -> bool:
        """Whether the blocks are, and all hops to and from them."""
        chain, rows = self.chain, slice(self.middle.start, self.middle.stop)
        costs, own = chain.costs_s[rows], chain.own_bytes[rows]
        owners = chain.owners.tolist()
        hops = len(chain.layers) - 1 - self.back
        return (
            bool((costs == costs[0]).all() and (own == own[0]).all())
            and all(
                bool((table[:hops] == table[0]).all())
                for table in (chain.ways.hops, chain.busy.hops)
            )
            and all(owners.count(owner) == 1 for owner in owners[rows])
            and not any(chain.arrays.model.results[layer] for layer in chain.layers[:-1])
        )

    @property
    def together(self) -> bool | None:
        """Whether a group holds both ends; None where one holds a block, or where the last layer is
        not grouped with the first."""
        heads, ends = set(self.heads), {*self.heads, *self.tails}
        groups = [set(group) for group in self.chain.groups if len(group) > 1]
        if any(not group <= ends for group in groups):
            return None
        if self.back and not any(heads <= group for group in groups):
            return None
        return any(group & set(self.tails) for group in groups)


def _blocks(parts: _Parts, together: bool) -> Blocks:
    chain, nothing = parts.chain, np.zeros(parts.chain.num_nodes)
    ways, busy = chain.ways, chain.busy
    back, back_busy = (ways.hops[-1].T, busy.hops[-1].T) if parts.back else (nothing, nothing)
    leave, leave_busy = (
        (table[:, None] if parts.back else table) for table in (ways.leave, busy.leave)
    )
    start, close = _on_end_links(chain)
    return Blocks(
        count=len(parts.middle),
        first=parts.first,
        last=parts.last,
        together=together,
        returns=bool(parts.back),
        first_s=chain.costs_s[parts.heads].sum(axis=0) if parts.heads else nothing,
        block_s=chain.costs_s[parts.middle.start],
        last_s=chain.costs_s[parts.tails].sum(axis=0) if parts.tails else nothing,
        enter_s=ways.enter,
        hop_s=ways.hops[0],
        leave_s=np.broadcast_to(back + leave, ways.hops[0].shape),
        hop_busy_s=busy.hops[0],
        ends_busy_s=_ends_busy(chain, back_busy, leave_busy, bool(parts.back)),
        start_busy_s=start,
        close_busy_s=close,
        most_blocks=_most_blocks(parts),
    )


def _on_end_links(chain: Chain) -> tuple[Table, Table]:
    """[nodes, nodes] twice: hops with what leaves the first node for the results' target, and hops
    to the first node with what enters it from the source, where these take the same link."""
    arrays, hops = chain.arrays, chain.busy.hops[0]
    start, close = hops.copy(), hops.copy()
    if arrays.results_to is not None:
        target = arrays.results_to
        start[:, target] = chain.on_one_way(start[:, target], chain.busy.leave)
    if arrays.source is not None:
        source = arrays.source
        close[source] = chain.on_one_way(close[source], chain.busy.enter)
    return start, close


def _ends_busy(chain: Chain, back: Table, leave: Table, returns: bool) -> Table:
    """[first, last]: how long the ways to and from the ends occupy a link."""
    arrays, enter = chain.arrays, chain.busy.enter
    busy: Table = np.maximum(np.maximum(enter[:, None], back), leave) + np.zeros((len(enter),) * 2)
    source, target = arrays.source, arrays.results_to
    if returns and source is not None:
        both = chain.on_one_way(enter, back[:, source])
        busy[:, source] = np.maximum(busy[:, source], both)
    elif None not in (source, target) and source != target:
        both = chain.on_one_way(enter[target], leave[source])
        busy[target, source] = np.maximum(busy[target, source], both)
    return busy


def _most_blocks(parts: _Parts) -> Table:
    """[nodes, nodes, nodes]: blocks beside what ends a node has; less than 0: not even these."""
    chain, heads, tails = parts.chain, parts.heads, parts.tails
    nodes, first = np.arange(chain.num_nodes), parts.middle.start
    held = np.zeros((chain.num_nodes,) * 3)
    held[nodes, :, nodes] += chain.bytes_of(heads)
    held[:, nodes, nodes] += chain.bytes_of(tails)
    held[nodes, nodes, nodes] = chain.bytes_of(heads + tails)
    room, size = chain.room_bytes - held, float(chain.own_bytes[first])
    most = np.full(held.shape, float(len(parts.middle)))
    if size:
        most = np.minimum(most, np.floor(room / size))
    most[:, :, ~np.isfinite(chain.costs_s[first])] = 0.0
    return np.where(room < 0, -1.0, most)
