"""A request to a language model on machines of one place: what `pipeline` and `fleet` share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from splitfog.instances import zoo
from splitfog.instances.generators.family import short
from splitfog.instances.generators.machines import MachinePreset
from splitfog.instances.generators.presets import NetworkPreset
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import Link, Model, Node, Task
from splitfog.instances.zoo.language.options import REACHED, REQUEST

TIER = "machine"
HUB = "hub"

OPTIONS = {
    "model": Option(
        "llama-3-8b", "language model of the zoo", "choice", choices=zoo.language_models()
    ),
    "config": Option(
        None, "a Hugging Face config.json in place of the model", "name", optional=True
    ),
    **{name: REQUEST[name] for name in ("prompt", "new_tokens", "batch", "context")},
    "weight_bits": Option(
        16, "bits of a weight, its share of a group's scales counted", "number", low=0.01, high=64
    ),
    "kv_bits": REQUEST["kv_bits"],
    "decode_passes": Option(
        1, "passes over which the decode executions are spread", "whole", low=1, high=1e4
    ),
    "token": REQUEST["token"],
    "topology": Option(
        "mesh", "a link between every two machines, or a hub that all are linked to", "choice",
        choices=("mesh", "hub"),
    ),
    **REACHED,
    "memory_share": Option(
        0.9, "of the memory, what is free for weights and state (nominal)", "number",
        low=1e-6, high=1,
    ),
    "memory_ratio": Option(
        None, "scales memories so that together they hold this times the need; none: as they are",
        "number", low=1e-6, high=1e6, optional=True,
    ),
}  # fmt: skip


def model_name(options: Mapping[str, Any]) -> str:
    """What a name says of the model: its own, or that of its configuration."""
    if options["config"] is None:
        return str(options["model"])
    path = Path(options["config"])
    return short(path.parent.name or path.stem) if path.stem == "config" else short(path.stem)


def request_model(options: Mapping[str, Any]) -> Model:
    """The model of the options' request."""
    config = options["config"]
    return zoo.transformer(
        options["model"] if config is None else Path(config),
        **{
            name: options[name]
            for name in (
                "prompt",
                "new_tokens",
                "batch",
                "context",
                "weight_bits",
                "kv_bits",
                "decode_passes",
                "token",
            )
        },
    )


def served(
    name: str,
    machines: Sequence[tuple[MachinePreset, NetworkPreset, float]],
    options: Mapping[str, Any],
    meta: dict[str, Any],
) -> Instance:
    """The request, born at the first machine and answered there, on machines in one tier.

    Parameters
    ----------
    name, meta
        Of the instance.
    machines
        Kind, network and the factor of its speeds (of arithmetic, memory and network) of each.
    options
        A value for every one of `OPTIONS`.

    Returns
    -------
    Instance
        Of a `mesh` every pair has its own link and no other way (`routing` "direct"); a `hub` is a
        node of its own without memory, so that nothing with weights can run there.
    """
    model = request_model(options)
    scale = _memory_scale(model, machines, options)
    nodes = [
        Node(
            name=f"{kind.name}-{position}",
            tier=TIER,
            speed_flops=kind.speed_flops * options["speed_share"] * factor,
            memory_bytes_per_s=kind.memory_bytes_per_s * options["traffic_share"] * factor,
            memory_bytes=kind.memory_bytes * options["memory_share"] * scale,
        )
        for position, (kind, _, factor) in enumerate(machines)
    ]
    ends = [
        (node.name, lan.uplink_bps * factor, lan.delay_s / 2)
        for node, (_, lan, factor) in zip(nodes, machines, strict=True)
    ]
    has_hub = options["topology"] == "hub"
    hub = [Node(name=HUB, tier=TIER, speed_flops=1.0, memory_bytes=0.0)] if has_hub else []
    first = nodes[0].name
    return Instance(
        name=name,
        tiers=(TIER,),
        nodes=(*nodes, *hub),
        links=tuple(_star(ends) if has_hub else _mesh(ends)),
        models=(model,),
        tasks=(Task(name="request", model=model.name, source=first, results_to=first),),
        meta=meta,
        routing="relay" if has_hub else "direct",
    )


def _memory_scale(
    model: Model,
    machines: Sequence[tuple[MachinePreset, NetworkPreset, float]],
    options: Mapping[str, Any],
) -> float:
    if options["memory_ratio"] is None:
        return 1.0
    owners = np.unique(model.weight_owner).tolist()
    need = sum(model.layers[owner].weight_bytes for owner in owners) + model.state_bytes.sum()
    there = sum(kind.memory_bytes for kind, _, _ in machines) * options["memory_share"]
    return float(options["memory_ratio"] * need / there)


def _mesh(ends: Sequence[tuple[str, float, float]]) -> Iterator[Link]:
    """Every two machines, as fast as the slower one's network."""
    for (tail, first_bps, first_s), (head, second_bps, second_s) in combinations(ends, 2):
        bandwidth = min(first_bps, second_bps)
        yield Link(tail=tail, head=head, bandwidth_bps=bandwidth, delay_s=first_s + second_s)


def _star(ends: Sequence[tuple[str, float, float]]) -> Iterator[Link]:
    for name, bandwidth, delay in ends:
        yield Link(tail=name, head=HUB, bandwidth_bps=bandwidth, delay_s=delay)
