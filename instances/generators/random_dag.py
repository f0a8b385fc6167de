"""The family `random-dag`: a random network of levels on a random line of tiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitfog.instances.generators import tiers
from splitfog.instances.generators.family import Family, short
from splitfog.instances.generators.tiers import TierLine
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import Layer, Model, Task

OPTIONS = {
    **tiers.OPTIONS,
    "layers": Option(100, "layers beside the input", "whole", low=1, high=1e6),
    "width": Option(5, "mean number of layers in a level", "whole", low=1, high=1e5),
    "max_inputs": Option(3, "inputs drawn for a layer, at most", "whole", low=1, high=100),
    "mean_work": Option(1e8, "mean FLOP of a layer", "number", low=1),
    "heterogeneity": Option(
        0.5, "how far a layer's time at a node strays from work / speed", "number", low=0, high=0.99
    ),
    "ccr": Option(1.0, "communication-to-computation ratio", "number", low=0, high=1e6),
    "latency_share": Option(
        0.1, "latency's share of the mean transfer", "number", low=0, high=0.99
    ),
    "results_to": Option(
        None, "where results must go", "choice", choices=("device",), optional=True
    ),
}


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Instance:
    """A network of levels with one input, born at the device, and one result.

    Structure: levels of 1 to 2 `width` - 1 layers, then one last layer. A layer reads a random
    layer of the level before and up to `max_inputs` - 1 others among the 2 `width` layers before
    its level; a layer that nobody reads is given to a random one of the next level (which may
    then have more than `max_inputs`).

    Times: a layer's work is uniform between 0 and 2 `mean_work`. With `heterogeneity` h > 0 its
    time at a node is work / speed times a factor of its own, uniform between 1 - h and 1 + h,
    written as `times_s`; with 0 it is work / speed.

    Transfers: `ccr` is the mean of `latency_s + 8 bytes / bandwidth_bps` over all tensors (the
    input's too) and all links of the line (one direction), divided by the mean time over all
    layers (not the input) and all nodes. Tensors are drawn between half and one and a half times
    a size that is then chosen such that this holds exactly; `latency_share` of it is latency.

    O(layers x tiers), vectorised: 100,000 layers take a second or two.
    """
    rng = np.random.default_rng(seed)
    line = tiers.draw_line(rng, options)
    count = options["layers"]
    edges = draw_edges(rng, count, options["width"], options["max_inputs"])
    work = options["mean_work"] * rng.uniform(0, 2, count)
    factors = 1 + options["heterogeneity"] * rng.uniform(-1, 1, (count, len(line.names)))
    times = work[:, None] / line.speeds_flops * factors
    mean_transfer_s = options["ccr"] * float(times.mean())
    latency_s = options["latency_share"] * mean_transfer_s
    sizes = rng.uniform(0.5, 1.5, count + 1)
    sizes *= (mean_transfer_s - latency_s) / (8 * sizes.mean() * (1 / line.bandwidths_bps).mean())
    model = Model(
        name=f"dag{count}x{options['width']}",
        layers=_layers(edges, work, sizes, times if options["heterogeneity"] else None, line),
    )
    return Instance(
        name=name,
        tiers=line.names,
        nodes=line.nodes(),
        links=line.links(latency_s),
        models=(model,),
        tasks=(
            Task(name="task0", model=model.name, source="device", results_to=options["results_to"]),
        ),
        meta=meta,
    )


def draw_edges(
    rng: np.random.Generator, layers: int, width: int, max_inputs: int
) -> NDArray[np.int64]:
    """[edges, 2] of (consumer, producer), sorted, distinct; layer 0 is the input."""
    starts = _level_starts(rng, layers, width)
    level = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    consumers = np.arange(1, layers + 1)
    ends = starts[level[consumers]]  # where a layer's level starts, the levels before it end
    previous = starts[level[consumers] - 1]
    nearest = rng.integers(previous, ends)
    extra = np.repeat(np.arange(layers), rng.integers(0, max_inputs, layers))
    others = rng.integers(np.maximum(0, ends[extra] - 2 * width), ends[extra])
    heads = np.concatenate((consumers, consumers[extra]))
    tails = np.concatenate((nearest, others))
    unread = np.setdiff1d(np.arange(layers), tails)
    readers = rng.integers(starts[level[unread] + 1], starts[level[unread] + 2])
    heads, tails = np.concatenate((heads, readers)), np.concatenate((tails, unread))
    keys = np.unique(heads * (layers + 1) + tails)
    return np.stack(np.divmod(keys, layers + 1), axis=1)


def _level_starts(rng: np.random.Generator, layers: int, width: int) -> NDArray[np.int64]:
    """First layer of every level, and the number of layers: the input, random ones, the last."""
    ends = 1 + np.cumsum(rng.integers(1, 2 * width, layers))
    return np.unique(np.concatenate(([0, 1, layers, layers + 1], ends[ends < layers])))


def _layers(
    edges: NDArray[np.int64],
    work: NDArray[np.float64],
    sizes: NDArray[np.float64],
    times: NDArray[np.float64] | None,
    line: TierLine,
) -> tuple[Layer, ...]:
    names = ["input", *(f"layer{position}" for position in range(1, len(sizes)))]
    tails = [names[tail] for tail in edges[:, 1].tolist()]
    bounds = np.searchsorted(edges[:, 0], np.arange(1, len(sizes) + 1)).tolist()
    flops, output_bytes = work.tolist(), sizes.tolist()
    rows = (
        [{}] * len(flops)
        if times is None
        else [dict(zip(line.names, row)) for row in times.tolist()]
    )
    layers = [Layer(name="input", op="input", output_bytes=output_bytes[0])]
    for i, name in enumerate(names[1:]):
        layers.append(
            Layer(
                name=name,
                op="other",
                inputs=tuple(tails[bounds[i] : bounds[i + 1]]),
                flops=flops[i],
                output_bytes=output_bytes[i + 1],
                times_s=rows[i],
            )
        )
    return tuple(layers)


FAMILY = Family(
    name="random-dag",
    summary="a random network of levels on a random line of K tiers",
    options=OPTIONS,
    build=build,
    head=lambda options: f"{options['layers']}x{options['width']}-ccr{short(options['ccr'])}",
    in_head=("layers", "width", "ccr"),
)
