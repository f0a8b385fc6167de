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

from splitfog.formulations.bounds.family import Family
from splitfog.formulations.bounds.places import TINY
from splitfog.formulations.bounds.ways import Ways
from splitfog.instances.arrays import Flags, Floats, Integers
from splitfog.instances.instance import Instance


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnQueues:
    """Of T tasks of a family those `alone` [T] at their `sources`, places [T].

    `first_s` [P, T]: seconds, waits included, of the path's layers up to each at the source; inf
    where they cannot run there. `rate` [T].
    """

    alone: Flags
    sources: Integers
    first_s: Floats
    rate: Floats

    @classmethod
    def of(cls, family: Family, lone: Flags) -> OwnQueues | None:
        """Of tasks at `lone` [nodes] sources; None where the family has none."""
        places, sources = family.places, family.sources
        if sources is None or not family.begins_at_source:
            return None
        alone = places.own[sources] & lone[places.node[sources]]
        if not alone.any():
            return None
        steps = family.least_s(family.work.path, np.zeros(len(lone)))[:, sources]
        done = np.cumsum(steps, axis=0)
        load = done * family.weights
        wait = np.where(load < 1, load * done / (2 * np.maximum(1 - load, TINY)), inf)
        return cls(alone=alone, sources=sources, first_s=done + wait, rate=family.weights)

    def spread(self, ways: Ways) -> tuple[float, Floats, Floats]:
        """Seconds of all tasks by weight, whose shortest ways without waits at the sources these
        are; what weigh those that begin at places, [M], and those that leave them after each of
        the first layers, [P, M]."""
        shape, each = ways.rest_s.shape, np.arange(len(self.alone))
        every = self.first_s + ways.moved_s[:, self.sources]
        last = every.argmin(axis=0)
        least = np.where(self.alone, every[last, each], ways.rest_s[0, self.sources])
        start, leaving = np.zeros(shape[1]), np.zeros(shape)
        np.add.at(start, self.sources[~self.alone], self.rate[~self.alone])
        np.add.at(leaving, (last[self.alone], self.sources[self.alone]), self.rate[self.alone])
        return float(self.rate @ least), start, leaving


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
            apart[family.places.node[queues.sources[queues.alone]]] = True
    return found, apart
