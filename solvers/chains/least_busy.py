"""The least period, by bisection: whether one can be kept is a search over the cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.tolerances import EQUAL, ROUNDING
from splitfog.instances.records import changed
from splitfog.solvers.chains.cases import Cases
from splitfog.solvers.chains.dssr import Layout, best_layout


def least_period(
    cases: Cases,
    cost_of: Callable[[list[int]], float],
    first: Layout,
    deadline: Deadline,
    values: Sequence[float] | None = None,
) -> Layout:
    """The best layout of all cases, up to a billionth.

    A layout that is found lowers the upper end to what it costs.

    Parameters
    ----------
    cases
        That keep their limit: with nodes that send and receive at no cost ("kept"), or that are
        busy with it ("busy").
    cost_of
        The period of nodes for the layers, inf where a rule is broken.
    first
        Any layout, or none where there is none, and a bound.
    deadline
        When it must end.
    values
        That periods may have, rising; None: any.

    Returns
    -------
    Layout
    """
    if first.nodes is None:
        return first
    best = changed(first, cost=cost_of(first.nodes))
    while not best.is_late and best.bound < best.cost * (1 - EQUAL):
        limit = _between(best.bound, best.cost, values)
        if limit is None:
            return changed(best, bound=best.cost)
        trial = changed(cases, limit=limit)
        kept = best_layout(trial, _is_kept(trial, cost_of), deadline, any_will_do=True)
        if kept.nodes is not None:
            best = changed(best, nodes=kept.nodes, cost=cost_of(kept.nodes))
        elif kept.bound == inf:
            best = changed(best, bound=limit)
        elif kept.is_late:
            best = changed(best, is_late=True)
        else:  # a link of a way may be used twice: not known whether the limit can be kept
            break
    return best


def _between(bound: float, cost: float, values: Sequence[float] | None) -> float | None:
    """A limit that may be kept though a bound cannot; None: there is no value below the cost."""
    if values is None:
        return (bound + cost) / 2
    inner = [own for own in values if bound * (1 + ROUNDING) < own < cost * (1 - ROUNDING)]
    return inner[len(inner) // 2] if inner else None


def _is_kept(cases: Cases, cost_of: Callable[[list[int]], float]) -> Callable[[list[int]], float]:
    """0 for nodes that keep the limit of cases, else inf."""
    return lambda nodes: 0.0 if cost_of(nodes) <= cases.slack else inf
