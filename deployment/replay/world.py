"""Requests under way while figures change, event by event: queues, failures, probes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import inf
from typing import Literal

from splitfog.deployment.replay.agenda import Agenda, Rank
from splitfog.deployment.replay.clocks import Clock, Frozen, Integrated
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.journey import Journey, Passage, Visit, sending_at, working_at
from splitfog.deployment.replay.outages import next_outage

MOST_RESTARTS = 1000
"""A request that is lost once more has failed: by a trace that repeats it might go on for ever."""

Replan = Callable[[int, float], tuple[Itinerary | None, float]]
"""The plan of a request that starts again at a moment (None: there is none), and the seconds that
it waits for it first."""


@dataclass(frozen=True)
class Probes:
    """So many bytes over each of some directed links, at 0 and then every so many seconds.

    One that is due while the last over its link is under way, or while the link or an end of it is
    down, is left out.
    """

    num_bytes: float
    every_s: float
    links: tuple[int, ...]


class World:
    """Requests that enter one after another, and what they do to one another.

    A request does one thing at a time: the legs of its `Itinerary`, each a run of layers and then
    the hops of a tensor's tree, by the routes of the moment at which the run ends. A hop that
    never ends, and a tensor without a route, make it fail.

    *Queues.* With "none" requests do not meet. With "fifo" a node serves runs, and a directed link
    hops, in order of their arrival there (of those of one moment first the request that entered
    first). A hop occupies its link for its latency and its bytes, not for `delay_s`; one that
    never ends leaves it at once.

    *Failures.* A node that goes down loses the requests that are on it (it works on them, they
    wait there, a tensor of theirs lies there that is yet to be read or sent) and those that send
    to it. So does one that is down: the requests that come to it, and those that have no route
    only because of it. Each starts again at its source `detect_s` later, by the plan that `replan`
    gives. Without one it fails, as it does where the plan cannot be run at that moment: a node of
    it is down, the source among them, or a tensor has no route. A request that arrives while its
    source is down fails. By the frozen clock all figures, up and down among them, stay those of a
    request's last start.

    *Probes* occupy their links: with "fifo" as hops do, with "none" a hop that begins while one is
    under way waits until it is over, and none waits for a hop.

    Parameters
    ----------
    conditions
        Figures over time.
    clock : "integrated" or "frozen"
    queues : "none" or "fifo"
    detect_s
        From the loss of a request to its new start.
    replan
        None: what is lost stays lost.
    probes
        None: none are sent.

    Notes
    -----
    O(log V) for each of V visits and what an integral takes; O(requests under way) when a node
    goes down.
    """

    def __init__(
        self,
        conditions: Conditions,
        *,
        clock: Literal["integrated", "frozen"] = "integrated",
        queues: Literal["none", "fifo"] = "none",
        detect_s: float = 1.0,
        replan: Replan | None = None,
        probes: Probes | None = None,
    ) -> None:
        self._conditions = conditions
        self._links = conditions.instance.directed_links
        self._num_nodes = len(conditions.instance.nodes)
        self._frozen, self._fifo = clock == "frozen", queues == "fifo"
        self._integrated = Integrated(conditions)
        self._detect_s, self._replan = detect_s, replan
        self._agenda = Agenda()
        self._numbers = count()
        self._under_way: dict[int, Journey] = {}
        self._serving: dict[int, Journey] = {}
        self._waiting: dict[int, deque[Journey]] = {}
        self._probed: dict[int, float] = {}
        """Directed links with a probe under way, and until when without queues."""
        self._over: list[Passage] = []
        if not self._frozen:
            for node in conditions.node_up:
                self._plan_outage(node)
        if probes is not None:
            for link in probes.links:
                self._plan_probe(probes, link, 0)

    def enter(
        self, request: int, time_s: float, itinerary: Itinerary | None, wait_s: float = 0.0
    ) -> None:
        """A request arrives, no earlier than the last one, after all that happens by then.

        Parameters
        ----------
        request
            Its number, by which it is told.
        time_s
            When.
        itinerary
            By the plan chosen for it; None: there is none, and it fails.
        wait_s
            Before it starts, counted in its latency.
        """
        self._run(time_s)
        self._agenda.now = time_s
        journey = Journey(
            number=next(self._numbers),
            request=request,
            arrival_s=time_s,
            start_s=time_s,
            clock=self._clock(time_s),
            itinerary=itinerary,
        )
        down = self._conditions.state(time_s).nodes
        self._start(journey, wait_s, itinerary is None or itinerary.source in down)

    def advance(self, until_s: float = inf) -> list[Passage]:
        """All that happens up to a moment, it included; by default until no request is under way.

        Returns
        -------
        list of Passage
            Requests and probes that are over since the last call, in order.
        """
        self._run(until_s)
        over, self._over = self._over, []
        return over

    def _run(self, until_s: float) -> None:
        agenda = self._agenda
        while agenda.next_s <= until_s and (until_s < inf or self._requests_under_way):
            agenda.happen()

    @property
    def _requests_under_way(self) -> int:
        return len(self._under_way) - len(self._probed)

    # What a request does next.

    def _begin_leg(self, journey: Journey) -> None:
        leg = journey.current
        if leg is None:
            self._close(journey, journey.ended())
        elif leg.node in journey.clock.state(self._agenda.now).nodes:
            self._lose([journey])
        elif leg.seconds > 0:
            if self._conditions.node_up:
                journey.exposed = working_at(journey)
            self._join(journey, leg.node)
        else:
            self._begin_sending(journey)

    def _begin_sending(self, journey: Journey) -> None:
        leg = journey.current
        assert leg is not None
        state, leaves = journey.clock.state(self._agenda.now), set(leg.leaves)
        tree = state.routes.tree(leg.node, leaves)
        if tree is not None:
            journey.tree, journey.hop, journey.bits = tree, 0, leg.bits
            self._begin_hop(journey)
        elif state.routes_if_up.tree(leg.node, leaves) is not None:
            self._lose([journey])
        else:
            self._close(journey, journey.failed())

    def _begin_hop(self, journey: Journey) -> None:
        if journey.hop == len(journey.tree):
            journey.leg += 1
            self._begin_leg(journey)
            return
        position = journey.tree[journey.hop]
        link = self._links[position]
        if not journey.clock.state(self._agenda.now).nodes.isdisjoint((link.tail, link.head)):
            self._lose([journey])
            return
        if self._conditions.node_up:
            journey.exposed = sending_at(journey, self._links)
        self._join(journey, self._num_nodes + position)

    # Places: nodes, and directed links after them.

    def _join(self, journey: Journey, place: int) -> None:
        journey.place = place
        if self._fifo and place in self._serving:
            self._waiting.setdefault(place, deque()).append(journey)
        else:
            self._serve(journey)

    def _serve(self, journey: Journey) -> None:
        place = journey.place
        assert place is not None
        journey.elapsed_s += max(0.0, self._agenda.now - journey.now)
        if self._fifo:
            self._serving[place] = journey
        if place < self._num_nodes:
            self._work(journey, place)
        else:
            self._send(journey, place - self._num_nodes)

    def _work(self, journey: Journey, node: int) -> None:
        leg = journey.current
        assert leg is not None
        seconds = journey.clock.work_seconds(node, journey.now, leg.seconds)
        journey.visits.append(Visit(node, None, journey.now, seconds, leg.seconds))
        self._plan_for(journey, seconds, self._worked)

    def _send(self, journey: Journey, link: int) -> None:
        is_probe = journey.itinerary is None
        if not self._fifo and not is_probe:
            journey.elapsed_s += max(0.0, self._probed.get(link, 0.0) - journey.now)
        delay_s = self._links[link].delay_s
        waits_s = journey.clock.wait_seconds(link, journey.now)
        first_s = journey.start_s + (journey.elapsed_s + (waits_s + delay_s))
        sends_s = journey.clock.send_seconds(link, first_s, journey.bits)
        if sends_s == inf:
            self._plan_for(journey, 0.0, self._stall)
            return
        seconds = waits_s + sends_s
        journey.visits.append(Visit(None, link, journey.now, seconds + delay_s, journey.bits))
        if is_probe:
            self._probed[link] = journey.now + seconds
        if self._fifo and delay_s > 0:
            self._plan_for(journey, seconds, partial(self._leave_early, delay_s))
        else:
            self._plan_for(journey, seconds + delay_s, self._sent)

    def _worked(self, journey: Journey) -> None:
        self._leave(journey)
        self._begin_sending(journey)

    def _leave_early(self, delay_s: float, journey: Journey) -> None:
        self._leave(journey)
        self._plan_for(journey, delay_s, self._sent)

    def _sent(self, journey: Journey) -> None:
        self._leave(journey)
        journey.hop += 1
        self._begin_hop(journey)

    def _stall(self, journey: Journey) -> None:
        self._leave(journey)
        self._close(journey, journey.failed())

    def _leave(self, journey: Journey) -> None:
        """Where it was served the next one is."""
        place, journey.place = journey.place, None
        if place is None or self._serving.get(place) is not journey:
            return
        del self._serving[place]
        if self._waiting.get(place):
            self._serve(self._waiting[place].popleft())

    # Starts, losses, ends.

    def _start(self, journey: Journey, wait_s: float, hopeless: bool) -> None:
        if hopeless:
            self._close(journey, journey.failed())
            return
        self._under_way[journey.number] = journey
        if wait_s > 0:
            self._plan_for(journey, wait_s, self._begin_leg)
        else:
            self._begin_leg(journey)

    def _lose(self, lost: list[Journey]) -> None:
        """Requests and probes are lost: all leave the queues before anything is served there."""
        now = self._agenda.now
        for journey in lost:
            journey.event, journey.exposed = None, frozenset()
            journey.elapsed_s = max(0.0, now - journey.start_s)
            place = journey.place
            if place in self._waiting and journey in self._waiting[place]:
                self._waiting[place].remove(journey)
                journey.place = None
        for journey in lost:
            self._leave(journey)
            if self._replan is None or journey.itinerary is None:
                self._close(journey, journey.lost())
            elif journey.restarted == MOST_RESTARTS:
                self._close(journey, journey.failed())
            else:
                again = partial(self._restart, journey)
                self._agenda.plan(now + self._detect_s, Rank.STARTS, journey.number, again)

    def _restart(self, journey: Journey) -> None:
        assert self._replan is not None
        now = self._agenda.now
        itinerary, wait_s = self._replan(journey.request, now)
        journey.restart(now, self._clock(now), itinerary)
        self._start(journey, wait_s, not self._can_run(itinerary))

    def _can_run(self, itinerary: Itinerary | None) -> bool:
        if itinerary is None:
            return False
        state = self._conditions.state(self._agenda.now)
        return itinerary.nodes.isdisjoint(state.nodes) and all(
            state.routes.tree(leg.node, set(leg.leaves)) is not None for leg in itinerary.legs
        )

    def _close(self, journey: Journey, passage: Passage) -> None:
        self._under_way.pop(journey.number, None)
        if passage.probe:
            del self._probed[journey.tree[0]]
        self._over.append(passage)

    def _clock(self, start_s: float) -> Clock:
        return Frozen(self._conditions, start_s) if self._frozen else self._integrated

    # What is planned.

    def _plan_for(self, journey: Journey, seconds: float, act: Callable[[Journey], None]) -> None:
        """What happens to a request next, so much later, unless it is lost before."""
        journey.elapsed_s += seconds

        def happen() -> None:
            if journey.event == event:
                act(journey)

        event = self._agenda.plan(journey.now, Rank.ENDS, journey.number, happen)
        journey.event = event

    def _plan_outage(self, node: int) -> None:
        time_s = next_outage(self._conditions.node_up[node], self._agenda.now)
        if time_s < inf:
            self._agenda.plan(time_s, Rank.GOES_DOWN, node, partial(self._go_down, node))

    def _go_down(self, node: int) -> None:
        self._lose([each for each in self._under_way.values() if node in each.exposed])
        self._plan_outage(node)

    def _plan_probe(self, probes: Probes, link: int, number: int) -> None:
        act = partial(self._probe, probes, link, number)
        self._agenda.plan(number * probes.every_s, Rank.PROBES, link, act)

    def _probe(self, probes: Probes, link: int, number: int) -> None:
        self._plan_probe(probes, link, number + 1)
        now = self._agenda.now
        ends = (self._links[link].tail, self._links[link].head)
        state = self._conditions.state(now)
        if link in self._probed or link in state.links or not state.nodes.isdisjoint(ends):
            return
        self._probed[link] = now
        journey = Journey(
            number=next(self._numbers),
            request=link,
            arrival_s=now,
            start_s=now,
            clock=self._clock(now),
            itinerary=None,
        )
        journey.tree, journey.bits = (link,), 8 * probes.num_bytes
        self._under_way[journey.number] = journey
        self._begin_hop(journey)
