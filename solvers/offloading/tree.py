"""Branch and price: a bound for all assignments where columns are too many for one program (ours).

The subproblem of least bound comes first. A subtask that its relaxation has in part on a node is
there in one half and not there in the other; both begin with the columns that are left. Who has
fewer places waits longer at least, so layouts, levels and columns are those of the half.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.instances.arrays import Floats, Integers
from splitfog.solvers.offloading.master import Master
from splitfog.solvers.offloading.relaxation import Relaxation

WHOLE = 1e-6
"""Shares of a subtask that count as none or all of it."""


def branched(root: Relaxation, deadline: Deadline) -> tuple[Integers | None, float]:
    """The best assignment below the root's cut-off that a relaxation is, and a bound for all.

    The bound is in the root's units, at most the cut-off or the value found; as good as what was
    solved in time.
    """
    best, cutoff, master = None, root.master.cutoff, root.master
    work, numbers = _work(master), count()
    leaves, left = [(root.bound, next(numbers), root)], cutoff
    while leaves and leaves[0][0] < cutoff and not deadline.is_over:
        bound, _, leaf = heappop(leaves)
        shares, choices = leaf.shares(), leaf.master.places.sum(axis=1, keepdims=True)
        parted = np.where(choices > 1, np.minimum(shares, 1 - shares), 0.0)
        if parted.max() <= WHOLE:
            left, found = min(left, bound), shares.argmax(axis=1)
            cost = master.assignments.cost(found)
            if master.assignments.obeys(found, cost) and cost.value < cutoff * master.unit_s:
                best, cutoff = found, cost.value / master.unit_s
            continue
        subtask, node = np.unravel_index((parted * work[:, None]).argmax(), parted.shape)
        for is_there in (True, False):
            half = _half(leaf, int(subtask), int(node), is_there, cutoff)
            half.solve(deadline)
            half.bound = max(half.bound, bound)
            heappush(leaves, (half.bound, next(numbers), half))
    return best, min(left, cutoff, *(bound for bound, _, _ in leaves[:1]))


def _work(master: Master) -> Floats:
    """[K]: how much of a node's time every subtask takes on average, or a little."""
    subtasks = master.assignments.subtasks
    service_s = np.ma.masked_invalid(subtasks.service_s).mean(axis=1).filled(0.0)
    work = subtasks.rate * service_s
    return np.asarray(work + 1e-3 * work.max(initial=0.0) + 1e-12)


def _half(leaf: Relaxation, subtask: int, node: int, is_there: bool, cutoff: float) -> Relaxation:
    """The relaxation with a subtask on a node, or not there, begun with what is left of columns."""
    master = leaf.master
    may, there = master.places.copy(), np.arange(master.rows.nodes) == node
    may[subtask] &= there if is_there else ~there
    part = Master(master.assignments, master.value, may=may)
    part.cutoff = cutoff
    half = Relaxation(part)
    columns = ((column[0], master.held(column)) for column in leaf.columns)
    half.add((part.column(at, held) for at, held in columns if may[held, at].all()), ())
    for barrier, (own, before) in enumerate(zip(part.layouts, master.layouts, strict=True)):
        known = [at for number, at in leaf.layouts if number == barrier]
        half.add((), [(barrier, at) for at in own.among(before.places[known]).tolist()])
    return half
