"""Crossings on any links: `transport`, as tight as the transport between a tensor's two ends.

z(producer, reader; u, v) sums to x on either side; a tensor with several readers has
`y(tensor, u, link) >= sum of z(u, v) over v behind the link`, per reader. Pairs of nodes without a
route, and those that `monotone` forbids, have no z.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from splitfog.formulations.arrays.units import Broadcast
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.programs.cut_rows import Cross
from splitfog.formulations.programs.placed import Placed
from splitfog.formulations.programs.placement import ABSENT

Pairs = dict[tuple[int, int], int]
"""By nodes of producer and reader the column of z."""


@dataclass(frozen=True, eq=False)
class TransportRows:
    """Adds what tensors cross, by pairs of nodes."""

    placed: Placed
    cross: Cross
    _pairs: dict[tuple[int, int, int], Pairs] = field(default_factory=dict)
    _trees: dict[int, dict[int, list[int]]] = field(default_factory=dict)

    def tensor(self, task: int, broadcast: Broadcast) -> None:
        """A tensor crosses a link of the tree from u if a reader is behind it."""
        placed = self.placed
        for node, column in placed.nodes_of(task, broadcast.producer):
            for link, behind in self._tree(node).items():
                if not broadcast.seconds(placed.instance.directed_links[link]):
                    continue
                if broadcast.sink in behind:
                    self.cross(link, column, broadcast)
                    continue
                shares = []
                for reader in broadcast.readers:
                    pairs = self._pairs_of(task, broadcast.producer, reader)
                    ends = [pairs[node, v] for v in behind if (node, v) in pairs]
                    shares += [ends] if ends else []
                if len(shares) == 1:
                    for end in shares[0]:
                        self.cross(link, end, broadcast)
                elif shares:
                    key = ("over", task, broadcast.producer, link)
                    crossing = placed.program.add_column(key=key)
                    self.cross(link, crossing, broadcast)
                    for ends in shares:
                        terms = [(crossing, 1.0), *((end, -1.0) for end in ends)]
                        placed.program.add_row(terms, lower=0.0, key=key)

    def edge(self, task: int, producer: int, reader: int) -> None:
        """Only pairs that may exchange data, where others could be chosen."""
        columns = self.placed.columns[task] != ABSENT
        if not self.placed.may_send[np.ix_(columns[producer], columns[reader])].all():
            self._pairs_of(task, producer, reader)

    def _pairs_of(self, task: int, producer: int, reader: int) -> Pairs:
        """z(u, v): the producer on u and the reader on v, with sums equal to x on either side.

        Where one end has one possible node, z is the other end's x.
        """
        key = (task, producer, reader)
        if key not in self._pairs:
            tails, heads = (dict(self.placed.nodes_of(task, unit)) for unit in (producer, reader))
            may = self.placed.may_send
            pairs = [(u, v) for u in tails for v in heads if may[u, v]]
            if len(tails) == 1 or len(heads) == 1:
                self._pairs[key] = self._of_one_end(pairs, tails, heads)
            else:
                self._pairs[key] = self._of_both_ends(key, pairs, (tails, heads))
        return self._pairs[key]

    def _of_one_end(
        self, pairs: list[tuple[int, int]], tails: dict[int, int], heads: dict[int, int]
    ) -> Pairs:
        """The columns of x of the end that has a choice; what fits no pair is 0."""
        found = {(u, v): (heads[v] if len(tails) == 1 else tails[u]) for u, v in pairs}
        columns = tails if len(heads) == 1 and len(tails) > 1 else heads
        for column in set(columns.values()) - set(found.values()):
            self.placed.program.upper[column] = 0.0
        return found

    def _of_both_ends(
        self,
        key: tuple[int, int, int],
        pairs: list[tuple[int, int]],
        ends: tuple[dict[int, int], dict[int, int]],
    ) -> Pairs:
        """A column for every pair, and the sums."""
        program = self.placed.program
        found = {pair: program.add_column(key=("ends", *key, *pair)) for pair in pairs}
        for end, columns in enumerate(ends):
            terms: dict[int, list[tuple[int, float]]] = {node: [] for node in columns}
            for pair, z in found.items():
                terms[pair[end]].append((z, 1.0))
            for node, column in columns.items():
                own = ("end", *key, end, node)
                program.add_row([*terms[node], (column, -1.0)], 0.0, 0.0, own)
        return found

    def _tree(self, root: int) -> dict[int, list[int]]:
        """Nodes behind every link of the tree of routes from a node."""
        if root not in self._trees:
            routes, behind = routes_of(self.placed.instance), dict[int, list[int]]()
            for node in range(len(self.placed.instance.nodes)):
                for link in routes.path(root, node) or ():
                    behind.setdefault(link, []).append(node)
            self._trees[root] = behind
        return self._trees[root]
