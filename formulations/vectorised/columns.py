"""An instance as flat arrays over all tasks' layers, for the costs of batches of placements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.instance import Instance

WORD_BITS = 64
"""Hops in one word of a set of hops."""


@dataclass(frozen=True, eq=False)
class Columns:
    """All tasks' layers as columns, task by task in file order, then one *sink* a result node.

    A sink is a column whose place is fixed: a node that some task's results go to.
    """

    instance: Instance

    @cached_property
    def tasks(self) -> tuple[TaskArrays, ...]:
        """The arrays of every task."""
        return tuple(task_arrays(self.instance, task) for task in range(len(self.instance.tasks)))

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """[tasks + 1]: first column of every task, then the number of columns without sinks."""
        return np.cumsum([0] + [len(task.model.layers) for task in self.tasks])

    @property
    def count(self) -> int:
        """Number of layers of all tasks."""
        return int(self.first[-1])

    @cached_property
    def task(self) -> NDArray[np.int64]:
        """[columns]: the task a layer belongs to."""
        return np.repeat(np.arange(len(self.tasks)), np.diff(self.first))

    @cached_property
    def sinks(self) -> tuple[int, ...]:
        """Node of every sink."""
        nodes = {task.results_to for task in self.tasks} - {None}
        return tuple(sorted(node for node in nodes if node is not None))

    @cached_property
    def times_s(self) -> NDArray[np.float64]:
        """[columns, nodes]: `layer_time`."""
        return np.concatenate([task.times_s for task in self.tasks])

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """[columns, nodes]: whether a layer may be there."""
        return np.concatenate([task.allowed for task in self.tasks])

    @cached_property
    def output_bytes(self) -> NDArray[np.float64]:
        """[columns]: size of the layer's tensor."""
        return np.concatenate([task.output_bytes for task in self.tasks])

    @cached_property
    def sends(self) -> NDArray[np.float64]:
        """[columns]: how often a request sends the layer's tensor."""
        return np.concatenate([task.sends for task in self.tasks])

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """[edges, 2] of (producer, consumer) columns; sinks and results are not in it."""
        shifted = [task.model.edges + self.first[i] for i, task in enumerate(self.tasks)]
        return np.concatenate(shifted).astype(np.int64)

    @cached_property
    def destinations(self) -> tuple[tuple[int, ...], ...]:
        """Columns that read each column's tensor: one an edge (repeats kept), a result's sink.

        None of a tensor that is never sent.
        """
        found: list[tuple[int, ...]] = []
        for task, first in zip(self.tasks, self.first[:-1].tolist(), strict=True):
            target, sends = task.results_to, task.sends.tolist()
            sink = [] if target is None else [self.count + self.sinks.index(target)]
            for row, (reads, is_result) in enumerate(
                zip(task.model.reads, task.model.results, strict=True)
            ):
                ends = (*(first + read for read in reads), *(sink if is_result else ()))
                found.append(ends if sends[row] else ())
        return tuple(found)

    @cached_property
    def rates(self) -> NDArray[np.float64]:
        """[tasks]: arrivals per second, 0 where there is no rate."""
        return np.array([task.arrivals_per_s or 0.0 for task in self.instance.tasks])

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """[tasks]: share of a task's latency in `mean-latency`; they add up to 1."""
        rates = self.rates if self.rates.any() else np.ones(len(self.tasks))
        return np.asarray(rates / rates.sum(), float)


@dataclass(frozen=True, eq=False)
class Shipments:
    """Tensors on their way to sets of columns, all with sets of one (padded) size.

    `destinations` is [shipments, size]; a shorter set repeats its first. `carries_time` marks one
    shipment of each column, the one to which a cost per layer may be tied.
    """

    producers: NDArray[np.int32]
    destinations: NDArray[np.int32]
    carries_time: NDArray[np.bool_]


def shipments(columns: Columns, transfers: str) -> tuple[Shipments, ...]:
    """What has to be sent, by size of the destination set rounded up to a power of two.

    `once`: one shipment a tensor, to all its readers; `per-edge`: one an edge and a result. A
    tensor without readers is shipped to itself, at no cost, so that every column has a shipment.
    """
    found = sorted(_shipments(columns, transfers), key=lambda item: _padded_size(item[1]))
    return tuple(
        _class_of(list(items), size)
        for size, items in groupby(found, key=lambda item: _padded_size(item[1]))
    )


def _shipments(columns: Columns, transfers: str) -> Iterator[tuple[int, tuple[int, ...], bool]]:
    for column, readers in enumerate(columns.destinations):
        if transfers == "once" or not readers:
            yield column, tuple(dict.fromkeys(readers)) or (column,), True
        else:
            for position, reader in enumerate(readers):
                yield column, (reader,), position == 0


def _padded_size(destinations: tuple[int, ...]) -> int:
    return 1 << (len(destinations) - 1).bit_length()


def _class_of(items: list[tuple[int, tuple[int, ...], bool]], size: int) -> Shipments:
    sets = [(*readers, *readers[:1] * (size - len(readers))) for _, readers, _ in items]
    return Shipments(
        np.array([column for column, _, _ in items], np.int32),
        np.array(sets, np.int32),
        np.array([carries for _, _, carries in items], bool),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Hops:
    """The routes from every node, as the hops of its whole tree in the order of `makespan`.

    A hop is a position in that order; a set of hops is a row of 64-bit words. Tables are flat:
    pairs [nodes * nodes] by `tail * nodes + head`, hops [nodes * size] by `root * size + hop`.
    Latencies hold `delay_s`, but for `busy_latency_s`: that of a hop in which its link is busy.
    `pair_latency_s` is inf and `pair_seconds_per_byte` 0 where there is no route.
    """

    size: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    link: NDArray[np.int32]
    latency_s: NDArray[np.float64]
    busy_latency_s: NDArray[np.float64]
    seconds_per_byte: NDArray[np.float64]
    uses: NDArray[np.bool_]
    pair_latency_s: NDArray[np.float64]
    pair_seconds_per_byte: NDArray[np.float64]

    @property
    def reach(self) -> NDArray[np.bool_]:
        """[nodes * nodes]: whether there is a route."""
        return np.isfinite(self.pair_latency_s)

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """[words, nodes * nodes]: the hops of every route."""
        nodes = len(self.uses)
        count = -(-self.size // WORD_BITS)
        bits = np.zeros((nodes * nodes, count * WORD_BITS), bool)
        bits[:, : self.size] = self.uses.reshape(nodes * nodes, self.size)
        packed = np.packbits(bits, axis=1, bitorder="little").view("<u8")
        return np.ascontiguousarray(packed.T).astype(np.uint64)


def hops_of(instance: Instance) -> Hops:
    """The hops of all route trees; `uses` [nodes, nodes, size] tells those of each route.

    O(nodes^2 * longest route) after the routes themselves; memory O(nodes^3 / 8) bytes in words.
    """
    routes, links = routes_of(instance), instance.directed_links
    nodes = len(instance.nodes)
    size = max(1, nodes - 1)
    link = np.full((nodes, size), -1, np.int32)
    uses = np.zeros((nodes, nodes, size), bool)
    for root in range(nodes):
        reached = {head for head in range(nodes) if routes.path(root, head) is not None}
        tree = routes.tree(root, reached) or ()
        link[root, : len(tree)] = tree
        at = {position: hop for hop, position in enumerate(tree)}
        for head in reached:
            uses[root, head, [at[position] for position in routes.path(root, head) or ()]] = True
    rows = [(d.tail, d.head, d.lag_s, d.latency_s, 8 / d.bandwidth_bps) for d in links]
    rows.append((0, 0, 0.0, 0.0, 0.0))
    tails, heads, lag_s, latency_s, seconds_per_byte = map(np.array, zip(*rows, strict=True))
    flat = link.reshape(-1)  # -1, no hop, meets the row added at the end
    return Hops(
        size=size,
        tail=tails[flat].astype(np.int32),
        head=heads[flat].astype(np.int32),
        link=np.where(flat < 0, 0, flat).astype(np.int32),
        latency_s=lag_s[flat].astype(float),
        busy_latency_s=latency_s[flat].astype(float),
        seconds_per_byte=seconds_per_byte[flat].astype(float),
        uses=uses,
        pair_latency_s=routes.latency_s.reshape(-1),
        pair_seconds_per_byte=np.where(
            np.isfinite(routes.seconds_per_byte), routes.seconds_per_byte, 0.0
        ).reshape(-1),
    )


def tree_tables(hops: Hops) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latency and seconds per byte of the tree from a node to a set, both [nodes, 2 ** nodes].

    A set of nodes is a bit mask; the latency is inf (and the other 0) where one is out of reach.
    """
    nodes = len(hops.uses)
    members = (np.arange(2**nodes)[:, None] >> np.arange(nodes)) & 1
    used = np.einsum("mn,unk->umk", members, hops.uses.astype(np.int64)) > 0
    lost = members @ ~hops.reach.reshape(nodes, nodes).T > 0
    per_hop = (nodes, hops.size, 1)
    latency_s = (used @ hops.latency_s.reshape(per_hop))[..., 0]
    seconds_per_byte = (used @ hops.seconds_per_byte.reshape(per_hop))[..., 0]
    return np.where(lost.T, np.inf, latency_s), np.where(lost.T, 0.0, seconds_per_byte)
