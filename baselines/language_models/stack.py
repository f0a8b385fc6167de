"""A language model as its tools see it: blocks in a row, what comes before and after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import checked
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.weights import held_bytes
from splitfog.instances.records import Node
from splitfog.solvers.base import Answer, Request, SolverDeclined
from splitfog.solvers.exact.chain_dp import chain_of

MOST_AT_AN_END = 2
"""Layers before the blocks, and after them."""

Shares = Sequence[tuple[int, int]]
"""Machines, by position among the nodes, in the order of the pipeline, each with its number of
blocks; the first also has what comes before the blocks, the last what comes after them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Stack:
    """One task's chain: layers `before` the `blocks`, these, and layers `after` them.

    Blocks are the layers in a row that are attention or keep state, or else those that take equal
    times and equal memory, where at most two others are before and after them; else every layer
    counts as a block. All are positions in the model, without the input. `machines` are the nodes
    that may have a block, in file order: not what only forwards, with `memory_bytes` 0.
    """

    arrays: TaskArrays
    before: tuple[int, ...]
    blocks: tuple[int, ...]
    after: tuple[int, ...]
    machines: tuple[int, ...]

    @property
    def layers(self) -> tuple[int, ...]:
        """All layers in their order, without the input."""
        return (*self.before, *self.blocks, *self.after)

    @property
    def beside_first(self) -> tuple[int, ...]:
        """Layers after the blocks that are grouped with one before them: what the first machine
        does with the token that the last one has made."""
        groups = [group for group in self.arrays.groups if set(group) & set(self.before)]
        return tuple([layer for layer in self.after if any(layer in group for group in groups)])

    @cached_property
    def room_bytes(self) -> NDArray[np.float64]:
        """[nodes]: what a node may hold; inf: no limit."""
        return memory_room(self.arrays.instance)

    @property
    def block_s(self) -> NDArray[np.float64]:
        """[nodes]: seconds of a block, on average where they differ; inf where one may not be."""
        mean: NDArray[np.float64] = self.arrays.costs_s[list(self.blocks)].mean(axis=0)
        return mean

    def weight_bytes(self, layers: Iterable[int]) -> float:
        """Weights of some layers on one node: shared ones once."""
        return held_bytes(self.arrays.model, layers)

    def held_bytes(self, layers: Iterable[int]) -> float:
        """Weights and state of some layers on one node."""
        rows = list(layers)
        return self.weight_bytes(rows) + float(self.arrays.state_bytes[rows].sum())

    def node(self, machine: int) -> Node:
        """The record of a machine."""
        return self.arrays.instance.nodes[machine]

    def decision(self, nodes: Mapping[int, int]) -> Decision:
        """The decision that has these layers on these nodes, and the input at the source."""
        placement = np.zeros(len(self.arrays.model.layers), np.int64)
        if self.arrays.source is not None:
            placement[self.arrays.is_input] = self.arrays.source
        placement[list(nodes)] = list(nodes.values())
        return placed(placement)

    def dealt(self, shares: Shares, ring: bool) -> Decision:
        """The blocks dealt in their order, with the ends of the model as `Shares` says; in a ring
        the first machine has both."""
        machines, counts = zip(*shares, strict=True)
        nodes = dict.fromkeys(self.before, machines[0])
        nodes |= dict(zip(self.blocks, np.repeat(machines, counts).tolist(), strict=True))
        nodes |= dict.fromkeys(self.after, machines[0] if ring else machines[-1])
        nodes |= dict.fromkeys(self.beside_first, machines[0])
        return self.decision(nodes)


def stack_of(request: Request, solver: str) -> Stack:
    """The only task's chain.

    Parameters
    ----------
    request
        Whose instance is as one pass sees it.
    solver
        Who asks, for the reason.

    Raises
    ------
    SolverDeclined
        For several tasks, a model that is no chain or an input alone, and where no node may have a
        block.
    """
    instance = request.instance
    if len(instance.tasks) != 1:
        reason = f"it splits one task's model, and there are {len(instance.tasks)} tasks"
        raise SolverDeclined(solver, reason, "greedy")
    arrays = task_arrays(instance, 0)
    order = chain_of(arrays.model, solver)
    layers = [layer for layer in order if not arrays.is_input[layer]]
    if not layers:
        raise SolverDeclined(solver, f"model {arrays.model.name} has an input layer only", "ilp")
    start, end = _blocks(arrays, layers)
    may = np.isfinite(arrays.costs_s[layers[start:end]]).any(axis=0)
    machines = np.flatnonzero(may & (memory_room(instance) > 0)).tolist()
    if not machines:
        raise SolverDeclined(solver, "no node that has memory may have a block", "ilp")
    return Stack(
        arrays=arrays,
        before=tuple(layers[:start]),
        blocks=tuple(layers[start:end]),
        after=tuple(layers[end:]),
        machines=tuple(machines),
    )


def _blocks(arrays: TaskArrays, layers: list[int]) -> tuple[int, int]:
    """Where the blocks of a chain start and end."""
    for start, end in (_attending(arrays, layers), _alike(arrays, layers)):
        if start < end and max(start, len(layers) - end) <= MOST_AT_AN_END:
            return start, end
    return 0, len(layers)


def _attending(arrays: TaskArrays, layers: list[int]) -> tuple[int, int]:
    """Where attention, or what keeps state, starts and ends; nowhere if others lie between."""
    attends = [
        arrays.model.layers[layer].op == "attention" or arrays.state_bytes[layer] > 0
        for layer in layers
    ]
    places = np.flatnonzero(attends)
    is_run = len(places) > 0 and places[-1] - places[0] == len(places) - 1
    return (int(places[0]), int(places[-1]) + 1) if is_run else (0, 0)


def _alike(arrays: TaskArrays, layers: list[int]) -> tuple[int, int]:
    """Where the longest run of layers of equal times and memory starts and ends; nowhere if no two
    are alike."""
    looks = [_looks(arrays, layer) for layer in layers]
    changes = [i for i, (one, other) in enumerate(pairwise(looks), 1) if one != other]
    start, end = max(pairwise([0, *changes, len(layers)]), key=lambda run: run[1] - run[0])
    return (start, end) if end - start > 1 else (0, 0)


def _looks(arrays: TaskArrays, layer: int) -> tuple[bytes, float, float]:
    """What is equal for blocks: times, weights and state."""
    weights, state = float(arrays.weight_bytes[layer]), float(arrays.state_bytes[layer])
    return arrays.costs_s[layer].tobytes(), weights, state


def shared_out(
    request: Request, solver: str, share: Callable[[Stack], Shares | str], ring: bool = False
) -> Answer:
    """The answer of a rule that gives machines numbers of blocks, or says why it cannot.

    Whatever the rule ignores is held against its plan: one that does not fit is no answer, and
    memory that refuses it is named.

    Parameters
    ----------
    request
        Of latency or period; which of them is nothing to these rules.
    solver
        Its name.
    share
        The rule.
    ring
        Whether the first machine has both ends of the model.

    Raises
    ------
    SolverDeclined
        As `stack_of`.
    """
    stack = stack_of(request, solver)
    shares = share(stack)
    if isinstance(shares, str):
        return Answer(None, reason=shares)
    return checked(request, stack.dealt(shares, ring))


def limited(stack: Stack, solver: str) -> NDArray[np.float64]:
    """[machines]: the memory of every machine.

    Raises
    ------
    SolverDeclined
        Where one has no limit, of which there are no shares.
    """
    for machine in stack.machines:
        node = stack.node(machine)
        if node.memory_bytes is None:
            reason = f"it deals by memory, and node {node.name} has no memory_bytes"
            raise SolverDeclined(solver, reason, "equal")
    return np.array([stack.node(machine).memory_bytes for machine in stack.machines], float)
