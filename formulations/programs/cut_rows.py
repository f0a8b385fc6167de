"""Crossings where the links that routes use form a forest: `cut`, a column a tensor and link.

A link from side A to side B carries a tensor iff its producer is in A and a reader in B:
`y(tensor, link) >= x(reader, B) - x(producer, B)`, one row per reader. On a line this is the
minimum cut's own program. Pairs of nodes without a route are rows between x alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from splitfog.formulations.arrays.units import Broadcast
from splitfog.formulations.programs.forest import Forest
from splitfog.formulations.programs.placed import Placed

Cross = Callable[[int, int, Broadcast], None]
"""Books a crossing of a link, the first argument, that happens iff a column, the second, is 1."""


@dataclass(frozen=True, eq=False)
class CutRows:
    """Adds what tensors cross of a forest."""

    placed: Placed
    forest: Forest
    cross: Cross

    def tensor(self, task: int, broadcast: Broadcast) -> None:
        """y >= x(reader, beyond the link) - x(producer, beyond the link)."""
        placed, producer = self.placed, broadcast.producer
        for link, beyond in self.forest.beyond.items():
            seconds = broadcast.seconds(placed.instance.directed_links[link])
            readers = [
                reader
                for reader in broadcast.readers
                if placed.may_enter(task, producer, reader, beyond)
            ]
            to_sink = broadcast.sink is not None and beyond[broadcast.sink]
            if not seconds or not (readers or to_sink):
                continue
            if to_sink:  # then every producer on this side sends over the link
                for node, column in placed.nodes_of(task, producer):
                    if not beyond[node]:
                        self.cross(link, column, broadcast)
                continue
            about = (task, producer, link)
            crossing = placed.program.add_column(key=("over", *about))
            self.cross(link, crossing, broadcast)
            for reader in readers:
                terms = placed.difference(task, producer, reader, beyond)
                key = ("over for", *about, reader)
                placed.program.add_row([(crossing, 1.0), *terms], lower=0.0, key=key)

    def edge(self, task: int, producer: int, reader: int) -> None:
        """Missing links are not crossed, trees not left, and ranks do not fall if monotone."""
        for beyond in self.forest.closed:
            self.placed.stays_out(task, producer, reader, beyond)
        self.placed.rises(task, producer, reader)
