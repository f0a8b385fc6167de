"""Prices on the loads of queues and links, by which tasks that meet there are bounded apart.

Ours. A visit's latency counts in the objective with a weight alpha, 1 for unsliced layers. All
visits to node n together wait sum lambda alpha W_n a second, W_n = sum lambda s^2 / (2 (1 - r_n)),
r_n = sum lambda s. By Cauchy-Schwarz that is at least g(v_n, r_n) = v_n^2 / (2 (1 - r_n)), v_n =
sum lambda sqrt(alpha) s, and g is convex: at least a v_n - (1 - r_n) a^2 / 2 at every a >= 0. So a
second of service counts alpha + a_n sqrt(alpha) + a_n^2 / 2 seconds, unsliced 1 + mu_n with the
price mu = a + a^2 / 2, and of the sum over all tasks a_n^2 / 2 is taken back. On links see
`link_prices`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.instances.arrays import Floats
from splitfog.instances.instance import Instance


@dataclass(frozen=True, eq=False)
class Prices:
    """Of loads: `nodes` [nodes], the mu of an unsliced second, and `links` [links], of a second."""

    nodes: Floats
    links: Floats

    @classmethod
    def none(cls, instance: Instance) -> Prices:
        """Nothing is to be paid."""
        return cls(np.zeros(len(instance.nodes)), np.zeros(len(instance.directed_links)))

    @property
    def charges(self) -> Floats:
        """[2 nodes + links]: what a second of the loads v and r of nodes, and of links, costs."""
        pressure = pressure_of(self.nodes)
        return np.concatenate([pressure, pressure**2 / 2, self.links])

    @property
    def taken_back(self) -> float:
        """Of the sum over all tasks."""
        return float(taken_back(self.nodes).sum() + self.links.sum())


def price_of(pressure: Floats) -> Floats:
    """[nodes]: mu = a + a^2 / 2 at pressures a."""
    return np.asarray(pressure + pressure**2 / 2)


def pressure_of(price: Floats) -> Floats:
    """[nodes]: the a of mu = a + a^2 / 2."""
    return np.asarray(np.sqrt(1 + 2 * price) - 1)


def taken_back(price: Floats) -> Floats:
    """[nodes]: a^2 / 2, the most of a v + r a^2 / 2 - g(v, r) over 0 <= v and 0 <= r < 1."""
    return np.asarray(pressure_of(price) ** 2 / 2)
