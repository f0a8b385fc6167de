"""Latency as an energy over pairs of units, and its best expansion as a minimum cut."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.decision import Decision, placed
from splitfog.formulations.tolerances import ROUNDING
from splitfog.solvers.starts.placement_space import PlacementSpace

PRECISION_BITS = 46
"""Capacities are scaled so that the most that a move can gain becomes about 2^46."""

Labels = NDArray[np.int64]
"""[units]: node of every unit."""

Costs = NDArray[np.float64]


class UnitPairs(NamedTuple):
    """[pairs]: what a producer sends to a reader: how many tensors, and their bytes.

    `share` is one over the number of readers that the tensors have.
    """

    producer: NDArray[np.int64]
    reader: NDArray[np.int64]
    tensors: Costs
    num_bytes: Costs
    share: Costs


class Terms(NamedTuple):
    """[pairs] seconds where both stay, only the reader moves, or only the producer does."""

    stay: Costs
    reader: Costs
    producer: Costs


@dataclass
class Energy:
    """Sum of units' seconds and of ways between pairs of units, over the nodes as labels.

    `raised` tells whether some move since it was last set had terms raised to be a cut.
    """

    space: PlacementSpace
    raised: bool = False

    def __post_init__(self) -> None:
        routes = routes_of(self.space.instance)
        may = self.space.may
        self.latency_s = np.where(may, routes.latency_s, 0.0)
        self.seconds_per_byte = np.where(may, routes.seconds_per_byte, 0.0)
        self.forbidden = np.where(may, 0.0, inf)
        self.pairs, self.is_sum = self._pairs()
        self.unary = np.where(self.space.allowed, self.space.costs_s, inf) + self._results()

    def labels_of(self, decision: Decision) -> Labels:
        """The labels of a decision; a group is where its first layer is."""
        codes = self.space.encoded(*(task.placement for task in decision.tasks))
        return self.space.nodes(codes)[:, 0].astype(np.int64)

    def decision(self, labels: Labels) -> Decision:
        """The decision of labels."""
        first = self.space.columns.first
        return placed(*np.split(labels[self.space.unit_of], first[1:-1]))

    def overfull(self, labels: Labels) -> bool:
        """Whether some node's memory is too small."""
        return bool(self.space.excess(self.space.code_of[labels][:, None])[0] > 0)

    def value(self, labels: Labels) -> float:
        """The energy in seconds, summed over tasks: latency if `is_sum`, else an upper bound."""
        ways = self._ways(labels[self.pairs.producer], labels[self.pairs.reader])
        return float(self.unary[np.arange(len(labels)), labels].sum() + ways.sum())

    def expanded(
        self, labels: Labels, alpha: int, shared: bool = False, price: float = 0.0
    ) -> Labels | None:
        """The labels after the best move of any units to `alpha`; None if no move gains.

        `shared`: a tensor's way to one of several readers counts for that reader's share only.
        `price`: seconds that every byte of weights moved to `alpha` costs on top.
        """
        terms = self._terms(labels, alpha, self.pairs.share if shared else None)
        unary = _within(self.unary[:, alpha], self.value(labels))
        added = unary - self.unary[np.arange(len(labels)), labels]
        if price:
            added += price * self._new_bytes(labels, alpha)
        moves = _least_cut(added, self.pairs, terms)
        return None if moves is None else np.where(moves, alpha, labels)

    def _new_bytes(self, labels: Labels, alpha: int) -> Costs:
        """[units]: bytes of each unit's weights that `alpha` does not hold."""
        new = np.zeros(len(labels))
        for num_bytes, units in self.space.parcels:
            if not (labels[units] == alpha).any():
                new[units] += num_bytes
        return new

    def guarantee(self) -> float | str:
        """The factor 2c within which local minima are, or why there is none (Boykov et al.)."""
        if not self.is_sum:
            return "no guarantee: tensors with several readers are paid once, not by edges"
        if limits_memory(self.space.instance):
            return "no guarantee: memory limits may have stopped a move"
        if self.raised:
            return "no guarantee: latencies make some ways dearer than ways over a third node"
        used = np.flatnonzero(self.space.allowed.any(axis=0))
        ends = used[:, None].repeat(len(used), 1)[~np.eye(len(used), dtype=bool)]
        others = used[None].repeat(len(used), 0)[~np.eye(len(used), dtype=bool)]
        if not len(ends) or not len(self.pairs.producer):
            return 1.0
        if (self.forbidden[ends, others] > 0).any():
            return "no guarantee: some pairs of nodes have no route, or monotone forbids them"
        latency, per_byte = self.latency_s[ends, others], self.seconds_per_byte[ends, others]
        kinds = np.unique(np.stack([self.pairs.tensors, self.pairs.num_bytes]), axis=1).T
        ways = [latency * count + per_byte * size for count, size in kinds]
        ratios = [float(way.max() / way.min()) if way.min() else inf for way in ways if way.max()]
        largest = max(ratios, default=1.0)
        if largest == inf:
            return "no guarantee: some tensor's way is free between two nodes and not elsewhere"
        return 2 * largest

    def _terms(self, labels: Labels, alpha: int, share: Costs | None) -> Terms:
        """The pairs' terms, raised where a way over `alpha` is cheaper than the pair's own."""
        tail, head = labels[self.pairs.producer], labels[self.pairs.reader]
        there = np.full(len(tail), alpha)
        ways = (self._ways(tail, head), self._ways(tail, there), self._ways(there, head))
        stay, reader, producer = ways if share is None else (way * share for way in ways)
        value = self.value(labels)
        reader, producer = _within(reader, value), _within(producer, value)
        missing = np.maximum(stay - reader - producer, 0.0)
        self.raised |= bool((missing > ROUNDING * stay).any())
        return Terms(stay, reader + missing / 2, producer + missing / 2)

    def _ways(self, tail: Labels, head: Labels) -> Costs:
        """[pairs]: seconds of every pair's tensors, inf where they may not go."""
        seconds: Costs = self.pairs.tensors * self.latency_s[tail, head]
        seconds += self.pairs.num_bytes * self.seconds_per_byte[tail, head]
        return seconds + self.forbidden[tail, head]

    def _pairs(self) -> tuple[UnitPairs, bool]:
        """What units send to one another, and whether latency is just the sum of it."""
        rows, is_sum = [], True
        for own, first in zip(self.space.units, self.space.first.tolist(), strict=False):
            for sent in own.broadcasts:
                ways = len(sent.readers) + (sent.sink is not None)
                is_sum &= ways == 1
                rows += [
                    (first + sent.producer, first + reader, sent.count, sent.num_bytes, 1 / ways)
                    for reader in sent.readers
                ]
        table = np.array(rows, float).reshape(-1, 5).T
        producer, reader = table[:2].astype(np.int64)
        tensors, num_bytes, share = table[2:]
        return UnitPairs(producer, reader, tensors, num_bytes, share), is_sum

    def _results(self) -> Costs:
        """[units, nodes]: seconds of results' own ways."""
        paid = np.zeros(self.space.allowed.shape)
        routes = routes_of(self.space.instance)
        for own, first in zip(self.space.units, self.space.first.tolist(), strict=False):
            for sent in own.broadcasts:
                if sent.sink is not None:
                    latency = routes.latency_s[:, sent.sink]
                    reached = np.isfinite(latency)
                    per_byte = np.where(reached, routes.seconds_per_byte[:, sent.sink], 0.0)
                    paid[first + sent.producer] += sent.count * latency + sent.num_bytes * per_byte
        return paid


def _within(seconds: Costs, value: float) -> Costs:
    """Seconds, endless where they alone are more than a value: no move that pays them gains.

    The cut counts in whole numbers, of which times that matter would be left too few.
    """
    return np.where(seconds > value * (1 + ROUNDING), inf, seconds)


def _least_cut(added: Costs, pairs: UnitPairs, terms: Terms) -> NDArray[np.bool_] | None:
    """[units]: which move in the best expansion; None if none gains.

    x = 1, source side, is "moves"; an arc u -> v is paid when u moves and v does not. With terms
    E00, E01, E10 and E11 = 0 a pair (p, q) is E00 + (E10 - E00) x_p - E10 x_q and, with the slack
    of submodularity, (E01 + E10 - E00) (1 - x_p) x_q; where E10 or E01 is infinite the same with
    an endless arc in that place.
    """
    linear = added.copy()
    stay, reader, producer = terms
    no_reader, no_producer = np.isinf(reader), np.isinf(producer)
    alone_p = np.where(no_producer, np.where(no_reader, 0.0, reader), producer)
    alone_p = np.where(no_producer, -alone_p, alone_p - stay)
    alone_p = np.where(no_producer & no_reader, -stay, alone_p)
    alone_q = np.where(no_producer, np.where(no_reader, 0.0, reader - stay), -producer)
    np.add.at(linear, pairs.producer, alone_p)
    np.add.at(linear, pairs.reader, alone_q)
    most = float(-linear[linear < 0].sum())
    if not most > 0:
        return None
    either = no_reader | no_producer
    with np.errstate(invalid="ignore"):
        slack = np.where(either, 0.0, reader + producer - stay)
    back = np.where(no_reader, inf, np.maximum(slack, 0.0))  # reader moves, producer does not
    forth = np.where(no_producer, inf, 0.0)
    return _source_side(linear, pairs, back, forth, most)


def _source_side(
    linear: Costs, pairs: UnitPairs, back: Costs, forth: Costs, most: float
) -> NDArray[np.bool_] | None:
    from ortools.graph.python import max_flow

    count = len(linear)
    source, sink = count, count + 1
    units = np.arange(count)
    tails = np.concatenate([np.where(linear < 0, source, units), pairs.reader, pairs.producer])
    heads = np.concatenate([np.where(linear < 0, units, sink), pairs.producer, pairs.reader])
    costs = np.concatenate([np.abs(linear), back, forth])
    scale = 2.0 ** min(PRECISION_BITS - frexp(most)[1], 1023)
    capacities = np.minimum(np.floor(costs * scale), np.floor(most * scale) + 1).astype(np.int64)
    solver = max_flow.SimpleMaxFlow()
    used = capacities > 0
    solver.add_arcs_with_capacity(tails[used], heads[used], capacities[used])
    solver.add_arc_with_capacity(sink, source, 0)  # both ends exist, arcs or none
    if (status := solver.solve(source, sink)) != solver.OPTIMAL:
        raise ArithmeticError(f"maximum flow stopped with status {status}")
    side = np.zeros(count + 2, bool)
    side[np.array(solver.get_source_side_min_cut(), np.int64)] = True
    return side[:count] if side[:count].any() else None
