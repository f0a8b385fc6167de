"""Which of many exchanges leave links and memory enough: all looked at together."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.arrays import Flags, Integers

UNCHANGED = 1e-15
"""Load at most that rounding leaves on a link where as much goes as comes."""

_CHUNK = 20_000


class ExchangeRoom:
    """The links' loads and the weights held under an assignment, int [K].

    An exchange is a row (k, n, j): k goes to node n, and j (-1: nobody) to where k was.
    """

    def __init__(self, assignments: Assignments, places: Integers) -> None:
        self.assignments, self.places = assignments, places
        self._held: dict[tuple[int, int, int], bool] = {}

    def has(self, exchanges: Integers) -> Flags:
        """[B]: whether, after each exchange by itself, links stay below load 1 and weights fit.

        O(B x links of the routes concerned), vectorised; with memory limits also O(layers) for
        every distinct change of a node's weights.
        """
        room = np.ones(len(exchanges), bool)
        for start in range(0, len(exchanges), _CHUNK):
            part = exchanges[start : start + _CHUNK]
            close = np.flatnonzero(~self._links_have_plenty(part))
            if len(close):
                room[start + close] = self._links_have(part[close])
        if self.assignments.has_memory:
            for row in np.flatnonzero(room).tolist():
                room[row] = self._memory_has(*exchanges[row].tolist())
        return room

    @cached_property
    def _load(self) -> NDArray[np.float64]:
        return self.assignments.links.load(self.places)

    @cached_property
    def _legs(self) -> Integers:
        """[K, legs]: legs of every subtask, padded with -1."""
        owner = self.assignments.links.subtask
        order = np.argsort(owner, kind="stable")
        counts = np.bincount(owner, minlength=len(self.places))
        legs = np.full((len(self.places), int(counts.max(initial=0))), -1)
        place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        legs[owner[order], place] = order
        return legs

    def _links_have_plenty(self, exchanges: Integers) -> Flags:
        """[B]: where links stay below load 1 even if all that comes crosses the fullest of them,
        and nothing that goes is taken off."""
        first, node, second = exchanges.T
        fullest, added = self._arriving(first, node)
        swaps = np.flatnonzero(second >= 0)
        other, more = self._arriving(second[swaps], self.places[first[swaps]])
        fullest[swaps] = np.maximum(fullest[swaps], other)
        added[swaps] += more
        return np.asarray(fullest + added < 1 - EQUAL)

    def _arriving(
        self, subtasks: Integers, nodes: Integers
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[B] each: the load now of the fullest link that a subtask on a node needs, and what it
        adds to all of them."""
        use = self.assignments.links
        legs = self._legs[subtasks]
        links = use.table[use.row[legs], nodes[:, None]]
        crossed = (links >= 0) & (legs >= 0)[..., None]
        rate = use.rate[subtasks][:, None, None]
        seconds = use.latency_s[links] + use.size[legs][..., None] * use.seconds_per_byte[links]
        fullest = np.where(crossed, self._load[links], 0.0).max(axis=(1, 2), initial=0.0)
        return fullest, np.where(crossed, rate * seconds, 0.0).sum(axis=(1, 2))

    def _links_have(self, exchanges: Integers) -> Flags:
        first, node, second = exchanges.T
        here = self.places[first]
        swaps = np.flatnonzero(second >= 0)
        partner = second[swaps]
        every = np.arange(len(exchanges))
        changes = [
            self._crossed(every, first, here, -1.0),
            self._crossed(every, first, node, 1.0),
            self._crossed(swaps, partner, node[swaps], -1.0),
            self._crossed(swaps, partner, here[swaps], 1.0),
        ]
        row, link, load = (np.concatenate(part) for part in zip(*changes, strict=True))
        keys, where = np.unique(row * len(self._load) + link, return_inverse=True)
        added = np.bincount(where, load, len(keys))
        row, link = np.divmod(keys, max(len(self._load), 1))
        full = (self._load[link] + added >= 1) & (added > UNCHANGED)
        room = np.ones(len(exchanges), bool)
        room[row[full]] = False
        return room

    def _crossed(
        self, rows: Integers, subtasks: Integers, nodes: Integers, sign: float
    ) -> tuple[Integers, Integers, NDArray[np.float64]]:
        """(row, link, load) of all that subtasks on nodes send."""
        use = self.assignments.links
        legs = self._legs[subtasks]
        at, which = np.nonzero(legs >= 0)
        leg = legs[at, which]
        links = use.table[use.row[leg], nodes[at]]
        hop_at, hop = np.nonzero(links >= 0)
        link, leg = links[hop_at, hop].astype(np.int64), leg[hop_at]
        seconds = use.latency_s[link] + use.size[leg] * use.seconds_per_byte[link]
        return rows[at[hop_at]], link, sign * use.rate[use.subtask[leg]] * seconds

    @cached_property
    def _sets(self) -> Integers:
        """[N, sets]: how many subtasks bring each set of layers."""
        memory = self.assignments.memory
        counts = np.zeros((len(memory.limit), len(memory.sets)), np.int64)
        np.add.at(counts, (self.places, memory.own), 1)
        return counts

    def _memory_has(self, first: int, node: int, second: int) -> bool:
        here, own = int(self.places[first]), self.assignments.memory.own
        away = -1 if second < 0 else int(own[second])
        comes = int(own[first])
        return self._holds(node, away, comes) and self._holds(here, comes, away)

    def _holds(self, node: int, without: int, added: int) -> bool:
        """Whether a node holds its weights after one set's subtask leaves and another's comes."""
        key = (node, without, added)
        if key not in self._held:
            memory = self.assignments.memory
            held = memory.base[node].copy()
            for chosen in np.flatnonzero(self._sets[node]).tolist():
                if chosen != without or self._sets[node, chosen] > 1:
                    held[list(memory.sets[chosen])] = True
            if added >= 0:
                held[list(memory.sets[added])] = True
            self._held[key] = bool(held @ memory.weights <= memory.limit[node])
        return self._held[key]
