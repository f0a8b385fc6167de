"""`evolution`: a population of placements bred over `BatchCost`, for every objective."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.bounds.choice import has_one_order
from splitfog.formulations.bounds.impossible import impossibility
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.plan import StoppedBy
from splitfog.instances.arrays import frozen
from splitfog.instances.records import changed
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.exact.brute_force import num_orders, num_placements, solve_brute_force
from splitfog.solvers.search.cheap_bounds import cheap_bound
from splitfog.solvers.search.moves import Moves
from splitfog.solvers.search.order_keys import Keys, OrderKeys
from splitfog.solvers.search.pool import Judge, Pool, Watch
from splitfog.solvers.search.stop_rules import (
    EnoughIterations,
    OutOfTime,
    Progress,
    Stagnation,
    StopRule,
    bound_met,
    first_to_stop,
)
from splitfog.solvers.starts.packed_plans import refitted
from splitfog.solvers.starts.placement_space import Codes, PlacementSpace, homeless
from splitfog.solvers.starts.warm_starts import own_start, warm_starts

DEFAULT_TIME_LIMIT_S = 10.0
ENTRIES = 1 << 18
"""Units times placements of a generation, roughly."""

FEWEST, MOST = 64, 1024
"""Placements of a generation."""

MOST_ENUMERATED = 8192
"""Placements (for `makespan`: times orders) that are tried one by one instead."""

SURVIVORS = 4
"""One in so many of a generation's size."""

FEWEST_SURVIVORS = 16

AT_A_TIME = 16
"""Generations on the device between looks at the clock."""

MOST_REFITTED = 6
"""Starts that break memory of which a plan that fits is made."""

COMPILING_S = {"latency": 0.8, "period": 1.2, "makespan": 1.6, "mean-latency": 2.6}
"""What compiling the costs takes (measured on all sizes), and cannot be interrupted: with less time
left the search does not begin."""
ON_DEVICE = 5
"""Times that, where the loop of generations is compiled, too."""
IMPORTING_S = 0.7
"""And what importing JAX takes, the first time in a process."""
NOT_BEGUN = "too little time was left to compile the search: what its starts offer"


def solve_evolution(request: Request) -> Answer:
    """The best placement that a population search over `BatchCost` finds.

    Starts from every cheap solver's plan, the start plan, and random runs along topological
    orders; where memory binds, from plans made to fit. Children by runs of layers, shifted
    boundaries, cuts of the DAG, single layers, exchanges of two where memory binds, and
    crossover (by position, by task) are repaired to tiers, groups, source and `monotone`; what
    still breaks memory, loads or quotas ranks behind what does not. Every few generations all
    single moves of the best are tried. For `makespan` the order of the layers evolves, too. The
    whole search is ours; the multi-parent scheme is a (mu + lambda) evolution strategy.

    Stops at the time limit (default 10 s), after `iterations` generations, after `stagnation`
    generations without improvement, or when the bound is met; the same seed gives the same plan
    unless it is the clock that stops it. O(units) a placement and generation.

    With `population` = `device` the generations run in one compiled loop on the default device, 16
    at a time, and nothing but the best few comes back; the scheme and the rules are the same, what
    is random is not.
    """
    return evolve(request)


def evolve(request: Request, watch: Watch | None = None) -> Answer:
    """As `solve_evolution`, showing every feasible placement to `watch`."""
    if request.time_limit_s is None:
        request = request.told(time_limit_s=DEFAULT_TIME_LIMIT_S)
    on_device = request.options.get("population") == "device"
    if on_device and request.objective.name == "makespan":
        raise ValueError("option population = 'device', must be host for the objective makespan")
    if watch is None and _is_tiny(request):
        return _enumerated(request)
    space = PlacementSpace(request.instance, request.objective)
    if (reason := homeless(space)) is not None:
        return Answer(None, infeasible=True, reason=reason)
    search = _Search(request, space, watch)
    try:
        stopped_by = search.run()
    except KeyboardInterrupt:
        stopped_by = "interrupted"
    if search.proof is not None:
        return Answer(None, infeasible=True, reason=search.proof)
    search.keep_best()
    best = request.incumbent
    reason = None if best is not None else "no feasible placement was met"
    if search.not_begun:
        reason = "; ".join(filter(None, [reason, NOT_BEGUN]))
    bound = search.progress.lower_bound
    if best is not None and search.is_settled:
        bound = request.incumbent_value
    return Answer(best, bound, stopped_by=stopped_by, reason=reason)


def _is_tiny(request: Request) -> bool:
    """Whether trying everything one by one takes less time than compiling costs does."""
    count = num_placements(request.instance)
    if request.objective.name == "makespan" and 0 < count <= MOST_ENUMERATED:
        model = request.instance.model_of(request.instance.tasks[0])
        count *= num_orders(model, MOST_ENUMERATED // count)
    return count <= MOST_ENUMERATED


def _enumerated(request: Request) -> Answer:
    answer = solve_brute_force(request)
    tried = "it was faster to try every placement than to compile the search"
    return changed(answer, reason=answer.reason or tried)


class _Search:
    """One run: the population, best first, and the generations."""

    def __init__(self, request: Request, space: PlacementSpace, watch: Watch | None) -> None:
        self.request, self.space = request, space
        self.rng = np.random.default_rng(request.seed)
        self.size = int(np.clip(ENTRIES // space.num_units, FEWEST, MOST))
        makespan = request.objective.name == "makespan"
        self.orders = OrderKeys(space.columns.tasks[0]) if makespan else None
        self.judge = Judge(space, self.orders, self.size, self.rng, watch)
        self.progress = Progress()
        self.marks = self.rng.integers(1, 1 << 62, space.num_units)
        self.pool: Pool | None = None
        self.scanned: int | None = None
        self.on_device = watch is None and request.options.get("population") == "device"
        self.proof: str | None = None
        self.not_begun = False

    @cached_property
    def is_settled(self) -> bool:
        """Whether there is one placement and, where orders have a say, one order."""
        instance, objective = self.request.instance, self.request.objective
        return self.space.is_single and (
            objective.name != "makespan" or has_one_order(instance.model_of(instance.tasks[0]))
        )

    @cached_property
    def moves(self) -> Moves:
        """How children are made."""
        return Moves(self.space, self.rng)

    @cached_property
    def rules(self) -> tuple[StopRule, ...]:
        """When to stop."""
        options = self.request.options
        return (
            bound_met,
            OutOfTime(self.request.deadline),
            EnoughIterations(options["iterations"]),
            Stagnation(options["stagnation"]),
        )

    def run(self) -> StoppedBy:
        """All generations; what stopped them."""
        starts = []
        for decision in self._starts():
            self.request.offer(decision)
            starts.append(decision)
        starts += self._refitted(starts)
        if self.request.incumbent is None:
            self.proof = impossibility(self.request.instance, self.request.objective)
            if self.proof is not None:
                return "finished"
        bound = cheap_bound(self.request.instance, self.request.objective, self.request.closing)
        self.progress.lower_bound = bound
        self.progress.value = self.request.incumbent_value
        if why := bound_met(self.progress):
            return why
        if self.request.remaining_s < self._compiling_s():
            self.not_begun = True
            return "time limit"
        self.pool = self._first_pool(starts)
        self.progress.value = min(self.progress.value, float(self.pool.cost[0]))
        if self.is_settled:
            return "finished"
        return self._on_device(self.pool) if self.on_device else self._on_host()

    def _on_host(self) -> StoppedBy:
        """Generations bred here."""
        while (why := first_to_stop(self.rules, self.progress)) is None:
            assert self.pool is not None
            self._generation()
            self.progress.count(float(self.pool.cost[0]))
        return why

    def _on_device(self, first: Pool) -> StoppedBy:
        """Generations bred where their costs are computed, some at a time."""
        from splitfog.solvers.search.device_population import DevicePopulation

        population = DevicePopulation(
            self.space,
            self.moves,
            self.judge.batch_cost,
            first=first,
            reserve=self.moves.random_cuts(self.size),
            keep=max(FEWEST_SURVIVORS, self.size // SURVIVORS),
            patience=self.request.options["stagnation"],
            seed=self.request.seed,
        )
        while (why := first_to_stop(self.rules, self.progress)) is None:
            left = self.request.options["iterations"] - self.progress.iterations
            population.advance(self.progress, min(left, AT_A_TIME))
            self.pool = population.best()
        return why

    def _compiling_s(self) -> float:
        """Seconds before the first generation."""
        importing_s = 0.0 if "jax" in sys.modules else IMPORTING_S
        compiling_s = COMPILING_S[self.request.objective.name]
        return compiling_s * (ON_DEVICE if self.on_device else 1) + importing_s

    def _starts(self) -> Iterable[Decision]:
        """Plans to start from."""
        warm = self.request.options["warm"]
        return warm_starts(self.request) if warm else own_start(self.request)

    def _refitted(self, starts: list[Decision]) -> list[Decision]:
        """Those that memory has no room for, with what does not fit moved, offered too."""
        if not starts or not self.space.memory_binds:
            return []
        codes = np.hstack(
            [self.space.encoded(*(task.placement for task in d.tasks)) for d in starts]
        )
        _, first = np.unique(codes, axis=1, return_index=True)
        tight = (p for p in np.sort(first).tolist() if self.space.overfull(codes[:, [p]]))
        how = self.request.seed, self.request.deadline
        made = (refitted(self.space, starts[p], *how) for p in tight)
        found = []
        for decision in islice((d for d in made if d is not None), MOST_REFITTED):
            self.request.offer(decision)
            found.append(decision)
        return found

    def keep_best(self) -> None:
        """Offer the best of the population, or the first that the reference cost accepts."""
        if self.pool is None:
            return
        for place in range(min(8, len(self.pool))):
            if self.pool.cost[place] >= self.request.incumbent_value:
                return
            if self.request.offer(self._decision(self.pool, place)):
                return

    def _generation(self) -> None:
        """Children of the population, the best of both survive."""
        assert self.pool is not None
        stale, patience = self.progress.stale, self.request.options["stagnation"]
        if stale and stale == patience // 2:
            self._refresh()
        if stale % 8 == 2 and self._scan():
            return
        self._select(self.judge(*self._children(self.pool)))

    def _children(self, pool: Pool) -> tuple[Codes, Keys | None]:
        first, other = (self._parents(len(pool)) for _ in range(2))
        codes, mates = pool.codes[:, first], pool.codes[:, other]
        shares = np.cumsum([share for _, share in self.moves.all])
        ends = np.round(shares / shares[-1:] * self.size).astype(int).tolist()
        for (move, _), low, high in zip(self.moves.all, [0, *ends], ends, strict=False):
            if high > low:
                move(codes[:, low:high], mates[:, low:high])
        mixed = self.rng.permutation(self.size)
        codes = codes[:, mixed]
        keys = None if pool.keys is None else pool.keys[:, first[mixed]]
        return codes, keys

    def _parents(self, count: int) -> NDArray[np.int64]:
        """Ranks of parents, the better the likelier."""
        return (count * self.rng.random(self.size) ** 2).astype(np.int64)

    def _select(self, children: Pool) -> None:
        """Of parents and children the best, none twice; of equals the younger first."""
        both = children if self.pool is None else children.joined(self.pool)
        marks = self.marks @ both.codes.astype(np.int64)
        _, first = np.unique(np.stack([marks, both.cost.view(np.int64)]), axis=1, return_index=True)
        first.sort()
        ranked = first[np.lexsort((first, both.excess[first], both.cost[first]))]
        self.pool = both.at(ranked[: max(FEWEST_SURVIVORS, self.size // SURVIVORS)])

    def _first_pool(self, starts: list[Decision]) -> Pool:
        """Starts, everything on one node, and random runs."""
        made = [self.space.encoded(*(task.placement for task in d.tasks)) for d in starts]
        made.append(self.moves.homogeneous())
        codes = np.hstack(made)[:, : self.size]
        codes = np.hstack([codes, self.moves.random_cuts(self.size - codes.shape[1])])
        keys = None
        if self.orders is not None:
            keys = np.repeat(self.orders.encoded(None), self.size, axis=1)
            for column, decision in enumerate(starts[: self.size]):
                keys[:, [column]] = self.orders.encoded(decision.tasks[0].order)
        self._select(self.judge(codes, keys, fresh=False))
        assert self.pool is not None
        return self.pool

    def _refresh(self) -> None:
        """Half way to stagnation all but the best few make room for random runs."""
        assert self.pool is not None
        self.pool = self.pool.at(np.arange(min(len(self.pool), self.size // 32)))
        keys = self.pool.keys
        keys = None if keys is None else np.repeat(keys[:, :1], self.size, axis=1)
        self._select(self.judge(self.moves.random_cuts(self.size), keys))

    def _scan(self) -> bool:
        """Try single moves of the best, then all that gain together; False if that was done."""
        assert self.pool is not None
        best = self.pool.at(np.arange(1))
        mark = int((self.marks @ best.codes.astype(np.int64))[0])
        units, codes = self.moves.single_moves
        if mark == self.scanned or not len(units):
            return False
        if len(units) > self.size:
            chosen = self.rng.choice(len(units), self.size, replace=False)
            units, codes = units[chosen], codes[chosen]
        else:
            self.scanned = mark
        tried = self._varied(best, units, codes, together=False)
        gains = np.flatnonzero(tried.cost < best.cost[0])
        self._select(tried)
        if len(gains) > 1:
            order = gains[np.argsort(tried.cost[gains], kind="stable")]
            self._select(self._varied(best, units[order], codes[order], together=True))
        return True

    def _varied(self, best: Pool, units: NDArray[np.int64], codes: Codes, together: bool) -> Pool:
        """The best with one move each, or with the first one, two, ... moves together."""
        count = len(units)
        children = np.repeat(best.codes, count, axis=1)
        columns = np.arange(count)
        for turn in range(count if together else 0):
            children[units[turn], turn:] = codes[turn]
        if not together:
            children[units, columns] = codes
        keys = None if best.keys is None else np.repeat(best.keys, count, axis=1)
        return self.judge(children, keys, fresh=False)

    def _decision(self, pool: Pool, place: int) -> Decision:
        row = self.space.placements(pool.codes[:, [place]])[0].astype(np.int64)
        order = None
        if self.orders is not None and pool.keys is not None:
            order = tuple(self.orders.orders(pool.keys[:, [place]])[0].tolist())
        parts = np.split(row, self.space.columns.first[1:-1])
        return Decision(tuple(TaskDecision(frozen(part), order) for part in parts))
