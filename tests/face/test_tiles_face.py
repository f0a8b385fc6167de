"""`sf.tiles`: the stages that solvers find lose nothing on real arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import splitfog as sf
from splitfog.formulations.plan import decision_of
from tests.cases.stages.small_stages import sliceable_instances


@given(sliceable_instances())
@settings(max_examples=20)
def test_vsm_loses_nothing(instance: sf.Instance) -> None:
    """The tiles of vsm's stages, run on whole numbers, give the whole stage bit for bit."""
    model = instance.models[0]
    decision = decision_of(instance, sf.solve(instance, "vsm", options={"grid": 3}))
    for stage in decision.tasks[0].stages:
        weights = sf.tiles.random_weights(model, stage.layers, seed=1)
        shape = sf.tiles.geometry(model, stage.layers).shapes[-1]
        x = np.random.default_rng(2).integers(-9, 10, shape).astype(np.float64)
        boxes = [(*part.rows, *part.columns) for part in stage.slices]
        sliced = sf.tiles.run(model, stage.layers, boxes, weights, x)
        assert np.array_equal(sliced, sf.tiles.run_whole(model, stage.layers, weights, x))


def test_grid_finer_than_the_map() -> None:
    """More rows than the map has are refused by name."""
    with pytest.raises(ValueError, match="grid of 9 x 1, must be from 1 x 1 to 8 x 8"):
        sf.tiles.grid(8, 8, 9, 1)
