"""Language models small enough to plan by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from splitfog import Instance, Layer, Link, Model, Node, Plan, Task


def machines(*figures: tuple[float, float | None], hop_s: float = 0.0) -> dict[str, Any]:
    """Machines a, b, ... of (blocks a second, memory), each two linked; a tensor takes `hop_s`."""
    nodes = tuple(
        Node(name=name, tier="m", speed_flops=speed, memory_bytes=memory)
        for name, (speed, memory) in zip("abcdefgh", figures, strict=False)
    )
    links = tuple(
        Link(tail=one.name, head=other.name, bandwidth_bps=8e9, latency_s=hop_s)
        for one, other in combinations(nodes, 2)
    )
    return {"tiers": ("m",), "nodes": nodes, "links": links, "routing": "direct"}


def blocks(
    count: int, weights: float = 1.0, state: float = 0.0, ends: tuple[float, float] | None = None
) -> list[Layer]:
    """A token, blocks of 1 FLOP, and around them an embedding and a head of these weights."""
    row: list[Layer] = [Layer(name="token", op="input", output_bytes=0)]

    def add(name: str, op: Any, **figures: float) -> None:
        row.append(
            Layer(name=name, op=op, inputs=(row[-1].name,), output_bytes=0, **figures)  # type: ignore[arg-type]
        )

    if ends:
        add("embedding", "embedding", weight_bytes=ends[0])
    for position in range(count):
        figures = {"weight_bytes": weights, "state_bytes": state, "flops": 1.0}
        add(f"block{position}", "attention", **figures)
    if ends:
        add("head", "linear", weight_bytes=ends[1])
    return row


def serving(layers: Sequence[Layer], fleet: dict[str, Any], **rest: Any) -> Instance:
    """A request for these layers, from machine a and back to it; `rest`: what else it has."""
    given = {
        "models": (Model(name="llm", layers=tuple(layers)),),
        "tasks": (Task(name="request", model="llm", source="a", results_to="a"),),
    }
    return Instance(name="serving", **{**given, **fleet, **rest})


def counts(instance: Instance, plan: Plan) -> list[int]:
    """Blocks of every machine, in file order."""
    held = [node for layer, node in plan.placement("request").items() if layer.startswith("block")]
    return [held.count(node.name) for node in instance.nodes]
