"""The least period where nodes are busy with what they send and receive, by bisection."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.tolerances import EQUAL
from splitfog.instances.records import changed
from splitfog.solvers.chains.cases import Cases
from splitfog.solvers.chains.dssr import Layout, best_layout


def least_period(
    cases: Cases, cost_of: Callable[[list[int]], float], free: Layout, deadline: Deadline
) -> Layout:
    """The best layout of all cases, up to a billionth.

    Whether a period can be kept is one search over the cases (`BusyLine`); a layout that is found
    lowers the upper end to what it costs.

    Parameters
    ----------
    cases
        That count the longest busy time, of nodes that send and receive at no cost.
    cost_of
        The period of nodes for the layers, inf where a rule is broken.
    free
        The best layout of such nodes.
    deadline
        When it must end.

    Returns
    -------
    Layout
    """
    if free.nodes is None:
        return free
    best = changed(free, cost=cost_of(free.nodes))
    while not best.is_late and best.bound < best.cost * (1 - EQUAL):
        counted = changed(cases, counting="busy", limit=(best.bound + best.cost) / 2)
        kept = best_layout(counted, _is_kept(counted, cost_of), deadline)
        if kept.nodes is not None:
            best = changed(best, nodes=kept.nodes, cost=cost_of(kept.nodes))
        elif kept.bound == inf:
            best = changed(best, bound=counted.limit)
        elif kept.is_late:
            best = changed(best, is_late=True)
        else:  # a link of a way may be used twice: not known whether the limit can be kept
            break
    return best


def _is_kept(cases: Cases, cost_of: Callable[[list[int]], float]) -> Callable[[list[int]], float]:
    """0 for nodes that keep the limit of cases, else inf."""
    return lambda nodes: 0.0 if cost_of(nodes) <= cases.slack else inf
