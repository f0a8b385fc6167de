"""A population that stays on the device: generations of `evolution` under one compiled loop.

The scheme is that of `evolution`: children of the better half by runs, cuts, single units and
crossover, repaired, costed and ranked; now and then all single moves of the best, then those that
gain together; half way to stagnation all but the best few make room for random runs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from splitfog.formulations.objective import Objective
from splitfog.formulations.vectorised.batch_cost import BatchCost
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.solvers.search.device_moves import MoveTables, bred, repaired, tables_of
from splitfog.solvers.search.moves import Moves
from splitfog.solvers.search.pool import Pool
from splitfog.solvers.search.stop_rules import Progress
from splitfog.solvers.starts.placement_space import PlacementSpace

SHOWN = 8
"""Placements that come back to the host when it looks: the best."""

BREED, SCAN, TOGETHER, REFRESH = range(4)
"""What a generation does."""

SCAN_EVERY, SCAN_AT = 8, 2
"""Of generations without improvement, when the single moves of the best are tried."""


class Ranked(NamedTuple):
    """Placements, best first: codes [units, P], costs (inf: some rule is broken), excess [P]."""

    codes: Array
    cost: Array
    excess: Array


class Gains(NamedTuple):
    """Of every unit [units] the best single move that gains: its rank among them, and its code."""

    rank: Array
    code: Array
    several: Array


class State(NamedTuple):
    """All that changes from one generation to the next."""

    key: Array
    pool: Ranked
    gains: Gains
    iterations: Array
    stale: Array
    value: Array


class Given(NamedTuple):
    """What a search does not change: how it moves, random placements [units, size] that make room
    for themselves, and a number of every unit [units], whose sums tell placements apart."""

    moves: MoveTables
    reserve: Array
    marks: Array


class DevicePopulation:
    """The population of one search, and its generations.

    Parameters
    ----------
    space, moves
        Where units may be, and the orders that moves work along.
    cost
        Of the placements, compiled for no size in particular.
    first
        The first population, and `reserve` random placements [units, size], which make room for
        themselves half way to stagnation: their number is the size of every generation.
    keep
        How many survive a generation.
    patience
        Generations without improvement after which the loop ends.
    seed
        Of all that is random on the device.
    """

    def __init__(
        self,
        space: PlacementSpace,
        moves: Moves,
        cost: BatchCost,
        *,
        first: Pool,
        reserve: np.ndarray[Any, Any],
        keep: int,
        patience: int,
        seed: int,
    ) -> None:
        self.size, self.keep = reserve.shape[1], keep
        rng = np.random.default_rng(seed)
        with jax.enable_x64(True):
            self._given = Given(
                tables_of(space, moves),
                jnp.asarray(reserve),
                jnp.asarray(rng.integers(1, 1 << 62, space.num_units)),
            )
            self._state = self._first(first, jax.random.key(seed))
        self._generations = generations(space.instance, space, cost, self.size, keep, patience)

    def advance(self, progress: Progress, generations: int) -> None:
        """So many generations, or fewer where it stagnates; the host hears of them at the end."""
        with jax.enable_x64(True):
            state = self._state._replace(
                iterations=jnp.asarray(progress.iterations, jnp.int64),
                stale=jnp.asarray(progress.stale, jnp.int64),
                value=jnp.asarray(progress.value, jnp.float64),
            )
            until = jnp.asarray(progress.iterations + generations, jnp.int64)
            self._state = state = self._generations.advanced(self._given, state, until)
        progress.iterations, progress.stale = int(state.iterations), int(state.stale)
        progress.value = float(state.value)

    def best(self) -> Pool:
        """The best few, on the host."""
        pool = [np.asarray(rows[..., :SHOWN]) for rows in self._state.pool]
        return Pool(pool[0], None, pool[1], pool[2])

    def _first(self, first: Pool, key: Array) -> State:
        """The first population, filled up with copies that rank behind all."""
        column = np.arange(self.keep) % len(first)
        copy = np.arange(self.keep) >= len(first)
        pool = Ranked(
            jnp.asarray(first.codes[:, column]),
            jnp.asarray(np.where(copy, np.inf, first.cost[column])),
            jnp.asarray(np.where(copy, np.inf, first.excess[column])),
        )
        none = jnp.full(len(first.codes), self.size, jnp.int64)
        gains = Gains(none, pool.codes[:, 0], jnp.asarray(False))
        zero = jnp.asarray(0, jnp.int64)
        return State(
            key=key, pool=pool, gains=gains, iterations=zero, stale=zero, value=pool.cost[0]
        )


class Generations:
    """Generations of so many placements, compiled once for all searches of an instance.

    Parameters
    ----------
    space, cost, size, keep, patience
        As of a population, of `size` children a generation.
    """

    def __init__(
        self, space: PlacementSpace, cost: BatchCost, size: int, keep: int, patience: int
    ) -> None:
        self.space, self.cost = space, cost
        self.size, self.keep, self.patience = size, keep, patience
        self.advanced = jax.jit(self._advance)

    def _advance(self, given: Given, state: State, until: Array) -> State:
        def goes_on(state: State) -> Array:
            return (state.iterations < until) & (state.stale < self.patience)

        return lax.while_loop(goes_on, lambda now: self._generation(given, now), state)

    def _generation(self, given: Given, state: State) -> State:
        tables = given.moves
        key, breeding, mending, scanning = jax.random.split(state.key, 4)
        what = self._what(tables, state)
        offset = jax.random.randint(scanning, (), 0, max(1, len(tables.single_units)))
        moved = (offset + jnp.arange(self.size)) % max(1, len(tables.single_units))
        children = lax.switch(
            what,
            (
                lambda: bred(tables, breeding, state.pool.codes, self.size),
                lambda: self._scanned(tables, state.pool.codes[:, 0], moved),
                lambda: self._together(state),
                lambda: given.reserve,
            ),
        )
        lowered = (jax.random.uniform(mending, (self.size,)) < 0.5) & (what != SCAN)
        made = self._judged(repaired(tables, children, lowered))
        few = jnp.arange(self.keep) < max(1, self.size // 32)
        pool = self._selected(given.marks, made, state.pool, (what != REFRESH) | few)
        better = pool.cost[0] < state.value
        return State(
            key=key,
            pool=pool,
            gains=self._gains(tables, made, state.pool, moved, what == SCAN),
            iterations=state.iterations + 1,
            stale=jnp.where(better, 0, state.stale + 1),
            value=jnp.minimum(state.value, pool.cost[0]),
        )

    def _what(self, tables: MoveTables, state: State) -> Array:
        scans = (state.stale % SCAN_EVERY == SCAN_AT) & (len(tables.single_units) > 0)
        stale = (state.stale > 0) & (state.stale == self.patience // 2)
        what = jnp.where(scans, SCAN, BREED)
        what = jnp.where(stale, REFRESH, what)
        return jnp.where(state.gains.several, TOGETHER, what)

    def _scanned(self, tables: MoveTables, best: Array, moved: Array) -> Array:
        """The best with one move each."""
        units, codes = tables.single_units[moved], tables.single_codes[moved]
        here = jnp.arange(len(best))[:, None] == units
        return jnp.where(here, codes, best[:, None])

    def _together(self, state: State) -> Array:
        """The best with the first one, two, ... moves that gained."""
        act = state.gains.rank[:, None] <= jnp.arange(self.size)
        return jnp.where(act, state.gains.code[:, None], state.pool.codes[:, :1])

    def _gains(
        self, tables: MoveTables, made: Ranked, pool: Ranked, moved: Array, scanned: Array
    ) -> Gains:
        """What a scan of the best has found; nothing after any other generation."""
        units, count = tables.single_units[moved], self.space.num_units
        cost = jnp.where(scanned & (made.cost < pool.cost[0]), made.cost, jnp.inf)
        least = jax.ops.segment_min(cost, units, count)
        own = jnp.isfinite(cost) & (cost == least[units])
        at = jax.ops.segment_min(jnp.where(own, jnp.arange(self.size), self.size), units, count)
        found = at < self.size
        rank = jnp.where(found, jnp.argsort(jnp.argsort(least)), self.size)
        code = made.codes[jnp.arange(count), jnp.minimum(at, self.size - 1)]
        return Gains(rank, code, found.sum() > 1)

    def _judged(self, codes: Array) -> Ranked:
        """With costs; inf where a rule is broken, and by how much."""
        narrow = jnp.uint8 if len(self.space.instance.nodes) <= 256 else jnp.int32
        nodes = codes & ((1 << self.space.shift) - 1)
        places = nodes.astype(narrow)[self.space.unit_of].T
        cost = self.cost.on_device(places)
        if not self.space.limited:
            return Ranked(codes, cost, jnp.zeros_like(cost))
        cost = jnp.where(self.cost.feasible_on_device(places), cost, jnp.inf)
        return Ranked(codes, cost, self.cost.excess_on_device(places))

    def _selected(self, marks: Array, made: Ranked, pool: Ranked, stays: Array) -> Ranked:
        """Of children and parents the best, none twice; of equals the younger first."""
        codes = jnp.concatenate([made.codes, pool.codes], axis=1)
        cost = jnp.concatenate([made.cost, pool.cost])
        excess = jnp.concatenate([made.excess, pool.excess])
        mark = (marks[:, None] * codes).sum(axis=0)
        order = jnp.lexsort((cost, mark))
        again = (mark[order][1:] == mark[order][:-1]) & (cost[order][1:] == cost[order][:-1])
        out = jnp.zeros(len(cost), bool).at[order[1:]].set(again)
        out |= jnp.concatenate([jnp.zeros(self.size, bool), ~stays])
        best = jnp.lexsort((excess, cost, out))[: self.keep]
        return Ranked(codes[:, best], cost[best], excess[best])


def _generations_key(
    instance: Instance, space: PlacementSpace, cost: BatchCost, *sizes: int
) -> tuple[Objective, tuple[int, ...]]:
    """All that the compiled loop depends on, beside the instance."""
    return space.objective, sizes


@kept(by=_generations_key, most=4)
def generations(
    instance: Instance, space: PlacementSpace, cost: BatchCost, size: int, keep: int, patience: int
) -> Generations:
    """The compiled generations of an instance, kept with it: compiling takes seconds."""
    return Generations(space, cost, size, keep, patience)
