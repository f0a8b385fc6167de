"""Steepest descent by moves of one layer."""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.formulations.decision import Decision, placed
from splitfog.solvers.base import Answer, Request
from splitfog_example.all_on_one import on_one_node


def solve_one_move(request: Request) -> Answer:
    """The end of the descent from the best of a start and of everything on one node."""
    request.offer_all(on_one_node(request.instance))
    for _ in range(request.options["moves"]):
        known = request.incumbent
        if known is None or request.out_of_time:
            break
        if not request.offer_all(neighbours(known, len(request.instance.nodes))):
            break
    found = request.incumbent
    return Answer(found, reason=None if found is not None else "no single node may run everything")


def neighbours(decision: Decision, num_nodes: int) -> Iterator[Decision]:
    """All decisions that place one layer of one task elsewhere."""
    rows = [task.placement for task in decision.tasks]
    for task, row in enumerate(rows):
        for layer in range(len(row)):
            for node in range(num_nodes):
                if node != row[layer]:
                    moved = row.copy()
                    moved[layer] = node
                    yield placed(*rows[:task], moved, *rows[task + 1 :])
