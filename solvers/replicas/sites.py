"""Nodes near one another, where links between sites are slow: stages site by site."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, permutations

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.replicas.aligned import Groups, Stage, best_stages
from splitfog.solvers.replicas.carried import Carrying
from splitfog.solvers.replicas.fleet import Fleet, Ranges
from splitfog.solvers.replicas.starts import Links

MOST_ORDERS = 24
"""Of sites."""

STEPS = 12
"""Rates below the largest at which stages are looked for, where links between sites are slow."""


def site_plans(carrying: Carrying, low: float, high: float, deadline: Deadline) -> Iterator[Ranges]:
    """Stages at the largest rate, and below where links do not keep up, each within a site, in
    several orders of sites.

    Parameters
    ----------
    carrying
        Of any fleet.
    low, high
        Executions per second between which rates are looked for.
    deadline
        When it ends.
    """
    fleet, links = carrying.fleet, carrying.links
    seen: list[tuple[tuple[int, ...], ...]] = []
    for share in np.linspace(1.0, 0.0, STEPS, endpoint=False):
        sites = sites_at(fleet, links, low + float(share) * (high - low))
        if sites in seen or deadline.is_over:
            continue
        seen.append(sites)
        kinds = _kinds(fleet, sites)
        groups = Groups(
            np.array([fleet.by_count[nodes[0]] for nodes, _ in kinds]),
            tuple(len(nodes) for nodes, _ in kinds),
            tuple(site for _, site in kinds),
        )
        found, nodes = best_stages(groups, low, high, deadline), [own for own, _ in kinds]
        rates = np.linspace(low if found is None else groups.rate(found), low, STEPS).tolist()
        while found is not None and not deadline.is_over:
            plans = list(_ordered(fleet, links, nodes, groups, found))
            yield from plans
            slowest = groups.rate(found) * (1 - 1e-6)
            if max(carrying.value(plan) for plan in plans) >= slowest:
                break  # links keep up
            rates = rates[1:]
            found = groups.stages(rates[0]) if len(rates) > 1 else None


def sites_at(fleet: Fleet, links: Links, rate: float) -> tuple[tuple[int, ...], ...]:
    """Nodes that reach one another over links of at least that rate, as far as they hold layers."""
    size = max(links.sizes[1:-1], default=0.0)
    left, sites = list(fleet.usable), []
    while left:
        site = [left.pop(0)]
        for node in site:
            near = [k for k in left if links.room(node)[k] >= size * rate]
            left = [k for k in left if k not in near]
            site.extend(near)
        sites.append(tuple(sorted(site)))
    return tuple(sites)


def _kinds(fleet: Fleet, sites: tuple[tuple[int, ...], ...]) -> list[tuple[tuple[int, ...], int]]:
    """Nodes of one type at one site, and the site."""
    return [
        (own, at)
        for at, site in enumerate(sites)
        for nodes in fleet.types
        if (own := tuple(node for node in nodes if node in site))
    ]


def _ordered(
    fleet: Fleet,
    links: Links,
    nodes: list[tuple[int, ...]],
    groups: Groups,
    stages: list[Stage],
) -> Iterator[Ranges]:
    """Stages site by site, those of most nodes where a site begins and ends."""
    by_site: dict[int, list[Stage]] = {}
    for stage in stages:
        site = groups.sites[next(kind for kind, used in enumerate(stage[1]) if used)]
        by_site.setdefault(site, []).append(stage)
    for own in by_site.values():
        wide = sorted(own, key=lambda stage: -sum(stage[1]))
        own[:] = [*wide[0:1], *wide[2:], *wide[1:2]]
    for order in islice(permutations(by_site.values()), MOST_ORDERS):
        yield _on_nodes(fleet, links, nodes, [stage for own in order for stage in own])


def _on_nodes(
    fleet: Fleet, links: Links, nodes: list[tuple[int, ...]], stages: list[Stage]
) -> Ranges:
    """Stages on nodes, each time those that get most from the stage before."""
    free = [list(own) for own in nodes]
    ranges: Ranges = {}
    before: list[int] = []
    start = 0
    for held, group in stages:
        after: list[int] = []
        for kind, number in enumerate(group):
            for _ in range(number):
                rates = {node: float(fleet.by_count[node, held]) for node in (*before, *free[kind])}
                got = [links.between(before, [node], start, rates) for node in free[kind]]
                after.append(free[kind].pop(int(np.argmax(got))))
        ranges.update(dict.fromkeys(after, (start, start + held)))
        before, start = after, start + held
    return ranges
