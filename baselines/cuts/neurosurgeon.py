"""Neurosurgeon: one cut of the topological order between the source and one remote node."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.common import (
    Placement,
    each_task,
    home_node,
    inputs_first,
    remote_nodes,
    result_seconds,
    servers,
)
from splitfog.formulations.arrays.task import TaskArrays
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.weights import added_bytes, held_bytes
from splitfog.solvers.base import Answer, Request


def solve_neurosurgeon(request: Request) -> Answer:
    """The cheapest single cut over all remote nodes; everything before it stays at the source.

    After Y. Kang et al., Neurosurgeon: Collaborative intelligence between the cloud and mobile
    edge, ASPLOS 2017, which cuts chains between one device and one server by scanning all cuts.
    Ours: on a DAG the file's order made topological is cut (inputs in front) and every tensor
    that crosses is paid; every node that the source reaches is tried as the remote one; nothing
    remote is a cut too; `tiers`, groups and each node's memory rule cuts out.

    Under `mean-latency` every task is cut as if it were alone, for least latency without waits
    (remote nodes are then those of higher tiers, if there are any); where that overloads a node
    the answer is unknown and names it.

    Exact for `latency` on chains with two nodes of different tiers, monotone, one task. O(L N).
    """
    return each_task(request, lambda arrays: best_cut(arrays, request.objective))


def best_cut(arrays: TaskArrays, objective: Objective) -> Placement | str:
    """The placement of the cheapest cut, or why there is none."""
    home = home_node(arrays)
    scan = _Scan.of(arrays, home, objective)
    best, remote, length = scan.all_home(), home, len(scan.order)
    for node in _remotes(arrays, home, objective):
        costs = scan.costs(node)
        cut = int(costs.argmin())
        if costs[cut] < best:
            best, remote, length = float(costs[cut]), node, scan.num_inputs + cut
    if best == inf:
        return "no single cut respects tiers, groups, routes and memory"
    placement = np.full(len(scan.order), home)
    placement[scan.order[length:]] = remote
    return placement


def _remotes(arrays: TaskArrays, home: int, objective: Objective) -> list[int]:
    if objective.name == "mean-latency":
        return servers(arrays, home)
    return remote_nodes(arrays, home, objective.monotone)


@dataclass(frozen=True, kw_only=True)
class _Scan:
    """Sums along the order; cut c has `num_inputs` + c layers at home."""

    arrays: TaskArrays
    home: int
    order: NDArray[np.int64]
    num_inputs: int
    crossing: NDArray[np.float64]
    """[2, cuts]: transfers of tensors (or edges) over every cut, and their bytes."""
    crossing_results: NDArray[np.float64]
    """[2, cuts]: the same of tensors that also go to `results_to` from home (`once` only)."""
    broken: NDArray[np.bool_]
    """[cuts]: whether a group lies on both sides."""
    ways: NDArray[np.float64]
    """[layers, nodes] in order: a result's own way."""

    @classmethod
    def of(cls, arrays: TaskArrays, home: int, objective: Objective) -> _Scan:
        order = inputs_first(arrays)
        num_inputs = int(arrays.is_input.sum())
        at = np.empty(len(order), np.int64)
        at[order] = np.maximum(np.arange(len(order)) - num_inputs, -1)
        edges = arrays.model.edges
        spans = np.stack([edges[:, 0], at[edges[:, 0]], at[edges[:, 1]]], axis=1)
        if objective.transfers == "once":
            spans = _widest(spans)
        num_cuts = len(order) - num_inputs + 1
        shared = arrays.model.results[spans[:, 0]] & (objective.transfers == "once")
        shared &= arrays.results_to is not None
        return cls(
            arrays=arrays,
            home=home,
            order=order,
            num_inputs=num_inputs,
            crossing=_over_cuts(arrays, spans[~shared], num_cuts),
            crossing_results=_over_cuts(arrays, spans[shared], num_cuts),
            broken=_broken(arrays, at, num_cuts),
            ways=result_seconds(arrays)[order],
        )

    def all_home(self) -> float:
        """The cost with nothing remote; inf where that is not allowed."""
        total = self._paid(self.home).sum()
        held = held_bytes(self.arrays.model, self.order.tolist()) + self.arrays.state_bytes.sum()
        return float(total) if self._fits(self.home, np.array(held)) else inf

    def costs(self, remote: int) -> NDArray[np.float64]:
        """[cuts]: the cost of every cut with this remote node; inf where it is not allowed."""
        first = self.num_inputs
        here, there = self._paid(self.home), self._paid(remote)[first:]
        before = here[:first].sum() + np.concatenate([[0.0], np.cumsum(here[first:])])
        beyond = np.concatenate([np.cumsum(there[::-1])[::-1], [0.0]])
        costs = before + beyond + self._sending(remote)
        kept = np.concatenate([[0.0], self._added(self.order).cumsum()])[first:]
        sent = np.append(self._added(self.order[first:][::-1]).cumsum()[::-1], 0.0)
        allowed = self._fits(self.home, kept) & self._fits(remote, sent)
        return np.asarray(np.where(allowed & ~self.broken, costs, inf))

    def _added(self, order: NDArray[np.int64]) -> NDArray[np.float64]:
        """[layers] of an order: what each takes of memory beside those before it."""
        return added_bytes(self.arrays.model, order) + self.arrays.state_bytes[order]

    def _paid(self, node: int) -> NDArray[np.float64]:
        """[layers] in order: time and result's way on a node; inputs are at the source anyway."""
        return np.asarray(self.arrays.costs_s[self.order, node] + self.ways[:, node])

    def _fits(self, node: int, weights: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(weights <= memory_room(self.arrays.instance)[node])

    def _sending(self, remote: int) -> NDArray[np.float64]:
        """[cuts]: seconds of everything that crosses to the remote node."""
        routes = routes_of(self.arrays.instance)
        path, target = routes.path(self.home, remote) or (), self.arrays.results_to
        paid = set() if target is None else set(routes.path(self.home, target) or ())
        own = [routes.links[link] for link in path if link not in paid]
        whole = [routes.links[link] for link in path]
        total = np.zeros(self.crossing.shape[1])
        for (count, num_bytes), links in (
            (self.crossing, whole),
            (self.crossing_results, own),
        ):
            total += count * sum(link.lag_s for link in links)
            total += num_bytes * sum(8 / link.bandwidth_bps for link in links)
        return total


def _widest(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of every tensor's spans (tensor, from, to) the one to its last reader."""
    spans = spans[np.lexsort((spans[:, 2], spans[:, 0]))]
    last = np.append(spans[1:, 0] != spans[:-1, 0], True)[: len(spans)]
    return np.asarray(spans[last])


def _over_cuts(arrays: TaskArrays, spans: NDArray[np.int64], num_cuts: int) -> NDArray[np.float64]:
    """[2, cuts]: transfers of the spans over each cut, their bytes; cut c is at from < c <= to."""
    changes = np.zeros((2, num_cuts + 1))
    figures = np.stack([arrays.sends[spans[:, 0]], arrays.output_bytes[spans[:, 0]]])
    for row, figure in zip(changes, figures):
        np.add.at(row, spans[:, 1] + 1, figure)
        np.add.at(row, spans[:, 2] + 1, -figure)
    crossing = changes.cumsum(axis=1)[:, :num_cuts]
    return np.where(crossing[0] > 0, np.maximum(crossing, 0.0), 0.0)


def _broken(arrays: TaskArrays, at: NDArray[np.int64], num_cuts: int) -> NDArray[np.bool_]:
    broken = np.zeros(num_cuts, bool)
    for group in arrays.groups:
        places = at[list(group)]
        broken[places.min() + 1 : places.max() + 1] = True
    return broken
