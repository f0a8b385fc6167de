"""Shortest ways along a path of layers from every place at once, whole layers and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splitfog.formulations.priced_bounds.places import Places
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
    `due_at` [M]: the place where the last tensor then goes.
    """

    rest_s: Floats
    to: Integers
    begun_s: Floats
    choice: Integers
    moved_s: Floats
    moved_to: Integers
    due_at: Integers
    last: Integers

    def follow(self, start: Integers, begun: bool, left: Integers | None = None) -> Followed:
        """Where tasks go that start at places [R]: each along its shortest way.

        `begun`: they begin with the first layer still to do, else with its tensor made. `left` [R]:
        after which layer, all up to it done where they started, tasks move on; -1: when it pays.
        """
        place, made = start.copy(), np.zeros(len(start), np.int64)
        if left is not None:
            made = np.maximum(left, 0)
        whole, blocks, moves = _Steps(), _Steps(), _Steps()
        if begun:
            whole.add(0, np.arange(len(start)), place.copy())
        is_sliced = self.choice != WHOLE
        some_sliced = is_sliced.any(axis=1).tolist()
        for at in range(1, len(self.to)):
            rows = np.flatnonzero(made == at - 1)
            here = place[rows]
            there = self.to[at - 1, here]
            if left is not None:
                there = np.where(left[rows] == at - 1, self.moved_to[at - 1, here], there)
            moves.add(at - 1, rows, here, there)
            place[rows], made[rows] = there, at
            if some_sliced[at]:
                sliced = is_sliced[at, there]
                block = self.choice[at, there[sliced]]
                made[rows[sliced]] = self.last[block]
                blocks.add(at, rows[sliced], there[sliced])
                rows, there = rows[~sliced], there[~sliced]
            whole.add(at, rows, there)
        moves.add(len(self.to) - 1, np.arange(len(start)), place, self.due_at[place])
        row, first, home = blocks.columns(2)
        return Followed(
            whole=whole.columns(2),
            blocks=(row, self.choice[first, home], home),
            moves=moves.columns(3),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Followed:
    """What tasks do on their ways, each of them in columns: `whole` (row, layer, place), `blocks`
    (row, block, home), `moves` (row, layer whose tensor is made, from and to which place, often the
    same)."""

    whole: tuple[Integers, ...]
    blocks: tuple[Integers, ...]
    moves: tuple[Integers, ...]


class _Steps:
    """What tasks do, layer by layer."""

    def __init__(self) -> None:
        self._layers: list[int] = []
        self._some: list[tuple[Integers, ...]] = []

    def add(self, layer: int, *columns: Integers) -> None:
        """Rows of tasks, and where they are, at some layer."""
        if len(columns[0]):
            self._layers.append(layer)
            self._some.append(columns)

    def columns(self, count: int) -> tuple[Integers, ...]:
        """Rows, layers, and as many of where they are less one."""
        if not self._some:
            return (np.zeros(0, np.int64),) * (count + 1)
        layer = np.repeat(self._layers, [len(rows) for rows, *_ in self._some])
        row, *places = (np.concatenate(column) for column in zip(*self._some, strict=True))
        return row, layer, *places


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
    due_at = everywhere
    if due:
        rest[-1], due_at = places.to_nodes(due, float(sizes[-1]))
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
        due_at=due_at,
        last=blocks.last,
    )
