"""What every stage of a family takes at least from every place: quickly, and better on demand."""

from __future__ import annotations

from math import inf

import numpy as np

from splitfog.formulations.bounds.family import Family
from splitfog.formulations.bounds.stage import harmonic, leveled, serial_bound
from splitfog.formulations.bounds.ways import Blocks, Ways, shortest_ways
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.stage_bounds.block_times import block_seconds
from splitfog.formulations.stage_bounds.helpers import Helpers
from splitfog.formulations.stage_bounds.path_stages import PathStages
from splitfog.instances.arrays import Flags, Floats, Integers

TINY = 1e-300
"""In place of 0 below a fraction."""

AT_MOST = 64.0
"""Times the quick bound: nobody looks whether a stage takes even longer."""

AT_ONCE = 10_000
"""Pairs of a home and a helper whose strong bounds are sought together."""

STEPS = 24
"""As many more whose quick bounds are."""


class StageTimes:
    """The stages of a family along its path, and what each takes at least.

    The quick bound is perfect balance without waits and halos (`stage`). It holds at any prices.
    """

    def __init__(self, family: Family, deadline: Deadline = NEVER) -> None:
        self.family = family
        self.helpers = Helpers.of(family.arrays.instance, family.places)
        self.stages = PathStages(family)
        self.quick_s = self._quick(deadline)

    def ways(self, steps_s: Floats, seconds: Floats | None = None) -> Ways:
        """The shortest ways with these layers run whole, [P, M], and stages in these seconds from
        every place, [B, M]; None: without stages."""
        family, stages = self.family, self.stages
        blocks = Blocks.none(steps_s.shape[1])
        if seconds is not None:
            blocks = Blocks(stages.first, stages.last, seconds)
        sizes = family.arrays.output_bytes[family.work.path]
        return shortest_ways(family.places, sizes, steps_s, family.due, blocks)

    def may_help(self, seconds: Floats, ways: Ways, unsliced: Ways, homes: Integers) -> Flags:
        """[B, homes]: which stages may be on a shortest way if they take no longer than that,
        [B, M], on whose shortest `ways` the rest is; without stages ways are `unsliced`."""
        rest_s = ways.rest_s[np.ix_(self.stages.last, homes)]
        most_s = unsliced.begun_s[np.ix_(self.stages.first, homes)]
        return np.asarray(seconds[:, homes] + rest_s < most_s)

    def strong(
        self, block: Integers, home: Integers, price: Floats, steps_s: Floats, deadline: Deadline
    ) -> Floats:
        """[K]: the strong bounds of pairs of a stage and a home, at these prices.

        `steps_s` [P, M]: layers run whole; a stage that takes longer than its layers so at its home
        is none.
        """
        found, rows = self.quick_s[block, home], max(1, AT_ONCE // self.helpers.node.shape[1])
        for at in range(0, len(block), rows):
            deadline.check("the lower bound")
            some = slice(at, at + rows)
            found[some] = self._strong(block[some], home[some], price, steps_s)
        return found

    def _strong(self, block: Integers, home: Integers, price: Floats, steps_s: Floats) -> Floats:
        """`strong` of pairs that are not too many."""
        stages, low = self.stages, self.quick_s[block, home]
        used, of = np.unique(block, return_inverse=True)
        runs = [steps_s[stages.first[own] : stages.last[own] + 1] for own in used.tolist()]
        whole_s = np.array([run.sum(axis=0) for run in runs])[of, home]
        high = np.minimum(np.where(np.isfinite(low), low, 0.0) * AT_MOST, whole_s)
        return block_seconds(stages.work, block, self.helpers.at(home), price, low, high)

    def _quick(self, deadline: Deadline) -> Floats:
        """[B, M]."""
        places = np.arange(len(self.helpers.node))
        count = max(1, AT_ONCE * STEPS // (self.helpers.node.shape[1] * max(1, len(self._segment))))
        some = []
        for at in range(0, len(places), count):
            deadline.check("the lower bound")
            some.append(self._from_homes(places[at : at + count]))
        quick = np.concatenate(some).T
        quick[self.stages.workless] = 0.0
        return quick

    def _from_homes(self, homes: Integers) -> Floats:
        """[homes, B]: water filling, and where the home's radio is serial all transfers first."""
        work, one, segment = self.family.work, self.helpers.at(homes), self._segment
        alone = np.moveaxis(one.of_nodes(work.alone_s[segment]), 0, 1)
        moved = work.input_bytes[segment][:, None] * one.in_s[:, None]
        moved += work.output_bytes[segment][:, None] * one.out_s[:, None]
        reached = np.isfinite(one.start_s)[:, None]
        moved = np.where(reached, moved, inf)
        start_s = np.broadcast_to(one.start_s[:, None], alone.shape)
        quick = leveled(start_s, alone + moved)
        home = (one.node == self.family.places.node[homes][:, None])[:, None]
        own = np.where(home, alone, inf).min(axis=-1, initial=inf)
        away = np.where(home, inf, moved).min(axis=-1, initial=inf)
        others = harmonic(np.where(~home & reached, alone, inf))
        start = np.where(home, inf, start_s).min(axis=-1, initial=inf)
        serial = np.minimum(own, start + serial_bound(own, others, away))
        return np.where(one.serial[:, None], np.maximum(quick, serial), quick)

    @property
    def _segment(self) -> Integers:
        return self.stages.segment

    def balanced(self, block: int, home: int) -> tuple[Integers, Floats, Floats]:
        """[J] each: nodes, and in perfect balance their shares and seconds of service."""
        work, segment = self.family.work, self._segment[block]
        one = self.helpers.at(np.array([home]))
        alone = one.of_nodes(work.alone_s[segment])[0]
        each = alone + one.in_s[0] * work.input_bytes[segment]
        each = each + one.out_s[0] * work.output_bytes[segment]
        able = (
            np.isfinite(one.start_s[0]) & np.isfinite(each) & (one.node[0] < work.alone_s.shape[1])
        )
        speed = np.where(able, 1 / np.maximum(each, TINY), 0.0)
        share = speed / max(float(speed.sum()), TINY)
        node = np.where(able, one.node[0], 0)
        return node, share, share * np.where(able, alone, 0.0)
