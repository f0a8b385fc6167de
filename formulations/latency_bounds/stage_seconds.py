"""How fast a stage could possibly be on the clock: the least time of every stage from every home.

Suppose a stage took T. Every slice alone is received, computed and sent within T, so it is no
larger than a certain share of the output, and its needs per share are at least those of that size.
A node with two or more slices may compute while others travel; but the first is received before
anything is computed, the last is sent when everything is, each slice pays its overheads, and every
link of the way carries all that goes over it. So all of a node's slices together are a certain
share at most. What leaves the home over one channel (a link, or a serial radio), and what comes
back over one, is carried within T as well. If the shares of all nodes together fall short of the
whole, the stage takes more than T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splitfog.formulations.bounds.stage import leveled
from splitfog.formulations.latency_bounds.needs import Needs
from splitfog.formulations.latency_bounds.ways import Channels, Ways
from splitfog.formulations.tolerances import BOUND_SLACK, ROUNDING
from splitfog.instances.arrays import Flags, Floats

LOOKS = 9
"""At T between the longest time that passes and the shortest that does not."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StageWork:
    """What B stages ask for.

    `served_s` [B, steps, nodes]: seconds per share of slices of each step of `needs`; `fixed_s`
    [B, nodes] of every slice; `may_hold` [B, nodes]; bytes in and out, [B].
    """

    needs: Needs
    served_s: Floats
    fixed_s: Floats
    may_hold: Flags
    input_bytes: Floats
    output_bytes: Floats

    @classmethod
    def joined(cls, works: Sequence[StageWork]) -> StageWork:
        """The stages of all, one after another."""
        return cls(
            needs=Needs.joined([work.needs for work in works]),
            served_s=np.concatenate([work.served_s for work in works]),
            fixed_s=np.concatenate([work.fixed_s for work in works]),
            may_hold=np.concatenate([work.may_hold for work in works]),
            input_bytes=np.concatenate([work.input_bytes for work in works]),
            output_bytes=np.concatenate([work.output_bytes for work in works]),
        )


def stage_seconds(work: StageWork, ways: Ways, high_s: Floats) -> Floats:
    """[B, homes]: seconds that every stage takes at least from every home.

    `high_s` [B, homes]: longer than anybody asks. O(`LOOKS` x B x homes x nodes x steps).
    """
    at_most = _Shares(work, ways)
    low, high = np.minimum(at_most.balanced_s(), high_s), high_s
    below, above = at_most(low), at_most(high * (1 - BOUND_SLACK))
    passed = above < 1
    for look in range(LOOKS):
        if look % 3 == 0:
            middle = low / np.maximum(below, ROUNDING)
        elif look % 3 == 1:  # on the chord, which lies above where shares grow faster and faster
            middle = low + (high - low) * (1 - below) / np.maximum(above - below, ROUNDING)
        else:
            middle = np.sqrt(low * high)
        middle = np.where(passed, high_s, np.clip(middle, low, (low + high) / 2))
        share = at_most(middle)
        less = share < 1
        low, below = np.where(less, middle, low), np.where(less, share, below)
        high, above = np.where(less, high, middle), np.where(less, above, share)
    return np.where(passed, high_s * (1 - BOUND_SLACK), low)


class _Shares:
    """What all nodes compute of a stage at most within some time, in shares of its output.

    Seconds of slices per share, [B, homes, nodes, steps] or [B, homes, nodes].
    """

    def __init__(self, work: StageWork, ways: Ways) -> None:
        needs = work.needs
        self.work, self.ways = work, ways
        self.fixed_s = work.fixed_s[:, None, :]
        self.elements = needs.elements[:, None, None]
        self.caps = needs.caps[:, None, None, :]
        self.read = (needs.input_share * work.input_bytes[:, None])[:, None, None, :]
        self.made = work.output_bytes[:, None, None]
        self.back_s = ways.back_s * self.made
        self.returned_s = ways.slowest_back_s * self.made
        self.served_s = np.moveaxis(work.served_s, 1, 2)[:, None]
        self.start_s = np.where(work.may_hold[:, None, :], ways.start_s, np.inf)
        there_s = ways.there_s[..., None] * self.read
        self.ends_s = (there_s[..., 0] + self.back_s) / self.elements
        smallest = there_s + self.back_s[..., None] + self.served_s
        smallest *= needs.areas[:, None, None, :]
        self.least_s = np.minimum.accumulate(smallest[..., ::-1], axis=-1)[..., ::-1]
        helps = ~np.eye(len(ways.start_s), dtype=bool) & work.may_hold[:, None, :]
        self.rest_s = np.where(helps, self.fixed_s, np.inf).min(axis=-1)

    def balanced_s(self) -> Floats:
        """[B, homes]: nothing less is enough, as links and computing take slices of any size."""
        link_s = np.maximum(self.ways.slowest_there_s * self.read[..., -1], self.returned_s)
        return leveled(self.start_s + self.fixed_s, np.maximum(self.served_s[..., -1], link_s))

    def __call__(self, seconds: Floats) -> Floats:
        """[B, homes], within `seconds` [B, homes]."""
        room = seconds[..., None] * (1 + ROUNDING) - self.start_s - self.fixed_s
        step = (self.least_s <= room[..., None]).sum(axis=-1) - 1
        at = np.maximum(step, 0)
        read, caps = (_at(table[:, 0, 0], at) for table in (self.read, self.caps))
        served = np.take_along_axis(self.served_s, at[..., None], axis=-1)[..., 0]
        there = self.ways.there_s * read
        one = np.minimum(_share(room, there + self.back_s + served), caps)
        two = _share(room - self.fixed_s, served + np.minimum(there, self.back_s))
        left = room - self.ends_s
        each = np.where(one > 0, self.fixed_s / np.maximum(one, ROUNDING), np.inf)
        many = _share(left - 2 * self.fixed_s, served)
        many = np.minimum(many, _share(left + self.fixed_s, served + each))
        link_s = np.maximum(self.ways.slowest_there_s * read, self.returned_s)
        several = np.minimum(np.maximum(two, many), _share(room, link_s))
        most = np.where(step >= 0, np.minimum(np.maximum(several, one), 1.0), 0.0)
        most = np.floor(most * self.elements * (1 + ROUNDING)) / self.elements
        within = np.maximum(seconds * (1 + ROUNDING) - self.rest_s, 0.0)
        out = _carried(self.ways.outward, most, read, within)
        back = _carried(self.ways.inward, most, self.made, within)
        return np.asarray(np.minimum(out, back)) * (1 + ROUNDING)


def _at(table: Floats, at: Floats) -> Floats:
    """[B, homes, nodes]: entries of a table [B, steps]."""
    rows = np.arange(len(table))[:, None, None]
    return np.asarray(table[rows, at])


def _share(room_s: Floats, each_s: Floats) -> Floats:
    """What is done in so many seconds, inf where it takes none."""
    some = each_s > 0
    return np.where(some, np.maximum(room_s, 0.0) / np.where(some, each_s, 1.0), np.inf)


def _carried(channels: Channels, most: Floats, num_bytes: Floats, seconds: Floats) -> Floats:
    """[B, homes]: the largest sum of shares up to `most` that the home's channels carry in time."""
    each = channels.per_byte_s * num_bytes
    each = each + channels.latency_s / np.maximum(most, ROUNDING)
    fit = np.minimum(most, _share(seconds[..., None], each))
    total = np.where(channels.channel < 0, fit, 0.0).sum(axis=-1)
    for number in range(int(channels.channel.max(initial=-1)) + 1):
        homes = np.flatnonzero((channels.channel == number).any(axis=1))
        own = channels.channel[homes] == number
        share, takes = np.where(own, most[:, homes], 0.0), each[:, homes]
        order = np.argsort(takes, axis=-1)
        share, takes = (np.take_along_axis(figures, order, axis=-1) for figures in (share, takes))
        used = np.cumsum(share * takes, axis=-1) - share * takes
        left = _share(seconds[:, homes, None] - used, takes)
        total[:, homes] += np.minimum(share, left).sum(axis=-1)
    return np.asarray(total)
