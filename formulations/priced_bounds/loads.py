"""The loads that a family's tasks make on nodes and links, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.priced_bounds.family import Family
from splitfog.formulations.priced_bounds.link_prices import Transfers
from splitfog.formulations.priced_bounds.ways import Followed
from splitfog.instances.arrays import Flags, Floats, Integers

Entries = tuple[Integers, Integers, Floats]
"""Rows, columns, and what is there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadTable:
    """[R, C] loads of R `rows` in E entries, `row`, `column`, `load` [E], no two at one place."""

    rows: int
    row: Integers
    column: Integers
    load: Floats

    @classmethod
    def of(
        cls, rows: int, columns: int, entries: Sequence[tuple[Integers, Integers, Floats]]
    ) -> LoadTable:
        """Entries at one place add up."""
        row, column, load = (np.concatenate(each) for each in zip(*entries, strict=True))
        at, own = np.unique(row * columns + column, return_inverse=True)
        total = np.asarray(np.bincount(own.reshape(-1), load, len(at)), float)
        used = total > 0
        at, total = at[used], total[used]
        return cls(rows=rows, row=at // columns, column=at % columns, load=total)

    @classmethod
    def stacked(cls, some: Sequence[LoadTable]) -> LoadTable:
        """One below the other."""
        first = np.cumsum([0, *(each.rows for each in some)])
        rows = [begin + each.row for begin, each in zip(first.tolist(), some)]
        return cls(
            rows=int(first[-1]),
            row=np.concatenate(rows),
            column=np.concatenate([each.column for each in some]),
            load=np.concatenate([each.load for each in some]),
        )

    def scaled(self, factor: Floats) -> LoadTable:
        """Every row's loads times its factor, [R]."""
        return replace(self, load=self.load * factor[self.row])

    def paid(self, charges: Floats) -> Floats:
        """[R]: what the rows pay at charges, [C]."""
        return np.asarray(np.bincount(self.row, self.load * charges[self.column], self.rows), float)


class Loads:
    """Of rows of tasks that weigh `weights` [R], and of the layers beside all paths as one more.

    Loads of nodes are v and r: an unsliced second counts for both.
    """

    def __init__(self, family: Family, weights: Floats) -> None:
        self._family, self._weights = family, weights
        self.num_nodes = len(family.arrays.instance.nodes)
        self._entries: list[Entries] = []
        self._transfers: list[Transfers] = []

    def add_ways(self, followed: Followed) -> None:
        """Layers on the path that run whole, and tensors of it that move."""
        family, path = self._family, np.array(self._family.work.path)
        node = family.places.node
        row, at, place = followed.whole
        seconds = self._weights[row] * family.arrays.times_s[path[at], node[place]]
        self.add_service(row, node[place], seconds, seconds)
        row, at, tail, head = followed.moves
        moves = node[tail] != node[head]
        row, at, tail, head = row[moves], at[moves], tail[moves], head[moves]
        rate = self._weights[row]
        num_bytes = rate * family.arrays.output_bytes[path[at]]
        self.add_transfers(row, node[tail], node[head], rate, num_bytes)

    def add_beside(self, layers: list[int], price: Floats) -> float:
        """Layers each where it is cheapest, of all tasks; their priced seconds by weight."""
        family, total = self._family, float(self._weights.sum())
        least = family.least_s(layers, price)
        node = family.places.node[least.argmin(axis=1)]
        seconds = total * family.arrays.times_s[layers, node]
        self.add_service(np.full(len(layers), len(self._weights)), node, seconds, seconds)
        return total * float(least.min(axis=1).sum())

    def add_service(self, row: Integers, node: Integers, weighted: Floats, load: Floats) -> None:
        """Loads v and r of nodes."""
        self._entries += [(row, node, weighted), (row, self.num_nodes + node, load)]

    def add_transfers(
        self, row: Integers, tail: Integers, head: Integers, rate: Floats, bytes_per_s: Floats
    ) -> None:
        """Transfers between nodes, how often a second, and bytes a second."""
        self._transfers.append(
            Transfers(row=row, tail=tail, head=head, rate=rate, bytes_per_s=bytes_per_s)
        )

    def table(self, apart: Flags | None = None) -> LoadTable:
        """[R + 1, 2 nodes + links]: loads v and r, 0 at nodes `apart`, and those of links."""
        routes, own = routes_of(self._family.arrays.instance), self._entries
        row, link, busy = Transfers.joined(self._transfers).link_loads(routes)
        entries = [*own, (row, 2 * self.num_nodes + link, busy)]
        if apart is not None:
            some = np.concatenate([apart, apart])
            entries = [*(_left_out(each, some) for each in own), entries[-1]]
        columns = 2 * self.num_nodes + len(routes.links)
        return LoadTable.of(len(self._weights) + 1, columns, entries)


def _left_out(entries: Entries, some: Flags) -> Entries:
    """Entries without those in some columns."""
    row, column, load = entries
    return row, column, np.where(some[column], 0.0, load)
