"""How fast `cp-sat` proves the makespan of the zoo: `python -m benchmarks.partition.cp_sat`."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.common import asked_for, machine, table
from splitfog import generate, solve
from splitfog.formulations.arrays.series import series_segments
from splitfog.formulations.arrays.task import task_arrays
from splitfog.instances import zoo
from splitfog.instances.instance import Instance
from splitfog.instances.records import changed

LIMIT_S = 60.0
UPLINKS = ("3g", "4g", "wi-fi", "fibre")
BRANCHED = ("squeezenet-1.0", "googlenet", "inception-v3", "inception-v4")
ALIKE: dict[str, Any] = dict.fromkeys(("device", "edge", "cloud"), "jetson-nano")
ALIKE |= dict.fromkeys(("device_edge", "edge_cloud", "direct_cloud"), "ethernet")


def proven(instance: Instance) -> list[Any]:
    """Layers, longest segment, value, gap and seconds of one call; no warm-up, one run."""
    segments = series_segments(task_arrays(instance))
    started = time.perf_counter()
    plan = solve(instance, "cp-sat", "makespan", time_limit_s=LIMIT_S)
    seconds = time.perf_counter() - started
    layers = len(instance.models[0].layers)
    longest = max(len(segment.layers) for segment in segments)
    return [layers, longest, plan.value, plan.status, f"{plan.gap:.1e}", seconds]


def contended(instance: Instance) -> Instance:
    """The same with shared links and nodes that do not compute while they send."""
    nodes = tuple(changed(node, overlap=False) for node in instance.nodes)
    links = tuple(changed(link, shared=True) for link in instance.links)
    return changed(instance, nodes=nodes, links=links)


def show(title: str, instances: dict[str, Instance]) -> None:
    """Print one table, a row an instance."""
    header = [title, "layers", "longest segment", "makespan s", "status", "gap", "seconds"]
    print(table(header, [[name, *proven(instance)] for name, instance in instances.items()]))
    print()


def main() -> None:
    """Print the zoo on device, edge and cloud, then settings where branches are spread."""
    print(machine(), "\n")
    solve(generate("three-tier", model="alexnet"), "cp-sat", "makespan")  # the imports
    for uplink in UPLINKS:
        nets = {net: generate("three-tier", model=net, edge_cloud=uplink) for net in zoo.names()}
        show(f"edge-cloud {uplink}", nets)
    alike = {net: generate("three-tier", model=net, edge_nodes=2, **ALIKE) for net in BRANCHED}
    show("four Jetson Nano on Ethernet", alike)
    show("the same, contended", {net: contended(instance) for net, instance in alike.items()})
    graphs = {
        f"random-dag {n}": generate("random-dag", layers=n, seed=1) for n in (60, 100, 200, 500)
    }
    show("one segment, three tiers", graphs)


if __name__ == "__main__":
    asked_for(__doc__)
    main()
