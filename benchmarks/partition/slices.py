"""Slices: geometry, `vsm` and its rivals over the zoo, `d3` and its bound.

`python -m benchmarks.partition.slices`.

`regions` 10,000 tiles of a 100 x 100 grid through 100 convolutions of 3 x 3.
`vsm`     every zoo network, 2 to 8 edge nodes (equal, or speeds and links off by up to a factor of
          2), edge links of 18.88 Mbit/s to 10 Gbit/s; times are of `solve` on an instance that has
          computed nothing yet; rivals are the tiling baselines and no slices.
`gaps`    five networks on three-tier networks with 2 and 4 edge nodes: how far `d3` is from the
          bound over all plans, and what the bound takes of its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf, log
from time import process_time

import splitfog as sf
from benchmarks.common import asked_for, best_seconds, machine, table
from splitfog.formulations.objective import Objective
from splitfog.formulations.plan import Plan
from splitfog.instances.instance import Instance
from splitfog.instances.records import Layer, Model, Window, changed
from splitfog.solvers.exact.sliced_latency import sliced_latency_bound

RIVALS = ("modnn", "deepthings", "aofl", "coedge", "edge-only")
BANDWIDTHS_BPS = (18.88e6, 1e8, 1e9, 1e10)
NODES = (2, 4, 8)
D3_NETWORKS = ("alexnet", "vgg-16", "resnet-18", "darknet-53", "inception-v4")
D3_LINKS = ("3g", "4g", "wi-fi", "fibre")


def long_chain(layers: int, side: int) -> Model:
    """Convolutions of 3 x 3 in a row."""
    window = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
    names = [f"c{number}" for number in range(layers)]
    built = [Layer(name="x", op="input", output_bytes=4.0, output_shape=(1, side, side))]
    for name, before in zip(names, ["x", *names]):
        built.append(
            Layer(
                name=name,
                op="conv",
                inputs=(before,),
                output_bytes=4.0,
                output_shape=(1, side, side),
                window=window,
            )
        )
    return Model(name="chain", layers=tuple(built))


def regions() -> None:
    """Print the time of reverse tile calculation."""
    model = long_chain(100, 1000)
    geometry = sf.tiles.geometry(model, list(range(1, 101)))
    tiles = sf.tiles.grid(1000, 1000, 100, 100)
    seconds = best_seconds(lambda: sf.tiles.regions(geometry, tiles))
    print(f"regions: {len(tiles)} tiles x 100 layers in {seconds * 1e3:.1f} ms\n")


def edge_instance(net: str, nodes: int, spread: float, bandwidth_bps: float) -> Instance:
    """A three-tier instance whose edge nodes are linked at about that bandwidth, 0.5 ms."""
    instance = sf.generate("three-tier", model=net, edge_nodes=nodes, spread=spread, seed=1)
    links = tuple(
        changed(link, bandwidth_bps=link.bandwidth_bps / 1e9 * bandwidth_bps)
        if link.tail.startswith("edge") and link.head.startswith("edge")
        else link
        for link in instance.links
    )
    return changed(instance, links=links)


def settings() -> Iterator[tuple[int, float, float]]:
    """Nodes, spread and bandwidth of the edge."""
    for nodes in NODES:
        for spread in (1.0, 2.0):
            for bandwidth in BANDWIDTHS_BPS:
                yield nodes, spread, bandwidth


def vsm() -> None:
    """Print times and speed-ups of `vsm`, and how often a rival is better."""
    rows = []
    for net in sf.zoo.names():
        times, ratios, gains, worse = [], [], [], 0
        for nodes, spread, bandwidth in settings():
            instance = edge_instance(net, nodes, spread, bandwidth)
            plan = sf.solve(instance, "vsm")
            values = [sf.solve(instance, name).value or inf for name in RIVALS]
            assert plan.value is not None and plan.runtime_s is not None
            worse += plan.value > min(values) * (1 + 1e-9)
            times.append(plan.runtime_s)
            ratios.append(min(values[:-1]) / plan.value)
            gains.append(_computing(sf.solve(instance, "edge-only")) / _computing(plan))
        mean = exp(sum(map(log, ratios)) / len(ratios))
        rows.append([net, max(times), sum(times) / len(times), max(gains), mean, worse])
    header = ["network", "longest s", "mean s", "best speed-up of computing"]
    print(table([*header, "best tiling rival / vsm (latency)", "rival better"], rows), "\n")


def _computing(plan: Plan) -> float:
    """A plan's computing, stages with their transfers included."""
    return sum(task.compute_s or 0.0 for task in plan.tasks)


def gaps() -> None:
    """Print `d3`'s gaps to the bound over all plans, in per cent, and seconds of processor."""
    rows, found = [], []
    for net in D3_NETWORKS:
        for link in D3_LINKS:
            for nodes in (2, 4):
                instance = sf.generate("three-tier", model=net, edge_cloud=link, edge_nodes=nodes)
                begun = process_time()
                plan = sf.solve(instance, "d3")
                spent = process_time() - begun
                instance = sf.generate("three-tier", model=net, edge_cloud=link, edge_nodes=nodes)
                begun = process_time()
                bound = sliced_latency_bound(instance, Objective("latency"))
                bound_s = process_time() - begun
                assert plan.value is not None and bound is not None and plan.gap is not None
                found.append(100 * plan.gap)
                latencies = [1e3 * plan.value, 1e3 * bound]
                rows.append([f"{net}, {link}", nodes, *latencies, found[-1], spent, bound_s])
    header = ["case", "nodes", "d3 ms", "bound ms", "gap %", "d3 s", "of it bound s"]
    print(table(header, rows))
    print(f"\nmean gap {sum(found) / len(found):.2f} %, worst {max(found):.2f} %\n")


def main() -> None:
    """Run the parts named on the command line, or all."""
    parts = {"regions": regions, "vsm": vsm, "gaps": gaps}
    words = asked_for(__doc__, f"what to run, of {', '.join(parts)}; none: all", list(parts))
    print(machine(), "\n")
    for name in words or parts:
        parts[name]()


if __name__ == "__main__":
    main()
