"""How fast a stage could possibly be among queues, with prices on loads: the strong bound.

Ours. With weights alpha on a stage's visits, of sum 1, its latency is at least the sum of alpha_n
(transfers + s_n + W_n), and with one radio at home all transfers plus the sum of alpha_n (s_n +
W_n). By Cauchy-Schwarz the waits of all visits to a node then count as at least mu_n times
sqrt(alpha_n) s_n each (`queue_prices`). Suppose the stage took less than T. Then so would each
visit alone, so it computes at most a share x_n of a part of the output, and per share takes at
least c_n of service and m_n of transfers. Let y_n = sqrt(alpha_n) be such that every share costs
just T; if the y_n^2 add up to 1 or less, all shares, that add up to 1, cost at least T: a
contradiction. So every T that passes is a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.priced_bounds.prices import pressure_of
from splitfog.formulations.stage_bounds.block_work import DEPTHS, PartTable, StageWork
from splitfog.formulations.stage_bounds.helpers import Helpers
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import Flags, Floats, Integers

HALVINGS = 9
"""Of the range in which the largest T that passes is sought."""

SHARINGS = 3
"""Steps by which the weights of ways that share links are sought."""

TIGHT = 0.95
"""What weights add up to where all of them keep a bound from being larger; else the next does."""

FURTHER = 1.01
"""Times a bound: by then the next visit has weight."""

WORTH = 1.003
"""By how much a part must raise what others have shown already."""


def block_seconds(
    work: StageWork, block: Integers, helpers: Helpers, price: Floats, low: Floats, high: Floats
) -> Floats:
    """[K]: seconds that K stages, `block` of `work`, take at least, each from its own home, whose
    `helpers` they are; from `low`, valid already, to `high`, beyond which nobody asks.
    O(parts x HALVINGS x K J steps)."""
    best = low.copy()
    for number in range(len(DEPTHS)):
        rows = np.flatnonzero(best * WORTH < high)
        if len(rows):
            table = work.table(number, block[rows])
            rows = rows[table.has[work.row[block[rows]]]]
        if len(rows):
            test = _Test.of(work, table, block[rows], helpers.at(rows), price)
            best[rows] = _largest(test, best[rows], high[rows])
    return best


@dataclass(frozen=True, eq=False, kw_only=True)
class StageLoads:
    """What stages of weight 1 ask of J helpers, [K, J] each: loads v and r, how often a second
    something goes there and back, and bytes each way."""

    weighted: Floats
    load: Floats
    visits: Floats
    bytes_in: Floats
    bytes_out: Floats

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> StageLoads:
        """Nothing yet."""
        return cls(**{name: np.zeros(shape) for name in cls.__annotations__})

    @classmethod
    def of(cls, visits: _Visits, share: Floats, root: Floats, shape: tuple[int, ...]) -> StageLoads:
        """Of visits that do shares [V], whose weights have roots [V]."""
        found, served = cls.none(shape), share * visits.served
        for figures, own in (
            (found.weighted, root * served),
            (found.load, served),
            (found.visits, share / visits.share),
            (found.bytes_in, share * visits.bytes_in),
            (found.bytes_out, share * visits.bytes_out),
        ):
            figures[visits.row, visits.column] = own
        return found

    def put(self, rows: Integers, others: StageLoads) -> None:
        """Those of some stages, in place of what is there."""
        for name, figures in self.__dict__.items():
            figures[rows] = getattr(others, name)

    def at(self, rows: Flags) -> StageLoads:
        """Of some stages."""
        return StageLoads(**{name: figures[rows] for name, figures in self.__dict__.items()})


def block_loads(
    work: StageWork, block: Integers, helpers: Helpers, price: Floats, seconds: Floats
) -> StageLoads:
    """By how much the bounds of K stages, `seconds` [K] by `block_seconds`, grow with prices.

    At a bound the weights add up to about 1, in the part that says most: what more pressure on a
    node takes from that sum, more seconds give back.
    """
    loads, least = StageLoads.none(helpers.node.shape), np.full(len(block), inf)
    for number in range(len(DEPTHS)):
        table = work.table(number, block)
        rows = np.flatnonzero(table.has[work.row[block]])
        test = _Test.of(work, table, block[rows], helpers.at(rows), price)
        weight, found = test.loads(seconds[rows])
        less = weight < least[rows]
        least[rows[less]] = weight[less]
        loads.put(rows[less], found.at(less))
    return loads


def _largest(test: _Test, low: Floats, high: Floats) -> Floats:
    """[K]: the largest T found that passes, `low` where none does."""
    best = low.copy()
    rows = np.flatnonzero(test.passes(low * WORTH))
    if not len(rows):
        return best
    test = test.at(rows)
    low, high = low[rows] * WORTH, high[rows]
    passed = test.passes(high)
    low = np.where(passed, high, low)
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        passed = test.passes(middle)
        low, high = np.where(passed, middle, low), np.where(passed, high, middle)
    best[rows] = low
    return best


@dataclass(frozen=True, eq=False, kw_only=True)
class _Test:
    """All [K, J], of every step [K, J, steps]: priced seconds per share, and transfers apart.

    `start_s`, `moved_s` count by the weight of a visit, `whole_start_s`, `whole_s` whatever that
    is: transfers where the home's radio is serial, and tolls. `least` [K, J, steps]: what the
    smallest slice of a step or of a later one takes. `input_bytes` [K, steps] and `output_bytes`
    [K] are per share; `largest` [K, steps] and `elements` [K] are the parts'.
    """

    start_s: Floats
    whole_start_s: Floats
    fixed_s: Floats
    moved_s: Floats
    whole_s: Floats
    shared_s: Floats
    lag_s: Floats
    way: Integers
    served_s: Floats
    price: Floats
    least: Floats
    input_bytes: Floats
    output_bytes: Floats
    largest: Floats
    elements: Floats

    @classmethod
    def of(
        cls, work: StageWork, table: PartTable, block: Integers, helpers: Helpers, price: Floats
    ) -> _Test:
        """The figures of one part of the output of each row's stage."""
        row, node, links = work.row[block], helpers.node, helpers.shared
        elements, speeds = table.elements[row, None], work.speeds
        output_bytes = table.share[row] * work.output_bytes[block]
        with np.errstate(invalid="ignore"):
            input_bytes = work.input_bytes[block, None] * table.input_share[row]
        each = np.arange(len(row))[:, None]
        served = np.moveaxis(table.work[row], 1, 2)[each, speeds.kind[node]]
        served *= speeds.scale_s[node][..., None]
        priced, serial = helpers.of_nodes(price), helpers.serial[:, None]

        def crossing(there: Floats, back: Floats) -> Floats:
            """[K, J, steps] of figures per byte each way, [K, J]."""
            out = (back * output_bytes[:, None])[..., None]
            return np.asarray(there[..., None] * input_bytes[:, None, :] + out)

        start = np.where(work.may_hold[block[:, None], node], helpers.start_s, inf)
        weighed, tolls = np.where(serial, 0.0, 1.0), helpers.tolls
        with np.errstate(invalid="ignore"):
            moved = crossing(helpers.in_s, helpers.out_s)
            whole, whole_start = moved * (1 - weighed)[..., None], np.where(serial, start, 0.0)
            if tolls is not None:
                whole += crossing(tolls.there, tolls.back)
                whole_start += tolls.once
            moved *= weighed[..., None]
            per_share = moved + whole + served * (1 + priced)[..., None]
            smallest = per_share * (table.area[row] / elements)[:, None, :]
            shared = crossing(links.in_s * weighed, links.out_s * weighed)
        smallest[np.isnan(smallest)] = inf  # no bytes of a step that is none
        least = np.minimum.accumulate(smallest[..., ::-1], axis=-1)[..., ::-1]
        return cls(
            start_s=np.where(serial & np.isfinite(start), 0.0, start),
            whole_start_s=whole_start,
            fixed_s=work.fixed_s[block[:, None], node],
            moved_s=moved,
            whole_s=whole,
            shared_s=shared,
            lag_s=links.lag_s * weighed,
            way=links.way,
            served_s=served,
            price=priced,
            least=least,
            input_bytes=input_bytes,
            output_bytes=output_bytes,
            largest=table.largest[row],
            elements=elements,
        )

    def at(self, rows: Integers) -> _Test:
        """Of some of the homes."""
        return _Test(**{name: figures[rows] for name, figures in self.__dict__.items()})

    @np.errstate(divide="ignore", invalid="ignore", over="ignore")
    def passes(self, seconds: Floats) -> Flags:
        """[K]: whether no stage from each of the homes takes less than these seconds, [K]."""
        weight = self._need(seconds)[0].least()
        return np.asarray(weight.reshape(self.way.shape).sum(axis=1) <= 1)

    @np.errstate(divide="ignore", invalid="ignore", over="ignore")
    def loads(self, seconds: Floats) -> tuple[Floats, StageLoads]:
        """[K]: what weights add up to in these seconds, [K]; and how much more seconds would keep
        that sum, by what is paid: a pressure a on a node asks for v + a r."""
        need, visits = self._need(seconds)
        weight, root, growth = need.growth()
        total = np.bincount(visits.row, growth, len(seconds))[visits.row]
        share = np.where(total > 0, growth / np.where(total > 0, total, 1.0), 0.0)
        found = StageLoads.of(visits, share, root, self.way.shape)
        weights = weight.reshape(self.way.shape).sum(axis=1)
        loose = np.flatnonzero(weights < TIGHT)
        if len(loose):
            before = np.full(self.way.shape, -1.0)
            before[visits.row, visits.column] = root**2
            found.put(loose, self.at(loose).next_loads(seconds[loose] * FURTHER, before[loose]))
        return weights, found

    def next_loads(self, seconds: Floats, before: Floats) -> StageLoads:
        """The loads of the visit alone that gains most weight in seconds, [K], over what visits
        have `before` [K, J], -1 where there is none: what that costs is what the bound is."""
        need, visits = self._need(seconds)
        root, had = np.minimum(need.growth()[1], 1.0), before[visits.row, visits.column]
        gain, most = root**2 - np.maximum(had, 0.0), np.zeros(len(seconds))
        np.maximum.at(most, visits.row, gain)
        chosen = (gain > 0) & (gain == most[visits.row])
        share = chosen / np.maximum(np.bincount(visits.row, chosen, len(seconds)), 1)[visits.row]
        new = had < 0  # then its least slice is what cannot be done in less
        share, root = np.where(new, visits.share * share, share), np.where(new, 1.0, root)
        return StageLoads.of(visits, share, root, self.way.shape)

    def _need(self, seconds: Floats) -> tuple[_Need, _Visits]:
        """What weights must make up for in these seconds, [K], and by which visits."""
        start = self.start_s + self.whole_start_s
        room = seconds[:, None] * (1 + ROUNDING) - start - self.fixed_s * (1 + self.price)
        step = (self.least <= room[..., None]).sum(axis=-1) - 1
        row, column = np.nonzero(step >= 0)
        step = step[row, column]
        moved, whole = self.moved_s[row, column, step], self.whole_s[row, column, step]
        served = self.served_s[row, column, step]
        most, price = self.largest[row, step], self.price[row, column]
        pressure = pressure_of(price)
        taken = price - pressure
        elements = self.elements[row, 0]
        per_share = moved + whole + served * (1 + price)
        held = np.where(per_share > 0, room[row, column] / per_share * elements, most)
        held = np.floor(np.minimum(held, most) * (1 + ROUNDING))
        share = np.maximum(held, 1.0) / elements
        moved = moved + self.start_s[row, column] / share
        whole = whole + self.whole_start_s[row, column] / share
        served = served + self.fixed_s[row, column] / share
        shared = self.shared_s[row, column, step] + self.lag_s[row, column] / share
        left = seconds[row] - taken * served - whole
        need = _Need(
            left=np.where(held >= 1, left, 0.0),
            served=served,
            linear=pressure * served,
            square=served + moved - shared,
            shared=shared,
            way=row * self.way.shape[1] + self.way[row, column],
            num_ways=self.way.size,
        )
        visits = _Visits(
            row=row,
            column=column,
            share=share,
            served=served,
            bytes_in=self.input_bytes[row, step],
            bytes_out=self.output_bytes[row],
        )
        return need, visits


@dataclass(frozen=True, eq=False, kw_only=True)
class _Visits:
    """V visits, [V] each: from which home, to which helper, the most share that each can have, and
    per share seconds of service and bytes each way."""

    row: Integers
    column: Integers
    share: Floats
    served: Floats
    bytes_in: Floats
    bytes_out: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class _Need:
    """What weights A of V visits' ways must make up, [V] each: that y^2 `square` + y `linear` + A
    `shared` is `left`, where A is the sum of y^2 over the visits of the same `way`. `served`: the
    seconds of service in it, which more pressure makes count for more."""

    left: Floats
    served: Floats
    linear: Floats
    square: Floats
    shared: Floats
    way: Integers
    num_ways: int

    def least(self) -> Floats:
        """[ways]: weights that do, near the least, never below.

        The more the weight of a way, the less of it its visits need: the least is where they need
        just that, and it lies between any weight and what they need then.
        """
        high = self._needed(self.square + self.shared, np.zeros(self.num_ways))
        if not self.shared.any():
            return high
        low = at_high = self._needed(self.square, high)
        at_low = self._needed(self.square, low)
        for _ in range(SHARINGS):  # the line through both meets the weights about there
            slope = np.where(high > low, (at_high - at_low) / (high - low), 0.0)
            meeting = low + (at_low - low) / (1 - slope)
            weight = np.clip(meeting * (1 + ROUNDING), low, high)  # where it is just enough
            found = self._needed(self.square, weight)
            enough = found <= weight
            high, at_high = np.where(enough, weight, high), np.where(enough, found, at_high)
            low, at_low = np.where(enough, low, weight), np.where(enough, at_low, found)
        return high

    def growth(self) -> tuple[Floats, Floats, Floats]:
        """[ways]: the least weights; [V]: the roots y of the visits', and by how much y^2 grows per
        second more that is `left`."""
        weight = self.least()
        root = self._roots(self.square, weight)
        slope = 2 * root * self.square + self.linear
        growth = np.where(slope > 0, 2 * root / np.where(slope > 0, slope, 1.0), 0.0)
        common = np.bincount(self.way, growth * self.shared, self.num_ways)
        return weight, root, growth / (1 + common)[self.way]

    def _needed(self, square: Floats, weight: Floats) -> Floats:
        """[ways]: what the visits need, at these weights of their ways."""
        return np.asarray(
            np.bincount(self.way, self._roots(square, weight) ** 2, self.num_ways), float
        )

    def _roots(self, square: Floats, weight: Floats) -> Floats:
        """[V]: the roots of the visits' weights, at these of their ways."""
        left = self.left - weight[self.way] * self.shared
        root = 2 * left / (self.linear + np.sqrt(self.linear**2 + 4 * square * left))
        return np.where(left > 0, root, 0.0)
