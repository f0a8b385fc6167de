"""A task's nodes merged tier by tier, never slower than the nodes themselves."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.programs.cut import TierLine
from splitfog.instances.arrays import Floats
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept


@kept()
def merged_line(instance: Instance) -> TierLine:
    """The tiers in a line, crossing from one to the next taking no longer than any tree of routes.

    A route from one tier to a higher one has a link across every boundary between them. So each
    boundary takes the least of the links across it, and a link across several at least the sum.
    """
    routes, rank = routes_of(instance), instance.node_rank
    tails, heads = (ends.ravel() for ends in np.indices((len(rank), len(rank))))
    used = np.unique(routes.paths(tails, heads))
    links = [instance.directed_links[link] for link in used[used >= 0].tolist()]
    ways = []
    for upwards in (True, False):
        ends = [
            (rank[link.tail], rank[link.head], link.lag_s, 8 / link.bandwidth_bps)
            if upwards
            else (rank[link.head], rank[link.tail], link.lag_s, 8 / link.bandwidth_bps)
            for link in links
        ]
        figures = [(low, high, np.array(own)) for low, high, *own in ends if low < high]
        ways.append(_boundaries(figures, len(instance.tiers) - 1))
    up, down = ways
    return TierLine(np.arange(len(instance.tiers)), (up[0], up[1]), (down[0], down[1]))


def _boundaries(links: list[tuple[int, int, Floats]], count: int) -> Floats:
    """[latency and seconds a byte, boundaries]; inf where there is no link."""
    least = np.full((2, count), np.inf)
    for low, high, figures in sorted(links, key=lambda link: link[1] - link[0]):
        for at in range(2):
            own = least[at, low:high]
            if high - low == 1 or np.isinf(own).any():
                own[:] = np.minimum(own, figures[at] / (high - low))
            elif own.sum() > figures[at]:
                own *= figures[at] / own.sum()
    return least
