"""`dnet`: the body of dnet's `POST /v1/prepare_topology_manual`.

Needs `--option model=NAME` and, for every node with blocks, where its shard listens:
`--option NODE=HOST:HTTP_PORT:GRPC_PORT`. `--option kv_bits=...` (8bit, 4bit or fp16) is passed on.
Shards pass a tensor around their ring until it is where its next block is, so any placement of
blocks is one; the shard of block 0 looks tokens up and that of the last block has the head
(src/dnet/shard, December 2025).
"""

from __future__ import annotations

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.pipeline import Pipeline, pipeline_of
from splitfog.instances.json_files import encode


def export(asked: Asked) -> Export:
    """The devices, and the layers of each, a list for every time that the ring comes to it."""
    pipeline = pipeline_of(asked)
    pipeline.beside_ends("dnet")
    nodes = list(dict.fromkeys(run.node for run in pipeline.runs))
    devices = [_device(asked, node) for node in nodes]
    asked.unlike(nodes)
    body = {
        "model": asked.needed("model", "OWNER/NAME"),
        "kv_bits": asked.options["kv_bits"],
        "devices": devices,
        "assignments": [_assignment(pipeline, nodes, at) for at in range(len(nodes))],
        "num_layers": pipeline.blocks,
    }
    return Export(encode(body), _detours(pipeline, nodes))


def _device(asked: Asked, node: str) -> dict[str, str | int]:
    host, http, grpc = asked.listens(node, "HOST:HTTP_PORT:GRPC_PORT", "HOST:8081:58081")
    return {"instance": node, "local_ip": host, "server_port": int(http), "shard_port": int(grpc)}


def _assignment(pipeline: Pipeline, nodes: list[str], at: int) -> dict[str, object]:
    """The layers of a shard, and the next one in the ring."""
    runs = pipeline.of(nodes[at])
    following = nodes[(at + 1) % len(nodes)] if len(nodes) > 1 else None
    longest = max(map(len, runs))
    return {
        "instance": nodes[at],
        "layers": [list(range(run.start, run.end)) for run in runs],
        "next_instance": following,
        "window_size": longest,
        "residency_size": longest,
    }


def _detours(pipeline: Pipeline, nodes: list[str]) -> tuple[str, ...]:
    """A line where tensors pass shards that do nothing with them."""
    order = {node: at for at, node in enumerate(nodes)}
    hops = zip(pipeline.runs, pipeline.runs[1:], strict=False)
    passed = sum((order[b.node] - order[a.node] - 1) % len(nodes) for a, b in hops)
    return (f"tensors pass {passed} shards on the ring beside those of the plan",) if passed else ()
