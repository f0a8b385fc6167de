"""`water-fill`: blocks in proportion to speed, as far as memory goes."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.language_models.stack import Shares, Stack, shared_out
from splitfog.formulations.arrays.nodes import speeds
from splitfog.solvers.base import Answer, Request

Table = NDArray[np.float64]
SHORTEST_S = 1e-100
TIE = 9
"""Digits of a remainder that count: closer ones are equal."""


def solve_water_fill(request: Request) -> Answer:
    """Blocks in proportion to speed, none beyond what memory holds, machines by capacity.

    After Parallax's rebalancing of a pipeline: the level is where capped shares add up to the
    blocks; they are rounded down, and the largest remainders get what is left. The first machine's
    capacity is less the embedding, the last one's less the head. Ours: the key-value cache is part
    of a block, where Parallax sets a share of memory aside; a machine that gets no block is left
    out, and the others share anew. Ignores links, the order of machines, and by default what the
    bandwidth of memory does to speed. O(N (L + N log N)).

    Option `speed`: `flops`, as the node says, or `block`, blocks per second in what is minimised.

    Raises
    ------
    SolverDeclined
        For several tasks and models with branches.
    """
    by_block = request.options["speed"] == "block"
    return shared_out(request, "water-fill", partial(_shares, by_block=by_block))


def _shares(stack: Stack, by_block: bool) -> Shares | str:
    blocks = len(stack.blocks)
    speed = _block_speeds(stack) if by_block else speeds(stack.arrays.instance)
    machines = sorted(stack.machines, key=lambda machine: -_most_blocks(stack, [machine])[0])
    while True:
        most = _most_blocks(stack, machines, with_ends=True)
        if most.sum() < blocks:
            return f"the machines have room for {most.sum():.0f} blocks in all, not for {blocks}"
        counts = _rounded(water_level(most, speed[machines], blocks), blocks)
        shares = list(zip(machines, counts, strict=True))
        if all(counts):
            return shares
        machines = [machine for machine, count in shares if count]


def _block_speeds(stack: Stack) -> Table:
    """[nodes]: blocks per second; next to none where one may not be."""
    return 1 / np.clip(stack.block_s, SHORTEST_S, 1 / SHORTEST_S)


def _most_blocks(stack: Stack, machines: list[int], with_ends: bool = False) -> Table:
    """[machines]: for how many blocks there is room, beside the model's ends on first and last."""
    room, own = stack.room_bytes[machines], stack.held_bytes(stack.blocks) / len(stack.blocks)
    if with_ends:
        room[0] -= stack.held_bytes(stack.before)
        room[-1] -= stack.held_bytes(stack.after)
    most = np.floor(np.maximum(room, 0) / own) if own else np.where(room < 0, 0.0, np.inf)
    return np.minimum(most, len(stack.blocks))


def water_level(most: Table, speed: Table, total: float) -> Table:
    """Shares in proportion to speed, capped, that add up to a total.

    Parameters
    ----------
    most
        [machines]: the caps; together at least the total.
    speed
        [machines], > 0.
    total
        What is shared.

    Returns
    -------
    [machines]
        min(most, level x speed) for the level at which they add up. O(N log N).
    """
    shares = most.astype(float).copy()
    by_level = np.argsort(most / speed, kind="stable")
    for position, machine in enumerate(by_level.tolist()):
        rest = by_level[position:]
        level = (total - shares[by_level[:position]].sum()) / speed[rest].sum()
        if level * speed[machine] <= most[machine]:
            shares[rest] = level * speed[rest]
            break
    return shares


def _rounded(shares: Table, blocks: int) -> list[int]:
    """Whole numbers: rounded down, and one more by largest remainders; what is at its cap has
    none."""
    counts = np.floor(np.round(shares, TIE))
    by_remainder = np.argsort(-np.round(shares - counts, TIE), kind="stable")
    counts[by_remainder[: blocks - int(counts.sum())]] += 1
    return [int(count) for count in counts]
