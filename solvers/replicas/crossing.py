"""What slow links between sites cost: a bound below that of work alone."""

from __future__ import annotations

import numpy as np

from splitfog.instances.arrays import Floats
from splitfog.solvers.replicas.fleet import Fleet
from splitfog.solvers.replicas.sites import sites_at
from splitfog.solvers.replicas.starts import Links

ROUNDS = 50
"""Halvings of the rate."""


def crossing_bound(fleet: Fleet, links: Links, bound: float) -> float:
    """A rate that nothing carries, at most `bound`, by the price of crossings between sites.

    Suppose that F flows, and that no site holds all layers, so that every execution crosses from
    one to another. A node that passes f of it does at most w(f) = f max{k: T(k) >= f} of work, and
    loses l(f) = max_k k min(T(k), F) - w(f). If j sends to i, all that passes both takes the link
    between them: f_j + f_i - F <= c, what the fastest link between sites carries. Spread over what
    comes in and what goes out a node's loss is at least half of l(f) / f for each execution that
    crosses, so the losses come to at least F/2 times the least l(f_j) / f_j + l(f_i) / f_i under
    that rule. Nodes that have not that much work to lose refute F. Not for `partial`.

    Parameters
    ----------
    fleet, links
        The fleet, and what routes carry.
    bound
        Executions per second that nothing exceeds.

    Returns
    -------
    float
        Executions per second.
    """
    sites = sites_at(fleet, links, bound)
    held = np.arange(fleet.num_layers + 1)
    most = np.where(fleet.by_count > 0, held, 0).max(axis=1)
    if fleet.objective.partial or len(sites) < 2 or fleet.num_layers < 2:
        return bound
    if any(most[list(site)].sum() >= fleet.num_layers for site in sites):
        return bound
    fastest = _between_sites(fleet, links, sites)
    rows = np.array([fleet.by_count[nodes[0]] for nodes in fleet.types])
    counts = np.array([len(nodes) for nodes in fleet.types])
    low, high = fastest, bound
    for _ in range(ROUNDS):
        if low >= high * (1 - 1e-9):
            break
        rate = (low + high) / 2
        work = (held * np.minimum(rows, rate)).max(axis=1)
        spare = float(counts @ work) - rate * fleet.num_layers
        if spare < 0.5 * rate * _least_loss(rows, work, rate, fastest) * (1 - 1e-9):
            high = rate
        else:
            low = rate
    return high


def _between_sites(fleet: Fleet, links: Links, sites: tuple[tuple[int, ...], ...]) -> float:
    """Executions per second that the fastest route between two sites carries, of any tensor."""
    size = min(links.sizes[1:-1])
    if size == 0:
        return np.inf
    fastest = 0.0
    for site in sites:
        others = sorted({node for other in sites if other != site for node in other})
        for node in site:
            fastest = max(fastest, float(links.room(node)[others].max()) / size)
    return fastest


def _least_loss(rows: Floats, work: Floats, rate: float, fastest: float) -> float:
    """The least sum of work lost per execution by two nodes of which one sends to the other."""
    least = np.inf
    for row, most in zip(rows, work, strict=True):
        for passed in {*row[(row > 0) & (row <= rate)].tolist(), rate}:
            own = _loss(row, most, passed)
            left = min(rate, rate + fastest - passed)
            for other, other_most in zip(rows, work, strict=True):
                others = {*other[(other > 0) & (other <= left)].tolist(), left}
                best = min(_loss(other, other_most, amount) for amount in others)
                least = min(least, own + best)
    return float(least)


def _loss(row: Floats, most: float, passed: float) -> float:
    """Work that a node does not do, for each execution that passes it."""
    able = np.flatnonzero(row >= passed)
    return float(most / passed - (able[-1] if able.size else 0))
