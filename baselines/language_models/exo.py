"""`exo`: the fewest machines whose memory holds the model, blocks in proportion to memory."""

from __future__ import annotations

from functools import partial

import numpy as np

from splitfog.baselines.language_models.memory_proportional import proportional_counts
from splitfog.baselines.language_models.stack import Shares, Stack, limited, shared_out
from splitfog.solvers.base import Answer, Request


def solve_exo(request: Request) -> Answer:
    """The fewest machines whose memory together holds the weights, those with most memory first.

    They take blocks in proportion to their memory, in the order of the file, one at least. After
    exo's placement: the weights are those of the whole model, divided evenly over its blocks, and
    a machine that cannot hold its share is an error. Ignores speed, links, the key-value cache,
    and that embedding and head are on two machines only. O(L + N log N).

    Option `machines`: how many there must be at least.

    Raises
    ------
    SolverDeclined
        For several tasks, models with branches and machines without a limit of memory.
    """
    return shared_out(request, "exo", partial(_shares, least=request.options["machines"]))


def _shares(stack: Stack, least: int) -> Shares | str:
    memory = limited(stack, "exo")
    weights = stack.weight_bytes(stack.layers)
    by_memory = np.argsort(-memory, kind="stable")
    enough = memory[by_memory].cumsum() >= weights
    if not enough.any():
        there = memory.sum()
        return f"all memory together, {there:.6g} bytes, is less than the model's {weights:.6g}"
    count = max(int(enough.argmax()) + 1, least)
    if count > len(memory):
        return f"it shall use {count} machines at least, and there are {len(memory)}"
    chosen = np.sort(by_memory[:count])
    counts = proportional_counts(len(stack.blocks), memory[chosen])
    if isinstance(counts, str):
        return counts
    shares = [(stack.machines[i], own) for i, own in zip(chosen.tolist(), counts, strict=True)]
    return _refused(stack, shares, weights) or shares


def _refused(stack: Stack, shares: Shares, weights: float) -> str | None:
    """What exo says where a machine cannot hold its blocks; None where all can."""
    for machine, count in shares:
        needed, node = weights * count / len(stack.blocks), stack.node(machine)
        if needed > stack.room_bytes[machine]:
            return (
                f"node {node.name} has {node.memory_bytes:.6g} bytes for {count} blocks, "
                f"which take {needed:.6g}"
            )
    return None
