"""Which stages may cover a run of a path, and what one of them asks of nodes and links."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.bounds.family import Family
from splitfog.formulations.bounds.path_work import PathWork
from splitfog.formulations.bounds.stage import Segments
from splitfog.formulations.costs.ledger import follows_flops
from splitfog.formulations.costs.stages import node_rates
from splitfog.formulations.stage_bounds.halo import PartNeeds, part_needs
from splitfog.formulations.tiles.stage_shape import geometry_of, stage_shape_defects
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


@dataclass(frozen=True, eq=False, kw_only=True)
class BlockWork:
    """A stage's bytes in and out, and of every node `fixed_s` and `may_hold`, [nodes].

    Within every part of the output, `least_s` [parts][steps, nodes]: seconds of service per share
    of the part, `fixed_s` not counted.
    """

    parts: tuple[PartNeeds, ...]
    input_bytes: float
    output_bytes: float
    fixed_s: Floats
    least_s: tuple[Floats, ...]
    may_hold: Flags


@kept(by=lambda model, path, runs: ())
def stage_layers(model: Model, path: list[int], runs: Segments) -> list[tuple[int, ...]]:
    """The layers of the stage that covers each of the path's segments; () where none is legal.

    Every layer of a stage but its last is read inside only, so a stage is the ancestors of its
    last layer back to its input tensor: at most one for each segment.
    """
    found = []
    for first, last in zip(runs.first.tolist(), runs.last.tolist(), strict=True):
        layers = _between(model, path[first - 1], path[last])
        found.append(() if stage_shape_defects(model, layers) else layers)
    return found


def _between(model: Model, source: int, output: int) -> tuple[int, ...]:
    """A tensor's ancestors and itself, back to another tensor."""
    inside, stack = {output}, [output]
    while stack:
        for tail in model.inputs[stack.pop()]:
            if tail != source and tail not in inside:
                inside.add(tail)
                stack.append(tail)
    return tuple(sorted(inside))


def block_work(family: Family, block: int) -> BlockWork:
    """What the stage of a segment asks for."""
    model, work = family.arrays.model, family.work
    geometry = geometry_of(model, stage_layers(model, work.path, work.runs)[block])
    layers = [model.layers[layer] for layer in geometry.layers]
    nodes = family.arrays.instance.nodes
    fixed_s, slope_s = node_rates(layers, nodes)
    parts = part_needs(geometry)
    if not follows_flops(layers, nodes):
        least = tuple(part.least_work(slope_s.T) for part in parts)
    else:
        flops = np.array([layer.flops for layer in layers])[:, None]
        speed = np.array([node.speed_flops for node in nodes])
        least = tuple(part.least_work(flops) / speed for part in parts)
    may_hold = [all(layer.may_run_on(node) for layer in layers) for node in nodes]
    return BlockWork(
        parts=parts,
        input_bytes=float(geometry.tensor_bytes[-1]),
        output_bytes=float(geometry.tensor_bytes[-2]),
        fixed_s=fixed_s,
        least_s=least,
        may_hold=np.array(may_hold, bool),
    )


def legal(work: PathWork, model: Model) -> Flags:
    """[S]: which segments are covered by a legal stage."""
    return np.array([bool(layers) for layers in stage_layers(model, work.path, work.runs)], bool)
