"""The placements that a search may visit: units of layers, where each may be, and repair."""

from __future__ import annotations

from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.units import TaskUnits, parcels_on, task_units
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.vectorised.columns import Columns
from splitfog.instances.instance import Instance

Codes = NDArray[Any]
"""[units, batch]: where every unit is, as `rank << shift | node`: comparable by tier."""

INT16_CODES = 1 << 15


class PlacementSpace:
    """All tasks' units (a group, or a layer by itself) side by side, and the nodes of each.

    Placements are held as *codes*, one column each, so that one operation on a row treats a unit
    in all of them.

    Attributes
    ----------
    allowed : bool [units, nodes]
        Where a unit may be by `tiers`, group, source, the way to `results_to` and, if `monotone`,
        the ranks left between what comes before and after it. A unit without a node proves that
        no unsliced placement is feasible.
    edges : int [edges, 2]
        Pairs (producer, reader) of different units, by reader.
    units : tuple of TaskUnits
        Every task's units by themselves, with what they send.
    task : int [units]
        The task that a unit belongs to; `first` [tasks + 1] is each task's first unit.
    """

    def __init__(self, instance: Instance, objective: Objective) -> None:
        self.instance, self.objective = instance, objective
        self.columns = Columns(instance)
        units = [task_units(instance, t, objective.transfers) for t in range(len(instance.tasks))]
        self.units = tuple(units)
        self.first = np.cumsum([0] + [own.num_units for own in units])
        self.task = np.repeat(np.arange(len(units)), np.diff(self.first))
        shifted = zip(units, self.first.tolist(), strict=False)
        self.unit_of = np.concatenate([own.unit_of + first for own, first in shifted])
        self.costs_s = np.concatenate([own.costs_s for own in units])
        self.weight_bytes = np.concatenate([own.weight_bytes for own in units])
        self.edges = _edges(units, self.first.tolist())
        self.allowed = np.isfinite(self.costs_s)
        if objective.monotone:
            self._narrow()

    @property
    def num_units(self) -> int:
        """How many units there are."""
        return len(self.costs_s)

    @cached_property
    def free(self) -> NDArray[np.int64]:
        """Units that have a choice."""
        return np.flatnonzero(self.allowed.sum(axis=1) > 1)

    @property
    def is_single(self) -> bool:
        """Whether no unit has a choice: at most one placement."""
        return not len(self.free)

    @cached_property
    def inputs(self) -> list[list[int]]:
        """Units that each unit reads."""
        return _lists(self.edges[:, ::-1].tolist(), self.num_units)

    @cached_property
    def readers(self) -> list[list[int]]:
        """Units that read each unit."""
        return _lists(self.edges.tolist(), self.num_units)

    @cached_property
    def shift(self) -> int:
        """Bits of a code that hold the node."""
        return max(1, (len(self.instance.nodes) - 1).bit_length())

    @cached_property
    def code_of(self) -> Codes:
        """[nodes]: code of every node."""
        codes = self.instance.node_rank << self.shift | np.arange(len(self.instance.nodes))
        narrow: Codes = codes.astype(np.int16 if int(codes.max()) < INT16_CODES else np.int32)
        return narrow

    @cached_property
    def choices(self) -> list[Codes]:
        """Codes of the nodes that each unit may be on, ascending."""
        return [np.sort(self.code_of[row]) for row in self.allowed]

    @cached_property
    def may(self) -> NDArray[np.bool_]:
        """[nodes, nodes]: whether a tensor on the first may be read on the second."""
        reach = np.isfinite(routes_of(self.instance).latency_s)
        rank = self.instance.node_rank
        return reach & (rank[:, None] <= rank) if self.objective.monotone else reach

    def nodes(self, codes: Codes) -> NDArray[Any]:
        """The nodes that codes stand for, in the narrowest type."""
        narrow = np.uint8 if len(self.instance.nodes) <= 256 else np.int32
        nodes: NDArray[Any] = (codes & ((1 << self.shift) - 1)).astype(narrow)
        return nodes

    def placements(self, codes: Codes) -> NDArray[Any]:
        """[batch, columns] of node positions, as `BatchCost` reads them."""
        placements: NDArray[Any] = self.nodes(codes)[self.unit_of].T
        return placements

    def encoded(self, *placements: NDArray[np.int64]) -> Codes:
        """[units, 1]: the codes of every task's placement; a group is where its first layer is."""
        nodes = np.zeros(self.num_units, np.int64)
        nodes[self.unit_of[::-1]] = np.concatenate(placements)[::-1]
        codes: Codes = self.code_of[nodes][:, None]
        return codes

    def repair(self, codes: Codes, lower: int = 0) -> None:
        """Make placements respect tiers, groups, source, `monotone` and, mostly, routes, in place.

        A unit that is nearer the device than one of its inputs follows the input furthest from it;
        one that may not be there goes to the cheapest allowed node of that tier or the next. In
        the first `lower` columns the input comes down instead, as far as it may.
        """
        self._admit(codes)
        if self.objective.monotone:
            self._lower(codes[:, :lower])
            self._lift(codes)
        if self.gaps:
            self._follow(codes)

    def excess(self, codes: Codes) -> NDArray[np.float64]:
        """[batch]: how far memory is overfull and nodes overloaded, relative, and how many runs of
        layers are too many; 0 where all is as it must be."""
        nodes = self.nodes(codes)
        total = self._more_runs(nodes)
        for node, most in enumerate(memory_room(self.instance).tolist()):
            if most < inf:
                held = self._held(nodes, node)
                over = held > most
                total += np.where(over, held / max(most, 1.0) - (most >= 1.0), 0.0)
        if self.objective.name == "mean-latency" and self.columns.rates.any():
            total += np.maximum(self._rho(nodes) - 1, 0.0).sum(axis=0)
        return total

    def overfull(self, codes: Codes) -> bool:
        """Whether some node's memory is too small for a placement [units, 1]."""
        nodes = self.nodes(codes)
        return any(
            most < inf and self._held(nodes, node)[0] > most
            for node, most in enumerate(memory_room(self.instance))
        )

    @cached_property
    def memory_binds(self) -> bool:
        """Whether the weights that may be on some node do not all fit there."""
        return any(
            most < inf
            and sum(size for size, units in self.parcels if self.allowed[units, node].any()) > most
            for node, most in enumerate(memory_room(self.instance))
        )

    @cached_property
    def limited(self) -> bool:
        """Whether `repair` may leave rules broken that the cost does not show."""
        bounded = limits_memory(self.instance)
        risen = self.objective.monotone and (self._backward or self.gaps)
        held = self.objective.contiguous is not None
        return bounded or risen or held or self.objective.name == "mean-latency"

    def _more_runs(self, nodes: NDArray[Any]) -> NDArray[np.float64]:
        """[batch]: runs of consecutive layers beyond one a task and node, if that counts."""
        total = np.zeros(nodes.shape[1])
        if self.objective.contiguous is None:
            return total
        for task, first in zip(self.columns.tasks, self.columns.first.tolist(), strict=False):
            order = task.model.order[~task.is_input[task.model.order]] + first
            places = nodes[self.unit_of[order]]
            before = np.roll(places, 1, axis=0)
            begins = places != before
            if self.objective.contiguous == "line":
                begins[:1] = True
            for node in range(len(self.instance.nodes)):
                runs = (begins & (places == node)).sum(axis=0)
                total += np.maximum(runs - 1, 0)
        return total

    def _narrow(self) -> None:
        """Leave only ranks that what comes before and after leaves; a fixed point over edges."""
        rank = self.instance.node_rank
        pairs = self.edges.tolist()
        while True:
            if not self.allowed.any(axis=1).all():
                return
            low = np.where(self.allowed, rank, np.iinfo(np.int64).max).min(axis=1).tolist()
            high = np.where(self.allowed, rank, -1).max(axis=1).tolist()
            for tail, head in pairs:
                low[head] = max(low[head], low[tail])
            for tail, head in reversed(pairs):
                high[tail] = min(high[tail], high[head])
            kept = self.allowed & (rank >= np.array(low)[:, None])
            kept &= rank <= np.array(high)[:, None]
            if (kept == self.allowed).all():
                return
            self.allowed = kept

    @cached_property
    def _restricted(self) -> dict[int, tuple[NDArray[np.bool_], Codes]]:
        """Units with forbidden nodes: which codes are forbidden, and where each goes instead."""
        return {
            unit: self._detour(unit) for unit in np.flatnonzero(~self.allowed.all(axis=1)).tolist()
        }

    @cached_property
    def detours(self) -> Codes:
        """[units, codes]: where each code leads, itself where the unit may be there."""
        codes = np.arange(int(self.code_of.max()) + 1, dtype=self.code_of.dtype)
        table: Codes = np.repeat(codes[None], self.num_units, axis=0)
        for unit, (bad, instead) in self._restricted.items():
            table[unit, bad] = instead[bad]
        return table

    def _detour(self, unit: int) -> tuple[NDArray[np.bool_], Codes]:
        size, rank = int(self.code_of.max()) + 1, self.instance.node_rank
        bad = np.ones(size, bool)
        bad[self.code_of[self.allowed[unit]]] = False
        places = np.flatnonzero(self.allowed[unit])
        instead = np.zeros(size, self.code_of.dtype)
        for node, code in enumerate(self.code_of.tolist()):
            above = places[rank[places] >= rank[node]]
            pool = above[rank[above] == rank[above].min()] if len(above) else places
            instead[code] = self.code_of[pool[self.costs_s[unit, pool].argmin()]]
        return bad, instead

    def _admit(self, codes: Codes) -> None:
        """Forbidden nodes are replaced."""
        for unit, (bad, instead) in self._restricted.items():
            row = codes[unit]
            np.copyto(row, instead[row], where=bad[row])

    def _lift(self, codes: Codes) -> None:
        """Readers follow their inputs upwards, until nothing changes (one pass unless groups)."""
        mask = codes.dtype.type((1 << self.shift) - 1)
        for _ in range(1 + self.num_units):
            for unit, inputs in enumerate(self.inputs):
                if inputs:
                    highest = codes[inputs[0]]
                    for other in inputs[1:]:
                        highest = np.maximum(highest, codes[other])
                    row = codes[unit]
                    np.copyto(row, highest, where=highest > (row | mask))
                    if unit in self._restricted:
                        bad, instead = self._restricted[unit]
                        np.copyto(row, instead[row], where=bad[row])
            if not self._backward or self._rises(codes):
                return

    def _lower(self, codes: Codes) -> None:
        """Inputs follow their readers downwards where they may; `_lift` then mends the rest."""
        if not codes.shape[1]:
            return
        mask = codes.dtype.type((1 << self.shift) - 1)
        for unit in range(self.num_units - 1, -1, -1):
            readers = self.readers[unit]
            if readers:
                lowest = codes[readers[0]]
                for other in readers[1:]:
                    lowest = np.minimum(lowest, codes[other])
                row = codes[unit]
                sinks = row > (lowest | mask)
                if unit in self._restricted:
                    sinks &= ~self._restricted[unit][0][lowest]
                np.copyto(row, lowest, where=sinks)

    @cached_property
    def _backward(self) -> bool:
        """Whether some group makes a unit read a later one."""
        return bool((self.edges[:, 0] > self.edges[:, 1]).any())

    def _rises(self, codes: Codes) -> bool:
        tails, heads = (codes[self.edges[:, end]] >> self.shift for end in (0, 1))
        return bool((tails <= heads).all())

    @cached_property
    def gaps(self) -> bool:
        """Whether routes are missing that tiers and `monotone` would allow."""
        used = np.flatnonzero(self.allowed.any(axis=0))
        rank = self.instance.node_rank[used]
        wanted = rank[:, None] <= rank if self.objective.monotone else True
        return bool((~self.may[np.ix_(used, used)] & wanted).any())

    def _follow(self, codes: Codes) -> None:
        """A reader out of its input's reach goes where the input is, if it may."""
        nodes = self.nodes(codes)
        for unit, inputs in enumerate(self.inputs):
            for tail in inputs:
                here = nodes[tail]
                lost = ~self.may[here, nodes[unit]] & self.allowed[unit, here]
                np.copyto(nodes[unit], here, where=lost)
        codes[:] = self.code_of[nodes]

    def _held(self, nodes: NDArray[Any], node: int) -> NDArray[np.float64]:
        """[batch]: weights on a node; those that tasks or layers share count once."""
        if not self.parcels:
            return np.zeros(nodes.shape[1])
        holders, starts, num_bytes = self._holders
        there = nodes[holders] == node
        if len(holders) > len(starts):
            there = np.logical_or.reduceat(there, starts, axis=0)
        return np.asarray(num_bytes @ there)

    @cached_property
    def parcels(self) -> list[tuple[float, list[int]]]:
        """(bytes, units) of all weights: on a node once if one of the units is there."""
        first = self.first.tolist()
        return [
            (num_bytes, [first[task] + unit for task, unit in holders])
            for num_bytes, holders in parcels_on(self.instance, self.units)
        ]

    @cached_property
    def _holders(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """The units of all parcels end to end, where each parcel's begin, and its bytes."""
        sizes = [len(units) for _, units in self.parcels]
        holders = np.array([unit for _, units in self.parcels for unit in units], np.int64)
        starts = np.cumsum([0, *sizes[:-1]])
        return holders, starts, np.array([num_bytes for num_bytes, _ in self.parcels])

    def _rho(self, nodes: NDArray[Any]) -> NDArray[np.float64]:
        """[nodes, batch]: load of every node."""
        batch, count = nodes.shape[1], len(self.instance.nodes)
        seconds = np.where(self.allowed, self.costs_s, 0.0) * self.columns.rates[self.task][:, None]
        loads = np.take_along_axis(seconds, nodes.astype(np.int64), axis=1)
        at = nodes.astype(np.int64) * batch + np.arange(batch)
        found = np.bincount(at.ravel(), loads.ravel(), minlength=count * batch)
        return np.asarray(found.reshape(count, batch), float)


def homeless(space: PlacementSpace) -> str | None:
    """A sentence on a task with a layer that may be nowhere; None if there is none."""
    lost = np.flatnonzero(~space.allowed.any(axis=1))
    if not len(lost):
        return None
    position = int(space.task[lost[0]])
    task = space.instance.tasks[position]
    layer = int(np.flatnonzero(space.unit_of == lost[0])[0] - space.columns.first[position])
    name = space.instance.model_of(task).layers[layer].name
    return f"task {task.name}: tiers, groups, source and monotone leave layer {name} no node"


def _edges(units: list[TaskUnits], first: list[int]) -> NDArray[np.int64]:
    pairs = [
        (tail + start, head + start)
        for own, start in zip(units, first, strict=False)
        for tail, head in own.edges
    ]
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    return edges[np.lexsort((edges[:, 0], edges[:, 1]))]


def _lists(pairs: list[list[int]], count: int) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(count)]
    for key, value in pairs:
        found[key].append(value)
    return found
