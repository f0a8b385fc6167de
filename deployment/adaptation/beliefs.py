"""What is believed of links and nodes: the instance's own figures, until they are measured."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isinf
from typing import Any, Literal

from splitfog.deployment.adaptation.estimators import Estimator
from splitfog.instances.arguments import number, plain, wrong
from splitfog.instances.readable import in_seconds, scaled

Place = str | tuple[str, str]
"""A node's name, or the names of a directed link's ends."""
Quantity = Literal["bandwidth_bps", "latency_s", "load"]
Figure = tuple[Quantity, Place]

RECENT_S = 1.0
"""How far back a recent mean goes."""

FOREVER_S = 1e9
"""No latency is believed to be longer."""


@dataclass
class Belief:
    """One figure: what was measured of it, and what is believed.

    Measurements are brought within `low` and `high` before anything is made of them, so that one
    of 0 or of infinity is as good as any other.
    """

    own: float
    estimator: Estimator
    low: float
    high: float
    measured: float | None = None
    measured_s: float = -inf
    window: deque[tuple[float, float]] = field(default_factory=deque)

    def observe(self, time_s: float, measured: float) -> None:
        """Take in a measurement that is not older than the last."""
        self.measured, self.measured_s = measured, time_s
        kept = self.within(measured)
        self.estimator = self.estimator.after(kept)
        self.window.append((time_s, kept))
        while self.window[0][0] <= time_s - RECENT_S:
            self.window.popleft()

    def within(self, value: float) -> float:
        """The value, or the limit that it is beyond."""
        return min(max(value, self.low), self.high)

    @property
    def value(self) -> float:
        """What is believed: the instance's own figure before the first measurement."""
        return self.within(self.own if self.measured is None else self.estimator.value)

    @property
    def is_outside(self) -> bool:
        """Whether the last measurement, or the own figure before the first, is out of limits."""
        given = self.own if self.measured is None else self.measured
        return not self.low <= given <= self.high

    def recent(self, time_s: float) -> float:
        """The mean of what was measured in the last second; without any, what is believed."""
        values = [value for at, value in self.window if time_s - RECENT_S < at <= time_s]
        return sum(values) / len(values) if values else self.value


class Beliefs:
    """All figures by quantity and place, and what is down.

    Parameters
    ----------
    known
        The figures that are kept; two names of one figure have the same belief.
    """

    def __init__(self, known: Mapping[Figure, Belief]) -> None:
        self.known = known
        self.changed_s: dict[Place, float] = {}
        self.down: dict[Place, None] = {}
        self.said: list[str] = []

    def observe(self, time_s: float, place: Place, quantity: str, measured: float | bool) -> None:
        """Take in a measurement; one that is older than the last of its kind is only said."""
        if quantity == "up":
            if self._is_new(time_s, self.changed_s.get(place, -inf), place):
                self.changed_s[place] = time_s
                self.down.pop(place, None) if measured else self.down.setdefault(place)
        elif (belief := self.known.get((quantity, place))) is not None:  # type: ignore[arg-type]
            if self._is_new(time_s, belief.measured_s, place):
                belief.observe(time_s, measured)

    def _is_new(self, time_s: float, last_s: float, place: Place) -> bool:
        if time_s >= last_s:
            return True
        age = in_seconds(last_s - time_s)
        self.said.append(f"a measurement of {label(place)} is {age} older than the last: ignored")
        return False

    def news(self) -> list[str]:
        """What was ignored since this was asked last."""
        said, self.said = self.said, []
        return said


def label(place: Place) -> str:
    """A place for readers."""
    return place if isinstance(place, str) else f"{place[0]} -> {place[1]}"


def shown(quantity: str, value: float) -> str:
    """A figure for readers."""
    if isinf(value) or quantity == "load":
        return f"{value:.3g}"
    return in_seconds(value) if quantity == "latency_s" else scaled(value, "bit/s")


def measurements(
    link: Any, node: Any, **quantities: Any
) -> tuple[Place, dict[str, float | bool]]:
    """What an observation says: of a link or of a node, checked; names are left to the caller.

    Raises
    ------
    ValueError
        For another number of places than one, for no quantity or one of the other kind of place,
        and for what is no number.
    """
    given = {name: value for name, value in quantities.items() if value is not None}
    if (link is None) == (node is None):
        raise ValueError("observe needs a link or a node, and not both")
    if link is not None:
        place: Place = _pair(link)
        allowed = ("bandwidth_bps", "latency_s", "up")
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
