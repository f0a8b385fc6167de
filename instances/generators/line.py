"""The family `line`: a chain of random layers, or a zoo network, on a random line of tiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from splitfog.instances import zoo
from splitfog.instances.generators import tiers
from splitfog.instances.generators.family import Family
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import Layer, Model, Task

OPTIONS = {
    **tiers.OPTIONS,
    "latency_s": Option(0.005, "latency of every link in s", "number", low=0),
    "model": Option(
        None,
        "network of the zoo; none: random layers",
        "choice",
        choices=zoo.names(),
        optional=True,
    ),
    "size": Option(
        None, "rows and columns of the zoo network's image", "whole", low=1, high=1e5, optional=True
    ),
    "layers": Option(20, "random layers beside the input", "whole", low=1, high=1e6),
    "mean_work": Option(1e8, "mean FLOP of a random layer", "number", low=0),
    "mean_bytes": Option(4e5, "mean bytes of a random tensor", "number", low=0),
    "results_to": Option(
        None, "where results must go", "choice", choices=("device",), optional=True
    ),
}


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Instance:
    """A task on a line of K nodes, tier by tier.

    Without `model`, the network is a chain: the work of a layer is exponential around `mean_work`,
    the bytes of a tensor log-normal (sigma 1) around `mean_bytes`, weights as many bytes as the
    tensor.
    """
    rng = np.random.default_rng(seed)
    line = tiers.draw_line(rng, options)
    if options["model"] is None:
        model = _chain(rng, options)
    else:
        model = zoo.build(options["model"], options["size"])
    return Instance(
        name=name,
        tiers=line.names,
        nodes=line.nodes(),
        links=line.links(options["latency_s"]),
        models=(model,),
        tasks=(
            Task(name="task0", model=model.name, source="device", results_to=options["results_to"]),
        ),
        meta=meta,
    )


def _chain(rng: np.random.Generator, options: Mapping[str, Any]) -> Model:
    count = options["layers"]
    work = (options["mean_work"] * rng.exponential(size=count)).tolist()
    # the mean of exp(normal(-1/2, 1)) is 1
    sizes = (options["mean_bytes"] * rng.lognormal(-0.5, 1.0, size=count + 1)).tolist()
    layers = [Layer(name="input", op="input", output_bytes=sizes[0])]
    for position in range(1, count + 1):
        layers.append(
            Layer(
                name=f"layer{position}",
                op="other",
                inputs=(layers[-1].name,),
                flops=work[position - 1],
                weight_bytes=sizes[position],
                output_bytes=sizes[position],
            )
        )
    return Model(name=f"chain{count}", layers=tuple(layers))


FAMILY = Family(
    name="line",
    summary="a random chain or a zoo network on a random line of K tiers",
    options=OPTIONS,
    build=build,
    head=lambda options: f"{options['model'] or 'chain'}-{options['tiers']}",
    in_head=("model", "tiers"),
)
