"""Whole networks of the onnx package, with random weights.

benchmarks.real_models.split_exact tries all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from splitfog.deployment.splitting.check import check_split
from splitfog.deployment.splitting.split import split
from splitfog.formulations.tiles.stage_shape import geometry_of, stage_shape_defects
from splitfog.instances.instance import Instance
from tests.cases.onnx_models import imported, random_placement
from tests.cases.real.networks import graph_path, with_weights
from tests.cases.real.tiles import grid_of, stage_plan


def network(name: str, folder: Path) -> Instance:
    """A network on three nodes."""
    return imported(with_weights(graph_path(name)), folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["squeezenet", "shufflenet"])
def test_a_network_anywhere_is_exact(name: str, tmp_path: Path) -> None:
    """Every layer on any of three nodes: dozens of parts, no bit of any tensor differs."""
    case = network(name, tmp_path / "model")
    for seed in range(2):
        done = split(case, random_placement(case, seed), tmp_path / "parts")
        found = check_split(tmp_path / "parts", inputs=1, seed=seed)
        assert found.exact
        assert found.passed, found.faults
        assert len(done.manifest.parts) > 10
        assert found.tensors > len(done.manifest.parts)


@pytest.mark.slow
def test_the_longest_stage_of_a_network_runs_in_slices(tmp_path: Path) -> None:
    """SqueezeNet from its first layer on, as far as one stage goes: within rounding."""
    case = network("squeezenet", tmp_path / "model")
    model = case.models[0]
    order = [i for i in model.order.tolist() if model.layers[i].op != "input"]
    longest = max(n for n in range(1, len(order)) if not stage_shape_defects(model, order[:n]))
    geometry = geometry_of(model, order[:longest])
    tiles = grid_of(geometry.height, geometry.width, 2, 2)
    names = [model.layers[i].name for i in order[:longest]]
    split(case, stage_plan(case, names, tiles), tmp_path / "parts")
    found = check_split(tmp_path / "parts", inputs=1)
    assert longest > 20
    assert found.passed, found.faults
