"""Every task in turn given the plan that is best for all: a single cut, or a wide plan.

Ours. A wide plan counts what the others wait longer for it (`visit_prices`), and is found by a
dynamic program whose stages may have any home (`wide_program`). It is taken only if all together
gain.
"""

from __future__ import annotations

from math import inf

import numpy as np

from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import links_keep_up
from splitfog.formulations.offloading.social_cut import social_cut
from splitfog.instances.arrays import Floats
from splitfog.solvers.dina.answer import tidied
from splitfog.solvers.dina.partition import MOST_SWEEPS, give_best, sweep
from splitfog.solvers.dina.visit_prices import VisitPrices, holding_up
from splitfog.solvers.dina.wide_program import KnownStages, WideProgram

STALE = 20
"""Estimates are made anew when one of so many tasks has changed."""

LEAST_GAIN = 1e-4
"""Of what a task takes, that a wide plan must promise for a look at its stages."""

WORTHWHILE = 5e-3
"""Of the mean latency, that a sweep must save for another."""

Key = tuple[str, bool, bool]
"""Of tasks that share what is known of stages: the model, whether results go nowhere, and whether
they weigh anything."""


def widened(loads: Loads, deadline: Deadline = NEVER) -> tuple[Loads, int]:
    """Sweeps of wide plans (`Wide`) until one hardly pays: the loads then, and how many changed."""
    wide, total = Wide(), 0
    for _ in range(MOST_SWEEPS):
        excess, value = loads.value()
        changes = wide.sweep(loads, deadline)
        total += changes
        if not changes or deadline.is_over:
            break
        loads = loads.again()
        now = loads.value()
        if now[0] == excess and not now[1] < value * (1 - WORTHWHILE):
            break
    return loads, total


class Wide:
    """Wide plans of one task after another; tasks of a model share what is known of stages."""

    def __init__(self) -> None:
        self.known: dict[Key, KnownStages] = {}
        self.since: dict[Key, int] = {}
        self.held = np.zeros(0)
        self.changes = 0

    def sweep(self, loads: Loads, deadline: Deadline = NEVER) -> int:
        """Give every task once, in file order, the cut that is best for all or a wide plan, if all
        together gain; how many changed. Stops at the deadline.

        O(tasks b N^2) for estimates of b blocks a model, and for every stage laid out some thousand
        rectangles.
        """
        self.begin(loads)
        return sweep(loads, deadline, self.change)

    def begin(self, loads: Loads) -> None:
        """Look at the loads as they are now: nothing known of stages is fresh."""
        self.held = holding_up(loads)
        self.changes += len(loads.tasks)

    def change(self, loads: Loads, task: int, least: float = 0.0) -> bool:
        """Give a task what is best for all, if the mean latency of all falls by the share `least`;
        whether it is new. After `begin`."""
        (excess, mean), own = loads.value(), loads.take(task)
        below_s = priced_seconds(loads, task, own, self.held) * (1 - LEAST_GAIN)
        others = [social_cut(loads, task)[0], self.answer(loads, task, below_s)]
        found = give_best(loads, task, own, others, (excess, mean * (1 - least)))
        self.changes += found
        return found

    def answer(self, loads: Loads, task: int, below_s: float = inf) -> Footprint | None:
        """The wide plan of a task that is away that takes least, the waits of others counted.

        None where none is found that takes less than `below_s`, or it would overload a link.
        """
        found = WideProgram.of(loads, task, self._known(loads, task), self.held).answer(below_s)
        if found is None:
            return None
        own = loads.footprint(task, tidied(found))
        return own if own.reachable and links_keep_up(loads, task, own) else None

    def _known(self, loads: Loads, task: int) -> KnownStages:
        """What is known of stages of a task's model, whose homes and helpers are hosts."""
        arrays = task_arrays(loads.instance, task)
        key = arrays.model.name, arrays.results_to is None, bool(loads.weight[task] > 0)
        known = self.known.get(key)
        if known is None or (self.changes - self.since[key]) * STALE >= len(loads.tasks):
            ratio = None if known is None else known.ratio
            fresh = KnownStages.of_model(loads, task, self.held, ratio)
            fresh.before = {} if known is None else {**known.before, **known.laid}
            self.known[key], self.since[key] = fresh, self.changes
            known = fresh
        return known


def priced_seconds(loads: Loads, task: int, own: Footprint, held: Floats) -> float:
    """What an answer of a task that is away takes, what the others wait longer included."""
    prices = VisitPrices.of(loads, task, own.node, held)
    waits_s = prices.waits_s(own.service_s)
    ends = own.moved_s + own.service_s + waits_s
    total = own.fixed_s + float(prices.tolls_s(own.service_s, waits_s).sum())
    return total + (float(np.maximum.reduceat(ends, own.first).sum()) if len(ends) else 0.0)
