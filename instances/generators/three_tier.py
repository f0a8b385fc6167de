"""The family `three-tier`: a zoo network on a device, edge nodes and a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from splitfog.instances import zoo
from splitfog.instances.generators.family import Family, short
from splitfog.instances.generators.presets import NETWORKS, NODES, network_preset, node_preset
from splitfog.instances.instance import Instance
from splitfog.instances.plugins.option import Option
from splitfog.instances.records import Link, Task


def _node(default: str, help: str) -> Option:
    return Option(default, help, "preset", choices=tuple(NODES), unit="FLOP/s")


def _network(default: str | None, help: str, optional: bool = False) -> Option:
    kinds = tuple(NETWORKS)
    return Option(default, help, "preset", choices=kinds, unit="bit/s", optional=optional)


OPTIONS = {
    "model": Option("alexnet", "network of the zoo", "choice", choices=zoo.names()),
    "size": Option(
        None,
        "rows and columns of the image; none: the usual",
        "whole",
        low=1,
        high=1e5,
        optional=True,
    ),
    "device": _node("raspberry-pi-4", "preset or speed of the device"),
    "edge": _node("desktop-i7", "preset or speed of the edge nodes"),
    "cloud": _node("gpu-server", "preset or speed of the cloud"),
    "device_edge": _network("wi-fi", "network of device and edge"),
    "device_edge_latency_s": Option(0.002, "its latency in s", "number", low=0),
    "edge_cloud": _network("4g", "network of edge and cloud"),
    "edge_cloud_latency_s": Option(0.02, "its latency in s", "number", low=0),
    "direct_cloud": _network(None, "network straight from device to cloud", optional=True),
    "direct_cloud_latency_s": Option(0.02, "its latency in s", "number", low=0),
    "edge_nodes": Option(1, "number of edge nodes", "whole", low=1, high=1000),
    "edge_edge": _network("ethernet", "network of the edge nodes among them"),
    "results_to": Option(
        None, "where results must go", "choice", choices=("device",), optional=True
    ),
    "memory": Option(False, "whether weights must fit the nodes' memory", "flag"),
    "spread": Option(
        1.0,
        "each speed and bandwidth is off by a random factor up to this",
        "number",
        low=1,
        high=1e3,
    ),
}


def build(name: str, seed: int, options: Mapping[str, Any], meta: dict[str, Any]) -> Instance:
    """A device, edge nodes and a cloud with one task, whose data are born at the device.

    A node is a preset or a speed in FLOP/s (no overhead, no memory limit), a network a preset or a
    bandwidth in bit/s both ways (as `edge_edge` without latency).

    The device is linked to `edge0`, `edge0` to the cloud and every two edge nodes to one another;
    device and cloud have no link of their own unless `direct_cloud` names one, so that with one
    edge node the routes are a line. The default networks are those of D3's setting
    (latencies nominal). The seed matters only where `spread` exceeds 1: every speed and every link
    then has its own factor, log-uniform between 1 / spread and spread.
    """
    model = zoo.build(options["model"], options["size"])
    edges = [f"edge{number}" for number in range(options["edge_nodes"])]
    kinds = {"device": ("device", "device")}
    kinds |= {edge: ("edge", "edge") for edge in edges}
    kinds |= {"cloud": ("cloud", "cloud")}
    if options["memory"]:
        _require_memory(options)
    factors = _Factors(seed, options["spread"])
    nodes = [
        node_preset(options[preset]).node(
            name, tier, memory=options["memory"], factor=factors.draw()
        )
        for name, (tier, preset) in kinds.items()
    ]
    return Instance(
        name=name,
        tiers=("device", "edge", "cloud"),
        nodes=tuple(nodes),
        links=tuple(_links(edges, options, factors)),
        models=(model,),
        tasks=(
            Task(name="task0", model=model.name, source="device", results_to=options["results_to"]),
        ),
        meta=meta,
    )


def _require_memory(options: Mapping[str, Any]) -> None:
    for name in ("device", "edge", "cloud"):
        if not isinstance(options[name], str):
            kinds = ", ".join(NODES)
            raise ValueError(f"{name} = {options[name]!r}, must with memory be one of {kinds}")


class _Factors:
    """Random factors, log-uniform between 1 / spread and spread."""

    def __init__(self, seed: int, spread: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._spread = spread

    def draw(self) -> float:
        return float(self._spread ** self._rng.uniform(-1, 1))


def _links(edges: list[str], options: Mapping[str, Any], factors: _Factors) -> list[Link]:
    def connect(low: str, high: str, network: str) -> tuple[Link, ...]:
        return network_preset(options[network]).links(
            low, high, latency_s=options.get(f"{network}_latency_s"), factor=factors.draw()
        )

    links = [*connect("device", edges[0], "device_edge"), *connect(edges[0], "cloud", "edge_cloud")]
    for low, high in combinations(edges, 2):
        links += connect(low, high, "edge_edge")
    if options["direct_cloud"] is not None:
        links += connect("device", "cloud", "direct_cloud")
    return links


FAMILY = Family(
    name="three-tier",
    summary="a zoo network on a device, an edge and a cloud of presets",
    options=OPTIONS,
    build=build,
    head=lambda options: f"{options['model']}-{short(options['edge_cloud'])}",
    in_head=("model", "edge_cloud"),
)
