"""The objectives over batches: which tables each reads, and its value and feasibility, in JAX."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from splitfog.formulations.objective import Objective
from splitfog.formulations.vectorised.columns import Columns, Hops, shipments
from splitfog.formulations.vectorised.feasible import (
    Rules,
    more_runs,
    obeys,
    overfull,
    reachable,
    rules_of,
)
from splitfog.formulations.vectorised.loads import (
    Queues,
    VisitColumns,
    link_busy,
    longest_busy,
    mean_wait,
    node_busy,
    queues,
    visits_of,
)
from splitfog.formulations.vectorised.schedule import (
    Contention,
    Layers,
    contention_of,
    is_order,
    layers_of,
    makespan,
)
from splitfog.formulations.vectorised.transfers import (
    Groups,
    MaskTables,
    NodePairs,
    Walks,
    groups_of,
    pairs_of,
    sums_of,
    total,
)


class Schedule(NamedTuple):
    """What `makespan` reads."""

    layers: Layers
    contention: Contention | None
    order: Array


class Links(NamedTuple):
    """What busy links need: shipments with factors, and [nodes, links] of half-duplex ends."""

    groups: tuple[Groups, ...]
    half_duplex: Array


class Tables(NamedTuple):
    """Everything on the device; None where the objective does not read it."""

    pairs: NodePairs
    rules: Rules
    sinks: Array
    quota: Array
    times_s: Array
    sums: MaskTables | Walks | None
    links: Links | None
    visits: VisitColumns | None
    schedule: Schedule | None


def tables_of(columns: Columns, hops: Hops, objective: Objective) -> Tables:
    """The tables of an instance; call it, and what reads them, within `jax.enable_x64(True)`."""
    name, tasks = objective.name, len(columns.tasks)
    sent = shipments(columns, objective.transfers)
    share = columns.weights if name == "mean-latency" else np.full(tasks, 1 / tasks)
    factor = columns.rates if name == "mean-latency" else np.ones(tasks)
    summed, queued = name in ("latency", "mean-latency"), name == "mean-latency"
    return Tables(
        pairs=pairs_of(hops),
        rules=rules_of(columns, hops, objective),
        sinks=jnp.asarray(np.array(columns.sinks, np.int32)),
        quota=jnp.asarray(_quota(columns)),
        times_s=jnp.asarray(columns.times_s),
        sums=sums_of(columns, hops, sent, share) if summed else None,
        links=_links_of(columns, groups_of(columns, sent, factor)) if name in _BUSY else None,
        visits=visits_of(columns) if queued else None,
        schedule=_schedule_of(columns, hops) if name == "makespan" else None,
    )


_BUSY = ("period", "mean-latency")


def _quota(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """[nodes, 1]: most foreign visits of every node."""
    most = np.iinfo(np.int64).max
    quotas = [most if node.quota is None else node.quota for node in columns.instance.nodes]
    return np.array(quotas, np.int64)[:, None]


def _links_of(columns: Columns, groups: tuple[Groups, ...]) -> Links:
    nodes, links = columns.instance.nodes, columns.instance.directed_links
    half_duplex = np.zeros((len(nodes), max(1, len(links))))
    for position, link in enumerate(links):
        for node in (link.tail, link.head):
            half_duplex[node, position] = not nodes[node].overlap
    return Links(groups, jnp.asarray(half_duplex))


def _schedule_of(columns: Columns, hops: Hops) -> Schedule:
    order = columns.tasks[0].model.order.astype(np.int32)
    return Schedule(layers_of(columns, hops), contention_of(columns), jnp.asarray(order))


class Streams(NamedTuple):
    """What tasks with rates add up to: queues of the nodes, and [batch] whether links keep up."""

    queues: Queues
    links_keep_up: Array


def values(tables: Tables, places: Array, orders: Array | None) -> Array:
    """[batch]: the objective; inf where it is impossible. Arguments are [columns, batch]."""
    places = _with_sinks(tables, places)
    return _values(tables, places, orders, _streams(tables, places))


def feasible(tables: Tables, places: Array, orders: Array | None) -> Array:
    """[batch]: whether no rule of docs/costs.md is broken. Arguments are [columns, batch]."""
    places = _with_sinks(tables, places)
    return _feasible(tables, places, orders, _streams(tables, places))


def feasible_values(tables: Tables, places: Array, orders: Array | None) -> Array:
    """[batch]: as `values`, but inf also where `feasible` says no; what both need is made once."""
    places = _with_sinks(tables, places)
    streams = _streams(tables, places)
    value = _values(tables, places, orders, streams)
    return jnp.where(_feasible(tables, places, orders, streams), value, jnp.inf)


def _values(tables: Tables, places: Array, orders: Array | None, streams: Streams | None) -> Array:
    if tables.schedule is not None:
        return _makespan(tables, tables.schedule, places, orders)
    if tables.sums is None:
        return _period(tables, places)
    value = total(tables.sums, tables.pairs, places)
    if streams is None:
        return value
    return jnp.where(streams.links_keep_up, value + mean_wait(streams.queues), jnp.inf)


def _feasible(
    tables: Tables, places: Array, orders: Array | None, streams: Streams | None
) -> Array:
    ok = obeys(tables.rules, places)
    if orders is not None:
        ok &= is_order(tables.rules.edges, orders.astype(jnp.int32))
    if streams is None:
        return ok
    found = streams.queues
    ok &= (found.rho < 1).all(axis=0) & (found.guests <= tables.quota).all(axis=0)
    return ok & streams.links_keep_up


def _streams(tables: Tables, places: Array) -> Streams | None:
    """None where the objective reads no rates."""
    if tables.visits is None:
        return None
    return Streams(queues(tables.visits, places), _links_keep_up(tables, places))


def excess(tables: Tables, places: Array, orders: Array | None) -> Array:
    """[batch]: how far memory is overfull and nodes overloaded, relative, and runs too many."""
    memory, total = tables.rules.memory, more_runs(tables.rules, places)
    if memory is not None:
        total += overfull(memory, places)
    if tables.visits is not None:
        rho = queues(tables.visits, places).rho
        total += jnp.maximum(rho - 1, 0.0).sum(axis=0)
    return total


def _with_sinks(tables: Tables, places: Array) -> Array:
    """The places with a row for every sink."""
    sinks = tables.sinks.astype(places.dtype)[:, None]
    return jnp.concatenate([places, jnp.broadcast_to(sinks, (len(sinks), places.shape[1]))])


def _makespan(tables: Tables, schedule: Schedule, places: Array, orders: Array | None) -> Array:
    layers, contention, order = schedule
    given = order if orders is None else orders.astype(jnp.int32)
    value = makespan(layers, tables.pairs, contention, tables.sinks, places, given)
    possible = reachable(tables.rules, places)
    if orders is not None:
        possible &= is_order(tables.rules.edges, given)
    return jnp.where(possible, value, jnp.inf)


def _period(tables: Tables, places: Array) -> Array:
    assert tables.links is not None
    busy_s = _link_loads(tables, places)
    value = longest_busy(node_busy(tables.times_s, places), busy_s, tables.links.half_duplex)
    return jnp.where(reachable(tables.rules, places), value, jnp.inf)


def _link_loads(tables: Tables, places: Array) -> Array:
    assert tables.links is not None
    count = tables.links.half_duplex.shape[1]
    return link_busy(tables.links.groups, tables.pairs, places, count)


def _links_keep_up(tables: Tables, places: Array) -> Array:
    return (_link_loads(tables, places) < 1).all(axis=0)
