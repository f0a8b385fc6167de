"""Workloads of github.com/msr-fiddle/dnn-partitioning: accelerators in a star around one host.

J. Tarnawski, A. Phanishayee, N. Devanur, D. Mahajan, F. Nina Paravecino, "Efficient algorithms for
device placement of DNN graph operators", NeurIPS 2020. Times and costs there are milliseconds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from splitfog.instances.defects import InstanceError, shown, value_defects
from splitfog.instances.instance import Instance
from splitfog.instances.json_files import parse_json, read_bytes
from splitfog.instances.records import Count, Layer, Link, Model, Node, NonNegative, Task, changed

BANDWIDTH_BPS = 8e9
"""To an accelerator; a tensor's bytes are chosen so that one crossing takes the published cost."""

SHARED_MEMORY_BPS = 1e9 * BANDWIDTH_BPS
"""Between cores, which read each other's tensors for nothing there, and all but nothing here."""

NOMINAL_SPEED_FLOPS = 1e9
"""Never used: every layer has measured times on both kinds of node."""

FLAGS = ("supportedOnFpga", "isBackwardNode")
"""Of a node: true or false, also written as 1 or 0."""


class MsrNode(Struct, kw_only=True):
    """An operator with its latencies in ms and weights in bytes; it may have no colour."""

    id: int
    supportedOnFpga: bool
    cpuLatency: NonNegative
    fpgaLatency: NonNegative
    isBackwardNode: bool
    colorClass: int | None = None
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


def read(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """`splitfog import msr`: one file, no options."""
    return import_msr(files[0])


def import_msr(path: str | os.PathLike[str]) -> Instance:
    """The instance of a published workload: minimise its `period`, not monotone.

    `maxCPUs` host cores (`overlap: true`, they are charged for computing only) and `maxFPGAs`
    accelerators (`overlap: false`, `memory_bytes`), all linked to the first core, the other cores
    by the memory that they share. The nodes of a `colorClass`, the forward and the backward ones of
    a training graph alike, become a `group`; each counts its own `size`, as there.
    Keys that the format does not define (`name`, an edge's `size`) are free there and ignored.

    Raises
    ------
    InstanceError
        Naming every missing key and every value that is not allowed.
    """
    path = Path(path)
    data, _ = parse_json(read_bytes(path), path.name)
    _spell_out_flags(data)
    if defects := value_defects(data, MsrFile):
        raise InstanceError(path.name, defects)
    file = msgspec.convert(data, MsrFile)
    if defects := _reference_defects(file):
        raise InstanceError(path.name, defects)
    cores = ["host", *(f"host{i}" for i in range(1, file.maxCPUs))]
    accelerators = [f"accelerator{i}" for i in range(file.maxFPGAs)]
    return Instance(
        name=path.name.removesuffix(".json"),
        tiers=("host", "accelerator"),
        nodes=_nodes(file, cores, accelerators),
        links=(
            *(Link(tail="host", head=c, bandwidth_bps=SHARED_MEMORY_BPS) for c in cores[1:]),
            *(Link(tail="host", head=a, bandwidth_bps=BANDWIDTH_BPS) for a in accelerators),
        ),
        models=(Model(name="model", layers=_layers(file)),),
        tasks=(Task(name="inference", model="model", source=None),),
        meta={
            "reference": "github.com/msr-fiddle/dnn-partitioning; objective: period, not monotone"
        },
    )


def _spell_out_flags(data: Any) -> None:
    """Write 0 and 1 as false and true where a node of plain data has a flag."""
    nodes = data.get("nodes") if isinstance(data, dict) else None
    for node in nodes if isinstance(nodes, list) else ():
        for key in FLAGS if isinstance(node, dict) else ():
            if type(node.get(key)) is int and node[key] in (0, 1):
                node[key] = bool(node[key])


def _reference_defects(file: MsrFile) -> list[str]:
    """Ids that clash or point nowhere, a producer with several costs."""
    defects = []
    ids: set[int] = set()
    for i, node in enumerate(file.nodes):
        if node.id in ids:
            defects.append(f"nodes[{i}].id = {node.id}, must be unique, but an earlier node has it")
        ids.add(node.id)
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


def _nodes(file: MsrFile, cores: list[str], accelerators: list[str]) -> tuple[Node, ...]:
    core = Node(name="host", tier="host", speed_flops=NOMINAL_SPEED_FLOPS)
    accelerator = Node(
        name="accelerator",
        tier="accelerator",
        speed_flops=NOMINAL_SPEED_FLOPS,
        memory_bytes=file.maxSizePerFPGA,
        overlap=False,
    )
    return (
        *(changed(core, name=name) for name in cores),
        *(changed(accelerator, name=name) for name in accelerators),
    )


def _layers(file: MsrFile) -> tuple[Layer, ...]:
    inputs: dict[int, list[str]] = {}
    cost_ms: dict[int, float] = {}
    for edge in file.edges:
        inputs.setdefault(edge.destId, []).append(str(edge.sourceId))
        cost_ms[edge.sourceId] = edge.cost
    members = Counter(node.colorClass for node in file.nodes)
    shared = {colour for colour, number in members.items() if colour is not None and number > 1}
    return tuple(
        Layer(
            name=str(node.id),
            op="other",
            inputs=tuple(inputs.get(node.id, ())),
            weight_bytes=node.size,
            output_bytes=cost_ms.get(node.id, 0.0) * 1e-3 * BANDWIDTH_BPS / 8,
            times_s={"host": node.cpuLatency * 1e-3, "accelerator": node.fpgaLatency * 1e-3},
            tiers=None if node.supportedOnFpga else ("host",),
            group=f"colour{node.colorClass}" if node.colorClass in shared else None,
        )
        for node in file.nodes
    )
