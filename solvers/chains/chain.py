"""A task's chain as arrays by position: what every layer, every hop and every range costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.exact.chain_dp import Transfers, chain_of

Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crossings:
    """Seconds of tensors between nodes; inf where they may not go, 0 where they stay.

    `enter` [nodes] is the input's way to a node, `hops` [layers - 1, nodes, nodes] that of every
    layer's tensor to the next one's node, `leave` [nodes] the result's way from a node.
    """

    enter: Table
    hops: Table
    leave: Table


@dataclass(frozen=True, eq=False, kw_only=True)
class Chain:
    """The layers of a task's chain but for its input, in order, on all nodes of the instance.

    `layers` are positions in the model, `costs_s` is [layers, nodes], inf where a layer may not be.
    `ways` holds the seconds that crossings take, `busy` those that they occupy the busiest link of
    their route: of a period a bound, which is met where no link is used twice.
    """

    arrays: TaskArrays
    layers: tuple[int, ...]
    costs_s: Table
    ways: Crossings
    busy: Crossings

    @property
    def num_nodes(self) -> int:
        """How many nodes the instance has."""
        return len(self.arrays.instance.nodes)

    @cached_property
    def room_bytes(self) -> Table:
        """[nodes]: what a node may hold; inf: no limit."""
        return memory_room(self.arrays.instance)

    @cached_property
    def own_bytes(self) -> Table:
        """[layers]: weights and state of every layer by itself."""
        rows = list(self.layers)
        own: Table = self.arrays.weight_bytes[rows] + self.arrays.state_bytes[rows]
        return own

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """[layers]: equal where layers share their weights."""
        return self.arrays.model.weight_owner[list(self.layers)]

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Positions in the chain of the layers of every group."""
        at = {layer: position for position, layer in enumerate(self.layers)}
        return tuple(
            tuple(sorted(at[layer] for layer in group if layer in at))
            for group in self.arrays.groups
        )

    def bytes_of(self, positions: list[int]) -> float:
        """What a node holds of these layers: shared weights once.

        Parameters
        ----------
        positions
            In the chain.
        """
        if not positions:
            return 0.0
        rows = [self.layers[position] for position in positions]
        _, first = np.unique(self.owners[positions], return_index=True)
        weights = self.arrays.weight_bytes[rows][first]
        return float(weights.sum() + self.arrays.state_bytes[rows].sum())

    def on_one_way(self, one: Table, other: Table) -> Table:
        """How long two tensors occupy a link that is the way of both; of several links a bound.

        Parameters
        ----------
        one, other
            How long each does.
        """
        is_direct = self.arrays.instance.routing == "direct"
        return one + other if is_direct else np.maximum(one, other)

    def decision(self, nodes: list[int]) -> Decision:
        """The decision that has the chain's layers on these nodes.

        Parameters
        ----------
        nodes
            By position, one for every layer of the chain.
        """
        placement = np.zeros(len(self.arrays.model.layers), np.int64)
        if self.arrays.source is not None:
            placement[self.arrays.is_input] = self.arrays.source
        placement[list(self.layers)] = nodes
        return placed(placement)


def chain_for(instance: Instance, objective: Objective) -> Chain:
    """The chain of the only task.

    Parameters
    ----------
    instance, objective
        Of one pass.

    Raises
    ------
    SolverDeclined
        Where there are several tasks, a model that is no chain, or one that holds nothing but an
        input; and where the input has weights or state.
    """
    if len(instance.tasks) != 1:
        raise SolverDeclined("pipeline", f"it knows one task, not {len(instance.tasks)}", "ilp")
    arrays = task_arrays(instance, 0)
    model = arrays.model
    order = chain_of(model, "pipeline")
    inputs = int(arrays.is_input[order[0]])
    if len(order) == inputs:
        raise SolverDeclined("pipeline", f"model {model.name} has an input layer only", "ilp")
    if inputs and arrays.weight_bytes[order[0]] + arrays.state_bytes[order[0]]:
        name = model.layers[order[0]].name
        raise SolverDeclined("pipeline", f"input layer {name} takes memory", "ilp")
    layers = order[inputs:]
    transfers = Transfers(arrays, objective)
    seconds = [transfers.between(layer) for layer in order[:-1]]
    enter = seconds[0][arrays.source] if inputs else np.zeros(len(instance.nodes))
    shape = (len(layers) - 1, len(instance.nodes), len(instance.nodes))
    ways = Crossings(enter, np.reshape(seconds[inputs:], shape), transfers.after(order[-1]))
    return Chain(
        arrays=arrays,
        layers=tuple(layers),
        costs_s=_costs(arrays, order)[inputs:],
        ways=ways,
        busy=_busy(arrays, order, inputs, ways),
    )


def _costs(arrays: TaskArrays, order: list[int]) -> Table:
    """[chain, nodes]: what layers cost; those in a group with an input stay at the source."""
    costs = arrays.costs_s.copy()
    for group in arrays.groups:
        costs[list(group)] = np.where(
            np.isfinite(arrays.costs_s[list(group)]).all(axis=0), costs[list(group)], np.inf
        )
    rows: Table = costs[order]
    return rows


def _busy(arrays: TaskArrays, order: list[int], inputs: int, ways: Crossings) -> Crossings:
    """How long the busiest link of every way is occupied; inf where `ways` is."""
    known: dict[tuple[float, float], Table] = {}

    def of(layer: int) -> Table:
        key = float(arrays.sends[layer]), float(arrays.output_bytes[layer])
        if key not in known:
            known[key] = _busiest(arrays.instance, *key)
        return known[key]

    enter = of(order[0])[arrays.source] if inputs else np.zeros_like(ways.enter)
    hops = [of(layer) for layer in order[inputs:-1]]
    target = arrays.results_to
    leave = np.zeros_like(ways.leave) if target is None else of(order[-1])[:, target]
    return Crossings(
        np.where(np.isfinite(ways.enter), enter, np.inf),
        np.where(np.isfinite(ways.hops), np.reshape(hops, ways.hops.shape), np.inf),
        np.where(np.isfinite(ways.leave), leave, np.inf),
    )


def _busiest(instance: Instance, sends: float, num_bytes: float) -> Table:
    """[nodes, nodes]: seconds that a tensor occupies the busiest link of a route; 0 without one."""
    routes, count = routes_of(instance), len(instance.nodes)
    links = instance.directed_links
    table = np.zeros((count, count))
    if not sends:
        return table
    for tail in range(count):
        for head in range(count):
            path = routes.path(tail, head) or ()
            busy = [links[link].busy_seconds(num_bytes, sends) for link in path]
            table[tail, head] = max(busy, default=0.0)
    return table


def stage_table(chain: Chain, limit: float) -> Table:
    """[nodes, layers + 1, layers + 1]: seconds of the layers from a start up to an end.

    Inf where a layer may not be there, memory does not hold them, they take longer than `limit`,
    or nothing lies between start and end. O(N L^2).

    Parameters
    ----------
    chain
        Whose ranges.
    limit
        Seconds; inf: none.
    """
    count = len(chain.layers)
    table = np.full((chain.num_nodes, count + 1, count + 1), np.inf)
    before = last_with_same_weights(chain)
    weights = chain.arrays.weight_bytes[list(chain.layers)]
    for start in range(count):
        seconds = chain.costs_s[start:].cumsum(axis=0).T
        new = np.where(before[start:] < start, weights[start:], 0.0)
        held = (new + (chain.own_bytes - weights)[start:]).cumsum()
        fits = (held <= chain.room_bytes[:, None]) & (seconds <= limit)
        table[:, start, start + 1 :] = np.where(fits, seconds, np.inf)
    return table


def last_with_same_weights(chain: Chain) -> NDArray[np.int64]:
    """[layers]: the position of the layer before it that has the same weights; -1: none."""
    last: dict[int, int] = {}
    before = []
    for position, owner in enumerate(chain.owners.tolist()):
        before.append(last.get(owner, -1))
        last[owner] = position
    return np.array(before, np.int64)


def cuts(chain: Chain) -> NDArray[np.bool_]:
    """[layers + 1]: before which layers a chain in a line may be cut: not within a group."""
    allowed = np.ones(len(chain.layers) + 1, bool)
    for group in chain.groups:
        if group:
            allowed[group[0] + 1 : group[-1] + 1] = False
    return allowed


def loop_cuts(chain: Chain) -> list[NDArray[np.bool_]]:
    """[layers + 1] each: cuts that a ring with one node at both ends may have together.

    A group is within one range, or within the two of that node: then all cuts lie between two of
    its layers. The largest sets, and of two cuts or more.

    Parameters
    ----------
    chain
        Whose groups.
    """
    cut = np.arange(len(chain.layers) + 1)
    sets = _largest([(cut > 0) & (cut < len(chain.layers))])
    for group in chain.groups:
        places = [(cut > one) & (cut <= other) for one, other in pairwise(group)]
        if places:
            places.append((cut <= group[0]) | (cut > group[-1]))
            sets = _largest([own & place for own in sets for place in places])
    return sets


def _largest(sets: list[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """Sets of two or more, in none of the others, the largest first."""
    kept: list[NDArray[np.bool_]] = []
    for own in sorted(sets, key=np.sum, reverse=True):
        if own.sum() > 1 and not any((own <= other).all() for other in kept):
            kept.append(own)
    return kept
