"""Requests one by one while links and nodes change: what is measured, and which plan each gets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from splitfog.deployment.driving.driver import Changing, RunPlan
from splitfog.deployment.driving.outcome import Outcome
from splitfog.deployment.splitting.manifest import Manifest
from splitfog.deployment.wire.frames import Varies
from splitfog.instances.arguments import wrong
from splitfog.instances.traces.records import Key
from splitfog.instances.traces.steps import StepFunction
from splitfog.instances.traces.trace import Trace

LEAD_S = 0.3
"""From when nodes are told of a trace until it begins."""


class Adapting(Protocol):
    """Who is told what is measured, and asked for a plan before each request."""

    def observe(self, time_s: float, **measured: Any) -> None:
        """Take in what was measured of one link or node."""

    def decide(self, time_s: float) -> Any:
        """What has the plan for the next request as `plan`, and why as `reason`."""


@dataclass(frozen=True, kw_only=True)
class Live:
    """How requests follow each other, and what changes meanwhile.

    Attributes
    ----------
    every_s : from one request to the next.
    traces : what changes with time; the rest is as the plans say.
    adapter : who chooses the plan of each request; None: plans take turns.
    """

    every_s: float
    traces: tuple[Trace, ...]
    adapter: Adapting | None


class Pilot:
    """Chooses the plan of each request, by what those before it have measured.

    Parameters
    ----------
    live
        Who chooses.
    plans
        What there is to choose from.
    origin_s
        When the trace begins, by the clock of the outcomes.
    """

    def __init__(self, live: Live, plans: Sequence[RunPlan], origin_s: float) -> None:
        self._adapter, self._plans, self._origin_s = live.adapter, plans, origin_s
        self._sent = 0

    def choose(self, now_s: float, ended: Sequence[Outcome]) -> RunPlan | str:
        """The plan of the next request, or why there is none."""
        self._sent += 1
        if self._adapter is None:
            return self._plans[(self._sent - 1) % len(self._plans)]
        for outcome in sorted(ended, key=lambda each: each.end_s):
            for at_s, measured in measurements(outcome):
                self._adapter.observe(at_s - self._origin_s, **measured)
        choice = self._adapter.decide(now_s - self._origin_s)
        if choice.plan is None:
            return str(choice.reason)
        found = next((p for p in self._plans if runs(p.program.manifest, choice.plan)), None)
        return "its plan is in none of the folders" if found is None else found


def runs(manifest: Manifest, plan: Any) -> bool:
    """Whether a folder's parts are those of a plan: every layer on the node where it places it."""
    placement = next((t.placement for t in plan.tasks if t.task == manifest.task), None)
    return placement is not None and all(
        placement.get(layer) == part.node for part in manifest.parts for layer in part.layers
    )


def measurements(outcome: Outcome) -> Iterator[tuple[float, dict[str, Any]]]:
    """What a request that has ended has measured, and when: links' bandwidths, nodes' loads.

    A link's is the bits of all that crossed it over the seconds that they took, without its
    latency as the plan has it; a node's what its parts took over what is predicted of them.
    """
    manifest = outcome.program.manifest
    links = {(link.tail, link.head): link for link in manifest.links}
    sent: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for hops in outcome.program.hops.values():
        for hop in hops:
            span, pair = outcome.spans[hop], (hop[1], hop[2])
            lag_s = links[pair].latency_s + links[pair].delay_s
            sums = sent[pair]
            sums[0] += 8.0 * outcome.program.tensors[hop[0]].bytes
            sums[1] += span.seconds - lag_s
            sums[2] = max(sums[2], span.end_s)
    for pair, (bits, seconds, at_s) in sent.items():
        if bits > 0 and seconds > 0:
            yield at_s, {"link": pair, "bandwidth_bps": bits / seconds}
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for part in manifest.parts:
        sums = spent[part.node]
        sums[0] += outcome.spans[part.name].seconds
        sums[1] += part.predicted_s
        sums[2] = max(sums[2], outcome.spans[part.name].end_s)
    for node, (seconds, predicted_s, at_s) in spent.items():
        if predicted_s > 0 and seconds > 0:
            yield at_s, {"node": node, "load": seconds / predicted_s}


def figures_of(traces: Sequence[Trace], manifests: Sequence[Manifest]) -> dict[Key, StepFunction]:
    """What traces say of the links and nodes that plans use.

    Raises
    ------
    ValueError
        For a figure that two traces give, one that cannot be had here, or where no plan uses
        anything that changes.
    """
    links = {(link.tail, link.head) for manifest in manifests for link in manifest.links}
    nodes = {part.node for manifest in manifests for part in manifest.parts}
    found: dict[Key, StepFunction] = {}
    given: set[Key] = set()
    for trace in traces:
        for position, series in enumerate(trace.series):
            at = f"{trace.name}: series[{position}]"
            if series.node is not None and series.quantity == "up":
                raise ValueError(f"{at}: a node goes down, which only a replay can show")
            for key in series.keys:
                if key in given:
                    raise ValueError(f"{at} gives a figure that another series gives, too")
                given.add(key)
                place = key[1:3] if key[0] == "link" else key[1]
                if place in links or place in nodes:
                    found[key] = trace.figures[key]
    if given and not found:
        used = ", ".join([*(f"{tail} -> {head}" for tail, head in sorted(links)), *sorted(nodes)])
        raise wrong("trace", [trace.name for trace in traces], f"of what the plans use: {used}")
    return found


def changing(node: str, figures: Mapping[Key, StepFunction]) -> tuple[Changing, ...]:
    """What a node is told of figures that change: its own, and those of links out of it."""
    return tuple(
        _changing(key[2] if key[0] == "link" else None, key[-1], function)
        for key, function in figures.items()
        if key[1] == node
    )


def _changing(head: str | None, quantity: Any, function: StepFunction) -> Changing:
    import numpy as np

    steps = np.stack([function.times, function.values], axis=1).astype(np.float64)
    varies = Varies(
        run="",
        head=head,
        quantity=quantity,
        duration_s=function.duration_s,
        end=function.end,
    )
    return Changing(varies, steps.tobytes())
