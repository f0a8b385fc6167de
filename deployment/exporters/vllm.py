"""`vllm`: the environment variable that gives every pipeline stage its number of blocks.

`--option NODE=INDEX` says a node's accelerator where all are in one machine, of every stage or of
none; they are then put into the order of the stages, which elsewhere is that of vLLM's ranks.

The numbers must be as many as stages and add up to the model's blocks (`get_pp_indices` in
vllm/distributed/utils.py, 2025); zeros pass that check, but no plan has any here: a node without
blocks is no stage. The first stage has the embedding, the last one norm and head.
"""

from __future__ import annotations

from splitfog.deployment.exporters.asked import Asked, Export, comment
from splitfog.deployment.exporters.pipeline import pipeline_of

VARIABLE = "VLLM_PP_LAYER_PARTITION"
DEVICES = "CUDA_VISIBLE_DEVICES"
SIZE = "--pipeline-parallel-size"


def export(asked: Asked) -> Export:
    """Lines of a shell: comments, the variables; the option of `vllm serve` is shown."""
    runs = pipeline_of(asked).line("vLLM")
    called = asked.unlike(run.node for run in runs)
    lines = [
        comment(f"stage {stage}: {name}, blocks {run}")
        for stage, (name, run) in enumerate(zip(called, runs, strict=True))
    ]
    if any(name.isdecimal() for name in asked.of_nodes.values()):
        indices = [_index(asked, run.node) for run in runs]
        lines.append(f"export {DEVICES}={','.join(indices)}\n")
    lines.append(f'export {VARIABLE}="{",".join(str(len(run)) for run in runs)}"\n')
    return Export("".join(lines).encode(), (f"vllm serve ... {SIZE} {len(runs)}",))


def _index(asked: Asked, node: str) -> str:
    """Of a node's accelerator, where other nodes have one."""
    index = asked.told(node, "index, as others have", "0")
    if not index.isdecimal():
        raise ValueError(f"{node} = {index!r}, must be an accelerator's index, as others have")
    return index
