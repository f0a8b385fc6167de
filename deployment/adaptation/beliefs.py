"""What is believed of links and nodes: the instance's own figures, until they are measured."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, NamedTuple, get_args

from splitfog.deployment.adaptation.estimators import Estimator, estimator
from splitfog.formulations.parametric.figure import Figure
from splitfog.instances.arguments import number, plain, wrong
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept
from splitfog.instances.readable import in_seconds, scaled

Place = str | tuple[str, str]
"""A node's name, or the names of a directed link's ends."""
Quantity = Literal["bandwidth_bps", "latency_s", "load", "up"]
Measured = tuple[Quantity, Place]
"""A quantity and whose it is."""

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

RECENT_S = 1.0
"""How far back a recent mean goes."""

STALE_S = 10.0
"""What was measured longer ago than this is said to be old."""

FOREVER_S = 1e9
"""No latency is believed to be longer."""

BEYOND = 1e6
"""No bandwidth or load is believed to be more times the own one, nor less of it."""


@dataclass(kw_only=True)
class Belief:
    """One figure: what was measured of it, and what is believed.

    Measurements are brought within `low` and `high` before anything is made of them, so that one
    of 0 or of infinity is as good as any other.
    """

    own: float
    estimator: Estimator
    low: float
    high: float
    is_guess: bool = False
    """Whether the own figure is not known, and this one stands for it."""
    value: float = field(init=False)
    """What is believed."""
    is_outside: bool = field(init=False)
    """Whether the last measurement, or the own figure before the first, is out of limits."""
    measured_s: float = -inf
    """When the last measurement was."""
    window: deque[tuple[float, float]] = field(default_factory=deque)
    """(time, figure) of the measurements of the last second."""

    def __post_init__(self) -> None:
        self.value = self.within(self.own)
        self.is_outside = self.value != self.own

    @classmethod
    def free(cls, quantity: Quantity, own: float, estimator: Estimator) -> Belief:
        """A figure that no table limits: within what can be reckoned with."""
        if quantity == "latency_s":
            return cls(own=own, estimator=estimator, low=0.0, high=FOREVER_S)
        return cls(own=own, estimator=estimator, low=own / BEYOND, high=own * BEYOND)

    def observe(self, time_s: float, measured: float) -> None:
        """Take in a measurement that is not older than the last."""
        kept = self.within(measured)
        self.measured_s, self.is_outside = time_s, kept != measured
        self.estimator = self.estimator.after(kept)
        self.value = self.within(self.estimator.value)
        self.window.append((time_s, kept))
        while self.window[0][0] <= time_s - RECENT_S:
            self.window.popleft()

    def within(self, value: float) -> float:
        """The value, or the limit that it is beyond."""
        return min(max(value, self.low), self.high)

    @property
    def is_measured(self) -> bool:
        """Whether there was any measurement."""
        return self.measured_s > -inf

    def recent(self, time_s: float) -> float:
        """The mean of what was measured in the last second; without any, what is believed."""
        values = [value for at, value in self.window if time_s - RECENT_S < at <= time_s]
        return sum(values) / len(values) if values else self.value


class Beliefs:
    """All figures by quantity and place, and what is down.

    Parameters
    ----------
    figures
        Those that vary, each with its limits.
    own
        The instance's own figures: of those that vary and of others that may be measured. Where
        one that varies is not among them, the middle of its range is believed.
    estimate
        How figures are estimated.
    """

    def __init__(
        self, figures: Sequence[Figure], own: Mapping[Measured, float], estimate: Any
    ) -> None:
        fresh = estimator(estimate)
        self.known = {key: Belief.free(key[0], value, fresh) for key, value in own.items()}
        self.varying: list[tuple[Figure, Belief]] = []
        for figure in figures:
            middle = (figure.low * figure.high) ** 0.5
            known = own.get(measured_of(figure.key), figure.own)
            belief = Belief(
                own=known or middle,
                estimator=fresh,
                low=figure.low,
                high=figure.high,
                is_guess=known is None,
            )
            self.varying.append((figure, belief))
            for place in figure.directed() or (figure.key,):
                self.known[measured_of(place)] = belief
        self.changed_s: dict[Place, float] = {}
        self.down: dict[Place, None] = {}
        self.said: list[str] = []

    def observe(
        self, time_s: float, place: Place, quantity: Quantity, measured: float | bool
    ) -> None:
        """Take in a measurement; one that is older than the last of its kind is only said."""
        if quantity == "up":
            if self._is_new(time_s, self.changed_s.get(place, -inf), place):
                self.changed_s[place] = time_s
                self.down.pop(place, None) if measured else self.down.setdefault(place)
            return
        belief = self.known.get((quantity, place))
        if belief is not None and self._is_new(time_s, belief.measured_s, place):
            belief.observe(time_s, measured)

    def _is_new(self, time_s: float, last_s: float, place: Place) -> bool:
        if time_s >= last_s:
            return True
        age = in_seconds(last_s - time_s)
        self.said.append(f"a measurement of {label(place)} is {age} older than the last: ignored")
        return False

    @property
    def outside(self) -> tuple[Place, ...]:
        """Keys of the varying figures that are out of their limits."""
        return tuple(figure.key for figure, belief in self.varying if belief.is_outside)

    def doubts(self, time_s: float) -> Iterator[object]:
        """What a reason has to say of the figures; what was ignored is said once."""
        for place in self.down:
            yield f"{label(place)} is down"
        for figure, belief in self.varying:
            if belief.is_outside:
                yield Taken(OUTSIDE, figure, belief.value)
            elif not belief.is_measured:
                yield Taken(GUESSED if belief.is_guess else UNMEASURED, figure, belief.value)
            elif time_s - belief.measured_s > STALE_S:
                yield Stale(figure, time_s - belief.measured_s)
        yield from self.said
        self.said = []


OUTSIDE = "{} is out of the table's range: taken as {}"
UNMEASURED = "{} was never measured: taken as the instance's own {}"
GUESSED = "{} was never measured: taken as the middle of its range, {}"


@dataclass(frozen=True)
class Taken:
    """What a figure is taken as, and why so: words and their brackets."""

    text: str
    figure: Figure
    value: float

    def __str__(self) -> str:
        value = self.value
        shown = f"{value:.3g}" if self.figure.link is None else scaled(value, "bit/s")
        return self.text.format(self.figure.name, shown)


@dataclass(frozen=True)
class Stale:
    """How long ago a figure was measured last."""

    figure: Figure
    age_s: float

    def __str__(self) -> str:
        return f"{self.figure.name} was last measured {in_seconds(self.age_s)} ago"


def measured_of(place: Place) -> Measured:
    """What varies of a place: a node's load, a link's bandwidth."""
    return ("load", place) if isinstance(place, str) else ("bandwidth_bps", place)


class Names(NamedTuple):
    """The names of an instance's nodes, and of its directed links' ends, in its order."""

    nodes: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


@kept()
def places(instance: Instance) -> Names:
    """What measurements of an instance may be of."""
    nodes = tuple(node.name for node in instance.nodes)
    links = tuple((nodes[link.tail], nodes[link.head]) for link in instance.directed_links)
    return Names(nodes, links)


def own_figures(instance: Instance) -> dict[Measured, float]:
    """The figures of all nodes and directed links as the instance has them; a node's load is 1."""
    names = places(instance)
    own: dict[Measured, float] = {("load", node): 1.0 for node in names.nodes}
    for ends, link in zip(names.links, instance.directed_links, strict=True):
        own["bandwidth_bps", ends] = link.bandwidth_bps
        own["latency_s", ends] = link.latency_s
    return own


def label(place: Place) -> str:
    """A place for readers."""
    return place if isinstance(place, str) else f"{place[0]} -> {place[1]}"


def measurements(
    link: Any, node: Any, **quantities: Any
) -> tuple[Place, dict[Quantity, float | bool]]:
    """What an observation says: of a link or of a node, checked; names are left to the caller.

    Raises
    ------
    ValueError
        For another number of places than one, for no quantity or one of the other kind of place,
        and for what is no number.
    """
    given: dict[Quantity, Any] = {q: quantities[q] for q in QUANTITIES if quantities[q] is not None}
    if (link is None) == (node is None):
        raise ValueError("observe needs a link or a node, and not both")
    if link is not None:
        place: Place = _pair(link)
        allowed: tuple[Quantity, ...] = ("bandwidth_bps", "latency_s", "up")
    else:
        if not isinstance(node, str):
            raise wrong("node", node, "the name of a node")
        place, allowed = node, ("load", "up")
    if not given:
        raise ValueError(f"observe of {label(place)} needs one of {', '.join(allowed)}")
    for name in given:
        if name not in allowed:
            kind = "link" if link is not None else "node"
            raise ValueError(f"{name} of the {kind} {label(place)}, must be {', '.join(allowed)}")
    return place, {name: _figure(name, value) for name, value in given.items()}


def _pair(link: Any) -> tuple[str, str]:
    pair = plain(link)
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(n, str) for n in pair)):
        raise wrong("link", link, "a pair of node names (from, to)")
    return pair


def _figure(name: str, value: Any) -> float | bool:
    if name != "up":
        return number(name, value, endless=True)
    up = plain(value)
    if up not in (0, 1):
        raise wrong(name, value, "True or False")
    return bool(up)
