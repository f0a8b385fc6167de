"""Requests through a network that changes, each by the plan that is chosen when it arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf
from time import perf_counter
from typing import Any, Protocol

from splitfog.deployment.adaptation.beliefs import Place
from splitfog.deployment.contest.measuring import Measuring, Observation, Watch
from splitfog.deployment.contest.plans import Known, Plans
from splitfog.deployment.contest.rows import RequestRow
from splitfog.deployment.contest.settings import Settings
from splitfog.deployment.contest.switches import switch_seconds
from splitfog.deployment.replay.conditions import Conditions
from splitfog.deployment.replay.itinerary import Itinerary
from splitfog.deployment.replay.journey import Passage
from splitfog.deployment.replay.world import Probes, World
from splitfog.formulations.costs.routes import Routes
from splitfog.formulations.plan_file import PlanFile


class Chooser(Protocol):
    """Who chooses plans: a way of adapting, or one who knew before."""

    @property
    def measures(self) -> bool:
        """Whether it wants to be told anything."""

    def observe(self, told: Observation) -> None:
        """Take in what was measured."""

    def decide(self, request: int, time_s: float) -> PlanFile | None:
        """The plan for a request that arrives, or starts again, now; None: there is none."""


@dataclass(frozen=True, eq=False)
class Stage:
    """What all ways have in common at one seed."""

    trace: str
    conditions: Conditions
    settings: Settings
    plans: Plans
    measuring: Measuring

    @property
    def arrivals_s(self) -> tuple[float, ...]:
        """Of the requests."""
        return self.measuring.arrivals_s


@dataclass(eq=False, kw_only=True)
class _Run:
    """One way through all requests."""

    stage: Stage
    adapt: str
    chooser: Chooser
    watch: Watch
    in_use: Known | None = None
    ready_s: float = 0.0
    """When its weights are there."""
    chosen: dict[int, Known | None] = field(default_factory=dict)
    """By request, the plan that it has."""
    starts: dict[int, int] = field(default_factory=dict)
    spent_s: dict[int, float] = field(default_factory=dict)
    used: dict[tuple[str, Routes], frozenset[Place]] = field(default_factory=dict)

    def choose(self, request: Any, time_s: float) -> tuple[Itinerary | None, float]:
        """The plan for a request that arrives or starts again, and what it waits for it."""
        again = self.starts.get(request, 0)
        self.starts[request] = again + 1
        if self.chooser.measures:
            if again:
                self._tell(self.watch.lost(time_s, self._down_nodes(request, time_s)))
            self._tell(self.watch.told(time_s, request, again))
        started = perf_counter()
        plan = self.chooser.decide(request, time_s)
        self.spent_s[request] = self.spent_s.get(request, 0.0) + perf_counter() - started
        self.chosen[request] = None
        if plan is None:
            self.watch.decided(time_s, frozenset())
            return None, 0.0
        known = self.stage.plans.known(plan)
        wait_s = self._wait(known, time_s)
        if wait_s == inf:
            return None, 0.0
        self.chosen[request] = known
        self.in_use = known
        self.watch.decided(time_s, self._used(known, time_s))
        return known.itinerary, wait_s

    def _used(self, known: Known, time_s: float) -> frozenset[Place]:
        """What a plan uses by the routes of a moment; of a plan and routes found once."""
        routes = self.stage.conditions.state(time_s).routes
        if (known.name, routes) not in self.used:
            self.used[known.name, routes] = known.used(routes)
        return self.used[known.name, routes]

    def _tell(self, observations: Iterable[Observation]) -> None:
        for told in observations:
            self.chooser.observe(told)

    def _down_nodes(self, request: int, time_s: float) -> list[str]:
        """Those that a request's plan needs, relays among them, and that are down now."""
        known = self.chosen[request]
        if known is None:
            return []
        conditions = self.stage.conditions
        down = conditions.state(time_s).nodes
        names = [conditions.instance.nodes[node].name for node in sorted(down)]
        return [name for name in names if name in known.needed]

    def _wait(self, known: Known, time_s: float) -> float:
        """Until the weights of a plan are there: with queues also those sent for before."""
        settings = self.stage.settings
        cost = settings.switch_cost if isinstance(settings.switch_cost, float) else None
        wait_s = switch_seconds(
            self.stage.conditions,
            self.in_use,
            known,
            time_s,
            cost,
            settings.weights_from,
            settings.clock,
        )
        if settings.queues == "none":
            return wait_s
        behind_s = max(0.0, self.ready_s - time_s)
        self.ready_s = time_s + behind_s + wait_s
        return behind_s + wait_s

    def row(self, passage: Passage) -> RequestRow:
        """Of a request that is over."""
        request = passage.request
        assert isinstance(request, int)
        known = self.chosen[request]
        return RequestRow(
            trace=self.stage.trace,
            adapt=self.adapt,
            seed=self.stage.measuring.seed,
            request=request,
            arrival_s=passage.arrival_s,
            plan="" if known is None else known.name,
            latency_s=passage.latency_s,
            restarted=passage.restarted,
            failed=int(passage.latency_s is None),
            decision_s=self.spent_s[request],
        )


def replayed(stage: Stage, adapt: str, chooser: Chooser) -> Iterator[RequestRow]:
    """The rows of all requests by one way, in the order in which they are over.

    A request lost with a node tells that the node is down, and is chosen for anew.
    """
    settings = stage.settings
    run = _Run(stage=stage, adapt=adapt, chooser=chooser, watch=Watch(stage.measuring))
    probes = None
    if settings.probe is not None and chooser.measures:
        probes = Probes(*settings.probe, stage.measuring.probed)
    world = World(
        stage.conditions,
        clock=settings.clock,
        queues=settings.queues,
        detect_s=settings.detect_s,
        replan=run.choose,
        probes=probes,
    )
    ended = partial(map, run.row)
    for request, time_s in enumerate(stage.arrivals_s):
        yield from ended(_requests(world.advance(time_s)))
        itinerary, wait_s = run.choose(request, time_s)
        world.enter(request, time_s, itinerary, wait_s)
    yield from ended(_requests(world.advance()))


def _requests(passages: list[Passage]) -> Iterator[Passage]:
    return (passage for passage in passages if not passage.probe)
