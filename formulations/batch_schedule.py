"""Makespan of batches of placements, and of orders (SPEC 3.2), as one scan over layers in JAX."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from splitfog.formulations.batch_rows import pick, put, take
from splitfog.formulations.batch_tables import Columns
from splitfog.formulations.batch_transfers import Pairs, hop_seconds, merged, num_nodes, walk

UNROLLED_INPUTS = 2
"""Inputs of a layer that need no loop of their own."""


class Layers(NamedTuple):
    """One task's layers on the device; short lists of inputs and readers repeat an entry.

    `times_s` [layers * nodes], `inputs` [layers, most inputs], `readers` [layers, most readers];
    readers include the layer itself and the sink.
    """

    times_s: Array
    output_bytes: Array
    inputs: Array
    num_inputs: Array
    readers: Array
    is_input: Array
    is_result: Array
    edges: Array


class Contention(NamedTuple):
    """What may be waited for beside a node's computing.

    `half_duplex` [nodes] marks nodes with `overlap: false`, `shared` [links] such links; None
    where no link or node is so.
    """

    half_duplex: Array | None
    shared: Array | None


class Clock(NamedTuple):
    """When nodes [nodes, batch] and directed links [links, batch] are free next."""

    node: Array
    link: Array


def layers_of(columns: Columns) -> Layers:
    """The layers of an instance's only task."""
    model = columns.tasks[0].model
    readers = [(i, *found) for i, found in enumerate(columns.destinations)]
    sinks = np.array([max(found) >= columns.count for found in readers])
    tables = (
        columns.times_s.reshape(-1), columns.output_bytes, _padded(model.inputs),
        np.array([len(tails) for tails in model.inputs], np.int32), _padded(readers),
        columns.tasks[0].is_input, sinks, columns.edges.astype(np.int32),
    )  # fmt: skip
    return Layers(*(jnp.asarray(table) for table in tables))


def _padded(lists: Sequence[tuple[int, ...]]) -> NDArray[np.int32]:
    """Lists of equal length: shorter ones repeat their first item (0 if they have none)."""
    width = max(1, *map(len, lists))
    filled = [items or (0,) for items in lists]
    return np.array([(*items, *items[:1] * (width - len(items))) for items in filled], np.int32)


def contention_of(columns: Columns) -> Contention | None:
    """Shared links and half-duplex nodes; None where transfers never wait."""
    half, shared = _half_duplex(columns), _shared(columns)
    if not half.any() and not shared.any():
        return None
    return Contention(
        jnp.asarray(half) if half.any() else None,
        jnp.asarray(shared) if shared.any() else None,
    )


def transfers_wait(columns: Columns) -> bool:
    """Whether a transfer may ever wait for a link or a node."""
    return bool(_half_duplex(columns).any() or _shared(columns).any())


def _half_duplex(columns: Columns) -> NDArray[np.bool_]:
    """[nodes]: nodes with `overlap: false` that have links."""
    instance = columns.instance
    linked = {end for link in instance.directed_links for end in (link.tail, link.head)}
    return np.array([not n.overlap and i in linked for i, n in enumerate(instance.nodes)])


def _shared(columns: Columns) -> NDArray[np.bool_]:
    """[links]: shared directed links."""
    return np.array([link.shared for link in columns.instance.directed_links], bool)


def is_order(edges: Array, orders: Array) -> Array:
    """[batch]: whether each of `orders` [layers, batch] is a topological order of all layers."""
    rows = lax.broadcasted_iota(jnp.int32, orders.shape, 0)
    lanes = lax.broadcasted_iota(jnp.int32, orders.shape, 1)
    unseen = jnp.full(orders.shape, -1, jnp.int32)
    rank = unseen.at[orders, lanes].max(rows, mode="promise_in_bounds")
    forwards = take(rank, edges[:, 0]) < take(rank, edges[:, 1])
    return (rank >= 0).all(axis=0) & forwards.all(axis=0)


def makespan(
    layers: Layers,
    pairs: Pairs,
    contention: Contention | None,
    sinks: Array,
    places: Array,
    orders: Array,
) -> Array:
    """[batch]: latest end of a layer or arrival of a result.

    Parameters
    ----------
    sinks
        [0] or [1]: the node that results go to.
    places
        [layers, batch] (and a row more for the sink) of node positions.
    orders
        Topological orders: [layers], one for the whole batch, or [layers, batch].
    """
    places = places.astype(jnp.int32)
    (count, most), nodes, batch = layers.inputs.shape, num_nodes(pairs), places.shape[1]
    at = jnp.zeros((count, batch) if contention is None else (count, nodes, batch))
    clock = Clock(jnp.zeros((nodes, batch)), _idle_links(contention, batch))

    def arrival(at: Array, tensor: Array, node: Array) -> Array:
        if contention is not None:
            return _entry(at, tensor, node)
        pair = _row(places, tensor) * nodes + node
        return _row(at, tensor) + _route_seconds(layers, pairs, tensor, pair)

    def ready(at: Array, layer: Array, node: Array) -> Array:
        inputs = take(layers.inputs, layer)
        tensors = (inputs[..., i] for i in range(min(most, UNROLLED_INPUTS)))
        latest = reduce(jnp.maximum, [arrival(at, tensor, node) for tensor in tensors])
        number = take(layers.num_inputs, layer)
        if most > UNROLLED_INPUTS:

            def later(i: Array, latest: Array) -> Array:
                tensor = lax.dynamic_index_in_dim(inputs, i, axis=-1, keepdims=False)
                return jnp.maximum(latest, arrival(at, tensor, node))

            latest = lax.fori_loop(UNROLLED_INPUTS, number.max(), later, latest)
        return jnp.where(number > 0, latest, 0.0)

    def step(state: tuple[Clock, Array, Array], layer: Array) -> tuple[Any, None]:
        clock, at, end = state
        node = _row(places, layer)
        is_input = take(layers.is_input, layer)
        start = jnp.maximum(ready(at, layer, node), pick(clock.node, node))
        finish = jnp.where(is_input, 0.0, start + take(layers.times_s, layer * nodes + node))
        occupied = jnp.broadcast_to(~is_input, finish.shape)
        clock = clock._replace(node=put(clock.node, node, finish, occupied))
        if contention is None:
            sent = finish
        else:
            clock, sent = _send(layers, pairs, contention, places, clock, layer, node, finish)
        at = _with_row(at, layer, sent)
        end = jnp.maximum(end, finish)
        if len(sinks):
            there = arrival(at, layer, jnp.broadcast_to(sinks[0], node.shape))
            end = jnp.maximum(end, jnp.where(take(layers.is_result, layer), there, 0.0))
        return (clock, at, end), None

    return lax.scan(step, (clock, at, jnp.zeros(batch)), orders)[0][2]


def _idle_links(contention: Contention | None, batch: int) -> Array:
    """[links, batch] zeros; no row unless links are shared."""
    shared = None if contention is None else contention.shared
    return jnp.zeros((0 if shared is None else len(shared), batch))


def _send(
    layers: Layers,
    pairs: Pairs,
    contention: Contention,
    places: Array,
    clock: Clock,
    tensor: Array,
    home: Array,
    ready: Array,
) -> tuple[Clock, Array]:
    """Book the hops of a tensor's tree; [nodes, batch] of when it is at each node."""
    nodes = num_nodes(pairs)
    num_bytes = take(layers.output_bytes, tensor)
    readers = jnp.moveaxis(take(layers.readers, tensor), -1, 0)
    heads = take(places, readers) if tensor.ndim == 0 else _row(places, readers)
    words = merged(pairs, (home * nodes)[None] + heads)

    def hop(at: Array, valid: Array, state: tuple[Clock, Array]) -> tuple[Clock, Array]:
        clock, arrivals = state
        tail, head = take(pairs.hop_tail, at), take(pairs.hop_head, at)
        start = pick(arrivals, tail)
        if contention.half_duplex is not None:
            half_tail = take(contention.half_duplex, tail) & valid
            half_head = take(contention.half_duplex, head) & valid
            start = jnp.maximum(start, jnp.where(half_tail, pick(clock.node, tail), 0.0))
            start = jnp.maximum(start, jnp.where(half_head, pick(clock.node, head), 0.0))
        if contention.shared is not None:
            link = take(pairs.hop_link, at)
            shared = take(contention.shared, link) & valid
            start = jnp.maximum(start, jnp.where(shared, pick(clock.link, link), 0.0))
        finish = start + hop_seconds(pairs, at, num_bytes)
        if contention.half_duplex is not None:
            busy = put(put(clock.node, tail, finish, half_tail), head, finish, half_head)
            clock = clock._replace(node=busy)
        if contention.shared is not None:
            clock = clock._replace(link=put(clock.link, link, finish, shared))
        return clock, put(arrivals, head, finish, valid)

    numbers = lax.broadcasted_iota(jnp.int32, (nodes, 1), 0)
    arrivals = jnp.where(numbers == home[None], ready[None], 0.0)
    return walk(words, home, pairs, hop, (clock, arrivals))


def _route_seconds(layers: Layers, pairs: Pairs, tensor: Array, pair: Array) -> Array:
    """Seconds of a tensor's route; inf where there is none."""
    per_byte = take(pairs.seconds_per_byte, pair)
    return take(pairs.latency_s, pair) + take(layers.output_bytes, tensor) * per_byte


def _row(rows: Array, layer: Array) -> Array:
    """Row `layer` of [layers, batch], one for the whole batch or one a placement."""
    if layer.ndim == 0:
        return take(rows, layer)
    lanes = lax.broadcasted_iota(jnp.int32, layer.shape, layer.ndim - 1)
    return rows.at[layer, lanes].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _entry(at: Array, layer: Array, node: Array) -> Array:
    """[batch] of `at` [layers, nodes, batch]."""
    if layer.ndim == 0:
        return pick(take(at, layer), node)
    lanes = lax.iota(jnp.int32, at.shape[2])
    return at.at[layer, node, lanes].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _with_row(at: Array, layer: Array, row: Array) -> Array:
    """`at` [layers, ..., batch] with a row [..., batch] written, as in `_row`."""
    if layer.ndim == 0:
        return at.at[layer].set(row, mode="promise_in_bounds")
    lanes = lax.iota(jnp.int32, at.shape[-1])
    if at.ndim == 2:
        return at.at[layer, lanes].set(row, mode="promise_in_bounds", unique_indices=True)
    nodes = lax.broadcasted_iota(jnp.int32, row.shape, 0)
    return at.at[layer[None], nodes, lanes[None]].set(
        row, mode="promise_in_bounds", unique_indices=True
    )
