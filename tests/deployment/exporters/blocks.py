"""Small language models on four nodes, and plans that say the node of every layer in a letter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from splitfog.deployment.exporters import FORMATS
from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.splitting.given import given
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Link, Model, Node, Task, changed

NODES = "abcd"


def chain(
    blocks: int, ends: bool = True, unlike: int | None = None, embedded_bytes: float = 8.0
) -> Model:
    """Token, embedding, blocks, head, or blocks only; `unlike` is one that takes longer."""
    names = [f"block{at}" for at in range(blocks)]
    layers = [
        Layer(name=name, op="attention", flops=2.0 if at == unlike else 1.0, output_bytes=8.0)
        for at, name in enumerate(names)
    ]
    if ends:
        token = Layer(name="input", op="input", output_bytes=4.0)
        embedding = Layer(name="embedding", op="embedding", output_bytes=embedded_bytes)
        layers = [token, embedding, *layers, Layer(name="head", op="linear", output_bytes=4.0)]
    return linked("tiny", layers)


def linked(name: str, layers: list[Layer]) -> Model:
    """The layers, each of which reads the one before it."""
    before = [(), *[(layer.name,) for layer in layers]]
    pairs = zip(layers, before, strict=False)
    return Model(name=name, layers=tuple(changed(layer, inputs=read) for layer, read in pairs))


def request(
    model: Model, source: str | None = "a", results_to: str | None = None, nodes: str = NODES
) -> Instance:
    """A request to a model on nodes, each linked to each."""
    return Instance(
        name="small",
        tiers=("machine",),
        nodes=tuple(Node(name=name, tier="machine", speed_flops=1.0) for name in nodes),
        links=tuple(Link(tail=x, head=y, bandwidth_bps=8.0) for x, y in combinations(nodes, 2)),
        models=(model,),
        tasks=(Task(name="request", model=model.name, source=source, results_to=results_to),),
    )


def exported(instance: Instance, places: Sequence[str], name: str, **options: str) -> Export:
    """What a format makes of a plan: the node of every layer in order, inputs left out."""
    layers = [layer.name for layer in instance.models[0].layers if layer.op != "input"]
    inputs = {x.name: "a" for x in instance.models[0].layers if x.op == "input"}
    plan = {instance.tasks[0].name: inputs | dict(zip(layers, places, strict=True))}
    whose = given(instance, plan, with_passes=True)
    chosen = FORMATS.named(name)
    made: Export = chosen.load()(Asked(whose, *chosen.parse(options, whose.alone.node_index)))
    return made
