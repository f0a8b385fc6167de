"""Sliced stages give the same bits as whole ones, and whole ones the right numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.formulations.tiles.execution import random_weights, run_sliced, run_whole
from splitfog.formulations.tiles.grids import grid
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import geometry_of
from splitfog.instances import zoo
from splitfog.instances.records import Layer, Model, Window
from tests.cases.stages.random_stages import coverings, stages


def _input(model, layers, seed=0):
    shape = geometry_of(model, layers).shapes[-1]
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float64)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_covering_by_slices_gives_the_same_bits(data):
    """Random DAGs, random slices of any sizes in any order: sliced = whole, bit for bit."""
    model, layers = data.draw(stages())
    geometry = geometry_of(model, layers)
    rectangles = data.draw(coverings(geometry.height, geometry.width))
    weights = random_weights(model, layers, seed=1)
    x = _input(model, layers)
    sliced = run_sliced(model, layers, rectangles, weights, x)
    assert sliced.tobytes() == run_whole(model, layers, weights, x).tobytes()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_grid_gives_the_same_bits(data):
    """Equal grids from 1 x 1 to one pixel per slice: sliced = whole, bit for bit."""
    model, layers = data.draw(stages())
    geometry = geometry_of(model, layers)
    weights, x = random_weights(model, layers, seed=2), _input(model, layers, 3)
    whole = run_whole(model, layers, weights, x).tobytes()
    size = (geometry.height, geometry.width)
    shapes = [(1, 1), size, data.draw(st.tuples(*(st.integers(1, side) for side in size)))]
    for rows, columns in shapes:
        rectangles = grid(*size, rows, columns)
        assert run_sliced(model, layers, rectangles, weights, x).tobytes() == whole


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_same_bits_also_for_fractions(data):
    """The order of additions is fixed, so even weights that round give the same bits."""
    model, layers = data.draw(stages())
    geometry = geometry_of(model, layers)
    rng = np.random.default_rng(7)
    weights = {
        name: (rng.normal(size=first.shape), rng.normal(size=second.shape))
        for name, (first, second) in random_weights(model, layers, seed=1).items()
    }
    x = rng.normal(size=geometry.shapes[-1])
    rectangles = data.draw(coverings(geometry.height, geometry.width))
    sliced = run_sliced(model, layers, rectangles, weights, x)
    assert sliced.tobytes() == run_whole(model, layers, weights, x).tobytes()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_outside_the_input_rectangle_matters(data):
    """Other numbers where a slice does not read: the *whole* run has the same bits in the slice."""
    model, layers = data.draw(stages())
    geometry = geometry_of(model, layers)
    rectangles = data.draw(coverings(geometry.height, geometry.width))
    weights, x = random_weights(model, layers, seed=4), _input(model, layers, 5)
    whole = run_whole(model, layers, weights, x)
    tiles = regions(geometry, rectangles)
    for (r0, r1, c0, c1), (a, b, c, d) in zip(rectangles, tiles.input.tolist(), strict=True):
        other = np.random.default_rng(6).integers(-(10**6), 10**6, x.shape).astype(np.float64)
        other[:, a:b, c:d] = x[:, a:b, c:d]
        seen = run_whole(model, layers, weights, other)[:, r0:r1, c0:c1]
        assert seen.tobytes() == whole[:, r0:r1, c0:c1].tobytes()


@pytest.mark.parametrize(
    ("name", "count"), [("resnet-18", 34), ("squeezenet-1.0", 39), ("mobilenet-v2", 42)]
)
def test_networks_of_the_zoo_give_the_same_bits(name, count):
    """The first layers, strides and blocks of every kind among them, in four tiles."""
    model = zoo.build(name, 64)
    layers = model.order.tolist()[1 : count + 1]
    geometry = geometry_of(model, layers)
    assert min(geometry.height, geometry.width) > 1
    weights, x = random_weights(model, layers, seed=0), _input(model, layers)
    sliced = run_sliced(model, layers, grid(geometry.height, geometry.width, 2, 2), weights, x)
    assert np.isfinite(sliced).all()
    assert sliced.tobytes() == run_whole(model, layers, weights, x).tobytes()


def _taps(window, axis, out, size):
    """Input positions that an output position reads on an axis, those in padding as None."""
    start = out * window.stride[axis] - window.padding[axis]
    at = [start + k * window.dilation[axis] for k in range(window.kernel[axis])]
    return [(i if 0 <= i < size else None, i < size + window.padding[axis + 2]) for i in at]


def _pixel(layer, weights, x, channel, row, column):
    """One output element by the definition, with plain loops over its window."""
    window = layer.window
    rows = list(enumerate(_taps(window, 0, row, x.shape[1])))
    columns = list(enumerate(_taps(window, 1, column, x.shape[2])))
    grid_of = [(i, j, r, c) for i, r in rows for j, c in columns]
    real = [(i, j, r[0], c[0]) for i, j, r, c in grid_of if None not in (r[0], c[0])]
    if layer.op == "max-pool":
        return max(x[channel, r, c] for _, _, r, c in real)
    if layer.op == "average-pool":
        padded = sum(r[1] and c[1] for _, _, r, c in grid_of)
        count = padded if window.count_padding else len(real)
        return sum(x[channel, r, c] for _, _, r, c in real) / count
    kernel, bias = weights[layer.name]
    own, fan = len(kernel) // window.groups, kernel.shape[1]
    first = channel // own * fan
    return bias[channel] + sum(
        kernel[channel, k, i, j] * x[first + k, r, c] for i, j, r, c in real for k in range(fan)
    )


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whole_layers_follow_their_definition(data):
    """Convolutions and pools equal a loop over every pixel's window (whole numbers: exactly)."""
    model, layers = data.draw(stages(max_blocks=1, windows_only=True))
    weights, x = random_weights(model, layers, seed=8), _input(model, layers, 9)
    layer = model.layers[layers[0]]
    made = run_whole(model, layers, weights, x)
    for (channel, row, column), value in np.ndenumerate(made):
        assert value == _pixel(layer, weights, x, channel, row, column)


def _stage(*layers):
    source = Layer(name="x", op="input", output_shape=(2, 2, 2), output_bytes=8.0)
    model = Model(name="m", layers=(source, *layers))
    return model, tuple(range(1, len(model.layers)))


def _plain(name, op, inputs, channels=2):
    return Layer(name=name, op=op, inputs=inputs, output_shape=(channels, 2, 2), output_bytes=8.0)


X = np.array([[[1.0, -2.0], [3.0, -4.0]], [[5.0, 6.0], [-7.0, 8.0]]])


def test_elementwise_layers_follow_their_definition():
    """norm, activation, add(x, x), multiply, concat and identity, each on a 2 x 2 x 2 tensor."""
    model, layers = _stage(
        _plain("n", "norm", ("x",)),
        _plain("r", "activation", ("n",)),
        _plain("d", "add", ("r", "r")),
        _plain("p", "multiply", ("d", "x")),
        _plain("i", "identity", ("p",)),
        _plain("c", "concat", ("i", "x"), channels=4),
    )
    weights = {"n": (np.array([2.0, -1.0]), np.array([1.0, 0.5]))}
    n = np.stack([2 * X[0] + 1, 0.5 - X[1]])
    expected = np.concatenate([2 * np.maximum(n, 0) * X, X])
    np.testing.assert_array_equal(run_whole(model, layers, weights, X), expected)


def test_averages_divide_as_the_whole_layer_does():
    """Kernel 3, stride 2, padding 1 on 4 rows, `ceil`: windows hold 2, 3 and 1 real rows.

    Rows 0-3 start at -1, 1, 3 (ceil((4 + 2 - 3) / 2) + 1 = 3). With padding counted, the last
    window spans 3, 4 (padding) and 5 (beyond the padding): 2. Columns: one of each, kernel 1.
    """
    window = Window(kernel=(3, 1), stride=(2, 1), padding=(1, 0, 1, 0), ceil=True)
    x = np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 4, 1)
    for counted, expected in [(False, [3 / 2, 14 / 3, 8.0]), (True, [3 / 3, 14 / 3, 8 / 2])]:
        pool = Layer(
            name="p",
            op="average-pool",
            inputs=("x",),
            output_shape=(1, 3, 1),
            output_bytes=3.0,
            window=Window(
                **{f: getattr(window, f) for f in window.__struct_fields__}
                | {"count_padding": counted}
            ),
        )
        source = Layer(name="x", op="input", output_shape=(1, 4, 1), output_bytes=4.0)
        model = Model(name="m", layers=(source, pool))
        for run in (
            run_whole(model, (1,), {}, x),
            run_sliced(model, (1,), grid(3, 1, 3, 1), {}, x),
        ):
            np.testing.assert_array_equal(run.ravel(), expected)


def test_random_weights_are_whole_and_follow_the_seed():
    """Same seed, same weights; another seed, others; all whole numbers of the right shapes."""
    window = Window(kernel=(3, 2), padding=(1, 1, 1, 0), groups=2)
    conv = Layer(
        name="k", op="conv", inputs=("x",), output_shape=(4, 2, 2), output_bytes=8.0, window=window
    )
    model, layers = _stage(conv, _plain("n", "norm", ("k",), channels=4))
    first, again, other = (random_weights(model, layers, seed) for seed in (1, 1, 2))
    assert [a.shape for a in first["k"]] == [(4, 1, 3, 2), (4,)]
    assert [a.shape for a in first["n"]] == [(4,), (4,)]
    for name in ("k", "n"):
        np.testing.assert_array_equal(first[name][0], again[name][0])
        assert (first[name][0] == np.round(first[name][0])).all()
    assert (first["k"][0] != other["k"][0]).any()


def test_what_does_not_fit_is_named():
    """Wrong input, weights, channels and slices: ValueError with the figures."""
    model, layers = _stage(_plain("n", "norm", ("x",)))
    weights = random_weights(model, layers, 0)
    with pytest.raises(ValueError, match=r"x has shape \(1, 2, 2\), must be \[2, 2, 2\]"):
        run_whole(model, layers, weights, X[:1])
    with pytest.raises(ValueError, match=r"weights of layer n have shapes \[\]"):
        run_whole(model, layers, {}, X)
    with pytest.raises(ValueError, match="cover 2 of the 4 positions"):
        run_sliced(model, layers, [(0, 1, 0, 2)], weights, X)
    model, layers = _stage(_plain("a", "add", ("x", "x"), channels=3))
    with pytest.raises(ValueError, match=r"layer a has 3 channels, its inputs \[2, 2\]"):
        run_whole(model, layers, {}, X)
    model, layers = _stage(_plain("r", "activation", ("x", "x")))
    with pytest.raises(ValueError, match="layer r has 2 inputs, must have one"):
        run_whole(model, layers, {}, X)
    window = Window(kernel=(1, 1), groups=2)
    conv = Layer(
        name="k", op="conv", inputs=("x",), output_shape=(3, 2, 2), output_bytes=1.0, window=window
    )
    with pytest.raises(ValueError, match="3 channels of 2, which its 2 groups do not divide"):
        model, layers = _stage(conv)
        random_weights(model, layers, 0)
