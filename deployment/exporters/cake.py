"""`cake`: a topology file, which says the blocks of every worker.

`--option NODE=HOST:PORT` says where a worker listens. The master, who has the node of the
embedding, runs the blocks that no worker has: without an option that node is no worker. The master
also has the head, wherever the plan has it behind its last block, and passes every tensor between
two workers on (cake-core/src/models/common/text_model.rs, April 2026). A range has both ends.
"""

from __future__ import annotations

import json

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.pipeline import TOGETHER, Pipeline, pipeline_of

LAYERS = "model.layers."


def export(asked: Asked) -> Export:
    """The workers in the order of their blocks, as YAML."""
    pipeline = pipeline_of(asked)
    lines = _checked(pipeline)
    nodes = dict.fromkeys(run.node for run in pipeline.runs)
    workers = [x for x in nodes if x != pipeline.first or x in asked.of_nodes]
    hosts = [":".join(asked.listens(node, "HOST:PORT", "HOST:10128")) for node in workers]
    asked.unlike(workers)
    text = []
    for node, host in zip(workers, hosts, strict=True):
        text += [f"{_quoted(node)}:", f"  host: {_quoted(host)}", "  layers:"]
        text += [f"    - {_quoted(f'{LAYERS}{run}')}" for run in pipeline.of(node)]
    return Export("".join(f"{line}\n" for line in text or ["{}"]).encode(), lines)


def _checked(pipeline: Pipeline) -> tuple[str, ...]:
    """What to know beside the file."""
    pipeline.once_each("cake", but=pipeline.first)
    master, head, end = pipeline.first, pipeline.last, pipeline.runs[-1].node
    if head not in (None, master, end):
        raise ValueError(
            f"cake has the head on its master, but the plan has it on {head}, "
            f"which is neither {master}, where the embedding is, nor {end}, where the last block "
            f"is; {TOGETHER}"
        )
    if master is None:
        return ()
    if head in (None, master):
        return (f"start the master on {master}",)
    return (f"start the master on {master}: it has the head, which the plan has on {head}",)


def _quoted(text: str) -> str:
    """As a scalar of YAML, which those of JSON are."""
    return json.dumps(text)
