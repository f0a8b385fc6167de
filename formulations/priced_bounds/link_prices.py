"""Prices on links: what they add to routes, and how busy tasks keep links.

Ours. In a feasible plan every link is busy for less than all of the time: the sum over what crosses
it of lambda times its seconds, `delay_s` apart, is below 1. So with prices pi >= 0 per second that
links are busy, sum of pi x (load - 1) is not above 0 and may be added to what a plan costs: every
transfer pays pi for its seconds on a link, and of the sum over all tasks pi is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.costs.routes import Routes
from splitfog.instances.arrays import Floats, Integers


@dataclass(frozen=True, eq=False)
class Tolls:
    """What a transfer pays over each route, [nodes, nodes]: once, and per byte; 0 without one."""

    once: Floats
    per_byte: Floats

    @classmethod
    def of(cls, routes: Routes, price: Floats) -> Tolls | None:
        """At prices of links, [links]; None where all are 0. O(N^2 hops)."""
        if not price.any():
            return None
        once, per_byte = (_along(routes, price * busy) for busy in busy_seconds(routes))
        return cls(once, per_byte)


@dataclass(frozen=True, eq=False, kw_only=True)
class Transfers:
    """F transfers between nodes, [F] each: whose (`row`), from where to where, how often a second
    (`rate`), and bytes a second."""

    row: Integers
    tail: Integers
    head: Integers
    rate: Floats
    bytes_per_s: Floats

    @classmethod
    def joined(cls, some: list[Transfers]) -> Transfers:
        """All of them."""
        names = cls.__annotations__
        return cls(
            **{name: np.concatenate([getattr(each, name) for each in some]) for name in names}
        )

    def link_loads(self, routes: Routes) -> tuple[Integers, Integers, Floats]:
        """Row, link and load of every crossing. O(F hops)."""
        links = routes.paths(self.tail, self.head)
        which, hop = np.nonzero(links >= 0)
        link, (once, per_byte) = links[which, hop], busy_seconds(routes)
        load = self.rate[which] * once[link] + self.bytes_per_s[which] * per_byte[link]
        return self.row[which], link, load


def busy_seconds(routes: Routes) -> tuple[Floats, Floats]:
    """[links] each: how long a transfer keeps links busy, once and per byte."""
    once = np.array([link.latency_s for link in routes.links], float)
    return once, np.array([8 / link.bandwidth_bps for link in routes.links], float)


def _along(routes: Routes, amount: Floats) -> Floats:
    """[nodes, nodes]: the sum of amounts, [links], along every route."""
    count = routes.num_nodes
    tails, heads = (at.ravel() for at in np.indices((count, count)))
    sums = np.append(amount, 0.0)[routes.paths(tails, heads)].sum(axis=1)
    reached = np.isfinite(np.asarray(routes.latency_s))
    return np.where(reached, sums.reshape(count, count), 0.0)
