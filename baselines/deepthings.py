"""`deepthings`: after DeepThings (Zhao et al., IEEE TCAD 2018), fused tiles of an equal grid."""

from __future__ import annotations

from splitfog.baselines.tiling import tiled
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.vsm_rules import dealt_grids


def solve_deepthings(request: Request) -> Answer:
    """The first f layers fused in one equal A x B grid, all f and grids up to `grid` scanned.

    Ours: tiles are dealt round robin in file order, where the original steals work; f counts blocks
    of the first chain that may be sliced; no stage where none helps. O(P G^4).
    """
    rule = dealt_grids(request.options["grid"])
    return tiled(
        request,
        "deepthings",
        lambda slicer, placement: slicer.with_rule(rule).prefix_sliced(placement),
    )
