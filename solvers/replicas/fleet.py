"""A chain on a fleet as arrays: what every node passes of every range, and what its links allow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from splitfog.formulations.chain import chain_layers, tensor_bytes
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.decision import Decision, Replica, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.weights import added_bytes
from splitfog.instances.arrays import Flags, Floats, frozen
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model
from splitfog.solvers.base import SolverDeclined

MOST_RANGES = 20_000_000
"""On all nodes, that are listed."""

Ranges = dict[int, tuple[int, int]]
"""By node, the layers [a, b) that it holds."""


@dataclass(frozen=True, eq=False)
class Fleet:
    """The ranges of a chain that every node may hold, and how many executions per second it passes.

    `rates` is [nodes, layers + 1, layers + 1], of the layers from a start up to an end; 0: it may
    not hold them. `limits` is the same with what the links at the node let in and out.
    """

    instance: Instance
    objective: Objective
    layers: tuple[int, ...]
    rates: Floats
    limits: Floats

    @property
    def num_layers(self) -> int:
        """Layers of the chain, without its input."""
        return len(self.layers)

    @cached_property
    def by_count(self) -> Floats:
        """[nodes, layers + 1]: the most that a node passes with so many layers, wherever."""
        count = self.num_layers
        table = np.zeros((len(self.limits), count + 1))
        for held in range(1, count + 1):
            table[:, held] = self.limits.diagonal(held, axis1=1, axis2=2).max(axis=1)
        return frozen(table)

    @cached_property
    def usable(self) -> tuple[int, ...]:
        """Nodes that may hold some layers."""
        return tuple(np.flatnonzero(self.limits.any(axis=(1, 2))).tolist())

    @cached_property
    def types(self) -> tuple[tuple[int, ...], ...]:
        """Nodes that pass the same with any number of layers, those that hold none left out."""
        alike: dict[bytes, list[int]] = {}
        for node, row in enumerate(self.by_count):
            if row.any():
                alike.setdefault(row.tobytes(), []).append(node)
        return tuple(map(tuple, alike.values()))

    def decision(self, ranges: Ranges) -> Decision:
        """The decision of ranges, by the position where they begin.

        Parameters
        ----------
        ranges
            By node.
        """
        model = self.instance.model_of(self.instance.tasks[0])
        source = self.instance.tasks[0].source
        placement = np.full(
            len(model.layers), 0 if source is None else self.instance.node_index[source]
        )
        order = sorted(ranges.items(), key=lambda own: (own[1], own[0]))
        replicas = tuple(Replica(node, self.layers[a:b]) for node, (a, b) in order)
        for replica in reversed(replicas):
            placement[list(replica.layers)] = replica.node
        return Decision((TaskDecision(frozen(placement), replicas=replicas),))


def fleet_of(instance: Instance, objective: Objective) -> Fleet:
    """The fleet of the only task. O(N L^2).

    Parameters
    ----------
    instance, objective
        Of `throughput`.

    Raises
    ------
    SolverDeclined
        Where there are too many ranges to be listed.
    """
    model = instance.model_of(instance.tasks[0])
    layers = chain_layers(model)
    if len(instance.nodes) * (len(layers) + 1) ** 2 > MOST_RANGES:
        what = f"{len(instance.nodes)} nodes and {len(layers)} layers"
        raise SolverDeclined("replicas", f"it lists all ranges of layers, too many of {what}")
    rates = np.where(_allowed(instance, model, layers), _rates(instance, model, layers), 0.0)
    limits = np.minimum(rates, _link_limits(instance, model, layers, objective.partial))
    return Fleet(instance, objective, layers, frozen(rates), frozen(limits))


def _rates(instance: Instance, model: Model, layers: tuple[int, ...]) -> Floats:
    """[nodes, starts, ends]: what the table says, or 1 / the layers' times; 0: impossible."""
    count = len(layers)
    held = np.arange(count + 1)[None, :] - np.arange(count + 1)[:, None]
    table = np.zeros((len(instance.nodes), count + 1, count + 1))
    for position, node in enumerate(instance.nodes):
        if model.stage_rates:
            rates = model.stage_rates.get(node.name, model.stage_rates.get(node.tier, ()))
            by_count = np.array([0.0, *rates[:count], *[0.0] * max(0, count - len(rates))])
            table[position] = np.where(held > 0, by_count[np.maximum(held, 0)], 0.0)
        else:
            for start in range(count):
                times = [layer_time(model.layers[layer], node) for layer in layers[start:]]
                seconds = np.cumsum(times)
                table[position, start, start + 1 :] = np.divide(
                    1.0, seconds, out=np.zeros_like(seconds), where=seconds > 0
                )
    return table


def _allowed(instance: Instance, model: Model, layers: tuple[int, ...]) -> Flags:
    """[nodes, starts, ends]: whether tiers, memory and groups let a node hold a range."""
    count, rows = len(layers), list(layers)
    may = np.array(
        [[model.layers[layer].may_run_on(node) for layer in layers] for node in instance.nodes]
    )
    banned = np.concatenate([np.zeros((len(may), 1)), np.cumsum(~may, axis=1)], axis=1)
    allowed = np.asarray(banned[:, None, :] == banned[:, :, None])
    allowed &= np.triu(np.ones((count + 1, count + 1), bool), 1)
    held = np.full((count + 1, count + 1), np.inf)
    for start in range(count):
        own = added_bytes(model, rows[start:]) + model.state_bytes[rows[start:]]
        held[start, start + 1 :] = own.cumsum()
    allowed &= held <= memory_room(instance)[:, None, None]
    return allowed & _whole_groups(instance, model, layers)


def _whole_groups(instance: Instance, model: Model, layers: tuple[int, ...]) -> Flags:
    """[nodes, starts, ends]: a range has all of a group or nothing, an input's at the source."""
    count, at = len(layers), {layer: position for position, layer in enumerate(layers)}
    start, end = np.arange(count + 1)[:, None], np.arange(count + 1)[None, :]
    whole = np.ones((len(instance.nodes), count + 1, count + 1), bool)
    for group in model.groups.values():
        places = [at[layer] for layer in group if layer in at]
        if not places:
            continue
        has_all = (start <= min(places)) & (end > max(places))
        has_none = np.ones_like(has_all)
        for place in places:
            has_none &= (end <= place) | (start > place)
        is_home = np.ones(len(instance.nodes), bool)
        if len(places) < len(group):
            is_home[:] = False
            is_home[instance.node_index[instance.tasks[0].source or ""]] = True
        whole &= has_none | (has_all & is_home[:, None, None])
    return whole


def _link_limits(
    instance: Instance, model: Model, layers: tuple[int, ...], partial: bool
) -> Floats:
    """[nodes, starts, ends]: what all links into a node let in and all out of it let out.

    A range but the first gets its tensor from elsewhere, one but the last sends it elsewhere.
    """
    task, count = instance.tasks[0], len(layers)
    room = np.zeros((2, len(instance.nodes)))
    for link in instance.directed_links:
        room[0, link.head] += link.bandwidth_bps
        room[1, link.tail] += link.bandwidth_bps
    sizes = 8 * np.array(tensor_bytes(model))
    entering, leaving = np.full((2, len(instance.nodes), count + 1), np.inf)
    for limits, side in ((entering, room[0]), (leaving, room[1])):
        np.divide(side[:, None], sizes, out=limits, where=sizes > 0)
    if len(model.layers) > count:
        entering[instance.node_index[task.source or ""], 0] = np.inf
    if task.results_to is None:
        leaving[:, count] = np.inf
    else:
        leaving[instance.node_index[task.results_to], count] = np.inf
    into = np.repeat(entering[:, :, None], count + 1, axis=2)
    if partial:  # it may take over anywhere before its end
        for start in range(count - 1, -1, -1):
            for end in range(start + 2, count + 1):
                into[:, start, end] = np.maximum(into[:, start, end], into[:, start + 1, end])
    limited: Floats = np.minimum(into, leaving[:, None, :])
    return limited
