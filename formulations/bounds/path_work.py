"""What a lower bound needs of a model on an instance's nodes: its heaviest path and its stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.bounds.stage import Segments, may_slice, segments
from splitfog.instances.arrays import Floats
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


@dataclass(frozen=True, eq=False, kw_only=True)
class PathWork:
    """What is the same for all tasks of a model: its path, the layers beside it that cannot be
    sliced, the stages along it, and what each takes on every node alone, `alone_s` [S, N].

    `kept_s` holds stages' times by home for tasks that may use the same nodes.
    """

    path: list[int]
    beside: list[int]
    runs: Segments
    alone_s: Floats
    input_bytes: Floats
    output_bytes: Floats
    kept_s: dict[bytes, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Instance, arrays: TaskArrays) -> PathWork:
        """Of the model of some task; layers' `tiers` are those of the model."""
        model = arrays.model
        path, beside, runs = _path_and_segments(model)
        slopes = np.maximum(arrays.times_s - _overheads(instance, model), 0.0)[path]
        alone = runs.weights @ slopes
        inside = runs.weights > 0
        barred = ~arrays.allowed[path]
        barred[~np.any(inside, axis=0)] = False
        if barred.any():
            alone[inside.astype(float) @ barred > 0] = inf
        size = arrays.output_bytes[path]
        return cls(
            path=path,
            beside=beside,
            runs=runs,
            alone_s=alone,
            input_bytes=runs.input_share * size[runs.first - 1],
            output_bytes=size[runs.last],
        )


@kept()
def _path_and_segments(model: Model) -> tuple[list[int], list[int], Segments]:
    """The path, the layers beside it that cannot be sliced, and the path's segments: kept with the
    model, which outlasts changes of the nodes."""
    path = heaviest_path(model)
    rest = set(range(len(model.layers))) - set(path)
    beside = [layer for layer in sorted(rest) if not may_slice(model.layers[layer])]
    return path, beside, segments(model, path)


def heaviest_path(model: Model) -> list[int]:
    """Layers of a path to a result of most FLOP, from an input where the model has one."""
    is_input = [layer.op == "input" for layer in model.layers]
    fixed = any(is_input)
    work, after = np.full(len(model.layers), -inf), {}
    for layer in model.order.tolist():
        tails = model.inputs[layer]
        best = max(tails, key=lambda tail: work[tail], default=None)
        if best is not None:
            after[layer] = best
        if best is not None or not fixed or is_input[layer]:
            work[layer] = float(model.flops[layer]) + (0.0 if best is None else work[best])
    sinks = [layer for layer, readers in enumerate(model.consumers) if not readers]
    path = [max(sinks, key=lambda layer: work[layer])]
    while path[-1] in after:
        path.append(after[path[-1]])
    return path[::-1]


def _overheads(instance: Instance, model: Model) -> Floats:
    """[layers, nodes]: the `overhead_s` in `times_s`: none in a measured time."""
    own = np.array([node.overhead_s for node in instance.nodes])
    overheads = np.tile(own, (len(model.layers), 1))
    for row, layer in enumerate(model.layers):
        if layer.op == "input":
            overheads[row] = 0.0
        elif layer.times_s:
            measured = [
                node.name in layer.times_s or node.tier in layer.times_s for node in instance.nodes
            ]
            overheads[row, measured] = 0.0
    return overheads
