"""How much ranges carry, for searches: fast, to the precision of whole numbers."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

import numpy as np

from splitfog.formulations.costs.throughput import ways_between
from splitfog.formulations.max_flow import Way, largest_flow
from splitfog.solvers.replicas.fleet import Fleet, Ranges
from splitfog.solvers.replicas.starts import Links

PRECISION_BITS = 40
"""Of the largest rate, which flows are rounded to."""


Score = tuple[float, float]


class Carrying:
    """Values of ranges on a fleet, each found once."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._known: dict[tuple[tuple[int, tuple[int, int]], ...], float] = {}

    @cached_property
    def _rooms(self) -> list[float]:
        return [link.bandwidth_bps for link in self.fleet.instance.directed_links]

    def score(self, ranges: Ranges, least: Score, most: float) -> Score:
        """The value of ranges, and of how little the layers they are cut at let through in sum.

        Cuts say where to go on while the narrowest is elsewhere: a value is at most any of them.

        Parameters
        ----------
        ranges
            By node.
        least
            What is not below that has its value found by a flow.
        most
            Executions per second, more of which at a cut is of no use.
        """
        held, cuts = self._profile(ranges)
        summed = sum(min(cut, most) for cut in cuts) - most * len(cuts)
        narrowest = min([*held, *([] if self.fleet.objective.partial else cuts)])
        bound = (narrowest, summed)
        return bound if bound < least else (self.value(ranges), summed)

    def narrow(self, ranges: Ranges) -> list[int]:
        """The layers before which, or after the last, the least gets across, or passes.

        Parameters
        ----------
        ranges
            By node.
        """
        held, cuts = self._profile(ranges)
        edges = sorted(
            {0, self.fleet.num_layers, *(edge for own in ranges.values() for edge in own)}
        )
        least = min([*held, *cuts]) * (1 + 1e-9)
        crossed = {edge for edge, cut in zip(edges, cuts, strict=True) if cut <= least}
        passed = {edge for k, own in enumerate(held) if own <= least for edge in edges[k : k + 2]}
        return sorted(crossed | passed)

    def _profile(self, ranges: Ranges) -> tuple[list[float], list[float]]:
        """What passes layers at most, and what gets across where ranges begin or end: by nodes that
        hold both sides, or by links."""
        fleet, limits = self.fleet, self._limits
        begun: dict[int, list[int]] = {0: []}
        ended: dict[int, list[int]] = {fleet.num_layers: []}
        passed: dict[int, float] = {}
        for node, (start, end) in ranges.items():
            begun.setdefault(start, []).append(node)
            ended.setdefault(end, []).append(node)
            passed[node] = limits[node][start][end]
        held, cuts, active = [], [], 0.0
        for edge in sorted({*begun, *ended}):
            before, after = ended.get(edge, []), begun.get(edge, [])
            active -= sum(passed[node] for node in before)
            taking = after
            if fleet.objective.partial:
                taking = [*after, *(n for n, (a, b) in ranges.items() if a < edge < b)]
            cuts.append(active + self.links.between(before, taking, edge, passed))
            active += sum(passed[node] for node in after)
            if edge < fleet.num_layers:
                held.append(active)
        return held, cuts

    @cached_property
    def _limits(self) -> list[list[list[float]]]:
        limits: list[list[list[float]]] = self.fleet.limits.tolist()
        return limits

    @cached_property
    def links(self) -> Links:
        """What routes carry."""
        return Links(self.fleet)

    def value(self, ranges: Ranges) -> float:
        """Executions per second of the largest flow.

        Parameters
        ----------
        ranges
            By node.
        """
        key = tuple(sorted(ranges.items()))
        if key not in self._known:
            self._known[key] = self._value(ranges)
        return self._known[key]

    def _value(self, ranges: Ranges) -> float:
        fleet, nodes = self.fleet, list(ranges)
        rates = [float(fleet.rates[node, a, b]) for node, (a, b) in ranges.items()]
        if 0.0 in rates or not rates:
            return 0.0
        task = fleet.instance.tasks[0]
        spans = [(node, *ranges[node]) for node in nodes]
        ways = ways_between(fleet.instance, task, fleet.layers, spans, fleet.objective.partial)
        used = Counter(link for way in ways for link in way.links if way.load > 0)
        if any(count > 1 for count in used.values()):
            flow = largest_flow(rates, ways, self._rooms)
            return 0.0 if flow is None else flow.value
        return _rounded_flow(rates, ways, self._rooms)


def _rounded_flow(rates: list[float], ways: list[Way], rooms: list[float]) -> float:
    """The largest flow in whole parts of the largest rate, where no link lies on two ways."""
    from ortools.graph.python import max_flow

    unit = max(rates) / 2**PRECISION_BITS
    count = len(rates)
    start, end = 2 * count, 2 * count + 1
    most = sum(rates)
    tails, heads, room = list(range(0, 2 * count, 2)), list(range(1, 2 * count, 2)), list(rates)
    for way in ways:
        tails.append(start if way.tail is None else 2 * way.tail + 1)
        heads.append(end if way.head is None else 2 * way.head)
        room.append(min([rooms[k] / way.load for k in way.links if way.load > 0], default=most))
    network = max_flow.SimpleMaxFlow()
    network.add_arcs_with_capacity(
        np.array(tails), np.array(heads), (np.minimum(room, most) / unit).astype(np.int64)
    )
    network.solve(start, end)
    return float(network.optimal_flow() * unit)
