"""`chain-dp`: the least latency of a chain of layers on any nodes by dynamic programming."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import limits_memory
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.chain import why_no_chain
from splitfog.formulations.costs.feasibility import decision_violations
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.decision import placed
from splitfog.formulations.objective import Objective
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model
from splitfog.solvers.base import Answer, Request, SolverDeclined

Table = NDArray[np.float64]


def solve_chain_dp(request: Request) -> Answer:
    """The least latency of chains, by a shortest path over (layer, node); tasks are independent.

    O(L N^2) after routing, exact on any nodes, links and routes, for `once` and `per-edge`,
    monotone or not. Finite memory is left out: a plan that breaks it gives `unknown` with the
    value as a lower bound. After the shortest paths of JointDNN (arXiv 1801.08618) and AAIoT
    (IEEE WCL 2019); ours: any routes, results on the way, layer tiers.

    Raises
    ------
    SolverDeclined
        Where a model is no chain or a group spans layers.
    """
    instance, objective = request.instance, request.objective
    placements, values = [], []
    for position, task in enumerate(instance.tasks):
        arrays = task_arrays(instance, position)
        chain = _chain(arrays)
        best, choices = _forward(arrays, chain, objective)
        if not np.isfinite(best).any():
            return Answer(None, infeasible=True, reason=f"task {task.name}: {_why_not(arrays)}")
        placements.append(_backward(chain, best, choices))
        values.append(float(best.min()))
    decision = placed(*placements)
    # rounding: every one of the L additions errs by at most half an epsilon of the sum
    layers = max(len(placement) for placement in placements)
    bound = sum(values) / len(values) * (1 - (layers + 8) * np.finfo(float).eps)
    limited = limits_memory(instance)
    if limited and (faults := decision_violations(instance, decision, objective)):
        reason = f"the dynamic program ignores memory, and {faults[0]}; try ilp"
        return Answer(None, float(bound), reason=reason)
    return Answer(decision, float(bound))


def chain_bound(instance: Instance, objective: Objective, task: int) -> float | None:
    """A lower bound of one task's latency; None where the dynamic program does not apply."""
    arrays = task_arrays(instance, task)
    try:
        chain = _chain(arrays)
    except SolverDeclined:
        return None
    least = float(_forward(arrays, chain, objective)[0].min())
    return least * (1 - (len(chain) + 8) * np.finfo(float).eps)


def _chain(arrays: TaskArrays) -> list[int]:
    """Layers from the first to the last, or `SolverDeclined`."""
    model = arrays.model
    if arrays.groups:
        names = ", ".join(model.layers[layer].name for layer in arrays.groups[0])
        raise SolverDeclined("chain-dp", f"a group holds several layers ({names})", "ilp")
    return chain_of(model, "chain-dp")


def chain_of(model: Model, solver: str) -> list[int]:
    """Layers from the first to the last.

    Parameters
    ----------
    model
        A task's.
    solver
        Who needs a chain.

    Raises
    ------
    SolverDeclined
        Where a layer does not read the one before it only.
    """
    if (why := why_no_chain(model)) is not None:
        raise SolverDeclined(solver, why, "ilp")
    order: list[int] = model.order.tolist()
    return order


def _forward(
    arrays: TaskArrays, chain: list[int], objective: Objective
) -> tuple[Table, list[NDArray[np.int64]]]:
    """Least cost up to the last layer [nodes], and each layer's best node before [nodes]."""
    transfers = Transfers(arrays, objective)
    best = arrays.costs_s[chain[0]]
    choices = []
    for before, layer in pairwise(chain):
        costs = best[:, None] + transfers.between(before)
        choice = costs.argmin(axis=0)
        best = costs[choice, np.arange(len(choice))] + arrays.costs_s[layer]
        choices.append(choice)
    return best + transfers.after(chain[-1]), choices


def _backward(chain: list[int], best: Table, choices: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The nodes on the shortest path, in file order; ties go to the first node."""
    placement = np.zeros(len(chain), np.int64)
    node = int(best.argmin())
    for layer, choice in zip(chain[:0:-1], choices[::-1], strict=True):
        placement[layer] = node
        node = int(choice[node])
    placement[chain[0]] = node
    return placement


class Transfers:
    """Seconds that a tensor takes from a node to its reader's, and with it to `results_to`."""

    def __init__(self, arrays: TaskArrays, objective: Objective) -> None:
        instance, self.arrays = arrays.instance, arrays
        routes, self.once = routes_of(instance), objective.transfers == "once"
        rank = instance.node_rank
        self.unreached = ~np.isfinite(routes.latency_s)
        self.falls = (rank[:, None] > rank) & objective.monotone
        self.latency_s = np.where(self.unreached, 0.0, routes.latency_s)
        self.seconds_per_byte = np.where(self.unreached, 0.0, routes.seconds_per_byte)
        if arrays.results_to is not None:
            self.common = _common(instance, routes, arrays.results_to)

    def between(self, layer: int) -> Table:
        """[nodes, nodes]: to the reader, and the result's own way from the first node."""
        reads = len(self.arrays.model.reads[layer])
        sends, size = self._sent(layer)
        if not sends:
            return np.where(self.falls, np.inf, 0.0)
        seconds = sends * self.latency_s + size * self.seconds_per_byte
        seconds = (1 if self.once else reads) * seconds
        if self.arrays.results_to is not None and self.arrays.model.results[layer]:
            seconds = seconds + self.after(layer)[:, None]
            if self.once:
                seconds -= sends * self.common[0] + size * self.common[1]
        return np.where(self.falls | self.unreached, np.inf, seconds)

    def _sent(self, layer: int) -> tuple[float, float]:
        """How often a tensor is sent, and its bytes in all."""
        return float(self.arrays.sends[layer]), float(self.arrays.output_bytes[layer])

    def after(self, layer: int) -> Table:
        """[nodes]: a result's way to `results_to`."""
        target = self.arrays.results_to
        if target is None:
            return np.zeros(len(self.latency_s))
        sends, size = self._sent(layer)
        if not sends:
            return np.zeros(len(self.latency_s))
        seconds = sends * self.latency_s[:, target] + size * self.seconds_per_byte[:, target]
        return np.where(self.unreached[:, target], np.inf, seconds)


def _common(instance: Instance, routes: Routes, target: int) -> tuple[Table, Table]:
    """Latency and seconds per byte that the routes u -> v and u -> target share, [nodes, nodes]."""
    count, links = len(instance.nodes), instance.directed_links
    latency, per_byte = np.zeros((count, count)), np.zeros((count, count))
    for u in range(count):
        way = set(routes.path(u, target) or ())
        for v in range(count):
            shared = [links[link] for link in routes.path(u, v) or () if link in way]
            latency[u, v] = sum(link.lag_s for link in shared)
            per_byte[u, v] = sum(8 / link.bandwidth_bps for link in shared)
    return latency, per_byte


def _why_not(arrays: TaskArrays) -> str:
    """What leaves a chain without a placement."""
    for layer, allowed in zip(arrays.model.layers, arrays.allowed, strict=True):
        if not allowed.any():
            return f"no node may have layer {layer.name}"
    return "no placement respects tiers, routes and monotone"
