"""Whether the layers can be covered by ranges whose rates add up to F everywhere, links ignored."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.instances.arrays import Floats

MOST_STATES = 60_000
"""After which it is not known: some seconds."""

SLACK = 1e-12
"""Relative, of sums of rates."""

Active = tuple[tuple[int, float], ...]
"""Ranges that hold the next layer: where they end, and what they pass."""

Choice = tuple[int, int, int]
"""(start, type, layers) of a range."""


@dataclass(kw_only=True)
class Covering:
    """A search for a cover, by the position of the next layer that lacks something.

    Ranges are begun only where needed: one that could begin further right covers as much from
    there on, and may reach beyond the last layer. So a state is a position, how many nodes of every
    type are used, and which ranges are active; one from which no cover was found is not looked at
    again, and none whose nodes do not suffice at all.
    """

    rate: float
    num_layers: int
    options: list[list[tuple[int, float]]]
    deadline: Deadline
    closed: set[tuple[int, tuple[int, ...], Active, int]] = field(default_factory=set)
    states: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it was given up before all was looked at."""
        return self.states > MOST_STATES or self.deadline.is_over

    def cover(
        self, position: int, left: tuple[int, ...], active: Active, first: int
    ) -> list[Choice] | None:
        """Ranges that cover the layers from a position on, with those that are active."""
        passed = sum(rate for _, rate in active)
        while passed >= self.rate * (1 - SLACK):
            position = min(end for end, _ in active)
            if position >= self.num_layers:
                return []
            active, first = tuple(own for own in active if own[0] > position), 0
            passed = sum(rate for _, rate in active)
        key = (position, left, active, first)
        if key in self.closed or self.is_open or not self._may_suffice(position, left, active):
            return None
        self.states += 1
        for kind in range(first, len(left)):
            if not left[kind]:
                continue
            rest = (*left[:kind], left[kind] - 1, *left[kind + 1 :])
            for held, rate in self.options[kind]:
                more = tuple(sorted((*active, (position + held, rate))))
                found = self.cover(position, rest, more, kind)
                if found is not None:
                    return [(position, kind, held), *found]
        self.closed.add(key)
        return None

    def _may_suffice(self, position: int, left: tuple[int, ...], active: Active) -> bool:
        """Whether active ranges and all nodes left can do all the work there is."""
        work, before = 0.0, position
        passed = sum(rate for _, rate in active)
        for end, rate in sorted(active):
            upto = min(end, self.num_layers)
            work += (upto - before) * min(passed, self.rate)
            before, passed = upto, passed - rate
        for count, options in zip(left, self.options, strict=True):
            work += count * max((held * rate for held, rate in options), default=0.0)
        return work >= self.rate * (self.num_layers - position) * (1 - 1e-9)


def cover_of(
    by_count: Floats, counts: tuple[int, ...], rate: float, deadline: Deadline
) -> list[Choice] | bool:
    """Ranges that pass `rate` of every layer, links ignored.

    Exact, exponential in the number of types; a plan that carries F is such a cover.

    Parameters
    ----------
    by_count
        [types, layers + 1]: what a node passes with so many layers.
    counts
        Nodes of every type.
    rate
        Executions per second.
    deadline
        When it gives up.

    Returns
    -------
    list of (start, type, layers), or bool
        False: there are none, so that nothing carries `rate`. True: that is not known.
    """
    options = [_undominated(row, rate) for row in by_count]
    search = Covering(
        rate=rate, num_layers=by_count.shape[1] - 1, options=options, deadline=deadline
    )
    found = search.cover(0, counts, (), 0)
    return search.is_open if found is None else found


def _undominated(row: Floats, rate: float) -> list[tuple[int, float]]:
    """(layers, what is passed of `rate`), without those that more layers pass as well."""
    kept: list[tuple[int, float]] = []
    for held in np.flatnonzero(row)[::-1].tolist():
        passed = min(float(row[held]), rate)
        if not kept or passed > kept[-1][1]:
            kept.append((held, passed))
    return kept
