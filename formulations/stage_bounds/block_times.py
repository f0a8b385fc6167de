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

from splitfog.formulations.stage_bounds.block_work import BlockWork
from splitfog.formulations.stage_bounds.halo import PartNeeds
from splitfog.formulations.stage_bounds.helpers import Helpers
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import Flags, Floats

HALVINGS = 10
"""Of the range in which the largest T that passes is sought."""


def block_seconds(
    work: BlockWork, helpers: Helpers, price: Floats, low: Floats, high: Floats
) -> Floats:
    """[K]: seconds that the stage takes at least from each of K homes; from `low`, valid already,
    to `high`, beyond which nobody asks. O(parts x HALVINGS x K J steps)."""
    best = low
    for part, least_s in zip(work.parts, work.least_s, strict=True):
        test = _Test.of(work, part, least_s, helpers, price)
        best = np.maximum(best, _largest(test, best, high))
    return best


def _largest(test: _Test, low: Floats, high: Floats) -> Floats:
    """[K]: the largest T found that passes, `low` where none does."""
    low, high = low.copy(), np.maximum(high, low)
    passed = test.passes(high)
    low = np.where(passed, high, low)
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        passed = test.passes(middle)
        low, high = np.where(passed, middle, low), np.where(passed, high, middle)
    return low


@dataclass(frozen=True, eq=False, kw_only=True)
class _Test:
    """All [K, J], of every step [K, J, steps]: priced seconds per share, and transfers apart.

    `least` [K, J, steps]: what the smallest slice of a step or of a later one takes.
    """

    serial: Flags
    start_s: Floats
    fixed_s: Floats
    moved_s: Floats
    served_s: Floats
    price: Floats
    least: Floats
    part: PartNeeds

    @classmethod
    def of(
        cls, work: BlockWork, part: PartNeeds, least_s: Floats, helpers: Helpers, price: Floats
    ) -> _Test:
        """The figures of one part of the output."""
        priced = helpers.of_nodes(price)
        start_s = np.where(helpers.flags(work.may_hold), helpers.start_s, inf)
        there = np.multiply.outer(helpers.in_s * work.input_bytes, part.input_share)
        home = helpers.out_s * (part.share * work.output_bytes)
        served = np.moveaxis(helpers.of_nodes(least_s), 0, -1)
        moved = there + home[..., None]
        per_share = moved + served * (1 + priced)[..., None]
        smallest = per_share * (part.area / part.elements)
        least = np.minimum.accumulate(smallest[..., ::-1], axis=-1)[..., ::-1]
        return cls(
            serial=helpers.serial[:, None],
            start_s=start_s,
            fixed_s=helpers.of_nodes(work.fixed_s),
            moved_s=moved,
            served_s=served,
            price=priced,
            least=least,
            part=part,
        )

    def passes(self, seconds: Floats) -> Flags:
        """[K]: whether no stage from each of the homes takes less than these seconds, [K]."""
        time = seconds[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            room = time * (1 + ROUNDING) - self.start_s - self.fixed_s * (1 + self.price)
            step = (self.least <= room[..., None]).sum(axis=-1) - 1
            at = np.maximum(step, 0)[..., None]
            moved = np.take_along_axis(self.moved_s, at, axis=-1)[..., 0]
            served = np.take_along_axis(self.served_s, at, axis=-1)[..., 0]
            most = self.part.largest[at[..., 0]]
            per_share = moved + served * (1 + self.price)
            elements = np.where(per_share > 0, room / per_share * self.part.elements, most)
            elements = np.floor(np.minimum(elements, most) * (1 + ROUNDING))
            able = (step >= 0) & (elements >= 1)
            share = np.where(able, elements, 1.0) / self.part.elements
            start = np.where(able, self.start_s, 0.0)
            moved = moved + start / share
            served = served + self.fixed_s / share
            left = np.where(self.serial, np.maximum(time - moved, 0.0), time)
            linear = self.price * served
            square = np.where(self.serial, served, served + moved)
            root = 2 * left / (linear + np.sqrt(linear**2 + 4 * square * left))
            root = np.where(able & (left > 0), root, 0.0)
        return np.asarray((root**2).sum(axis=1) <= 1)
