"""Busy times and queues of batches of placements (docs/costs.md), in JAX."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from splitfog.formulations.vectorised.columns import Columns
from splitfog.formulations.vectorised.rows import add, take
from splitfog.formulations.vectorised.transfers import (
    Groups,
    NodePairs,
    ends,
    hop_busy_seconds,
    merged,
    num_nodes,
    walk,
)
from splitfog.formulations.vectorised.waits import wait_seconds


class VisitColumns(NamedTuple):
    """Per column: [columns, nodes] times, whether it ends its task, and its task's figures."""

    times_s: Array
    is_last: Array
    rate: Array
    weight: Array
    source: Array


class Queues(NamedTuple):
    """Per node [nodes, batch]: load, second moment, weight and number of foreign visits."""

    rho: Array
    second: Array
    weight: Array
    guests: Array


def visits_of(columns: Columns) -> VisitColumns:
    """The columns' figures on the device; the source is -1 where a task has none."""
    is_last = np.zeros(columns.count, bool)
    is_last[columns.first[1:] - 1] = True
    sources = np.array([-1 if t.source is None else t.source for t in columns.tasks], np.int32)
    return VisitColumns(
        times_s=jnp.asarray(columns.times_s),
        is_last=jnp.asarray(is_last),
        rate=jnp.asarray(columns.rates[columns.task]),
        weight=jnp.asarray(columns.weights[columns.task]),
        source=jnp.asarray(sources[columns.task]),
    )


def node_busy(times_s: Array, places: Array) -> Array:
    """[nodes, batch]: seconds of all layers on every node."""

    def step(busy: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        times, place = row
        place = place.astype(jnp.int32)
        return add(busy, place, take(times, place)), None

    busy = jnp.zeros((times_s.shape[1], places.shape[1]))
    return lax.scan(step, busy, (times_s, places[: len(times_s)]))[0]


def link_busy(groups: tuple[Groups, ...], pairs: NodePairs, places: Array, links: int) -> Array:
    """[links, batch]: seconds times their factors that shipments are on every directed link."""
    busy = jnp.zeros((links, places.shape[1]))

    def step(busy: Array, row: Groups) -> tuple[Array, None]:
        root, heads = ends(row, places)

        def hop(at: Array, valid: Array, busy: Array) -> Array:
            seconds = hop_busy_seconds(pairs, at, row.output_bytes, row.sends) * row.factor
            return add(busy, take(pairs.hop_link, at), jnp.where(valid, seconds, 0.0))

        words = merged(pairs, (root * num_nodes(pairs))[None] + heads)
        return walk(words, root, pairs, hop, busy), None

    for group in groups:
        busy = lax.scan(step, busy, group)[0]
    return busy


def longest_busy(node_busy_s: Array, link_busy_s: Array, half_duplex: Array) -> Array:
    """[batch]: the longest busy time; `half_duplex` [nodes, links] marks a node's own links.

    Only nodes with `overlap: false` have marks: they are also busy with what crosses there.
    """
    crossing = jnp.matmul(half_duplex, link_busy_s, precision=lax.Precision.HIGHEST)
    return jnp.concatenate([node_busy_s + crossing, link_busy_s]).max(axis=0)


def queues(visits: VisitColumns, places: Array) -> Queues:
    """What the tasks' visits add up to on every node, task by task."""
    shape = (visits.times_s.shape[1], places.shape[1])
    numbers = lax.broadcasted_iota(jnp.int32, (shape[0], 1), 0)

    def leave(state: tuple[Array, Queues], row: VisitColumns) -> tuple[Array, Queues]:
        service, totals = state
        present = service > 0
        load = row.rate * service
        totals = Queues(
            totals.rho + load,
            totals.second + load * service,
            totals.weight + jnp.where(present, row.weight, 0.0),
            totals.guests + (present & (numbers != row.source)).astype(jnp.int64),
        )
        return jnp.zeros_like(service), totals

    def step(
        state: tuple[Array, Queues], row: tuple[VisitColumns, Array]
    ) -> tuple[tuple[Array, Queues], None]:
        visit, place = row
        place = place.astype(jnp.int32)
        service = add(state[0], place, take(visit.times_s, place))
        state = (service, state[1])
        return lax.cond(visit.is_last, lambda: leave(state, visit), lambda: state), None

    nothing = jnp.zeros(shape)
    totals = Queues(nothing, nothing, nothing, jnp.zeros(shape, jnp.int64))
    rows = (visits, places[: len(visits.times_s)])
    return lax.scan(step, (nothing, totals), rows)[0][1]


def mean_wait(totals: Queues) -> Array:
    """[batch]: the visits' waits by Pollaczek-Khinchine, weighted; inf where some rho >= 1."""
    possible = (totals.rho < 1).all(axis=0)
    wait_s = wait_seconds(totals.second, totals.rho)
    waits = jnp.where(totals.weight > 0, totals.weight * wait_s, 0.0).sum(axis=0)
    return jnp.where(possible, waits, jnp.inf)
