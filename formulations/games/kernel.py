"""All swaps of an assignment at once, in JAX, float64."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from splitfog.formulations.vectorised.waits import wait_seconds
from splitfog.instances.arrays import Floats

PADDING = 128
"""Subtasks are padded to multiples, so that few numbers of them compile anew."""

Rows: TypeAlias = Any
"""An array, of NumPy outside of compiled functions and of JAX inside."""


class Given(NamedTuple):
    """What no assignment changes: [N, K] tables, `alone_s` inf where not allowed, and [K] rows."""

    alone_s: Rows
    service_s: Rows
    rate: Rows
    factor: Rows
    group: Rows
    source: Rows


class Now(NamedTuple):
    """Under an assignment: service of the visit that a subtask would join [N, K], whether it
    would open a new one, its place and latency [K]; of the nodes that somebody comes to (every
    node, or that of every subtask after it left) the sums, cost before, and quota."""

    visit_s: Rows
    opens: Rows
    here: Rows
    rho: Rows
    second: Rows
    waiting: Rows
    spent: Rows
    guests: Rows
    node_cost: Rows
    quota: Rows
    latency_s: Rows


def on_device(given: Given) -> Given:
    """The same tables on the device, padded."""
    with jax.enable_x64(True):
        found: Given = jax.tree.map(lambda rows: jnp.asarray(_padded(rows)), given)
        return found


def replacements(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, K] each, row k and column j: what changes when j takes k's place, and k leaves.

    First the cost of k's node, inf where j may not: for tiers and routes, quota, rho >= 1, a
    common group or node (links and memory are not looked at); then, if asked for, j's latency.
    The nodes of `now` are every subtask's own after it left; `given` is `on_device`. O(K^2).
    """
    count = len(now.here)
    with jax.enable_x64(True):
        node, agent = _replacements(given, jax.tree.map(_padded, now), agents)
        return np.asarray(node)[:count, :count], (
            np.asarray(agent)[:count, :count] if agents else None
        )


def arrivals(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, N] each: what changes when a subtask comes to a node, and nobody leaves there.

    First the node's cost, inf where the subtask may not be (as in `replacements`) or is already;
    then, if asked for, the subtask's latency. The nodes of `now` are all of them. O(K N).
    """
    count = len(now.here)
    with jax.enable_x64(True):
        padded = now._replace(
            visit_s=_padded(now.visit_s),
            opens=_padded(now.opens),
            here=_padded(now.here),
            latency_s=_padded(now.latency_s),
        )
        joined, agent = _arrivals(given, padded, agents)
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
