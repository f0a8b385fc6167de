"""The cheapest sets of visits to one queue, and a bound for all others: knapsacks, one per wait.

What a set costs is `sum fixed + sum slope W + stay (W - W0)` with its own wait
`W = (Q0 + Q) / (2 (1 - rho0 - rho))`, Pollaczek and Khinchine's. For a given W that is a sum over
its visits, and its wait is at most W iff `rho + Q / (2 W) <= 1 - rho0 - Q0 / (2 W)`: a knapsack
with a choice per visit. Between two waits the costs of the lower and the room of the higher give
a bound, by Lagrange's multiplier of the room. Intervals of waits are halved until that is tight;
what is left open is looked into set by set. Ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Flags, Floats, Integers

FIRST = 16
"""Intervals of waits to begin with."""
CROSSINGS = 8
"""Steps towards the best price of a knapsack's room."""
MOST_INTERVALS = 400
"""Looked at in one search."""
NARROW = 1.02
"""The upper end of an interval by its lower one, when it is halved no more."""

TOGETHER = 48
"""Intervals that are looked into together."""

Taken = NDArray[np.bool_]
"""[sets, J]: which offers are in which sets, at most one of every visit."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Offers:
    """J offers to a queue by visits, each of which takes one of its own or none.

    `visit` [J] ascends. The others are [J]: what an offer costs, as in the module, and the load
    `rho` and second moment `second` that it brings. `base_rho`, `base_second` and `stay` are what
    is there anyway.
    """

    visit: Integers
    fixed: Floats
    slope: Floats
    rho: Floats
    second: Floats
    base_rho: float = 0.0
    base_second: float = 0.0
    stay: float = 0.0

    @cached_property
    def first(self) -> Integers:
        """Where the offers of each visit begin, of those visits that have any."""
        return np.flatnonzero(np.diff(self.visit, prepend=-1))

    @cached_property
    def grid(self) -> Integers:
        """[visits, most + 1]: J, no offer, then the offers of each visit, then J again."""
        count = len(self.visit)
        number = np.cumsum(np.diff(self.visit, prepend=-1) > 0) - 1
        place = np.arange(count) - self.first[number]
        grid = np.full((len(self.first), int(place.max(initial=0)) + 2), count)
        grid[number, place + 1] = np.arange(count)
        return grid

    @property
    def least_wait_s(self) -> float:
        """The wait of what is there anyway."""
        return float(wait_seconds(self.base_second, self.base_rho))

    def costs(self, wait_s: Floats) -> Floats:
        """[waits, J]: what each offer costs at a wait, beside what stays."""
        return np.asarray(self.fixed + self.slope * wait_s[:, None])

    def values(self, taken: Taken) -> Floats:
        """[sets]: what sets cost, their own waits included; inf where overloaded."""
        wait_s = self.wait_s(taken)
        fine = np.isfinite(wait_s)
        wait_s = np.where(fine, wait_s, 0.0)
        value = (self.costs(wait_s) * taken).sum(axis=1)
        value += self.stay * (wait_s - self.least_wait_s)
        return np.where(fine, value, inf)

    def wait_s(self, taken: Taken) -> Floats:
        """[sets]: the waits of sets; inf where overloaded."""
        rho = self.base_rho + taken @ self.rho
        return wait_seconds(self.base_second + taken @ self.second, rho)

    def only(self, kept: NDArray[np.bool_]) -> Offers:
        """The same without other offers."""
        names = ("visit", "fixed", "slope", "rho", "second")
        own = {name: getattr(self, name)[kept] for name in names}
        return Offers(**own, base_rho=self.base_rho, base_second=self.base_second, stay=self.stay)


@dataclass(frozen=True, eq=False)
class Sets:
    """Sets of offers, cheapest first, their values [sets], and a `bound` (see who made them)."""

    taken: Taken
    value: Floats
    bound: float


Allowed = Callable[[Taken], NDArray[np.bool_]]
"""[sets]: whether each is allowed; then so is every part of it."""


def cheap_sets(
    offers: Offers,
    allowed: Allowed,
    tolerance: float,
    *,
    most: int,
    deadline: Deadline = NEVER,
) -> Sets:
    """Sets of negative value, and a bound on all sets that the cheapest of them may exceed.

    By no more than `tolerance`, unless more than `most` sets have to be looked at, or time is up.
    """
    search = _Search(offers, allowed, 0.0, most)
    search.tolerance = tolerance
    return search.run(deadline)


def sets_below(
    offers: Offers,
    allowed: Allowed,
    value: float,
    *,
    room: float,
    most: int,
    deadline: Deadline = NEVER,
) -> Sets:
    """All sets of less than `value`, unless more than `most` have to be looked at, or time is up.

    `room` is by how much an offer may at most be dearer than none, for that.
    """
    search = _Search(offers, allowed, room, most)
    search.limit = value
    return search.run(deadline)


class _Search:
    """Intervals of waits, then sets in those that stay open; what is found and what is left."""

    def __init__(self, offers: Offers, allowed: Allowed, room: float, most: int) -> None:
        alone = offers.costs(np.array([offers.least_wait_s]))[0]
        self.kept = (alone < room) & (offers.base_rho + offers.rho < 1)
        self.offers, self.allowed, self.most = offers.only(self.kept), allowed, most
        self.tolerance: float | None = None
        self.limit = 0.0
        self.taken: list[Taken] = [np.zeros((0, len(offers.visit)), bool)]
        self.value: list[Floats] = [np.zeros(0)]
        self.bound = inf

    def run(self, deadline: Deadline = NEVER) -> Sets:
        """Look into everything that may be below the limit; from the deadline on only bound it."""
        low, high = _intervals(self.offers) if self.kept.any() else (np.zeros(0), np.zeros(0))
        left, looked = [], 0
        while len(low):
            sacks = _Knapsacks.of(self.offers, low, high)
            self._keep(sacks.taken)
            looked += len(low)
            is_open = sacks.bound < self.limit
            narrow = sacks.narrow | (looked > MOST_INTERVALS)
            self.bound = min(self.bound, float(sacks.bound[~is_open].min(initial=inf)))
            left.append(sacks.only(is_open & narrow))
            low, high = _halves(low[is_open & ~narrow], high[is_open & ~narrow])
        for sacks in left:
            for first in range(0, len(sacks.low), TOGETHER):
                some = np.arange(first, min(first + TOGETHER, len(sacks.low)))
                some = some[sacks.bound[some] < self.limit]
                if deadline.is_over:
                    self.bound = min(self.bound, float(sacks.bound[some].min(initial=inf)))
                elif len(some):
                    limit = self.limit
                    taken, beyond = sacks.only(some).sets(limit, self.most)
                    self._keep(taken)
                    self.bound = min(self.bound, limit, beyond)
        taken, value = np.concatenate(self.taken), np.concatenate(self.value)
        once = list({row.tobytes(): at for at, row in enumerate(taken)}.values())
        order = np.array(once, np.int64)[np.argsort(value[once], kind="stable")]
        taken, value = taken[order], value[order]
        least = float(value.min(initial=0.0)) if self.tolerance is not None else inf
        return Sets(taken, value, min(self.bound, least))

    def _keep(self, taken: Taken) -> None:
        """Remember sets that are allowed and below 0, or below the limit."""
        value = self.offers.values(taken)
        asked = 0.0 if self.tolerance is not None else self.limit
        fine = value < asked
        whole = np.zeros((int(fine.sum()), len(self.kept)), bool)
        whole[:, self.kept] = taken[fine]
        allowed = self.allowed(whole)
        self.taken.append(whole[allowed])
        self.value.append(value[fine][allowed])
        if self.tolerance is not None:
            least = float(self.value[-1].min(initial=0.0))
            self.limit = min(self.limit, least - self.tolerance)


def _intervals(offers: Offers) -> tuple[Floats, Floats]:
    """Intervals that the waits of all sets are in, where costs may be negative."""
    least = offers.least_wait_s
    alone = wait_seconds(offers.base_second + offers.second, offers.base_rho + offers.rho)
    alone = alone[alone > least]
    if not len(alone):
        return np.array([least]), np.array([least])
    with np.errstate(divide="ignore", invalid="ignore"):
        even = -offers.fixed / offers.slope
    even = even[(offers.slope > 0) & (even > alone.min())]
    top = max(float(even.max(initial=0.0)), 2 * float(alone.min()))
    edges = np.geomspace(float(alone.min()), top, FIRST)
    return np.array([least, *edges]), np.array([*edges, inf])


def _halves(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Each interval as two; one without end goes on at four times its beginning."""
    with np.errstate(invalid="ignore"):
        middle = np.sqrt(np.maximum(low, high / 4) * high)
    middle = np.where(np.isinf(high), 4 * low, middle)
    return np.concatenate([low, middle]), np.concatenate([middle, high])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Knapsacks:
    """I knapsacks of the same offers, one per interval of waits, `low` to `high` [I].

    `weight` [I, J] and `room` [I] are those of the higher wait. What is `priced` [I, J] and the
    constant `base` [I] prove the `bound` [I] on all sets whose wait is in the interval; `taken`
    [I, J] are sets near by. `narrow` [I]: not worth halving.
    """

    offers: Offers
    low: Floats
    high: Floats
    weight: Floats
    room: Floats
    priced: Floats
    base: Floats
    bound: Floats
    taken: Taken
    narrow: NDArray[np.bool_]

    @classmethod
    def of(cls, offers: Offers, low: Floats, high: Floats) -> _Knapsacks:
        """The knapsacks of some intervals, at their best prices."""
        weight, room = _limits(offers, high)
        room = room + BOUND_SLACK
        cost = np.where(weight > room[:, None], inf, offers.costs(low))
        filled, needed = _limits(offers, low)
        needed = np.where(low > offers.least_wait_s, needed - BOUND_SLACK, -inf)
        priced, base, bound, taken = _priced(offers, cost, (weight, room), (filled, needed))
        base = base + offers.stay * (low - offers.least_wait_s)
        with np.errstate(divide="ignore", invalid="ignore"):
            hardly = offers.second.sum() / (2 * low) < (NARROW - 1) * room
        return cls(
            offers=offers,
            low=low,
            high=high,
            weight=weight,
            room=room,
            priced=priced,
            base=base,
            bound=bound + offers.stay * (low - offers.least_wait_s),
            taken=taken,
            narrow=np.where(np.isinf(high), hardly, high <= NARROW * low),
        )

    def only(self, kept: Flags | Integers) -> _Knapsacks:
        """Some of the intervals."""
        return _Knapsacks(
            offers=self.offers,
            low=self.low[kept],
            high=self.high[kept],
            weight=self.weight[kept],
            room=self.room[kept],
            priced=self.priced[kept],
            base=self.base[kept],
            bound=self.bound[kept],
            taken=self.taken[kept],
            narrow=self.narrow[kept],
        )

    def sets(self, limit: float, most: int) -> tuple[Taken, float]:
        """All sets that may be below the limit, each in its interval, and a bound on others.

        Visit by visit, the one of largest worth first; of more than `most` the cheapest bounds.
        """
        first, count = self.offers.first, self.priced.shape[1]
        ends = [*first[1:].tolist(), count]
        least = np.minimum(np.minimum.reduceat(self.priced, first, axis=1), 0.0)
        order = np.argsort(least.mean(axis=0), kind="stable").tolist()
        rest = least.sum(axis=1)
        at, so_far = np.arange(len(self.base)), self.base
        weight, taken, beyond = np.zeros(len(at)), np.zeros((len(at), count), bool), inf
        for visit in order:
            rest = rest - least[:, visit]
            parts = [(at, so_far, weight, taken)]
            for offer in range(int(first[visit]), ends[visit]):
                cost, held = so_far + self.priced[at, offer], weight + self.weight[at, offer]
                kept = (cost + rest[at] < limit) & (held <= self.room[at])
                more = taken[kept]
                more[:, offer] = True
                parts.append((at[kept], cost[kept], held[kept], more))
            at, so_far, weight, taken = (np.concatenate(p) for p in zip(*parts, strict=True))
            bound = so_far + rest[at]
            kept = np.flatnonzero(bound < limit)
            if len(kept) > most:
                kept = kept[np.argsort(bound[kept], kind="stable")]
                beyond = min(beyond, float(bound[kept[most]]))
                kept = kept[:most]
            at, so_far, weight, taken = at[kept], so_far[kept], weight[kept], taken[kept]
        wait_s = self.offers.wait_s(taken)
        low, high = self.low[at], self.high[at]
        here = (low < wait_s) | (low == self.offers.least_wait_s)
        return taken[here & (wait_s <= high)], beyond


def _limits(offers: Offers, wait_s: Floats) -> tuple[Floats, Floats]:
    """Weights [I, J] and rooms [I] such that a set waits no more than [I] iff it fits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 1 / (2 * wait_s)
        share = np.where(offers.second > 0, offers.second * half[:, None], 0.0)
        base = np.where(offers.base_second > 0, offers.base_second * half, 0.0)
    weight, room = offers.rho + share, 1 - offers.base_rho - base
    return weight, room


def _priced(
    offers: Offers,
    cost: Floats,
    upper: tuple[Floats, Floats],
    lower: tuple[Floats, Floats],
) -> tuple[Floats, Floats, Floats, Taken]:
    """Offers priced [I, J], the constants [I] and bounds [I] that go with them, and sets [I, J].

    `upper` are weights and rooms that sets must fit into, `lower` those that they must exceed;
    only the one that binds where nothing is priced gets a price. A bound is concave in the price
    and linear between its breaks: the next price is where the line of one at which the limit is
    broken meets the line of one at which it holds.
    """
    rows, visits = np.arange(len(cost))[:, None], np.arange(len(offers.grid))
    none, possible = np.zeros((len(cost), 1)), np.isfinite(cost)
    cost = np.hstack([cost, none])
    weight, filled = (np.hstack([np.where(possible, w, 0.0), none]) for w in (upper[0], lower[0]))

    def at(priced: Floats) -> Integers:
        return np.asarray(offers.grid[visits, priced[:, offers.grid].argmin(axis=2)])

    def line(chosen: Integers) -> tuple[Floats, Floats]:
        """Of the bound over the price: slope and value at 0."""
        return weight[rows, chosen].sum(axis=1) - room, cost[rows, chosen].sum(axis=1)

    free = at(cost)
    short = filled[rows, free].sum(axis=1) < lower[1]
    weight = np.where(short[:, None], -filled, weight)
    room = np.where(short, -lower[1], upper[1])
    fitting = np.where(short[:, None], at(weight), len(cost[0]) - 1)
    over, paid = line(free)
    fitting = np.where((over <= 0)[:, None], free, fitting)
    least, most = (over, paid), line(fitting)
    best, price = paid, np.zeros(len(cost))
    for _ in range(CROSSINGS):
        apart = least[0] - most[0]
        moves = (apart > 0) & (most[0] <= 0)
        crossing = np.where(moves, (most[1] - least[1]) / np.where(moves, apart, 1.0), 0.0)
        chosen = at(cost + crossing[:, None] * weight)
        over, paid = line(chosen)
        better = moves & (paid + crossing * over > best)
        best = np.where(better, paid + crossing * over, best)
        price = np.where(better, crossing, price)
        fits = over <= 0
        fitting = np.where((moves & fits)[:, None], chosen, fitting)
        most = np.where(moves & fits, over, most[0]), np.where(moves & fits, paid, most[1])
        least = np.where(moves & ~fits, over, least[0]), np.where(moves & ~fits, paid, least[1])
    taken = np.zeros(cost.shape, bool)
    taken[rows, fitting] = True
    priced = (cost + price[:, None] * weight)[:, :-1]
    return priced, -price * room, np.where(most[0] > 0, inf, best), taken[:, :-1]
