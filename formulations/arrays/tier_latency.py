"""The `latency` of a placement by tiers, by arrays: the reference cost up to the order of sums."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import TierGraph

Integers = NDArray[np.int64]


def tier_latency(graph: TierGraph, tiers: Integers, once: bool) -> float:
    """Seconds of a placement, [layers] of tiers; inf where a route is missing. O(V + E)."""
    places = np.array(graph.nodes)[tiers]
    computing = float(graph.arrays.times_s[np.arange(len(places)), places].sum())
    tails, heads = graph.model.edges.T
    leaves = tiers[tails] != tiers[heads]
    ways = list(zip(tails[leaves].tolist(), places[heads[leaves]].tolist(), strict=True))
    if (target := graph.arrays.results_to) is not None:
        away = np.flatnonzero(graph.model.results & (places != target))
        ways += [(layer, target) for layer in away.tolist()]
    if not once:
        return computing + _seconds(graph, places, (((tail, (end,)) for tail, end in ways)))
    ends: dict[int, set[int]] = {}
    for tail, end in ways:
        ends.setdefault(tail, set()).add(end)
    return computing + _seconds(graph, places, ((tail, tuple(own)) for tail, own in ends.items()))


def _seconds(
    graph: TierGraph, places: Integers, sent: Iterable[tuple[int, tuple[int, ...]]]
) -> float:
    """Seconds of tensors that are sent to some nodes, each link once."""
    figures: dict[tuple[int, tuple[int, ...]], tuple[float, float]] = {}
    seconds = 0.0
    for tensor, ends in sent:
        way = int(places[tensor]), ends
        if way not in figures:
            figures[way] = graph.tree_figures(*way)
        lag_s, per_byte = figures[way]
        seconds += graph.seconds(tensor, lag_s, per_byte)
    return seconds
