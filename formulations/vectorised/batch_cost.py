"""The cost of many placements at once: JAX, float64, equal to the reference `decision_cost`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.passes import of_pass
from splitfog.formulations.vectorised.chunks import device_here, pieces
from splitfog.formulations.vectorised.columns import Columns, hops_of
from splitfog.formulations.vectorised.objectives import (
    Tables,
    excess,
    feasible,
    feasible_values,
    tables_of,
    values,
)
from splitfog.formulations.vectorised.schedule import transfers_wait
from splitfog.instances.arguments import whole, whole_numbers
from splitfog.instances.files import GivenInstance, instance_of

Function = Callable[[Tables, Array, Array | None], Array]
Checked = Callable[[Tables, Array, Array | None], tuple[Array, Array]]


class BatchCost:
    """Costs and feasibility of whole batches of unsliced placements.

    `cost(placements)` is what `decision_cost` says of every row, to 1e-12 relative, and
    `cost.feasible(placements)` whether `decision_violations` finds nothing; compiled once, some
    hundreds of times faster than a loop over them.

    Parameters
    ----------
    instance
        Any topology and any number of tasks; or the path of its file.
    objective
        `latency`, `makespan` (one task), `period` or `mean-latency` (waits included); `batch` has
        its own class.
    transfers, monotone
        As in `Objective`; `monotone` matters for `feasible` only.
    chunk
        Placements evaluated at a time: larger batches are cut, smaller ones padded, so that a
        batch's size never compiles anything again. Default on processors: 4,096, or fewer (at
        least 64) such that a chunk's working memory stays near 256 MiB; on an accelerator up to
        262,144 in an eighth of its memory, where batches smaller than a chunk are padded to a
        power of two only, each of which compiles once.
    pass_name, contiguous
        As in `Objective`; `contiguous` matters for `feasible` only.

    Attributes
    ----------
    chunk : int
        As above.
    bytes_per_placement : int
        Estimated working memory of one placement. A call needs `chunk` times this (measured: to
        a factor of two, after some 50 MB for compiling), whatever the batch, beside its input,
        its output of 8 bytes a placement, and the tables: O(columns * nodes) numbers, nodes^3 / 8
        bytes of routes, and up to 64 MiB of sums made ahead where there are few nodes.
    traces : dict[str, int]
        How often each function was traced (compiled): 1 is what `__call__` and `feasible` need
        on processors.

    Raises
    ------
    ValueError
        For an objective that the instance excludes, for `batch`, and for chunk < 1.

    Notes
    -----
    Columns are all tasks' layers, task by task, in file order. Time per placement: O(edges)
    look-ups for `latency`, and for the others O(layers * nodes + hops) up to 16 nodes or links,
    O(layers + hops) beyond. Building takes all routes: O(nodes * links log links).

    Inside, float64 is switched on for the calls alone (`jax.enable_x64`): nothing is configured
    globally.

    Examples
    --------
    >>> from splitfog.instances.generators import generate
    >>> from splitfog.formulations.vectorised.batch_cost import BatchCost
    >>> instance = generate("three-tier", model="alexnet")
    >>> cost = BatchCost(instance)
    >>> all_local, all_edge = [0] * 20, [0] + [1] * 19
    >>> values = cost([all_local, all_edge])
    >>> bool(values[0] < values[1]), cost.feasible([all_local, all_edge]).tolist()
    (True, [True, True])
    """

    def __init__(
        self,
        instance: GivenInstance,
        objective: str | Objective = "latency",
        transfers: str = "once",
        monotone: bool = True,
        chunk: int | None = None,
        pass_name: str | None = None,
        contiguous: str | None = None,
    ) -> None:
        self.instance = instance = instance_of(instance)
        self.objective = objective_for(
            instance, objective, transfers, monotone, pass_name, contiguous
        )
        if (name := self.objective.name) in ("batch", "throughput"):
            raise ValueError(f"objective = {name!r}, must be one that costs placements of layers")
        if chunk is not None:
            chunk = whole("chunk", chunk, low=1)
        seen = of_pass(instance, self.objective.pass_name)
        self._columns, hops = Columns(seen), hops_of(seen)
        self.bytes_per_placement = _estimate(self._columns, self.objective.name, len(hops.words))
        self._device = device_here()
        self.chunk = chunk or self._device.rows(self.bytes_per_placement)
        self._is_chunk_given = chunk is not None
        with jax.enable_x64(True):
            self._tables = tables_of(self._columns, hops, self.objective)
        self.traces = {"cost": 0, "feasible": 0, "feasible cost": 0, "excess": 0}
        self._cost, self._cost_of_rows = self._compiled("cost", values)
        self._feasible, self._feasible_rows = self._compiled("feasible", feasible)
        self._feasible_cost, _ = self._compiled("feasible cost", feasible_values)
        _, self._excess_rows = self._compiled("excess", excess)

    def __call__(
        self, placements: ArrayLike, orders: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """The cost of every placement.

        Parameters
        ----------
        placements
            Integers [batch, columns] of node positions; narrow types (uint8) are read fastest.
        orders
            For `makespan`: integers [batch, layers], each row the order in which to book the
            layers. None: the file's order made topological. A row that is no topological order
            of all layers costs inf.

        Returns
        -------
        float64 [batch]
            Seconds; inf where a route is missing, or a node or link has load >= 1.

        Raises
        ------
        ValueError
            For anything but integers, for a wrong shape, and for an index out of range: row,
            column, value, allowed range.
        """
        return self._in_chunks(self._cost, np.float64, placements, orders)

    def feasible(self, placements: ArrayLike, orders: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Whether `decision_violations` finds nothing, for every placement.

        Inputs at their source, `tiers`, `group`, routes, `memory_bytes`, order, `monotone` unless
        switched off, `contiguous`, and for `mean-latency` loads and quotas.

        Parameters
        ----------
        placements, orders
            As in a call.

        Returns
        -------
        bool [batch]

        Raises
        ------
        ValueError
            As in a call.
        """
        return self._in_chunks(self._feasible, np.bool_, placements, orders)

    def feasible_cost(
        self, placements: ArrayLike, orders: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """The cost of every placement that is feasible, inf for all others.

        What a call and `feasible` say in one go, in less time than the two: what both compute is
        compiled and computed once.

        Parameters
        ----------
        placements, orders
            As in a call.

        Returns
        -------
        float64 [batch]
            Seconds.

        Raises
        ------
        ValueError
            As in a call.
        """
        return self._in_chunks(self._feasible_cost, np.float64, placements, orders)

    def on_device(self, placements: Array, orders: Array | None = None) -> Array:
        """The costs without a round trip through the host.

        For searches that keep their population on the device. Nothing is padded or cut: every new
        shape compiles once, and the whole batch is evaluated at a time. May be called inside
        another jitted function if that is itself called within `jax.enable_x64(True)`; arithmetic
        on the result needs that, too.

        Parameters
        ----------
        placements, orders
            As in a call, as device arrays. Indices are not checked (out of range: any result).

        Returns
        -------
        device array, float64 [batch]
            Seconds, inf where there is no cost.
        """
        with jax.enable_x64(True):
            return self._cost_of_rows(self._tables, placements, orders)

    def feasible_on_device(self, placements: Array, orders: Array | None = None) -> Array:
        """As `feasible`, without a round trip through the host.

        Parameters
        ----------
        placements, orders
            As for `on_device`.

        Returns
        -------
        device array, bool [batch]
        """
        with jax.enable_x64(True):
            return self._feasible_rows(self._tables, placements, orders)

    def excess_on_device(self, placements: Array) -> Array:
        """How far memory is overfull and nodes overloaded, for searches among what breaks limits.

        Parameters
        ----------
        placements
            As for `on_device`.

        Returns
        -------
        device array, float64 [batch]
            Over all nodes, relative to their limits; 0 where everything fits.
        """
        with jax.enable_x64(True):
            return self._excess_rows(self._tables, placements, None)

    def _compiled(self, name: str, function: Function) -> tuple[Checked, Function]:
        """A function as chunks need it (`_of_chunk`), and of [batch, columns], both under jit."""

        def traced(tables: Tables, places: Array, orders: Array | None) -> Array:
            self.traces[name] += 1
            return function(tables, places, orders)

        def of_rows(tables: Tables, places: Array, orders: Array | None) -> Array:
            return traced(tables, places.T, None if orders is None else orders.T)

        return jax.jit(self._of_chunk(traced)), jax.jit(of_rows)

    def _of_chunk(self, function: Function) -> Checked:
        """The function of a chunk as it travels, and whether an index of it is out of range.

        Where the host has checked and turned the rows, [columns, chunk], there is nothing to do.
        """
        nodes, columns = len(self.instance.nodes), self._columns.count

        def as_it_lies(tables: Tables, places: Array, orders: Array | None) -> tuple[Array, Array]:
            wrong = _is_outside(places, nodes)
            turned = jnp.clip(places, 0, nodes - 1).astype(self._narrow).T
            if orders is None:
                return function(tables, turned, None), wrong
            wrong |= _is_outside(orders, columns)
            return function(tables, turned, jnp.clip(orders, 0, columns - 1).T), wrong

        def turned(tables: Tables, places: Array, orders: Array | None) -> tuple[Array, Array]:
            return function(tables, places, orders), jnp.zeros((), bool)

        return turned if self._device.is_host else as_it_lies

    def _in_chunks(
        self, function: Checked, dtype: type, placements: ArrayLike, orders: ArrayLike | None
    ) -> NDArray[Any]:
        """The function of all rows; while one chunk runs, the next is made ready."""
        places = self._shaped("placements", placements)
        ranks = None if orders is None else self._shaped_orders(orders, len(places))
        if self._device.is_host:
            self._check(places, ranks)
        out: NDArray[Any] = np.empty(len(places), dtype)
        size = self._padded(len(places))
        running: deque[tuple[slice, Array, Array]] = deque()
        is_wrong = False
        with jax.enable_x64(True):
            for rows in pieces(len(places), size):
                order = None if ranks is None else self._put(ranks[rows], size, np.int32)
                put = self._put(places[rows], size, self._narrow)
                running.append((rows, *function(self._tables, put, order)))
                if len(running) == self._device.ahead:
                    is_wrong |= _collect(running, out)
            while running:
                is_wrong |= _collect(running, out)
        if is_wrong:
            self._check(places, ranks)
        return out

    def _padded(self, batch: int) -> int:
        """Rows of every piece of a batch."""
        if self._device.is_host or self._is_chunk_given:
            return self.chunk
        return self._device.padded(batch, self.chunk)

    @property
    def _narrow(self) -> type:
        """The smallest type that holds a node's position."""
        return np.uint8 if len(self.instance.nodes) <= 256 else np.int32

    def _put(self, rows: NDArray[Any], size: int, dtype: type) -> Array:
        """Rows on the device, padded with zeros.

        For processors they are narrow, which is cheap to turn, and [columns, size]: `device_put`
        turns them faster than numpy or XLA do. To an accelerator they travel as they lie.
        """
        missing = size - len(rows)
        if self._device.is_host:
            rows = rows.astype(dtype, copy=False)
        if missing:
            rows = np.pad(rows, ((0, missing), (0, 0)))
        put: Array = jax.device_put(rows.T if self._device.is_host else rows)
        return put

    def _check(self, places: NDArray[Any], orders: NDArray[Any] | None) -> None:
        """Raise for the first index that is out of range."""
        _check("placements", places, len(self.instance.nodes))
        if orders is not None:
            _check("orders", orders, self._columns.count)

    def _shaped(self, name: str, given: ArrayLike) -> NDArray[Any]:
        """Integers [batch, columns]."""
        array = whole_numbers(name, given, "integers")
        if array.ndim != 2 or array.shape[1] != self._columns.count:
            shape = f"(batch, {self._columns.count})"
            raise ValueError(f"{name} has shape {array.shape}, must be {shape}")
        return array

    def _shaped_orders(self, orders: ArrayLike, batch: int) -> NDArray[Any]:
        """Integers [batch, layers], for `makespan`."""
        if self.objective.name != "makespan":
            raise ValueError(f"orders are given, must be None for {self.objective.name}")
        array = self._shaped("orders", orders)
        if len(array) != batch:
            raise ValueError(f"orders has {len(array)} rows, must be {batch} like placements")
        return array


def _check(name: str, array: NDArray[Any], below: int) -> None:
    """Raise unless all are from 0 to below - 1."""
    # read without a sign, a negative number is a large one: one pass for both ends
    if array.size and array.view(f"{array.dtype.byteorder}u{array.itemsize}").max() >= below:
        row, column = np.argwhere((array < 0) | (array >= below))[0].tolist()
        raise ValueError(
            f"{name}[{row}, {column}] = {array[row, column]}, must be from 0 to {below - 1}"
        )


def _is_outside(rows: Array, below: int) -> Array:
    """Whether some number is below 0 or not below `below`."""
    too_large = (rows >= below).any() if below <= np.iinfo(rows.dtype).max else False
    return (rows < 0).any() | too_large


def _collect(running: deque[tuple[slice, Array, Array]], out: NDArray[Any]) -> bool:
    """Wait for the oldest chunk and keep its rows; whether an index of it was out of range."""
    rows, result, wrong = running.popleft()
    out[rows] = np.asarray(result)[: rows.stop - rows.start]
    return bool(wrong)


def _estimate(columns: Columns, objective: str, words: int) -> int:
    """Bytes that one placement takes in the largest arrays of its evaluation, roughly."""
    nodes, links = len(columns.instance.nodes), len(columns.instance.directed_links)
    edges = sum(map(len, columns.destinations))
    total = 4 * columns.count + 4 * edges + 8 * 8 * (nodes + words)
    if objective == "makespan":
        total += 8 * columns.count * (nodes if transfers_wait(columns) else 1)
    if objective in ("period", "mean-latency"):
        total += 8 * 2 * links
    return total
