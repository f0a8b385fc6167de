"""The zoo's networks written as ONNX are imported with the zoo's work and windows."""

from __future__ import annotations

from collections import Counter

import pytest

import splitfog as sf
from tests.cases.real.onnx_text import layers_of
from tests.cases.real.zoo_onnx import zoo_onnx

WINDOWED = ("conv", "max-pool", "average-pool")


@pytest.mark.slow
@pytest.mark.parametrize("level", ["basic", "extended"])
@pytest.mark.parametrize("name", sf.zoo.names())
def test_a_network_of_the_zoo_keeps_its_work(name: str, level: str) -> None:
    """Exactly its multiply-accumulates, whatever ONNX Runtime fuses."""
    network = sf.zoo.build(name)
    assert layers_of(zoo_onnx(network), level).model.macs == network.macs


@pytest.mark.parametrize("name", ["mobilenet-v2", "squeezenet-1.0", "googlenet"])
def test_a_network_of_the_zoo_keeps_its_windows(name: str) -> None:
    """Kernel, stride, padding, groups and ceiling of every convolution and pooling."""
    network = sf.zoo.build(name)
    found = layers_of(zoo_onnx(network)).model
    windows, expected = (
        Counter((x.op, x.window, x.output_shape) for x in model.layers if x.op in WINDOWED)
        for model in (found, network)
    )
    assert windows == expected
