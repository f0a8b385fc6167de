"""`llama-cpp`: options of llama.cpp for devices here and behind RPC servers.

`--option NODE=HOST:PORT` says where a node's RPC server listens, `--option NODE=CUDA0` that it is a
device of the machine on which llama.cpp is started, `--option NODE=CPU` that it is that machine's
processor, which can only have the first blocks.

llama.cpp deals out the blocks and, behind them, the output layer: L + 1 in all, of which it gives
the one at i to the device in whose share i / (L + 1) falls (`get_layer_buft_list` in
src/llama-model.cpp, build 9949). So the shares here are numbers that add up to L + 1, and the head
counts on its device, the last: 3 and 1 blocks with the head are `--tensor-split 3,2` (3,1 would
put all four blocks on the first). The embedding is looked up where llama.cpp is started. What a
plan gives that node at the beginning of a ring moves to the end, which costs the same. RPC devices
are called RPC0, RPC1, ... in the order of `--rpc`, one a server.
"""

from __future__ import annotations

from splitfog.deployment.exporters.asked import Asked, Export, commands
from splitfog.deployment.exporters.pipeline import TOGETHER, Pipeline, Run, pipeline_of

RUNTIME = "llama.cpp"
CPU = "CPU"
EVERYTHING = 99
"""Layers that `-ngl` puts on devices, more than there are."""


def export(asked: Asked) -> Export:
    """One line of options, below the node on which llama.cpp is started."""
    pipeline = pipeline_of(asked)
    runs = _runs(pipeline)
    places = {run.node: asked.told(run.node, "device", "HOST:50052") for run in runs}
    for node, place in places.items():
        if ":" in place:  # what has no colon is a device's name
            asked.listens(node, "HOST:PORT", "HOST:50052")
    asked.unlike(places)
    processor = [run for run in runs if places[run.node] == CPU]
    if processor:
        _check_processor(pipeline, runs, processor[0])
    shares = {run.node: len(run) for run in runs if run not in processor}
    options = _devices([places[node] for node in shares])
    if shares:
        shares[pipeline.head] += 1
        options += ["--tensor-split", ",".join(map(str, shares.values()))]
    on_devices = sum(shares.values())
    options += ["-ngl", str(on_devices if processor else max(on_devices, EVERYTHING))]
    return Export(commands([(f"on {pipeline.master}", options)]), pipeline.moved(runs))


def _runs(pipeline: Pipeline) -> tuple[Run, ...]:
    """The runs of the devices in order, the last of which has the head."""
    if pipeline.first is not None and pipeline.last == pipeline.first:
        return pipeline.ring(RUNTIME)
    pipeline.once_each(RUNTIME)
    end = pipeline.runs[-1].node
    if pipeline.head != end:
        raise ValueError(
            f"{RUNTIME} has the head where the last block or the embedding is, "
            f"but the plan has it on {pipeline.head}; {TOGETHER}"
        )
    return pipeline.runs


def _check_processor(pipeline: Pipeline, runs: tuple[Run, ...], run: Run) -> None:
    """`ValueError` where a machine's processor is asked for what it cannot have."""
    if run.node != pipeline.master or run is not runs[0]:
        raise ValueError(
            f"{run.node} = {CPU!r}: the processor can have the first blocks only, on the node of "
            f"the embedding ({pipeline.master}), and no head behind other devices"
        )


def _devices(places: list[str]) -> list[str]:
    """The servers, and all devices in order."""
    servers = [place for place in places if ":" in place]
    devices = [f"RPC{servers.index(place)}" if place in servers else place for place in places]
    found = ["--rpc", ",".join(servers)] if servers else []
    return [*found, "--device", ",".join(devices)] if devices else found
