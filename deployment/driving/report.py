"""What a run has measured, beside what was predicted of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from splitfog.deployment.driving.figures import link_seconds
from splitfog.deployment.driving.live_report import LiveReport
from splitfog.deployment.driving.outcome import Outcome, Span
from splitfog.deployment.runtime.program import Program, Step
from splitfog.deployment.splitting.comparison import Agreement, Values, agreement
from splitfog.deployment.splitting.timeline import predicted_timeline
from splitfog.instances.readable import counted, html_table, html_text, in_seconds


@dataclass(frozen=True, kw_only=True)
class LinkFigures:
    """A directed link: bytes and seconds of one request, the median over requests.

    Attributes
    ----------
    tail, head : its ends.
    bytes : that cross it.
    measured_s : None where no request has ended.
    predicted_s : by its bandwidth and latency.
    """

    tail: str
    head: str
    bytes: int
    measured_s: float | None
    predicted_s: float


@dataclass(frozen=True, kw_only=True)
class PartFigures:
    """A part: seconds of one request, the median over requests.

    Attributes
    ----------
    name, node : which, and where.
    measured_s : by the clock; None where no request has ended.
    cpu_s : of the processor, without what a slower node sleeps.
    predicted_s : by the manifest.
    """

    name: str
    node: str
    measured_s: float | None
    cpu_s: float | None
    predicted_s: float


@dataclass(frozen=True, kw_only=True)
class PlanReport:
    """A plan's requests in a run.

    Attributes
    ----------
    plan : its name: that of its folder.
    program : of its manifest, with the bandwidths of the run.
    latencies_s : of the requests that have ended, from their inputs to their last output.
    throughput_per_s : requests ended per second; None where none has.
    lost : (which of the plan's requests, from 1, and why) of the others.
    predicted_s : latency that the plan claims; None where it has none.
    predicted_parts_s : latency at part level, where branches overlap.
    predicted_period_s : the longest that one request occupies a node or a link.
    links, parts : one by one.
    agreement : of the outputs with the whole model's; None where no request has ended.
    shown : the steps of the request of median latency, in seconds after it began.
    """

    plan: str
    program: Program
    latencies_s: tuple[float, ...]
    throughput_per_s: float | None
    lost: tuple[tuple[int, str], ...]
    predicted_s: float | None
    predicted_parts_s: float
    predicted_period_s: float | None
    links: tuple[LinkFigures, ...]
    parts: tuple[PartFigures, ...]
    agreement: Agreement | None
    shown: Mapping[Step, Span]

    @property
    def median_s(self) -> float | None:
        """Median latency."""
        return median(self.latencies_s) if self.latencies_s else None

    @property
    def p95_s(self) -> float | None:
        """The latency that 95 % of the requests keep below, interpolated."""
        if not self.latencies_s:
            return None
        import numpy as np

        return float(np.percentile(self.latencies_s, 95))

    @property
    def passed(self) -> bool:
        """Whether no request is lost and all outputs agree with the whole model's."""
        return not self.lost and (self.agreement is None or not self.agreement.faults)

    def figures(self) -> dict[str, Any]:
        """What `splitfog run --json` prints of one plan.

        Returns
        -------
        dict[str, Any]
        """
        return {
            "measured": {
                "median_s": self.median_s,
                "p95_s": self.p95_s,
                "throughput_per_s": self.throughput_per_s,
            },
            "predicted": {
                "latency_s": self.predicted_s,
                "parts_s": self.predicted_parts_s,
                "period_s": self.predicted_period_s,
            },
            "links": [
                {
                    "from": link.tail,
                    "to": link.head,
                    "bytes": link.bytes,
                    "measured_s": link.measured_s,
                    "predicted_s": link.predicted_s,
                }
                for link in self.links
            ],
            "parts": [
                {
                    "name": part.name,
                    "measured_s": part.measured_s,
                    "predicted_s": part.predicted_s,
                }
                for part in self.parts
            ],
        }


@dataclass(frozen=True)
class RunReport:
    """A run.

    Attributes
    ----------
    plans : one report each.
    interrupted : whether Ctrl-C has ended it.
    live : the requests one by one, of a run with a trace or an adapter; else None.
    """

    plans: tuple[PlanReport, ...]
    interrupted: bool
    live: LiveReport | None = None

    @property
    def passed(self) -> bool:
        """Whether no request is lost and all outputs agree with the whole models'."""
        sent = () if self.live is None else self.live.requests
        return all(plan.passed for plan in self.plans) and all(
            request.latency_s is not None for request in sent
        )

    def figures(self) -> dict[str, Any] | list[dict[str, Any]]:
        """What `splitfog run --json` prints: of several plans a list, each with its name.

        Of a live run its requests, with such a list as `plans`.

        Returns
        -------
        dict[str, Any] | list[dict[str, Any]]
        """
        if self.live is not None:
            plans = [{"plan": plan.plan, **plan.figures()} for plan in self.plans]
            return {**self.live.figures(), "plans": plans}
        if len(self.plans) == 1:
            return self.plans[0].figures()
        return [{"plan": plan.plan, **plan.figures()} for plan in self.plans]

    def _repr_html_(self) -> str:
        """For notebooks: measured beside predicted, part by part and link by link."""
        plans = [_html(plan) for plan in self.plans if plan.latencies_s or plan.lost]
        if self.live is not None:
            mean = "-" if self.live.mean_s is None else in_seconds(self.live.mean_s)
            sent = counted(len(self.live.requests), "request")
            told = f"{sent}, {self.live.switches} switches, {self.live.lost} lost: mean {mean}"
            plans.insert(0, f"<p>{html_text(told)}</p>")
        return "\n".join(plans)


def plan_report(
    name: str, program: Program, outcomes: Sequence[Outcome], expected: Sequence[Values]
) -> PlanReport:
    """The report of a plan.

    Parameters
    ----------
    name, program
        Of the plan.
    outcomes
        Of its requests.
    expected
        Outputs of the whole model for each of the seeded inputs.
    """
    done = [outcome for outcome in outcomes if outcome.lost is None]
    manifest = program.manifest
    timeline = predicted_timeline(manifest)
    compared = None
    if done:
        right = [expected[outcome.given] for outcome in done]
        compared = agreement(manifest, right, [outcome.outputs for outcome in done])
    return PlanReport(
        plan=name,
        program=program,
        latencies_s=tuple(outcome.latency_s for outcome in done),
        throughput_per_s=_throughput(done),
        lost=tuple((i, o.lost) for i, o in enumerate(outcomes, 1) if o.lost is not None),
        predicted_s=manifest.predicted.latency_s,
        predicted_parts_s=timeline.end_s,
        predicted_period_s=manifest.predicted.period_s,
        links=tuple(_links(program, done)),
        parts=tuple(_parts(program, done)),
        agreement=compared,
        shown=_middle(done).relative() if done else {},
    )


def _html(plan: PlanReport) -> str:
    rows = [("latency, median", plan.median_s, plan.predicted_s)]
    rows += [(f"part {p.name}", p.measured_s, p.predicted_s) for p in plan.parts]
    rows += [
        (f"{link.tail} → {link.head}", link.measured_s, link.predicted_s) for link in plan.links
    ]
    done, lost = len(plan.latencies_s), len(plan.lost)
    heading = f"{plan.plan}: {counted(done, 'request')}, {lost} lost"
    shown = [
        [name, *("-" if value is None else in_seconds(value) for value in values)]
        for name, *values in rows
    ]
    return f"<p>{html_text(heading)}</p>\n{html_table(['', 'measured', 'predicted'], shown)}"


def _throughput(done: Sequence[Outcome]) -> float | None:
    if not done:
        return None
    begun_s = min(outcome.begun_s or 0.0 for outcome in done)
    return len(done) / (max(outcome.end_s for outcome in done) - begun_s)


def _middle(done: Sequence[Outcome]) -> Outcome:
    return sorted(done, key=lambda outcome: outcome.latency_s)[(len(done) - 1) // 2]


def _links(program: Program, done: Sequence[Outcome]) -> Iterable[LinkFigures]:
    crossing: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for hop in (hop for hops in program.hops.values() for hop in hops):
        crossing[hop[1], hop[2]].append(hop)
    predicted = link_seconds(program.manifest)
    for link in program.manifest.links:
        pair = (link.tail, link.head)
        if pair not in crossing:
            continue
        spent = [sum(o.spans[step].seconds for step in crossing[pair]) for o in done]
        yield LinkFigures(
            tail=link.tail,
            head=link.head,
            bytes=sum(program.tensors[step[0]].bytes for step in crossing[pair]),
            measured_s=median(spent) if spent else None,
            predicted_s=predicted[pair],
        )


def _parts(program: Program, done: Sequence[Outcome]) -> Iterable[PartFigures]:
    for part in program.manifest.parts:
        yield PartFigures(
            name=part.name,
            node=part.node,
            measured_s=median(o.spans[part.name].seconds for o in done) if done else None,
            cpu_s=median(o.cpu_s[part.name] for o in done) if done else None,
            predicted_s=part.predicted_s,
        )
