"""Which placements of a batch break no rule of docs/costs.md, in JAX."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.objective import Contiguous, Objective
from splitfog.formulations.vectorised.columns import Columns, Hops
from splitfog.formulations.vectorised.rows import add, pick, put, take


class Rules(NamedTuple):
    """The rules on the device.

    `allowed` [columns, nodes]; `edges`, `silent` (those along which nothing is ever sent) and
    `results` [n, 2] of columns that need a pair of nodes marked in `may_read`, `may_rise` or
    `may_return` [nodes * nodes]; `together` [n, 2] of columns that share a node; `memory` None
    where no node has a limit, `runs` None unless layers have to be contiguous.
    """

    allowed: Array
    edges: Array
    may_read: Array
    silent: Array
    may_rise: Array
    results: Array
    may_return: Array
    together: Array
    memory: Memory | None
    runs: tuple[Array, ...] | None


class Memory(NamedTuple):
    """Columns by what they hold: [n] column, bytes, whether other weights or a state begin; [nodes]
    limits."""

    column: Array
    weight_bytes: Array
    begins: Array
    limit_bytes: Array


def rules_of(columns: Columns, hops: Hops, objective: Objective) -> Rules:
    """The rules of an instance; `monotone` and `contiguous` as in an objective."""
    rank = columns.instance.node_rank
    rises = ((rank[:, None] <= rank) | (not objective.monotone)).reshape(-1)
    edges = columns.edges.astype(np.int32)
    is_sent = columns.sends[edges[:, 0]] > 0
    results = [
        (column, readers[-1])
        for column, readers in enumerate(columns.destinations)
        if readers and readers[-1] >= columns.count
    ]
    together = [
        (first + group[0], first + other)
        for task, first in zip(columns.tasks, columns.first, strict=False)
        for group in task.groups
        for other in group[1:]
    ]
    return Rules(
        allowed=jnp.asarray(columns.allowed),
        edges=jnp.asarray(edges[is_sent]),
        may_read=jnp.asarray(hops.reach & rises),
        silent=jnp.asarray(edges[~is_sent]),
        may_rise=jnp.asarray(rises),
        results=_pairs(results),
        may_return=jnp.asarray(hops.reach),
        together=_pairs(together),
        memory=_memory_of(columns),
        runs=None if objective.contiguous is None else _runs_of(columns, objective.contiguous),
    )


def _pairs(found: list[tuple[int, int]]) -> Array:
    return jnp.asarray(np.array(found, np.int32).reshape(-1, 2))


def _memory_of(columns: Columns) -> Memory | None:
    room = memory_room(columns.instance)
    if np.isinf(room).all():
        return None
    held = sorted(
        (task.model.name, owner, int(first) + layer)
        for task, first in zip(columns.tasks, columns.first, strict=False)
        for layer, owner in enumerate(task.model.weight_owner.tolist())
    )
    keys = [key[:2] for key in held]
    weights = np.concatenate([task.weight_bytes for task in columns.tasks])
    column = np.array([key[2] for key in held], np.int32)
    begins = [i == 0 or key != keys[i - 1] for i, key in enumerate(keys)]
    state = np.concatenate([task.state_bytes for task in columns.tasks])
    with_state = np.flatnonzero(state)
    figures = (
        np.concatenate([column, with_state]).astype(np.int32),
        np.concatenate([weights[column], state[with_state]]),
        np.concatenate([begins, np.ones(len(with_state), bool)]).astype(bool),
        room,
    )
    return Memory(*(jnp.asarray(figure) for figure in figures))


def _runs_of(columns: Columns, how: Contiguous) -> tuple[Array, ...]:
    """[n, 2] for every task: columns in order, input layers left out, and the one before each; the
    first of a line has none before it, -1."""
    runs = []
    for task, first in zip(columns.tasks, columns.first.tolist(), strict=False):
        order = task.model.order[~task.is_input[task.model.order]] + first
        before = np.roll(order, 1)
        if how == "line":
            before[:1] = -1
        runs.append(jnp.asarray(np.stack([order, before], axis=1).astype(np.int32)))
    return tuple(runs)


def more_runs(rules: Rules, places: Array) -> Array:
    """[batch]: runs of layers beyond one a task and node; 0 where they need not be contiguous."""
    total, nodes = jnp.zeros(places.shape[1]), rules.allowed.shape[1]
    for run in rules.runs or ():
        total += jnp.maximum(_begun(run, places, nodes) - 1, 0).sum(axis=0)
    return total


def _begun(run: Array, places: Array, nodes: int) -> Array:
    """[nodes, batch]: how many runs of layers begin on each node."""

    def step(begun: Array, pair: Array) -> tuple[Array, None]:
        place = take(places, pair[0]).astype(jnp.int32)
        before = take(places, jnp.maximum(pair[1], 0)).astype(jnp.int32)
        begins = (pair[1] < 0) | (before != place)
        return add(begun, place, begins.astype(jnp.int32)), None

    begun = jnp.zeros((nodes, places.shape[1]), jnp.int32)
    return lax.scan(step, begun, run)[0]


def obeys(rules: Rules, places: Array) -> Array:
    """[batch]: whether each placement obeys the rules; `places` is [columns and sinks, batch]."""
    nodes = rules.allowed.shape[1]
    ok = _allowed(rules.allowed, places)
    ok &= _pairs_hold(rules.edges, rules.may_read, places, nodes)
    ok &= _pairs_hold(rules.results, rules.may_return, places, nodes)
    if len(rules.silent):
        ok &= _pairs_hold(rules.silent, rules.may_rise, places, nodes)
    for run in rules.runs or ():
        ok &= (_begun(run, places, nodes) <= 1).all(axis=0)
    ok &= (take(places, rules.together[:, 0]) == take(places, rules.together[:, 1])).all(axis=0)
    return ok if rules.memory is None else ok & _fits(rules.memory, places)


def _allowed(allowed: Array, places: Array) -> Array:
    def step(ok: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        admitted, place = row
        return ok & take(admitted, place.astype(jnp.int32)), None

    ok = jnp.ones(places.shape[1], bool)
    return lax.scan(step, ok, (allowed, places[: len(allowed)]))[0]


def _pairs_hold(edges: Array, table: Array, places: Array, nodes: int) -> Array:
    def step(ok: Array, edge: Array) -> tuple[Array, None]:
        tail, head = (take(places, edge[i]).astype(jnp.int32) for i in (0, 1))
        return ok & take(table, tail * nodes + head), None

    return lax.scan(step, jnp.ones(places.shape[1], bool), edges)[0]


def reachable(rules: Rules, places: Array) -> Array:
    """[batch]: whether every tensor has its routes."""
    nodes = rules.allowed.shape[1]
    read = _pairs_hold(rules.edges, rules.may_return, places, nodes)
    return read & _pairs_hold(rules.results, rules.may_return, places, nodes)


def overfull(memory: Memory, places: Array) -> Array:
    """[batch]: by how much nodes hold more than they have room for, relative, added up."""
    held, most = _held_bytes(memory, places), memory.limit_bytes[:, None]
    over = held / jnp.maximum(most, 1.0) - (most >= 1.0)
    return jnp.where(held > most, over, 0.0).sum(axis=0)


def _fits(memory: Memory, places: Array) -> Array:
    return (_held_bytes(memory, places) <= memory.limit_bytes[:, None]).all(axis=0)


def _held_bytes(memory: Memory, places: Array) -> Array:
    """[nodes, batch]: weights of a model count once a node, whichever tasks and layers use them."""
    shape = (len(memory.limit_bytes), places.shape[1])

    def step(
        state: tuple[Array, Array], row: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        total, held = state
        column, weight, begins = row
        place = take(places, column).astype(jnp.int32)
        held = held & ~begins
        total = add(total, place, jnp.where(pick(held, place), 0.0, weight))
        everywhere = jnp.ones(place.shape, bool)
        return (total, put(held, place, everywhere, everywhere)), None

    rows = (memory.column, memory.weight_bytes, memory.begins)
    return lax.scan(step, (jnp.zeros(shape), jnp.zeros(shape, bool)), rows)[0][0]
