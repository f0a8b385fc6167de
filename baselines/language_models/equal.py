"""`equal`: as many blocks for every machine, whatever it can do."""

from __future__ import annotations

from splitfog.baselines.language_models.stack import Shares, Stack, shared_out
from splitfog.solvers.base import Answer, Request


def solve_equal(request: Request) -> Answer:
    """As many blocks for every machine, in the order of the file.

    After the layer partition of vLLM's pipeline parallelism: what is left when the blocks are
    divided goes to the machines before the last, one each, backwards from it, since the last also
    has the head. Ignores memory, speed and links. O(L).

    Raises
    ------
    SolverDeclined
        For several tasks and models with branches.
    """
    return shared_out(request, "equal", _shares)


def _shares(stack: Stack) -> Shares:
    return list(
        zip(stack.machines, equal_counts(len(stack.blocks), len(stack.machines)), strict=True)
    )


def equal_counts(blocks: int, machines: int) -> list[int]:
    """Blocks of every machine: 11 on 4 are 3, 3, 3, 2, and 10 are 2, 3, 3, 2.

    Parameters
    ----------
    blocks, machines
        How many there are; of machines one at least.
    """
    least, left = divmod(blocks, machines)
    return [
        least + (machines - 1 - left <= position < machines - 1) for position in range(machines)
    ]
