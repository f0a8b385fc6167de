"""What a visit costs a task that looks for a plan: its own time, and what the others wait longer.

Ours. Both are exact for one visit beside the others' loads (Pollaczek and Khinchine), but that of a
stage's visits only those count that hold it up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Floats, Integers

NEARLY = 0.9
"""Of a stage's time, from which on a visit counts as one that holds it up."""

Some = Integers | slice
ALL = slice(None)


def holding_up(loads: Loads) -> Floats:
    """[N]: the weight of a node's visits that hold up their task, as a share of all there.

    Those of a stage that end nearly last share its weight. 1 where there is no visit.
    """
    owns = [(task, own) for task, own in enumerate(loads.tasks) if own is not None]
    if not owns:
        return np.ones(len(loads.rho))
    node = np.concatenate([own.node for _, own in owns])
    service_s = np.concatenate([own.service_s for _, own in owns])
    sizes = np.array([len(own.node) for _, own in owns])
    groups = [own.first + at for (_, own), at in zip(owns, np.cumsum(sizes) - sizes, strict=True)]
    first = np.concatenate(groups)
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(node))))
    ends = np.concatenate([own.moved_s for _, own in owns]) + service_s
    ends = ends + np.where(service_s > 0, loads.prices_s()[node], 0.0)
    last = np.maximum.reduceat(ends, first) if len(first) else np.zeros(0)
    holds = ends >= NEARLY * last[group]
    weight = loads.weight[np.repeat([task for task, _ in owns], sizes)]
    weight = np.where(holds, weight / np.bincount(group, holds)[group], 0.0)
    weight = np.where(service_s > 0, weight, 0.0)
    held = np.bincount(node, weight, len(loads.rho))
    return np.where(loads.waiting > 0, held / np.where(loads.waiting > 0, loads.waiting, 1.0), 1.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class VisitPrices:
    """Of J nodes, [J] each, the loads being the others': sums of visits, and waits as they are.

    `waiting`: what a second of wait costs the others, in seconds of the task's own.
    """

    rate: float
    rho: Floats
    second: Floats
    waiting: Floats
    wait_s: Floats
    overload_s: float

    @classmethod
    def of(cls, loads: Loads, task: int, nodes: Integers, held: Floats) -> VisitPrices:
        """The prices for a task that is away; `held` is `holding_up`."""
        weight = float(loads.weight[task])
        rho, second = loads.rho[nodes], loads.second[nodes]
        return cls(
            rate=float(loads.rate[task]),
            rho=rho,
            second=second,
            waiting=(held * loads.waiting)[nodes] / weight if weight > 0 else np.zeros(len(nodes)),
            wait_s=wait_seconds(second, rho, loads.overload_s),
            overload_s=loads.overload_s,
        )

    def waits_s(self, service_s: Floats, at: Some = ALL) -> Floats:
        """The wait of visits of so many seconds, themselves included; 0 for those of none."""
        second = self.second[at] + self.rate * service_s**2
        waits = wait_seconds(second, self.rho[at] + self.rate * service_s, self.overload_s)
        return np.where(service_s > 0, waits, 0.0)

    def tolls_s(self, service_s: Floats, waits_s: Floats, at: Some = ALL) -> Floats:
        """What the others wait longer, in seconds of the task's own, for visits that wait so."""
        longer = self.waiting[at] * np.maximum(waits_s - self.wait_s[at], 0.0)
        return np.where(service_s > 0, longer, 0.0)

    def slopes(self, service_s: Floats) -> tuple[Floats, Floats]:
        """Seconds of own wait, and of tolls, that a second of service adds at about `service_s`."""
        free = np.maximum(1 - self.rho - self.rate * service_s, 1e-9)
        slope = self.rate * (service_s + self.wait_s) / free
        return slope, self.waiting * slope
