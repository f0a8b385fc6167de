"""The stages that there may be in a model, and what each asks of nodes and links.

A unit is a segment that changes more than single elements; `plain` segments follow it. Of all
stages that hold the same units one is looked at, with the plain segments between them. The others
take the overheads of their additional plain segments longer, at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from splitfog.formulations.arrays.nodes import speeds
from splitfog.formulations.costs.ledger import follows_flops
from splitfog.formulations.costs.stages import node_rates
from splitfog.formulations.latency_bounds.needs import chain_needs
from splitfog.formulations.latency_bounds.reach import StageReach, reach_of
from splitfog.formulations.latency_bounds.series import (
    Segment,
    inner_stages,
    is_plain,
    segments_of,
)
from splitfog.formulations.latency_bounds.stage_seconds import StageWork
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitStages:
    """B stages from one unit to another: `first` and `last` are positions of segments, [B]."""

    first: Integers
    last: Integers
    work: StageWork


def sliced_runs(model: Model) -> list[list[int]]:
    """Positions of segments of the longest runs that one stage may cover.

    A cut that is a result ends a run, as one tensor alone leaves a stage.
    """
    found: list[list[int]] = [[]]
    for at, segment in enumerate(segments_of(model)):
        if segment.may_slice:
            found[-1].append(at)
        if not segment.may_slice or model.results[segment.layers[-1]]:
            found.append([])
    return [run for run in found if run]


class Stages:
    """What the stages of a model ask for on an instance's nodes."""

    def __init__(self, instance: Instance, model: Model) -> None:
        self.instance, self.model = instance, model

    @cached_property
    def overheads_s(self) -> Floats:
        """[layers, nodes]: what each layer adds to every slice, whatever its size."""
        nodes = self.instance.nodes
        return np.array([node_rates([layer], nodes)[0] for layer in self.model.layers])

    def of_units(self) -> UnitStages | None:
        """The stages that cover whole segments; None where there are none."""
        firsts, lasts, works = [], [], []
        segments = segments_of(self.model)
        for run in sliced_runs(self.model):
            units = [at for at in run if not segments[at].plain]
            ends = [*units, run[-1] + 1][1:]
            parts = [self._unit(segments[at:end]) for at, end in zip(units, ends)]
            for end, at in enumerate(units):
                works.append(self._work([*parts[:end], self._unit(segments[at : at + 1])]))
                firsts += units[: end + 1]
                lasts += [at] * (end + 1)
        if not works:
            return None
        return UnitStages(
            first=np.array(firsts, np.int64),
            last=np.array(lasts, np.int64),
            work=StageWork.joined(works),
        )

    def inside(self, segment: Segment) -> StageWork | None:
        """The `inner_stages` of a segment, without the overheads of plain layers in them; None: no
        stages."""
        works = []
        for layers, source in inner_stages(self.model, segment):
            reach = reach_of(self.model, layers)
            work = self._flops_or_s(reach.layers)
            counted = [layer for layer in layers if not is_plain(self.model, layer)]
            works.append(self._work([self._part(reach, work, counted, source)]))
        return StageWork.joined(works) if works else None

    def _unit(self, segments: Sequence[Segment]) -> _Part:
        """A unit, and plain segments behind it."""
        unit, *plain = segments
        reach = reach_of(self.model, unit.layers)
        work = self._flops_or_s(reach.layers)
        for segment in plain:
            work[-1] += self._flops_or_s(segment.layers)[0]
        layers = [layer for segment in segments for layer in segment.layers]
        return self._part(reach, work, layers, reach.source)

    def _part(self, reach: StageReach, work: Floats, layers: Sequence[int], source: int) -> _Part:
        """Layers of a stage, whatever plain ones stand before and behind them."""
        asked = [self.model.layers[layer] for layer in layers]
        nodes = self.instance.nodes
        return _Part(
            reach=reach,
            work=work,
            fixed_s=self.overheads_s[list(layers)].sum(axis=0),
            may_hold=np.array([all(one.may_run_on(node) for one in asked) for node in nodes]),
            input_bytes=self._least_bytes(self._before(source)),
            output_bytes=self._least_bytes(self._behind(reach.layers[-1])),
        )

    @cached_property
    def _follows_flops(self) -> bool:
        """Whether all times do, so that one column says what layers take on every node."""
        return follows_flops(self.model.layers, self.instance.nodes)

    def _flops_or_s(self, layers: Sequence[int]) -> Floats:
        """[layers, 1] FLOP where times follow them, else [layers, nodes] seconds."""
        if self._follows_flops:
            return self.model.flops[list(layers), None]
        own = [self.model.layers[layer] for layer in layers]
        return node_rates(own, self.instance.nodes)[1].T.copy()

    def _work(self, chain: Sequence[_Part]) -> StageWork:
        """The stages from each part to the last."""
        needs = chain_needs([part.reach for part in chain], [part.work for part in chain])
        served_s = needs.work / speeds(self.instance) if self._follows_flops else needs.work
        backwards = chain[::-1]
        return StageWork(
            needs=needs,
            served_s=served_s,
            fixed_s=np.cumsum([part.fixed_s for part in backwards], axis=0)[::-1],
            may_hold=np.logical_and.accumulate([part.may_hold for part in backwards])[::-1],
            input_bytes=np.array([part.input_bytes for part in chain]),
            output_bytes=np.full(len(chain), chain[-1].output_bytes),
        )

    def _least_bytes(self, tensors: Sequence[int]) -> float:
        return float(self.model.output_bytes[list(tensors)].min())

    def _before(self, tensor: int) -> list[int]:
        """A tensor, and those of which plain layers make it."""
        found = [tensor]
        while is_plain(self.model, found[-1]):
            found.append(self.model.inputs[found[-1]][0])
        return found

    def _behind(self, tensor: int) -> list[int]:
        """A tensor, and those that plain layers make of it, one after another."""
        found = [tensor]
        while len(readers := self.model.consumers[found[-1]]) == 1:
            (reader,) = readers
            if not is_plain(self.model, reader):
                break
            found.append(reader)
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class _Part:
    """Layers in a row in a stage: `work` [reach's layers, columns], `fixed_s` and `may_hold`
    [nodes], bytes in and out at least."""

    reach: StageReach
    work: Floats
    fixed_s: Floats
    may_hold: Flags
    input_bytes: float
    output_bytes: float
