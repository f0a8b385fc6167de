"""What changes when subtasks come to nodes: one formula, and its tables by NumPy.

`kernel` makes the same tables by JAX, where they are large.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from splitfog.formulations.vectorised.waits import wait_seconds
from splitfog.instances.arrays import Floats

MOST_BY_NUMPY = 2**20
"""Entries of a table up to which NumPy is as fast as JAX, which takes a second to compile."""

Rows: TypeAlias = Any
"""An array, of NumPy or of JAX."""


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


def replacements(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, K] each, row k and column j: what changes when j takes k's place, and k leaves.

    First the cost of k's node, inf where j may not: for tiers and routes, quota, rho >= 1, a
    common group or node (links and memory are not looked at); then, if asked for, j's latency.
    The nodes of `now` are every subtask's own after it left. O(K^2).
    """
    barred = given.group == given.group[:, None]
    node, agent = coming(np, given, now, now.here, np.arange(len(now.here)), barred, agents)
    return node, agent if agents else None


def arrivals(given: Given, now: Now, agents: bool) -> tuple[Floats, Floats | None]:
    """[K, N] each: what changes when a subtask comes to a node, and nobody leaves there.

    First the node's cost, inf where the subtask may not be (as in `replacements`) or is already;
    then, if asked for, the subtask's latency. The nodes of `now` are all of them. O(K N).
    """
    nodes = np.arange(len(now.quota))
    barred = np.zeros((len(nodes), len(now.here)), bool)
    joined, agent = coming(np, given, now, nodes, nodes, barred, agents)
    return joined.T, agent.T if agents else None


def coming(
    xp: Any, given: Given, now: Now, node: Rows, at: Rows, barred: Rows, agents: bool
) -> tuple[Rows, Rows]:
    """[R, K] twice: change of a node's cost, and of latencies, when each subtask comes to it.

    `xp` is `numpy` or `jax.numpy`. Each of R nodes' sums are entry `at` of those in `now`;
    `barred` subtasks may not come. A single node, without the R, gives [K].
    """
    service, visit, alone = given.service_s[node], now.visit_s[node], given.alone_s[node]
    serves = service > 0
    opens = now.opens[node] & serves
    rho = now.rho[at][..., None] + given.rate * service
    second = now.second[at][..., None] + given.rate * service * (2 * visit + service)
    waiting = now.waiting[at][..., None] + xp.where(opens, given.factor, 0.0)
    guest = opens & (given.source != node[..., None])
    room = ~guest | (now.guests[at] + 1 <= now.quota[at])[..., None]
    here = now.here == node[..., None]
    barred = barred | (rho >= 1) | ~room | here | xp.isinf(alone)
    wait = wait_seconds(second, xp.where(barred, 0.0, rho))
    spent = now.spent[at][..., None] + given.factor * xp.where(barred, 0.0, alone)
    change = xp.where(barred, inf, spent + waiting * wait - now.node_cost[at][..., None])
    if not agents:
        return change, xp.zeros(())
    latency = alone + xp.where(serves, wait, 0.0)
    return change, xp.where(barred, inf, latency - now.latency_s)
