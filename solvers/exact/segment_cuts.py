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
from splitfog.formulations.latency_bounds.series import Segment, inner_stages, is_plain
from splitfog.formulations.latency_bounds.stage_seconds import stage_seconds
from splitfog.formulations.latency_bounds.stages import Stages
from splitfog.formulations.latency_bounds.ways import ways_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.programs.cut import cut_network
from splitfog.formulations.programs.merged_line import merged_line
from splitfog.instances.arrays import Floats
from splitfog.instances.records import Model, changed
from splitfog.solvers.exact.min_cut import least_cut


class SegmentCuts:
    """The least seconds of a task's segments; like ones are looked at once."""

    def __init__(self, arrays: TaskArrays, objective: Objective) -> None:
        self.arrays, self.objective = arrays, objective
        self.stages = Stages(arrays.instance, arrays.model)
        self._found: dict[Hashable, Floats] = {}

    def seconds(self, segment: Segment) -> Floats:
        """[tiers, tiers]: from its entry's tensor being on a tier to its exit being made on one.

        Without an entry the rows are alike, without an exit the columns.
        """
        key = self._likeness(segment)
        if key not in self._found:
            self._found[key] = self._cuts(segment)
        return self._found[key]

    def _likeness(self, segment: Segment) -> Hashable:
        """Equal for segments that take the same."""
        model = self.arrays.model
        entry = [] if segment.entry is None else [segment.entry]
        slots = {layer: slot for slot, layer in enumerate([*entry, *segment.layers])}
        alike: list[Hashable] = [segment.entry is None, segment.exit is None]
        for layer in entry:
            alike.append((model.layers[layer].output_bytes, model.layers[layer].output_shape))
        for layer in segment.layers:
            own = model.layers[layer]
            reads = tuple(slots[tail] for tail in model.inputs[layer])
            alike.append((reads, model.results[layer], own.op, own.window, own.flops, own.tiers))
            alike.append((own.output_bytes, own.output_shape, tuple(own.times_s.items())))
        return tuple(alike)

    def _cuts(self, segment: Segment) -> Floats:
        model, arrays = self._model(segment), self.arrays
        layers = list(segment.layers)
        shift = segment.entry is not None
        least = np.minimum(arrays.costs_s[layers], self._inside_s(segment))
        if segment.exit is not None:
            at = layers.index(segment.exit)
            least[at] = arrays.costs_s[segment.exit]
        costs = self._by_tier(least)
        if shift:
            costs = np.concatenate([np.zeros((1, costs.shape[1])), costs])
        used = np.unique(arrays.instance.node_rank).tolist()
        found = np.full((costs.shape[1],) * 2, inf)
        for begin in used if shift else used[:1]:
            for end in used if segment.exit is not None else used[:1]:
                ends = {0: begin} if shift else {}
                if segment.exit is not None:
                    ends[int(shift) + at] = end
                rows = slice(begin, begin + 1) if shift else slice(None)
                columns = slice(end, end + 1) if segment.exit is not None else slice(None)
                found[rows, columns] = self._cut(model, costs, ends)
        return found

    def _cut(self, model: Model, costs: Floats, ends: dict[int, int]) -> float:
        """Seconds with some layers on given tiers."""
        costs = costs.copy()
        for layer, tier in ends.items():
            costs[layer, np.arange(costs.shape[1]) != tier] = inf
        finite = np.isfinite(costs)
        task = changed(self.arrays.task, results_to=None)
        own = TaskArrays(self.arrays.instance, task, model, np.where(finite, costs, 0.0), finite)
        network = cut_network(own, merged_line(self.arrays.instance), self.objective)
        assert not isinstance(network, str)  # nothing is due anywhere
        cut = least_cut(network)
        return inf if cut is None else cut.lower_bound

    def _model(self, segment: Segment) -> Model:
        """The segment's layers behind one that holds the entry's tensor."""
        model = self.arrays.model
        layers = []
        if segment.entry is not None:
            entry = model.layers[segment.entry]
            layers.append(
                changed(
                    entry,
                    inputs=(),
                    window=None,
                    op="other",
                    times_s={},
                    tiers=None,
                    group=None,
                    weights=None,
                )
            )
        layers += [
            changed(model.layers[layer], times_s={}, tiers=None, group=None, weights=None)
            for layer in segment.layers
        ]
        return Model(name=model.name, layers=tuple(layers))

    def _by_tier(self, seconds: Floats) -> Floats:
        """[..., tiers]: the least of every tier's nodes, inf where it has none."""
        instance = self.arrays.instance
        least = np.full((len(seconds), len(instance.tiers)), inf)
        for tier in np.unique(instance.node_rank).tolist():
            least[:, tier] = seconds[:, instance.node_rank == tier].min(axis=1)
        return least

    def _inside_s(self, segment: Segment) -> Floats:
        """[layers, nodes]: the part of every layer in stages inside the segment, by their home; inf
        where it is in none."""
        model, stages = self.arrays.model, inner_stages(self.arrays.model, segment)
        part = np.full((len(model.layers), len(self.arrays.instance.nodes)), inf)
        for layer in segment.layers:
            if layer != segment.exit and is_plain(model, layer):
                part[layer] = self.stages.overheads_s[layer].min()
        work = self.stages.inside(segment)
        if work is None:
            return part[list(segment.layers)]
        whole = np.array([self.arrays.costs_s[list(layers)].sum(axis=0) for layers, _ in stages])
        seconds = stage_seconds(work, ways_of(self.arrays.instance), limits(whole))
        for (layers, _), least_s in zip(stages, seconds, strict=True):
            own = [layer for layer in layers if not is_plain(model, layer)]
            flops = np.array([model.layers[layer].flops for layer in own])
            share = flops / flops.sum() if flops.sum() else np.zeros(len(own))
            part[own] = np.minimum(part[own], np.multiply.outer(share, least_s))
        return part[list(segment.layers)]


def limits(whole_s: Floats) -> Floats:
    """[B, homes]: what stages take at most, by their layers run whole at home; where they may not
    be there, more than anywhere."""
    finite = np.isfinite(whole_s)
    most = np.where(finite, whole_s, 0.0).max(axis=1, keepdims=True)
    return np.where(finite, whole_s, ELSEWHERE * most)


ELSEWHERE = 8.0
"""Times the slowest node, where a home may not run the layers itself: beyond, nobody looks."""
