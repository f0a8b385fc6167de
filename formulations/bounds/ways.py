"""Shortest ways along a path of layers from every place at once, whole layers and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splitfog.formulations.bounds.places import Places
from splitfog.instances.arrays import Floats, Integers

WHOLE = -1
"""The choice of a layer that runs whole, in place of a block's position."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """S runs of a path's layers that stages may cover, from position `first` to `last`, [S] each,
    and the seconds that such a stage takes at least with its home at every place, [S, M]."""

    first: Integers
    last: Integers
    seconds: Floats

    @classmethod
    def none(cls, num_places: int) -> Blocks:
        """No stages."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, np.zeros((0, num_places)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Ways:
    """Least seconds to the end of a path of P layers, and the choices on the way, all [P, M].

    `rest_s`: what follows once a layer's tensor is at a place; `to`: where it then goes. `begun_s`:
    what follows once a layer's input is there, the layer too; `choice`: the block that begins
    there, or `WHOLE`. `moved_s`, `moved_to`: what follows where a layer's tensor goes elsewhere, if
    that is less than where it stays or it is at a place that is a task's own; at the end `rest_s`.
    """

    rest_s: Floats
    to: Integers
    begun_s: Floats
    choice: Integers
    moved_s: Floats
    moved_to: Integers
    last: Integers

    def spread(
        self, start: Floats, begun: bool, leaving: Floats | None = None
    ) -> tuple[Floats, list[tuple[int, int, float]]]:
        """Where tasks that weigh `start` [M] go: the weights of layers run whole, [P, M], and
        (block, home, weight).

        `begun`: they begin with the first layer still to do, else with its tensor made. `leaving`
        [P, M]: what weigh others that have a layer's tensor made and move it elsewhere.
        """
        num_layers, num_places = self.to.shape
        made, whole = np.zeros((num_layers, num_places)), np.zeros((num_layers, num_places))
        blocks: list[tuple[int, int, float]] = []
        made[0] = start
        if begun:
            whole[0] = start
        is_sliced = self.choice != WHOLE
        some_sliced = is_sliced.any(axis=1).tolist()
        for at in range(1, num_layers):
            here = np.bincount(self.to[at - 1], made[at - 1], num_places)
            if leaving is not None:
                here += np.bincount(self.moved_to[at - 1], leaving[at - 1], num_places)
            whole[at] = np.where(is_sliced[at], 0.0, here) if some_sliced[at] else here
            made[at] += whole[at]
            if not some_sliced[at]:
                continue
            for place in np.flatnonzero(is_sliced[at] & (here > 0)).tolist():
                block = int(self.choice[at, place])
                blocks.append((block, place, float(here[place])))
                made[self.last[block], place] += here[place]
        return whole, blocks


def shortest_ways(
    places: Places, sizes: Floats, steps_s: Floats, due: Sequence[int], blocks: Blocks
) -> Ways:
    """The least way from every layer and place to the end, at most O(P M^2 + S M).

    `sizes` [P] bytes; `steps_s` [P, M] of whole layers; `due`: nodes of which one holds the last
    tensor at the end (none: it may be anywhere). Blocks begin with the second layer or later.
    """
    rest, begun = np.zeros_like(steps_s), np.empty_like(steps_s)
    to, choice = np.zeros(steps_s.shape, np.int64), np.full(steps_s.shape, WHOLE)
    moved, moved_to = np.empty_like(steps_s), np.zeros_like(to)
    everywhere = np.arange(steps_s.shape[1])
    order = np.argsort(blocks.first, kind="stable")
    seconds, last = blocks.seconds[order], blocks.last[order]
    begin = np.searchsorted(blocks.first[order], np.arange(len(sizes) + 1)).tolist()
    comes_to = np.isfinite(steps_s).any(axis=0) | np.isfinite(blocks.seconds).any(axis=0)
    live = np.flatnonzero(comes_to | places.usable)
    if due:
        rest[-1] = places.to_nodes(list(due), float(sizes[-1]))
    moved[-1] = rest[-1]
    for at in reversed(range(len(sizes))):
        if at < len(sizes) - 1:
            moved[at], moved_to[at] = places.onwards(live, begun[at + 1], float(sizes[at]))
            moves = moved[at] < begun[at + 1]
            rest[at] = np.where(moves, moved[at], begun[at + 1])
            to[at] = np.where(moves, moved_to[at], everywhere)
        begun[at] = steps_s[at] + rest[at]
        runs = slice(begin[at], begin[at + 1])
        if runs.start < runs.stop:
            sliced = seconds[runs] + rest[last[runs]]
            best = sliced.argmin(axis=0)
            least = sliced[best, everywhere]
            choice[at] = np.where(least < begun[at], order[runs][best], WHOLE)
            begun[at] = np.minimum(begun[at], least)
    return Ways(
        rest_s=rest,
        to=to,
        begun_s=begun,
        choice=choice,
        moved_s=moved,
        moved_to=moved_to,
        last=blocks.last,
    )
