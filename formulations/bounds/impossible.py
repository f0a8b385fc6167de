"""Why no plan at all can be feasible, where a count shows it: a certificate, not a search.

Ours. It holds for placements and stages alike; that it finds nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from splitfog.formulations.arrays.nodes import hosts, speeds
from splitfog.formulations.arrays.task import TaskArrays, task_arrays
from splitfog.formulations.bounds.overfull import overfull
from splitfog.formulations.bounds.stage import kept_share, may_slice
from splitfog.formulations.costs.feasibility import memory_room
from splitfog.formulations.costs.routes import routes_of
from splitfog.formulations.objective import Objective
from splitfog.formulations.tolerances import BELOW_ONE
from splitfog.instances.arrays import Flags, Floats
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model


def impossibility(instance: Instance, objective: Objective) -> str | None:
    """A sentence that proves that no plan is feasible; None where none of these counts does.

    A layer that no node can take (its `tiers`, the way from the source, its weights alone, a
    quota of 0); weights that do not fit together (`overfull`); and for streams, work that exceeds
    what a set of nodes can do: one node, a tier, all nodes. O(tasks layers nodes).
    """
    possible = []
    for position, task in enumerate(instance.tasks):
        arrays = task_arrays(instance, position)
        rules = _rules(arrays, objective)
        open_to = open_places(arrays, objective)
        if (homeless := np.flatnonzero(~open_to.any(axis=1))).size:
            layer = int(homeless[0])
            why = " and ".join(name for name, mask in rules.items() if not mask[layer].all())
            name = arrays.model.layers[layer].name
            why += _missing(arrays, layer, rules)
            return f"task {task.name}: no node can take layer {name}: none is left by {why}"
        possible.append(open_to)
    if objective.name != "batch" and (reason := overfull(instance, possible)) is not None:
        return reason
    if objective.name == "mean-latency" and any(task.arrivals_per_s for task in instance.tasks):
        return _overload(instance, possible)
    return None


def _missing(arrays: TaskArrays, layer: int, rules: dict[str, Flags]) -> str:
    """How many bytes the node of most room lacks for a layer, among those that all else leaves."""
    others = [mask[layer] for name, mask in rules.items() if name != "memory"]
    fitting = np.logical_and.reduce(others)
    if "memory" not in rules or not fitting.any():
        return ""
    held = float(arrays.weight_bytes[layer] + arrays.state_bytes[layer])
    most = float(memory_room(arrays.instance)[fitting].max())
    return f" ({held:.6g} bytes, must be <= {most:.6g}, so {held - most:.6g} bytes are missing)"


def open_places(arrays: TaskArrays, objective: Objective) -> Flags:
    """[layers, nodes]: where a layer, or a slice of it, may be computed as far as it alone says."""
    return np.asarray(np.logical_and.reduce(list(_rules(arrays, objective).values())))


def _rules(arrays: TaskArrays, objective: Objective) -> dict[str, Flags]:
    """Where each rule lets a layer, or a slice of it, be computed: [layers, nodes]."""
    instance, source = arrays.instance, arrays.source
    rules = {"its tiers or source": arrays.allowed}
    reach = _reach(instance)
    if source is not None and not reach[source].all():
        fed = _reached(arrays, arrays.is_input)
        rules[f"routes from {arrays.task.source}"] = ~fed[:, None] | reach[source]
    if arrays.results_to is not None:
        back = ~_wanted(arrays)[:, None] | reach[:, arrays.results_to]
        rules[f"routes to {arrays.task.results_to}"] = back
    if objective.name != "batch":
        held = arrays.weight_bytes + arrays.state_bytes
        rules["memory"] = held[:, None] <= memory_room(instance)
    if objective.name in ("batch", "mean-latency"):
        host = hosts(instance)
        if source is not None:
            host[source] = True
        rules["quotas"] = host | (arrays.times_s == 0)
    return rules


def _reach(instance: Instance) -> Flags:
    """[nodes, nodes]: from where to where data may come, from layer to layer on the way."""
    reach: Flags = np.isfinite(routes_of(instance).latency_s)
    while instance.routing == "direct":  # routes that relay are closed by themselves
        further = (reach.astype(float) @ reach) > 0
        if (further == reach).all():
            break
        reach = further
    return reach


def _reached(arrays: TaskArrays, start: Flags) -> Flags:
    """[layers]: those that data of the start layers comes to."""
    reached = start.copy()
    for layer in arrays.model.order.tolist():
        if reached[layer] and arrays.sends[layer]:
            reached[list(arrays.model.consumers[layer])] = True
    return reached


def _wanted(arrays: TaskArrays) -> Flags:
    """[layers]: those whose data, passed on, come to `results_to` in some result."""
    wanted: Flags = arrays.model.results & (arrays.sends > 0)
    for layer in arrays.model.order[::-1].tolist():
        if arrays.sends[layer] and wanted[list(arrays.model.consumers[layer])].any():
            wanted[layer] = True
    return wanted


def _overload(instance: Instance, possible: list[Flags]) -> str | None:
    """A node, or a set of nodes, that cannot keep up with the streams it alone can compute."""
    shares = {model.name: _least_shares(model) for model in instance.models}
    streams = []
    for position, (task, open_to) in enumerate(zip(instance.tasks, possible, strict=True)):
        if task.arrivals_per_s:
            times = np.where(open_to, task_arrays(instance, position).times_s, np.inf)
            streams.append((task.arrivals_per_s * shares[task.model], times))
    rho = np.sum([_only_here(load, times) for load, times in streams], axis=0)
    worst = int(np.argmax(rho))
    if rho[worst] > 1 + BELOW_ONE:
        return _overloaded(f"node {instance.nodes[worst].name}", float(rho[worst]))
    speed = speeds(instance)
    for name, inside in _sets(instance):
        worth = float(speed[inside].sum())
        load = sum(float(load @ _least(times, speed, inside)) for load, times in streams) / worth
        if load > 1 + BELOW_ONE:
            return _overloaded(f"{name} together", load)
    return None


def _overloaded(name: str, rho: float) -> str:
    return (
        f"whatever the plan, {name} cannot keep up with the streams: rho >= {rho:.6g}, must be < 1"
    )


def _only_here(load: Floats, times_s: Floats) -> Floats:
    """[nodes]: what the layers that only one node can take load it with."""
    single = np.isfinite(times_s).sum(axis=1) == 1
    return np.asarray(load[single] @ np.where(np.isfinite(times_s[single]), times_s[single], 0.0))


def _least(times_s: Floats, speed: Floats, inside: Flags) -> Floats:
    """[layers]: least speed times seconds inside a set; 0 where the layer may be outside.

    As rho < 1 on every node, these add up, rates and shares included, to less than the sum of
    speeds (any positive weights of the nodes would do).
    """
    held = np.isinf(times_s[:, ~inside]).all(axis=1)
    within = (times_s[:, inside] * speed[inside]).min(axis=1, initial=np.inf)
    return np.where(held, within, 0.0)


def _sets(instance: Instance) -> Iterator[tuple[str, Flags]]:
    """All nodes, and those of every tier."""
    yield "all nodes", np.ones(len(instance.nodes), bool)
    for rank, tier in enumerate(instance.tiers):
        inside = instance.node_rank == rank
        if inside.any():
            yield f"the nodes of tier {tier}", inside


def _least_shares(model: Model) -> Floats:
    """[layers]: the share of a layer that is computed at least, over all its slices.

    1 for whatever cannot be inside a stage with all its readers; else what the most demanding
    reader, computed at least in its own share, needs of it at least (strides may leave gaps).
    """
    shares = [1.0] * len(model.layers)
    for layer in reversed(model.order.tolist()):
        readers, own = model.consumers[layer], model.layers[layer]
        if readers and may_slice(own) and all(may_slice(model.layers[r]) for r in readers):
            needs = [kept_share(own, model.layers[r]) * shares[r] for r in readers]
            shares[layer] = min(1.0, max(needs))
    return np.array(shares)
