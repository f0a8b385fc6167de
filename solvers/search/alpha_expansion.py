"""`alpha-expansion`: latency on any nodes by moves that are minimum cuts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.tolerances import EQUAL
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.exact.ilp import offer_simple_plans
from splitfog.solvers.search.cheap_bounds import cheap_bound
from splitfog.solvers.search.expansion_energy import Energy, Labels
from splitfog.solvers.starts.packed_plans import offer_packed_plans
from splitfog.solvers.starts.placement_space import PlacementSpace, homeless
from splitfog.solvers.starts.warm_starts import warm_starts

CUT_SLACK = 1e-7
"""Relative slack left to cuts in whole numbers."""

PRICES = 10
"""Doublings, and halvings, of the price of a byte."""


def solve_alpha_expansion(request: Request) -> Answer:
    """A local minimum of latency under expansions: any set of layers may move to one node at once.

    After Y. Boykov, O. Veksler and R. Zabih, Fast approximate energy minimization via graph cuts,
    PAMI 2001: nodes are labels, and the best expansion of one node is a minimum cut. Nodes are
    taken in a seeded order until none improves. Starts from the start plan, else from the best
    plan with all layers on one node, else from a packing (`packed_plans`), else from any cheap
    solver's.

    Ours: groups move as one; ways that do not exist and `monotone` are infinite links; a tensor
    whose way over the new node would be cheaper than its own (latencies do that) has its mixed
    terms raised until the cut is one (after C. Rother et al., Digital Tapestry, CVPR 2005), and no
    move is taken that does not lower the reference cost. `once` is no sum over edges where a
    tensor has several readers: two cuts are then tried, with every reader's way paid, and with
    every way shared by the readers. Memory is respected from a feasible start on: a move that
    overfills its node is tried again at rising prices of a byte of weights there.

    Exact moves (no raised term, `per-edge` or single readers, no memory limit, finite ways) end
    within 2c of the optimum, c being the largest ratio of a tensor's dearest to its cheapest way
    between two different nodes: 2 where all ways of a tensor cost the same. `reason` says whether
    that holds. O(units + edges) a cut's size, one cut a node and round.
    """
    space = PlacementSpace(request.instance, request.objective)
    if (reason := homeless(space)) is not None:
        return Answer(None, infeasible=True, reason=reason)
    _offer_start(request)
    bound = cheap_bound(request.instance, request.objective, request.closing)
    if request.incumbent is None:
        return Answer(None, bound, reason="no feasible plan to start from was found")
    energy = Energy(space)
    stopped_by = _descend(request, energy)
    if bound is not None and request.incumbent_value <= bound * (1 + EQUAL):
        return Answer(request.incumbent, bound, stopped_by=stopped_by)
    factor = energy.guarantee()
    if stopped_by != "finished":
        factor = "no guarantee: time was over before no expansion gained"
    if isinstance(factor, str):
        return Answer(request.incumbent, bound, stopped_by=stopped_by, reason=factor)
    within = request.incumbent_value / factor * (1 - CUT_SLACK)
    reason = f"no expansion gains, hence at most {factor:.4g} times the optimum"
    return Answer(request.incumbent, max(within, bound or 0.0), reason=reason)


def _offer_start(request: Request) -> None:
    """The start plan is offered already; else the single nodes, else what is cheap."""
    if request.incumbent is None:
        offer_simple_plans(request)
    if request.incumbent is None:
        offer_packed_plans(request)
    if request.incumbent is None:
        for decision in warm_starts(request):
            if request.offer(decision):
                return


def _descend(request: Request, energy: Energy) -> StoppedBy:
    """Expansions of all nodes in a seeded order, until a whole round improves nothing."""
    rng = np.random.default_rng(request.seed)
    usable = np.flatnonzero(energy.space.allowed.any(axis=0))
    assert request.incumbent is not None
    labels = energy.labels_of(request.incumbent)
    failed = 0
    while failed < len(usable):
        for alpha in rng.permutation(usable).tolist():
            if request.out_of_time:
                return "time limit"
            better = _best_move(request, energy, labels, alpha)
            failed = failed + 1 if better is None else 0
            labels = labels if better is None else better
            if failed == len(usable):
                break
    return "finished"


def _best_move(request: Request, energy: Energy, labels: Labels, alpha: int) -> Labels | None:
    """The labels after the best expansion of a node that the reference cost confirms, if any."""
    best = None
    for shared in (False,) if energy.is_sum else (False, True):
        for moved in _moves(energy, labels, alpha, shared):
            if request.offer(energy.decision(moved)):
                best = moved
    energy.raised = energy.raised and best is None
    return best


def _moves(energy: Energy, labels: Labels, alpha: int, shared: bool) -> Iterator[Labels]:
    """The best expansion; if it overfills the node, those at prices of a byte that just fit.

    The price is doubled until the move fits, then halved in between (ours).
    """
    moved = energy.expanded(labels, alpha, shared)
    if moved is None:
        return
    yield moved
    if not energy.overfull(moved):
        return
    added = energy.space.weight_bytes[moved != labels].sum()
    price = energy.value(labels) / added * 2.0**-PRICES
    while moved is not None and energy.overfull(moved):
        price *= 2
        moved = energy.expanded(labels, alpha, shared, price)
    low, high = price / 2, price
    for _ in range(PRICES):
        if moved is not None and not energy.overfull(moved):
            yield moved
        middle = (low + high) / 2
        moved = energy.expanded(labels, alpha, shared, middle)
        fits = moved is None or not energy.overfull(moved)
        low, high = (low, middle) if fits else (middle, high)
