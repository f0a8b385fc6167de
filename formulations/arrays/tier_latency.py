"""The `latency` of a placement by tiers, by arrays: the reference cost up to the order of sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.tiers import TierGraph

Integers = NDArray[np.int64]


def tier_latency(graph: TierGraph, tiers: Integers, once: bool) -> float:
    """Seconds of a placement, [layers] of tiers; inf where a route is missing. O((V + E) K)."""
    places = np.array(graph.nodes)[tiers]
    computing = float(graph.arrays.times_s[np.arange(len(places)), places].sum())
    moving = _sent_once(graph, tiers, places) if once else _sent_per_edge(graph, tiers, places)
    return computing + moving


def _sent_once(graph: TierGraph, tiers: Integers, places: Integers) -> float:
    """Seconds of the trees of all tensors."""
    routes, num_bytes, target = graph.routes, graph.arrays.output_bytes, graph.arrays.results_to
    tails, heads = _leaving(graph, tiers)
    results = _results_away(graph, places)
    sent = np.zeros((len(tiers), graph.count + 1), bool)
    sent[tails, tiers[heads]] = True
    sent[results, -1] = True
    ends = graph.nodes if target is None else [*graph.nodes, target]
    crossed = np.zeros(len(routes.links))
    crossed_bytes = np.zeros(len(routes.links))
    senders = np.union1d(tails, results)
    for tier, node in enumerate(graph.nodes):
        rows = senders[tiers[senders] == tier]
        links = np.zeros((len(rows), len(routes.links)), bool)
        for column in np.flatnonzero(sent[rows].any(axis=0)).tolist():
            path = routes.path(node, ends[column])
            if path is None:
                return np.inf
            links[:, list(path)] |= sent[rows, column, None]
        crossed += links.sum(axis=0)
        crossed_bytes += num_bytes[rows] @ links
    lags_s = np.array([link.lag_s for link in routes.links])
    per_byte = np.array([8 / link.bandwidth_bps for link in routes.links])
    return float(crossed @ lags_s + crossed_bytes @ per_byte)


def _sent_per_edge(graph: TierGraph, tiers: Integers, places: Integers) -> float:
    """Seconds of every edge's and every result's own transfer."""
    tails, heads = _leaving(graph, tiers)
    results = _results_away(graph, places)
    tensors = np.concatenate([tails, results])
    ends = np.concatenate([places[heads], np.full(len(results), graph.arrays.results_to or 0)])
    lags_s = graph.routes.latency_s[places[tensors], ends]
    if np.isinf(lags_s).any():
        return np.inf
    per_byte = graph.routes.seconds_per_byte[places[tensors], ends]
    return float(lags_s.sum() + graph.arrays.output_bytes[tensors] @ per_byte)


def _leaving(graph: TierGraph, tiers: Integers) -> tuple[Integers, Integers]:
    """Tails and heads of the edges between tiers."""
    tails, heads = graph.model.edges.T
    leaves = tiers[tails] != tiers[heads]
    return tails[leaves], heads[leaves]


def _results_away(graph: TierGraph, places: Integers) -> Integers:
    """Layers whose result goes to another node."""
    target = graph.arrays.results_to
    if target is None:
        return np.arange(0)
    return np.flatnonzero(graph.model.results & (places != target))
