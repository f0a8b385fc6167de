"""A request or a probe under way, what it leaves behind, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from splitfog.deployment.replay.clocks import Clock
from splitfog.deployment.replay.itinerary import Itinerary, Leg
from splitfog.instances.records import DirectedLink


class Visit(NamedTuple):
    """What a node or a directed link (by position; the other is None) does for a request.

    Attributes
    ----------
    node, link
    start_s, seconds
        When it begins, and how long it takes: of a link with latency and delay.
    amount
        Seconds of work at load 1, bits over a link.
    """

    node: int | None
    link: int | None
    start_s: float
    seconds: float
    amount: float


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What became of a request or a probe.

    Attributes
    ----------
    request
        As it was entered; of a probe the position of its directed link.
    probe
    arrival_s
    latency_s
        From arrival to end, all starts included; None where it never ended.
    lost_s
        From arrival until it was lost with a node, where nothing started it again; else None.
    restarted
        How often it was lost and started again.
    visits
        Of its last start, as far as it came; the last of one that was lost may not have ended.
    """

    request: int
    probe: bool
    arrival_s: float
    latency_s: float | None
    lost_s: float | None
    restarted: int
    visits: tuple[Visit, ...]


@dataclass(eq=False, kw_only=True)
class Journey:
    """One under way. Its seconds are summed apart from the clock, which is coarser.

    Attributes
    ----------
    number
        In order of entering.
    request, arrival_s
    start_s, clock, itinerary
        Of its last start; a probe has no itinerary.
    before_s, elapsed_s
        From arrival to the last start, and since.
    restarted
    leg, tree, hop, bits
        Where it is: in this leg, at this hop of its tensor's tree.
    place
        That serves it or lets it wait.
    event
        What happens to it next; whatever was planned before does not.
    exposed
        Nodes that lose it when they go down.
    visits
    """

    number: int
    request: int
    arrival_s: float
    start_s: float
    clock: Clock
    itinerary: Itinerary | None
    before_s: float = 0.0
    elapsed_s: float = 0.0
    restarted: int = 0
    leg: int = 0
    tree: Sequence[int] = ()
    hop: int = 0
    bits: float = 0.0
    place: int | None = None
    event: int | None = None
    exposed: frozenset[int] = frozenset()
    visits: list[Visit] = field(default_factory=list)

    @property
    def now(self) -> float:
        """The moment up to which its seconds are summed."""
        return self.start_s + self.elapsed_s

    @property
    def current(self) -> Leg | None:
        """The leg that it is in; None at its end, and of a probe."""
        if self.itinerary is None or self.leg == len(self.itinerary.legs):
            return None
        return self.itinerary.legs[self.leg]

    def restart(self, start_s: float, clock: Clock, itinerary: Itinerary | None) -> None:
        """Begin anew."""
        self.before_s, self.elapsed_s = start_s - self.arrival_s, 0.0
        self.start_s, self.clock, self.itinerary = start_s, clock, itinerary
        self.restarted += 1
        self.leg, self.tree, self.hop = 0, (), 0
        self.visits = []

    def ended(self) -> Passage:
        """What became of it."""
        return self._passage(self.before_s + self.elapsed_s, None)

    def failed(self) -> Passage:
        """It never ends."""
        return self._passage(None, None)

    def lost(self) -> Passage:
        """It does not start again."""
        return self._passage(None, self.before_s + self.elapsed_s)

    def _passage(self, latency_s: float | None, lost_s: float | None) -> Passage:
        return Passage(
            request=self.request,
            probe=self.itinerary is None and bool(self.tree),
            arrival_s=self.arrival_s,
            latency_s=latency_s,
            lost_s=lost_s,
            restarted=self.restarted,
            visits=tuple(self.visits),
        )


def working_at(journey: Journey) -> frozenset[int]:
    """Nodes that lose a request that a node works on: that one, and those where tensors lie."""
    assert journey.current is not None and journey.itinerary is not None
    return journey.itinerary.resting[journey.leg] | {journey.current.node}


def sending_at(journey: Journey, links: Sequence[DirectedLink]) -> frozenset[int]:
    """Nodes that lose a request or a probe at its hop: both ends, and those where tensors lie."""
    tree = [links[link] for link in journey.tree]
    hop = tree[journey.hop]
    ends = frozenset({hop.tail, hop.head})
    if journey.itinerary is None:
        return ends
    reached = {tree[0].tail, *(link.head for link in tree[: journey.hop])}
    needed = {link.tail for link in tree[journey.hop :]} | journey.itinerary.brought[journey.leg]
    return ends | journey.itinerary.resting[journey.leg] | (reached & needed)
