"""One-cut answers: up to a layer at the source, all that follows on one node, all at once.

The strategies of `best-response` and the yardstick of a task's regret. Ours: a cut is a position
in the model's topological order, so there are at most L x N strategies a task; each is priced
exactly, its own effect on the waits included.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.arrays.nodes import quotas
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.decision import TaskDecision
from splitfog.formulations.objective import Objective
from splitfog.formulations.offloading.footprint import Footprint, footprint
from splitfog.formulations.offloading.loads import Loads
from splitfog.formulations.offloading.waits import wait_seconds
from splitfog.formulations.tolerances import EQUAL
from splitfog.formulations.weights import first_of
from splitfog.instances.arrays import Integers, Seconds, frozen
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

MOST_NEAR = 64
"""Nodes that a task looks at first, or (DINA-P) at all."""

MOST_FOOTPRINTS = 10_000
"""Of cuts, that an instance keeps."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CutTable:
    """What a cut of a model after p of its M layers that are no inputs means, p = 0..M.

    Attributes
    ----------
    layers : int [M], the layers but inputs, in topological order.
    before_s, after_s : [M + 1, N], time of the first p layers on each node, and of the others.
    count, size : [M + 1], how many tensors cross the cut and their bytes (`per-edge`: edges).
    whole_groups : bool [M + 1], whether no group has layers on both sides.
    kept_results, sent_results : [M + 1, 2], number and bytes of the results before and after.
    forks : (tensor's bytes, first p, last p) of results that cross the cut after p too.
    """

    layers: Integers
    before_s: Seconds
    after_s: Seconds
    count: Integers
    size: Seconds
    whole_groups: NDArray[np.bool_]
    kept_results: Seconds
    sent_results: Seconds
    forks: tuple[tuple[float, int, int], ...]

    @classmethod
    def of(cls, arrays: TaskArrays, objective: Objective) -> CutTable:
        """The table of a task's model, the same for all tasks of that model. O(L N + E)."""
        model = arrays.model
        layers = model.order[~arrays.is_input[model.order]]
        num_cuts = len(layers) + 1
        rank = np.full(len(model.layers), -1)  # inputs are before every cut
        rank[layers] = np.arange(len(layers))
        times = arrays.costs_s[layers]
        none = np.zeros((1, times.shape[1]))
        steps = np.zeros((num_cuts + 1, 2))
        results = np.zeros((num_cuts + 1, 2))
        forks = []
        for tensor, readers in enumerate(model.reads):
            size, begin = float(arrays.output_bytes[tensor]), int(rank[tensor]) + 1
            ends = sorted(int(rank[reader]) + 1 for reader in readers)
            for end in ends if objective.transfers == "per-edge" else ends[-1:]:
                steps[begin] += (1, size)
                steps[end] -= (1, size)
            if model.results[tensor]:
                results[begin] += (1, size)
                if ends and objective.transfers == "once":
                    forks.append((size, begin, ends[-1]))
        live, kept = steps.cumsum(axis=0)[:-1], results.cumsum(axis=0)[:-1]
        crossing = np.round(live[:, 0]).astype(np.int64)
        return cls(
            layers=frozen(layers),
            before_s=frozen(np.concatenate([none, times.cumsum(axis=0)])),
            after_s=frozen(np.concatenate([times[::-1].cumsum(axis=0)[::-1], none])),
            count=frozen(crossing),
            size=frozen(np.where(crossing > 0, live[:, 1], 0.0)),
            whole_groups=frozen(_whole_groups(arrays, rank, num_cuts)),
            kept_results=frozen(kept),
            sent_results=frozen(
                np.maximum(kept[-1] - kept, 0.0) * (kept[-1:, :1] - kept[:, :1] > 0.5)
            ),
            forks=tuple(forks),
        )


def _whole_groups(arrays: TaskArrays, rank: Integers, num_cuts: int) -> NDArray[np.bool_]:
    whole = np.ones(num_cuts, bool)
    for group in arrays.groups:
        places = sorted(int(rank[layer]) for layer in group)
        whole[places[0] + 1 : places[-1] + 1] = False
    return whole


def _model_and_transfers(instance: Instance, objective: Objective, task: int) -> tuple[str, str]:
    return instance.tasks[task].model, objective.transfers


@kept(by=_model_and_transfers)
def cut_table(instance: Instance, objective: Objective, task: int) -> CutTable:
    """The cuts of a task's model, kept with the instance."""
    return CutTable.of(task_arrays(instance, task), objective)


def one_cut(instance: Instance, objective: Objective, task: int, cut: int, node: int) -> Integers:
    """[layers]: the placement that has the first `cut` layers at the source, others on `node`."""
    arrays = task_arrays(instance, task)
    placement = np.full(len(arrays.model.layers), arrays.source)
    placement[cut_table(instance, objective, task).layers[cut:]] = node
    return placement


@kept(most=MOST_FOOTPRINTS)
def cut_footprint(
    instance: Instance, objective: Objective, task: int, cut: int, node: int
) -> Footprint:
    """What `one_cut` takes; tasks look at the same few cuts again and again."""
    placement = one_cut(instance, objective, task, cut, node)
    return footprint(instance, objective, task, TaskDecision(frozen(placement)))


def cut_latencies(
    loads: Loads, task: int, nodes: Integers | None = None, remote_s: Seconds | None = None
) -> Seconds:
    """[M + 1, nodes]: a task's own latency under one-cut answers, the loads being the others'.

    The task must have a source and be away from `loads`. Inf where tiers, groups, `monotone`,
    routes, quota or memory forbid it; an overloaded node costs `overload_s`, so that the least
    evil is still the least. Links' loads are not looked at (`best_cut` does). Everything local is
    the last row's entry of the source, the row's only one. `nodes`: of these, None: of all.
    `remote_s` is `remote_seconds`, where it is at hand. O(L N), vectorised.
    """
    remote = remote_seconds(loads, task, nodes) if remote_s is None else remote_s
    total = remote + local_seconds(loads, task)[:, None]
    if loads.has_memory:
        table = cut_table(loads.instance, loads.objective, task)
        too_big = _too_big(loads, task, table)
        total[too_big if nodes is None else too_big[:, nodes]] = inf
    return total


def local_seconds(loads: Loads, task: int) -> Seconds:
    """[M + 1]: service and wait at the source of the first p layers; inf where not allowed."""
    source, rate = loads.source[task], float(loads.rate[task])
    local = cut_table(loads.instance, loads.objective, task).before_s[:, source]
    with np.errstate(invalid="ignore"):
        waits = wait_seconds(
            loads.second[source] + rate * local**2,
            loads.rho[source] + rate * local,
            loads.overload_s,
        )
    return np.where(np.isinf(local), inf, local + np.where(local > 0, waits, 0.0))


def remote_seconds(loads: Loads, task: int, nodes: Integers | None = None) -> Seconds:
    """[M + 1, nodes]: all transfers, and service and wait on the node, of the layers after p.

    Inf where tiers, groups, `monotone`, routes, or quota forbid it, and in the source's column but
    for p = M, the last row's only finite entry. `nodes`: on these, None: on all.
    """
    rate = float(loads.rate[task])
    every = np.arange(len(loads.rho)) if nodes is None else nodes
    if nodes is near_nodes(loads, task)[0]:
        alone = _near_alone(loads.instance, loads.objective, task)
    else:
        alone = _alone_seconds(loads.instance, loads.objective, task, every)
    after = cut_table(loads.instance, loads.objective, task).after_s[:, every]
    with np.errstate(invalid="ignore"):
        waits = wait_seconds(
            loads.second[every] + rate * after**2,
            loads.rho[every] + rate * after,
            loads.overload_s,
        )
    total = alone + np.where(after > 0, waits, 0.0)
    full = (loads.guests[every] >= loads.quota[every]) & (every != loads.source[task])
    total[(full & (after > 0)) | np.isnan(total)] = inf
    return total


def near_nodes(loads: Loads, task: int) -> tuple[Integers, float]:
    """The `MOST_NEAR` nodes where a task's best cut takes least if nobody waits, ascending, and
    the least that it takes on any other (inf: there is none). The source is always one of them;
    nodes that no cut may use are not.
    """
    return _near_nodes(loads.instance, loads.objective, task)


@kept()
def _near_nodes(instance: Instance, objective: Objective, task: int) -> tuple[Integers, float]:
    table, source = cut_table(instance, objective, task), task_arrays(instance, task).source
    assert source is not None
    barred = (table.after_s[:-1] > 0) & (quotas(instance) == 0)
    barred[:, source] = False
    nodes = np.flatnonzero((np.arange(len(instance.nodes)) == source) | ~barred.all(axis=0))
    total = transfer_seconds(instance, objective, task, nodes) + table.after_s[:, nodes]
    with np.errstate(invalid="ignore"):
        total = (total + table.before_s[:, [source]])[:-1]
    least = np.where(np.isnan(total) | barred[:, nodes], inf, total).min(axis=0, initial=inf)
    least[nodes == source] = -inf
    order = np.argsort(least, kind="stable")
    beyond = float(least[order[MOST_NEAR]]) if len(order) > MOST_NEAR else inf
    order = order[:MOST_NEAR]
    return frozen(np.sort(nodes[order[least[order] < inf]])), beyond


@kept()
def _near_alone(instance: Instance, objective: Objective, task: int) -> Seconds:
    """`_alone_seconds` on the near nodes of a task."""
    near = _near_nodes(instance, objective, task)[0]
    return frozen(_alone_seconds(instance, objective, task, near))


def _alone_seconds(instance: Instance, objective: Objective, task: int, nodes: Integers) -> Seconds:
    """[M + 1, nodes]: `remote_seconds` if nobody waits and no quota is full."""
    table, source = cut_table(instance, objective, task), task_arrays(instance, task).source
    total = transfer_seconds(instance, objective, task, nodes) + table.after_s[:, nodes]
    total[~table.whole_groups] = inf
    total[:-1, nodes == source] = inf
    total[-1, nodes != source] = inf
    return total


def transfer_seconds(
    instance: Instance, objective: Objective, task: int, nodes: Integers
) -> Seconds:
    """[M + 1, nodes]: all transfers of a task under every one-cut answer; inf without a route."""
    arrays, table = task_arrays(instance, task), cut_table(instance, objective, task)
    routes, rank, source = routes_of(instance), instance.node_rank, arrays.source
    assert source is not None
    latency, per_byte = routes.latency_s, routes.seconds_per_byte
    seconds = _priced(table.count, table.size, latency[source, nodes], per_byte[source, nodes])
    if objective.monotone:
        seconds[np.ix_(table.count > 0, rank[nodes] < rank[source])] = inf
    target = arrays.results_to
    if target is None:
        return seconds
    kept, sent = table.kept_results.T, table.sent_results.T
    back = _priced(kept[0], kept[1], latency[source, [target]], per_byte[source, [target]])
    seconds = seconds + back
    seconds = seconds + _priced(sent[0], sent[1], latency[nodes, target], per_byte[nodes, target])
    for size, first, last in table.forks:  # once: what both ways share is paid once
        seconds[first:last] -= _shared(routes, source, target, size, nodes)
    return seconds


def _priced(
    count: Seconds | Integers, size: Seconds, latency: Seconds, per_byte: Seconds
) -> Seconds:
    """[cuts, nodes]: count x latency + size x seconds per byte; 0 where nothing is sent."""
    reached = latency < inf
    seconds = count[:, None] * np.where(reached, latency, 0.0)
    seconds = seconds + size[:, None] * np.where(reached, per_byte, 0.0)
    seconds[np.ix_(count > 0, ~reached)] = inf
    return seconds


def _shared(routes: Routes, root: int, target: int, size: float, nodes: Integers) -> Seconds:
    """[nodes]: seconds of the links that the routes to a node and to `target` have in common."""
    to_target = set(routes.path(root, target) or ())
    return np.array(
        [
            sum(routes.links[x].seconds(size) for x in routes.path(root, n) or () if x in to_target)
            for n in nodes.tolist()
        ]
    )


def _too_big(loads: Loads, task: int, table: CutTable) -> NDArray[np.bool_]:
    """[M + 1, N]: whether the node or the source could not hold the weights beside the others'."""
    columns = loads.owners(task, table.layers)
    used = (loads.held > 0) @ loads.weight_bytes
    room = loads.memory_limit - used
    new = np.where(loads.held[:, columns] > 0, 0.0, loads.weight_bytes[columns])  # [N, M]
    after = np.zeros((len(columns) + 1, len(room)))
    after[:-1] = (new[:, ::-1] * first_of(columns[::-1])).cumsum(axis=1)[:, ::-1].T
    before = np.concatenate([[0.0], (new[loads.source[task]] * first_of(columns)).cumsum()])
    own = before > max(room[loads.source[task]], 0.0)
    return np.asarray((after > np.maximum(room, 0.0)) | own[:, None])


def best_cut(
    loads: Loads, task: int, latencies: Seconds | None = None, nodes: Integers | None = None
) -> Footprint | None:
    """The one-cut answer of least own latency, ties to the earlier cut and node; None: none.

    `loads` are the others'. Answers that would overload a link are passed over. Nodes that take
    longer without any wait than the best of the near ones with it are not looked at: exact.
    `latencies`: choose from these instead, those of `nodes` (None: of all).
    """
    if latencies is None:
        nodes, beyond = near_nodes(loads, task)
        found = cut_latencies(loads, task, nodes)
    else:
        found, beyond = latencies.copy(), inf
    overloading: list[tuple[int, int]] = []
    while True:
        if found.min() >= beyond:
            found, nodes, beyond = cut_latencies(loads, task), None, inf
            found[tuple(np.array(overloading, np.int64).reshape(-1, 2).T)] = inf
        cut, column = (int(i) for i in np.unravel_index(int(np.argmin(found)), found.shape))
        if found[cut, column] == inf:
            return None
        node = column if nodes is None else int(nodes[column])
        own = cut_footprint(loads.instance, loads.objective, task, cut, node)
        if links_keep_up(loads, task, own):
            return own
        found[cut, column] = inf
        overloading.append((cut, node))


def links_keep_up(loads: Loads, task: int, own: Footprint) -> bool:
    """Whether a task's links stay below load 1 beside the others'."""
    most = loads.link_load[own.links].max(initial=0.0)
    if most + loads.rate[task] * own.link_s.sum() < 1 - EQUAL:
        return True  # nearly always
    links, at = np.unique(own.links, return_inverse=True)
    added = np.bincount(at, own.link_s, len(links)) * loads.rate[task]
    return bool(((loads.link_load[links] + added < 1) | (added == 0)).all())
