"""What a plan means for who asks a language model: times of tokens, and its stages in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import inf

from splitfog.formulations.costs.latency import latency, occupied
from splitfog.formulations.costs.ledger import request_time
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.passes import of_pass
from splitfog.formulations.phases import DECODE, PREFILL, mean_of, phase_of
from splitfog.instances.changes import with_one_task
from splitfog.instances.instance import Instance
from splitfog.instances.readable import span
from splitfog.instances.records import Model, Pass, Task


@dataclass(frozen=True)
class Visit:
    """A stage of a pipeline: a run of layers on a node, all by position."""

    node: int
    layers: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """The executions of a request that are of one phase, in the mean of one of them.

    Attributes
    ----------
    name, count
        Of the phase, and how many executions it has.
    latency_s
        Of a request that is alone; inf where it is impossible.
    period_s, busiest
        Between two executions where as many requests as the nodes can serve are under way, and the
        node or link that never rests then.
    visits_s
        Seconds of computing in every visit.
    """

    name: str
    count: int
    latency_s: float
    period_s: float
    busiest: str
    visits_s: tuple[float, ...]


@dataclass(frozen=True)
class RequestTimes:
    """The only task of an instance, of a model with passes, and where its layers are."""

    instance: Instance
    answer: TaskDecision

    @property
    def task(self) -> Task:
        """Whose request it is."""
        return self.instance.tasks[0]

    @property
    def model(self) -> Model:
        """The task's."""
        return self.instance.model_of(self.task)

    @cached_property
    def visits(self) -> tuple[Visit, ...]:
        """Runs of layers on one node, in topological order; input layers occupy none."""
        places, layers = self.answer.placement, self.model.layers
        order = [i for i in self.model.order.tolist() if layers[i].op != "input"]
        runs = groupby(order, key=lambda layer: int(places[layer]))
        return tuple([Visit(node, tuple(run)) for node, run in runs])

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """In order of the passes."""
        passes: dict[str, list[Pass]] = {}
        for one in self.model.passes or ():
            passes.setdefault(phase_of(one.name), []).append(one)
        return tuple([self._phase(name, members) for name, members in passes.items()])

    def phase(self, name: str) -> Phase | None:
        """The phase of a name; None: there is none."""
        return next((phase for phase in self.phases if phase.name == name), None)

    def _phase(self, name: str, passes: list[Pass]) -> Phase:
        counts = [one.count for one in passes]
        seen = [of_pass(self.instance, one.name) for one in passes]
        costs = [latency(one, Decision((self.answer,)), Objective("latency")) for one in seen]
        busy_s = [
            (*occupied(one, cost.ledger), *cost.ledger.link_busy_s)
            for one, cost in zip(seen, costs, strict=True)
        ]
        means_s = [mean_of(counts, own) for own in zip(*busy_s, strict=True)]
        visits_s = zip(*[self._computing(one) for one in seen], strict=True)
        latency_s, period_s = mean_of(counts, costs), max(means_s)
        return Phase(
            name=name,
            count=sum(counts),
            latency_s=latency_s,
            period_s=period_s if latency_s < inf else inf,
            busiest=self._places[means_s.index(period_s)],
            visits_s=tuple([mean_of(counts, own) for own in visits_s]),
        )

    def _computing(self, seen: Instance) -> list[float]:
        """Seconds of every visit in the pass that is seen."""
        model = seen.model_of(self.task)
        return [
            sum(request_time(model, layer, seen.nodes[visit.node]) for layer in visit.layers)
            for visit in self.visits
        ]

    @property
    def _places(self) -> list[str]:
        """Names of all nodes, then of all directed links."""
        names = [node.name for node in self.instance.nodes]
        links = self.instance.directed_links
        return [*names, *(f"{names[link.tail]} -> {names[link.head]}" for link in links)]


def request_times(instance: Instance, decision: Decision) -> Iterator[RequestTimes]:
    """Of every task whose model lists passes, in the file's order."""
    for position, task in enumerate(instance.tasks):
        if instance.model_of(task).passes is not None and not decision.tasks[position].stages:
            yield RequestTimes(with_one_task(instance, position), decision.tasks[position])


def request_lines(times: RequestTimes, shown: Callable[[float], str]) -> Iterator[str]:
    """TTFT, TPOT and pipelined tokens a second, and the latency of other phases.

    `shown` writes seconds.
    """
    for phase in times.phases:
        if phase.latency_s == inf:
            yield f"{phase.name} impossible"
        elif phase.name == PREFILL:
            yield f"TTFT {shown(phase.count * phase.latency_s)}"
        elif phase.name == DECODE:
            yield f"TPOT {shown(phase.latency_s)} ({per_second(phase.latency_s)} tokens/s)"
            yield f"pipelined {per_second(phase.period_s)} tokens/s, limited by {phase.busiest}"
        else:
            yield f"{phase.name} x {phase.count}: {shown(phase.latency_s)} each"


def stage_heads(times: RequestTimes) -> list[str]:
    """What the rows of `stage_rows` hold."""
    rate = ["tokens/s"] if times.phase(DECODE) else []
    return ["node", "layers", *(phase.name for phase in times.phases), *rate]


def stage_rows(times: RequestTimes, shown: Callable[[float], str]) -> list[list[str]]:
    """A row for every stage in order of visit: its node, its layers, seconds and tokens a second.

    The seconds are those of one execution of every phase.
    """
    layers, nodes, decode = times.model.layers, times.instance.nodes, times.phase(DECODE)
    rows = []
    for place, visit in enumerate(times.visits):
        run = span([layers[i].name for i in visit.layers])
        seconds = [shown(phase.visits_s[place]) for phase in times.phases]
        rate = [per_second(decode.visits_s[place])] if decode else []
        rows.append([nodes[visit.node].name, run, *seconds, *rate])
    return rows


def per_second(seconds: float) -> str:
    """How often a second something happens that takes so long: `20.8`."""
    if not seconds:
        return "-"
    rate = 1 / seconds
    return f"{rate:.4g}" if rate < 1e4 else f"{rate:.0f}"
