"""Where a model falls apart in series, and what stages may lie between two of its cuts.

A cut is a tensor through which everything passes: every other layer is an ancestor or a descendant
of its layer, and no descendant reads an ancestor. A stage that holds a cut's layer reads a cut's
tensor and makes a cut's tensor: its layers before the cut have no other way to it than through the
tensor that the stage reads, and those behind it no other way on than through the one it makes. So
a stage covers whole segments one after another, or lies inside one segment, short of its cut.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from splitfog.formulations.bounds.stage import may_slice
from splitfog.formulations.tiles.stage_shape import ELEMENTWISE, stage_shape_defects
from splitfog.instances.kept import kept
from splitfog.instances.records import Model


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The layers behind one cut up to and with the next, in topological order.

    `entry` is the cut before them, None for the first segment; `exit` their own cut, None for the
    last segment of a model that does not end in one. `may_slice`: they may form a stage. `plain`:
    they are one elementwise layer that changes neither rows nor columns.
    """

    entry: int | None
    layers: tuple[int, ...]
    exit: int | None
    may_slice: bool
    plain: bool


@kept()
def segments_of(model: Model) -> tuple[Segment, ...]:
    """The segments of a model, which together hold every layer once. O(V + E)."""
    found, begin, entry = [], 0, None
    order = model.order.tolist()
    for at in _cuts(model):
        found.append(_segment(model, entry, tuple(order[begin : at + 1]), order[at]))
        begin, entry = at + 1, order[at]
    if begin < len(order):
        found.append(_segment(model, entry, tuple(order[begin:]), None))
    return tuple(found)


def _segment(
    model: Model, entry: int | None, layers: tuple[int, ...], leaves: int | None
) -> Segment:
    sliced = entry is not None and leaves is not None
    sliced = sliced and not stage_shape_defects(model, layers)
    plain = sliced and len(layers) == 1 and model.layers[layers[0]].op in ELEMENTWISE
    return Segment(entry=entry, layers=layers, exit=leaves, may_slice=sliced, plain=plain)


def _cuts(model: Model) -> list[int]:
    """Positions of the cuts in the model's order."""
    order = model.order.tolist()
    position = {layer: at for at, layer in enumerate(order)}
    sources = [at for at, layer in enumerate(order) if not model.inputs[layer]]
    cuts, reach = [], 0  # the last reader of anything before the current layer
    for at, layer in enumerate(order):
        if reach <= at and sources[-1] <= at:
            cuts.append(at)
        readers = [position[reader] for reader in model.consumers[layer]]
        reach = max([reach, *readers]) if readers else len(order)
    return cuts


def likeness(model: Model, segment: Segment) -> Hashable:
    """Equal for segments whose layers and stages take the same on any nodes.

    What they read tells those without an entry or an exit from all others: without an entry the
    first reads nothing, and without an exit one beside the last is read by none of them.
    """
    entry = [] if segment.entry is None else [segment.entry]
    slots = {layer: slot for slot, layer in enumerate([*entry, *segment.layers])}
    alike: list[Hashable] = [
        (model.layers[one].output_bytes, model.layers[one].output_shape) for one in entry
    ]
    for layer in segment.layers:
        own = model.layers[layer]
        reads = tuple(slots[tail] for tail in model.inputs[layer])
        alike.append((reads, bool(model.results[layer]), own.op, own.window, own.flops, own.tiers))
        alike.append((own.output_bytes, own.output_shape, own.traffic_bytes))
        alike.append(tuple(own.times_s.items()))
    return tuple(alike)


@kept()
def inner_stages(model: Model, segment: Segment) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Legal stages inside a segment, short of its cut: layers, and the one whose tensor they read.

    Without those that begin or end with plain layers, as others are part of them.
    """
    rank = {layer: at for at, layer in enumerate(model.order.tolist())}
    inside = set(segment.layers) - {segment.exit}
    found = []
    for output in inside:
        if is_plain(model, output) or not may_slice(model.layers[output]):
            continue
        stage, around = {output}, set(model.inputs[output])
        while around:
            if len(around) == 1 and not _begins_plain(model, stage, around):
                layers = tuple(sorted(stage, key=rank.__getitem__))
                if not stage_shape_defects(model, layers):
                    found.append((layers, next(iter(around))))
            last = max(around, key=rank.__getitem__)
            if last not in inside or not may_slice(model.layers[last]):
                break
            stage.add(last)
            around = (around - {last}) | set(model.inputs[last]) - stage
    return tuple(found)


def _begins_plain(model: Model, stage: set[int], around: set[int]) -> bool:
    """Whether one plain layer alone of several reads what is around a stage."""
    readers = [layer for layer in stage if not around.isdisjoint(model.inputs[layer])]
    return len(readers) == 1 and is_plain(model, readers[0])


def is_plain(model: Model, layer: int) -> bool:
    """Whether a layer of a stage passes its one input's rows and columns through."""
    own = model.layers[layer]
    return own.op in ELEMENTWISE and own.window is None and len(set(model.inputs[layer])) == 1
