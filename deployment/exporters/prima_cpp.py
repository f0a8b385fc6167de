"""`prima-cpp`: the options of every rank of prima.cpp, whose ring closes at rank 0.

`--option NODE=ADDRESS` says where a node is. Rank 0, the master, has the embedding and the head;
in a round rank 1 has the first blocks and the master the last ones (`this_layer_is_mine` in
src/llama.cpp), so what a plan gives the master at the beginning moves to the end, which costs
the same. `-lw` has only numbers above 0 (common/arg.cpp), and they add up to all blocks: one round.
`-ngl` puts a rank's blocks on its GPU, if it has one (July 2025).
"""

from __future__ import annotations

from collections.abc import Iterator

from splitfog.deployment.exporters.asked import Asked, Export, commands
from splitfog.deployment.exporters.pipeline import Run, pipeline_of

RUNTIME = "prima.cpp"
MOST = 32
"""Numbers that `-lw` takes."""


def export(asked: Asked) -> Export:
    """A line of options for every rank, below its node."""
    pipeline = pipeline_of(asked)
    runs = pipeline.ring(RUNTIME)
    *others, master = runs
    ranks = [master, *others]
    if not len(master):
        raise ValueError(
            f"{RUNTIME} gives every rank a block, but {master.node}, which has the embedding, "
            "has none"
        )
    if len(ranks) > MOST:
        raise ValueError(f"{RUNTIME} has at most {MOST} ranks, but the plan has {len(ranks)} nodes")
    return Export(commands(_ranks(asked, ranks)), pipeline.moved(runs))


def _ranks(asked: Asked, ranks: list[Run]) -> Iterator[tuple[str, list[str]]]:
    """What every rank is started with."""
    where: list[str] = []
    if len(ranks) > 1:
        where = [asked.told(run.node, "address", "192.168.1.20") for run in ranks]
        asked.unlike(run.node for run in ranks)
    for rank, run in enumerate(ranks):
        options = ["--world", str(len(ranks)), "--rank", str(rank)]
        if where:
            options += ["--master", where[0], "--next", where[(rank + 1) % len(where)]]
        if not rank:
            options += ["-lw", ",".join(str(len(one)) for one in ranks), "-k", "1"]
        yield f"{run.node}: blocks {run}", [*options, "-ngl", str(len(run))]
