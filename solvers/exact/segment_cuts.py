"""What the layers of a segment take at least, whole or in stages, from one tier to another.

Nodes are merged tier by tier. A stage inside the segment is divided among its layers by their
work, each layer takes the least of its parts in all stages from a tier, and then the segment is
placed by one least cut for every pair of tiers of its ends.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.latency_bounds.series import Segment, likeness
from splitfog.formulations.latency_bounds.stage_times import StageTimes
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.cut import CutNetwork, cut_network
from splitfog.formulations.programs.merged_line import merged_line
from splitfog.instances.arrays import Floats
from splitfog.instances.records import Model, changed
from splitfog.solvers.exact.min_cut import least_cut


class SegmentCuts:
    """The least seconds of a task's segments; like ones are looked at once."""

    def __init__(self, arrays: TaskArrays, objective: Objective, times: StageTimes) -> None:
        self.arrays, self.objective, self.times = arrays, objective, times
        self.tiers = np.unique(arrays.instance.node_rank).tolist()
        self._found: dict[Hashable, Floats] = {}

    def seconds(self, segment: Segment) -> Floats:
        """[tiers, tiers]: from its entry's tensor being on a tier to its exit being made on one.

        Without an entry the rows are alike, without an exit the columns.
        """
        key = likeness(self.arrays.model, segment)
        if key not in self._found:
            self._found[key] = self._cuts(segment, self.times.inside[key])
        return self._found[key]

    def _cuts(self, segment: Segment, inside_s: Floats) -> Floats:
        """Of all pairs of tiers, by one network."""
        layers = list(segment.layers)
        least = np.minimum(self.arrays.costs_s[layers], inside_s)
        leaves = len(layers) - 1  # where there is an exit: it is the last in the order
        costs = self._by_tier(least)
        if segment.entry is not None:
            free = np.where(np.isin(np.arange(costs.shape[1]), self.tiers), 0.0, inf)
            costs = np.concatenate([free[None], costs])
            leaves += 1
        network = self._network(segment, costs)
        found = np.full((costs.shape[1],) * 2, inf)
        begins = [None] if segment.entry is None else self.tiers
        ends = [None] if segment.exit is None else self.tiers
        for begin in begins:
            for end in ends:
                if begin is None or end is None or begin <= end or not self.objective.monotone:
                    own = network if begin is None else network.with_layer_on(0, begin)
                    own = own if end is None else own.with_layer_on(leaves, end)
                    cut = least_cut(own)
                    rows = slice(None) if begin is None else begin
                    columns = slice(None) if end is None else end
                    found[rows, columns] = inf if cut is None else cut.lower_bound
        return found

    def _network(self, segment: Segment, costs: Floats) -> CutNetwork:
        """The network of the segment's layers behind one that holds the entry's tensor."""
        model, finite = self.arrays.model, np.isfinite(costs)
        layers = [
            changed(model.layers[layer], times_s={}, tiers=None, group=None, weights=None)
            for layer in segment.layers
        ]
        if segment.entry is not None:
            entry = model.layers[segment.entry]
            held = changed(entry, op="other", inputs=(), window=None, times_s={}, tiers=None)
            layers = [changed(held, group=None, weights=None), *layers]
        alone = Model(name=model.name, layers=tuple(layers))
        task = changed(self.arrays.task, results_to=None)
        arrays = TaskArrays(self.arrays.instance, task, alone, np.where(finite, costs, 0.0), finite)
        network = cut_network(arrays, merged_line(self.arrays.instance), self.objective)
        assert not isinstance(network, str)  # nothing is due anywhere
        return network

    def _by_tier(self, seconds: Floats) -> Floats:
        """[layers, tiers]: the least of every tier's nodes, inf where it has none."""
        instance = self.arrays.instance
        least = np.full((len(seconds), len(instance.tiers)), inf)
        for tier in self.tiers:
            least[:, tier] = seconds[:, instance.node_rank == tier].min(axis=1)
        return least
