"""All swaps of an assignment at once, in JAX, float64."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from splitfog.formulations.vectorised.waits import wait_seconds
from splitfog.instances.arrays import Floats

PADDING = 128
"""Subtasks are padded to multiples, so that few numbers of them compile anew."""


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


OF_SUBTASKS = ("visit_s", "opens", "here", "latency_s")
"""What of `Now` has an entry for every subtask, whoever comes where."""


def on_device(given: Given) -> Given:
    """The same tables on the device, padded."""
    with jax.enable_x64(True):
        return Given(*(jnp.asarray(_padded(rows)) for rows in given))


def replacements(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, K] each, row k and column j: what changes when j takes k's place, and k leaves.

    First the cost of k's node, inf where j may not: for tiers and routes, quota, rho >= 1, a
    common group or node (links and memory are not looked at); then, if asked for, j's latency.
    `given` is `on_device`; the sums of `now`, [K], are of every subtask's node after it left.
    O(K^2).
    """
    count = len(now.here)
    with jax.enable_x64(True):
        node, agent = _replacements(given, Now(*(_padded(rows) for rows in now)), agents)
        return np.asarray(node)[:count, :count], (
            np.asarray(agent)[:count, :count] if agents else None
        )


def arrivals(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, N] each: what changes when a subtask comes to a node, and nobody leaves there.

    First the node's cost, inf where the subtask may not be (as in `replacements`) or is already;
    then, if asked for, the subtask's latency. `given` is `on_device`; the sums of `now`, [N], are
    of every node. O(K N).
    """
    count = len(now.here)
    padded = {name: _padded(getattr(now, name)) for name in OF_SUBTASKS}
    with jax.enable_x64(True):
        joined, agent = _arrivals(given, now._replace(**padded), agents)
        return np.asarray(joined)[:, :count].T, np.asarray(agent)[:, :count].T if agents else None


def sum_with_transpose(changes: Floats) -> Floats:
    """changes + changes.T, for large arrays."""
    with jax.enable_x64(True):
        return np.asarray(_both(changes))


@jax.jit
def _both(changes: Array) -> Array:
    return changes + changes.T


def _padded(rows: Any) -> Any:
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
