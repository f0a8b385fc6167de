"""`coedge`: after CoEdge (Zeng et al., 2020), row shares by compute and link speed."""

from __future__ import annotations

from splitfog.baselines.tiling import tiled
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.vsm_rules import balanced_shares, layer_by_layer


def solve_coedge(request: Request) -> Answer:
    """Every sliceable layer its own stage, row shares from a linear program, slow nodes dropped.

    The program balances computing and transfers of all nodes in use (`balanced_shares`). Ours: its
    closed form; halos are left out of it, as is that links may be shared; rows are gathered at the
    home after each layer; a layer has the elementwise layers that follow it with it. O(L N^2).
    """
    return tiled(
        request,
        "coedge",
        lambda slicer, placement: layer_by_layer(slicer, placement, balanced_shares),
    )
