"""Which stages may cover runs of a path."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.bounds.stage import Segments
from splitfog.formulations.priced_bounds.family import Family
from splitfog.formulations.stage_bounds.block_work import StageWork, may_run
from splitfog.formulations.tiles.stage_shape import (
    ELEMENTWISE,
    geometry_of,
    stage_shape_defects,
)
from splitfog.instances.arrays import Flags, Integers
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


class PathStages:
    """The B stages that may cover segments of a family's path, from `first` to `last`, [B].

    `alike` [B]: a legal stage of which each has all layers, between tensors of the same sizes: what
    that one takes at least, it does, too.
    """

    def __init__(self, family: Family) -> None:
        model, path, runs = family.arrays.model, family.work.path, family.work.runs
        layers, least = alike_stages(model, path, runs)
        self.segment = np.flatnonzero(least >= 0)
        self.first, self.last = runs.first[self.segment], runs.last[self.segment]
        self.layers = [layers[at] for at in self.segment.tolist()]
        self.alike = np.searchsorted(self.segment, least[self.segment])
        self._family = family
        self._may_run = may_run(family)
        self.workless = self._workless()
        self.work = StageWork(family, self.layers, self.first, self.last, self.alike)

    def _workless(self) -> Flags:
        """[B]: which stages may have a slice that takes no time on a node of quota 0, a stranger's.

        Nobody counts such visits. All layers take none there, or the last, and of what it reads a
        slice may need nothing.
        """
        family, model = self._family, self._family.arrays.model
        closed = ~family.places.hosts[: len(family.arrays.instance.nodes)]
        idle = self._may_run[:, closed] & (family.arrays.times_s[:, closed] == 0)
        found = np.zeros(len(self.layers), bool)
        for block, layers in enumerate(self.layers):
            own = list(layers)
            there = idle[own[-1]] & self._may_run[own][:, closed].all(axis=0)
            if there.any() and not stage_shape_defects(model, layers):
                reaches = geometry_of(model, layers).reaches
                missed = any(reach is not None and reach.may_miss for reach in reaches)
                found[block] = missed or (there & idle[own].all(axis=0)).any()
        return found


@kept(by=lambda model, path, runs: ())
def alike_stages(
    model: Model, path: list[int], runs: Segments
) -> tuple[list[tuple[int, ...]], Integers]:
    """[S] each: the layers of the stage that covers a segment, its output last, and a segment of
    which it has all layers, between tensors of the same sizes, with a legal stage; -1 for none.

    Every layer of a stage but its last is read inside only, so a stage is the ancestors of its
    last layer back to its input tensor: at most one for each segment.
    """
    ends = list(zip(runs.first.tolist(), runs.last.tolist(), strict=True))
    layers = [_between(model, path[first - 1], path[last]) for first, last in ends]
    inside = [frozenset(own) for own in layers]
    same = _same_tensor(model, path)
    groups: dict[tuple[int, int], list[int]] = {}
    for segment, (first, last) in enumerate(ends):
        groups.setdefault((same[first - 1], same[last]), []).append(segment)
    least = np.full(len(ends), -1)
    for segments in groups.values():
        for segment in sorted(segments, key=lambda at: len(layers[at])):
            if least[segment] < 0 and not stage_shape_defects(model, layers[segment]):
                own = inside[segment]
                least[[at for at in segments if least[at] < 0 and own <= inside[at]]] = segment
    return layers, least


def _between(model: Model, source: int, output: int) -> tuple[int, ...]:
    """A tensor's ancestors and itself, the last, back to another tensor."""
    inside, stack = {output}, [output]
    while stack:
        for tail in model.inputs[stack.pop()]:
            if tail != source and tail not in inside:
                inside.add(tail)
                stack.append(tail)
    return (*sorted(inside - {output}), output)


def _same_tensor(model: Model, path: list[int]) -> list[int]:
    """[path]: the first layer since which only elementwise ones kept the tensor's size."""
    same = list(range(len(path)))
    for at in range(1, len(path)):
        layer, before = model.layers[path[at]], model.layers[path[at - 1]]
        shape, was = layer.output_shape, before.output_shape
        if layer.op not in ELEMENTWISE or layer.output_bytes != before.output_bytes:
            continue
        if shape is not None and was is not None and shape[1:] == was[1:]:
            same[at] = same[at - 1]
    return same
