"""Computing plus transfers of batches of placements (docs/costs.md), in JAX.

Two ways, chosen by size. With few nodes, the cost of a layer and its shipment depends on the
producer's node and on the *set* of nodes that receive it: one look-up in a table that holds all
2 ** nodes sets. Else the routes to the receivers are merged as sets of hops, and those added up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import isqrt
from typing import NamedTuple, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from splitfog.formulations.vectorised.columns import Columns, Hops, Shipments, tree_tables
from splitfog.formulations.vectorised.rows import pick, put, take

MASK_NODES = 8
"""Up to so many nodes sets of nodes are tabled."""

MASK_TABLE_BYTES = 1 << 26
"""Tables of sets no larger than this."""


Carry = TypeVar("Carry")


class Groups(NamedTuple):
    """Shipments of one size on the device: [n], [n, size], and [n] the bytes, sends and factor."""

    producers: Array
    destinations: Array
    output_bytes: Array
    sends: Array
    factor: Array


class NodePairs(NamedTuple):
    """Routes on the device: [nodes * nodes] tables and the hops of `Hops`."""

    latency_s: Array
    seconds_per_byte: Array
    words: Array
    hop_latency_s: Array
    hop_busy_latency_s: Array
    hop_seconds_per_byte: Array
    hop_tail: Array
    hop_head: Array
    hop_link: Array


def pairs_of(hops: Hops) -> NodePairs:
    """The tables of `hops` on the device."""
    return NodePairs(
        latency_s=jnp.asarray(hops.pair_latency_s),
        seconds_per_byte=jnp.asarray(hops.pair_seconds_per_byte),
        words=jnp.asarray(hops.words),
        hop_latency_s=jnp.asarray(hops.latency_s),
        hop_busy_latency_s=jnp.asarray(hops.busy_latency_s),
        hop_seconds_per_byte=jnp.asarray(hops.seconds_per_byte),
        hop_tail=jnp.asarray(hops.tail),
        hop_head=jnp.asarray(hops.head),
        hop_link=jnp.asarray(hops.link),
    )


def groups_of(
    columns: Columns, sent: tuple[Shipments, ...], factor: NDArray[np.float64]
) -> tuple[Groups, ...]:
    """Shipments on the device; `factor` [tasks] is what a second of a task's transfer counts."""
    return tuple(
        Groups(
            jnp.asarray(group.producers),
            jnp.asarray(group.destinations),
            jnp.asarray(columns.output_bytes[group.producers]),
            jnp.asarray(columns.sends[group.producers]),
            jnp.asarray(factor[columns.task[group.producers]]),
        )
        for group in sent
    )


class MaskTables(NamedTuple):
    """[shipments, nodes * 2 ** nodes] seconds by producer's node and set of receiving nodes."""

    seconds: Array
    producers: tuple[Array, ...]
    destinations: tuple[Array, ...]


def fits_masks(columns: Columns, sent: tuple[Shipments, ...]) -> bool:
    """Whether sets of nodes can be tabled."""
    nodes: int = columns.times_s.shape[1]
    entries: int = sum(len(group.producers) for group in sent) * nodes * 2**nodes
    return nodes <= MASK_NODES and 8 * entries <= MASK_TABLE_BYTES


def mask_tables(
    columns: Columns, hops: Hops, sent: tuple[Shipments, ...], factor: NDArray[np.float64]
) -> MaskTables:
    """The tables of all shipments; a column's time is in the one that carries it."""
    latency_s, seconds_per_byte = tree_tables(hops)
    rows = []
    for group in sent:
        num_bytes = columns.output_bytes[group.producers][:, None, None]
        times_s = columns.times_s[group.producers] * group.carries_time[:, None]
        share = factor[columns.task[group.producers]][:, None, None]
        # what is never sent goes nowhere: no latency, and no factor of one
        sends = np.maximum(columns.sends[group.producers], 1.0)[:, None, None]
        seconds = sends * latency_s + num_bytes * seconds_per_byte + times_s[:, :, None]
        # a task that counts nothing (factor 0) must still have its routes
        rows.append(np.where(np.isfinite(seconds), share, 1.0) * seconds)
    table = np.concatenate(rows)
    return MaskTables(
        jnp.asarray(table.reshape(len(table), -1)),
        tuple(jnp.asarray(group.producers) for group in sent),
        tuple(jnp.asarray(group.destinations) for group in sent),
    )


class Walks(NamedTuple):
    """[columns, nodes] times and the shipments, all with their factors."""

    times_s: Array
    groups: tuple[Groups, ...]


def sums_of(
    columns: Columns, hops: Hops, sent: tuple[Shipments, ...], factor: NDArray[np.float64]
) -> MaskTables | Walks:
    """What `total` reads, in the form that fits the number of nodes.

    `factor` [tasks] is what a second of each task counts.
    """
    if fits_masks(columns, sent):
        return mask_tables(columns, hops, sent, factor)
    times_s = columns.times_s * factor[columns.task][:, None]
    return Walks(jnp.asarray(times_s), groups_of(columns, sent, factor))


def total(sums: MaskTables | Walks, pairs: NodePairs, places: Array) -> Array:
    """[batch]: seconds of all layers and shipments times their factors; inf without a route.

    `places` is [columns and sinks, batch].
    """
    if isinstance(sums, MaskTables):
        return _mask_sum(sums, places, num_nodes(pairs))
    value = _entries_sum(sums.times_s, places[: len(sums.times_s)])
    for group in sums.groups:
        summed = _routes_sum if group.destinations.shape[1] == 1 else _trees_sum
        value += summed(group, pairs, places)
    return value


def num_nodes(pairs: NodePairs) -> int:
    """Number of nodes."""
    return isqrt(len(pairs.latency_s))


def _mask_sum(tables: MaskTables, places: Array, nodes: int) -> Array:
    """One gather a shipment, with codes of one or two bytes."""
    dtype = jnp.uint8 if nodes << nodes <= 256 else jnp.uint16
    places = places.astype(dtype)
    bits = jnp.left_shift(jnp.ones((), dtype), places)
    codes = []
    for producers, destinations in zip(tables.producers, tables.destinations, strict=True):
        sets = (take(bits, destinations[:, i]) for i in range(destinations.shape[1]))
        roots = jnp.left_shift(take(places, producers), jnp.asarray(nodes, dtype))
        codes.append(roots | reduce(jnp.bitwise_or, sets))
    return _entries_sum(tables.seconds, jnp.concatenate(codes))


def _entries_sum(table: Array, codes: Array) -> Array:
    """[batch]: the sum over rows of the entries of `table` [rows, codes] at `codes`."""

    def step(value: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        entries, code = row
        return value + take(entries, code.astype(jnp.int32)), None

    return lax.scan(step, jnp.zeros(codes.shape[1]), (table, codes))[0]


def _routes_sum(group: Groups, pairs: NodePairs, places: Array) -> Array:
    """Shipments to one column each: a look-up of the route."""

    def step(value: Array, row: Groups) -> tuple[Array, None]:
        root, heads = ends(row, places)
        pair = root * num_nodes(pairs) + heads[0]
        per_byte = take(pairs.seconds_per_byte, pair)
        seconds = row.sends * take(pairs.latency_s, pair) + row.output_bytes * per_byte
        # a task that counts nothing (factor 0) must still have its routes
        return value + jnp.where(jnp.isinf(seconds), jnp.inf, seconds * row.factor), None

    return lax.scan(step, jnp.zeros(places.shape[1]), group)[0]


def _trees_sum(group: Groups, pairs: NodePairs, places: Array) -> Array:
    """Shipments to sets: the routes' hops are merged and visited one by one."""

    def step(value: Array, row: Groups) -> tuple[Array, None]:
        root, heads = ends(row, places)
        code = (root * num_nodes(pairs))[None] + heads
        lost = jnp.isinf(take(pairs.latency_s, code)).any(axis=0)

        def hop(at: Array, valid: Array, value: Array) -> Array:
            seconds = hop_seconds(pairs, at, row.output_bytes, row.sends)
            return value + jnp.where(valid, seconds * row.factor, 0.0)

        return walk(merged(pairs, code), root, pairs, hop, jnp.where(lost, jnp.inf, value)), None

    return lax.scan(step, jnp.zeros(places.shape[1]), group)[0]


def ends(row: Groups, places: Array) -> tuple[Array, Array]:
    """Nodes of a shipment's producer [batch] and of its receivers [size, batch]."""
    root = take(places, row.producers).astype(jnp.int32)
    return root, take(places, row.destinations).astype(jnp.int32)


def hop_seconds(pairs: NodePairs, at: Array, num_bytes: Array, sends: Array | float = 1.0) -> Array:
    """Seconds that a tensor takes over the hops at flat positions `at`, in so many transfers."""
    seconds = num_bytes * take(pairs.hop_seconds_per_byte, at)
    return sends * take(pairs.hop_latency_s, at) + seconds


def hop_busy_seconds(
    pairs: NodePairs, at: Array, num_bytes: Array, sends: Array | float = 1.0
) -> Array:
    """Seconds that it occupies the links of the hops at flat positions `at`."""
    seconds = num_bytes * take(pairs.hop_seconds_per_byte, at)
    return sends * take(pairs.hop_busy_latency_s, at) + seconds


def merged(pairs: NodePairs, code: Array) -> Array:
    """[words, batch]: the hops of the tree of routes with the pair codes [size, batch]."""
    words = [
        lax.reduce(take(word, code), np.uint64(0), lax.bitwise_or, (0,)) for word in pairs.words
    ]
    return jnp.stack(words)


def walk(
    words: Array,
    root: Array,
    pairs: NodePairs,
    visit: Callable[[Array, Array, Carry], Carry],
    carry: Carry,
) -> Carry:
    """Visit the hops in `words` [words, batch] in the order of `makespan`, all placements at once.

    `visit` is given the hops' flat positions, whether each is one (placements may have fewer than
    others), and the carry. As many steps as the largest tree of the batch has hops.
    """
    size = max(1, num_nodes(pairs) - 1)

    def more(state: tuple[Array, Carry]) -> Array:
        return jnp.any(state[0] != 0)

    def step(state: tuple[Array, Carry]) -> tuple[Array, Carry]:
        left, carry = state
        word = jnp.argmax(left != 0, axis=0).astype(jnp.int32)
        bits = pick(left, word)
        valid = bits != 0
        others = bits & (bits - jnp.ones_like(bits))
        hop = 64 * word + lax.population_count((bits ^ others) - jnp.ones_like(bits)).astype(
            jnp.int32
        )
        at = root * size + jnp.where(valid, hop, 0)
        return put(left, word, others, valid), visit(at, valid, carry)

    return lax.while_loop(more, step, (words, carry))[1]
