"""What the decisions of a run read and chose, and which of them would be others by now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

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


@dataclass(kw_only=True)
class Log:
    """What some blocks' decisions read and chose, in the order of `RunShape`'s arrays.

    Of rows the tier `chosen`; of edges the `way`, size and tree of the tensor by then; of steps
    the `outcome`; of members the tier `before`; of tensors sizes and trees with the siblings,
    `joined`, and `apart` from them.
    """

    chosen: list[int] = field(default_factory=list)
    way: list[tuple[float, Tree]] = field(default_factory=list)
    outcome: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    joined: list[tuple[float, Tree]] = field(default_factory=list)
    apart: list[tuple[float, Tree]] = field(default_factory=list)


class Records:
    """The log of a whole run as arrays, and the least tier that each row and step was allowed."""

    def __init__(self, shape: RunShape, log: Log, tiers: Integers) -> None:
        self.shape = shape
        self.chosen = np.array(log.chosen, np.int64)
        self.way = np.array(_positions(log.way), np.int64)
        self.outcome = np.array(log.outcome, np.int64)
        self.before = np.array(log.before, np.int64)
        self.joined = np.array(_positions(log.joined), np.int64)
        self.apart = np.array(_positions(log.apart), np.int64)
        self._allow(tiers)

    def write(self, blocks: Iterable[Block], log: Log, tiers: Integers) -> None:
        """Put the log of some blocks in place of what was recorded of them."""
        ways, joined, apart = map(_positions, (log.way, log.joined, log.apart))
        row, edge, step, member, tensor = 0, 0, 0, 0, 0
        for block in blocks:
            before, row = row, row + block.rows.stop - block.rows.start
            self.chosen[block.rows] = log.chosen[before:row]
            before, edge = edge, edge + block.edges.stop - block.edges.start
            self.way[block.edges] = ways[before:edge]
            if not block.siblings:
                continue
            before, step = step, step + block.steps.stop - block.steps.start
            self.outcome[block.steps] = log.outcome[before:step]
            before, member = member, member + block.members.stop - block.members.start
            self.before[block.members] = log.before[before:member]
            before, tensor = tensor, tensor + block.tensors.stop - block.tensors.start
            self.joined[block.tensors] = joined[before:tensor]
            self.apart[block.tensors] = apart[before:tensor]
        self._allow(tiers)

    def _allow(self, tiers: Integers) -> None:
        """Tiers [layers] of the inputs bound those of the readers from below."""
        shape = self.shape
        self.least = np.zeros(len(shape.layers), np.int64)
        self.least_common = np.zeros(len(shape.first_tensor), np.int64)
        if len(shape.tails):
            self.least[shape.reader] = np.maximum.reduceat(tiers[shape.tails], shape.first_edge)
        if len(shape.tensors):
            of_tensors = tiers[shape.tensors]
            self.least_common = np.maximum.reduceat(of_tensors, shape.first_tensor)


def _positions(trees: list[tuple[float, Tree]]) -> list[int]:
    return [tree.position for _, tree in trees]


@dataclass(frozen=True)
class Ways:
    """The trees of a graph as arrays: [trees], and [tiers, trees] of what is added."""

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
            _by_tier([tree.added_lag_s for tree in trees]),
            _by_tier([tree.added_per_byte for tree in trees]),
        )

    def added(self, way: Integers, num_bytes: Seconds) -> Seconds:
        """[tiers, tensors]: seconds that another tier adds to their trees."""
        seconds = self.added_per_byte.take(way, axis=1)
        seconds *= num_bytes
        seconds += self.added_lag_s.take(way, axis=1)
        return seconds

    def paid(self, way: Integers, num_bytes: Seconds) -> Seconds:
        """[tensors]: seconds of their trees."""
        return self.lag_s[way] + num_bytes * self.per_byte[way]


def _by_tier(rows: list[tuple[float, ...]]) -> Seconds:
    return np.ascontiguousarray(np.array(rows, np.float64).T)


def failing_rows(
    shape: RunShape, records: Records, ways: Ways, costs_s: Seconds, num_bytes: Seconds
) -> Flags:
    """[rows]: layers that would choose another tier at these costs, [tiers, layers]."""
    options = costs_s.take(shape.layers, axis=1)
    if len(shape.tails):
        incoming = ways.added(records.way, num_bytes[shape.tails])
        options[:, shape.reader] += np.add.reduceat(incoming, shape.first_edge, axis=1)
    _bar(options, records.least)
    return _others_chosen(options, records.chosen)


def failing_steps(
    shape: RunShape, records: Records, ways: Ways, costs_s: Seconds, num_bytes: Seconds
) -> Flags:
    """[steps]: siblings of which another outcome would be cheaper."""
    if not len(shape.tensors):
        return np.zeros(0, bool)
    own = costs_s.take(shape.layers[shape.members], axis=1)
    computing = own[records.before, np.arange(own.shape[1])]
    sizes, apart = num_bytes[shape.tensors], records.apart
    options = np.empty((len(own) + 1, len(shape.first_member)))
    options[0] = np.add.reduceat(computing, shape.first_member)
    options[0] += np.add.reduceat(ways.paid(records.joined, sizes), shape.first_tensor)
    moving = ways.added(apart, sizes) + ways.paid(apart, sizes)
    together = options[1:]
    np.add.reduceat(own, shape.first_member, axis=1, out=together)
    together += np.add.reduceat(moving, shape.first_tensor, axis=1)
    _bar(together, records.least_common)
    return _others_chosen(options, records.outcome - KEPT)


def _bar(options: Seconds, least: Integers) -> None:
    """Make tiers below the least allowed impossible."""
    options[np.arange(len(options))[:, None] < least] = np.inf


def _others_chosen(options: Seconds, chosen: Integers) -> Flags:
    """[rows]: whether the first of the least, [options, rows], is not the chosen one, or may be."""
    own = options[chosen, np.arange(options.shape[1])]
    earlier = np.arange(len(options))[:, None] < chosen
    cheaper = np.where(
        earlier, options <= own * (1 + 1.5 * ROUNDING), options < own * (1 - 0.5 * ROUNDING)
    )
    return np.asarray(cheaper.any(axis=0))
