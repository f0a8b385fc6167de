"""`replicas`: ranges of a chain on nodes of a fleet, several of which may hold the same layers."""

from __future__ import annotations

from math import sqrt

import numpy as np

from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.formulations.weights import held_bytes
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.replicas.capped import capped_bound
from splitfog.solvers.replicas.carried import Carrying
from splitfog.solvers.replicas.covering import cover_of
from splitfog.solvers.replicas.crossing import crossing_bound
from splitfog.solvers.replicas.enumeration import best_of_all, is_small
from splitfog.solvers.replicas.fleet import Fleet, Ranges, fleet_of
from splitfog.solvers.replicas.search import improved
from splitfog.solvers.replicas.sites import site_plans
from splitfog.solvers.replicas.starts import by_cover, pipelines

SLACK = 1e-9
"""Relative, that bounds leave for the rounding of flows."""

HALVINGS = 16
"""Of the gap, by covers."""

SHARE = 0.15
"""Of the time, for stages and for covers each."""

WALK = 2_000
"""Changes on a walk before another is begun."""

STARTS = 6
"""Plans from which walks begin."""


def solve_replicas(request: Request) -> Answer:
    """Replicas that carry much, with a bound on what any carry.

    The bound is that of all nodes' work, less what crossings between sites cost, and lowered by
    covers: F is refuted where no ranges pass F of every layer. Plans are single pipelines, stages
    held whole by groups, covers, and walks of small changes from the best of these; few
    combinations are all looked at. Option `tries`: changes in all.

    Whatever is found is recomputed by the reference before it is answered.
    """
    fleet = fleet_of(request.instance, request.objective)
    bound = capped_bound(fleet.by_count)
    if (why := _why_none(fleet)) is not None:
        return Answer(None, infeasible=True, reason=why, proven_over="all")
    search = _Search(request, fleet, bound)
    search.begin()
    if not search.is_settled:
        search.lower_by_covers()
    if not search.is_settled and is_small(fleet):
        search.look_at_all()
        if search.bound == 0:
            reason = "no ranges carry anything from the source to the end"
            return Answer(None, infeasible=True, reason=reason, proven_over="all")
    if not search.is_settled:
        search.walk(request.options["tries"])
    least = 1 / (search.bound * (1 + SLACK))
    return Answer(
        request.incumbent,
        least,
        stopped_by="time limit" if request.out_of_time and not search.is_proven else "finished",
        proven_over="all",
        reason=None if request.incumbent is not None else "nothing was found that carries anything",
    )


class _Search:
    """The best ranges and the least bound so far, in executions per second."""

    def __init__(self, request: Request, fleet: Fleet, bound: float) -> None:
        self.request, self.fleet, self.bound = request, fleet, bound
        self.carrying = Carrying(fleet)
        self.best, self.value = {}, 0.0  # type: tuple[Ranges, float]
        self.pool: list[Ranges] = []
        if request.incumbent is not None:
            self.value = 1 / request.incumbent_value
        self.lower(bound)

    @property
    def is_proven(self) -> bool:
        """Whether the best is known to be that."""
        return self.value >= self.bound * (1 - 0.5 * OPTIMALITY_GAP)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to be done, or no time."""
        return self.is_proven or self.request.out_of_time

    def lower(self, bound: float) -> None:
        """Keep a bound if it is the least."""
        self.bound = max(min(self.bound, bound), self.value)
        if self.bound > 0:
            self.request.raise_bound(1 / (self.bound * (1 + SLACK)))

    def take(self, ranges: Ranges) -> None:
        """Keep ranges to go on from, and offer them if they are the best so far."""
        self.pool.append(ranges)
        value = self.carrying.value(ranges)
        if value > self.value * (1 + 1e-12):
            self.request.offer(self.fleet.decision(ranges))
            self.best, self.value = ranges, value

    def begin(self) -> None:
        """Single pipelines, stages held by groups, and the price of crossings."""
        fleet, request = self.fleet, self.request
        for ranges in pipelines(fleet):
            self.take(ranges)
        self.lower(crossing_bound(fleet, self.carrying.links, self.bound))
        if self.is_settled:
            return
        for ranges in site_plans(self.carrying, self.value, self.bound, request.part(SHARE)):
            self.take(ranges)
            if self.is_settled:
                return

    def lower_by_covers(self) -> None:
        """Rates halfway that no cover passes, the first of them next to what is carried."""
        types = self.fleet.types
        rows = np.array([self.fleet.by_count[nodes[0]] for nodes in types])
        counts, deadline = tuple(map(len, types)), self.request.part(SHARE)
        covered = self.value
        rate = max(self.value * (1 + 0.4 * OPTIMALITY_GAP), self.bound * 1e-6)
        for _ in range(HALVINGS):
            found = cover_of(rows, counts, rate, deadline)
            if found is True:
                covered = max(covered, rate)
            elif found is False:
                self.lower(rate)
            else:
                covered = max(covered, rate)
                self.take(by_cover(self.fleet, found))
            if self.is_settled or deadline.is_over or self.bound <= covered * (1 + 1e-6):
                return
            rate = (covered + self.bound) / 2

    def look_at_all(self) -> None:
        """All combinations, where there are few."""
        self.lower(best_of_all(self.carrying, self.value, self.request.part(0.5), self.take))

    def walk(self, tries: int) -> None:
        """Walks of small changes, from unlike plans by turns; after each round the better half of
        them goes on."""
        request, carrying = self.request, self.carrying
        starts = self._unlike(STARTS)
        turns = iter(range(tries // WALK))
        while True:
            for at in range(len(starts)):
                turn = next(turns, None)
                if turn is None or self.is_settled:
                    return
                rng = np.random.default_rng((request.seed, turn))
                starts[at] = improved(
                    carrying, starts[at], self._aim(), rng, WALK, request.deadline
                )
                self.take(starts[at])
            starts.sort(key=lambda own: carrying.score(own, (-1.0, 0.0), self.bound), reverse=True)
            del starts[max(2, (len(starts) + 1) // 2) :]

    def _unlike(self, most: int) -> list[Ranges]:
        """Of all plans so far those whose cuts let through the most, of each score one."""
        aim = self._aim()
        scored = {self.carrying.score(own, (-1.0, 0.0), aim)[::-1]: own for own in self.pool}
        return [scored[score] for score in sorted(scored, reverse=True)[:most]] or [{}]

    def _aim(self) -> float:
        """A rate between what is carried and what might be, that walks head for."""
        return sqrt(max(self.value, self.bound * 1e-3) * self.bound)


def _why_none(fleet: Fleet) -> str | None:
    """Why no ranges hold all layers and pass anything; None where some may."""
    held = np.asarray(fleet.limits.any(axis=0))
    for layer, position in enumerate(fleet.layers):
        if not held[: layer + 1, layer + 1 :].any():
            name = fleet.instance.model_of(fleet.instance.tasks[0]).layers[position].name
            return (
                f"no node may hold layer {name} and pass anything, by its rates, links and memory"
            )
    counts = np.arange(fleet.num_layers + 1)
    most = int(np.where(fleet.by_count > 0, counts, 0).max(axis=1).sum())
    if most >= fleet.num_layers:
        return None
    return (
        f"all nodes together hold at most {most} of {fleet.num_layers} layers, "
        f"so {fleet.num_layers - most} find no place{_missing(fleet)}"
    )


def _missing(fleet: Fleet) -> str:
    """How many bytes all memory together lacks; empty where it is not that, or not all limited."""
    model = fleet.instance.model_of(fleet.instance.tasks[0])
    held = held_bytes(model, fleet.layers) + float(model.state_bytes[list(fleet.layers)].sum())
    missing = held - float(memory_room(fleet.instance).sum())
    return f": {missing:.6g} bytes are missing" if missing > 0 else ""
