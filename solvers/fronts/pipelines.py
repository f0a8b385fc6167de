"""Fronts of a chain's contiguous placements, by the programs of `pipeline`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.decision import Decision
from splitfog.formulations.fronts.criteria import Criterion
from splitfog.formulations.parametric.parameter import Line
from splitfog.formulations.passes import of_pass
from splitfog.formulations.plan import OPTIMALITY_GAP
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.chains.chain import Chain, Crossings, chain_for
from splitfog.solvers.chains.dssr import Layout
from splitfog.solvers.chains.pipeline import Pipeline, period_of
from splitfog.solvers.fronts.archive import Archive
from splitfog.solvers.parametric.envelope import OracleAnswer, lower_envelope

NAME = "pipeline front"
RESOLUTION = 1e-8
"""By how much, relative to its value, a limit on the period falls below the last point's."""
HIGHEST_PRICE = 1e6
"""At which all of one latency costs this many times the other's least value."""


def latency_and_period(archive: Archive, deadline: Deadline) -> bool:
    """Offer a plan for every point; whether they are all of all placements that are allowed.

    The least latency under a limit on the period, which then falls just below that plan's period.
    One run of `pipeline` for every point. Points whose periods are closer than `RESOLUTION` count
    as one.

    Raises
    ------
    SolverDeclined
        Unless the criteria are latency and period of one pass (or of the request), the model is a
        chain, all nodes compute while they send, and every limit was settled.
    TimeIsUp
        When time is over; what was found is in the archive.
    """
    kinds = {criterion.kind: criterion for criterion in archive.criteria.each}
    if set(kinds) != {"latency", "period"} or len(archive.criteria.each) != 2:
        raise SolverDeclined(NAME, "the criteria must be a latency and a period")
    if kinds["latency"].pass_name != kinds["period"].pass_name:
        raise SolverDeclined(NAME, "latency and period must be of one pass")
    pipeline = _pipeline(archive, kinds["latency"])
    pipeline.require_overlap()
    limit = inf
    while True:
        layout = pipeline.best(limit, deadline)
        if (decision := _offered(archive, pipeline, layout)) is None:
            return archive.criteria.objective.contiguous is not None
        limit = period_of(pipeline.instance, decision) * (1 - RESOLUTION)


def two_latencies(archive: Archive, deadline: Deadline) -> bool:
    """Offer a plan for every point on the lower convex hull; whether of all placements allowed.

    A weighted sum of the latencies of two passes is the latency of a chain with weighted times: one
    run of `pipeline` for every weight that Eisner and Severance's recursion asks for.

    Raises
    ------
    SolverDeclined
        Unless the criteria are the latencies of two passes, the model is a chain, and every run was
        settled.
    TimeIsUp
        When time is over; what was found is in the archive.
    """
    each = archive.criteria.each
    if [criterion.kind for criterion in each] != ["latency"] * 2:
        raise SolverDeclined(NAME, "the criteria must be two latencies")
    pipelines = [_pipeline(archive, criterion) for criterion in each]
    is_all = all(pipeline.is_best_of_all for pipeline in pipelines)
    first = _offered(archive, pipelines[0], pipelines[0].best(inf, deadline))
    second = _offered(archive, pipelines[1], pipelines[1].best(inf, deadline))
    if first is None or second is None:
        return is_all
    least = archive.criteria.values(first)[0], archive.criteria.values(second)[1]
    if min(least) == 0:
        raise SolverDeclined(NAME, "a latency of 0 has no weight")

    def ask(price: float) -> OracleAnswer[Decision]:
        priced = _Priced.of(pipelines[0], pipelines[1], price)
        decision = _offered(archive, priced, priced.best(inf, deadline))
        assert decision is not None  # prices change no feasibility
        return OracleAnswer(Line(*archive.criteria.values(decision)), decision)

    unit = least[0] / least[1]
    lower_envelope(ask, unit / HIGHEST_PRICE, unit * HIGHEST_PRICE)
    return is_all


def _pipeline(archive: Archive, criterion: Criterion) -> Pipeline:
    """The pipeline of a cost among the criteria."""
    objective = archive.criteria.objective_of(criterion)
    instance = of_pass(archive.criteria.instance, criterion.pass_name)
    return Pipeline(chain_for(instance, objective), objective)


def _offered(archive: Archive, pipeline: Pipeline, layout: Layout) -> Decision | None:
    """A layout's decision, which the archive is offered; None where there is none."""
    if layout.is_late:
        raise TimeIsUp("the time was over before the front was finished")
    if layout.nodes is None and layout.bound == inf:
        return None
    if layout.nodes is None or layout.bound < layout.cost * (1 - OPTIMALITY_GAP):
        raise SolverDeclined(NAME, "a plan uses a link twice, so a limit is not settled")
    decision = pipeline.chain.decision(layout.nodes)
    archive.offer(decision)
    return decision


@dataclass(frozen=True, eq=False)
class _Priced(Pipeline):
    """The latency of one pass and, at a price, that of another."""

    one: Pipeline
    other: Pipeline
    price: float

    @classmethod
    def of(cls, one: Pipeline, other: Pipeline, price: float) -> _Priced:
        """As a pipeline, whose chain has weighted times."""
        return cls(_weighted(one.chain, other.chain, price), one.objective, one, other, price)

    def cost_of(self, nodes: list[int], limit: float = inf, on: Instance | None = None) -> float:
        """As of a pipeline."""
        return self.one.cost_of(nodes, limit, on) + self.price * self.other.cost_of(
            nodes, limit, on
        )


def _weighted(one: Chain, other: Chain, price: float) -> Chain:
    """The chain whose times are those of one and, at a price, those of another."""
    ways = [
        getattr(one.ways, name) + price * getattr(other.ways, name)
        for name in ("enter", "hops", "leave")
    ]
    costs_s = one.costs_s + price * other.costs_s
    return changed(one, costs_s=costs_s, ways=Crossings(*ways))
