"""Where units go so that their weights fit: nodes as bins, filled and emptied again (ours).

Bin packing by minimum bin slack (J. N. D. Gupta and J. C. Ho, A new heuristic algorithm for the
one-dimensional bin-packing problem, 1999; the variant of K. Fleszar and K. Hindi, 2002, in which a
bin's largest item is fixed), then a large neighbourhood search: some nodes are emptied and filled
anew, and what makes nodes fuller stays.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.tolerances import EQUAL, ROUNDING
from splitfog.solvers.starts.placement_space import PlacementSpace

ROUNDS_PER_UNIT = 40
"""Times that nodes are emptied and filled anew, at most, for every unit with weights."""
MOST_WORK = 3_000_000
"""Of all rounds together: subsets looked at."""
PATIENCE = 1000
"""Rounds after which all nodes are emptied and filled anew in another order."""
SUBSETS = 400
"""Subsets looked at to fill one node."""
EMPTIED = (2, 8)
"""Nodes emptied in a round, from and to."""
SHUFFLE = 0.3
"""Relative disturbance of the order in which units are taken in a round."""
NEARBY = 0.7
"""Share of rounds that empty nodes which a unit without a node may have."""

NOWHERE = -1


class Bins:
    """Units with weights on nodes with memory, the weights there never above it.

    `place` [units] is the node of every unit, `NOWHERE` where it has none; `held` [nodes] the
    bytes there. Units that share weights on a node hold them once.
    """

    def __init__(self, space: PlacementSpace) -> None:
        self.room: list[float] = memory_room(space.instance).tolist()
        self.parcels: list[list[tuple[int, float]]] = [[] for _ in range(space.num_units)]
        for parcel, (num_bytes, units) in enumerate(space.parcels):
            for unit in units:
                self.parcels[unit].append((parcel, num_bytes))
        self.weight = [sum(size for _, size in own) for own in self.parcels]
        self.place = [NOWHERE] * space.num_units
        self.held = [0.0] * len(self.room)
        self._users: list[dict[int, int]] = [{} for _ in self.room]

    def added(self, unit: int, node: int) -> float:
        """Bytes that a unit would bring to a node."""
        there = self._users[node]
        return sum(size for parcel, size in self.parcels[unit] if parcel not in there)

    def fits(self, unit: int, node: int) -> bool:
        """Whether a node has room for a unit."""
        added = self.added(unit, node)
        return not added or self.held[node] + added <= self.room[node]

    def put(self, unit: int, node: int) -> None:
        """Give a unit without a node one."""
        there = self._users[node]
        for parcel, size in self.parcels[unit]:
            if parcel not in there:
                self.held[node] += size
            there[parcel] = there.get(parcel, 0) + 1
        self.place[unit] = node

    def take(self, unit: int) -> None:
        """Take a unit from its node."""
        there = self._users[self.place[unit]]
        for parcel, size in self.parcels[unit]:
            there[parcel] -= 1
            if not there[parcel]:
                del there[parcel]
                self.held[self.place[unit]] -= size
        if not there:
            self.held[self.place[unit]] = 0.0  # what an empty node holds is nothing, not rounding
        self.place[unit] = NOWHERE


def pack(
    bins: Bins,
    choices: Sequence[Sequence[int]],
    seed: int,
    effort: float = 1.0,
    deadline: Deadline = NEVER,
) -> bool:
    """Put all units that have weights and no node yet on nodes; whether all have found one.

    Parameters
    ----------
    bins
        Its state is changed; units with a node of theirs may be moved.
    choices
        [units]: nodes that each may have.
    seed
        Of the rounds.
    effort
        Share of the most rounds and work.
    deadline
        After which no other round begins.

    Notes
    -----
    At most `ROUNDS_PER_UNIT` rounds a unit and `MOST_WORK` subsets in all, so that the same call
    ends in the same way but for the clock. Where a unit is left, that proves nothing.
    """
    return _Packing(bins, choices, random.Random(seed)).done(effort, deadline)


class _Packing:
    """One search; units without weights are left where they are."""

    def __init__(self, bins: Bins, choices: Sequence[Sequence[int]], luck: random.Random) -> None:
        self.bins, self.choices, self.luck = bins, choices, luck
        self.may = [frozenset(nodes) for nodes in choices]
        self.units = [unit for unit, weight in enumerate(bins.weight) if weight > 0]
        self.on: list[set[int]] = [set() for _ in bins.room]
        for unit in self.units:
            if bins.place[unit] != NOWHERE:
                self.on[bins.place[unit]].add(unit)
        self.used = [n for n in range(len(self.on)) if any(n in self.may[u] for u in self.units)]
        self.work = 0

    def done(self, effort: float, deadline: Deadline) -> bool:
        """Fill nodes, the fewest choices first, then go on in rounds."""
        left = [unit for unit in self.units if self.bins.place[unit] == NOWHERE]
        asked = {n: sum(n in self.may[unit] for unit in left) for n in self.used}
        order = sorted(self.used, key=lambda n: (asked[n], self.bins.room[n], n))
        left = self._filled(order, left, shuffle=0.0)
        for number in range(1, int(effort * ROUNDS_PER_UNIT * len(self.units)) + 1):
            if not left or self.work > effort * MOST_WORK or deadline.is_over:
                break
            left = self._restarted() if number % PATIENCE == 0 else self._round(left)
        return not left

    def _restarted(self) -> list[int]:
        """All nodes emptied and filled anew; what is left."""
        for unit in self.units:
            if self.bins.place[unit] != NOWHERE:
                self._take(unit)
        return self._filled(self.luck.sample(self.used, len(self.used)), self.units, SHUFFLE)

    def _round(self, left: list[int]) -> list[int]:
        """Some nodes emptied and filled anew; what is left then, or before if that was fuller."""
        nodes = self._chosen(left)
        before = {node: list(self.on[node]) for node in nodes}
        full = self._fullness(nodes)
        for units in before.values():
            for unit in units:
                self._take(unit)
        pool = [*left, *(unit for units in before.values() for unit in units)]
        after = self._filled(nodes, pool, SHUFFLE)
        if not after or self._fullness(nodes) >= full * (1 - ROUNDING):
            return after
        for node in nodes:
            for unit in list(self.on[node]):
                self._take(unit)
        for node, units in before.items():
            for unit in units:
                self._put(unit, node)
        return left

    def _chosen(self, left: list[int]) -> list[int]:
        """A node with room to spare or one that a unit without a node may have, and others."""
        pool = list(self.choices[self.luck.choice(left)])
        if self.luck.random() >= NEARBY:
            pool = self.used
        count = min(self.luck.randint(*EMPTIED), len(pool))
        nodes = self.luck.sample(pool, count)
        held, room = self.bins.held, self.bins.room
        loose = [n for n in pool if held[n] < room[n] * (1 - EQUAL)]
        if loose and (extra := self.luck.choice(loose)) not in nodes:
            nodes[-1] = extra
        return nodes

    def _fullness(self, nodes: list[int]) -> float:
        """Grows as nodes become fuller, those nearly full the most."""
        held, room = self.bins.held, self.bins.room
        return sum(held[n] ** 2 / room[n] for n in nodes if held[n])

    def _filled(self, nodes: list[int], pool: list[int], shuffle: float) -> list[int]:
        """Fill one node after another from a pool of units without a node; what is left."""
        weight, luck = self.bins.weight, self.luck
        pool = sorted(pool, key=lambda unit: (-weight[unit], unit))
        for node in nodes:
            seed = next((u for u in pool if node in self.may[u] and self.bins.fits(u, node)), None)
            if seed is None:
                continue
            self._put(seed, node)
            here = [u for u in pool if node in self.may[u] and u != seed]
            if shuffle:
                luck_of = {u: weight[u] * (1 + shuffle * luck.random()) for u in here}
                here.sort(key=lambda unit: -luck_of[unit])
            self._complete(node, here)
            pool = [unit for unit in pool if self.bins.place[unit] == NOWHERE]
        return pool

    def _complete(self, node: int, units: list[int]) -> None:
        """Fill the room beside a node's first unit: what shares its weights, then a subset."""
        bins = self.bins
        new = [(bins.added(unit, node), unit) for unit in units]
        for size, unit in new:
            if not size:
                self._put(unit, node)
        open_to = [(size, unit) for size, unit in new if size]
        chosen = self._fullest([size for size, _ in open_to], bins.room[node] - bins.held[node])
        for position in chosen:
            unit = open_to[position][1]
            if bins.fits(unit, node):
                self._put(unit, node)

    def _fullest(self, sizes: list[float], room: float) -> tuple[int, ...]:
        """Positions of sizes of the largest sum within the room, of the first `SUBSETS` looked at.

        Depth first, each size first taken, then left out.
        """
        after = [0.0] * (len(sizes) + 1)
        for position in range(len(sizes) - 1, -1, -1):
            after[position] = after[position + 1] + sizes[position]
        if after[0] <= room:
            return tuple(range(len(sizes)))
        for position, size in enumerate(sizes):
            if room * (1 - ROUNDING) <= size <= room:  # no set of others is as large
                return (position,)
        most = 0.0
        best: tuple[int, ...] = ()
        stack: list[tuple[int, float, tuple[int, ...]]] = [(0, 0.0, ())]
        for _ in range(SUBSETS):
            if not stack:
                break
            self.work += 1
            position, total, chosen = stack.pop()
            if total > most:
                most, best = total, chosen
                if most >= room * (1 - ROUNDING):
                    break
            if total + after[position] <= most:
                continue
            size = sizes[position]
            stack.append((position + 1, total, chosen))
            if total + size <= room:
                stack.append((position + 1, total + size, (*chosen, position)))
        return best

    def _put(self, unit: int, node: int) -> None:
        self.bins.put(unit, node)
        self.on[node].add(unit)

    def _take(self, unit: int) -> None:
        self.on[self.bins.place[unit]].discard(unit)
        self.bins.take(unit)
