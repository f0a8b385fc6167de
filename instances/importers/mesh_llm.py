"""Mesh-LLM's scenarios (TOML): nodes, directed links, a model and what is wanted.

github.com/Mesh-LLM/mesh-llm, crate `skippy-topology-sim`, read as its planner does: a layer streams
its weights once a token (at least as long as was observed), a hop takes a round trip, its frame
over the bandwidth (nothing where none is told) and a fixed overhead, and the last node hands the
token back to the first. Only decode is told, so that the model has that pass alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.chain import NO_BANDWIDTH_BPS, TIER, TOKEN_BYTES, made
from splitfog.instances.importers.reading import (
    Amount,
    Blocks,
    Rate,
    Whole,
    read_toml,
    record_of,
    refuse,
)
from splitfog.instances.instance import Instance
from splitfog.instances.lookup import unknown_name
from splitfog.instances.records import Layer, Link, Model, Node, Pass, Task

REFERENCE = "scenario of github.com/Mesh-LLM/mesh-llm (skippy-topology-sim)"

MIB = 2.0**20

HEADROOM = 0.1
"""Of a node's memory, what its planner leaves free."""

KV_SHARE = 0.85
"""Of the memory beside the weights, what it gives to keys and values."""

NOMINAL_SPEED_FLOPS = 1e12
"""Of a node that tells none; no layer has FLOP."""


class TomlNode(Struct, kw_only=True, forbid_unknown_fields=True):
    """A machine."""

    vram_bytes: Amount
    sustained_mem_bandwidth_mib_per_s: Rate | None = None
    sustained_compute_gflop_per_s: Rate | None = None
    observed_decode_us_per_layer: Amount | None = None


class TomlLink(Struct, kw_only=True, forbid_unknown_fields=True):
    """A directed link."""

    rtt_ms: Amount
    large_frame_mib_per_s: Rate | None = None


class TomlModel(Struct, kw_only=True, forbid_unknown_fields=True):
    """The model: bytes of a layer's weights, of all layers' keys and values, of a hop's frame."""

    layer_count: Blocks
    weight_bytes_per_layer: Rate
    kv_bytes_per_token: Amount
    native_context_length: Whole
    activation_frame_bytes: Amount = 0
    active_weight_fraction: Annotated[float, Meta(gt=0, le=1)] | None = None
    per_stage_overhead_ms: Amount = 0
    per_hop_overhead_ms: Amount = 0


class TomlWorkload(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is wanted; a target is told to readers only."""

    minimum_nodes: Whole | None = None
    target_decode_tpot_ms: Amount | None = None


class Scenario(Struct, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    nodes: dict[str, TomlNode]
    links: dict[str, TomlLink] = {}
    model: TomlModel
    workload: TomlWorkload = TomlWorkload()


def read(files: Sequence[Path], options: Mapping[str, Any]) -> Instance:
    """The scenario: minimise its `latency` with `contiguous` "ring", the seconds a token.

    Parameters
    ----------
    files
        One scenario.
    options
        `context`, tokens a lane has room for (none: the native context), `lanes`, and `new_tokens`.

    Raises
    ------
    InstanceError
        Naming the file and what is wrong in it.
    """
    (path,) = files
    scenario = record_of(read_toml(path), Scenario, path)
    if not scenario.nodes:
        raise refuse(path, "nodes", {}, "tables of at least one node")
    model = scenario.model
    context = options["context"] or model.native_context_length
    if context > model.native_context_length:
        told = f"<= {model.native_context_length}, the native_context_length of {path}"
        raise ValueError(f"option context = {context}, must be {told}")
    name = path.name.partition(".")[0]
    nodes = [_node(name, own) for name, own in scenario.nodes.items()]
    times = {
        name: max(_streamed(path, name, own, model), (own.observed_decode_us_per_layer or 0) * 1e-6)
        for name, own in scenario.nodes.items()
    }
    workload = scenario.workload
    return made(
        path,
        name=name,
        tiers=(TIER,),
        nodes=tuple(nodes),
        links=tuple(_links(path, scenario)),
        models=(_model(name, model, times, context * options["lanes"], options["new_tokens"]),),
        tasks=(Task(name="request", model=name, source=None),),
        meta={
            "reference": REFERENCE,
            "minimum_nodes": workload.minimum_nodes,
            "target_decode_tpot_ms": workload.target_decode_tpot_ms,
        },
        routing="direct",
    )


def _node(name: str, own: TomlNode) -> Node:
    compute, traffic = own.sustained_compute_gflop_per_s, own.sustained_mem_bandwidth_mib_per_s
    return Node(
        name=name,
        tier=TIER,
        speed_flops=NOMINAL_SPEED_FLOPS if compute is None else compute * 1e9,
        memory_bytes_per_s=None if traffic is None else traffic * MIB,
        memory_bytes=own.vram_bytes * (1 - HEADROOM),
    )


def _streamed(path: Path, name: str, own: TomlNode, model: TomlModel) -> float:
    """Seconds in which a node reads what a token needs of a layer."""
    traffic = own.sustained_mem_bandwidth_mib_per_s
    if traffic is None:
        if own.observed_decode_us_per_layer is None:
            at = f"nodes.{name}.sustained_mem_bandwidth_mib_per_s"
            why = "there, or observed_decode_us_per_layer, to tell how fast the node is"
            raise InstanceError(str(path), [f"{at} is missing, must be {why}"])
        return 0.0
    share = 1.0 if model.active_weight_fraction is None else model.active_weight_fraction
    return model.weight_bytes_per_layer * share / (traffic * MIB)


def _links(path: Path, scenario: Scenario) -> Iterator[Link]:
    """Both ways of every pair; one that is not told is as the other."""
    told: dict[tuple[str, str], TomlLink] = {}
    for key, link in scenario.links.items():
        ends = tuple([end.strip() for end in key.split("->")])
        if len(ends) != 2 or not all(ends):
            raise refuse(path, f"links.{key}", "a link", "called NODE -> NODE")
        for end in ends:
            if end not in scenario.nodes:
                sentence = unknown_name(end, scenario.nodes, "node")
                raise InstanceError(str(path), [f"links.{key}: {sentence}"])
        tail, head = ends
        if tail == head:
            raise refuse(path, f"links.{key}", "a link", "between two nodes")
        if (tail, head) in told:
            raise InstanceError(str(path), [f"links.{key} stands twice, must stand once"])
        told[tail, head] = link
    model = scenario.model
    overhead = (model.per_hop_overhead_ms + model.per_stage_overhead_ms) * 1e-3
    for tail, head in list(told):
        told.setdefault((head, tail), told[tail, head])
    for (tail, head), link in told.items():
        frames = link.large_frame_mib_per_s
        yield Link(
            tail=tail,
            head=head,
            bandwidth_bps=NO_BANDWIDTH_BPS if frames is None else 8 * frames * MIB,
            delay_s=link.rtt_ms * 1e-3 + overhead,
            duplex=False,
        )


def _model(
    name: str, model: TomlModel, times: Mapping[str, float], tokens: float, count: int
) -> Model:
    """The blocks between an embedding and `next`, both without weights and on one node."""
    share = 1.0 if model.active_weight_fraction is None else model.active_weight_fraction
    frame = model.activation_frame_bytes
    layers = [Layer(name="embedding", op="embedding", output_bytes=frame, group="ends")]
    for position in range(model.layer_count):
        layers.append(
            Layer(
                name=f"block{position}",
                op="attention",
                inputs=(layers[-1].name,),
                weight_bytes=model.weight_bytes_per_layer,
                traffic_bytes=model.weight_bytes_per_layer * share,
                state_bytes=model.kv_bytes_per_token / model.layer_count * tokens / KV_SHARE,
                output_bytes=frame,
                times_s=times,
            )
        )
    last = layers[-1].name
    layers.append(Layer(name="head", op="linear", inputs=(last,), output_bytes=TOKEN_BYTES))
    layers.append(
        Layer(name="next", op="identity", inputs=("head",), output_bytes=TOKEN_BYTES, group="ends")
    )
    passes = (Pass(name="decode", count=count),)
    return Model(name=name, layers=tuple(layers), passes=passes)
