"""The units of all tasks in one list, and the tensors between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from splitfog.formulations.arrays.units import task_units
from splitfog.formulations.decision import Decision, placed
from splitfog.instances.arrays import Floats, Integers
from splitfog.instances.instance import Instance

MOST_PLACES = 1_000_000
"""Units times nodes; beyond, too much to look at every node's figures for every tensor."""


@dataclass(frozen=True)
class Ends:
    """Who makes a tensor, which units read it, and the node that wants it as a result, if any."""

    producer: int
    readers: tuple[int, ...]
    sink: int | None


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitGraph:
    """Units (layers that must share a node) and tensors.

    `times_s` is [units, nodes], inf where a unit may not be. A tensor's `ends` stand beside
    `counts` and `num_bytes` [tensors]: those of one unit with the same readers are one, of so many
    tensors. `unit_of` holds the units of every task's layers.
    """

    times_s: Floats
    ends: tuple[Ends, ...]
    counts: Floats
    num_bytes: Floats
    unit_of: tuple[Integers, ...]

    @classmethod
    def of(cls, instance: Instance) -> UnitGraph:
        """Of an instance, whose tensors cross a link once."""
        units = [task_units(instance, task, "once") for task in range(len(instance.tasks))]
        offsets = np.cumsum([0, *(own.num_units for own in units)]).tolist()
        sent = [
            (offset, each)
            for own, (offset, _) in zip(units, pairwise(offsets), strict=True)
            for each in own.broadcasts
        ]
        return cls(
            times_s=np.vstack([own.costs_s for own in units]),
            ends=tuple(
                Ends(first + each.producer, tuple(first + r for r in each.readers), each.sink)
                for first, each in sent
            ),
            counts=np.array([each.count for _, each in sent], float),
            num_bytes=np.array([each.num_bytes for _, each in sent], float),
            unit_of=tuple(first + own.unit_of for own, first in zip(units, offsets, strict=False)),
        )

    @property
    def is_large(self) -> bool:
        """Whether there are more than `MOST_PLACES`."""
        return self.times_s.size > MOST_PLACES

    def nodes(self, decision: Decision) -> Integers:
        """[units]: where a decision places each."""
        node_of = np.zeros(len(self.times_s), np.int64)
        for unit_of, answer in zip(self.unit_of, decision.tasks, strict=True):
            node_of[unit_of] = answer.placement
        return node_of

    def decision(self, node_of: Integers) -> Decision:
        """The decision that places units as given."""
        return placed(*(node_of[unit_of] for unit_of in self.unit_of))
