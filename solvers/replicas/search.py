"""Better replicas by small changes: another range, two nodes swapped, a boundary moved."""

from __future__ import annotations

import numpy as np

from splitfog.formulations.deadline import Deadline
from splitfog.solvers.replicas.carried import Carrying
from splitfog.solvers.replicas.fleet import Fleet, Ranges

GUIDED = 0.5
"""Of the changes, how many are made where the least gets through."""


def improved(
    carrying: Carrying,
    start: Ranges,
    most: float,
    rng: np.random.Generator,
    tries: int,
    deadline: Deadline,
) -> Ranges:
    """The best ranges on a walk of changes that carry no less, sidewards ones taken too.

    Parameters
    ----------
    carrying
        Of the fleet.
    start
        Where it begins.
    most
        Executions per second that no plan exceeds.
    rng
        Of the changes.
    tries
        Changes that are tried.
    deadline
        When it ends.
    """
    fleet = carrying.fleet
    at = dict(start)
    score = carrying.score(at, (0.0, -np.inf), most)
    narrow = carrying.narrow(at)
    for _ in range(tries):
        if deadline.is_over:
            break
        change = _CHANGES[int(rng.integers(len(_CHANGES)))]
        other = change(fleet, at, narrow if rng.random() < GUIDED else [], rng)
        if other is None:
            continue
        least = (score[0] * (1 - 1e-12), score[1] - 1e-9 * most)
        reached = carrying.score(other, least, most)
        if reached >= least:
            at, score, narrow = other, reached, carrying.narrow(other)
    return at


def _other_range(
    fleet: Fleet, ranges: Ranges, narrow: list[int], rng: np.random.Generator
) -> Ranges | None:
    """A node, in use or not, takes a range from or up to where others end or begin."""
    node = int(rng.choice(fleet.usable))
    others = {own: span for own, span in ranges.items() if own != node}
    edges = sorted({0, fleet.num_layers, *(edge for span in others.values() for edge in span)})
    edge = int(rng.choice(narrow or edges))
    spans = [(edge, end) for end in np.flatnonzero(fleet.limits[node, edge]).tolist()]
    spans += [(start, edge) for start in np.flatnonzero(fleet.limits[node, :, edge]).tolist()]
    if not spans:
        return None
    joined = [span for span in spans if span[0] in edges and span[1] in edges]
    pool = joined if joined and rng.random() < 0.5 else spans
    return {**others, node: pool[int(rng.integers(len(pool)))]}


def _swapped(
    fleet: Fleet, ranges: Ranges, narrow: list[int], rng: np.random.Generator
) -> Ranges | None:
    """Two nodes hold what the other held, or an idle one takes over."""
    near = [node for node, span in ranges.items() if span[0] in narrow or span[1] in narrow]
    first, second = int(rng.choice(near or fleet.usable)), int(rng.choice(fleet.usable))
    if ranges.get(first) == ranges.get(second):
        return None
    swapped = {own: span for own, span in ranges.items() if own not in (first, second)}
    for node, span in ((first, ranges.get(second)), (second, ranges.get(first))):
        if span is not None:
            if fleet.limits[node, span[0], span[1]] == 0:
                return None
            swapped[node] = span
    return swapped


def _moved_edge(
    fleet: Fleet, ranges: Ranges, narrow: list[int], rng: np.random.Generator
) -> Ranges | None:
    """All that end or begin at a layer do so a layer earlier or later."""
    edges = sorted({edge for span in ranges.values() for edge in span} - {0, fleet.num_layers})
    if not edges:
        return None
    near = sorted(set(edges).intersection(narrow))
    edge, step = int(rng.choice(near or edges)), int(rng.choice((-1, 1)))
    moved = {
        node: (a + step * (a == edge), b + step * (b == edge)) for node, (a, b) in ranges.items()
    }
    possible = all(a < b and fleet.limits[node, a, b] > 0 for node, (a, b) in moved.items())
    return moved if possible else None


_CHANGES = (_other_range, _other_range, _swapped, _moved_edge)
