"""How children are made and mended on the device: the moves of `moves`, in JAX, all columns alike.

A move makes of parents and mates [units, batch] of codes the children; where each column differs
(its run, its order, its goal) there is a random number for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from splitfog.solvers.search.moves import Moves
from splitfog.solvers.starts.placement_space import PlacementSpace

ROLLS = 18
"""Random numbers that a move asks for at most, for each child."""

Dice = Iterator[Array]
"""Rows [batch] of random numbers from 0 to below 1, all made at once, which compiles soonest."""


class MoveTables(NamedTuple):
    """What moves and repair read, on the device; None where nothing asks for it.

    `positions`, `sequence` [orders, units] as of `Moves`; `task` [units], `first` [tasks + 1];
    `free` units with a choice; `width` [units] and `choices` [units, most]; `inputs`, `readers`
    [units, most], filled up with the unit itself; `detours` [units, codes]; `may` [nodes, nodes];
    `code_of` [nodes]; `single_units`, `single_codes` every single move.
    """

    positions: Array
    sequence: Array
    task: Array
    first: Array
    free: Array
    width: Array
    choices: Array
    inputs: Array
    readers: Array
    detours: Array
    mask: Array
    single_units: Array
    single_codes: Array
    reach: Array | None
    may: Array | None
    rises: Array | None
    code_of: Array
    exchanges: Array | None


def tables_of(space: PlacementSpace, moves: Moves) -> MoveTables:
    """The tables of a space; call it within `jax.enable_x64(True)`."""
    units, codes = moves.single_moves
    return MoveTables(
        positions=jnp.asarray(moves.positions),
        sequence=jnp.asarray(moves.sequence),
        task=jnp.asarray(space.task),
        first=jnp.asarray(space.first),
        free=jnp.asarray(space.free),
        width=jnp.asarray(moves.width),
        choices=jnp.asarray(moves.table),
        inputs=_padded(space.inputs),
        readers=_padded(space.readers),
        detours=jnp.asarray(space.detours),
        mask=jnp.asarray((1 << space.shift) - 1, space.code_of.dtype),
        single_units=jnp.asarray(units),
        single_codes=jnp.asarray(codes),
        reach=None if moves.reach is None else jnp.asarray(moves.reach),
        may=jnp.asarray(space.may) if space.gaps else None,
        rises=jnp.asarray(True) if space.objective.monotone else None,
        code_of=jnp.asarray(space.code_of),
        exchanges=jnp.asarray(True) if space.memory_binds else None,
    )


def _padded(lists: list[list[int]]) -> Array:
    most = max(1, *(len(own) for own in lists))
    rows = [own + [unit] * (most - len(own)) for unit, own in enumerate(lists)]
    return jnp.asarray(np.array(rows, np.int32))


def repaired(tables: MoveTables, codes: Array, lowered: Array) -> Array:
    """Codes that respect tiers, groups and source, rise if they must, and mostly have routes.

    As `PlacementSpace.repair`; in the `lowered` columns [batch] inputs come down first.
    """
    codes = jnp.take_along_axis(tables.detours, codes.astype(jnp.int32), axis=1)
    count = len(codes)
    if tables.rises is not None:
        codes = lax.fori_loop(
            0, count, lambda at, now: _lower(tables, now, count - 1 - at, lowered), codes
        )
        codes = lax.fori_loop(0, count, lambda at, now: _lift(tables, now, at), codes)
    if tables.may is not None:
        codes = lax.fori_loop(0, count, lambda at, now: _follow(tables, now, at), codes)
    return codes


def _lower(tables: MoveTables, codes: Array, unit: Array, lowered: Array) -> Array:
    """An input goes as far down as its lowest reader, where it may."""
    lowest, row = codes[tables.readers[unit]].min(axis=0), codes[unit]
    sinks = lowered & (row > (lowest | tables.mask)) & (tables.detours[unit, lowest] == lowest)
    return codes.at[unit].set(jnp.where(sinks, lowest, row))


def _lift(tables: MoveTables, codes: Array, unit: Array) -> Array:
    """A reader goes as far up as its highest input."""
    highest, row = codes[tables.inputs[unit]].max(axis=0), codes[unit]
    row = jnp.where(highest > (row | tables.mask), highest, row)
    return codes.at[unit].set(tables.detours[unit, row])


def _follow(tables: MoveTables, codes: Array, unit: Array) -> Array:
    """A reader out of an input's reach goes where the input is, if it may."""
    assert tables.may is not None
    row = codes[unit]
    for slot in range(tables.inputs.shape[1]):
        tail = tables.inputs[unit, slot]
        here = codes[tail]
        lost = (tail != unit) & ~tables.may[here & tables.mask, row & tables.mask]
        row = jnp.where(lost & (tables.detours[unit, here] == here), here, row)
    return codes.at[unit].set(row)


def bred(tables: MoveTables, key: Array, pool: Array, size: int) -> Array:
    """[units, size]: children of a population [units, P], best first, not yet repaired."""
    choosing, rolling, crossing = jax.random.split(key, 3)
    ranks = len(pool[0]) * jax.random.uniform(choosing, (2, size)) ** 2
    codes, mates = pool[:, ranks[0].astype(jnp.int32)], pool[:, ranks[1].astype(jnp.int32)]
    dice = jax.random.uniform(rolling, (ROLLS, size))
    tasks = len(tables.first) - 1
    moves = [(_segments, 0.25), (_boundaries, 0.2), (_closed_sets, 0.15), (_single_units, 0.2)]
    moves.append((_cross_positions, 0.1 if tasks > 1 else 0.2))
    if tables.exchanges is not None:
        moves.append((_exchange, 0.2))
    crossed = 0.1 if tasks > 1 else 0.0
    shares = np.cumsum([0.0, *(share for _, share in moves), crossed])
    ends = np.round(shares / shares[-1] * size).astype(int).tolist()
    made = [
        move(tables, iter(dice[:, low:high]), codes[:, low:high], mates[:, low:high])
        for (move, _), (low, high) in zip(moves, pairwise(ends), strict=False)
    ]
    if tasks > 1:
        low = ends[-2]
        rolls = jax.random.uniform(crossing, (tasks, size - low))
        chosen = rolls < dice[0, low:]  # some tasks' placements are the mate's
        made.append(jnp.where(chosen[tables.task], mates[:, low:], codes[:, low:]))
    return jnp.concatenate(made, axis=1)


def _below(roll: Array, limits: Array | int) -> Array:
    """[batch]: a whole number from 0 to below each limit, by numbers from 0 to below 1."""
    number = (roll * limits).astype(jnp.int32)
    return jnp.clip(number, 0, jnp.maximum(jnp.asarray(limits, jnp.int32) - 1, 0))


def _free_units(tables: MoveTables, dice: Dice) -> Array:
    return tables.free[_below(next(dice), len(tables.free))]


def _pick(tables: MoveTables, dice: Dice, units: Array) -> Array:
    """A random code for every unit."""
    return tables.choices[units, _below(next(dice), tables.width[units])]


class _Runs(NamedTuple):
    """A run of each column's order within one task: `at` [units, batch] positions, low, high."""

    at: Array
    order: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, tables: MoveTables, dice: Dice) -> _Runs:
        """Lengths are log-uniform."""
        order = _below(next(dice), len(tables.positions))
        task = tables.task[_free_units(tables, dice)]
        start, size = tables.first[task], tables.first[task + 1] - tables.first[task]
        length = jnp.exp(next(dice) * jnp.log(size + 0.999))
        length = jnp.clip(length.astype(jnp.int32), 1, size)
        low = start + _below(next(dice), size - length + 1)
        return cls(tables.positions[order].T, order, low, low + length)

    @property
    def inside(self) -> Array:
        """[units, batch]."""
        return (self.at >= self.low) & (self.at < self.high)

    def one(self, tables: MoveTables, dice: Dice) -> Array:
        """[batch]: a unit of each run."""
        return tables.sequence[self.order, self.low + _below(next(dice), self.high - self.low)]

    def goal(self, tables: MoveTables, dice: Dice, codes: Array) -> Array:
        """[batch]: where what stands before or after it is, or anywhere."""
        beside = jnp.where(next(dice) < 0.5, self.low - 1, self.high)
        beside = tables.sequence[self.order, jnp.clip(beside, 0, len(codes) - 1)]
        picked = _pick(tables, dice, self.one(tables, dice))
        anywhere = next(dice) < 0.6
        return jnp.where(anywhere, picked, codes[beside, jnp.arange(len(self.low))])


def _segments(tables: MoveTables, dice: Dice, codes: Array, mates: Array) -> Array:
    """A run of units goes to one node."""
    runs = _Runs.of(tables, dice)
    return jnp.where(runs.inside, runs.goal(tables, dice, codes), codes)


def _boundaries(tables: MoveTables, dice: Dice, codes: Array, mates: Array) -> Array:
    """Within a run, the units of one node go to another."""
    runs = _Runs.of(tables, dice)
    here = codes[runs.one(tables, dice), jnp.arange(codes.shape[1])]
    return jnp.where(runs.inside & (codes == here), runs.goal(tables, dice, codes), codes)


def _closed_sets(tables: MoveTables, dice: Dice, codes: Array, mates: Array) -> Array:
    """A unit with what comes before it, or after, goes to one node: all, or who is where it is."""
    if tables.reach is None:
        return _segments(tables, dice, codes, mates)
    units = _free_units(tables, dice)
    inside = jnp.where(next(dice) < 0.5, tables.reach[units].T, tables.reach[:, units])
    same = codes == codes[units, jnp.arange(codes.shape[1])]
    inside &= (next(dice) < 0.5) | same
    return jnp.where(inside, _pick(tables, dice, units), codes)


def _single_units(tables: MoveTables, dice: Dice, codes: Array, mates: Array) -> Array:
    """One to three units go elsewhere: where an input or a reader is, or anywhere."""
    columns = jnp.arange(codes.shape[1])
    for chance in (1.0, 0.5, 0.3):
        units = _free_units(tables, dice)
        roll = next(dice)
        before, after = (
            near[units, _below(roll, near.shape[1])] for near in (tables.inputs, tables.readers)
        )
        near = jnp.where(next(dice) < 0.5, before, after)
        goal, beside = _pick(tables, dice, units), (next(dice) < 0.5) & (near != units)
        goal = jnp.where(beside, codes[near, columns], goal)
        act = next(dice) < chance
        codes = codes.at[units, columns].set(jnp.where(act, goal, codes[units, columns]))
    return codes


def _exchange(tables: MoveTables, dice: Dice, codes: Array, mates: Array) -> Array:
    """Two units change places."""
    columns = jnp.arange(codes.shape[1])
    one, other = (_free_units(tables, dice) for _ in range(2))
    here, there = codes[one, columns], codes[other, columns]
    return codes.at[one, columns].set(there).at[other, columns].set(here)


def _cross_positions(tables: MoveTables, dice: Dice, codes: Array, mates: Array) -> Array:
    """The mate's placement from a position of an order on, or in a run of it."""
    runs = _Runs.of(tables, dice)
    return jnp.where((runs.at >= runs.low) & ((next(dice) < 0.5) | runs.inside), mates, codes)
