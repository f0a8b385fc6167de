"""Reverse tile calculation, slices as rectangles, and which layers may form a stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitfog.formulations.tiles.grids import cover_defects, grid, parts, rectangles_of
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.stage_shape import (
    StageGeometry,
    geometry_of,
    stage_shape_defects,
    window_output,
)
from splitfog.instances import zoo
from splitfog.instances.records import Layer, Model, Window
from tests.cases.stages.random_stages import coverings, stages


def _layer(name, op, inputs, shape, window=None, weight_bytes=0.0, **rest):
    size = 1.0 if shape is None else float(np.prod(shape))
    return Layer(
        name=name,
        op=op,
        inputs=tuple(inputs),
        output_shape=shape,
        output_bytes=4 * size,
        window=window,
        weight_bytes=weight_bytes,
        **rest,
    )


def _model(*layers):
    return Model(name="m", layers=layers)


SAME = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
HALF = Window(kernel=(2, 2), stride=(2, 2))


def _conv_pool():
    """x 3 x 8 x 8 -> conv 3 x 3 (same size, 2 channels) -> max-pool 2 x 2 (4 x 4)."""
    return _model(
        _layer("x", "input", [], (3, 8, 8)),
        _layer("c", "conv", ["x"], (2, 8, 8), SAME, weight_bytes=100.0),
        _layer("p", "max-pool", ["c"], (2, 4, 4), HALF),
    )


def test_regions_of_a_conv_and_a_pool():
    """Two halves of a pool's 4 rows need conv rows 0-3 and 4-7, so input rows 0-4 and 3-7.

    Pool: rows [0, 2) -> [0 x 2, 1 x 2 + 2) = [0, 4). Conv: [0, 4) -> [-1, 3 - 1 + 3) = [-1, 5),
    clipped to [0, 5). The other half: [2, 4) -> [4, 8) -> [3, 9), clipped to [3, 8).
    """
    tiles = regions(StageGeometry.of(_conv_pool(), (1, 2)), [(0, 2, 0, 4), (2, 4, 0, 4)])
    assert tiles.layers.tolist() == [
        [[0, 4, 0, 8], [4, 8, 0, 8]],
        [[0, 2, 0, 4], [2, 4, 0, 4]],
    ]
    assert tiles.input.tolist() == [[0, 5, 0, 8], [3, 8, 0, 8]]


def test_counts_of_a_conv_and_a_pool():
    """Elements, shares, overlap, bytes and halo of the halves above.

    Each half computes 4 x 8 x 2 = 64 conv elements and 2 x 4 x 2 = 16 pool elements, reads
    5 x 8 of 8 x 8 positions of 768 bytes = 480 and owns half of 128 bytes. Rows 3 and 4 of the
    input go out twice: 2 x 8 / 64 x 768 = 192 bytes. Nothing is computed twice.
    """
    tiles = regions(StageGeometry.of(_conv_pool(), (1, 2)), [(0, 2, 0, 4), (2, 4, 0, 4)])
    assert tiles.elements.tolist() == [[64, 64], [16, 16]]
    assert tiles.shares.tolist() == [[0.5, 0.5], [0.5, 0.5], [0.625, 0.625]]
    assert tiles.overlap.tolist() == [0, 0]
    assert tiles.input_bytes.tolist() == [480, 480]
    assert tiles.output_bytes.tolist() == [64, 64]
    assert tiles.halo_bytes == 192


def test_peak_memory_follows_the_tensors_alive():
    """Half of the stage above: input 480 + conv 256 is more than conv 256 + pool 64; + weights.

    Computing the conv: 480 + 4 x 8 x 2 x 4 bytes = 736. Then the input is freed: 256 + 64. The
    conv's 100 bytes of weights stay: 836.
    """
    tiles = regions(StageGeometry.of(_conv_pool(), (1, 2)), [(0, 2, 0, 4)])
    assert tiles.peak_memory_bytes.tolist() == [836]


def test_peak_memory_keeps_what_is_read_later():
    """x (32 bytes) is read by a and by the add after it: alive are x, a and the sum, 96 bytes."""
    model = _model(
        _layer("x", "input", [], (2, 2, 2)),
        _layer("a", "activation", ["x"], (2, 2, 2)),
        _layer("s", "add", ["x", "a"], (2, 2, 2)),
    )
    tiles = regions(StageGeometry.of(model, (1, 2)), [(0, 2, 0, 2)])
    assert tiles.peak_memory_bytes.tolist() == [96]


def test_overlap_counts_what_is_computed_again():
    """Two conv 3 x 3 in a row on 8 x 8, halves: the first conv's rows 3 and 4 are computed twice.

    Rows [0, 4) need rows [0, 5) of the first conv, rows [4, 8) need [3, 8): 2 rows x 8 columns x
    2 channels = 32 elements again, and input rows [0, 6) and [2, 8): 4 x 8 of 64 positions.
    """
    model = _model(
        _layer("x", "input", [], (2, 8, 8)),
        _layer("a", "conv", ["x"], (2, 8, 8), SAME),
        _layer("b", "conv", ["a"], (2, 8, 8), SAME),
    )
    tiles = regions(StageGeometry.of(model, (1, 2)), [(0, 4, 0, 8), (4, 8, 0, 8)])
    assert tiles.overlap.tolist() == [32, 0]
    assert tiles.halo_bytes == 0.5 * 2 * 8 * 8 * 4


def test_formula_with_stride_dilation_and_asymmetric_padding():
    """F = 3, S = 2, D = 2, P = 1 above: rows [1, 3) need [1 x 2 - 1, 2 x 2 - 1 + 4 + 1) = [1, 8).

    Clipped to 7 rows: [1, 7). Columns have kernel 2, no padding, stride 1: [1, 2) need [1, 3).
    """
    window = Window(kernel=(3, 2), stride=(2, 1), dilation=(2, 1), padding=(1, 0, 2, 0))
    assert window_output(window, 7, 4) == (3, 3)  # (7 + 3 - 4 - 1) // 2 + 1; 4 - 1
    model = _model(
        _layer("x", "input", [], (1, 7, 4)), _layer("c", "conv", ["x"], (1, 3, 3), window)
    )
    tiles = regions(StageGeometry.of(model, (1,)), [(1, 3, 1, 2)])
    assert tiles.input.tolist() == [[1, 7, 1, 3]]


def test_a_tensor_with_several_readers_needs_the_bounding_box():
    """add(x, conv(x)): pixel (2, 2) needs x there and x in rows and columns 1 to 3: [1, 4)."""
    model = _model(
        _layer("x", "input", [], (1, 5, 5)),
        _layer("c", "conv", ["x"], (1, 5, 5), SAME),
        _layer("s", "add", ["x", "c"], (1, 5, 5)),
    )
    tiles = regions(StageGeometry.of(model, (1, 2)), [(2, 3, 2, 3)])
    assert tiles.layers.tolist() == [[[2, 3, 2, 3]], [[2, 3, 2, 3]]]
    assert tiles.input.tolist() == [[1, 4, 1, 4]]


def test_an_empty_need_is_ignored_in_boxes():
    """A 1 x 1 conv with padding 1 sees only padding at its corner: it reads an empty rectangle.

    Beside it a pool of kernel 3, stride 1 on the 5 x 5 input with padding 2 makes 7 x 7 too; its
    corner reads [-2, 1), clipped to [0, 1): the box is this alone.
    """
    model = _model(
        _layer("x", "input", [], (1, 5, 5)),
        _layer("e", "conv", ["x"], (1, 7, 7), Window(kernel=(1, 1), padding=(1, 1, 1, 1))),
        _layer("p", "max-pool", ["x"], (1, 7, 7), Window(kernel=(3, 3), padding=(2, 2, 2, 2))),
        _layer("s", "concat", ["e", "p"], (2, 7, 7)),
    )
    alone = regions(StageGeometry.of(_model(*model.layers[:2]), (1,)), [(0, 1, 3, 4), (1, 2, 3, 4)])
    assert alone.input.tolist() == [[0, 0, 0, 0], [0, 1, 2, 3]]
    assert alone.input_bytes.tolist() == [0, 4]
    both = regions(StageGeometry.of(model, (1, 2, 3)), [(0, 1, 0, 1), (6, 7, 6, 7)])
    assert both.input.tolist() == [[0, 1, 0, 1], [4, 5, 4, 5]]


def test_empty_rectangles_stay_empty():
    """A slice that owns nothing computes and reads nothing, beside others that do."""
    tiles = regions(StageGeometry.of(_conv_pool(), (1, 2)), [(2, 2, 0, 4), (0, 2, 0, 4)])
    assert not tiles.boxes[:, 0].any()
    assert tiles.peak_memory_bytes.tolist() == [100, 836]
    assert tiles.input[1].tolist() == [0, 5, 0, 8]


MARGIN = 20  # more than any window of the random stages reaches beyond a map


def _brute_boxes(model, layers, rectangle):
    """The same rectangles, found by marking every output pixel's window on a map with a margin."""
    needs = {layers[-1]: _filled(model.layers[layers[-1]], rectangle)}
    for position in reversed(layers):
        layer = model.layers[position]
        needs[position] = _filled(layer, _box(needs[position]))
        for tensor in model.inputs[position]:
            source = model.layers[tensor]
            height, width = source.output_shape[1:]
            marked = np.zeros((height + 2 * MARGIN, width + 2 * MARGIN), bool)
            for row, column in np.argwhere(needs[position]):
                for r, c in _window_pixels(layer.window, row, column):
                    marked[r + MARGIN, c + MARGIN] = True
            r0, r1, c0, c1 = (border - MARGIN for border in _box(marked))
            clipped = (max(r0, 0), max(r1, 0), max(c0, 0), max(c1, 0))
            seen = needs.setdefault(tensor, np.zeros((height, width), bool))
            seen |= _filled(source, clipped if marked.any() else (0, 0, 0, 0))
    return {tensor: list(_box(need)) for tensor, need in needs.items()}


def _window_pixels(window, row, column):
    """Positions from the first to the last tap of an output pixel's window, padding included."""
    if window is None:
        return [(row, column)]
    (down, across), (dy, dx) = window.kernel, window.dilation
    top = row * window.stride[0] - window.padding[0]
    left = column * window.stride[1] - window.padding[1]
    rows, columns = range((down - 1) * dy + 1), range((across - 1) * dx + 1)
    return [(top + i, left + j) for i in rows for j in columns]


def _box(need):
    if not need.any():
        return 0, 0, 0, 0
    (rows,), (columns,) = np.nonzero(need.any(axis=1)), np.nonzero(need.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _filled(layer, rectangle):
    filled = np.zeros(layer.output_shape[1:], bool)
    r0, r1, c0, c1 = rectangle
    filled[r0:r1, c0:c1] = True
    return filled


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_regions_equal_marking_pixels(data):
    """Random DAGs: every rectangle is the box of the pixels marked one window at a time."""
    model, layers = data.draw(stages(max_blocks=3))
    geometry = geometry_of(model, layers)
    rectangles = data.draw(coverings(geometry.height, geometry.width))
    boxes = regions(geometry, rectangles).boxes
    for tile, rectangle in enumerate(rectangles[:4]):
        brute = _brute_boxes(model, geometry.layers, rectangle)
        for slot, tensor in enumerate((*geometry.layers, geometry.source)):
            assert boxes[slot, tile].tolist() == brute[tensor]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_tiles_do_not_depend_on_each_other(data):
    """All slices at once give what each gives alone, and larger slices need no less."""
    model, layers = data.draw(stages())
    geometry = geometry_of(model, layers)
    rectangles = data.draw(coverings(geometry.height, geometry.width))
    together = regions(geometry, rectangles)
    whole = regions(geometry, [(0, geometry.height, 0, geometry.width)])
    for tile, rectangle in enumerate(rectangles):
        alone = regions(geometry, [rectangle])
        np.testing.assert_array_equal(together.boxes[:, tile], alone.boxes[:, 0])
        np.testing.assert_array_less(alone.areas[:, 0], whole.areas[:, 0] + 1)
    # The slices compute, all in all, everything that one slice of the whole output computes.
    again = together.elements.sum(axis=1) - together.overlap
    assert (again <= whole.elements[:, 0]).all()


def test_rectangles_outside_the_output_are_named():
    """Beyond the map, reversed, fractional or of the wrong shape: ValueError with the rectangle."""
    geometry = StageGeometry.of(_conv_pool(), (1, 2))
    for wrong in [(0, 5, 0, 4), (-1, 2, 0, 4), (3, 2, 0, 4)]:
        with pytest.raises(ValueError, match=r"rectangles\[1\] = .* must be \(r0, r1, c0, c1\)"):
            regions(geometry, [(0, 4, 0, 4), wrong])
    shapes: list[Any] = [[(0, 2, 0)], [(0.0, 2.0, 0.0, 2.0)], (0, 2, 0, 2)]
    for shapeless in shapes:
        with pytest.raises(ValueError, match="must be whole numbers"):
            regions(geometry, shapeless)


def test_no_slices_make_no_rectangles():
    """Zero slices: arrays with zero tiles."""
    tiles = regions(StageGeometry.of(_conv_pool(), (1, 2)), np.zeros((0, 4), int))
    assert tiles.boxes.shape == (3, 0, 4)
    assert tiles.peak_memory_bytes.shape == (0,)


@given(st.integers(0, 40), st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any))
def test_parts_keep_to_their_quotas(length, shares):
    """Parts follow each other, fill the length, and are their quota rounded down or up."""
    ranges = parts(length, shares)
    assert ranges[0, 0] == 0
    assert ranges[-1, 1] == length
    np.testing.assert_array_equal(ranges[1:, 0], ranges[:-1, 1])
    quotas = length * np.array(shares) / sum(shares)
    sizes = ranges[:, 1] - ranges[:, 0]
    assert (np.abs(sizes - quotas) < 1).all()


def test_parts_by_largest_remainder():
    """10 rows by 5 : 3 : 1 have quotas 5.56, 3.33, 1.11: the row left goes to the first.

    7 rows by equal shares: 3.5 each, the tie goes to the earlier; of 59 by 40 shares, the first
    19 get two. A share of 0 owns nothing.
    """
    many = parts(59, [1.0] * 40)
    assert (many[:, 1] - many[:, 0]).tolist() == [2] * 19 + [1] * 21
    assert parts(10, [5, 3, 1]).tolist() == [[0, 6], [6, 9], [9, 10]]
    assert parts(7, [1.0, 1.0]).tolist() == [[0, 4], [4, 7]]
    assert parts(4, [1, 0, 1]).tolist() == [[0, 2], [2, 2], [2, 4]]


def test_shares_must_be_shares():
    """Negative, infinite, all zero, none: ValueError."""
    for wrong in ([1.0, -1.0], [np.inf, 1.0], [0.0, 0.0], []):
        with pytest.raises(ValueError, match="share"):
            parts(5, wrong)


def test_equal_grid_by_rows():
    """A 3 x 5 map in 2 x 2: rows 2 + 1, columns 3 + 2, listed row by row."""
    assert grid(3, 5, 2, 2).tolist() == [[0, 2, 0, 3], [0, 2, 3, 5], [2, 3, 0, 3], [2, 3, 3, 5]]


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_grids_cover_the_map_once(height, width, data):
    """Every grid up to the map's size covers it, and its sides differ by at most one."""
    rows, columns = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    rectangles = grid(height, width, rows, columns)
    assert cover_defects(height, width, rectangles.tolist()) == []
    sides = rectangles[:, 1::2] - rectangles[:, ::2]
    assert (np.ptp(sides, axis=0) <= 1).all()


def test_a_grid_finer_than_the_map_is_refused():
    """5 rows of a map with 4, or none at all: ValueError that names both."""
    for rows, columns in [(5, 1), (0, 1), (1, 5)]:
        with pytest.raises(ValueError, match=f"grid of {rows} x {columns}, must be .* to 4 x 4"):
            grid(4, 4, rows, columns)


@settings(max_examples=200)
@given(st.data())
def test_covering_once_is_recognised(data):
    """A covering, perhaps with one rectangle changed: no defect iff every pixel counts 1."""
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    rectangles = list(data.draw(coverings(height, width)))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(rectangles) - 1))
        rectangles[at] = tuple(data.draw(st.integers(-1, 7)) for _ in range(4))
    if data.draw(st.booleans()):
        rectangles.pop()
    times = np.zeros((20, 20), int)
    for r0, r1, c0, c1 in rectangles:
        times[r0 + 5 : r1 + 5, c0 + 5 : c1 + 5] += 1
    wanted = np.zeros_like(times)
    wanted[5 : 5 + height, 5 : 5 + width] = 1
    no_empty = all(r0 < r1 and c0 < c1 for r0, r1, c0, c1 in rectangles)
    right = no_empty and bool((times == wanted).all())
    assert (cover_defects(height, width, rectangles) == []) == right


def test_cover_defects_name_the_slices():
    """Empty, outside, overlapping and incomplete slices, each in a sentence."""
    assert cover_defects(4, 4, [(0, 4, 0, 4), (2, 2, 0, 4)]) == [
        "slice 1 is empty (rows [2, 2), columns [0, 4))"
    ]
    assert cover_defects(4, 4, [(0, 5, 0, 4)]) == [
        "slice 0 (rows [0, 5), columns [0, 4)) leaves the stage's output of 4 x 4"
    ]
    assert cover_defects(4, 4, [(0, 3, 0, 4), (2, 4, 0, 4)]) == ["slices 0 and 1 overlap"]
    assert cover_defects(4, 4, [(0, 2, 0, 4)]) == [
        "the slices cover 8 of the 16 positions of the stage's output of 4 x 4"
    ]
    assert cover_defects(4, 4, []) == [
        "the slices cover 0 of the 16 positions of the stage's output of 4 x 4"
    ]


def test_rows_cross_columns():
    """Two row ranges and one column range: two rectangles."""
    rows, columns = parts(4, [1, 1]), parts(3, [1])
    assert rectangles_of(rows, columns).tolist() == [[0, 2, 0, 3], [2, 4, 0, 3]]


def test_window_sizes():
    """AlexNet's first layer, its pool, `ceil`, and a last window dropped with `ceil`.

    (224 + 4 - 11) / 4 = 54.25 -> 55. (55 - 3) / 2 = 26 -> 27. (112 - 3) / 2 = 54.5 -> ceil 55,
    + 1 = 56. Kernel 1, stride 2 on 2: ceil(1 / 2) + 1 = 2, but the second would start at 2: 1.
    """
    first = Window(kernel=(11, 11), stride=(4, 4), padding=(2, 2, 2, 2))
    assert window_output(first, 224, 224) == (55, 55)
    pool = Window(kernel=(3, 3), stride=(2, 2))
    assert window_output(pool, 55, 55) == (27, 27)
    assert window_output(Window(kernel=(3, 3), stride=(2, 2), ceil=True), 112, 111) == (56, 55)
    assert window_output(Window(kernel=(1, 1), stride=(2, 2), ceil=True), 2, 3) == (1, 2)


@pytest.mark.parametrize("name", ["vgg-16", "resnet-18", "googlenet", "nin", "tiny-yolov2"])
def test_zoo_networks_are_sliceable_up_to_their_head(name):
    """All spatial layers of a network, from the image to the head, form one stage.

    The head begins at the first layer whose op is not spatial (input aside).
    """
    model = zoo.build(name)
    spatial = {"conv", "max-pool", "average-pool", "norm", "activation", "add", "concat"}
    layers = []
    for layer in model.order.tolist()[1:]:
        if model.layers[layer].op not in spatial:
            break
        layers.append(layer)
    assert len(layers) > 15
    geometry = StageGeometry.of(model, layers)
    whole = regions(geometry, grid(geometry.height, geometry.width, 1, 1))
    assert whole.boxes.shape == (len(layers) + 1, 1, 4)


def test_geometry_takes_layers_in_any_order():
    """Stage layers given backwards, in a file that lists them backwards."""
    model = _model(*reversed(_conv_pool().layers))
    geometry = geometry_of(model, (0, 1))
    assert geometry.layers == (1, 0)
    assert (geometry.source, geometry.output) == (2, 0)
    assert (geometry.height, geometry.width, geometry.weight_bytes) == (4, 4, 100.0)
    assert geometry_of(model, (0, 1)) is geometry


MAP = (2, 4, 4)
X = _layer("x", "input", [], MAP)


def _relu(name, *inputs, **rest):
    return _layer(name, "activation", inputs, MAP, **rest)


@pytest.mark.parametrize(
    ("layers", "stage", "sentence"),
    [
        ([X], (), "the stage has no layers"),
        ([X, _relu("a", "x")], (1, 1), "layer a stands twice"),
        ([X, _relu("a", "x")], (0, 1), "layer x has op input, which cannot be sliced"),
        (
            [X, _layer("f", "flatten", ["x"], (32,))],
            (1,),
            "layer f has op flatten, which cannot be sliced",
        ),
        (
            [X, _relu("a", "x"), _layer("b", "add", ["a", "x"], MAP), _relu("c", "b")],
            (2, 3),
            "the stage must read one tensor from outside, but reads x, a",
        ),
        (
            [X, _layer("a", "activation", [], MAP)],
            (1,),
            "the stage must read one tensor from outside, but reads none",
        ),
        ([X, _layer("a", "activation", [], MAP)], (1,), "layer a has no inputs"),
        (
            [X, _relu("a", "x"), _relu("b", "a"), _relu("c", "a")],
            (1, 2),
            "one tensor of the stage may be read outside or be a result, but a, b are",
        ),
        (
            [X, _relu("a", "x", result=True), _relu("b", "a")],
            (1, 2),
            "one tensor of the stage may be read outside or be a result, but a, b are",
        ),
        (
            [X, _relu("a", "x"), _relu("o", "a"), _layer("b", "add", ["a", "o"], MAP)],
            (1, 3),
            "the stage is not convex: a path leaves it and returns by o",
        ),
        (
            [_layer("x", "input", [], (32,)), _relu("a", "x")],
            (1,),
            "tensor x, read from outside, has output_shape = [32], must be [C, H, W]",
        ),
        (
            [X, _layer("a", "activation", ["x"], None)],
            (1,),
            "layer a has output_shape = null, must be [C, H, W]",
        ),
        ([X, _layer("k", "conv", ["x"], MAP)], (1,), "layer k has op conv and no window"),
        (
            [X, _layer("k", "max-pool", ["x"], MAP)],
            (1,),
            "layer k has op max-pool and no window",
        ),
        (
            [X, _layer("a", "add", ["x"], MAP, SAME)],
            (1,),
            "layer a has op add, which has no window, but one is given",
        ),
        (
            [X, _layer("k", "conv", ["x", "x"], MAP, SAME)],
            (1,),
            "layer k has op conv and 2 inputs, must have one",
        ),
        (
            [X, _layer("k", "conv", ["x"], (2, 3, 4), SAME)],
            (1,),
            "layer k has output_shape = [2, 3, 4], but of its input x, 4 x 4, it makes 4 x 4",
        ),
        (
            [X, _layer("a", "activation", ["x"], (2, 4, 1))],
            (1,),
            "layer a has output_shape = [2, 4, 1], but of its input x, 4 x 4, it makes 4 x 4",
        ),
    ],
)
def test_what_is_no_stage_is_named(layers, stage, sentence):
    """One defect each; building the geometry then raises with the same words."""
    model = _model(*layers)
    assert sentence in stage_shape_defects(model, stage)
    with pytest.raises(ValueError, match="no stage: "):
        StageGeometry.of(model, stage)


def test_others_may_read_the_stage_and_its_input():
    """Outside readers of the input and of the output tensor do not hinder a stage."""
    layers = [X, _relu("side", "x"), _relu("a", "x"), _relu("b", "a"), _relu("after", "b")]
    assert stage_shape_defects(_model(*layers), (2, 3)) == []


@settings(max_examples=40, deadline=None)
@given(stages())
def test_random_stages_are_stages(drawn):
    """The strategy's stages have no defects (else the other properties would be empty)."""
    assert stage_shape_defects(*drawn) == []
