"""Sizes of poolings are those that ONNX Runtime makes, not those that it infers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases.real.onnx_text import canonical, layers_of, model_of


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool", "LpPool"])
@pytest.mark.parametrize(
    ("size", "window", "made"),
    [
        # of 27 values and one of padding in front the 15th window would start at 28, behind them
        (27, "kernel_shape=[2], strides=[2], pads=[1,1], ceil_mode=1", 14),
        (28, "kernel_shape=[2], strides=[2], pads=[1,1], ceil_mode=1", 15),  # starts at 28 of 29
        (14, "kernel_shape=[1], strides=[2], auto_pad='VALID', ceil_mode=1", 7),
        # four windows of 4 values, 3 apart, need 13: 3 of padding, in which three windows that
        # span 7 fit
        (10, "kernel_shape=[4], strides=[3], dilations=[2], auto_pad='SAME_UPPER'", 3),
    ],
)
def test_a_pooling_makes_as_many_values_as_its_type_says(
    operator: str, size: int, window: str, made: int
) -> None:
    """And so does what reads it: held to a run, with the pooling itself an output, too."""
    from splitfog.deployment.models.sessions import session

    window = window.replace("'", '"')
    text = f"g (float[1,2,{size}] x) => (float[1,2,n] y, float[1,2,n] p) {{"
    model = model_of(f"{text} p = {operator}<{window}>(x) y = Neg(p) }}")
    found, _ = canonical(model)
    shapes = [[dim.dim_value for dim in o.type.tensor_type.shape.dim] for o in found.graph.output]
    assert shapes == [[1, 2, made]] * 2
    values = session(found.SerializeToString()).run(None, {"x": np.ones((1, 2, size), "f")})
    assert [list(value.shape) for value in values] == shapes


def test_positions_of_a_maximum_have_its_size() -> None:
    """The second output of a MaxPool as well as the first, and both are layers of 14 columns."""
    model = model_of("""g (float[1,1,4,27] x) => (float[1,1,4,n] y, int64[1,1,4,n] i) {
      p, i = MaxPool<kernel_shape=[1,2], strides=[1,2], pads=[0,1,0,1], ceil_mode=1>(x)
      y = Neg(p) }""")
    layers = {layer.name: layer for layer in layers_of(model).model.layers}
    assert layers["y"].output_bytes == 4 * 4 * 14
    assert layers["i"].output_bytes == 8 * 4 * 14


def test_what_the_optimiser_says_of_an_output_is_forgotten() -> None:
    """It infers again where an Identity goes, and then says 8 columns of an output of 7."""
    model = model_of("""g (float[1,1,4,14] x) => (float y) {
      p = MaxPool<kernel_shape=[1,2], strides=[1,2], pads=[0,0,0,1], ceil_mode=1>(x)
      i = Identity(p) a = Add(i, p) y = Neg(a) }""")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    found, _ = canonical(model)
    made = found.graph.output[0].type.tensor_type.shape.dim
    assert [dim.dim_value for dim in made] == [1, 1, 4, 7]
