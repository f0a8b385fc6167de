"""What the decisions of a run read and chose, and which of them would be others by now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import Tree
from splitfog.formulations.tolerances import ROUNDING
from splitfog.solvers.adjustment.run_shape import Block, RunShape

Integers = NDArray[np.int64]
Seconds = NDArray[np.float64]
Flags = NDArray[np.bool_]

KEPT = -1
"""The outcome of siblings that stay where they were."""


@dataclass
class Log:
    """What some blocks' decisions read and chose, in the order of `RunShape`'s arrays.

    Of rows the least tier allowed and the `chosen` one; of edges the `way`, the position of the
    tensor's tree by then; of steps the least tier and the `outcome`; of members the tier `before`;
    of tensors their trees with the siblings and `apart` from them.
    """

    least: list[int] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    way: list[int] = field(default_factory=list)
    least_common: list[int] = field(default_factory=list)
    outcome: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    apart: list[int] = field(default_factory=list)


PARTS = {
    "least": "rows",
    "chosen": "rows",
    "way": "edges",
    "least_common": "steps",
    "outcome": "steps",
    "before": "members",
    "joined": "tensors",
    "apart": "tensors",
}
"""To which part of a block each list of a log belongs."""


@dataclass
class Records:
    """The logs of all blocks as arrays."""

    least: Integers
    chosen: Integers
    way: Integers
    least_common: Integers
    outcome: Integers
    before: Integers
    joined: Integers
    apart: Integers

    @classmethod
    def of(cls, log: Log) -> Records:
        """Of the log of a whole run."""
        return cls(*(np.array(getattr(log, each.name), np.int64) for each in fields(cls)))

    def write(self, blocks: Iterable[Block], log: Log) -> None:
        """Put the log of some blocks in place of what was recorded of them."""
        places: dict[str, Integers] = {}
        for name, part in PARTS.items():
            if part not in places:
                of_blocks = [getattr(block, part) for block in blocks]
                ranges = [range(each.start, each.stop) for each in of_blocks]
                places[part] = np.array([at for each in ranges for at in each], np.int64)
            getattr(self, name)[places[part]] = getattr(log, name)


@dataclass(frozen=True)
class Ways:
    """The trees of a graph as arrays: [trees], and [trees, tiers] of what is added."""

    lag_s: Seconds
    per_byte: Seconds
    added_lag_s: Seconds
    added_per_byte: Seconds

    @classmethod
    def of(cls, trees: Collection[Tree]) -> Ways:
        """In the order of their positions."""
        return cls(
            np.array([tree.lag_s for tree in trees]),
            np.array([tree.per_byte for tree in trees]),
            np.array([tree.added_lag_s for tree in trees]),
            np.array([tree.added_per_byte for tree in trees]),
        )


def failing_rows(
    shape: RunShape, records: Records, ways: Ways, costs_s: Seconds, num_bytes: Seconds
) -> Flags:
    """[rows]: layers that would choose another tier at these costs, [layers, tiers]."""
    options = costs_s[shape.layers]
    if len(shape.tails):
        way, size = records.way, num_bytes[shape.tails, None]
        incoming = ways.added_lag_s[way] + size * ways.added_per_byte[way]
        options[shape.reader] += np.add.reduceat(incoming, shape.first_edge)
    _bar(options, records.least)
    return ~_chosen_again(options, records.chosen)


def failing_steps(
    shape: RunShape, records: Records, ways: Ways, costs_s: Seconds, num_bytes: Seconds
) -> Flags:
    """[steps]: siblings of which another outcome would be cheaper."""
    if not len(shape.tensors):
        return np.zeros(0, bool)
    own = costs_s[shape.layers[shape.members]]
    size, joined, apart = num_bytes[shape.tensors], records.joined, records.apart
    computing = own[np.arange(len(own)), records.before]
    moving = ways.lag_s[joined] + size * ways.per_byte[joined]
    now = np.add.reduceat(computing, shape.first_member)
    now += np.add.reduceat(moving, shape.first_tensor)
    lags_s = ways.lag_s[apart, None] + ways.added_lag_s[apart]
    per_byte = ways.per_byte[apart, None] + ways.added_per_byte[apart]
    together = np.add.reduceat(own, shape.first_member)
    together += np.add.reduceat(lags_s + size[:, None] * per_byte, shape.first_tensor)
    _bar(together, records.least_common)
    return ~_chosen_again(np.hstack([now[:, None], together]), records.outcome - KEPT)


def _bar(options: Seconds, least: Integers) -> None:
    """Make tiers below the least allowed impossible."""
    options[np.arange(options.shape[1]) < least[:, None]] = np.inf


def _chosen_again(options: Seconds, chosen: Integers) -> Flags:
    """[rows]: whether the first of the least is still the chosen one; in doubt it is not."""
    own = options[np.arange(len(options)), chosen][:, None]
    earlier = np.arange(options.shape[1]) < chosen[:, None]
    holds = np.where(
        earlier, own < options * (1 - 1.5 * ROUNDING), own * (1 - 0.5 * ROUNDING) <= options
    )
    return np.asarray(holds.all(axis=1))
