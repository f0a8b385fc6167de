"""Candidate star stages of one task, all priced at once: which nodes, how many rows each.

After DINA: nodes in the order of transfer + service + wait; shares by filling up to a
common end; exact halos; the home's radio as it is, and links that slices share. Ours: where the
radio is serial, so that the slices' transfers queue, a second set of shares that levels waits and
services alone; and the waits that shares start from are those of a visit of a k-th of the block.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Slice, Stage
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import near_nodes
from splitfog.formulations.offloading.stage_ways import in_common
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Integers, Seconds
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.solvers.dina.blocks import Blocks, blocks_of

MOST_SLICES = 6
_TINY = 1e-150
"""In place of 0, of seconds and of their inverse, whatever the units."""


@dataclass(frozen=True, eq=False)
class Stars:
    """Of b blocks, C candidate stages each of up to `MOST_SLICES` slices, and their predicted cost.

    `nodes` and `rows` are [b, C, slices], rows 0 where there is no slice; `cost_s` is [b, C], inf
    where a candidate is none. The first three candidates are the whole block on one node.
    """

    blocks: Blocks
    home: int
    nodes: Integers
    rows: Integers
    cost_s: Seconds

    def best(self) -> tuple[Integers, Seconds]:
        """[b] and [b]: the cheapest candidate of every block, the first of equals, and its cost."""
        choice = self.cost_s.argmin(axis=1)
        return choice, self.cost_s[np.arange(len(choice)), choice]

    def stage(self, block: int, candidate: int) -> Stage:
        """A candidate as a stage at the task's source."""
        slices, start = [], 0
        for node, rows in zip(self.nodes[block, candidate], self.rows[block, candidate]):
            if rows > 0:
                slices.append(self._slice(block, int(node), start, start + int(rows)))
                start += int(rows)
        return Stage(self.blocks.layers[block], self.home, tuple(slices))

    def _slice(self, block: int, node: int, begin: int, end: int) -> Slice:
        across = int(self.blocks.across[block])
        if self.blocks.by_column[block]:
            return Slice(node, (0, across), (begin, end))
        return Slice(node, (begin, end), (0, across))


def stars_of(loads: Loads, task: int) -> Stars:
    """The candidate stages of a task, the loads being those of the others. O(b N), vectorised."""
    pricing = _Pricing.of(loads, task)
    order = pricing.nearest()
    whole = np.zeros((*order[:, :3, None].shape[:2], MOST_SLICES), np.int64)
    whole_nodes = np.broadcast_to(order[:, :3, None], whole.shape)
    whole[..., 0] = pricing.blocks.length[:, None]
    nodes = _teams(order, pricing.home)
    rows = pricing.shared_rows(nodes)
    all_nodes = np.concatenate([whole_nodes, *[nodes] * (rows.shape[1] // nodes.shape[1])], axis=1)
    all_rows = np.concatenate([whole, rows], axis=1)
    cost = pricing.cost_s(all_nodes, all_rows)
    cost[:, 3:][(all_rows[:, 3:] > 0).sum(axis=2) < 2] = inf
    return Stars(pricing.blocks, pricing.home, all_nodes, all_rows, cost)


def _teams(order: Integers, home: int) -> Integers:
    """[b, 2 (MOST_SLICES - 1), MOST_SLICES]: the k nearest, and the k - 1 nearest with the home.

    k = 2..6; -1 where there is no further node.
    """
    teams = []
    for count in range(2, MOST_SLICES + 1):
        for with_home in (False, True):
            team = np.full((len(order), MOST_SLICES), -1)
            team[:, with_home:count] = order[:, : count - with_home]
            if with_home:
                team[:, 0] = home
            teams.append(team)
    return np.stack(teams, axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Ways:
    """From a home to every node and back: whether there is a way both times, latency and seconds
    per byte, [N], 0 without, and the links, [N, hops]."""

    reached: NDArray[np.bool_]
    into_s: tuple[Seconds, Seconds]
    out_s: tuple[Seconds, Seconds]
    hops: tuple[Integers, Integers]


@kept()
def _ways_of(instance: Instance, home: int) -> _Ways:
    """The ways of a home: tasks ask for them again and again."""
    routes, every = routes_of(instance), np.arange(len(instance.nodes))
    latency, per_byte = routes.latency_s, routes.seconds_per_byte
    reached = np.isfinite(latency[home]) & np.isfinite(latency[:, home])

    def finite(values: Seconds) -> Seconds:
        return np.where(reached, values, 0.0)

    return _Ways(
        reached=reached,
        into_s=(finite(latency[home]), finite(per_byte[home])),
        out_s=(finite(latency[:, home]), finite(per_byte[:, home])),
        hops=(routes.paths(home, every), routes.paths(every, home)),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pricing:
    """What a task's slices cost on every node, given the others' loads."""

    loads: Loads
    task: int
    blocks: Blocks
    home: int
    serial: bool
    into_s: tuple[Seconds, Seconds]  # latency and seconds per byte from home, [N]
    out_s: tuple[Seconds, Seconds]
    hops: tuple[Integers, Integers]  # links from and to home, [N, hops]
    open_to: NDArray[np.bool_]  # [b, N]

    @classmethod
    def of(cls, loads: Loads, task: int) -> _Pricing:
        instance, home = loads.instance, int(loads.source[task])
        ways, blocks = _ways_of(instance, home), blocks_of(instance, task)
        room = (loads.guests < loads.quota) | (np.arange(len(instance.nodes)) == home)
        open_to = blocks.allowed & (ways.reached & room)[None, :]
        if loads.has_memory:
            open_to &= _fits(loads, task, blocks)
        return cls(
            loads=loads,
            task=task,
            blocks=blocks,
            home=home,
            serial=instance.nodes[home].radio == "serial",
            into_s=ways.into_s,
            out_s=ways.out_s,
            hops=ways.hops,
            open_to=open_to,
        )

    @property
    def rate(self) -> float:
        return float(self.loads.rate[self.task])

    def wait_s(self, nodes: Integers, service_s: Seconds) -> Seconds:
        """Waits of visits to nodes, their own load included; 0 for those of no service."""
        second = self.loads.second[nodes] + self.rate * service_s**2
        rho = self.loads.rho[nodes] + self.rate * service_s
        waits = wait_seconds(second, rho, self.loads.overload_s)
        return np.where(service_s > 0, waits, 0.0)

    def nearest(self) -> Integers:
        """[b, MOST_SLICES]: nodes by transfer + service + wait of the whole block; -1: no more."""
        nodes = near_nodes(self.loads, self.task)[0]
        nodes = nodes[nodes != self.home]
        service = self.blocks.whole_s[:, nodes]
        into, out = (size[:, None] for size in self.blocks.whole_bytes())
        total = service + self.wait_s(np.broadcast_to(nodes, service.shape), service)
        total = total + self.into_s[0][nodes] + self.into_s[1][nodes] * into
        total = total + self.out_s[0][nodes] + self.out_s[1][nodes] * out
        total = np.where(self.open_to[:, nodes], total, inf)
        by_cost = np.argsort(total, axis=1, kind="stable")[:, :MOST_SLICES]
        costs = np.take_along_axis(total, by_cost, axis=1)
        order = np.full((len(total), MOST_SLICES), -1)
        order[:, : by_cost.shape[1]] = np.where(costs < inf, nodes[by_cost], -1)
        return order

    def shared_rows(self, nodes: Integers) -> Integers:
        """Rows for the nodes of every team such that all would end at once; dropped ones get 0.

        T = (1 + sum a / b) / sum(1 / b), share = (T - a) / b, without halos; a = wait + latencies,
        b = transfer and service of the whole block; with one radio at home then also with wait and
        service alone, [b, 2 C, slices].
        """
        block = np.arange(len(nodes))[:, None, None]
        active = (nodes >= 0) & self.open_to[block, nodes]
        service = self.blocks.whole_s[block, nodes]
        team_size = np.maximum((nodes >= 0).sum(axis=2, keepdims=True), 1)
        start = self.wait_s(nodes, service / team_size)
        into, out = (size[:, None, None] for size in self.blocks.whole_bytes())
        began = start + self.into_s[0][nodes] + self.out_s[0][nodes]
        whole = service + self.into_s[1][nodes] * into + self.out_s[1][nodes] * out
        if self.serial:
            active = np.concatenate([active, active], axis=1)
            began = np.concatenate([began, start], axis=1)
            whole = np.concatenate([whole, service], axis=1)
        return self._level_rows(active, began, whole)

    def _level_rows(self, active: NDArray[np.bool_], start: Seconds, whole: Seconds) -> Integers:
        """Rows by which all active would end at once, from their starts, [b, C, slices]."""
        whole = np.maximum(whole, _TINY)
        share = np.zeros(whole.shape)
        for _ in range(MOST_SLICES):
            inverse = np.where(active, 1 / whole, 0.0)
            total = np.maximum(inverse.sum(axis=2, keepdims=True), _TINY)
            level = (1 + (start * inverse).sum(axis=2, keepdims=True)) / total
            share = np.where(active, (level - start) * inverse, 0.0)
            if not (active & (share <= 0)).any():
                break
            active = active & (share > 0)
        return _largest_remainder(share, self.blocks.length)

    def cost_s(self, nodes: Integers, rows: Integers) -> Seconds:
        """[b, C]: stage time of candidates, halos included; inf where a link or node forbids it."""
        blocks = self.blocks
        block = np.arange(len(nodes))[:, None, None]
        end = rows.cumsum(axis=2)
        begin = end - rows
        some = rows > 0
        kind = blocks.node_class[nodes]
        work = blocks.end_work[kind, block, end] - blocks.begin_work[kind, block, begin]
        service = work * blocks.scale[nodes] + blocks.fixed_s[block, nodes]
        service = np.where(some, np.maximum(service, 0.0), 0.0)
        read = blocks.end_bytes[block, end] - blocks.begin_bytes[block, begin]
        written = blocks.row_bytes[block] * rows
        served = service + self.wait_s(nodes, service)
        moved = np.where(
            some,
            self.into_s[0][nodes]
            + self.into_s[1][nodes] * read
            + self.out_s[0][nodes]
            + self.out_s[1][nodes] * written,
            0.0,
        )
        if self.serial:
            cost = moved.sum(axis=2) + served.max(axis=2, initial=0.0)
        else:
            added = self._shared_s(nodes, some, read, written)
            cost = (moved + served + added).max(axis=2, initial=0.0)
        fits = np.where(some, (nodes >= 0) & self.open_to[block, nodes], True).all(axis=2)
        known = near_nodes(self.loads, self.task)[0]
        room = np.full(len(self.loads.rho), inf)
        for hops, size in zip(self.hops, (read, written), strict=True):
            room[known] = self._room_bytes(hops[known])
            fits &= (~some | (size < room[nodes])).all(axis=2)
        return np.where(fits, cost, inf)

    def _shared_s(
        self, nodes: Integers, some: NDArray[np.bool_], read: Seconds, written: Seconds
    ) -> Seconds:
        """[b, C, slices]: what others' hops over the links of a slice's ways take; 0 for none."""
        added = np.zeros(nodes.shape)
        known = np.unique(nodes)
        latency, per_byte = self.loads.link_prices
        at = np.searchsorted(known, nodes)
        for hops, size in zip(self.hops, (read, written), strict=True):
            common = in_common(hops[known], hops[known], latency, per_byte)
            for figures in common:
                np.fill_diagonal(figures, 0.0)
            for other in range(MOST_SLICES) if common[1].any() else ():
                pair = at, at[..., other, None]
                seconds = common[0][pair] + common[1][pair] * size[..., other, None]
                added += np.where(some & some[..., other, None], seconds, 0.0)
        return added

    def _room_bytes(self, hops: Integers) -> Seconds:
        """[J]: below so many bytes a transfer keeps all links of a way, [J, hops], below load 1."""
        latency, per_byte = self.loads.link_prices
        room = 1 - self.loads.link_load[hops] - self.rate * latency[hops]
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.where(room > 0, room / (self.rate * per_byte[hops]), -inf)
        return np.asarray(np.where(hops < 0, inf, most).min(axis=1, initial=inf))


def _largest_remainder(share: Seconds, length: Integers) -> Integers:
    """Whole rows in proportion to shares along the last axis, adding up to `length` [b].

    As `grids.parts`: quotas rounded down, the rest to the largest fractions, ties to the earlier.
    """
    total = share.sum(axis=2, keepdims=True)
    quota = np.where(total > 0, share / np.where(total > 0, total, 1), 0.0) * length[:, None, None]
    rows = np.floor(quota).astype(np.int64)
    left = np.where(total > 0, length[:, None, None] - rows.sum(axis=2, keepdims=True), 0)
    order = np.argsort(np.where(share > 0, rows - quota, inf), axis=2, kind="stable")
    rank = np.argsort(order, axis=2)
    return np.asarray(rows + (rank < left))


def _fits(loads: Loads, task: int, blocks: Blocks) -> NDArray[np.bool_]:
    """[b, N]: whether a node could hold a block's weights beside the others'."""
    room = loads.memory_limit - (loads.held > 0) @ loads.weight_bytes
    new = np.where(loads.held > 0, 0.0, loads.weight_bytes)
    owners = [np.unique(loads.owners(task, np.array(layers))) for layers in blocks.layers]
    added = [new[:, own].sum(axis=1) for own in owners]
    return np.asarray(np.array(added).reshape(-1, len(room)) <= np.maximum(room, 0.0))
