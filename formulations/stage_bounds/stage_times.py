"""What every stage of a family takes at least from every place: quickly, and better on demand."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from math import inf
from typing import NamedTuple

import numpy as np

from splitfog.formulations.bounds.stage import harmonic, leveled, serial_bound
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.priced_bounds.family import Family
from splitfog.formulations.priced_bounds.link_prices import Tolls
from splitfog.formulations.priced_bounds.ways import Blocks, Ways, shortest_ways
from splitfog.formulations.stage_bounds.block_times import StageLoads, block_loads, block_seconds
from splitfog.formulations.stage_bounds.helpers import Helpers, RoundTrips, with_best
from splitfog.formulations.stage_bounds.path_stages import PathStages
from splitfog.formulations.tolerances import TINY
from splitfog.instances.arrays import Flags, Floats, Integers

AT_MOST = 64.0
"""Times the quick bound: nobody looks whether a stage takes even longer."""

AT_ONCE = 10_000
"""Pairs of a home and a helper whose strong bounds are sought together."""

MANY = 500
"""Strong bounds that are sought even where some may not be needed."""

STEPS = 24
"""As many more whose quick bounds are."""


class Apart(NamedTuple):
    """Of stages from homes, [B, M] each: seconds at home, of all others in perfect balance, of
    transfers where the radio is serial, and, there, of the first way to any of the others once;
    where radios are parallel that is by how much they begin `later`."""

    own: Floats
    others: Floats
    away: Floats
    start: Floats
    later: Floats


class StageTimes:
    """The stages of a family along its path, and what each takes at least.

    The quick bound is perfect balance without waits and halos (`stage`). It holds at any prices.
    """

    def __init__(self, family: Family, deadline: Deadline = NEVER) -> None:
        self.family = family
        self.places = family.places
        self.helpers = Helpers.of(family.arrays.instance, family.places)
        self.stages = PathStages(family)
        self.quick_s, self._apart = self._quick(deadline)

    def priced(self, tolls: Tolls | None) -> StageTimes:
        """The same where tolls are paid."""
        if tolls is None:
            return self
        priced = copy(self)
        priced.places = self.places.priced(tolls)
        paid = self.helpers.round_trips(tolls)
        priced.helpers = replace(self.helpers, tolls=paid)
        priced.quick_s = self._quick_priced(paid)
        return priced

    def ways(self, steps_s: Floats, seconds: Floats | None = None) -> Ways:
        """The shortest ways with these layers run whole, [P, M], and stages in these seconds from
        every place, [B, M]; None: without stages."""
        family, stages = self.family, self.stages
        blocks = Blocks.none(steps_s.shape[1])
        if seconds is not None:
            blocks = Blocks(stages.first, stages.last, seconds)
        sizes = family.arrays.output_bytes[family.work.path]
        return shortest_ways(self.places, sizes, steps_s, family.due, blocks)

    def may_help(self, seconds: Floats, ways: Ways, unsliced: Ways) -> Flags:
        """[B, M]: which stages may be on a shortest way if they take no longer than that, [B, M],
        on whose shortest `ways` the rest is; without stages ways are `unsliced`."""
        stages = self.stages
        return np.asarray(seconds + ways.rest_s[stages.last] < unsliced.begun_s[stages.first])

    def fresh(
        self, open_to: Flags, block: Integers, home: Integers, strong: Floats
    ) -> tuple[Integers, Integers]:
        """Stages that stand for others and homes of which the `strong` bounds, 0 where not known,
        [B, M], are to be had next.

        Of those `open_to` them: from all homes, or those of some stages, `block` from `home`, on
        ways, or those that begin where one of these does: the first of the three that are not too
        `MANY`.
        """
        stages, shape = self.stages, open_to.shape
        at_home = np.zeros(shape[1], bool)
        at_home[home] = True
        begins = np.zeros((int(stages.first.max()) + 1, shape[1]), bool)
        begins[stages.first[block], home] = True
        for some in (open_to, open_to & at_home, open_to & begins[stages.first]):
            new = np.zeros(shape, bool)
            block, home = np.nonzero(some)
            new[stages.alike[block], home] = True
            block, home = np.nonzero(new & (strong == 0))
            if len(block) <= MANY:
                break
        return block, home

    def whole_s(self, steps_s: Floats) -> Floats:
        """[B, M]: what the layers on the path of every stage take if run whole, as `steps_s` [P, M]
        say, at its home."""
        first, end, able = self.stages.first, self.stages.last + 1, np.isfinite(steps_s)
        begun = np.zeros((2, len(steps_s) + 1, steps_s.shape[1]))
        begun[:, 1:] = np.cumsum([np.where(able, steps_s, 0.0), ~able], axis=1)
        seconds, barred = begun[:, end] - begun[:, first]
        return np.where(barred > 0, inf, seconds)

    def strong(
        self,
        block: Integers,
        home: Integers,
        price: Floats,
        most_s: Floats,
        deadline: Deadline = NEVER,
    ) -> Floats:
        """[K]: the strong bounds of pairs of a stage and a home, at these prices of nodes, looked
        for up to `most_s`, [B, M]."""
        found, rows = self.quick_s[block, home], max(1, AT_ONCE // self.helpers.node.shape[1])
        for at in range(0, len(block), rows):
            deadline.check("the lower bound")
            some = slice(at, at + rows)
            found[some] = self._strong(block[some], home[some], price, most_s)
        return found

    def _strong(self, block: Integers, home: Integers, price: Floats, most_s: Floats) -> Floats:
        """`strong` of pairs that are not too many."""
        low, helpers = self.quick_s[block, home], self.helpers.at(home)
        high = np.minimum(np.where(np.isfinite(low), low, 0.0) * AT_MOST, most_s[block, home])
        return block_seconds(self.stages.work, block, helpers, price, low, high)

    def _quick(self, deadline: Deadline) -> tuple[Floats, Apart]:
        """[B, M]; and what the bound with tolls needs."""
        places = np.arange(len(self.helpers.node))
        count = max(1, AT_ONCE * STEPS // (self.helpers.node.shape[1] * max(1, len(self._segment))))
        alone_s = with_best(self.family.work.alone_s[self._segment], self.helpers.closed)
        alone_s, some = np.ascontiguousarray(alone_s.T), []
        for at in range(0, len(places), count):
            deadline.check("the lower bound")
            some.append(self._from_homes(places[at : at + count], alone_s))
        quick, *apart = (np.concatenate(each).T for each in zip(*some, strict=True))
        quick[self.stages.workless] = 0.0
        return quick, Apart(*apart)

    def _from_homes(self, homes: Integers, alone_s: Floats) -> tuple[Floats, ...]:
        """[homes, B]: water filling, and where the home's radio is serial all transfers first; and
        the figures of `Apart`.

        `alone_s` [nodes + 1, B]: what every stage takes on every node. All is [J, homes, B] inside.
        """
        work, one, segment = self.family.work, self.helpers.at(homes), self._segment
        node, reached = one.node.T, np.isfinite(one.start_s.T)
        alone = alone_s[node]
        moved = one.in_s.T[..., None] * work.input_bytes[segment]
        moved += one.out_s.T[..., None] * work.output_bytes[segment]
        moved[~reached] = inf
        quick = leveled(one.start_s[:, None], np.moveaxis(alone + moved, 0, -1))
        home, is_serial = node == self.family.places.node[homes], one.serial[:, None]
        own = np.where(home[..., None], alone, inf).min(axis=0, initial=inf)
        away = np.where(home[..., None], inf, moved).min(axis=0, initial=inf)
        away = np.where(is_serial, away, 0.0)
        alone += np.where(is_serial, 0.0, moved)
        alone[home | ~reached] = inf
        others = harmonic(np.moveaxis(alone, 0, -1))
        first = np.where(home, inf, one.start_s.T).min(axis=0, initial=inf)[:, None]
        first = np.broadcast_to(first, own.shape)
        start, later = np.where(is_serial, first, 0.0), np.where(is_serial, 0.0, first)
        serial = np.minimum(own, start + serial_bound(own, others, away))
        quick = np.where(is_serial, np.maximum(quick, serial), quick)
        return quick, own, others, away, start, later

    def _quick_priced(self, tolls: RoundTrips) -> Floats:
        """[B, M]: at least the quick bound, where all that others compute pays the least toll."""
        work, helpers, apart = self.family.work, self.helpers, self._apart
        away = (helpers.node != helpers.home[:, None]) & np.isfinite(helpers.start_s)
        there, back = (
            np.where(away, figures, inf).min(axis=1, initial=inf)
            for figures in (tolls.there, tolls.back)
        )
        some = np.flatnonzero((there + back > 0) & np.isfinite(there + back))
        quick, segment = self.quick_s.copy(), self._segment
        paid = np.multiply.outer(work.input_bytes[segment], there[some])
        paid += np.multiply.outer(work.output_bytes[segment], back[some])
        own, others, moved, start, later = (each[:, some] for each in apart)
        least = np.minimum(own, start + serial_bound(own, others, moved + paid, later))
        quick[:, some] = np.maximum(quick[:, some], least)
        quick[self.stages.workless] = 0.0
        return quick

    @property
    def _segment(self) -> Integers:
        return self.stages.segment

    def steep_loads(
        self, block: Integers, home: Integers, price: Floats, seconds: Floats
    ) -> StageLoads:
        """Loads by which the strong bounds, `seconds` [K], of K stages at their homes grow with
        prices, where these are."""
        own = self.stages.alike[block]
        return block_loads(self.stages.work, own, self.helpers.at(home), price, seconds)

    def even_loads(self, block: Integers, home: Integers) -> StageLoads:
        """Loads of K stages at their homes in perfect balance."""
        work, segment, one = self.family.work, self._segment[block], self.helpers.at(home)
        alone = with_best(work.alone_s[segment], one.closed)[
            np.arange(len(home))[:, None], one.node
        ]
        bytes_in, bytes_out = work.input_bytes[segment, None], work.output_bytes[segment, None]
        each = alone + one.in_s * bytes_in + one.out_s * bytes_out
        able = np.isfinite(one.start_s) & np.isfinite(each)
        speed = np.where(able, 1 / np.maximum(each, TINY), 0.0)
        share = speed / np.maximum(speed.sum(axis=1, keepdims=True), TINY)
        load = share * np.where(able, alone, 0.0)
        return StageLoads(
            weighted=load * np.sqrt(share),
            load=load,
            visits=share,
            bytes_in=share * bytes_in,
            bytes_out=share * bytes_out,
        )
