"""`modnn`: after MoDNN (Mao et al., DATE 2017), every layer in rows over all nodes."""

from __future__ import annotations

from splitfog.baselines.tiling import tiled
from splitfog.solvers.base import Answer, Request
from splitfog.solvers.vsm_rules import layer_by_layer, speed_shares


def solve_modnn(request: Request) -> Answer:
    """Every sliceable layer its own stage, rows in proportion to speed, gathered after each.

    Ours: the layers' home (`tiled`); speed is 1 / seconds of the layer, overheads apart; a layer
    has the `norm`, `activation` and `identity` layers that follow it with it; rows only; it slices
    whether that helps or not. O(L N).
    """
    return tiled(
        request,
        "modnn",
        lambda slicer, placement: layer_by_layer(slicer, placement, speed_shares),
    )
