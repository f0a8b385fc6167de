"""Ranges of a chain on nodes, several of which may hold the same layers (docs/costs.md)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

from splitfog.formulations.chain import chain_layers
from splitfog.formulations.costs.ledger import layer_time
from splitfog.formulations.decision import Replica, TaskDecision
from splitfog.instances.instance import Instance
from splitfog.instances.records import Model, Node, Task


def replicas_of(instance: Instance, task: Task, answer: TaskDecision) -> tuple[Replica, ...]:
    """The ranges of a decision; of a placement the runs of layers on one node.

    Parameters
    ----------
    instance, task
        Whose model is a chain.
    answer
        With replicas or without.
    """
    if answer.replicas is not None:
        return answer.replicas
    layers = chain_layers(instance.model_of(task))
    runs = groupby(layers, key=lambda layer: int(answer.placement[layer]))
    return tuple(Replica(node, tuple(run)) for node, run in runs)


def stage_rate(model: Model, node: Node, layers: tuple[int, ...]) -> float | None:
    """Executions per second of a node that holds these consecutive layers.

    Parameters
    ----------
    model
        With `stage_rates`, by the node's name before its tier's; or the layers' times count.
    node
        Any of the instance's.
    layers
        Positions in the model, at least one.

    Returns
    -------
    float or None
        None where it is impossible: the table has no such rate, or the layers take no time.
    """
    if model.stage_rates:
        rates = model.stage_rates.get(node.name, model.stage_rates.get(node.tier, ()))
        return rates[len(layers) - 1] if len(layers) <= len(rates) else None
    seconds = sum(layer_time(model.layers[layer], node) for layer in layers)
    return 1 / seconds if seconds > 0 else None


def has_rate(instance: Instance, task: Task, answer: TaskDecision) -> bool:
    """Whether every node has one range at most, whose rate is known, and nothing is sliced.

    Parameters
    ----------
    instance, task, answer
        As of `replicas_of`.
    """
    model, replicas = instance.model_of(task), replicas_of(instance, task, answer)
    nodes = [instance.nodes[own.node] for own in replicas]
    is_once = len({own.node for own in replicas}) == len(replicas) and not answer.stages
    pairs = zip(nodes, replicas, strict=True)
    return is_once and all(stage_rate(model, node, own.layers) is not None for node, own in pairs)


def replica_defects(instance: Instance, task: Task, answer: TaskDecision) -> Iterator[str]:
    """What is wrong with the ranges, memory apart: one a node, each possible and allowed there.

    Parameters
    ----------
    instance, task, answer
        As of `replicas_of`.
    """
    if answer.stages:
        yield "it has stages, but throughput is defined for unsliced plans only"
    model, replicas = instance.model_of(task), replicas_of(instance, task, answer)
    nodes = sorted(replica.node for replica in replicas)
    for node in dict.fromkeys(one for one, next_one in pairwise(nodes) if one == next_one):
        yield f"node {instance.nodes[node].name} has more than one range of layers"
    for replica in replicas:
        yield from _range_defects(instance, task, model, replica)


def _range_defects(instance: Instance, task: Task, model: Model, replica: Replica) -> Iterator[str]:
    node, held = instance.nodes[replica.node], set(replica.layers)
    first, last = (model.layers[replica.layers[at]].name for at in (0, -1))
    if stage_rate(model, node, replica.layers) is None:
        said = "stage_rates has no rate for so many layers there" if model.stage_rates else ""
        yield (
            f"node {node.name} cannot run the {len(held)} layers from {first} to {last}: "
            f"{said or 'they take no time'}"
        )
    for layer in replica.layers:
        if not model.layers[layer].may_run_on(node):
            allowed = ", ".join(model.layers[layer].tiers or ()) or "no node"
            yield f"layer {model.layers[layer].name} is on {node.name}, must be on {allowed}"
    for name, group in model.groups.items():
        if not held.intersection(group):
            continue
        for layer in sorted(set(group) - held):
            is_input = model.layers[layer].op == "input"
            if not (is_input and node.name == task.source):
                yield (
                    f"node {node.name} holds layers of group {name}, "
                    f"but not {model.layers[layer].name} of it"
                )
