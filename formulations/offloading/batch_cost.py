"""The cost of many assignments of subtasks at once: JAX, float64, equal to `Assignments.cost`."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import ArrayLike, NDArray

from splitfog.formulations.offloading.assignment import Assignments
from splitfog.formulations.offloading.links import LinkUse
from splitfog.formulations.offloading.subtasks import Subtasks
from splitfog.formulations.offloading.templates import subtasks as subtasks_of_plan
from splitfog.formulations.vectorised.rows import add, pick, take
from splitfog.formulations.vectorised.waits import wait_seconds
from splitfog.instances.arguments import record, whole, whole_numbers
from splitfog.instances.files import GivenInstance
from splitfog.instances.instance import Instance

MOST_ROWS = 4096
"""Assignments of a chunk, unless they need more than `CHUNK_BYTES`."""

CHUNK_BYTES = 1 << 28
"""Working memory of a chunk, roughly."""


class OffloadBatchCost:
    """`mean-latency` of whole batches of assignments of the same subtasks.

    `cost(assignments)` is, to 1e-12 relative, what the reference says of
    `subtasks.decision(row)`: waits included, slices of a stage on one node merged into one visit,
    and a run at its source with what stays there. inf where a subtask may not be where it is (or
    has no route), where a node has rho >= 1 and where a link has load >= 1. Quotas and memory are
    not judged: `Assignments.obeys` does. A lone slice at its home counts as a stage here;
    `offload-ilp` prices what it is written as (`lone_slices`).

    Parameters
    ----------
    subtasks
        Of `splitfog.subtasks(instance, plan)`, for `mean-latency`; of an instance, or the path of
        its file, every task is one.
    chunk
        Assignments evaluated at a time; larger batches are cut, smaller ones padded, so that a
        batch's size never compiles anything again. Default: at most 4,096 such that a chunk's
        working memory stays near 256 MiB.

    Attributes
    ----------
    chunk : int
        As above.
    traces : int
        How often the cost was traced (compiled): 1 is what calls need.

    Raises
    ------
    ValueError
        For another objective, and for chunk < 1.

    Notes
    -----
    Time per assignment: O(K (M + H)) for groups of at most M slices and routes of H hops, with
    up to 16 nodes or links times N. Links that cannot be overloaded by any assignment are left
    out. float64 is switched on for the calls alone (`jax.enable_x64`).
    """

    def __init__(self, subtasks: Subtasks | GivenInstance, chunk: int | None = None) -> None:
        subtasks = _subtasks_of(subtasks)
        if subtasks.objective.name != "mean-latency":
            raise ValueError(f"objective = {subtasks.objective.name!r}, must be 'mean-latency'")
        if chunk is not None:
            chunk = whole("chunk", chunk, low=1)
        self.subtasks = subtasks
        self.traces = 0
        with jax.enable_x64(True):
            self._tables = _tables(Assignments(subtasks))
        links = len(self._tables.base_load)
        hops = sum(len(way.links) for way in self._tables.ways)
        width = len(self._tables.mates) + 8 + 2 * hops
        row_bytes = 8 * (len(subtasks.keys) * width + 4 * len(subtasks.instance.nodes) + links)
        self.chunk = chunk or max(16, min(MOST_ROWS, CHUNK_BYTES // row_bytes))
        self._cost = jax.jit(self._traced)

    def __call__(self, assignments: ArrayLike) -> NDArray[np.float64]:
        """The cost of every assignment.

        Parameters
        ----------
        assignments
            Integers [batch, K] of node positions.

        Returns
        -------
        float64 [batch]
            Seconds; inf where it is impossible.

        Raises
        ------
        ValueError
            For anything but integers, for a wrong shape and for an index out of range.
        """
        places = self._checked(assignments)
        out = np.empty(len(places))
        with jax.enable_x64(True):
            for start in range(0, len(places), self.chunk):
                rows = places[start : start + self.chunk]
                padded = np.pad(rows, ((0, self.chunk - len(rows)), (0, 0)))
                found = np.asarray(self._cost(self._tables, padded.T.astype(np.int32)))
                out[start : start + len(rows)] = found[: len(rows)]
        return out

    def on_device(self, assignments: Array) -> Array:
        """The costs without a round trip through the host.

        Nothing is padded or cut: every new shape compiles once, and the whole batch is evaluated
        at a time.

        Parameters
        ----------
        assignments
            As in a call, as a device array. Indices are not checked.

        Returns
        -------
        device array, float64 [batch]
            Seconds; inf where it is impossible.
        """
        with jax.enable_x64(True):
            cost: Array = self._cost(self._tables, assignments.T.astype(jnp.int32))
            return cost

    def _traced(self, tables: OffloadTables, places: Array) -> Array:
        self.traces += 1
        return _values(tables, places)

    def _checked(self, assignments: ArrayLike) -> NDArray[Any]:
        array = whole_numbers("assignments", assignments, "integers")
        count, nodes = len(self.subtasks.keys), len(self.subtasks.instance.nodes)
        if array.ndim != 2 or array.shape[1] != count:
            raise ValueError(f"assignments has shape {array.shape}, must be (batch, {count})")
        if array.size and (array.min() < 0 or array.max() >= nodes):
            row, column = np.argwhere((array < 0) | (array >= nodes))[0].tolist()
            wrong = array[row, column]
            raise ValueError(
                f"assignments[{row}, {column}] = {wrong}, must be from 0 to {nodes - 1}"
            )
        return array


def _subtasks_of(given: Subtasks | GivenInstance) -> Subtasks:
    if isinstance(given, Instance | str | os.PathLike):
        return subtasks_of_plan(given)
    return record("subtasks", given, Subtasks, "what splitfog.subtasks gives, or an instance")


class OffloadTables(NamedTuple):
    """Everything fixed, on the device.

    [K, N]: `moved_s` (both ways) and `service_s`, 0 where `forbidden`. `ways` of the subtasks
    `slices` [S], in and out, as in `StageWays`. [K]: `rate`, the source
    of a run whose task has local work, else -1, and that work `local_s`. `mates` [M, K] are the
    subtasks of the same group, `has_mate` [M, K] whether there is one; `members` [M, groups] and
    `is_member` the same by group. [groups]: `serial` and `weight`. [N]: load, second moment and
    weight of what stays. Legs as in `LinkUse`, of the links that may be overloaded.
    """

    moved_s: Array
    ways: tuple[Ways, Ways]
    slices: Array
    service_s: Array
    forbidden: Array
    rate: Array
    run_source: Array
    local_s: Array
    mates: Array
    has_mate: Array
    members: Array
    is_member: Array
    serial: Array
    weight: Array
    base: Array
    base_rho: Array
    base_second: Array
    base_weight: Array
    legs: Legs
    base_load: Array


class Ways(NamedTuple):
    """One way of S slices: on every node its `links` and what they carry it in, [hops, S, N], and
    its `delay_s` [S, N]; `mates` [M, S] of its stage, and whether there is one."""

    links: Array
    busy_s: Array
    delay_s: Array
    mates: Array
    has_mate: Array


class Legs(NamedTuple):
    """[E]: the subtask, its row of the table and, per hop and node, link and load [E, hops, N]."""

    subtask: Array
    links: Array
    load: Array


def _tables(own: Assignments) -> OffloadTables:
    subtasks = own.subtasks
    moved, service = subtasks.transfer_in_s + subtasks.transfer_out_s, subtasks.service_s
    forbidden = ~np.isfinite(moved + service)
    is_run, task = subtasks.is_run, subtasks.task
    local = np.where(is_run, subtasks.local_s[task], 0.0)
    members, is_member = _members(subtasks.group, own.num_groups)
    stays = subtasks.local_s > 0
    sources, rates, work = own.task_source[stays], own.rate[stays], subtasks.local_s[stays]
    base = np.zeros((3, own.num_nodes))
    for row, terms in zip(base, (rates * work, rates * work**2, own.weight[stays]), strict=True):
        np.add.at(row, sources, terms)
    legs, base_load = _legs(own)
    return OffloadTables(
        moved_s=jnp.asarray(np.where(forbidden, 0.0, moved)),
        ways=_ways(own),
        slices=jnp.asarray(own.stage_ways.slices),
        service_s=jnp.asarray(np.where(forbidden, 0.0, service)),
        forbidden=jnp.asarray(forbidden),
        rate=jnp.asarray(subtasks.rate),
        run_source=jnp.asarray(np.where(local > 0, subtasks.source, -1)),
        local_s=jnp.asarray(local),
        mates=jnp.asarray(members[:, subtasks.group]),
        has_mate=jnp.asarray(is_member[:, subtasks.group]),
        members=jnp.asarray(members),
        is_member=jnp.asarray(is_member),
        serial=jnp.asarray(own.group_is_serial),
        weight=jnp.asarray(own.weight[own.group_task]),
        base=jnp.asarray(own.weight @ subtasks.base_s),
        base_rho=jnp.asarray(base[0]),
        base_second=jnp.asarray(base[1]),
        base_weight=jnp.asarray(base[2]),
        legs=legs,
        base_load=base_load,
    )


def _members(group: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """[M, groups]: the subtasks of every group, and which entries are none."""
    sizes = np.bincount(group, minlength=count)
    first = np.cumsum(sizes) - sizes
    rank = np.arange(sizes.max(initial=1))[:, None]
    return np.where(rank < sizes, first + rank, first), rank < sizes


def _ways(own: Assignments) -> tuple[Ways, Ways]:
    """Both ways of the slices whose stages' visits lengthen each other's."""
    use, lengthened = own.links, own.stage_ways
    _, group = np.unique(own.subtasks.group[lengthened.slices], return_inverse=True)
    members, is_member = _members(group, int(group.max(initial=-1)) + 1)
    both = []
    for legs in lengthened.legs:
        links = use.table[use.row[legs]]
        both.append(
            Ways(
                links=jnp.asarray(np.moveaxis(links, 2, 0)),
                busy_s=jnp.asarray(np.moveaxis(use.busy_s(links, use.size[legs][:, None]), 2, 0)),
                delay_s=jnp.asarray(np.where(links >= 0, use.delay_s[links], 0.0).sum(axis=2)),
                mates=jnp.asarray(members[:, group]),
                has_mate=jnp.asarray(is_member[:, group]),
            )
        )
    return both[0], both[1]


def _legs(own: Assignments) -> tuple[Legs, Array]:
    """The legs over links that some assignment might overload, and these links' base load.

    One link more, the last, takes what goes over all others.
    """
    use = own.links
    rated = np.flatnonzero(use.rate[use.subtask] > 0).tolist()
    worst = use.base_load.copy()
    for leg in rated:
        most = np.zeros(len(worst))
        links, load = _leg_load(use, leg)
        np.maximum.at(most, links[links >= 0], load[links >= 0])
        worst += most
    kept = np.flatnonzero(worst >= 1)
    number = np.full(len(worst) + 1, len(kept), np.int32)
    number[kept] = np.arange(len(kept))
    subtask, rows, loads = [], [], []
    for leg in rated:
        links, load = _leg_load(use, leg)
        if (number[links] < len(kept)).any():
            subtask.append(int(use.subtask[leg]))
            rows.append(number[links])
            loads.append(load)
    shape = (len(subtask), *use.table.shape[:0:-1])
    legs = Legs(
        jnp.asarray(np.array(subtask, np.int32)),
        jnp.asarray(np.array(rows, np.int32).reshape(shape)),
        jnp.asarray(np.array(loads, np.float64).reshape(shape)),
    )
    return legs, jnp.asarray(np.append(use.base_load[kept], 0.0))


def _leg_load(use: LinkUse, leg: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """[hops, N]: the links of a leg with its subtask on each node, -1 for none, and their load."""
    links = use.table[use.row[leg]].T
    return links, use.rate[use.subtask[leg]] * use.busy_s(links, use.size[leg])


def _values(tables: OffloadTables, places: Array) -> Array:
    """[batch]: the mean latency of assignments [K, batch]."""
    num_nodes = tables.moved_s.shape[1]
    flat = jnp.arange(len(places), dtype=jnp.int32)[:, None] * num_nodes + places
    moved, service, forbidden = (
        take(table.reshape(-1), flat)
        for table in (tables.moved_s, tables.service_s, tables.forbidden)
    )
    visit = _merged(tables, places, service)
    joins = tables.run_source[:, None] == places
    local = jnp.where(joins, tables.local_s[:, None], 0.0)
    rho, second = _loads(tables, places, service, visit, local)
    wait_s = wait_seconds(second, rho)
    waits = lax.map(lambda place: pick(wait_s, place), places)
    waited = jnp.where((visit > 0) & ~joins, waits, 0.0)
    terms = _barriers(tables, moved, _lengthened(tables, places, moved), visit + waited)
    stay_waits = jnp.where(tables.base_weight[:, None] > 0, tables.base_weight[:, None] * wait_s, 0)
    value = tables.base + tables.weight @ terms + stay_waits.sum(axis=0)
    possible = ~forbidden.any(axis=0) & (rho < 1).all(axis=0) & _links_hold(tables, places)
    return jnp.where(possible & jnp.isfinite(tables.base), value, jnp.inf)


def _merged(tables: OffloadTables, places: Array, amounts: Array) -> Array:
    """[K, batch]: sums over the subtasks of the same group on the same node."""

    def step(total: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        mate, valid = row
        same = valid[:, None] & (take(places, mate) == places)
        return total + jnp.where(same, take(amounts, mate), 0.0), None

    return lax.scan(step, jnp.zeros_like(amounts), (tables.mates, tables.has_mate))[0]


def _loads(
    tables: OffloadTables, places: Array, service: Array, visit: Array, local: Array
) -> tuple[Array, Array]:
    """[N, batch]: rho and second moment; a visit of S + local adds lambda (S + local)^2."""
    batch = places.shape[1]
    nodes = tables.moved_s.shape[1]
    rate = tables.rate[:, None]
    seconds = rate * service * (visit + 2 * local)

    def step(
        state: tuple[Array, Array], row: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        place, load, moment = row
        return (add(state[0], place, load), add(state[1], place, moment)), None

    start = tuple(
        jnp.broadcast_to(base[:, None], (nodes, batch))
        for base in (tables.base_rho, tables.base_second)
    )
    return lax.scan(step, (start[0], start[1]), (places, rate * service, seconds))[0]


def _lengthened(tables: OffloadTables, places: Array, moved: Array) -> Array:
    """[K, batch]: both ways of the visit that a subtask is part of."""
    merged = _merged(tables, places, moved)
    if not len(tables.slices):
        return merged
    place = take(places, tables.slices)
    there, back = (_way_seconds(way, place) for way in tables.ways)
    return merged.at[tables.slices].set(there + back, unique_indices=True)


def _way_seconds(way: Ways, place: Array) -> Array:
    """[S, batch]: how long a way is, with what the others of its stage send over its links."""
    _, count, nodes = way.links.shape
    flat = jnp.arange(count, dtype=jnp.int32)[:, None] * nodes + place
    links = [take(own.reshape(-1), flat) for own in way.links]
    busy = [take(own.reshape(-1), flat) for own in way.busy_s]

    def step(total: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        mate, valid = row
        for other, seconds in zip(links, busy, strict=True):
            crossed = take(other, mate)
            meets = jnp.zeros(total.shape, bool)
            for own in links:
                meets |= own == crossed
            meets &= valid[:, None] & (crossed >= 0)
            total += jnp.where(meets, take(seconds, mate), 0.0)
        return total, None

    start = take(way.delay_s.reshape(-1), flat)
    return lax.scan(step, start, (way.mates, way.has_mate))[0]


def _barriers(tables: OffloadTables, moved: Array, way: Array, served: Array) -> Array:
    """[groups, batch]: the largest of what its visits take; all transfers if serial."""
    serial = tables.serial[:, None]

    def step(
        state: tuple[Array, Array], row: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        member, valid = row
        away = jnp.where(valid[:, None], take(moved, member), 0.0)
        ends = take(served, member) + jnp.where(serial, 0.0, take(way, member))
        return (jnp.maximum(state[0], ends), state[1] + jnp.where(serial, away, 0.0)), None

    nothing = jnp.zeros((len(tables.serial), moved.shape[1]))
    longest, together = lax.scan(step, (nothing, nothing), (tables.members, tables.is_member))[0]
    return longest + together


def _links_hold(tables: OffloadTables, places: Array) -> Array:
    """[batch]: whether no link is loaded to 1 or more."""
    legs, batch = tables.legs, places.shape[1]

    def step(load: Array, leg: Legs) -> tuple[Array, None]:
        place = take(places, leg.subtask)
        for links, loads in zip(leg.links, leg.load, strict=True):
            load = add(load, take(links, place), take(loads, place))
        return load, None

    start = jnp.broadcast_to(tables.base_load[:, None], (len(tables.base_load), batch))
    return (lax.scan(step, start, legs)[0][:-1] < 1).all(axis=0)
