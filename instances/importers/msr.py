"""Workloads of github.com/msr-fiddle/dnn-partitioning: accelerators in a star around one host.

J. Tarnawski, A. Phanishayee, N. Devanur, D. Mahajan, F. Nina Paravecino, "Efficient algorithms for
device placement of DNN graph operators", NeurIPS 2020. Times and costs there are milliseconds.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from splitfog.instances.checks import InstanceError, shown, value_defects
from splitfog.instances.files import parse_json, read_bytes
from splitfog.instances.model import Count, Instance, Layer, Link, Model, Node, NonNegative, Task

BANDWIDTH_BPS = 8e9
"""Of every link; a tensor's bytes are chosen so that one crossing takes the published cost."""

NOMINAL_SPEED_FLOPS = 1e9
"""Never used: every layer has measured times on both kinds of node."""


class MsrNode(Struct, kw_only=True):
    """An operator with its latencies in ms and weights in bytes."""

    id: int
    supportedOnFpga: Annotated[int, Meta(ge=0)]
    cpuLatency: NonNegative
    fpgaLatency: NonNegative
    isBackwardNode: Annotated[int, Meta(ge=0)]
    colorClass: int
    size: NonNegative


class MsrEdge(Struct, kw_only=True):
    """A tensor's way to a reader; `cost` in ms between accelerator and host, once per producer."""

    sourceId: int
    destId: int
    cost: NonNegative


class MsrFile(Struct, kw_only=True):
    """The top level of a workload."""

    maxSizePerFPGA: NonNegative
    maxFPGAs: Count
    maxCPUs: Count
    nodes: Annotated[tuple[MsrNode, ...], Meta(min_length=1)]
    edges: tuple[MsrEdge, ...]


def import_msr(path: str | os.PathLike[str]) -> Instance:
    """The instance of a published workload: minimise its `period`, not monotone.

    One host (`overlap: true`, it is charged for computing only) and `maxFPGAs` accelerators
    (`overlap: false`, `memory_bytes`), each linked to the host; `colorClass` becomes `group`.
    Keys that the format does not define (`name`, an edge's `size`) are free there and ignored.

    Raises
    ------
    InstanceError
        Naming every missing key and every value that is not allowed.
    """
    path = Path(path)
    data, _ = parse_json(read_bytes(path), path.name)
    if defects := [d for d in value_defects(data, MsrFile) if "unknown key" not in d]:
        raise InstanceError(path.name, defects)
    file = msgspec.convert(data, MsrFile)
    if defects := _reference_defects(file):
        raise InstanceError(path.name, defects)
    accelerators = [f"accelerator{i}" for i in range(file.maxFPGAs)]
    return Instance(
        name=path.name.removesuffix(".json"),
        tiers=("host", "accelerator"),
        nodes=(
            Node(name="host", tier="host", speed_flops=NOMINAL_SPEED_FLOPS),
            *(
                Node(
                    name=name,
                    tier="accelerator",
                    speed_flops=NOMINAL_SPEED_FLOPS,
                    memory_bytes=file.maxSizePerFPGA,
                    overlap=False,
                )
                for name in accelerators
            ),
        ),
        links=tuple(Link(tail="host", head=a, bandwidth_bps=BANDWIDTH_BPS) for a in accelerators),
        models=(Model(name="model", layers=_layers(file)),),
        tasks=(Task(name="inference", model="model", source=None),),
        meta={
            "reference": "github.com/msr-fiddle/dnn-partitioning; objective: period, not monotone"
        },
    )


def _reference_defects(file: MsrFile) -> list[str]:
    """Ids that clash or point nowhere, several hosts, a producer with several costs."""
    defects = []
    if file.maxCPUs != 1:
        defects.append(f"maxCPUs = {file.maxCPUs}, must be 1")
    ids = Counter(node.id for node in file.nodes)
    for i, node in enumerate(file.nodes):
        if ids[node.id] > 1:
            defects.append(f"nodes[{i}].id = {node.id}, must be unique")
    costs: dict[int, float] = {}
    for i, edge in enumerate(file.edges):
        for key in ("sourceId", "destId"):
            if getattr(edge, key) not in ids:
                defects.append(f"edges[{i}].{key} = {getattr(edge, key)}, must be the id of a node")
        first = costs.setdefault(edge.sourceId, edge.cost)
        if edge.cost != first:
            defects.append(
                f"edges[{i}].cost = {shown(edge.cost)}, must be {shown(first)} as on the other "
                f"edges out of node {edge.sourceId}"
            )
    return defects


def _layers(file: MsrFile) -> tuple[Layer, ...]:
    inputs: dict[int, list[str]] = {}
    cost_ms: dict[int, float] = {}
    for edge in file.edges:
        inputs.setdefault(edge.destId, []).append(str(edge.sourceId))
        cost_ms[edge.sourceId] = edge.cost
    colours = Counter(node.colorClass for node in file.nodes)
    return tuple(
        Layer(
            name=str(node.id),
            op="other",
            inputs=tuple(inputs.get(node.id, ())),
            weight_bytes=node.size,
            output_bytes=cost_ms.get(node.id, 0.0) * 1e-3 * BANDWIDTH_BPS / 8,
            times_s={"host": node.cpuLatency * 1e-3, "accelerator": node.fpgaLatency * 1e-3},
            tiers=None if node.supportedOnFpga else ("host",),
            group=f"colour{node.colorClass}" if colours[node.colorClass] > 1 else None,
        )
        for node in file.nodes
    )
