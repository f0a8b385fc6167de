"""What has to be placed together and what travels together, so that programs stay small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.routes import routes_of
from splitfog.instances.instance import Instance
from splitfog.instances.records import DirectedLink


@dataclass(frozen=True)
class Broadcast:
    """Tensors of one unit that have the same readers: they cross the same links, whatever they are.

    `sink` is the node that results go to, None for no result; `count` transfers, one for each
    tensor and time that it is sent, `num_bytes` in all.
    """

    producer: int
    readers: tuple[int, ...]
    sink: int | None
    count: float
    num_bytes: float

    def seconds(self, link: DirectedLink) -> float:
        """Seconds that all of it takes over a link."""
        return self.count * link.lag_s + 8 * self.num_bytes / link.bandwidth_bps

    def busy_seconds(self, link: DirectedLink) -> float:
        """Seconds that all of it occupies a link."""
        return self.count * link.latency_s + 8 * self.num_bytes / link.bandwidth_bps


@dataclass(frozen=True)
class Parcel:
    """Weights, > 0, that are on a node once if one of these `units` of the model is there."""

    num_bytes: float
    units: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskUnits:
    """One task's layers in units: a group is a unit, so is every layer without one.

    `unit_of` is [layers]; `costs_s` [units, nodes] holds the summed layer times, inf where `tiers`,
    the source or a way to `results_to` forbids the node; `edges` are the pairs (producer, reader)
    of different units, of which the `silent` ones never send anything: they need no route.
    `weight_bytes` [units] is what a unit takes of a node's memory by itself, weights and state;
    `parcels` holds the weights by who has them, `state_bytes` [units] the state.
    """

    unit_of: NDArray[np.int64]
    costs_s: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]
    parcels: tuple[Parcel, ...]
    broadcasts: tuple[Broadcast, ...]
    edges: tuple[tuple[int, int], ...]
    silent: frozenset[tuple[int, int]]
    state_bytes: NDArray[np.float64]

    @property
    def num_units(self) -> int:
        """How many units there are."""
        return len(self.costs_s)

    def forbidden(self) -> list[int]:
        """Layers of the units that no node may have."""
        homeless = self.costs_s.min(axis=1) == np.inf
        return np.flatnonzero(homeless[self.unit_of]).tolist()


def task_units(instance: Instance, task: int, transfers: str) -> TaskUnits:
    """The units of a task, in topological order of their first layers, and what they exchange.

    O(L N + E); `transfers` as in the objective.
    """
    arrays = task_arrays(instance, task)
    unit_of = _unit_of(arrays)
    num_units = int(unit_of.max()) + 1
    costs = np.zeros((num_units, len(instance.nodes)))
    np.add.at(costs, unit_of, arrays.costs_s)
    parcels = _parcels(arrays, unit_of)
    states = np.zeros(num_units)
    np.add.at(states, unit_of, arrays.state_bytes)
    weights = states.copy()
    for parcel in parcels:
        weights[list(parcel.units)] += parcel.num_bytes
    broadcasts = _broadcasts(arrays, unit_of, transfers == "once")
    for broadcast in broadcasts:
        if broadcast.sink is not None:
            reaches = np.isfinite(routes_of(instance).latency_s[:, broadcast.sink])
            costs[broadcast.producer, ~reaches] = np.inf
    edges = _pairs(unit_of[arrays.model.edges])
    sent = _pairs(unit_of[arrays.model.edges[arrays.sends[arrays.model.edges[:, 0]] > 0]])
    return TaskUnits(
        unit_of=unit_of,
        costs_s=costs,
        weight_bytes=weights,
        parcels=parcels,
        broadcasts=broadcasts,
        edges=edges,
        silent=frozenset(edges) - frozenset(sent),
        state_bytes=states,
    )


def _pairs(ends: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """Distinct pairs of different units."""
    return tuple(dict.fromkeys((tail, head) for tail, head in ends.tolist() if tail != head))


def _unit_of(arrays: TaskArrays) -> NDArray[np.int64]:
    leader = np.arange(len(arrays.model.layers))
    for group in arrays.groups:
        leader[list(group)] = group[0]
    number: dict[int, int] = {}
    for layer in arrays.model.order.tolist():
        number.setdefault(int(leader[layer]), len(number))
    return np.array([number[layer] for layer in leader.tolist()], np.int64)


def _parcels(arrays: TaskArrays, unit_of: NDArray[np.int64]) -> tuple[Parcel, ...]:
    """All weights of a model, those that the same units have together, by first unit."""
    owner, unit = arrays.model.weight_owner.tolist(), unit_of.tolist()
    users: dict[int, set[int]] = {}
    for layer, first in enumerate(owner):
        users.setdefault(first, set()).add(unit[layer])
    totals: dict[tuple[int, ...], float] = {}
    for first, units in users.items():
        if weight := arrays.model.layers[first].weight_bytes:
            key = tuple(sorted(units))
            totals[key] = totals.get(key, 0.0) + weight
    return tuple(Parcel(totals[units], units) for units in sorted(totals))


def parcels_on(
    instance: Instance, units: Sequence[TaskUnits]
) -> list[tuple[float, list[tuple[int, int]]]]:
    """(bytes, [(task, unit)]) of all weights and state > 0: on a node once if one of these units is
    there.

    Tasks of one model share its weights, and each has its own state. Weights by model in the order
    of its first task, then states.
    """
    tasks_of: dict[str, list[int]] = {}
    for position, task in enumerate(instance.tasks):
        tasks_of.setdefault(task.model, []).append(position)
    weights = [
        (parcel.num_bytes, [(task, unit) for task in tasks for unit in parcel.units])
        for tasks in tasks_of.values()
        for parcel in units[tasks[0]].parcels
    ]
    return weights + [
        (float(own.state_bytes[unit]), [(task, unit)])
        for task, own in enumerate(units)
        for unit in np.flatnonzero(own.state_bytes).tolist()
    ]


def _broadcasts(
    arrays: TaskArrays, unit_of: NDArray[np.int64], once: bool
) -> tuple[Broadcast, ...]:
    """Tensors by (producer, readers, sink); under `per-edge` every reader by itself."""
    model, unit = arrays.model, unit_of.tolist()
    sends, sizes = arrays.sends.tolist(), arrays.output_bytes.tolist()
    totals: dict[tuple[int, tuple[int, ...], int | None], tuple[float, float]] = {}
    for layer in model.order.tolist():
        if not sends[layer]:
            continue
        home = unit[layer]
        readers = [unit[reader] for reader in model.reads[layer] if unit[reader] != home]
        sink = arrays.results_to if model.results[layer] else None
        groups: list[tuple[tuple[int, ...], int | None]] = [(tuple(sorted(set(readers))), sink)]
        if not once:
            groups = [*(((reader,), None) for reader in readers), ((), sink)]
        for ends, target in groups:
            if ends or target is not None:
                count, num_bytes = totals.get((home, ends, target), (0.0, 0.0))
                totals[home, ends, target] = count + sends[layer], num_bytes + sizes[layer]
    return tuple(Broadcast(*key, *total) for key, total in totals.items())
