"""The best walk by labels: beginnings that a bound shows to be too dear are never gone on with.

As of R. Baldacci, A. Mingozzi and R. Roberti (Operations Research 59, 2011) for routes, with the
bounds of `prices`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.line import Table, Walk
from splitfog.solvers.chains.multiset_dp import MOST_AT_ONCE, TooLarge
from splitfog.solvers.chains.prices import Priced
from splitfog.solvers.chains.used import Used

Places = NDArray[np.int64]
MOST_LABELS = 1 << 21
"""Of one search in all."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Labels:
    """Beginnings of walks of the same number of ranges, each [labels].

    `rows` say which nodes are used, `kinds` and `cuts` what the last range is on and where it ends,
    `costs` what the beginnings cost and `paid` the prices of their nodes less those of all;
    `parents` are the labels before, and `starts` where the last
    range starts.
    """

    rows: Places
    kinds: Places
    cuts: Places
    costs: Table
    paid: Table
    partial: NDArray[np.bool_]
    parents: Places
    starts: Places

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, places: Places) -> _Labels:
        """Some of them."""
        return _Labels(**{name: own[places] for name, own in vars(self).items()})


def most_tracked(priced: Priced, wanted: tuple[int, ...]) -> tuple[int, ...]:
    """As many kinds as one number can count: those that are wanted, then the dearest.

    Parameters
    ----------
    priced
        With the prices of kinds.
    wanted
        Kinds, by position.
    """
    tracked: tuple[int, ...] = ()
    size = 1
    for kind in [*wanted, *np.argsort(-priced.prices, kind="stable").tolist()]:
        with_kind = size * (int(priced.line.counts[kind]) + 1)
        if kind not in tracked and with_kind < 1 << 62:
            tracked, size = (*tracked, kind), with_kind
    return tracked


def best_of_labels(
    priced: Priced,
    tracked: tuple[int, ...],
    at_most: float,
    deadline: Deadline,
    width: int | None = None,
) -> tuple[float, Walk | None]:
    """The walk of the least cost whose tracked kinds are used as often as they have nodes at most.

    Parameters
    ----------
    priced
        The line, and prices whose bound is near.
    tracked
        Kinds, by position; the product of their nodes + 1 is less than 2^63.
    at_most
        A cost that a walk must stay below.
    deadline
        When it must end.
    width
        Beginnings of a number of ranges that are gone on with, those of the least bounds: then the
        walk need not be the best. None: all.

    Returns
    -------
    (float, Walk or None)
        Its cost, and itself; None where there is none below `at_most`, which is then the cost.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    TooLarge
        Beyond `MOST_LABELS`.
    """
    search = _Search(priced=priced, used=Used(priced.line.counts, tracked), cost=at_most)
    search.run(width, deadline)
    return search.cost, search.walk()


@dataclass(kw_only=True)
class _Search:
    """Labels by their number of ranges, and the least cost of a whole walk."""

    priced: Priced
    used: Used
    cost: float
    levels: list[_Labels] = field(default_factory=list)
    end: tuple[int, int] | None = None

    @cached_property
    def onwards(self) -> Table:
        """[kinds, masks, L + 1, most layers of a range]: a range from a start and the way on to the
        end, by what is remembered and the range's layers less one."""
        line, ended = self.priced.line, self.priced.ended.transpose(1, 2, 0)
        onwards = np.full((*ended.shape, max(line.longest)), inf)
        for start, longest in enumerate(line.longest):
            ends = slice(start + 1, start + 1 + longest)
            onwards[:, :, start, :longest] = line.stages[:, None, start, ends] + ended[:, :, ends]
        return onwards

    @cached_property
    def partial(self) -> NDArray[np.bool_]:
        """As of the line, [kinds, L + 1, most layers of a range] by start and layers less one."""
        line, partial = self.priced.line, np.zeros(self.onwards[:, 0].shape, bool)
        if line.partial is not None:
            for start, longest in enumerate(line.longest):
                ends = slice(start + 1, start + 1 + longest)
                partial[:, start, :longest] = line.partial[:, start, ends]
        return partial

    def run(self, width: int | None, deadline: Deadline) -> None:
        """Go on with all labels until none is left."""
        labels, num_labels = self._first(), 0
        while len(labels):
            num_labels += len(labels)
            if num_labels > MOST_LABELS and width is None:
                raise TooLarge
            self.levels.append(labels)
            self._finish(labels)
            labels = _cheapest(self._next(labels, deadline))
            if width is not None and len(labels) > width:
                labels = labels.at(np.argsort(self._bounds(labels), kind="stable")[:width])

    def _bounds(self, labels: _Labels) -> Table:
        """What walks with these beginnings cost at least."""
        masks = self.priced.memory.masks(self.used.full(labels.rows))
        own = masks[np.arange(len(labels)), labels.kinds]
        bounds: Table = labels.costs + labels.paid
        return bounds + self.priced.ended[labels.cuts, labels.kinds, own]

    def _first(self) -> _Labels:
        """Labels of one range."""
        line = self.priced.line
        bounds = line.starts.T + self.priced.begun[:, :, 0] - self.priced.unpaid
        starts, kinds = np.nonzero((bounds < self.cost) & (line.counts > 0))
        nothing = np.zeros(len(starts), np.int64)
        return self._ranges(
            rows=nothing,
            kinds=kinds,
            masks=nothing,
            starts=starts,
            costs=line.starts[kinds, starts],
            paid=np.full(len(starts), -self.priced.unpaid),
            partial=nothing > 0,
            parents=nothing - 1,
        )

    def _next(self, labels: _Labels, deadline: Deadline) -> _Labels:
        """Labels of one range more."""
        parts = 1 + len(labels) * len(self.priced.prices) * 4 // MOST_AT_ONCE
        found: list[_Labels] = []
        for some in np.array_split(np.arange(len(labels)), parts):
            deadline.check("the best walk")
            if sum(map(len, found)) > MOST_LABELS:
                raise TooLarge
            found.append(self._after(labels.at(some), some))
        return _joined(found)

    def _after(self, labels: _Labels, places: Places) -> _Labels:
        """Labels of one range more, of those at these places of their level."""
        hops = self.priced.line.hops[labels.cuts, labels.kinds]
        full = self.used.full(labels.rows)
        masks = self.priced.memory.masks(full)
        onwards = self.priced.begun[labels.cuts[:, None], np.arange(full.shape[1]), masks]
        bounds = (labels.costs + labels.paid)[:, None] + hops + onwards
        at, kinds = np.nonzero((bounds < self.cost) & ~full)
        return self._ranges(
            rows=labels.rows[at],
            kinds=kinds,
            masks=masks[at, kinds],
            starts=labels.cuts[at],
            costs=labels.costs[at] + hops[at, kinds],
            paid=labels.paid[at],
            partial=labels.partial[at],
            parents=places[at],
        )

    def _ranges(
        self,
        *,
        rows: Places,
        kinds: Places,
        masks: Places,
        starts: Places,
        costs: Table,
        paid: Table,
        partial: NDArray[np.bool_],
        parents: Places,
    ) -> _Labels:
        """Beginnings with a range more on these kinds from these starts, to every end."""
        paid = paid + self.priced.prices[kinds]
        bounds = (costs + paid)[:, None] + self.onwards[kinds, masks, starts]
        new = self.partial[kinds, starts]
        at, less = np.nonzero((bounds < self.cost) & ~(new & partial[:, None]))
        partial = partial[at] | new[at, less]
        kinds, starts = kinds[at], starts[at]
        cuts = starts + less + 1
        return _Labels(
            rows=rows[at] + self.used.strides[kinds],
            kinds=kinds,
            cuts=cuts,
            costs=costs[at] + self.priced.line.stages[kinds, starts, cuts],
            paid=paid[at],
            partial=partial,
            parents=parents[at],
            starts=starts,
        )

    def _finish(self, labels: _Labels) -> None:
        """Keep the best walk that ends with the last range of a label."""
        costs = labels.costs + self.priced.line.ends[labels.kinds, labels.cuts]
        at = int(costs.argmin())
        if costs[at] < self.cost:
            self.cost, self.end = float(costs[at]), (len(self.levels) - 1, at)

    def walk(self) -> Walk | None:
        """The best walk, found from its last range to its first."""
        if self.end is None:
            return None
        walk = Walk()
        level, at = self.end
        for labels in self.levels[level::-1]:
            walk.append((int(labels.kinds[at]), int(labels.starts[at]), int(labels.cuts[at])))
            at = int(labels.parents[at])
        return walk[::-1]


def _cheapest(labels: _Labels) -> _Labels:
    """Of labels that have used the same nodes and end alike, the one of the least cost."""
    ends = 2 * (labels.cuts * (1 + labels.kinds.max(initial=0)) + labels.kinds) + labels.partial
    order = np.lexsort((labels.costs, ends, labels.rows))
    keys = np.stack([labels.rows, ends])[:, order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return labels.at(order[is_first])


def _joined(parts: list[_Labels]) -> _Labels:
    """Labels of several parts."""
    if len(parts) == 1:
        return parts[0]
    names = vars(parts[0])
    return _Labels(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in names})
