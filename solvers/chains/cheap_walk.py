"""Walks that cost little: a line is read in turns from either end, and every time beginnings are
left out for which the time before, with fewer kinds tracked, found no cheap enough end."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.line import BusyLine, RangeLine, Table, Walk, read_backwards
from splitfog.solvers.chains.multiset_dp import best_walk, num_states

LARGE = 1 << 17
"""Numbers of a program beyond which it pays to know more before."""
STEP = 2
"""Kinds that are tracked more from one such program to the next."""
MOST_KEPT = 1 << 24
"""Numbers that are kept of a program."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Told:
    """What a program with the first `tracked` kinds told of the beginnings of walks that cost
    `at_most` that much: nothing, where there was none."""

    rest: Table | None = None
    tracked: int = 0
    at_most: float = inf
    is_backwards: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class CheapWalk:
    """The walk of the least cost, None where that is more than was asked for, and what is known for
    the next time."""

    cost: float
    walk: Walk | None
    told: tuple[Told, ...]


def cheap_walk(
    line: RangeLine,
    tracked: tuple[int, ...],
    at_most: float,
    told: tuple[Told, ...],
    deadline: Deadline,
) -> CheapWalk:
    """The best walk as `best_walk` finds it, if it costs `at_most` that much.

    Parameters
    ----------
    line, tracked, deadline
        As for `best_walk`.
    at_most
        A cost; inf: any.
    told
        Of this line, or of one that costs no more, with the first of these kinds tracked.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    if isinstance(line, BusyLine):  # its costs are no sums that a rest could be added to
        found = best_walk(line, tracked, deadline)
        return CheapWalk(cost=found.cost, walk=found.walk, told=())
    known = [own for own in told if own.at_most >= at_most] or [Told()]
    steps = range(known[-1].tracked + STEP, len(tracked), STEP)
    sizes = [size for size in steps if num_states(line, tracked[:size]) >= LARGE]
    for size in [*sizes, len(tracked)]:
        last = known[-1]
        is_backwards = not last.is_backwards
        way = line.backwards() if is_backwards else line
        found = best_walk(way, tracked[:size], deadline, last.rest, at_most)
        if num_states(line, tracked[:size]) <= MOST_KEPT:
            known.append(
                Told(rest=found.rest, tracked=size, at_most=at_most, is_backwards=is_backwards)
            )
    walk = found.walk
    if walk is not None and is_backwards:
        walk = read_backwards(walk, line.num_layers)
    return CheapWalk(cost=found.cost, walk=walk, told=tuple(known))
