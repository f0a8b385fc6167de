"""What the rows of one objective cost, by solver, instance and seed, in seconds an execution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite
from statistics import median_high, median_low

from splitfog.formulations.objective import flipped
from splitfog.studies.row import Row
from splitfog.studies.statistics.means import shifted_geometric_mean
from splitfog.studies.statistics.paired import advantage

InstanceKey = tuple[str, str | None]
"""Name and hash: what makes two rows be of one instance."""

Costs = dict[InstanceKey, dict[int, float | None]]
"""By instance and seed what a solver's plan costs; None without a plan."""


def instance_key(row: Row) -> InstanceKey:
    """The instance that a row is of."""
    return row.instance, row.instance_sha256


def cost_of(row: Row) -> float | None:
    """What a row's plan costs, less of which is better; None without a plan, or for a rate of 0."""
    cost = flipped(row.objective, row.value)
    return cost if cost is not None and isfinite(cost) else None


def solver_costs(rows: Sequence[Row]) -> dict[str, Costs]:
    """The costs of every solver that has rows."""
    found: dict[str, Costs] = {}
    for row in rows:
        own = found.setdefault(row.solver, {})
        own.setdefault(instance_key(row), {})[row.seed] = cost_of(row)
    return found


def baseline_costs(rows: Sequence[Row], baseline: str) -> Costs:
    """The baseline's costs; where it has no rows itself, what the others' speed-ups say of it."""
    costs = solver_costs(rows).get(baseline, {})
    for row in rows:
        cost, at = cost_of(row), instance_key(row)
        if cost is not None and row.speedup is not None:
            costs.setdefault(at, {}).setdefault(row.seed, cost * row.speedup)
    return costs


def advantages(costs: Costs, others: Costs) -> list[float]:
    """Of every instance that both have rows of, the median over shared seeds of the advantage.

    Seeds of one instance are no independent cases, so an instance counts once.
    """
    found = []
    for shared in _shared(costs, others):
        each = [advantage(mine, other) for mine, other in shared]
        low, high = median_low(each), median_high(each)
        found.append(low if low == high else 0.0 if low == -high else (low + high) / 2)
    return found


def mean_pairs(costs: Costs, others: Costs, shift_s: float) -> list[tuple[float, float]]:
    """Of every instance where both have plans at a seed, their mean costs over such seeds."""
    pairs = []
    for shared in _shared(costs, others):
        both = [(mine, other) for mine, other in shared if mine is not None and other is not None]
        if both:
            mine, other = (float(shifted_geometric_mean(each, shift_s)) for each in zip(*both))
            pairs.append((mine, other))
    return pairs


def _shared(costs: Costs, others: Costs) -> Iterator[list[tuple[float | None, float | None]]]:
    """Of every instance the pairs of costs at the seeds that both ran with, where there are any."""
    for instance, own in costs.items():
        theirs = others.get(instance, {})
        if found := [(cost, theirs[seed]) for seed, cost in own.items() if seed in theirs]:
            yield found


def solved(costs: Costs) -> set[InstanceKey]:
    """The instances with a plan at some seed."""
    return {at for at, own in costs.items() if any(cost is not None for cost in own.values())}


def typical(costs: Costs, instances: Sequence[InstanceKey]) -> list[float | None]:
    """Of each instance the median cost over seeds, the upper one of two; None without a plan.

    A failure is dearer than every plan.
    """
    found: list[float | None] = []
    for instance in instances:
        own = [inf if cost is None else cost for cost in costs.get(instance, {}).values()]
        middle = median_high(own) if own else inf
        found.append(middle if isfinite(middle) else None)
    return found


def values_by_instance(rows: Sequence[Row], values: Sequence[float]) -> Mapping[InstanceKey, float]:
    """The mean over an instance's rows of a value of each."""
    found: dict[InstanceKey, list[float]] = {}
    for row, value in zip(rows, values, strict=True):
        found.setdefault(instance_key(row), []).append(value)
    return {at: sum(own) / len(own) for at, own in found.items()}
