"""`pipeedge`: the options of PipeEdge's `runtime.py` that say its stages and their ranks.

`-pt` has the first and the last layer of every stage, counted from 1, `-r` the stages' ranks:
`--option NODE=RANK`, by default the stages' own order. A block here is a layer there, as in what
`splitfog import pipeedge` makes; `--option layers=4` says that it is several, as PipeEdge cuts a
block of a transformer into four. Inputs begin and results end at one rank (`-D`, by default 0), the
first stage's or that of a node without layers (runtime.py, 0.1.1).
"""

from __future__ import annotations

from splitfog.deployment.exporters.asked import Asked, Export
from splitfog.deployment.exporters.pipeline import pipeline_of


def export(asked: Asked) -> Export:
    """One line of options; which node has which rank is shown."""
    each = asked.options["layers"]
    pipeline = pipeline_of(asked)
    runs = pipeline.line("PipeEdge")
    nodes = [run.node for run in runs]
    source = pipeline.source or nodes[0]
    if source in nodes[1:]:
        raise ValueError(
            f"PipeEdge loads inputs at its first stage or beside all stages, "
            f"but the task's source {source} has the blocks {pipeline.of(source)[0]}"
        )
    results = asked.given.task.results_to
    if results not in (None, source):
        raise ValueError(
            f"PipeEdge has results where inputs are, on {source}, but the task's go to {results}"
        )
    ranks = {
        node: _rank(node, asked.of_nodes.get(node, str(at)))
        for at, node in enumerate(dict.fromkeys([*nodes, source]))
    }
    if len(set(ranks.values())) < len(ranks):
        raise ValueError(f"ranks = {ranks}, must differ")
    ends = [f"{run.start * each + 1},{run.end * each}" for run in runs]
    order = ",".join(str(ranks[node]) for node in nodes)
    data = f" -D {ranks[source]}" if ranks[source] else ""
    told = ", ".join(
        f"rank {ranks[node]} is {node}" for node in sorted(ranks, key=ranks.__getitem__)
    )
    return Export(f"-pt {','.join(ends)} -r {order}{data}\n".encode(), (told,))


def _rank(node: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{node} = {text!r}, must be a rank: a whole number >= 0")
    return int(text)
