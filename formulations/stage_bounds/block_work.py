"""What the stages along a path ask of nodes and links, by the size of a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.priced_bounds.family import Family
from splitfog.formulations.stage_bounds.halo import MOST_STEPS, HaloNeeds, Part, halo_needs
from splitfog.formulations.stage_bounds.helpers import with_best
from splitfog.formulations.stage_bounds.speeds import Speeds
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances.arrays import Flags, Floats, Integers

DEPTHS = (0.0, 0.5, 1.0)
"""How deep inside the output parts are: all of it, and what is further from its borders."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PartTable:
    """Of stages' parts of one depth, [R] rows of which `known` are filled in, if they have one.

    A part is of `elements` elements, `share` of the output. Step k, [R, steps], holds for slices
    of `area[k]` elements up to the next step's, `largest[k]`. Per share of the part they read at
    least `input_share[k]` of the input, and ask for `work[k]` [kinds of `Speeds`].
    """

    known: Flags
    has: Flags
    elements: Floats
    share: Floats
    area: Floats
    largest: Floats
    input_share: Floats
    work: Floats

    @classmethod
    def empty(cls, rows: int, kinds: int) -> PartTable:
        """Nothing is known; there are no steps."""
        return cls(
            known=np.zeros(rows, bool),
            has=np.zeros(rows, bool),
            elements=np.ones(rows),
            share=np.ones(rows),
            area=np.full((rows, MOST_STEPS), inf),
            largest=np.zeros((rows, MOST_STEPS)),
            input_share=np.full((rows, MOST_STEPS), inf),
            work=np.full((rows, MOST_STEPS, kinds), inf),
        )


class StageWork:
    """Bytes in and out of a family's B stages, [B], of every node `fixed_s` and `may_hold`, [B,
    nodes + 1], where the last is as good as the best of the closed sources, and work by parts.

    Only for stages that stand for others, `row` [B] of the tables for each.
    """

    def __init__(
        self,
        family: Family,
        layers: Sequence[tuple[int, ...]],
        first: Integers,
        last: Integers,
        alike: Integers,
    ) -> None:
        self._layers, self._first, self._last = layers, first, last
        arrays, path = family.arrays, np.array(family.work.path)
        model, nodes, places = arrays.model, arrays.instance.nodes, family.places
        self._model, self._source = model, path[first - 1]
        self._distinct = np.unique(alike)
        self.row = np.searchsorted(self._distinct, alike)
        inside = np.zeros((len(layers), len(model.layers)))
        for block, own in enumerate(layers):
            inside[block, list(own)] = 1.0
        self.speeds = Speeds.of(model, np.flatnonzero(inside.any(axis=0)), nodes, places.closed)
        barred = (~may_run(family)).astype(float)
        self.fixed_s = with_best(inside @ self.speeds.fixed_s, places.closed)
        held = inside @ barred if barred.any() else np.zeros((len(layers), len(nodes)))
        self.may_hold = with_best(held, places.closed) == 0
        self.input_bytes = model.output_bytes[self._source]
        self.output_bytes = model.output_bytes[path[last]]
        self._tables: dict[int, PartTable] = {}
        self._needs: dict[int, HaloNeeds] = {}
        self._slots: dict[int, list[int]] = {}

    def table(self, number: int, blocks: Integers) -> PartTable:
        """Of the parts of `DEPTHS[number]`, filled in for these stages."""
        if number not in self._tables:
            kinds = self.speeds.work.shape[1] + 1
            self._tables[number] = PartTable.empty(len(self._distinct), kinds)
        table = self._tables[number]
        rows = np.unique(self.row[blocks])
        fresh = rows[~table.known[rows]]
        groups: dict[tuple[int, Part], list[int]] = {}
        for row in fresh.tolist():
            block = int(self._distinct[row])
            part = self._part(block, DEPTHS[number])
            if number == 0 or part != self._part(block, DEPTHS[number - 1]):
                groups.setdefault((int(self._last[block]), part), []).append(row)
        for (last, part), own in groups.items():
            self._fill(table, own, self._needs[last], part)
        table.known[fresh] = True
        return table

    def _part(self, block: int, depth: float) -> Part:
        return self._needs_of(block).part(self._slots_of(block), depth)

    def _fill(self, table: PartTable, rows: list[int], needs: HaloNeeds, part: Part) -> None:
        found, work = needs.needs(part), self.speeds.work
        count, steps = len(rows), slice(len(found.area))
        weights = np.zeros((len(needs.geometry.layers) + 1, count, 1 + work.shape[1]))
        for at, row in enumerate(rows):
            block = int(self._distinct[row])
            own = self._slots_of(block)
            weights[own[-1], at, 0] = 1.0
            weights[own[:-1], at, 1:] = work[list(self._layers[block])]
        least = found.least(weights.reshape(len(weights), -1)).reshape(-1, count, weights.shape[2])
        least = np.moveaxis(least, 1, 0)
        table.has[rows] = True
        table.elements[rows], table.share[rows] = found.elements, found.share
        table.area[rows, steps] = found.area
        table.largest[rows, steps] = np.append(found.area[1:] - 1, found.elements)
        table.input_share[rows, steps] = least[..., 0]
        table.work[rows, steps, :-1] = least[..., 1:]
        best = least[..., 1 + self.speeds.best]
        table.work[rows, steps, -1] = best.min(axis=-1, initial=inf)

    def _slots_of(self, block: int) -> list[int]:
        """Where the tensors of a stage's layers and its source stand among those of `_needs_of`."""
        if block not in self._slots:
            geometry = self._needs_of(block).geometry
            at = {layer: slot for slot, layer in enumerate((*geometry.layers, geometry.source))}
            own = [at[layer] for layer in self._layers[block]]
            self._slots[block] = [*own, at[int(self._source[block])]]
        return self._slots[block]

    def _needs_of(self, block: int) -> HaloNeeds:
        """Of the longest stage that ends where this does, and so of all."""
        last = int(self._last[block])
        if last not in self._needs:
            ends = self._distinct[self._last[self._distinct] == last]
            longest = self._layers[ends[self._first[ends].argmin()]]
            self._needs[last] = halo_needs(geometry_of(self._model, longest))
        return self._needs[last]


def may_run(family: Family) -> Flags:
    """[layers, nodes]: where the layers of a family's model may be by their `tiers`."""
    layers, nodes = family.arrays.model.layers, family.arrays.instance.nodes
    allowed = np.ones((len(layers), len(nodes)), bool)
    for layer in (at for at, own in enumerate(layers) if own.tiers is not None):
        allowed[layer] = [layers[layer].may_run_on(node) for node in nodes]
    return allowed
