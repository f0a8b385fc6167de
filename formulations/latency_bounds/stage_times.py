"""What the stages of a model take at least on an instance's nodes, all looked at together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.bounds.stage import harmonic
from splitfog.formulations.latency_bounds.reach import reach_of
from splitfog.formulations.latency_bounds.series import (
    Segment,
    inner_stages,
    is_plain,
    likeness,
    segments_of,
)
from splitfog.formulations.latency_bounds.stage_seconds import StageWork, stage_seconds
from splitfog.formulations.latency_bounds.stages import Stages, UnitStages
from splitfog.formulations.latency_bounds.ways import Ways, ways_of
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import Flags, Floats, Integers

ELSEWHERE = 8.0
"""Times the slowest node, where a home may not run a stage's layers itself: nobody looks beyond."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StageTimes:
    """Least seconds of a model's stages by their home.

    Of stages that cover whole segments, [units + 1, units + 1, nodes] by the first unit and the one
    behind the last: `helped_s`, 0 where there are none, and `alone_s`, where the home computes all;
    `read` [units + 1, units + 1], the share that they need of their first unit's input.
    `seen` [segments + 1]: units before every segment; `places` [units] their segments. `plain_s`
    [segments + 1, 1], `plain_at_s` and `plain_work_s` [segments + 1, nodes]: of the plain segments
    before every segment, the least overheads, and the seconds on every node, with overheads and
    without. `far_s` [homes]: before that no other node helps.

    `inside`: for every segment of several layers, [layers, nodes], the part of every layer in
    stages inside it, by their home; inf where it is in none.
    """

    helped_s: Floats
    alone_s: Floats
    read: Floats
    seen: Integers
    places: Integers
    plain_s: Floats
    plain_at_s: Floats
    plain_work_s: Floats
    far_s: Floats
    inside: dict[Hashable, Floats]

    @classmethod
    def of(cls, arrays: TaskArrays) -> StageTimes:
        """The stages of a task's model."""
        return _Builder(arrays).built()

    def least_s(self, firsts: Integers, last: int) -> Floats:
        """[firsts, nodes]: of the stages from each of these segments to one, at least."""
        first, end = self.seen[firsts], int(self.seen[last + 1])
        plain_s = self.plain_s[last + 1] - self.plain_s[firsts]
        begin = self.places[np.minimum(first, len(self.places) - 1)]
        some = first < end
        main = np.where(some, self.places[end - 1], firsts)
        plain_s -= np.where(some[:, None], self.plain_s[main] - self.plain_s[begin], 0.0)
        alone_s = self.alone_s[first, end] + self.plain_at_s[last + 1] - self.plain_at_s[main]
        before_s = np.where(some[:, None], self.plain_at_s[begin] - self.plain_at_s[firsts], 0.0)
        alone_s += self.read[first, end][:, None] * before_s
        shared_s = harmonic(self.plain_work_s[last + 1] - self.plain_work_s[firsts])[:, None]
        helped_s = self.helped_s[first, end] + plain_s + np.where(some[:, None], 0.0, shared_s)
        return np.asarray(np.maximum(helped_s, np.minimum(alone_s, self.far_s)))


class _Builder:
    """Collects all stages, so that their times are found at once."""

    def __init__(self, arrays: TaskArrays) -> None:
        self.arrays, self.model = arrays, arrays.model
        self.stages = Stages(arrays.instance, arrays.model)
        self.segments = segments_of(arrays.model)
        self.ways: Ways = ways_of(arrays.instance)
        apart = np.where(np.eye(len(self.ways.start_s), dtype=bool), inf, self.ways.start_s)
        self.far_s = apart.min(axis=1)

    def built(self) -> StageTimes:
        """All times."""
        several = {likeness(self.model, one): one for one in self.segments if len(one.layers) > 1}
        units = self.stages.of_units()
        works = [self.stages.inside(segment) for segment in several.values()]
        wholes = [self._whole_s(inner_stages(self.model, one)) for one in several.values()]
        asked = [work for work in works if work is not None]
        limits = [whole for whole in wholes if len(whole)]
        if units is not None:
            asked.append(units.work)
            limits.append(self._covered_s(units.first, units.last))
        found = np.zeros((0, len(self.far_s)))
        if asked:
            found = stage_seconds(StageWork.joined(asked), self.ways, np.concatenate(limits))
        inside, begin = {}, 0
        for (key, segment), whole in zip(several.items(), wholes, strict=True):
            own = found[begin : begin + len(whole)]
            inside[key] = self._parts_s(segment, own)
            begin += len(whole)
        return self._assembled(units, found[begin:], inside)

    def _whole_s(self, stages: Sequence[tuple[tuple[int, ...], int]]) -> Floats:
        """[stages, nodes]: at most what stages take from a home, by their layers run whole there.

        Where some may not be there, more than anywhere.
        """
        times, allowed = self.arrays.times_s, self.arrays.allowed
        own = [list(layers) for layers, _ in stages]
        seconds = np.array([times[layers].sum(axis=0) for layers in own])
        may = np.array([allowed[layers].all(axis=0) for layers in own])
        return _limits(seconds, may) if own else np.zeros((0, len(self.far_s)))

    def _covered_s(self, first: Integers, last: Integers) -> Floats:
        """[stages, nodes]: the same of stages from segments `first` to `last`."""
        own = [list(segment.layers) for segment in self.segments]
        seconds = _before(np.array([self.arrays.times_s[layers].sum(axis=0) for layers in own]))
        barred = ~np.array([self.arrays.allowed[layers].all(axis=0) for layers in own])
        places = _before(barred)
        return _limits(seconds[last + 1] - seconds[first], places[last + 1] == places[first])

    def _parts_s(self, segment: Segment, seconds: Floats) -> Floats:
        """[layers, nodes]: a stage's time divided by work; of each layer the least part."""
        model, at = self.model, {layer: row for row, layer in enumerate(segment.layers)}
        parts = np.full((len(at), len(self.far_s)), inf)
        for layer, row in at.items():
            if layer != segment.exit and is_plain(model, layer):
                parts[row] = self.stages.overheads_s[layer].min()
        stages = inner_stages(model, segment)
        for (layers, _), least_s in zip(stages, seconds, strict=True):
            own = [layer for layer in layers if not is_plain(model, layer)]
            flops = model.flops[own]
            share = flops / flops.sum() if flops.any() else np.zeros(len(own))
            rows = [at[layer] for layer in own]
            parts[rows] = np.minimum(parts[rows], np.multiply.outer(share, least_s))
        if all(self._is_complete(segment, *stage) for stage in stages):
            whole_s = self.arrays.costs_s[list(at)].sum(axis=0)
            parts[:, whole_s <= self.far_s] = inf  # the home is done before another helps
        return parts

    def _is_complete(self, segment: Segment, layers: tuple[int, ...], source: int) -> bool:
        """Whether nothing of the layers is left out where a stage is computed in slices; nor of a
        plain layer before them, which may be in the stage."""
        before = source != segment.entry and is_plain(self.model, source)
        return bool(reach_of(self.model, layers).complete[: len(layers) + before].all())

    def _assembled(
        self, units: UnitStages | None, helped_s: Floats, inside: dict[Hashable, Floats]
    ) -> StageTimes:
        """The times, those of units as tables."""
        plain = np.array([segment.plain for segment in self.segments])
        layers = [segment.layers[0] for segment in self.segments]
        own_s = self.stages.overheads_s[layers]
        overheads = np.where(plain, own_s.min(axis=1), 0.0)
        at_s = np.where(plain[:, None], self.arrays.times_s[layers], 0.0)
        seen = np.concatenate([[0], np.cumsum(~plain)])
        shape = (int(seen[-1]) + 1, int(seen[-1]) + 1, len(self.far_s))
        helped, alone = np.full(shape, inf), np.full(shape, inf)
        read = np.zeros(shape[:2])
        every = np.arange(shape[0])
        helped[every, every] = alone[every, every] = 0.0
        if units is not None:
            ends = seen[units.first], seen[units.last] + 1
            work = units.work
            helped[ends] = helped_s
            read[ends] = np.minimum(work.needs.input_share[:, -1], 1.0)
            alone[ends] = np.where(work.may_hold, work.served_s[:, -1] + work.fixed_s, inf)
        return StageTimes(
            helped_s=helped,
            alone_s=alone * (1 - ROUNDING),
            read=read,
            seen=seen,
            places=np.flatnonzero(~plain),
            plain_s=_before(overheads[:, None]),
            plain_at_s=_before(at_s),
            plain_work_s=_before(np.where(plain[:, None], at_s - own_s, 0.0)),
            far_s=self.far_s,
            inside=inside,
        )


def _before(rows: Floats | Flags) -> Floats:
    """[rows + 1, columns]: sums of the rows before each."""
    return np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])


def _limits(seconds: Floats, may: Flags) -> Floats:
    """[stages, nodes]: the seconds where nodes may run them, else more than any takes."""
    return np.where(may, seconds, ELSEWHERE * seconds.max(axis=1, keepdims=True))
