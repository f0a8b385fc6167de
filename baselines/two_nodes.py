"""Two nodes, the source and one other, as the line of tiers that a minimum cut works on."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.arrays import TaskArrays
from splitfog.formulations.cut import CutNetwork, TierLine, cut_network
from splitfog.formulations.objective import Objective
from splitfog.formulations.routes import routes_of


def two_node_network(
    arrays: TaskArrays, home: int, remote: int, objective: Objective
) -> tuple[TierLine, CutNetwork] | str:
    """The line of two nodes, the lower tier first, and its network; or why there is none.

    With `remote` the same as `home`, a line of one node. The way between the two is the
    instance's route, whatever nodes lie on it. Between nodes of one tier data may go both ways,
    `monotone` or not.
    """
    rank = arrays.instance.node_rank
    nodes = np.array(sorted({home, remote}, key=lambda node: rank[node]), np.int64)
    below, above = nodes[:-1], nodes[1:]
    routes = routes_of(arrays.instance)
    line = TierLine(
        nodes,
        (routes.latency_s[below, above], routes.seconds_per_byte[below, above]),
        (routes.latency_s[above, below], routes.seconds_per_byte[above, below]),
    )
    either = Objective(objective.name, objective.transfers, monotone=False)
    network = cut_network(arrays, line, either if rank[home] == rank[remote] else objective)
    return network if isinstance(network, str) else (line, network)
