"""How long every node is busy under a placement, as far as `node_kinds` counts."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.holdings.node_kinds import NodeKind, node_kinds
from splitfog.formulations.holdings.unit_graph import UnitGraph
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance


class NodeLoads:
    """Busy seconds of all nodes at once.

    Attributes
    ----------
    graph
        The units.
    kinds
        What nodes may hold; `kind_of` [nodes] is the position there of each.
    """

    def __init__(self, instance: Instance, graph: UnitGraph) -> None:
        self.graph = graph
        self.kinds = node_kinds(instance, graph)
        self.kind_of = np.zeros(len(instance.nodes), np.int64)
        for number, kind in enumerate(self.kinds):
            self.kind_of[list(kind.nodes)] = number
        self._leave_s = np.array([kind.leave_s for kind in self.kinds])
        self._come_s = np.array([kind.come_s for kind in self.kinds])
        ends = self.graph.ends
        self._producer = np.array([each.producer for each in ends], np.int64)
        reads = [(i, reader) for i, each in enumerate(ends) for reader in each.readers]
        results = [(i, each.sink) for i, each in enumerate(ends) if each.sink is not None]
        self._read, self._reader = np.array(reads, np.int64).reshape(-1, 2).T
        self._result, self._sink = np.array(results, np.int64).reshape(-1, 2).T

    def kind(self, node: int) -> NodeKind:
        """What a node may hold."""
        return self.kinds[int(self.kind_of[node])]

    def seconds(self, node_of: Integers) -> Floats:
        """[nodes]: the times of a node's units, and of tensors that it must send or receive."""
        count = len(self.kind_of)
        times = self.graph.times_s[np.arange(len(node_of)), node_of]
        home = node_of[self._producer]
        tensor = np.concatenate([self._read, self._result])
        goal = np.concatenate([node_of[self._reader], self._sink])
        away = goal != home[tensor]
        tensor, goal = np.divmod(np.unique(tensor[away] * count + goal[away]), count)
        left = np.unique(tensor)
        come_s = self._come_s[self.kind_of[goal], tensor]
        leave_s = self._leave_s[self.kind_of[home[left]], left]
        busy = np.bincount(node_of, times, count)
        busy += np.bincount(goal, come_s, count)
        return np.asarray(busy + np.bincount(home[left], leave_s, count))
