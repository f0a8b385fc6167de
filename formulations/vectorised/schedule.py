"""Makespan of batches of placements, and of orders, as one scan over layers in JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from splitfog.formulations.vectorised.columns import Columns, Hops
from splitfog.formulations.vectorised.rows import pick, put, take
from splitfog.formulations.vectorised.transfers import (
    NodePairs,
    hop_busy_seconds,
    hop_seconds,
    merged,
    num_nodes,
    walk,
)

UNROLLED_INPUTS = 2
"""Inputs of a layer that need no loop of their own."""

ROUTES_BYTES = 1 << 26
"""The seconds of all tensors on all routes are tabled up to this size."""


class Layers(NamedTuple):
    """One task's layers on the device; short lists of inputs and readers repeat an entry.

    `times_s` [layers * nodes], `inputs` [layers, most inputs], `readers` [layers, most readers]
    (the layer itself and the sink included), `results` [results] that go to the sink, `routes_s`
    [layers * nodes * nodes] the seconds of every tensor on every route, None if that is too large.
    """

    times_s: Array
    output_bytes: Array
    inputs: Array
    num_inputs: Array
    readers: Array
    is_input: Array
    results: Array
    routes_s: Array | None


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


def layers_of(columns: Columns, hops: Hops) -> Layers:
    """The layers of an instance's only task."""
    (task,), inputs = columns.tasks, columns.tasks[0].model.inputs
    readers = [(layer, *found) for layer, found in enumerate(columns.destinations)]
    results = [layer for layer, *found in readers if found and found[-1] >= columns.count]
    return Layers(
        times_s=jnp.asarray(columns.times_s.reshape(-1)),
        output_bytes=jnp.asarray(columns.output_bytes),
        inputs=jnp.asarray(_padded(inputs)),
        num_inputs=jnp.asarray(np.array([len(tails) for tails in inputs], np.int32)),
        readers=jnp.asarray(_padded(readers)),
        is_input=jnp.asarray(task.is_input),
        results=jnp.asarray(np.array(results, np.int32)),
        routes_s=_routes_s(columns, hops),
    )


def _routes_s(columns: Columns, hops: Hops) -> Array | None:
    if 8 * columns.count * len(hops.reach) > ROUTES_BYTES:
        return None
    per_byte = columns.output_bytes[:, None] * hops.pair_seconds_per_byte
    return jnp.asarray((hops.pair_latency_s + per_byte).reshape(-1))


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
    pairs: NodePairs,
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
    if contention is not None:
        return _booked(layers, pairs, contention, places, orders)
    finish = _unhindered(layers, pairs, places, orders)
    end = finish.max(axis=0)
    if not len(sinks):
        return end
    pair = take(places, layers.results) * num_nodes(pairs) + sinks[0]
    seconds = _route_seconds(layers, pairs, layers.results[:, None], pair)
    return jnp.maximum(end, (take(finish, layers.results) + seconds).max(axis=0))


def _unhindered(layers: Layers, pairs: NodePairs, places: Array, orders: Array) -> Array:
    """[layers, batch] ends where transfers never wait.

    A node's next free moment is set from the end of the layer before, at the next step: the end
    is then read from where it was stored, and not computed a second time by a fused loop.
    """
    nodes, batch = num_nodes(pairs), places.shape[1]

    def step(state: tuple[Array, Array, Array], layer: Array) -> tuple[Any, None]:
        finish, free, before = state

        def arrival(tensor: Array, node: Array) -> Array:
            pair = _row(places, tensor) * nodes + node
            return _row(finish, tensor) + _route_seconds(layers, pairs, tensor, pair)

        occupied = jnp.broadcast_to(~take(layers.is_input, before), (batch,))
        free = put(free, _row(places, before), _row(finish, before), occupied)
        node = _row(places, layer)
        end = _end(layers, layer, node, arrival, pick(free, node))
        return (_with_row(finish, layer, end), free, layer), None

    nothing = (jnp.zeros((len(layers.output_bytes), batch)), jnp.zeros((nodes, batch)))
    return lax.scan(step, (*nothing, jnp.zeros_like(orders[0])), orders)[0][0]


def _booked(
    layers: Layers, pairs: NodePairs, contention: Contention, places: Array, orders: Array
) -> Array:
    """[batch] makespan where transfers wait for links and nodes.

    It is the latest moment at which any tensor is anywhere: an arrival is a result's, or comes
    before the end of a reader.
    """
    nodes, batch = num_nodes(pairs), places.shape[1]

    def step(state: tuple[Array, Clock], layer: Array) -> tuple[Any, None]:
        at, clock = state
        node = _row(places, layer)
        free = pick(clock.node, node)
        end = _end(layers, layer, node, lambda tensor, node: _entry(at, tensor, node), free)
        occupied = jnp.broadcast_to(~take(layers.is_input, layer), (batch,))
        clock = clock._replace(node=put(clock.node, node, end, occupied))
        clock, arrivals = _send(layers, pairs, contention, places, clock, layer, node, end)
        return (_with_row(at, layer, arrivals), clock), None

    at = jnp.zeros((len(layers.output_bytes), nodes, batch))
    clock = Clock(jnp.zeros((nodes, batch)), _idle_links(contention, batch))
    return lax.scan(step, (at, clock), orders)[0][0].max(axis=(0, 1))


def _end(
    layers: Layers,
    layer: Array,
    node: Array,
    arrival: Callable[[Array, Array], Array],
    free: Array,
) -> Array:
    """[batch]: end of a layer, from the arrivals of its inputs at its node; 0 for an input."""
    most, nodes = layers.inputs.shape[1], len(layers.times_s) // len(layers.inputs)
    inputs, number = take(layers.inputs, layer), take(layers.num_inputs, layer)
    tensors = (inputs[..., i] for i in range(min(most, UNROLLED_INPUTS)))
    ready = reduce(jnp.maximum, [arrival(tensor, node) for tensor in tensors])
    if most > UNROLLED_INPUTS:

        def later(i: Array, ready: Array) -> Array:
            tensor = lax.dynamic_index_in_dim(inputs, i, axis=-1, keepdims=False)
            return jnp.maximum(ready, arrival(tensor, node))

        ready = lax.fori_loop(UNROLLED_INPUTS, number.max(), later, ready)
    start = jnp.maximum(jnp.where(number > 0, ready, 0.0), free)
    seconds = take(layers.times_s, layer * nodes + node)
    return jnp.where(take(layers.is_input, layer), 0.0, start + seconds)


def _idle_links(contention: Contention, batch: int) -> Array:
    """[links, batch] zeros; no row unless links are shared."""
    return jnp.zeros((0 if contention.shared is None else len(contention.shared), batch))


def _send(
    layers: Layers,
    pairs: NodePairs,
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
        sent = start + hop_busy_seconds(pairs, at, num_bytes)
        if contention.half_duplex is not None:
            busy = put(put(clock.node, tail, sent, half_tail), head, sent, half_head)
            clock = clock._replace(node=busy)
        if contention.shared is not None:
            clock = clock._replace(link=put(clock.link, link, sent, shared))
        return clock, put(arrivals, head, finish, valid)

    numbers = lax.broadcasted_iota(jnp.int32, (nodes, 1), 0)
    arrivals = jnp.where(numbers == home[None], ready[None], 0.0)
    return walk(words, home, pairs, hop, (clock, arrivals))


def _route_seconds(layers: Layers, pairs: NodePairs, tensor: Array, pair: Array) -> Array:
    """Seconds of a tensor's route; inf where there is none."""
    if layers.routes_s is not None:
        return take(layers.routes_s, tensor * len(pairs.latency_s) + pair)
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
