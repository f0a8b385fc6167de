"""The same instance in other units of time, and with one node much slower."""

from __future__ import annotations

from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed, figure_in


def scaled(instance: Instance, factor: float) -> Instance:
    """All seconds times `factor`: every cost is multiplied by it, and no decision changes."""
    return changed(
        instance,
        nodes=tuple(_scaled_node(node, factor) for node in instance.nodes),
        links=tuple(_scaled_link(link, factor) for link in instance.links),
        models=tuple(_scaled_model(model, factor) for model in instance.models),
        tasks=tuple(_scaled_task(task, factor) for task in instance.tasks),
    )


def slowed(instance: Instance, name: str, factor: float) -> Instance:
    """One node's speed times `factor`, measured times of its own included."""
    return changed(
        instance,
        nodes=tuple(
            changed(node, speed_flops=node.speed_flops * factor) if node.name == name else node
            for node in instance.nodes
        ),
        models=tuple(
            changed(model, layers=tuple(_slowed_layer(own, name, factor) for own in model.layers))
            for model in instance.models
        ),
    )


def _scaled_node(node: Node, factor: float) -> Node:
    speed, overhead = node.speed_flops / factor, node.overhead_s * factor
    return changed(node, speed_flops=speed, overhead_s=overhead)


def _scaled_link(link: Link, factor: float) -> Link:
    rate, latency = link.bandwidth_bps / factor, link.latency_s * factor
    return changed(link, bandwidth_bps=rate, latency_s=latency, delay_s=link.delay_s * factor)


def _scaled_model(model: Model, factor: float) -> Model:
    layers = (
        changed(
            layer,
            times_s={name: figure_in(own, None) * factor for name, own in layer.times_s.items()},
        )
        for layer in model.layers
    )
    return changed(model, layers=tuple(layers))


def _scaled_task(task: Task, factor: float) -> Task:
    rate, deadline = task.arrivals_per_s, task.deadline_s
    return changed(
        task,
        arrivals_per_s=None if rate is None else rate / factor,
        deadline_s=None if deadline is None else deadline * factor,
    )


def _slowed_layer(layer: Layer, name: str, factor: float) -> Layer:
    times = {
        key: figure_in(own, None) / factor if key == name else own
        for key, own in layer.times_s.items()
    }
    return changed(layer, times_s=times)
