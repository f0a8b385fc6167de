"""Few ranges: all combinations, those first that might carry the most."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.replicas.carried import Carrying
from splitfog.solvers.replicas.fleet import Fleet, Ranges

MOST_COMBINATIONS = 50_000
"""That are listed."""

MOST_FLOWS = 3_000
"""That are looked at."""


def is_small(fleet: Fleet) -> bool:
    """Whether all combinations of ranges can be listed.

    Parameters
    ----------
    fleet
        Any.
    """
    ranges = (fleet.limits > 0).sum(axis=(1, 2))
    return prod(int(count) + 1 for count in ranges.tolist()) <= MOST_COMBINATIONS


def best_of_all(
    carrying: Carrying, best: float, deadline: Deadline, offer: Callable[[Ranges], None]
) -> float:
    """What no combination carries more than, in executions per second: the best is offered.

    A combination carries no more than what passes the layer that is held least. In falling order of
    that, all those are looked at by whose measure there might be a better one.

    Parameters
    ----------
    carrying
        Of a small fleet.
    best
        What is carried already.
    deadline
        When it ends.
    offer
        Called with every better one.
    """
    fleet = carrying.fleet
    spans = [np.argwhere(fleet.limits[node] > 0).tolist() for node in fleet.usable]
    passed = np.zeros((1, fleet.num_layers))
    for node, own in zip(fleet.usable, spans, strict=True):
        rows = np.zeros((len(own) + 1, fleet.num_layers))
        for at, (start, end) in enumerate(own):
            rows[at + 1, start:end] = fleet.limits[node, start, end]
        passed = (passed[:, None, :] + rows[None]).reshape(-1, fleet.num_layers)
    cover = passed.min(axis=1)
    sizes = [len(own) + 1 for own in spans]
    for count, at in enumerate(np.argsort(-cover, kind="stable").tolist()):
        if cover[at] <= best * (1 + 1e-9):
            return best
        if count >= MOST_FLOWS or deadline.is_over:
            return float(cover[at])
        picks = np.unravel_index(at, sizes)
        ranges = {
            node: (int(own[pick - 1][0]), int(own[pick - 1][1]))
            for node, own, pick in zip(fleet.usable, spans, picks, strict=True)
            if pick
        }
        value = carrying.value(ranges)
        if value > best:
            best = value
            offer(ranges)
    return best
