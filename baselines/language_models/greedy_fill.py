"""`greedy-fill`: every machine takes as many layers as fit, one machine after another."""

from __future__ import annotations

import numpy as np

from splitfog.baselines.common import checked
from splitfog.baselines.language_models.stack import Stack, stack_of
from splitfog.solvers.base import Answer, Request


def solve_greedy_fill(request: Request) -> Answer:
    """Layers one after another on the first machine until it is full, then on the next.

    After the device map of Hugging Face's accelerate (`sequential`). Ours: the key-value cache
    counts beside the weights, since what is filled to the brim has no room for it, and nothing is
    held back for a largest layer. Ignores speed and links. O(L^2).

    Raises
    ------
    SolverDeclined
        For several tasks and models with branches.
    """
    stack = stack_of(request, "greedy-fill")
    filled = _filled(stack)
    if isinstance(filled, str):
        return Answer(None, reason=filled)
    nodes = {layer: machine for machine, layers in filled.items() for layer in layers}
    return checked(request, stack.decision(nodes))


def _filled(stack: Stack) -> dict[int, list[int]] | str:
    """The layers of every machine, or which layer is left over."""
    filled: dict[int, list[int]] = {}
    machines = iter(stack.machines)
    machine = next(machines)
    for layers in _in_a_row(stack):
        while not _fits(stack, machine, filled.get(machine, []), layers):
            last, machine = machine, next(machines, -1)
            if machine < 0:
                name, node = stack.arrays.model.layers[layers[0]].name, stack.node(last)
                return f"layer {name} does not fit on {node.name} any more, which is the last"
        filled.setdefault(machine, []).extend(layers)
    return filled


def _in_a_row(stack: Stack) -> list[list[int]]:
    """One layer after another; with the first, those after the blocks that belong to it."""
    beside = stack.beside_first
    first, *others = [layer for layer in stack.layers if layer not in beside]
    return [[first, *beside], *([layer] for layer in others)]


def _fits(stack: Stack, machine: int, there: list[int], layers: list[int]) -> bool:
    """Whether a machine may have these layers, too, and holds them."""
    may = bool(np.isfinite(stack.arrays.costs_s[layers, machine]).all())
    return may and stack.held_bytes([*there, *layers]) <= stack.room_bytes[machine]
