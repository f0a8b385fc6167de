"""Strips of unequal rectangles in `vsm` and `d3`: never worse than patterns alone."""

from __future__ import annotations

import pytest

import splitfog as sf
from splitfog.formulations.arrays.task import task_arrays
from splitfog.formulations.costs.stages import stage_timeline
from splitfog.formulations.tiles.grids import cover_defects
from splitfog.solvers.d3 import search
from splitfog.solvers.d3.plans import base_placements
from splitfog.solvers.d3.search import Slicer
from splitfog.solvers.d3.strips import strips_of


def crowded(model="alexnet", edge_nodes=4, **how):
    """Unequal edge nodes on unequal links."""
    options = {"edge_nodes": edge_nodes, "spread": 2.0} | how
    return sf.generate("three-tier", seed=0, model=model, **options)


def runs(instance):
    """The slicer's runs of several blocks at the cheapest home."""
    slicer = Slicer(arrays=task_arrays(instance, 0))
    placement = base_placements(instance, sf.Objective("latency"), 0, "tier")[0]
    slicer.sliced(placement)
    return slicer, [run for run in slicer._runs.values() if len(run.costs.blocks) > 1]


def test_strips_are_stages():
    """Every stage in strips has its map once, a node at most once, and a timeline that ends."""
    instance = crowded("tiny-yolov2")
    slicer, found = runs(instance)
    seen = 0
    for run in found:
        for last in range(2, len(run.costs.blocks) + 1):
            tiles = strips_of(run.costs, 0, last)
            if not tiles:
                continue
            stage = search.stage_of(run.costs.blocks[:last], run.costs.team, tiles)
            boxes = [(*part.rows, *part.columns) for part in stage.slices]
            height, width = run.costs.reaches[last - 1].sizes
            assert cover_defects(height, width, boxes) == []
            assert len({part.node for part in stage.slices}) == len(stage.slices)
            assert stage_timeline(instance, slicer.arrays.task, stage) is not None
            seen += len(stage.slices) > 2
    assert seen > 3


@pytest.mark.parametrize("solver", ["vsm", "d3"])
@pytest.mark.parametrize("model", ["alexnet", "vgg-16"])
def test_never_worse_and_here_better(solver, model, monkeypatch):
    """With strips no slower than without them; VGG-16 on four unequal nodes gains half a per cent
    and more."""
    with_strips = sf.solve(crowded(model), solver=solver)
    monkeypatch.setattr(search, "strips_of", lambda *_: [])
    without = sf.solve(crowded(model), solver=solver)
    assert with_strips.value is not None
    assert without.value is not None
    assert with_strips.value <= without.value
    assert sf.violations(crowded(model), with_strips) == []
    if model == "vgg-16":
        assert with_strips.value < 0.995 * without.value


def test_two_nodes_have_their_strips_already():
    """Of two nodes no rectangles lie side by side that strips of rows or columns are not."""
    _, found = runs(crowded(edge_nodes=2))
    assert found
    assert all(strips_of(run.costs, 0, 2) == [] for run in found)


def test_a_node_without_room_gets_no_slice():
    """Where weights do not fit the slices are on the others."""
    _, found = runs(crowded("vgg-16"))
    costs = found[0].costs
    barred = costs.team.nodes.index(next(n for n in costs.team.nodes if n != costs.team.home))
    costs.room_bytes[barred] = 0.0
    tiles = strips_of(costs, 0, 2)
    assert tiles
    assert barred not in {tile[0] for tile in tiles}
