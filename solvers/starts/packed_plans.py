"""Plans made to fit in memory: layers by falling weight, then by value (ours).

Tiers first: where `monotone` holds every unit gets a tier, by how far the tiers are to be filled.
Then nodes of that tier: first fit decreasing, each unit on the cheapest node with room; where some
find none, `packing`. Then moves and exchanges that lower the value and keep the weights in place.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import Seconds
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Request
from splitfog.solvers.starts.packing import NOWHERE, Bins, pack
from splitfog.solvers.starts.placement_space import PlacementSpace

Nodes = NDArray[np.int64]

FILLS = (1.0, 0.5, 0.0)
"""How far lower tiers are filled before the next, between what is needed (0) and all (1)."""
DESCENT_WORK = 20_000_000
"""Moves and exchanges looked at in one descent."""
FORBIDDEN = 1e3
"""A missing route or a way back, in most that a plan may cost: to be mended at any price."""
HUGE_S = 1e300
"""Seconds that more than this count as, so that differences are numbers."""
MORE_FILLS = 8
"""Random fills that are tried besides where these lead to no packing."""
MOST_DESCENTS = 3
MOST_SIZE = 60_000
"""Units times nodes of the largest instances that are packed."""
REFIT_EFFORT = 0.1
"""Of a packing's, where most of a plan is kept."""


def packed_plans(
    instance: Instance, objective: Objective, seed: int, deadline: Deadline = NEVER
) -> Iterator[Decision]:
    """Placements whose weights fit; none where memory cannot bind, or where none was found.

    They may yet break another rule (a route, a load), which the reference decides. Not looked for
    above `MOST_SIZE` units times nodes. O(units nodes) each, and what `pack` and the descent may
    take; after the deadline no more are made.
    """
    packer = _packer(PlacementSpace(instance, objective), seed, deadline)
    if packer is not None:
        yield from packer.plans()


def plans_that_fit(request: Request) -> Iterator[Decision]:
    """`packed_plans` for a request."""
    return packed_plans(request.instance, request.objective, request.seed, request.deadline)


def offer_packed_plans(request: Request) -> None:
    """Offer what `packed_plans` finds."""
    for decision in plans_that_fit(request):
        request.offer(decision)


def refitted(
    space: PlacementSpace, decision: Decision, seed: int, deadline: Deadline = NEVER
) -> Decision | None:
    """A decision with what does not fit moved elsewhere; None if no room was found in time."""
    packer = _packer(space, seed, deadline)
    if packer is None:
        return None
    nodes = space.nodes(space.encoded(*(task.placement for task in decision.tasks)))[:, 0]
    return packer.refitted(nodes.astype(np.int64))


def _packer(space: PlacementSpace, seed: int, deadline: Deadline) -> _Packer | None:
    """Who makes plans fit; None where there is nothing to do, too much, or no way."""
    if space.num_units * len(space.instance.nodes) > MOST_SIZE or not space.memory_binds:
        return None
    packer = _Packer(space, seed, deadline)
    return packer if packer.allowed.any(axis=1).all() else None


class _Packer:
    """Makes plans of one space fit."""

    def __init__(self, space: PlacementSpace, seed: int, deadline: Deadline) -> None:
        self.space, self.seed, self.deadline = space, seed, deadline
        self.prices = _Prices(space)
        self.rank = space.instance.node_rank
        bins = Bins(space)
        self.weight, self.parcels = bins.weight, bins.parcels
        self.allowed = space.allowed & (np.array(bins.weight)[:, None] <= bins.room)
        self.by_weight = sorted(range(space.num_units), key=lambda unit: -self.weight[unit])

    def plans(self) -> Iterator[Decision]:
        """First fit in every way, the best then lowered; where none is sound, packings."""
        fitted: list[Bins] = []
        for open_to in self._tiers(FILLS):
            if fitted and self.deadline.is_over:
                break
            fitted += [bins for bins in self._first_fits(open_to) if bins is not None]
        yield from map(self._decision, fitted)
        sound = False
        for bins in sorted(fitted, key=self._seconds)[:MOST_DESCENTS]:
            yield self._descended(bins)
            sound |= self._is_sound(bins)
        if not sound:
            yield from self._packings()

    def _packings(self) -> Iterator[Decision]:
        """Packings on tiers filled in many ways, until one is sound."""
        luck = random.Random(self.seed)
        fills = [*FILLS, *(luck.random() for _ in range(MORE_FILLS))]
        ways = [open_to for open_to in self._tiers(fills) if not self._too_much(open_to)]
        for open_to in ways:
            if self.deadline.is_over:
                return
            bins = Bins(self.space)
            choices, effort = _lists(open_to), 1 / len(ways)
            packed = pack(bins, choices, self.seed, effort, self.deadline)
            if packed and self._first_fit(bins, open_to, self.by_weight):
                yield self._decision(bins)
                yield self._descended(bins)
                if self._is_sound(bins):
                    return

    def _first_fits(self, open_to: NDArray[np.bool_]) -> Iterator[Bins | None]:
        """First fit by weight and along the DAG, each for least time and for balance."""
        for order in (self.by_weight, list(range(self.space.num_units))):
            for balanced in (False, True):
                bins = Bins(self.space)
                yield bins if self._first_fit(bins, open_to, order, balanced) else None

    def _seconds(self, bins: Bins) -> float:
        """The times and ways of all units; above `prices.wall` where some way is missing."""
        place = np.array(bins.place)
        return float(self.prices.table(place)[np.arange(len(place)), place].sum())

    def _is_sound(self, bins: Bins) -> bool:
        """Whether there is a way wherever one is needed."""
        return self._seconds(bins) < self.prices.wall

    def _too_much(self, open_to: NDArray[np.bool_]) -> bool:
        """Whether units with the same nodes to choose from have more weights than these room."""
        room = np.array(Bins(self.space).room)
        held: dict[bytes, float] = {}
        for size, units in self.space.parcels:
            rows = {open_to[unit].tobytes() for unit in units}
            if len(rows) == 1:
                (row,) = rows
                held[row] = held.get(row, 0.0) + size
        return any(
            total > room[np.frombuffer(row, bool)].sum() * (1 + ROUNDING)
            for row, total in held.items()
        )

    def refitted(self, nodes: Nodes) -> Decision | None:
        """Units stay where they are, the heaviest first, as far as they fit."""
        bins, open_to = Bins(self.space), self.allowed
        for unit in self.by_weight:
            node = int(nodes[unit])
            if open_to[unit, node] and bins.fits(unit, node):
                bins.put(unit, node)
        if self.space.objective.monotone:
            open_to = open_to & (self.rank == self.rank[nodes][:, None])
            open_to[~open_to.any(axis=1)] = self.allowed[~open_to.any(axis=1)]
        if not self._first_fit(bins, open_to, self.by_weight):
            packed = pack(bins, _lists(open_to), self.seed, REFIT_EFFORT, self.deadline)
            if not packed or not self._first_fit(bins, open_to, self.by_weight):
                return None
        return self._descended(bins)

    def _tiers(self, fills: Sequence[float]) -> list[NDArray[np.bool_]]:
        """[units, nodes]: where units may be in every way to fill the tiers, none twice."""
        allowed = self.allowed
        if not self.space.objective.monotone or len(np.unique(self.rank)) == 1:
            return [allowed]
        ways = [self._by_tier(fill, upwards) for fill in fills for upwards in (False, True)]
        distinct = {ranks.tobytes(): ranks for ranks in ways}
        return [allowed & (self.rank == ranks[:, None]) for ranks in distinct.values()]

    def _by_tier(self, fill: float, upwards: bool) -> Nodes:
        """[units]: a tier for every unit, filled one after another, from the top or `upwards`.

        `fill` 1 fills a tier before the next, 0 all of them by the same share.
        """
        space, bins = self.space, Bins(self.space)
        tiers = range(len(space.instance.tiers))
        room = [sum(bins.room[n] for n in np.flatnonzero(self.rank == tier)) for tier in tiers]
        total = sum(size for size, _ in space.parcels)
        share = min(1.0, total / max(sum(room), 1e-300))
        left = [(share + (1 - share) * fill) * own for own in room]
        there: list[set[int]] = [set() for _ in tiers]
        ranks = np.full(space.num_units, -1)
        order = range(space.num_units) if upwards else range(space.num_units - 1, -1, -1)
        sign = 1 if upwards else -1
        for unit in order:
            own = sorted({sign * int(rank) for rank in self.rank[self.allowed[unit]]})
            before = space.inputs[unit] if upwards else space.readers[unit]
            least = max(
                (sign * int(ranks[other]) for other in before if ranks[other] >= 0), default=-99
            )
            options = [sign * rank for rank in own if rank >= least] or [sign * own[-1]]
            new = {
                rank: sum(size for parcel, size in self.parcels[unit] if parcel not in there[rank])
                for rank in options
            }
            fits = [rank for rank in options if new[rank] <= left[rank]]
            chosen = fits[0] if fits else max(options, key=lambda rank: left[rank] - new[rank])
            ranks[unit] = chosen
            left[chosen] -= new[chosen]
            there[chosen].update(parcel for parcel, _ in self.parcels[unit])
        return ranks

    def _first_fit(
        self, bins: Bins, open_to: NDArray[np.bool_], order: list[int], balanced: bool = False
    ) -> bool:
        """Units without a node, in an order, each on the cheapest with room; whether all fit.

        Cheapest by its time and transfers; `balanced`: by when the node would end its work.
        """
        busy = np.zeros(len(bins.room))
        place = np.array(bins.place)
        for unit in order:
            if bins.place[unit] != NOWHERE:
                continue
            seconds = self.prices.seconds(unit, place)
            rank = np.where(open_to[unit], seconds, np.inf)
            if balanced:
                rank = np.where(rank < self.prices.wall, busy + self.space.costs_s[unit], rank)
            room = [n for n in np.flatnonzero(np.isfinite(rank)).tolist() if bins.fits(unit, n)]
            if not room:
                return False
            node = min(room, key=lambda n: (float(rank[n]), float(seconds[n]), n))
            bins.put(unit, node)
            place[unit] = node
            busy[node] += self.space.costs_s[unit, node]
        return True

    def _descended(self, bins: Bins) -> Decision:
        """The plan after the best moves and exchanges one after another, while some lower it."""
        count, nodes = self.space.num_units, len(bins.room)
        rounds = DESCENT_WORK // max(1, count * (count + nodes))
        barred: set[tuple[int, int]] = set()
        for _ in range(rounds):
            change = None if self.deadline.is_over else self._best_change(bins, barred)
            if change is None:
                break
            if not self._made(bins, change):
                barred.add(change)
        return self._decision(bins)

    def _best_change(self, bins: Bins, barred: set[tuple[int, int]]) -> tuple[int, int] | None:
        """(unit, node) of the best move, or (unit, -1 - other) of the best exchange, if any."""
        place, held, room = np.array(bins.place), np.array(bins.held), np.array(bins.room)
        weight = np.array(self.weight)
        seconds = np.minimum(self.prices.table(place), HUGE_S)
        units = np.arange(len(place))
        own = seconds[units, place]
        fits = held + weight[:, None] <= room
        moves = np.where(fits | (weight[:, None] == 0), own[:, None] - seconds, -np.inf)
        there = seconds[:, place]
        swaps = own[:, None] + own - there - there.T
        change = weight[:, None] - weight
        fits = (held[place] + np.maximum(change.T, 0) <= room[place][:, None]) | (change.T <= 0)
        swaps[~(fits & fits.T) | self.prices.adjacent | (place[:, None] == place)] = -np.inf
        for unit, node in barred:
            if node >= 0:
                moves[unit, node] = -np.inf
            else:
                swaps[unit, -1 - node] = swaps[-1 - node, unit] = -np.inf
        least = ROUNDING * max(float(own.sum()), 1e-300)
        best_move, best_swap = float(moves.max()), float(swaps.max())
        if max(best_move, best_swap) <= least:
            return None
        if best_move >= best_swap:
            unit, node = divmod(int(moves.argmax()), moves.shape[1])
            return unit, node
        unit, other = divmod(int(swaps.argmax()), len(place))
        return unit, -1 - other

    def _made(self, bins: Bins, change: tuple[int, int]) -> bool:
        """Make a move or an exchange if the weights, shared ones counted once, then fit."""
        unit, node = change
        pairs = [(unit, node)]
        if node < 0:
            other = -1 - node
            pairs = [(unit, bins.place[other]), (other, bins.place[unit])]
        before = [(mover, bins.place[mover]) for mover, _ in pairs]
        for mover, _ in pairs:
            bins.take(mover)
        if all(bins.fits(mover, goal) for mover, goal in pairs):
            for mover, goal in pairs:
                bins.put(mover, goal)
            return True
        for mover, home in before:
            bins.put(mover, home)
        return False

    def _decision(self, bins: Bins) -> Decision:
        parts = pairwise(self.space.columns.first.tolist())
        places = np.array(bins.place)[self.space.unit_of]
        return placed(*(places[low:high] for low, high in list(parts)[: len(self.space.units)]))


class _Prices:
    """Seconds of units on nodes: their own, and their tensors' ways to what is placed."""

    def __init__(self, space: PlacementSpace) -> None:
        routes = routes_of(space.instance)
        finite = np.where(space.allowed, space.costs_s, 0.0)
        self.latency_s = np.where(space.may, routes.latency_s, 0.0)
        self.per_byte = np.where(space.may, routes.seconds_per_byte, 0.0)
        dearest = sum(
            sent.count * float(self.latency_s.max()) + sent.num_bytes * float(self.per_byte.max())
            for own in space.units
            for sent in own.broadcasts
            for _ in sent.readers
        )
        self.wall = FORBIDDEN * max(2 * float(finite.max(axis=1).sum() + dearest), 1e-300)
        self.barrier = np.where(space.may, 0.0, self.wall)
        self.own = np.where(space.allowed, space.costs_s, np.inf)
        rows = [
            (first + sent.producer, first + reader, sent.count, sent.num_bytes)
            for own, first in zip(space.units, space.first.tolist(), strict=False)
            for sent in own.broadcasts
            for reader in sent.readers
        ]
        table = np.array(rows, float).reshape(-1, 4)
        self.tail, self.head = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        self.count, self.num_bytes = table[:, 2:3], table[:, 3:4]
        self.adjacent = np.zeros((space.num_units, space.num_units), bool)
        self.adjacent[self.tail, self.head] = self.adjacent[self.head, self.tail] = True
        self.pairs_of: list[list[int]] = [[] for _ in range(space.num_units)]
        for pair, (tail, head) in enumerate(zip(self.tail.tolist(), self.head.tolist())):
            self.pairs_of[tail].append(pair)
            self.pairs_of[head].append(pair)

    def seconds(self, unit: int, place: Nodes) -> Seconds:
        """[nodes]: of one unit beside those that are placed."""
        total: Seconds = self.own[unit].copy()
        for pair in self.pairs_of[unit]:
            tail, head = int(self.tail[pair]), int(self.head[pair])
            other = place[tail if head == unit else head]
            if other != NOWHERE:
                ways = (other, slice(None)) if head == unit else (slice(None), other)
                total += self.count[pair] * self.latency_s[ways] + self.barrier[ways]
                total += self.num_bytes[pair] * self.per_byte[ways]
        return total

    def table(self, place: Nodes) -> Seconds:
        """[units, nodes]: of every unit, all others being placed."""
        total = self.own.copy()
        for unit, ways in (
            (self.head, (place[self.tail],)),
            (self.tail, (slice(None), place[self.head])),
        ):
            latency, per_byte, barrier = (
                table[ways] if len(ways) == 1 else table[ways].T
                for table in (self.latency_s, self.per_byte, self.barrier)
            )
            np.add.at(total, unit, self.count * latency + self.num_bytes * per_byte + barrier)
        return np.asarray(total)


def _lists(open_to: NDArray[np.bool_]) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in open_to]
