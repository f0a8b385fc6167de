"""Queues at sources that work for one task alone: its waits there follow from its plan alone.

Ours. A task that runs the first layers of its path at its source, s seconds of work, and then moves
on waits there at least lambda s^2 / (2 (1 - lambda s)): no other task's visits change that, so
nothing need be shared out by a price, which would leave all plans a mean of what they differ in.
For every number of first layers that is looked at apart; what a task does there later only adds to
its waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from splitfog.formulations.priced_bounds.family import Family
from splitfog.formulations.priced_bounds.ways import Ways
from splitfog.formulations.tolerances import TINY
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnQueues:
    """Of the R `members` of a family those `alone` [R] at their sources.

    `first_s` [P, R]: seconds, waits included, of the path's layers up to each at the source; inf
    where they cannot run there.
    """

    alone: Flags
    first_s: Floats

    @classmethod
    def of(cls, family: Family, lone: Flags) -> OwnQueues | None:
        """Of tasks at `lone` [nodes] sources; None where the family has none."""
        if family.sources is None or not family.begins_at_source:
            return None
        places, (sources, weights) = family.places, family.members
        alone = places.own[sources] & lone[places.node[sources]]
        if not alone.any():
            return None
        steps = family.least_s(family.work.path, np.zeros(len(lone)))[:, sources]
        done = np.cumsum(steps, axis=0)
        load = done * weights
        wait = np.where(load < 1, load * done / (2 * np.maximum(1 - load, TINY)), inf)
        return cls(alone=alone, first_s=done + wait)

    def least(self, family: Family, ways: Ways) -> tuple[Floats, Integers]:
        """[R] each: seconds of the members, whose shortest ways without waits at the sources these
        are; and after which layer those alone leave, -1 for others."""
        sources, _ = family.members
        every = self.first_s + ways.moved_s[:, sources]
        last = every.argmin(axis=0)
        least = every[last, np.arange(len(sources))]
        others = ways.rest_s[0, sources]
        return np.where(self.alone, least, others), np.where(self.alone, last, -1)


def own_queues(
    instance: Instance, families: Sequence[Family]
) -> tuple[list[OwnQueues | None], Flags]:
    """The queues of each family of streams, and at which nodes, [nodes], they are."""
    rated = Counter(task.source for task in instance.tasks if task.arrivals_per_s)
    lone = np.array([node.quota == 0 and rated[node.name] == 1 for node in instance.nodes])
    found, apart = [], np.zeros(len(lone), bool)
    for family in families:
        queues = OwnQueues.of(family, lone)
        found.append(queues)
        if queues is not None:
            apart[family.places.node[family.members[0][queues.alone]]] = True
    return found, apart
