"""Good plans for `period`, quickly: layers dealt in order, then exchanges or annealing (ours)."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf

import numpy as np

from splitfog.formulations.arrays.units import TaskUnits, parcels_on, task_units
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.instance import Instance
from splitfog.instances.records import DirectedLink
from splitfog.solvers.base import Request
from splitfog.solvers.exact.period_exchanges import offer_exchanged

SHARPNESS = 200.0
"""Exponent of a load's share in the energy: near the maximum, yet the next ones still count."""
TEMPERATURE = 1.0
"""At the start; it falls linearly to 0."""
STEPS_PER_PAIR = 100
"""Annealing steps for every pair of units."""
MOST_STEPS = 3_000_000
EXCHANGE_SHARE = 0.3
TIME_SHARE = 0.25
"""Of the time left, at most: for exchanges, and for annealing."""
COLDEST = 1e-9
"""Added to the temperature, which falls to 0."""
NEAR = 0.7
"""Share of moves to a node that holds a neighbour in the DAG."""


def offer_period_plans(request: Request) -> None:
    """Offer plans that deal layers out in order, and what is made of the best.

    Exchanges where the busiest node binds and they are feasible, else annealing.
    """
    for decision in dealt_plans(request.instance):
        request.offer(decision)
    if request.incumbent is None:
        return
    if not offer_exchanged(request, request.part(EXCHANGE_SHARE)):
        better = annealed(request, request.incumbent)
        if better is not None:
            request.offer(better)


def dealt_plans(instance: Instance) -> Iterator[Decision]:
    """Units in topological order onto nodes by tier, each filled up to the least possible time.

    Within a tier in file order, and by falling speed. Layer times only; memory is left out.
    """
    units = [task_units(instance, task, "once") for task in range(len(instance.tasks))]
    total = np.sum([np.where(np.isfinite(u.costs_s), u.costs_s, 0).sum(axis=0) for u in units], 0)
    nodes = range(len(instance.nodes))
    rank = instance.node_rank.tolist()
    for speed in (np.zeros(len(total)), total):
        order = sorted(nodes, key=lambda node: (rank[node], speed[node]))
        low, high, best = 0.0, float(total.max()), None
        while high - low > 1e-4 * high:
            middle = (low + high) / 2
            dealt = _dealt(units, order, middle)
            low, high = (middle, high) if dealt is None else (low, middle)
            best = dealt or best
        if best is not None:
            yield best


def _dealt(units: list[TaskUnits], order: list[int], capacity_s: float) -> Decision | None:
    """Every node filled in turn; units with one possible node stay out of turn."""
    busy = dict.fromkeys(order, 0.0)
    placements = []
    for own in units:
        turn, places = 0, np.zeros(own.num_units, np.int64)
        for unit, costs in enumerate(own.costs_s.tolist()):
            possible = [node for node in order if costs[node] < inf]
            if len(possible) > 1:
                while turn < len(order) and busy[order[turn]] + costs[order[turn]] > capacity_s:
                    turn += 1
                if turn == len(order):
                    return None
                possible = [order[turn]]
            busy[possible[0]] += costs[possible[0]]
            places[unit] = possible[0]
        placements.append(places[own.unit_of])
    return placed(*placements)


def annealed(request: Request, start: Decision) -> Decision | None:
    """The plan of the least period on a random walk of single moves; None where nothing may move.

    A step moves a unit to another node, mostly to that of a neighbour in the DAG.
    """
    walk = _Walk(_BusyTimes(request.instance, request.objective, start))
    if len(request.instance.nodes) < 2 or not walk.times.movable:
        return None
    rng = np.random.default_rng(request.seed)
    steps = min(MOST_STEPS, STEPS_PER_PAIR * len(walk.times.node_of) ** 2)
    deadline = request.part(TIME_SHARE)
    for first in range(0, steps, BATCH):
        if deadline.is_over:
            break
        walk.temperature = TEMPERATURE * (1 - first / steps)
        for draws in rng.random((BATCH, 4)).tolist():
            walk.step(*draws)
    return walk.times.decision(walk.kept)


class _Walk:
    """Simulated annealing: where it is, and the best it has seen."""

    def __init__(self, times: _BusyTimes) -> None:
        self.times, self.temperature = times, TEMPERATURE
        self.best, self.kept = max(times.busy), list(times.node_of)

    def step(self, which: float, near: float, where: float, luck: float) -> None:
        """Propose a move by numbers in [0, 1), and make it or not."""
        times = self.times
        unit = times.movable[int(which * len(times.movable))]
        around = times.around[unit]
        if near < NEAR and around:
            node = times.node_of[around[int(where * len(around))]]
        else:
            node = int(where * len(times.costs[unit]))
        if node == times.node_of[unit] or not times.may_move(unit, node, self.best):
            return
        change, crossings = times.change(unit, node)
        energy = self._energy(change)
        if energy > 0 and luck >= exp(-energy / (self.temperature + COLDEST)):
            return
        times.move(unit, node, change, crossings)
        if energy < 0 and (longest := max(times.busy)) < self.best * (1 - ROUNDING):
            self.best, self.kept = longest, list(times.node_of)

    def _energy(self, change: dict[int, float]) -> float:
        """How much a change adds to the sum of sharpened loads."""
        busy, best = self.times.busy, self.best
        return sum(
            _sharpened(busy[machine] + extra, best) - _sharpened(busy[machine], best)
            for machine, extra in change.items()
        )


BATCH = 256
"""Steps between looks at the clock."""


def _sharpened(busy_s: float, best_s: float) -> float:
    """A load as a share of the best maximum, sharpened, and cut where it would overflow."""
    if best_s <= 0:
        return busy_s
    return exp(min(SHARPNESS * (busy_s / best_s - 1), 50.0))


class _BusyTimes:
    """Busy seconds of nodes and links under single moves; units of all tasks in one list."""

    def __init__(self, instance: Instance, objective: Objective, start: Decision) -> None:
        count = len(instance.nodes)
        links, routes = instance.directed_links, routes_of(instance)
        self.routes = [[routes.path(u, v) or () for v in range(count)] for u in range(count)]
        may = np.isfinite(routes.latency_s)
        if objective.monotone:
            may &= instance.node_rank[:, None] <= instance.node_rank
        self.may = may.tolist()
        half = [not node.overlap for node in instance.nodes]
        self.machines = [
            [count + i, *(n for n in (link.tail, link.head) if half[n])]
            for i, link in enumerate(links)
        ]
        self.units = [task_units(instance, task, "once") for task in range(len(instance.tasks))]
        self.offsets = np.cumsum([0, *(own.num_units for own in self.units)]).tolist()
        self.costs = [row for own in self.units for row in own.costs_s.tolist()]
        self.movable = [u for u, row in enumerate(self.costs) if sum(c < inf for c in row) > 1]
        self.node_of = self._nodes(start)
        self._network(links)
        self._memory(instance)
        self.busy = [0.0] * (count + len(links))
        for unit, node in enumerate(self.node_of):
            self.busy[node] += self.costs[unit][node]
        self.crossed = [self._crossed(i) for i in range(len(self.ends))]
        for i, crossed in enumerate(self.crossed):
            for link in crossed:
                for machine in self.machines[link]:
                    self.busy[machine] += self.seconds[i][link]

    def _nodes(self, decision: Decision) -> list[int]:
        node_of = [0] * len(self.costs)
        for own, offset, answer in zip(self.units, self.offsets, decision.tasks):
            for unit, node in zip(own.unit_of.tolist(), answer.placement.tolist(), strict=True):
                node_of[offset + unit] = node
        return node_of

    def _network(self, links: tuple[DirectedLink, ...]) -> None:
        """Broadcasts by their ends, and which of them and which edges touch a unit."""
        self.ends: list[tuple[int, tuple[int, ...], int | None]] = []
        self.seconds: list[list[float]] = []
        self.touching: list[list[int]] = [[] for _ in self.costs]
        self.inputs: list[list[int]] = [[] for _ in self.costs]
        self.readers: list[list[int]] = [[] for _ in self.costs]
        for own, offset in zip(self.units, self.offsets):
            for broadcast in own.broadcasts:
                producer = offset + broadcast.producer
                readers = tuple(offset + reader for reader in broadcast.readers)
                for unit in {producer, *readers}:
                    self.touching[unit].append(len(self.ends))
                self.ends.append((producer, readers, broadcast.sink))
                self.seconds.append([broadcast.busy_seconds(link) for link in links])
            for producer, reader in own.edges:
                self.readers[offset + producer].append(offset + reader)
                self.inputs[offset + reader].append(offset + producer)
        self.around = [
            list(dict.fromkeys([*tails, *heads]))
            for tails, heads in zip(self.inputs, self.readers, strict=True)
        ]

    def _memory(self, instance: Instance) -> None:
        """Weights on every node, by parcels: what several tasks or units share counts once."""
        self.limits: list[float] = memory_room(instance).tolist()
        self.parcels: list[list[tuple[int, float]]] = [[] for _ in self.costs]
        for parcel, (num_bytes, holders) in enumerate(parcels_on(instance, self.units)):
            for task, unit in holders:
                self.parcels[self.offsets[task] + unit].append((parcel, num_bytes))
        self.holders: list[dict[int, int]] = [{} for _ in instance.nodes]
        self.held = [0.0] * len(instance.nodes)
        for unit, node in enumerate(self.node_of):
            self._hold(unit, node, 1)

    def _hold(self, unit: int, node: int, change: int) -> None:
        holders = self.holders[node]
        for parcel, num_bytes in self.parcels[unit]:
            before = holders.get(parcel, 0)
            holders[parcel] = before + change
            self.held[node] += num_bytes * ((before + change > 0) - (before > 0))

    def _crossed(self, broadcast: int) -> set[int]:
        """Links that a broadcast crosses now."""
        producer, readers, sink = self.ends[broadcast]
        home = self.node_of[producer]
        ways = self.routes[home]
        crossed: set[int] = set()
        for reader in readers:
            if self.node_of[reader] != home:
                crossed.update(ways[self.node_of[reader]])
        if sink is not None:
            crossed.update(ways[sink])
        return crossed

    def may_move(self, unit: int, node: int, most: float) -> bool:
        """Whether a unit may be on a node: time, permission, routes, `monotone`, memory.

        What alone takes longer than `most` is in no better plan, and would leave its rounding in
        the sums of much shorter times.
        """
        if self.costs[unit][node] > most:
            return False
        may, node_of = self.may, self.node_of
        if not all(may[node_of[tail]][node] for tail in self.inputs[unit]):
            return False
        if not all(may[node][node_of[head]] for head in self.readers[unit]):
            return False
        there = self.holders[node]
        new = sum(num_bytes for parcel, num_bytes in self.parcels[unit] if not there.get(parcel, 0))
        return not new or self.held[node] + new <= self.limits[node]

    def change(self, unit: int, node: int) -> tuple[dict[int, float], list[tuple[int, set[int]]]]:
        """Busy seconds by machine that a move adds, and the crossings that it changes."""
        home, costs = self.node_of[unit], self.costs[unit]
        change = {home: -costs[home], node: costs[node]}
        crossings = []
        self.node_of[unit] = node
        for broadcast in self.touching[unit]:
            before, after = self.crossed[broadcast], self._crossed(broadcast)
            if before != after:
                crossings.append((broadcast, after))
                seconds = self.seconds[broadcast]
                for sign, links in ((-1.0, before - after), (1.0, after - before)):
                    for link in links:
                        for machine in self.machines[link]:
                            change[machine] = change.get(machine, 0.0) + sign * seconds[link]
        self.node_of[unit] = home
        return change, crossings

    def move(
        self,
        unit: int,
        node: int,
        change: dict[int, float],
        crossings: list[tuple[int, set[int]]],
    ) -> None:
        """Make a move that `change` has priced."""
        self._hold(unit, self.node_of[unit], -1)
        self._hold(unit, node, 1)
        self.node_of[unit] = node
        for machine, extra in change.items():
            self.busy[machine] += extra
        for broadcast, after in crossings:
            self.crossed[broadcast] = after

    def decision(self, node_of: list[int]) -> Decision:
        """The decision that places units as given."""
        return placed(
            *(
                np.array(node_of[offset : offset + own.num_units])[own.unit_of]
                for own, offset in zip(self.units, self.offsets)
            )
        )
