"""The best set of units for every load: a dynamic program along the DAG (ours).

Units are decided one after another, here or not. What is behind counts only by the tensors that
are still open, those with a unit on either side of the moment: where the producer is, and who
wants it by now. A chain, or a network of short branches, has a handful of such states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import floor
from typing import NamedTuple

import numpy as np

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.holdings.crossing import ELSEWHERE, NOTHING, Crossing, Toll
from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.arrays import Flags, Floats

MOST_STATES = 64
"""At a moment; beyond, the cheapest open tensor is given up: it costs nothing any more."""


class Open(NamedTuple):
    """An open tensor: whether its producer is here (None: not seen, or on neither side), and
    whether it is wanted here and on the other side, as far as that still matters."""

    home: bool | None
    here: bool
    there: bool


State = tuple[Open, ...]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Loads of 0 to `capacity` ticks of 1 / `scale` seconds; `offset` 0 rounds down, 0.5 to the
    nearest."""

    scale: float
    capacity: int
    offset: float = 0.0

    def ticks(self, seconds: float) -> int:
        """Seconds in ticks; a whole number that is missed by rounding counts as reached.

        More than the capacity is one more, however much it is.
        """
        ticks = seconds * self.scale * (1 + 2 * ROUNDING) + self.offset
        return floor(min(ticks, self.capacity + 1.0))


@dataclass(frozen=True)
class Way:
    """From a state before a unit to one behind it, and what that takes on both sides."""

    before: int
    after: int
    is_here: bool
    toll: Toll


@dataclass(frozen=True)
class Step:
    """A unit, how many states there are behind it, and the ways there."""

    unit: int
    states: int
    ways: tuple[Way, ...]


class Sweep:
    """Sets of units by load, of a fixed graph; what units are worth is given anew each time.

    Parameters
    ----------
    times_s
        [units]: of each here, inf where it may not be here.
    crossings
        The tensors; those given up for `MOST_STATES` make loads smaller, never larger.
    deadline
        When there is no more use for it.

    Raises
    ------
    TimeIsUp
        At the deadline, here or while sets are looked for.

    Attributes
    ----------
    steps
        One unit after another.
    is_exact
        Whether no tensor was given up.
    """

    def __init__(
        self, times_s: Floats, crossings: Sequence[Crossing], deadline: Deadline = NEVER
    ) -> None:
        self.times_s, self.crossings, self.deadline = times_s, crossings, deadline
        self.is_exact = True
        order = elimination_order(len(times_s), [crossing.units for crossing in crossings])
        self.steps = tuple(self._steps(order))

    @property
    def num_states(self) -> int:
        """Of all moments together: `best` is linear in it."""
        return sum(step.states for step in self.steps)

    def best(self, here: Floats, there: Floats, grid: Grid) -> Holdings:
        """The sets of the greatest value at every load on a grid.

        Parameters
        ----------
        here, there
            [units]: what each is worth on this side and on the other. Seconds that the other side
            pays for tensors are taken off.
        grid
            The loads.
        """
        layers = list(self._layers(here, there, grid))
        return Holdings(sweep=self, here=here, there=there, grid=grid, layers=layers)

    def values(self, here: Floats, there: Floats, grid: Grid) -> Floats:
        """Only the values of `best`, in the memory of one moment."""
        for layer in self._layers(here, there, grid):
            values = layer
        return np.asarray(values[0])

    def _layers(self, here: Floats, there: Floats, grid: Grid) -> Iterator[Floats]:
        """[states, loads] before the first unit and behind every one."""
        size = grid.capacity + 1
        values = np.full((1, size), -np.inf)
        values[0, 0] = 0.0
        yield values
        found = np.empty(size)
        for step in self.steps:
            self.deadline.check("a table of loads")
            behind = np.full((step.states, size), -np.inf)
            for way in step.ways:
                ticks = grid.ticks(way.toll.here_s)
                if ticks < size:
                    gain = (here if way.is_here else there)[step.unit] - way.toll.there_s
                    moved = np.add(values[way.before, : size - ticks], gain, out=found[ticks:])
                    target = behind[way.after, ticks:]
                    np.maximum(target, moved, out=target)
            values = behind
            yield values

    def _steps(self, order: list[int]) -> list[Step]:
        """All states and ways, along an order."""
        moment_of = {unit: moment for moment, unit in enumerate(order)}
        last = [max(moment_of[unit] for unit in each.units) for each in self.crossings]
        touching: list[list[int]] = [[] for _ in order]
        for number, crossing in enumerate(self.crossings):
            for unit in dict.fromkeys(crossing.units):
                touching[unit].append(number)
        given_up: set[int] = set()
        states: dict[State, int] = {(): 0}
        opened: list[int] = []
        steps = []
        for moment, unit in enumerate(order):
            self.deadline.check("a list of states")
            touched = [number for number in touching[unit] if number not in given_up]
            both = [*opened, *(number for number in touched if number not in opened)]
            still = [number for number in both if last[number] > moment]
            while True:
                ways = self._ways(unit, touched, states, opened, still)
                behind = list(dict.fromkeys(after for _, after, _, _ in ways))
                if len(behind) <= MOST_STATES:
                    break
                least = min(still, key=lambda number: (self.crossings[number].weight, number))
                still.remove(least)
                given_up.add(least)
                self.is_exact = False
            position = {state: i for i, state in enumerate(behind)}
            steps.append(
                Step(
                    unit,
                    len(behind),
                    tuple(
                        Way(before, position[after], is_here, toll)
                        for before, after, is_here, toll in ways
                    ),
                )
            )
            states, opened = position, still
        return steps

    def _ways(
        self,
        unit: int,
        touched: list[int],
        states: dict[State, int],
        opened: list[int],
        still: list[int],
    ) -> list[tuple[int, State, bool, Toll]]:
        """Every state before, with the unit on either side."""
        place = {number: i for i, number in enumerate(opened)}
        known = {
            number: {state[place[number]] if number in place else None for state in states}
            for number in touched
        }
        ways = []
        for is_here in (False, True):
            time_s = float(self.times_s[unit]) if is_here else 0.0
            if time_s == np.inf:
                continue
            moves = {
                number: {one: self._decided(number, one, unit, is_here) for one in known[number]}
                for number in touched
            }
            for state, before in states.items():
                here_s, there_s, now = time_s, 0.0, {}
                for number, table in moves.items():
                    one = state[place[number]] if number in place else None
                    now[number], toll = table[one]
                    here_s, there_s = here_s + toll.here_s, there_s + toll.there_s
                after = tuple(
                    [now[number] if number in now else state[place[number]] for number in still]
                )
                ways.append((before, after, is_here, Toll(here_s, there_s)))
        return ways

    def _decided(
        self, number: int, state: Open | None, unit: int, is_here: bool
    ) -> tuple[Open, Toll]:
        """A tensor's state with one more of its units decided, and what that costs."""
        crossing = self.crossings[number]
        seen = crossing.producer == ELSEWHERE or (state is not None and state.home is not None)
        home, here, there = state or Open(None, False, False)
        paid = crossing.toll(home, here, there) if seen and state is not None else NOTHING
        if crossing.producer == unit:
            home, seen = is_here, True
        if unit in crossing.readers:
            here, there = here or is_here, there or not is_here
        due = crossing.toll(home, here, there) if seen else NOTHING
        if home is not None:  # the side that holds the producer wants nothing from outside
            here, there = (False, there) if home else (here, False)
        return Open(home, here, there), due.plus(paid, -1.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Holdings:
    """What `Sweep.best` found: of every moment, [states, loads] with the greatest value."""

    sweep: Sweep
    here: Floats
    there: Floats
    grid: Grid
    layers: list[Floats]

    @property
    def values(self) -> Floats:
        """[loads]: the greatest value of a set with that load, -inf where there is none."""
        values: Floats = self.layers[-1][0]
        return values

    def units(self, load: int) -> Flags:
        """[units]: whether each is here in the best set of a load that some set has."""
        chosen = np.zeros(len(self.here), bool)
        state = 0
        for step, before in zip(reversed(self.sweep.steps), self.layers[-2::-1]):
            best = -np.inf
            for way in step.ways:
                rest = load - self.grid.ticks(way.toll.here_s)
                if way.after != state or rest < 0:
                    continue
                gain = (self.here if way.is_here else self.there)[step.unit] - way.toll.there_s
                if (value := before[way.before, rest] + gain) > best:
                    best, taken, left = value, way, rest
            chosen[step.unit] = taken.is_here
            state, load = taken.before, left
        return chosen


def elimination_order(num_units: int, groups: Sequence[tuple[int, ...]]) -> list[int]:
    """An order of units in which few groups (each a tensor's units) are open at any moment.

    Greedy: next is one of those that an open group touches, the one that leaves the fewest open.
    """
    touching: list[list[int]] = [[] for _ in range(num_units)]
    for number, group in enumerate(groups):
        for unit in dict.fromkeys(group):
            touching[unit].append(number)
    left = [len(set(group)) for group in groups]
    is_open = [False] * len(groups)
    waiting = dict.fromkeys(range(num_units))
    near: dict[int, None] = {}
    order = []
    while waiting:
        candidates = near or dict.fromkeys([next(iter(waiting))])

        def more_open(unit: int) -> int:
            closed = sum(is_open[number] and left[number] == 1 for number in touching[unit])
            opened = sum(not is_open[number] and left[number] > 1 for number in touching[unit])
            return opened - closed

        unit = min(candidates, key=lambda unit: (more_open(unit), unit))
        order.append(unit)
        del waiting[unit]
        near.pop(unit, None)
        for number in touching[unit]:
            left[number] -= 1
            is_open[number] = left[number] > 0
        touched = chain.from_iterable(groups[number] for number in touching[unit])
        near.update(dict.fromkeys(other for other in touched if other in waiting))
    return order
