"""`aofl`: after AOFL (Zhou et al., 2019), fuse points by dynamic program, rows over all nodes."""

from __future__ import annotations

from splitfog.baselines.tiling import tiled
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.vsm_rules import fused_strips


def solve_aofl(request: Request) -> Answer:
    """The best fuse points of every sliceable run, rows equal or by speed over all nodes.

    Ours: on a DAG the runs are the chains of blocks of `vsm`; a block may stay unsliced; the better
    of both cuts is taken stage by stage, by the exact stage time. O(P^2 L N).
    """
    return tiled(
        request, "aofl", lambda slicer, placement: slicer.with_rule(fused_strips).sliced(placement)
    )
