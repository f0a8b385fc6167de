"""A good walk at once: every label goes on with the nodes that its own way has left.

As the dynamic program of EdgeShard (M. Zhang et al., IEEE IoT Journal, 2024), here over nodes of
any kind and with ranges in place of layers: what a label used is not compared, so it is no proof.
"""

from __future__ import annotations

from math import inf

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.chains.line import RangeLine, Walk


def good_walk(line: RangeLine, deadline: Deadline) -> Walk | None:
    """A walk that uses no kind more often than it has nodes; None: none was found.

    O(L K (K + R)) for K kinds, L layers, R the most layers of a range.

    Parameters
    ----------
    line
        What walks cost.
    deadline
        When it must end.

    Raises
    ------
    TimeIsUp
        Past the deadline.
    """
    cuts, count = line.num_layers + 1, len(line.counts)
    costs = np.full((cuts, count), inf)
    used = np.zeros((cuts, count, count), np.int64)
    begun = np.zeros((cuts, count), np.int64)
    before = np.full((cuts, count), -1)
    kinds = np.arange(count)
    for cut in range(cuts - 1):
        deadline.check("a good walk")
        sent = np.where(used[cut] < line.counts, line.sent(costs[cut], cut), inf)
        tails = sent.argmin(axis=0)
        arrivals = sent[tails, kinds]
        held = line.starts[:, cut] <= arrivals
        arrivals = np.where(held, line.starts[:, cut], arrivals)
        tails = np.where(held, -1, tails)
        ways = np.where(held[:, None], 0, used[cut, tails])
        ways[kinds, kinds] += 1
        after = line.held(arrivals, cut, slice(cut + 1, cuts))
        better = after < costs[cut + 1 :]
        costs[cut + 1 :] = np.where(better, after, costs[cut + 1 :])
        begun[cut + 1 :][better] = cut
        used[cut + 1 :] = np.where(better[:, :, None], ways, used[cut + 1 :])
        before[cut + 1 :] = np.where(better, tails, before[cut + 1 :])
    ended = np.stack([line.ended(costs[cut], cut) for cut in range(cuts)])
    if not np.isfinite(ended).any():
        return None
    cut, kind = (int(at) for at in np.unravel_index(int(ended.argmin()), ended.shape))
    walk = Walk()
    while kind >= 0:
        walk.append((kind, int(begun[cut, kind]), cut))
        cut, kind = int(begun[cut, kind]), int(before[cut, kind])
    return walk[::-1]
