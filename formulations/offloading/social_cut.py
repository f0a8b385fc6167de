"""The one-cut answer that is best for all: own latency and what it makes the others wait.

The social optimum of one player, in the words of games. Ours: like `best_cut`, all cuts and nodes
at once, each priced exactly for tasks without stages; the waits of a stage count as if each of its
visits were the last to end.
"""

from __future__ import annotations

import numpy as np

from splitfog.formulations.offloading.footprint import Footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.one_cut import (
    cut_footprint,
    cut_latencies,
    cut_table,
    links_keep_up,
    near_nodes,
)
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.instances.arrays import Flags, Integers, Seconds


def social_seconds(loads: Loads, task: int) -> Seconds:
    """[M + 1, N]: what every one-cut answer of a task that is away adds to the objective.

    Its weight times its own latency, and what the others wait longer, on the source and on the
    node, times their weights. Inf where `cut_latencies` is, and beyond the near nodes. O(L N).
    """
    near = near_nodes(loads, task)[0]
    found = _near_seconds(loads, task, near)
    seconds = np.full((len(found), len(loads.rho)), np.inf)
    seconds[:, near] = found
    return seconds


def _near_seconds(loads: Loads, task: int, near: Integers) -> Seconds:
    """[M + 1, near]: `social_seconds` on the near nodes."""
    table = cut_table(loads.instance, loads.objective, task)
    own_s = cut_latencies(loads, task, near)
    here = np.array([loads.source[task]])
    others_s = _others_seconds(loads, task, table.after_s[:, near], near)
    others_s += _others_seconds(loads, task, table.before_s[:, here], here)
    with np.errstate(invalid="ignore"):
        total = loads.weight[task] * own_s + others_s
    total[np.isinf(own_s)] = np.inf
    return np.asarray(total)


def social_cut(
    loads: Loads, task: int, nodes: Flags | None = None, below: float = np.inf
) -> tuple[Footprint | None, float]:
    """The one-cut answer of a task that is away with the least of `social_seconds`, and these.

    Answers that would overload a link are passed over; ties go to the earlier cut and node. None
    where none is left that adds less than `below`; then the least that one would add.

    Parameters
    ----------
    nodes
        [N]: where it may go to, if not to all; a source counts as others do.
    """
    near = near_nodes(loads, task)[0]
    seconds = _near_seconds(loads, task, near)
    if nodes is not None:
        seconds[:, ~nodes[near]] = np.inf
    while True:
        cut, column = (int(i) for i in np.unravel_index(int(seconds.argmin()), seconds.shape))
        least = float(seconds[cut, column])
        if not least < below:
            return None, least
        own = cut_footprint(loads.instance, loads.objective, task, cut, int(near[column]))
        if links_keep_up(loads, task, own):
            return own, least
        seconds[cut, column] = np.inf


def _others_seconds(loads: Loads, task: int, service_s: Seconds, nodes: Integers) -> Seconds:
    """[cuts, nodes]: what the others wait longer, weighed, for a visit of so many seconds."""
    rate = float(loads.rate[task])
    with np.errstate(invalid="ignore"):
        waits = wait_seconds(
            loads.second[nodes] + rate * service_s**2,
            loads.rho[nodes] + rate * service_s,
            loads.overload_s,
        )
        longer = loads.waiting[nodes] * (waits - loads.prices_s()[nodes])
    return np.where(np.isfinite(service_s), longer, 0.0)
