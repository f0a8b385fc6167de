"""The reference cost of a decision, by objective: what every solver's answer is held to."""

from __future__ import annotations

from splitfog.formulations.costs.batch import batch_cost
from splitfog.formulations.costs.latency import latency, period
from splitfog.formulations.costs.ledger import Cost
from splitfog.formulations.costs.makespan import makespan
from splitfog.formulations.costs.mean_latency import mean_latency
from splitfog.formulations.costs.throughput import throughput
from splitfog.formulations.decision import Decision
from splitfog.formulations.objective import Objective
from splitfog.formulations.passes import of_pass, sliced_passes
from splitfog.instances.instance import Instance

_COSTS = {
    "latency": latency,
    "period": period,
    "makespan": makespan,
    "mean-latency": mean_latency,
    "batch": batch_cost,
    "throughput": throughput,
}


def decision_cost(instance: Instance, decision: Decision, objective: Objective) -> Cost:
    """The cost of a decision by the formulas of docs/costs.md; inf where it is impossible.

    In seconds, of `throughput` those of an execution: less is better whatever the objective.

    Raises
    ------
    ValueError
        For `makespan`, `period` and `throughput` of sliced plans, which have none, and for slices
        of a model that is executed more than once.
    """
    if defects := list(sliced_passes(instance, decision)):
        raise ValueError(defects[0])
    instance = of_pass(instance, objective.pass_name)
    return _COSTS[objective.name](instance, decision, objective)
