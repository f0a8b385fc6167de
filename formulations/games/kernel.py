"""All swaps of an assignment at once, in JAX, float64."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from splitfog.formulations.vectorised.waits import wait_seconds

if TYPE_CHECKING:
    from splitfog.formulations.games.game import ExchangeGame, ExchangeState

PADDING = 128
"""Subtasks are padded to multiples, so that few numbers of them compile anew."""

Floats = NDArray[np.float64]


class Given(NamedTuple):
    """What no assignment changes: [N, K] tables, `alone_s` inf where not allowed, and [K] rows."""

    alone_s: Array
    service_s: Array
    rate: Array
    factor: Array
    group: Array
    source: Array


class Now(NamedTuple):
    """Under an assignment: service of the visit that a subtask would join [N, K], whether it
    would open a new one, its place and latency [K]; of the nodes that somebody comes to (every
    node, or that of every subtask after it left) the sums, cost before, and quota."""

    visit_s: Array
    opens: Array
    here: Array
    rho: Array
    second: Array
    waiting: Array
    spent: Array
    guests: Array
    node_cost: Array
    quota: Array
    latency_s: Array


def tables(game: ExchangeGame) -> Given:
    """The tables of a game on the device."""
    with jax.enable_x64(True):
        return Given(
            alone_s=jnp.asarray(_padded(np.where(game.allowed, game.alone_s, inf).T)),
            service_s=jnp.asarray(_padded(game.service_s.T)),
            rate=jnp.asarray(_padded(game.rate)),
            factor=jnp.asarray(_padded(game.factor)),
            group=jnp.asarray(_padded(game.group.astype(np.int32))),
            source=jnp.asarray(_padded(game.source.astype(np.int32))),
        )


def replacements(state: ExchangeState, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, K] each, row k and column j: what changes when j takes k's place, and k leaves.

    First the cost of k's node, inf where j may not: for tiers and routes, quota, rho >= 1, a
    common group or node (links and memory are not looked at); then, if asked for, j's latency.
    O(K^2).
    """
    game, count, left = state.game, len(state.places), state.left
    with jax.enable_x64(True):
        now = Now(
            visit_s=_padded(state.visit_s[game.group].T),
            opens=_padded((state.members[game.group] == 0).T),
            here=_padded(state.places.astype(np.int32)),
            rho=_padded(left.rho),
            second=_padded(left.second),
            waiting=_padded(left.waiting),
            spent=_padded(left.spent),
            guests=_padded(left.guests),
            node_cost=_padded(state.nodes.cost[state.places]),
            quota=_padded(game.quota[state.places]),
            latency_s=_padded(state.latency_s),
        )
        node, agent = _replacements(game.device_tables, now, agents)
        return np.asarray(node)[:count, :count], (
            np.asarray(agent)[:count, :count] if agents else None
        )


def arrivals(state: ExchangeState, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, N] each: what changes when a subtask comes to a node, and nobody leaves there.

    First the node's cost, inf where the subtask may not be (as in `replacements`) or is already;
    then, if asked for, the subtask's latency. O(K N).
    """
    game: Any = state.game  # these bring NumPy's arrays, which compiled functions take as well
    nodes: Any = state.nodes
    with jax.enable_x64(True):
        now = Now(
            visit_s=_padded(state.visit_s[game.group].T),
            opens=_padded((state.members[game.group] == 0).T),
            here=_padded(state.places.astype(np.int32)),
            rho=nodes.rho,
            second=nodes.second,
            waiting=nodes.waiting,
            spent=nodes.spent,
            guests=nodes.guests,
            node_cost=nodes.cost,
            quota=game.quota,
            latency_s=_padded(state.latency_s),
        )
        joined, agent = _arrivals(game.device_tables, now, agents)
        count = len(state.places)
        return np.asarray(joined)[:, :count].T, np.asarray(agent)[:, :count].T if agents else None


def sum_with_transpose(changes: Floats) -> Floats:
    """changes + changes.T, for large arrays."""
    with jax.enable_x64(True):
        return np.asarray(_both(changes))


@jax.jit
def _both(changes: Array) -> Array:
    return changes + changes.T


def _padded(rows: NDArray[Any]) -> Any:
    count = rows.shape[-1]
    extra = max(-(-count // PADDING), 1) * PADDING - count  # no subtask at all is one padding
    return np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, extra)])


@partial(jax.jit, static_argnames="agents")
def _replacements(given: Given, now: Now, agents: bool) -> tuple[Array, Array]:
    def row(k: Array) -> tuple[Array, Array]:
        barred = given.group == given.group[k]
        return _coming(given, now, now.here[k], k, barred, agents)

    found: tuple[Array, Array] = lax.map(row, lax.iota(jnp.int32, len(now.here)))
    return found


@partial(jax.jit, static_argnames="agents")
def _arrivals(given: Given, now: Now, agents: bool) -> tuple[Array, Array]:
    def row(node: Array) -> tuple[Array, Array]:
        return _coming(given, now, node, node, jnp.zeros(len(now.here), bool), agents)

    found: tuple[Array, Array] = lax.map(row, lax.iota(jnp.int32, len(now.quota)))
    return found


def _coming(
    given: Given, now: Now, node: Array, at: Array, barred: Array, agents: bool
) -> tuple[Array, Array]:
    """[K] twice: change of a node's cost, and of latencies, when each subtask comes to it.

    The node's sums are entry `at` of those in `now`; `barred` subtasks may not come.
    """
    service, visit, alone = given.service_s[node], now.visit_s[node], given.alone_s[node]
    serves = service > 0
    opens = now.opens[node] & serves
    rho = now.rho[at] + given.rate * service
    second = now.second[at] + given.rate * service * (2 * visit + service)
    waiting = now.waiting[at] + jnp.where(opens, given.factor, 0.0)
    guest = opens & (given.source != node)
    room = ~guest | (now.guests[at] + 1 <= now.quota[at])
    barred |= (rho >= 1) | ~room | (now.here == node) | jnp.isinf(alone)
    wait = wait_seconds(second, jnp.where(barred, 0.0, rho))
    spent = now.spent[at] + given.factor * jnp.where(barred, 0.0, alone)
    change = jnp.where(barred, inf, spent + waiting * wait - now.node_cost[at])
    if not agents:
        return change, jnp.zeros(())
    latency = alone + jnp.where(serves, wait, 0.0)
    return change, jnp.where(barred, inf, latency - now.latency_s)
