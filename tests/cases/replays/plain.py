"""Requests replayed the plain way: one at a time or in order of arrival, breakpoint by breakpoint.

Slow and obviously right: figures are looked up in the series' lists, integrals are added up from
one breakpoint to the next, routes are the best of all simple paths. What the replay's own code
finds is held to this.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from math import floor, inf
from typing import Any

import numpy as np

from splitfog.formulations.costs.ledger import layer_time
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed
from splitfog.instances.traces.records import Series
from splitfog.instances.traces.trace import Trace

PERIODS = 300
"""After so many of the longest trace what has not ended never does."""

Outcome = tuple[str, float]
"""("ended", latency), ("failed", inf) or ("lost", seconds since the start)."""


class Varying:
    """One figure over time."""

    def __init__(self, default: float, series: Series | None = None, trace: Trace | None = None):
        self.times, self.values = [0.0], [default]
        self.repeats, self.duration = False, inf
        if series is not None and trace is not None:
            self.times, self.values = list(series.times_s), list(series.values)
            self.repeats, self.duration = trace.end == "repeat", trace.duration_s

    def at(self, t: float) -> float:
        """The value at a moment, or just after: at a step the new one, however that is rounded."""
        t += 1e-11
        phase = t - floor(t / self.duration) * self.duration if self.repeats else t
        return self.values[bisect_right(self.times, phase) - 1]

    def next_breakpoint(self, t: float) -> float:
        """The first moment after this at which a value is given."""
        if not self.repeats:
            return next((time for time in self.times if time > t), inf)
        period = floor(t / self.duration)  # perhaps rounded down by one
        moments = [(period + k) * self.duration + time for k in range(3) for time in self.times]
        return min(moment for moment in moments if moment > t)


class PlainReplay:
    """What requests of the one task take by fixed placements, layer -> node by position."""

    def __init__(self, instance: Instance, traces: Sequence[Trace]):
        self.instance = instance
        self.model = instance.model_of(instance.tasks[0])
        self.links = instance.directed_links
        names = [node.name for node in instance.nodes]
        given: dict[tuple[str, ...], tuple[Series, Trace]] = {
            key: (series, trace)
            for trace in traces
            for series in trace.series
            for key in series.keys
        }

        def figure(default: float, *key: str) -> Varying:
            return Varying(default, *given.get(key, (None, None)))

        self.load = [figure(1.0, "node", name, "load") for name in names]
        self.node_up = [figure(1.0, "node", name, "up") for name in names]
        ways = [("link", names[link.tail], names[link.head]) for link in self.links]
        self.bandwidth, self.latency, self.link_up = (
            [figure(default(link), *way, quantity) for way, link in zip(ways, self.links)]
            for quantity, default in (
                ("bandwidth_bps", lambda link: link.bandwidth_bps),
                ("latency_s", lambda link: link.latency_s),
                ("up", lambda link: 1.0),
            )
        )
        self.horizon = PERIODS * max([trace.duration_s for trace in traces], default=1.0)

    def seconds(
        self, start: float, amount: float, rate: Callable[[float], float], figures: list[Varying]
    ) -> float:
        """Until the integral of `rate`, constant between breakpoints of `figures`, is `amount`."""
        t = start
        while t < start + self.horizon:
            following = min(figure.next_breakpoint(t) for figure in figures)
            if rate(t) > 0 and amount <= rate(t) * (following - t):
                return t + amount / rate(t) - start
            if following == inf:
                return inf
            amount -= rate(t) * (following - t)
            t = following
        return inf

    def works(self, node: int, t: float, seconds: float, frozen: float | None) -> float:
        """How long a node works."""
        load = self.load[node]
        if frozen is not None:
            return seconds * load.at(frozen)
        return self.seconds(t, seconds, lambda t: 1 / load.at(t), [load])

    def hops(self, link: int, t: float, num_bytes: float, frozen: float | None) -> float:
        """How long a hop takes: latency and delay, then its bytes."""
        band, up = self.bandwidth[link], self.link_up[link]
        t0 = t if frozen is None else frozen
        waits = self.latency[link].at(t0) + self.links[link].delay_s
        if frozen is not None:
            if num_bytes == 0:
                return waits
            return waits + 8 * num_bytes / band.at(t0) if band.at(t0) > 0 else inf
        if num_bytes == 0:
            return waits + self.seconds(t + waits, 1e-15, up.at, [up])
        rate = [band, up]
        return waits + self.seconds(t + waits, 8 * num_bytes, lambda t: band.at(t) * up.at(t), rate)

    def tree(self, root: int, leaves: set[int], t: float, nodes_down: bool = True):
        """The links to all leaves, depth first by node; None where one cannot be reached."""
        down = {n for n, up in enumerate(self.node_up) if nodes_down and not up.at(t)}
        usable = [
            i
            for i, link in enumerate(self.links)
            if self.link_up[i].at(t) and not {link.tail, link.head} & down
        ]
        used = set()
        for leaf in leaves:
            path = self.route(root, leaf, usable)
            if path is None:
                return None
            used.update(path)
        return list(self._depth_first(root, used))

    def _depth_first(self, root: int, used: set[int]) -> Iterator[int]:
        for link in sorted(used, key=lambda link: self.links[link].head):
            if self.links[link].tail == root:
                yield link
                yield from self._depth_first(self.links[link].head, used)

    def route(self, tail: int, head: int, usable: list[int]) -> list[int] | None:
        """The best of all simple paths."""
        found = []
        paths: list[tuple[list[int], list[int]]] = [([tail], [])]
        while paths:
            nodes, links = paths.pop()
            if nodes[-1] == head:
                per_byte, waits = 0.0, 0.0
                for link in map(self.links.__getitem__, links):
                    per_byte += 8 / link.bandwidth_bps
                    waits += link.latency_s + link.delay_s
                found.append((per_byte, waits, len(links), nodes, links))
                continue
            paths += [
                ([*nodes, self.links[link].head], [*links, link])
                for link in usable
                if self.links[link].tail == nodes[-1] and self.links[link].head not in nodes
            ]
        return min(found)[-1] if found else None

    def leaves(self, layer: int, places: list[int]) -> set[int]:
        """The other nodes that a tensor goes to."""
        task, consumers = self.instance.tasks[0], self.model.reads[layer]
        nodes = {places[consumer] for consumer in consumers}
        if task.results_to is not None and self.model.results[layer]:
            nodes.add(self.instance.node_index[task.results_to])
        return nodes - {places[layer]}

    def request(self, places: list[int], start: float, clock: str = "integrated") -> Outcome:
        """One request alone, that does not start again."""
        frozen = start if clock == "frozen" else None
        task = self.instance.tasks[0]
        source = None if task.source is None else self.instance.node_index[task.source]
        if source is not None and not self.node_up[source].at(start):
            return "failed", inf
        order = self.model.order.tolist()
        waiting = {
            (layer, places[layer]) for layer in order if self.model.layers[layer].op == "input"
        }  # tensors that lie on nodes
        t = start
        for position, layer in enumerate(order):
            home = places[layer]
            spent = layer_time(self.model.layers[layer], self.instance.nodes[home])
            to_run = order[position + 1 :]
            if spent > 0:
                ends = t + self.works(home, t, spent, frozen)
                at = {home, *self._needed(waiting, to_run, places)}
                if (lost := self._first_down(at, t, ends, frozen)) is not None:
                    return "lost", lost - start
                t = ends
            waiting.add((layer, home))
            leaves = self.leaves(layer, places)
            moment = t if frozen is None else frozen
            tree = self.tree(home, leaves, moment) if leaves else []
            if tree is None:
                if self.tree(home, leaves, moment, nodes_down=False) is None:
                    return "failed", inf
                return "lost", t - start
            for hop, link in enumerate(tree):
                num_bytes = self.model.layers[layer].output_bytes
                ends = t + self.hops(link, t, num_bytes, frozen)
                if ends == inf:
                    return "failed", inf
                ends_of = {self.links[link].tail, self.links[link].head}
                later = {self.links[other].tail for other in tree[hop:]}
                relays = {node for tensor, node in waiting if tensor == layer and node in later}
                at = ends_of | relays | self._needed(waiting, to_run, places)
                if (lost := self._first_down(at, t, ends, frozen)) is not None:
                    return "lost", lost - start
                t = ends
                waiting.add((layer, self.links[link].head))
        return "ended", t - start

    def _needed(
        self, waiting: set[tuple[int, int]], to_run: list[int], places: list[int]
    ) -> set[int]:
        """Nodes with tensors that a layer there is yet to read, or that are yet to be sent."""
        return {
            node
            for tensor, node in waiting
            if tensor in to_run
            or any(tensor in self.model.inputs[i] and places[i] == node for i in to_run)
        }

    def _first_down(
        self, nodes: set[int], start: float, end: float, frozen: float | None
    ) -> float | None:
        """When the first of some nodes is down within [start, end); None: it is not."""
        if frozen is not None:
            return None if all(self.node_up[node].at(frozen) for node in nodes) else start
        down = []
        for node in nodes:
            t = start
            while self.node_up[node].at(t) and t < end:
                t = self.node_up[node].next_breakpoint(t)
            if t < end or (t == start == end and not self.node_up[node].at(t)):
                down.append(t)
        return min(down, default=None)

    def restarted(
        self, plans: list[list[int]], start: float, detect: float, clock: str = "integrated"
    ) -> tuple[float, int]:
        """What a request takes alone, and how often it starts again: each time by the next plan."""
        before, count = 0.0, 0
        while True:
            kind, seconds = self.request(plans[count % len(plans)], start + before, clock)
            if kind != "lost":
                return (before + seconds if kind == "ended" else inf), count
            before, count = before + seconds + detect, count + 1
            if not self.can_run(plans[count % len(plans)], start + before):
                return inf, count

    def can_run(self, places: list[int], t: float) -> bool:
        """Whether all its nodes are up and all its tensors have routes."""
        task = self.instance.tasks[0]
        source = [] if task.source is None else [self.instance.node_index[task.source]]
        busy = [
            node
            for layer, node in enumerate(places)
            if layer_time(self.model.layers[layer], self.instance.nodes[node]) > 0
        ]
        if not all(self.node_up[node].at(t) for node in (*source, *busy)):
            return False
        return all(
            self.tree(places[layer], self.leaves(layer, places), t) is not None
            for layer in range(len(places))
            if self.leaves(layer, places)
        )

    def fifo(
        self, plans: list[list[int]], arrivals: list[float], clock: str = "integrated"
    ) -> list[float]:
        """Latencies of requests that queue at nodes and links; nodes never go down."""
        free: dict[tuple[str, int], float] = {}
        walks = [
            self._walk(places, start if clock == "frozen" else None)
            for places, start in zip(plans, arrivals)
        ]
        for walk in walks:
            next(walk)
        latencies = [inf] * len(walks)
        # (when it arrives at its next place, request): the earliest is served next
        coming = {number: start for number, start in enumerate(arrivals)}
        asked: dict[int, tuple[str, int, Callable[[float], tuple[float, float]]]] = {}
        while coming:
            t, number = min((t, number) for number, t in coming.items())
            if number not in asked:
                step = walks[number].send(t)
                if step is None:
                    latencies[number] = t - arrivals[number]
                    del coming[number]
                else:
                    asked[number] = step
                continue
            kind, place, takes = asked.pop(number)
            begins = max(t, free.get((kind, place), 0.0))
            occupied, seconds = takes(begins)
            if seconds == inf:
                del coming[number]
                continue
            free[kind, place] = begins + occupied
            coming[number] = begins + seconds
        return latencies

    def _walk(self, places: list[int], frozen: float | None):
        """Sent the moment, yields the next place and what it takes there from a beginning on."""
        t = yield None
        run: tuple[int, float] | None = None
        for layer in self.model.order.tolist():
            home = places[layer]
            spent = layer_time(self.model.layers[layer], self.instance.nodes[home])
            leaves = self.leaves(layer, places)
            if run is not None and run[0] != home and (spent > 0 or leaves):
                t = yield self._visit(*run, frozen)
                run = None
            if spent > 0:
                run = (home, spent + (0.0 if run is None else run[1]))
            if leaves:
                if run is not None:
                    t = yield self._visit(*run, frozen)
                    run = None
                tree = self.tree(home, leaves, t if frozen is None else frozen)
                if tree is None:
                    yield "nowhere", 0, lambda begins: (inf, inf)
                for link in tree:
                    t = yield self._crossing(link, self.model.layers[layer].output_bytes, frozen)
        if run is not None:
            t = yield self._visit(*run, frozen)
        yield None

    def _visit(self, node: int, seconds: float, frozen: float | None):
        def takes(begins: float) -> tuple[float, float]:
            worked = self.works(node, begins, seconds, frozen)
            return worked, worked

        return "node", node, takes

    def _crossing(self, link: int, num_bytes: float, frozen: float | None):
        def takes(begins: float) -> tuple[float, float]:
            seconds = self.hops(link, begins, num_bytes, frozen)
            return seconds - self.links[link].delay_s, seconds

        return "link", link, takes


def random_traces(
    rng: np.random.Generator, instance: Instance, *, links_fail: bool, nodes_fail: bool
) -> list[Trace]:
    """One or two traces of some of the instance's figures, each with its own end."""
    names = [node.name for node in instance.nodes]
    series: list[list[Series]] = [[], []]
    durations = [float(rng.uniform(1, 4)) for _ in series]

    def add(quantity: Any, draw: Callable[[int], np.ndarray], likely: float, **whose: Any):
        if rng.random() < likely:
            which = int(rng.integers(2))
            count = int(rng.integers(1, 7))
            times = [0.0, *np.sort(rng.uniform(0, durations[which], count - 1)).tolist()]
            values = [float(value) for value in draw(count)]
            series[which].append(
                Series(quantity=quantity, times_s=tuple(times), values=tuple(values), **whose)
            )

    def bandwidths(count: int) -> np.ndarray:
        return np.exp(rng.normal(15, 1.5, count)) * (rng.random(count) > 0.2)

    for link in instance.links:
        ends = (link.tail, link.head)
        way = "both" if link.duplex and rng.random() < 0.6 else "forward"
        whose = {"link": ends, "directions": way}
        add("bandwidth_bps", bandwidths, 0.7, **whose)
        add("latency_s", lambda count: rng.uniform(0, 0.1, count), 0.4, **whose)
        if links_fail:
            add("up", lambda count: rng.random(count) > 0.3, 0.4, **whose)
    for name in names:
        add("load", lambda count: np.exp(rng.normal(0, 1, count)), 0.6, node=name)
        if nodes_fail:
            add("up", lambda count: rng.random(count) > 0.3, 0.5, node=name)
    return [
        Trace(
            name=f"trace-{i}",
            duration_s=durations[i],
            end="repeat" if rng.random() < 0.6 else "hold",
            series=tuple(own),
        )
        for i, own in enumerate(series)
        if own
    ]


def with_delays(rng: np.random.Generator, instance: Instance) -> Instance:
    """The same, with a delay on some links."""
    links = tuple(
        changed(link, delay_s=float(rng.choice([0.0, 0.0, 0.03]))) for link in instance.links
    )
    return changed(instance, links=links)
