"""`parallax`: the options of `parallax serve` that give every worker its blocks.

`--option NODE=NAME` says what a worker is called in the comments. Ranges are half open; the worker
of block 0 has the embedding, that of the last block the head (src/parallax/server/server_args.py,
July 2026).
"""

from __future__ import annotations

from splitfog.deployment.exporters.asked import Asked, Export, commands
from splitfog.deployment.exporters.pipeline import pipeline_of


def export(asked: Asked) -> Export:
    """A line of options for every worker, below its name."""
    runs = pipeline_of(asked).line("Parallax")
    called = asked.unlike(run.node for run in runs)
    return Export(
        commands(
            (name, ["--start-layer", str(run.start), "--end-layer", str(run.end)])
            for name, run in zip(called, runs, strict=True)
        )
    )
