"""Everything on one node, inputs at their sources."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from splitfog.formulations.decision import Decision, placed
from splitfog.instances.instance import Instance
from splitfog.solvers.base import Answer, Request


def solve_all_on_one(request: Request) -> Answer:
    """The best of as many plans as there are nodes."""
    request.offer_all(on_one_node(request.instance))
    found = request.incumbent
    return Answer(found, reason=None if found is not None else "no single node may run everything")


def on_one_node(instance: Instance) -> Iterator[Decision]:
    """For every node all layers there, feasible or not."""
    for node in range(len(instance.nodes)):
        rows = []
        for task in instance.tasks:
            layers = instance.model_of(task).layers
            source = instance.node_index.get(task.source or "", node)
            rows.append(np.array([source if layer.op == "input" else node for layer in layers]))
        yield placed(*rows)
