"""Which stages may cover runs of a path, and what one of them asks of nodes and links."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.bounds.family import Family
from splitfog.formulations.bounds.stage import Segments
from splitfog.formulations.costs.ledger import follows_flops
from splitfog.formulations.costs.stages import node_rates
from splitfog.formulations.stage_bounds.halo import HaloNeeds
from splitfog.formulations.tiles.stage_shape import (
    ELEMENTWISE,
    geometry_of,
    stage_shape_defects,
)
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


@dataclass(frozen=True, eq=False, kw_only=True)
class PartWork:
    """Of a part of `elements` elements, `share` of the output, by the size of a slice of it.

    Step k holds for slices of `area[k]` elements up to the next step's, `largest[k]`. Per share of
    the part they read at least `input_share[k]` of the input, and take `least_s[k]` [nodes] seconds
    of service, fixed ones not counted.
    """

    elements: int
    share: float
    area: Floats
    largest: Floats
    input_share: Floats
    least_s: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class BlockWork:
    """A stage's bytes in and out, its work by parts, and of every node `fixed_s` and `may_hold`."""

    parts: tuple[PartWork, ...]
    input_bytes: float
    output_bytes: float
    fixed_s: Floats
    may_hold: Flags


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
        nodes = family.arrays.instance.nodes
        self._may_run = np.array([[own.may_run_on(n) for n in nodes] for own in model.layers])
        self.workless = self._workless()
        self._works: dict[int, BlockWork] = {}
        self._needs: dict[int, HaloNeeds] = {}

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

    def work(self, block: int) -> BlockWork:
        """What a stage asks for."""
        if block not in self._works:
            self._works[block] = self._work(block)
        return self._works[block]

    def _work(self, block: int) -> BlockWork:
        model, nodes = self._family.arrays.model, self._family.arrays.instance.nodes
        needs = self._needs_of(int(self.last[block]))
        source = self._family.work.path[int(self.first[block]) - 1]
        at = {layer: slot for slot, layer in enumerate(needs.geometry.layers)}
        at[needs.geometry.source] = len(at)
        own = [at[layer] for layer in self.layers[block]]
        layers = [model.layers[layer] for layer in self.layers[block]]
        fixed_s, slope_s = node_rates(layers, nodes)
        measured = not follows_flops(layers, nodes)
        weights = np.zeros((len(at), 1 + (len(nodes) if measured else 1)))
        weights[at[source], 0] = 1.0
        weights[own, 1:] = slope_s.T if measured else model.flops[list(self.layers[block]), None]
        per_node = 1.0 if measured else np.array([node.speed_flops for node in nodes])
        tables = needs.parts([*own, at[source]])
        parts = tuple(
            PartWork(
                elements=part.elements,
                share=part.share,
                area=part.area,
                largest=np.append(part.area[1:] - 1, part.elements),
                input_share=least[:, 0],
                least_s=least[:, 1:] / per_node,
            )
            for part, least in ((part, part.least(weights)) for part in tables)
        )
        return BlockWork(
            parts=parts,
            input_bytes=float(model.output_bytes[source]),
            output_bytes=float(model.output_bytes[self.layers[block][-1]]),
            fixed_s=fixed_s,
            may_hold=np.asarray(self._may_run[list(self.layers[block])].all(axis=0)),
        )

    def _needs_of(self, last: int) -> HaloNeeds:
        """Of the longest stage that ends there, and so of all."""
        if last not in self._needs:
            ends = np.unique(self.alike[self.last[self.alike] == last])
            longest = self.layers[ends[self.first[ends].argmin()]]
            self._needs[last] = HaloNeeds(geometry_of(self._family.arrays.model, longest))
        return self._needs[last]


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
    same = _same_tensor(model, path)
    groups: dict[tuple[int, int], list[int]] = {}
    for segment, (first, last) in enumerate(ends):
        groups.setdefault((same[first - 1], same[last]), []).append(segment)
    least = np.full(len(ends), -1)
    for segments in groups.values():
        for segment in sorted(segments, key=lambda at: len(layers[at])):
            open_to = [
                at for at in segments if least[at] < 0 and set(layers[segment]) <= set(layers[at])
            ]
            if least[segment] < 0 and not stage_shape_defects(model, layers[segment]):
                least[open_to] = segment
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
