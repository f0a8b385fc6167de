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

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.bounds.queue_prices import pressure_of
from splitfog.formulations.stage_bounds.block_work import BlockWork
from splitfog.formulations.stage_bounds.helpers import Helpers
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import Flags, Floats, Integers

HALVINGS = 9
"""Of the range in which the largest T that passes is sought."""

SHARINGS = 3
"""Steps by which the weights of ways that share links are sought."""

WORTH = 1.003
"""By how much a part must raise what others have shown already."""


def block_seconds(
    work: BlockWork, helpers: Helpers, price: Floats, low: Floats, high: Floats
) -> Floats:
    """[K]: seconds that a stage takes at least from each of K homes; from `low`, valid already,
    to `high`, beyond which nobody asks. O(parts x HALVINGS x K J steps)."""
    return blocks_seconds([work], np.zeros(len(low), np.int64), helpers, price, low, high)


def blocks_seconds(
    works: Sequence[BlockWork],
    of: Integers,
    helpers: Helpers,
    price: Floats,
    low: Floats,
    high: Floats,
) -> Floats:
    """[K]: as `block_seconds`, of stage `works[of[k]]` from each of K homes."""
    best = low.copy()
    count = np.array([len(work.parts) for work in works])
    for part in range(int(count.max())):
        rows = np.flatnonzero((count[of] > part) & (best * WORTH < high))
        if len(rows):
            test = _Test.of(works, part, of[rows], helpers.at(rows), price)
            best[rows] = _largest(test, best[rows], high[rows])
    return best


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

    `least` [K, J, steps]: what the smallest slice of a step or of a later one takes. `largest`
    [K, steps] and `elements` [K] are the parts'.
    """

    serial: Flags
    start_s: Floats
    fixed_s: Floats
    moved_s: Floats
    shared_s: Floats
    lag_s: Floats
    way: Integers
    served_s: Floats
    price: Floats
    least: Floats
    largest: Floats
    elements: Floats

    @classmethod
    def of(
        cls,
        works: Sequence[BlockWork],
        part: int,
        of: Integers,
        helpers: Helpers,
        price: Floats,
    ) -> _Test:
        """The figures of one part of the output of each row's stage."""
        parts = [work.parts[min(part, len(work.parts) - 1)] for work in works]
        steps = max(len(own.area) for own in parts)
        area = _stacked([own.area for own in parts], steps, inf)
        share = np.array([own.share for own in parts])
        elements = np.array([float(own.elements) for own in parts])
        sizes = np.array([(work.input_bytes, work.output_bytes) for work in works])
        priced = helpers.of_nodes(price)
        barred = np.array([~work.may_hold for work in works], float)
        input_share = _stacked([own.input_share for own in parts], steps, inf)
        least_s = _stacked([own.least_s for own in parts], steps, inf)
        served = helpers.of_rows(np.moveaxis(least_s, 1, 2), of)
        links = helpers.shared
        there = helpers.in_s * sizes[of, :1]
        home = helpers.out_s * (share * sizes[:, 1])[of, None]
        with np.errstate(invalid="ignore"):
            moved = there[..., None] * input_share[of, None, :] + home[..., None]
            shared = (links.in_s * sizes[of, :1])[..., None] * input_share[of, None, :]
            shared += (links.out_s * (share * sizes[:, 1])[of, None])[..., None]
            per_share = moved + served * (1 + priced)[..., None]
            smallest = per_share * (area / elements[:, None])[of, None, :]
        smallest[np.isnan(smallest)] = inf  # no bytes of a step that is none
        least = np.minimum.accumulate(smallest[..., ::-1], axis=-1)[..., ::-1]
        return cls(
            serial=helpers.serial[:, None],
            start_s=np.where(helpers.of_rows(barred, of) > 0, inf, helpers.start_s),
            fixed_s=helpers.of_rows(np.array([work.fixed_s for work in works]), of),
            moved_s=moved,
            shared_s=shared,
            lag_s=links.lag_s,
            way=links.way,
            served_s=served,
            price=priced,
            least=least,
            largest=_stacked([own.largest for own in parts], steps, 0.0)[of],
            elements=elements[of, None],
        )

    def at(self, rows: Integers) -> _Test:
        """Of some of the homes."""
        return _Test(**{name: figures[rows] for name, figures in self.__dict__.items()})

    def passes(self, seconds: Floats) -> Flags:
        """[K]: whether no stage from each of the homes takes less than these seconds, [K]."""
        time = seconds[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            room = time * (1 + ROUNDING) - self.start_s - self.fixed_s * (1 + self.price)
            step = (self.least <= room[..., None]).sum(axis=-1) - 1
            able = step >= 0
            row, column = np.nonzero(able)
            step = step[row, column]
            moved, served = self.moved_s[row, column, step], self.served_s[row, column, step]
            most, price = self.largest[row, step], self.price[row, column]
            pressure = pressure_of(price)
            taken = price - pressure
            elements = self.elements[row, 0]
            per_share = moved + served * (1 + price)
            held = np.where(per_share > 0, room[row, column] / per_share * elements, most)
            held = np.floor(np.minimum(held, most) * (1 + ROUNDING))
            share = np.maximum(held, 1.0) / elements
            moved = moved + self.start_s[row, column] / share
            served = served + self.fixed_s[row, column] / share
            serial = self.serial[row, 0]
            shared = self.shared_s[row, column, step] + self.lag_s[row, column] / share
            shared = np.where(serial, 0.0, shared)
            left = seconds[row] - taken * served - np.where(serial, moved, 0.0)
            need = _Need(
                left=np.where(held >= 1, left, 0.0),
                linear=pressure * served,
                square=served + np.where(serial, 0.0, moved - shared),
                shared=shared,
                way=row * self.way.shape[1] + self.way[row, column],
                num_ways=self.way.size,
            )
            weight = need.least()
        return np.asarray(weight.reshape(self.way.shape).sum(axis=1) <= 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Need:
    """What weights A of V visits' ways must make up, [V] each: that y^2 `square` + y `linear` + A
    `shared` is `left`, where A is the sum of y^2 over the visits of the same `way`."""

    left: Floats
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
            weight = np.clip(low + (at_low - low) / (1 - slope), low, high)
            found = self._needed(self.square, weight)
            enough = found <= weight
            high, at_high = np.where(enough, weight, high), np.where(enough, found, at_high)
            low, at_low = np.where(enough, low, weight), np.where(enough, at_low, found)
        return high

    def _needed(self, square: Floats, weight: Floats) -> Floats:
        """[ways]: what the visits need, at these weights of their ways."""
        left = self.left - weight[self.way] * self.shared
        root = 2 * left / (self.linear + np.sqrt(self.linear**2 + 4 * square * left))
        root = np.where(left > 0, root, 0.0)
        return np.asarray(np.bincount(self.way, root**2, self.num_ways), float)


def _stacked(tables: list[Floats], steps: int, fill: float) -> Floats:
    """[tables, steps, ...]: those of fewer steps filled up."""
    out = np.full((len(tables), steps, *tables[0].shape[1:]), fill)
    for row, table in enumerate(tables):
        out[row, : len(table)] = table
    return out
