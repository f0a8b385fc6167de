"""How a run goes: plans read, nodes found or started, requests sent, figures put together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from splitfog.deployment.driving.driver import Driver, Notice, RunPlan
from splitfog.deployment.driving.figures import with_bandwidths
from splitfog.deployment.driving.live import LEAD_S, Live, Pilot, changing, figures_of
from splitfog.deployment.driving.live_report import LiveReport, live_report
from splitfog.deployment.driving.outcome import Outcome
from splitfog.deployment.driving.peers import Orders
from splitfog.deployment.driving.places import (
    Listening,
    Machines,
    Started,
    on_machines,
    on_this_machine,
)
from splitfog.deployment.driving.report import PlanReport, RunReport, plan_report
from splitfog.deployment.runtime.held import manifest_sha256
from splitfog.deployment.runtime.program import Program
from splitfog.deployment.splitting.check import random_layers
from splitfog.deployment.splitting.comparison import Values, whole_outputs
from splitfog.deployment.splitting.manifest import ManifestLink, load_manifest, manifest_path
from splitfog.deployment.splitting.timeline import predicted_timeline
from splitfog.deployment.wire.frames import LinkTo

MOST_INPUTS = 4
"""So many different inputs at most go through a model; later requests have the same again."""

ANSWER_S = 5.0
"""A node must answer within so many seconds."""

LEAST_TIMEOUT_S, SLACK = 10.0, 10.0
"""A request has the one, and so many times what is predicted of it, before it is lost."""

LIVE_TIMEOUT_S = 60.0
"""In place of the former while links change, and may stall for a while."""

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How a run is to be.

    Attributes
    ----------
    requests, concurrency : how many in all, through the plans in turn, and how many at once.
    bandwidths : bit/s by (tail, head) in place of the plans'; predictions follow.
    slowness : by node: its parts take so many times their CPU time, >= 1.
    timeout_s : a request that takes longer is lost; None: by what is predicted.
    seed : of the inputs, of which at most four are different.
    paced : whether links keep to the plans' bandwidths and latencies; without it they are as fast
        as they are.
    live : requests at their times, while figures change; None: one after the other.
    """

    requests: int = 10
    concurrency: int = 1
    bandwidths: Mapping[Pair, float]
    slowness: Mapping[str, float]
    timeout_s: float | None = None
    seed: int = 0
    paced: bool = True
    live: Live | None = None

    @property
    def slots(self) -> int:
        """How many requests are under way at most."""
        return min(self.requests, self.concurrency)


def run_plans(
    directories: Sequence[str | os.PathLike[str]],
    conditions: Conditions,
    machines: Machines | None = None,
    *,
    started: Started | None = None,
    notice: Notice | None = None,
) -> RunReport:
    """Send requests through plans and report what they took beside what is predicted; see `run`.

    Parameters
    ----------
    directories
        What `split` wrote, one a plan; their names are the plans'.
    conditions
        Of the run.
    machines
        Where nodes run already; None: they are processes of this machine, started and ended here.
    started
        Without `machines`: called with the process id of every node, once all listen.
    notice
        Called at once with a sentence on what goes wrong: a node that is gone, a link that stalls.

    Returns
    -------
    RunReport

    Raises
    ------
    InstanceError, ValueError
        Naming the file, node or option that is wrong, or the node that does not answer.
    """
    plans = _plans(directories, conditions)
    nodes = list(dict.fromkeys(node for plan in plans for node in plan.program.nodes))
    _require_known(plans, nodes, conditions)
    with ExitStack() as stack:
        if machines is None:
            manifests = {n: [p.path for p in plans if n in p.program.nodes] for n in nodes}
            wait = stack.enter_context(on_this_machine(manifests, started))
        else:
            wait = stack.enter_context(on_machines(machines, nodes))
        whole = [
            whole_outputs(
                plan.path.parent,
                plan.program.manifest,
                min(conditions.requests, MOST_INPUTS),
                conditions.seed,
            )
            for plan in plans
        ]
        return _driven(plans, whole, conditions, wait(), notice or _ignore)


@dataclass(frozen=True)
class _Plan:
    """A plan's folder, read."""

    name: str
    path: Path
    program: Program


def _driven(
    plans: Sequence[_Plan],
    whole: Sequence[tuple[list[Values], list[Values]]],
    conditions: Conditions,
    listening: Listening,
    notice: Notice,
) -> RunReport:
    """The run itself, over nodes that listen."""
    context, socket, network = listening
    run_plans = [
        RunPlan(
            name=plan.name,
            program=plan.program,
            given=given,
            timeout_s=_timeout_s(plan, conditions),
        )
        for plan, (given, _) in zip(plans, whole, strict=True)
    ]
    driver = Driver(context, socket, network, run_plans, slots=conditions.slots, notice=notice)
    try:
        driver.greet(_orders(plans, network.places, conditions), ANSWER_S)
        driver.send(len(plans), 1)
        outcomes, live = [], None
        if not driver.interrupted and conditions.live is None:
            outcomes = driver.send(conditions.requests, conditions.slots)
        elif not driver.interrupted and conditions.live is not None:
            outcomes, live = _followed(driver, run_plans, conditions, conditions.live)
    finally:
        driver.close()
    reports = []
    for plan, (_, expected) in zip(plans, whole, strict=True):
        own = [outcome for outcome in outcomes if outcome.plan == plan.name]
        report = plan_report(plan.name, plan.program, own, expected)
        reports.append(_without_chance(plan, report, notice))
    return RunReport(tuple(reports), driver.interrupted, live)


def _followed(
    driver: Driver, plans: Sequence[RunPlan], conditions: Conditions, live: Live
) -> tuple[list[Outcome], LiveReport]:
    """Requests at their times, each by the plan that is chosen then."""
    nodes = dict.fromkeys(node for plan in plans for node in plan.program.nodes)
    figures = figures_of(live.traces, [plan.program.manifest for plan in plans])
    origin_s = driver.trace({node: changing(node, figures) for node in nodes}, LEAD_S)
    arrivals_s = [origin_s + number * live.every_s for number in range(conditions.requests)]
    pilot = Pilot(live, plans, origin_s)
    outcomes = driver.follow(arrivals_s, conditions.slots, pilot.choose)
    return outcomes, live_report(outcomes, live.every_s)


def _without_chance(plan: _Plan, report: PlanReport, notice: Notice) -> PlanReport:
    """The report without disagreement, where the model draws random numbers; that is said."""
    if report.agreement is None or not report.agreement.faults:
        return report
    drawn = random_layers(plan.path.parent, plan.program.manifest)
    if drawn is None:
        return report
    notice(f"{plan.name}: {drawn}")
    return replace(report, agreement=None)


def _ignore(sentence: str) -> None:
    """Whoever wants no notice still has the report."""


def _plans(directories: Sequence[str | os.PathLike[str]], conditions: Conditions) -> list[_Plan]:
    plans = []
    for directory in directories:
        path = manifest_path(directory).resolve()
        manifest = with_bandwidths(load_manifest(path), conditions.bandwidths)
        plans.append(_Plan(path.parent.name, path, Program(manifest)))
    names = [plan.name for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two folders are called {name}, and so would be their plans")
    return plans


def _require_known(plans: Sequence[_Plan], nodes: Sequence[str], conditions: Conditions) -> None:
    """Raise unless all nodes and links that were named are used, and plans agree on links."""
    links = _links(plans)
    if conditions.live is not None:
        figures_of(conditions.live.traces, [plan.program.manifest for plan in plans])
    for tail, head in conditions.bandwidths:
        if (tail, head) not in links:
            known = ", ".join(f"{a},{b}" for a, b in links) or "none"
            raise ValueError(f"no tensor crosses a link {tail},{head}; those crossed are: {known}")
    for node in conditions.slowness:
        if node not in nodes:
            raise ValueError(f"node {node!r} is unknown, must be one of {', '.join(nodes)}")


def _links(plans: Sequence[_Plan]) -> dict[Pair, ManifestLink]:
    """All links of the plans, which must have the same figures in each."""
    found: dict[Pair, ManifestLink] = {}
    for plan in plans:
        for link in plan.program.manifest.links:
            if found.setdefault((link.tail, link.head), link) != link:
                raise ValueError(
                    f"{plan.path}: the link from {link.tail} to {link.head} has other figures than "
                    "in another plan, must have the same in all"
                )
    return found


def _timeout_s(plan: _Plan, conditions: Conditions) -> float:
    if conditions.timeout_s is not None:
        return conditions.timeout_s
    manifest = plan.program.manifest
    longest_s = max(predicted_timeline(manifest).end_s, manifest.predicted.latency_s or 0.0)
    slowest = max([1.0, *conditions.slowness.values()])
    least_s = LEAST_TIMEOUT_S if conditions.live is None else LIVE_TIMEOUT_S
    return least_s + SLACK * longest_s * slowest * conditions.slots


def _orders(
    plans: Sequence[_Plan], places: Mapping[str, str], conditions: Conditions
) -> dict[str, Orders]:
    """What every node is told."""
    hashes = {plan.name: manifest_sha256(plan.path) for plan in plans}
    links = _links(plans)
    return {
        node: Orders(
            plans={p.name: hashes[p.name] for p in plans if node in p.program.nodes},
            links=tuple(_out_of(node, links, places, conditions.paced)),
            slowness=conditions.slowness.get(node, 1.0),
        )
        for node in places
    }


def _out_of(
    node: str, links: Mapping[Pair, ManifestLink], places: Mapping[str, str], paced: bool
) -> Iterator[LinkTo]:
    for (tail, head), link in links.items():
        if tail == node:
            yield LinkTo(
                head=head,
                endpoint=places[head],
                bandwidth_bps=link.bandwidth_bps if paced else None,
                latency_s=link.latency_s if paced else 0.0,
                delay_s=link.delay_s if paced else 0.0,
            )
