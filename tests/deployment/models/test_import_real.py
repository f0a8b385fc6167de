"""Real networks are imported: graphs out of the onnx package, trained models out of wheels."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import pytest

import splitfog as sf
from splitfog.deployment.models.graphs import known_shapes
from splitfog.instances.defects import InstanceError
from tests.cases.onnx_text import canonical, layers_of, onnx
from tests.cases.real.networks import (
    GRAPHS,
    LARGE_GRAPHS,
    graph_path,
    installed,
    trained,
    with_weights,
)

SMALL = [name for name in GRAPHS if name not in (*LARGE_GRAPHS, "resnet50")]
MODELS = list(trained(installed()))
BROKEN = [path for folder in installed() for path in folder.rglob("silero_vad.onnx")]


def products(model: Any) -> int:
    """Multiply-accumulates of a plain graph, by ONNX's own shapes."""
    model.ir_version = 8  # in older files ONNX infers nothing from weights that are no inputs
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = known_shapes(graph)
    macs = {
        "Conv": lambda node: prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:]),
        "Gemm": lambda node: prod(shapes[node.input[1]]),
    }
    return sum(macs[node.op_type](node) for node in graph.node if node.op_type in macs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_graph_of_the_onnx_package(name: str) -> None:
    """Its work is that of the graph before it was optimised.

    With weights put in: convolutions of one tensor and equal weights would be made one.
    """
    model = with_weights(graph_path(name))
    found = layers_of(model, "extended")
    assert found.model.macs == products(model) > 10**8
    assert found.needs_time == ()


@pytest.mark.slow
def test_resnet_50_of_the_onnx_package_is_the_zoos() -> None:
    """4,089,184,256 multiply-accumulates."""
    found = layers_of(onnx.load(graph_path("resnet50")))
    assert found.model.macs == sf.zoo.build("resnet-50").macs == 4_089_184_256


@pytest.mark.slow
@pytest.mark.parametrize(("path", "inputs"), MODELS, ids=[path.stem for path, _ in MODELS])
def test_a_trained_model(path: Path, inputs: Mapping[str, tuple[int, ...]]) -> None:
    """The work of every layer is known, twice the same bytes are made, and a plan is found."""
    made = sf.import_onnx(path, inputs=inputs)
    again, _ = canonical(path.read_bytes(), "extended", inputs)
    about = made.meta["onnx"]
    assert sha256(again.SerializeToString(deterministic=True)).hexdigest() == about["sha256"]
    assert about["inputs"].items() >= {name: list(dims) for name, dims in inputs.items()}.items()
    assert not [note for note in about["notes"] if "not known" in note]
    assert made.models[0].macs > 0
    assert sf.solve(made, objective="latency").status == "optimal"


@pytest.mark.slow
@pytest.mark.parametrize("path", BROKEN[:1])
def test_a_branch_that_no_fixed_shape_fits(path: Path) -> None:
    """The voice detector for two rates, of which the other's branch breaks on a run on zeros."""
    inputs: dict[str, tuple[int, ...]] = {"input": (1, 576), "state": (2, 1, 128), "sr": ()}
    with pytest.raises(InstanceError, match=r"silero_vad.onnx: .* fails in the run on zeros"):
        sf.import_onnx(path, inputs=inputs)
