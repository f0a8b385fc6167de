"""Whether a decision is allowed, said in sentences (docs/costs.md); independent of every solver."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.costs.batch import queue_defects
from splitfog.formulations.costs.ledger import hops, unsliced
from splitfog.formulations.costs.mean_latency import mean_latency, task_visits, waits
from splitfog.formulations.costs.replicas import has_rate, replica_defects
from splitfog.formulations.costs.stages import sliced_weights, stage_defects, stage_form_defects
from splitfog.formulations.decision import Decision, TaskDecision
from splitfog.formulations.objective import Contiguous, Objective
from splitfog.formulations.passes import of_pass, sliced_passes
from splitfog.instances.instance import Instance
from splitfog.instances.records import Task

MEMORY_SLACK = 1e-12
"""Relative: what is held may exceed `memory_bytes` by rounding."""


def decision_violations(instance: Instance, decision: Decision, objective: Objective) -> list[str]:
    """Every rule of docs/costs.md that a decision breaks; empty means feasible."""
    if sentences := list(sliced_passes(instance, decision)):
        return sentences
    instance = of_pass(instance, objective.pass_name)
    if objective.name == "throughput":
        for task, answer in zip(instance.tasks, decision.tasks, strict=True):
            defects = replica_defects(instance, task, answer)
            sentences += [f"task {task.name}: {sentence}" for sentence in defects]
        return sentences + list(_memory(instance, decision))
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        own = [*_places(instance, task, answer), *_groups(instance, task, answer)]
        own += _routes(instance, task, answer)
        own += _order(instance, task, answer)
        if objective.monotone:
            own += _monotone(instance, task, answer)
        if objective.contiguous is not None:
            own += _contiguous(instance, task, answer, objective.contiguous)
        own += stage_defects(instance, task, answer)
        sentences += [f"task {task.name}: {sentence}" for sentence in own]
    if objective.name == "batch":  # it knows no memory limit
        return sentences or queue_defects(instance, decision)
    sentences += _memory(instance, decision)
    if not sentences and objective.name == "mean-latency":
        sentences += _needless_stages(instance, decision)
        sentences += _streams(instance, decision, objective)
    return sentences


def has_cost(instance: Instance, decision: Decision, objective: Objective) -> bool:
    """Whether the stages are stages, an order that counts is one and replicas have rates: else
    nothing adds up."""
    if any(sliced_passes(instance, decision)):
        return False
    instance = of_pass(instance)
    if objective.name == "throughput":
        return all(
            has_rate(instance, task, answer)
            for task, answer in zip(instance.tasks, decision.tasks, strict=True)
        )
    return not any(
        any(stage_form_defects(instance, task, stage) for stage in answer.stages)
        or (objective.name == "makespan" and any(_order(instance, task, answer)))
        for task, answer in zip(instance.tasks, decision.tasks, strict=True)
    )


def _places(instance: Instance, task: Task, answer: TaskDecision) -> Iterator[str]:
    """Input layers are at the source; a layer runs only where its `tiers` allow."""
    layers = instance.model_of(task).layers
    sliced = {layer for stage in answer.stages for layer in stage.layers}
    for position, (layer, place) in enumerate(zip(layers, answer.placement.tolist(), strict=True)):
        if layer.op != "input" and layer.tiers is None:
            continue  # it may run anywhere
        node = instance.nodes[place]
        if layer.op == "input" and node.name != task.source:
            yield f"input layer {layer.name} is on {node.name}, must be at the source {task.source}"
        if position not in sliced and not layer.may_run_on(node):
            allowed = ", ".join(layer.tiers or ()) or "no node"
            yield f"layer {layer.name} is on {node.name}, must be on {allowed}"


def _groups(instance: Instance, task: Task, answer: TaskDecision) -> Iterator[str]:
    """Layers of one group are on one node, slices too, but for a group within one stage."""
    model = instance.model_of(task)
    for name, group in model.groups.items():
        if any(set(group) <= set(stage.layers) for stage in answer.stages):
            continue
        places = [(layer, node) for layer in group for node in nodes_of(answer, layer)]
        first, there = places[0]
        for member, node in dict.fromkeys(places):
            if node != there:
                yield (
                    f"layer {model.layers[member].name} is on {instance.nodes[node].name}, "
                    f"must be on {instance.nodes[there].name} with {model.layers[first].name} "
                    f"of group {name}"
                )


def nodes_of(answer: TaskDecision, layer: int) -> list[int]:
    """The nodes that compute a layer, or slices of it, or replicas."""
    if answer.replicas is not None:
        return [own.node for own in answer.replicas if layer in own.layers]
    for stage in answer.stages:
        if layer in stage.layers:
            return [part.node for part in stage.slices]
    return [int(answer.placement[layer])]


def _routes(instance: Instance, task: Task, answer: TaskDecision) -> Iterator[str]:
    """Every tensor has a way to its consumers and, for results, to `results_to`."""
    layers = instance.model_of(task).layers
    for layer, link in hops(instance, task, answer, "per-edge"):
        if link is None:
            home = instance.nodes[int(answer.placement[layer])].name
            yield f"the tensor of layer {layers[layer].name} has no route from {home} to a reader"


def _order(instance: Instance, task: Task, answer: TaskDecision) -> Iterator[str]:
    """The order, if given, names every layer once and after its inputs."""
    if answer.order is None:
        return
    model = instance.model_of(task)
    if sorted(answer.order) != list(range(len(model.layers))):
        yield "the order does not name every layer exactly once"
        return
    rank = {layer: at for at, layer in enumerate(answer.order)}
    for tail, head in model.edges.tolist():
        if rank[tail] > rank[head]:
            yield (
                f"the order has {model.layers[head].name} before its input "
                f"{model.layers[tail].name}"
            )


def _monotone(instance: Instance, task: Task, answer: TaskDecision) -> Iterator[str]:
    """Along an edge of the DAG the tier's rank never falls."""
    model = instance.model_of(task)
    rank = instance.node_rank[answer.placement]
    edges = model.edges
    for tail, head in edges[rank[edges[:, 0]] > rank[edges[:, 1]]].tolist():
        nodes = [instance.nodes[int(answer.placement[layer])] for layer in (tail, head)]
        yield (
            f"data goes back from {nodes[0].tier} to {nodes[1].tier} between layers "
            f"{model.layers[tail].name} and {model.layers[head].name} (monotone)"
        )


def _contiguous(
    instance: Instance, task: Task, answer: TaskDecision, how: Contiguous
) -> Iterator[str]:
    """The layers on every node, inputs left out, follow one another in the model's order."""
    model = instance.model_of(task)
    order = [layer for layer in model.order.tolist() if model.layers[layer].op != "input"]
    at = {layer: position for position, layer in enumerate(order)}
    for place, node in enumerate(instance.nodes):
        held = [layer for layer in order if place in nodes_of(answer, layer)]
        if len(held) < 2:
            continue
        after = zip(held, [*held[1:], held[0]], strict=True)
        steps = [(tail, head, (at[head] - at[tail]) % len(order)) for tail, head in after]
        gaps = [step for step in (steps if how == "ring" else steps[:-1]) if step[2] != 1]
        for tail, head, _ in gaps[1:] if how == "ring" else gaps:
            yield (
                f"node {node.name} has {model.layers[tail].name} and {model.layers[head].name}, "
                f"but not what is between them (contiguous in a {how})"
            )


def _memory(instance: Instance, decision: Decision) -> Iterator[str]:
    """Weights on a node fit in its memory."""
    if all(node.memory_bytes is None for node in instance.nodes):
        return
    held_bytes, room = memory_bytes(instance, decision), memory_room(instance).tolist()
    for node, held, most in zip(instance.nodes, held_bytes, room, strict=True):
        if held > most:
            yield f"node {node.name} holds {held:.6g} bytes, must be <= {node.memory_bytes:.6g}"


def memory_room(instance: Instance) -> NDArray[np.float64]:
    """[nodes]: the most bytes of weights that a node may hold, slack included; inf: no limit."""
    limits = [np.inf if node.memory_bytes is None else node.memory_bytes for node in instance.nodes]
    return np.array(limits) * (1 + MEMORY_SLACK)


def memory_bytes(instance: Instance, decision: Decision) -> list[float]:
    """Weights and state on every node: weights of a model once, whichever tasks and layers use
    them, the state of a layer for each task."""
    total = np.array(state_bytes(instance, decision))
    for name, held in held_weights(instance, decision).items():
        model = instance.models[instance.model_index[name]]
        total += np.array([layer.weight_bytes for layer in model.layers]) @ held
    return [float(num_bytes) for num_bytes in total]


def state_bytes(instance: Instance, decision: Decision) -> list[float]:
    """State on every node: of each task's layers that are there, or slices of which are."""
    total = np.zeros(len(instance.nodes))
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        size = instance.model_of(task).state_bytes
        for layer in np.flatnonzero(size).tolist():
            total[sorted(set(nodes_of(answer, layer)))] += size[layer]
    return [float(num_bytes) for num_bytes in total]


def held_weights(instance: Instance, decision: Decision) -> dict[str, NDArray[np.bool_]]:
    """By model, [layers, nodes]: which weights a node holds, at the first layer that has them."""
    held: dict[str, NDArray[np.bool_]] = {}
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        shape = (len(answer.placement), len(instance.nodes))
        own = held.setdefault(task.model, np.zeros(shape, bool))
        owner = instance.model_of(task).weight_owner
        for replica in answer.replicas or ():
            own[owner[list(replica.layers)], replica.node] = True
        layers = unsliced(answer) if answer.replicas is None else []
        own[owner[layers], answer.placement[layers]] = True
        for layer, node in sliced_weights(answer):
            own[owner[layer], node] = True
    return held


def _needless_stages(instance: Instance, decision: Decision) -> Iterator[str]:
    """A stage with one slice at its home is written unsliced: it is one visit."""
    for task, answer in zip(instance.tasks, decision.tasks, strict=True):
        for position, stage in enumerate(answer.stages):
            if [part.node for part in stage.slices] == [stage.home]:
                yield (
                    f"task {task.name}: stage {position} has one slice, at its home "
                    f"{instance.nodes[stage.home].name}, must be written unsliced"
                )


def _streams(instance: Instance, decision: Decision, objective: Objective) -> Iterator[str]:
    """Nodes and links keep up with the rates; foreign visits respect the quota."""
    visits = [
        task_visits(instance, task, answer)
        for task, answer in zip(instance.tasks, decision.tasks, strict=True)
    ]
    rho, _ = waits(instance, visits)
    for node, load in zip(instance.nodes, rho, strict=True):
        if load >= 1:
            yield f"node {node.name} is overloaded: rho = {load:.6g}, must be < 1"
    loads = mean_latency(instance, decision, objective).ledger.link_load
    for link, load in zip(instance.directed_links, loads, strict=True):
        if load >= 1:
            ends = f"{instance.nodes[link.tail].name} -> {instance.nodes[link.head].name}"
            yield f"link {ends} is overloaded: load = {load:.6g}, must be < 1"
    guests = [0] * len(instance.nodes)
    for task, own in zip(instance.tasks, visits, strict=True):
        for place, _ in own.services():
            guests[place] += instance.nodes[place].name != task.source
    for node, count in zip(instance.nodes, guests, strict=True):
        if node.quota is not None and count > node.quota:
            yield f"node {node.name} serves {count} foreign visits, must be <= {node.quota}"
