"""Where a task's DAG falls apart into segments in series, one after another in every schedule."""

from __future__ import annotations

from dataclasses import dataclass

from splitfog.formulations.arrays.task import TaskArrays


@dataclass(frozen=True)
class Segment:
    """Layers between two cuts, in topological order: after `entry` up to and with `exit`.

    `entry` is None for the first segment, `exit` None for the last.
    """

    entry: int | None
    layers: tuple[int, ...]
    exit: int | None


def series_segments(arrays: TaskArrays) -> tuple[Segment, ...]:
    """The segments between consecutive cuts, which together hold every layer once.

    A layer v is a cut if every other layer is an ancestor or a descendant of v, no descendant
    reads an ancestor, no group has layers on both sides unless it has v too, and no result up to
    v travels to `results_to`. All topological orders then run through v's ancestors, v, and its
    descendants. In the pass of `makespan` everything before v has ended when v ends, hops included,
    because each is waited for by an ancestor of v or by v. So no node or link is taken later than
    that; what comes after depends only on v's node, and the makespan is the sum of the segments'
    own least times between the nodes of their ends. (A memory limit that binds couples the
    segments: the caller's concern.) O(V + E).
    """
    order = arrays.model.order.tolist()
    segments, begin, entry = [], 0, None
    for position in series_cuts(arrays):
        segments.append(Segment(entry, tuple(order[begin : position + 1]), order[position]))
        begin, entry = position + 1, order[position]
    segments.append(Segment(entry, tuple(order[begin:]), None))
    return tuple(segments)


def series_cuts(arrays: TaskArrays) -> list[int]:
    """Positions of the cuts in the model's order, the last layer left out."""
    model = arrays.model
    order = model.order.tolist()
    position = {layer: at for at, layer in enumerate(order)}
    last = len(order) - 1
    sources = [at for at, layer in enumerate(order) if not model.inputs[layer]]
    spans = [sorted(position[layer] for layer in group) for group in arrays.groups]
    cuts = []
    reach = 0  # the last reader of anything before the current layer
    for at, layer in enumerate(order[:-1]):
        if arrays.results_to is not None and model.results[layer]:
            break
        if reach <= at and sources[-1] <= at and not any(_spans(span, at) for span in spans):
            cuts.append(at)
        readers = model.consumers[layer]
        reach = max([reach, *(position[reader] for reader in readers)]) if readers else last + 1
    return cuts


def _spans(span: list[int], cut: int) -> bool:
    """Whether a group has layers before and after the cut, but not the cut's own."""
    return span[0] < cut < span[-1] and cut not in span
