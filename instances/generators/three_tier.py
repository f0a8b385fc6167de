"""The family `three-tier`: a zoo network on a device, edge nodes and a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from splitfog.instances import zoo
from splitfog.instances.generators.family import Family, Option, short
from splitfog.instances.generators.presets import NETWORKS, NODES, network_preset, node_preset
from splitfog.instances.instance import Instance
from splitfog.instances.records import Link, Task

NODE_NAMES = tuple(NODES)
NETWORK_NAMES = tuple(NETWORKS)

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
    "device": Option("raspberry-pi-4", "preset of the device", "choice", choices=NODE_NAMES),
    "edge": Option("desktop-i7", "preset of the edge nodes", "choice", choices=NODE_NAMES),
    "cloud": Option("gpu-server", "preset of the cloud", "choice", choices=NODE_NAMES),
    "device_edge": Option("wi-fi", "network of device and edge", "choice", choices=NETWORK_NAMES),
    "device_edge_latency_s": Option(0.002, "its latency in s", "number", low=0),
    "edge_cloud": Option("4g", "network of edge and cloud", "choice", choices=NETWORK_NAMES),
    "edge_cloud_latency_s": Option(0.02, "its latency in s", "number", low=0),
    "direct_cloud": Option(
        None,
        "network straight from device to cloud",
        "choice",
        choices=NETWORK_NAMES,
        optional=True,
    ),
    "direct_cloud_latency_s": Option(0.02, "its latency in s", "number", low=0),
    "edge_nodes": Option(1, "number of edge nodes", "whole", low=1, high=1000),
    "edge_edge": Option(
        "ethernet", "network of the edge nodes among them", "choice", choices=NETWORK_NAMES
    ),
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
