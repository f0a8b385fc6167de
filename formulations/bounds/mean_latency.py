"""A lower bound on `mean-latency` over all plans: any placement, any stages, any slices.

Ours. Waits are left out, so tasks do not interact, and each is relaxed to a shortest path along
one path of its model's DAG, from an input (at the source) to a result (due at `results_to`), the
one of most work. Of the tensors, those on it count, moved over the routes; of the layers beside
it, those that cannot be sliced, at their least time. A stage covers a run of the path's layers,
is entered by the tensor before the run and left by its last (a stage is convex, with one tensor in
and one out), and takes no less than `bounds.stage` says, from each home.

On chains without sliceable layers this is the least latency without waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from splitfog.formulations.arrays.nodes import hosts
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.path_work import PathWork
from splitfog.formulations.bounds.stage import harmonic, leveled, serial_bound
from splitfog.formulations.bounds.two_places import beside_seconds, two_places
from splitfog.formulations.costs.routes import Routes, routes_of
from splitfog.formulations.deadline import NEVER, Deadline
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.instance import Instance
from splitfog.instances.kept import kept

MOST_NODES = 32
"""Up to so many nodes the path visits nodes; beyond, the source and all others as one."""

AT_ONCE = 128
"""Tasks of a model that are bounded together, between two looks at the clock."""


@kept(by=lambda instance, deadline=NEVER: ())  # every solver of an instance asks for it
def mean_latency_bound(instance: Instance, deadline: Deadline = NEVER) -> float | None:
    """Seconds that no feasible plan's `mean-latency` is below; None where a layer has no node.

    At the deadline `TimeIsUp` is raised, and nothing kept.

    For S stages along a path of P layers, O(S P N) a model, and a task O(S N^2) up to
    `MOST_NODES` nodes (once for tasks of one model, but for quotas of 0), else O(S tiers).
    """
    rates = [task.arrivals_per_s for task in instance.tasks]
    weights = np.array([(rate or 0.0) if any(rates) else 1.0 for rate in rates])
    total = 0.0
    for tasks in _by_model(instance, weights):
        deadline.check("the lower bound")
        work = PathWork.of(instance, task_arrays(instance, tasks[0]))
        for first in range(0, len(tasks), AT_ONCE):
            deadline.check("the lower bound")
            some = tasks[first : first + AT_ONCE]
            total += float(weights[some] @ _task_bounds(instance, some, work))
    bound = total / float(weights.sum())
    return None if bound == inf else bound * (1 - BOUND_SLACK)


def _by_model(instance: Instance, weights: Floats) -> list[list[int]]:
    """The tasks that count, model by model, those with a source apart."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for position, task in enumerate(instance.tasks):
        if weights[position]:
            groups.setdefault((task.model, task.source is None), []).append(position)
    return list(groups.values())


def _task_bounds(instance: Instance, tasks: Sequence[int], work: PathWork) -> Floats:
    """[tasks]: seconds that the latency of each of these of one model is never below."""
    arrays = [task_arrays(instance, task) for task in tasks]
    if len(instance.nodes) > MOST_NODES and arrays[0].source is not None:
        path_s = two_places(instance, tasks, work)
        return path_s + beside_seconds(instance, tasks, work)
    return np.array([_task_bound(instance, own, work) for own in arrays])


def _task_bound(instance: Instance, arrays: TaskArrays, work: PathWork) -> float:
    """Seconds that a task's latency is never below, all nodes looked at."""
    open_to = _open_nodes(instance, arrays)
    rows = [*work.path, *work.beside]
    times = arrays.times_s[rows]
    least = np.where(arrays.allowed[rows] & (open_to | (times == 0)), times, inf)
    steps, beside = least[: len(work.path)], least[len(work.path) :]
    path_s = _all_places(instance, arrays, work, steps, open_to)
    return path_s + float(beside.min(axis=1).sum())


def _open_nodes(instance: Instance, arrays: TaskArrays) -> Flags:
    """[nodes]: where the task may have a visit with s > 0: its source, or quota for a guest."""
    open_to = hosts(instance)
    if arrays.source is not None:
        open_to[arrays.source] = True
    return open_to


def _all_places(
    instance: Instance, arrays: TaskArrays, work: PathWork, steps: Floats, open_to: Flags
) -> float:
    """The shortest way along the path over all nodes, [path, nodes] `steps` for whole layers."""
    key = open_to.tobytes()
    if key not in work.kept_s:
        work.kept_s[key] = _stage_seconds(instance, work, open_to)
    stages_s, routes = work.kept_s[key], routes_of(instance)
    size = arrays.output_bytes[work.path]
    best = [steps[0]]
    moved = [_moved(routes, best[0], float(size[0]))]
    for at in range(1, len(work.path)):
        least = moved[at - 1] + steps[at]
        for run in np.flatnonzero(work.runs.last == at).tolist():
            least = np.minimum(least, moved[int(work.runs.first[run]) - 1] + stages_s[run])
        best.append(least)
        moved.append(_moved(routes, least, float(size[at])))
    if arrays.results_to is None:
        return float(best[-1].min())
    return float(moved[-1][arrays.results_to])


def _moved(routes: Routes, total: Floats, num_bytes: float) -> Floats:
    """[nodes]: the least with the tensor at each node, from the least with it made at each."""
    with np.errstate(invalid="ignore"):
        seconds = routes.latency_s + routes.seconds_per_byte * num_bytes
    seconds = np.where(np.isinf(routes.latency_s), inf, seconds)
    return np.asarray((total[:, None] + seconds).min(axis=0))


def _stage_seconds(instance: Instance, work: PathWork, open_to: Flags) -> Floats:
    """[S, homes]: what every stage takes at least from every home.

    Slices that take no time are no visits: they may be on nodes of quota 0, too.
    """
    routes = routes_of(instance)
    per_byte = np.where(np.isinf(routes.latency_s), inf, routes.seconds_per_byte)
    alone = np.where(open_to | (work.alone_s == 0), work.alone_s, inf)
    out = np.empty(alone.shape)
    with np.errstate(invalid="ignore"):
        for home, node in enumerate(instance.nodes):
            moved = np.multiply.outer(work.input_bytes, per_byte[home])
            moved += np.multiply.outer(work.output_bytes, per_byte[:, home])
            moved[np.isnan(moved)] = inf  # 0 bytes over no route
            own = alone[:, home]
            others = np.delete(alone, home, axis=1)
            away = np.delete(moved, home, axis=1).min(axis=1, initial=inf)
            round_trip = routes.latency_s[home] + routes.latency_s[:, home]
            least = leveled(round_trip, alone + moved)
            if node.radio == "serial":  # transfers, their latencies too, follow one another
                apart = np.where(np.isinf(others), inf, np.delete(round_trip, home))
                apart = apart.min(axis=1, initial=inf)
                least = np.maximum(least, apart + serial_bound(own, harmonic(others), away))
            out[:, home] = np.minimum(own, least)
    return out
