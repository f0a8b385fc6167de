"""`memory-proportional`: blocks in proportion to memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.language_models.stack import Shares, Stack, limited, shared_out
from splitfog.solvers.base import Answer, Request


def solve_memory_proportional(request: Request) -> Answer:
    """Blocks in proportion to the memory of machines, in the order of the file.

    After what llama.cpp does where no `--tensor-split` is given. Ours: shares are rounded by
    largest remainders, ties to the first, and no machine is left without a block. Ignores speed,
    links, and what the key-value cache and the ends of the model take. O(L).

    Raises
    ------
    SolverDeclined
        For several tasks, models with branches and machines without a limit of memory.
    """
    return shared_out(request, "memory-proportional", _shares)


def _shares(stack: Stack) -> Shares | str:
    memory = limited(stack, "memory-proportional")
    counts = proportional_counts(len(stack.blocks), memory)
    return counts if isinstance(counts, str) else list(zip(stack.machines, counts, strict=True))


def proportional_counts(blocks: int, parts: NDArray[np.float64]) -> list[int] | str:
    """Blocks in these proportions, by largest remainders, at least one each.

    Who would have none takes one from who has most.

    Parameters
    ----------
    blocks
        How many there are.
    parts
        [machines], > 0.

    Returns
    -------
    list of int or str
        For every machine; or why there is not one for each.
    """
    if blocks < len(parts):
        return f"{blocks} blocks are fewer than the {len(parts)} machines, each of which takes one"
    exact = blocks * parts / parts.sum()
    counts = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: blocks - counts.sum()]] += 1
    for without in np.flatnonzero(counts == 0):
        counts[counts.argmax()] -= 1
        counts[without] = 1
    return [int(count) for count in counts]
