"""Slices of real models: geometry and rounding are told apart by weights that are whole numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnx import helper

from splitfog.deployment.models.operators import attribute
from splitfog.deployment.splitting.check import check_split
from splitfog.deployment.splitting.manifest import Manifest, load_manifest, save_manifest
from splitfog.deployment.splitting.split import Split, split
from splitfog.deployment.splitting.stage_check import stage_differences
from splitfog.formulations.costs.stages import stage_work
from splitfog.formulations.plan import decision_of
from splitfog.instances.defects import InstanceError
from splitfog.instances.records import changed
from tests.cases.onnx_models import Kind, graph_model, normal
from tests.cases.real.tiles import (
    BLOCKS,
    check_tiles,
    grid_of,
    imported_block,
    inception,
    output_size,
    pinwheel,
    stage_layers,
    stage_plan,
    uneven,
    vgg,
    whole_numbers,
    windowed,
)

ROUNDED_AS_BEFORE_22 = {5, 17}
"""Seeds whose rounded-up window starts in the padding: the layer's rule drops it, which ONNX does
from operator set 22 on, so such a layer is in no stage."""


def parts_of(done: Split) -> dict[str, Any]:
    """The graph of every part, by its name."""
    return {x.name: onnx.load(done.folder / x.file).graph for x in done.manifest.parts}


def slices_of(manifest: Manifest) -> list[str]:
    """Names of the parts that are slices."""
    return [part.name for part in manifest.parts if part.slice is not None]


def operators(graph: Any, op: str) -> list[Any]:
    """The nodes of a kind."""
    return [node for node in graph.node if node.op_type == op]


@pytest.mark.parametrize("seed", [seed for seed in range(36) if seed not in ROUNDED_AS_BEFORE_22])
def test_a_windowed_operator_is_exact_in_slices(seed: int, tmp_path: Path) -> None:
    """Any kernel, stride, dilation, pads, rounding and divisor.

    A 2 x 2 grid, and rows and columns cut at random; benchmarks.real_models.split_tiles tries more.
    """
    case = imported_block(windowed(seed), tmp_path / "model")
    size = output_size(case)
    for tiles in (grid_of(*size, 2, 2), uneven(*size, seed)):
        _, found = check_tiles(case, tiles, tmp_path / "parts")
        assert found.exact, found
        assert found.passed, found


def test_a_stage_may_read_a_later_output_of_an_operator(tmp_path: Path) -> None:
    """Of a Split of which both outputs are read: the stage's input is the second."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Split", ["x"], ["a", "b"], name="split", axis=1, num_outputs=2),
        helper.make_node("Conv", ["b", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Concat", ["a", "c"], ["y"], name="beside", axis=1),
    ]
    weights = {"w": whole_numbers(rng, 4, 3, 3, 3)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (1, 6, 11, 13))}, {"y": Kind.FLOAT}, weights)
    case = imported_block(model, tmp_path / "model")
    plan = stage_plan(case, ["conv"], grid_of(11, 13, 2, 2))
    done = split(case, plan, tmp_path / "parts")
    assert len(slices_of(done.manifest)) == 4
    found = check_split(done.folder, inputs=1, whole_numbers=True)
    assert found.exact
    assert found.passed


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_exact_in_slices(name: str, tmp_path: Path) -> None:
    """Chains, shortcuts, branches and depthwise layers, at 2 x 2, 3 x 1, uneven, around a fifth."""
    case = imported_block(BLOCKS[name](0), tmp_path / "model")
    size = output_size(case)
    cuts = (grid_of(*size, 2, 2), grid_of(*size, 3, 1), uneven(*size, 1), pinwheel(*size))
    for tiles in cuts:
        done, found = check_tiles(case, tiles, tmp_path / "parts")
        assert found.exact, found
        assert found.passed, found
        # what cuts, the slices, what joins; and the Flatten at the end
        assert len(done.manifest.parts) == len(tiles) + 3


def test_real_weights_may_differ_by_rounding(tmp_path: Path) -> None:
    """Within 1e-5 of the largest value: convolutions add in an order that depends on the size."""
    model = vgg()
    for number, tensor in enumerate(model.graph.initializer):
        if tensor.name.endswith(".w"):
            values = normal(*tensor.dims, seed=number)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    case = imported_block(model, tmp_path / "model")
    plan = stage_plan(case, stage_layers(case), uneven(*output_size(case), 2))
    split(case, plan, tmp_path / "parts")
    found = check_split(tmp_path / "parts")
    assert found.passed
    assert found.stages == {0: 0.0}
    assert all(difference < 1e-3 for difference in found.differences.values())


def test_a_wrong_cut_shows_on_whole_numbers(tmp_path: Path) -> None:
    """The pads of one slice a row lower: what real weights hide as little shows as a whole number.

    (Its file's new hash is put into the manifest, as if it had been written so.)
    """
    case = imported_block(vgg(), tmp_path / "model")
    done, found = check_tiles(case, grid_of(*output_size(case), 2, 2), tmp_path / "parts")
    assert found.stages == {0: 0.0}
    position = next(i for i, x in enumerate(done.manifest.parts) if x.slice is not None)
    part = done.manifest.parts[position]
    model = onnx.load(done.folder / part.file)
    (pads,) = [x for x in operators(model.graph, "Conv")[0].attribute if x.name == "pads"]
    top, left, bottom, right = pads.ints
    pads.ints[:] = [top - 1, left, bottom + 1, right]
    content = model.SerializeToString()
    (done.folder / part.file).write_bytes(content)
    parts = list(done.manifest.parts)
    parts[position] = changed(part, sha256=hashlib.sha256(content).hexdigest())
    save_manifest(changed(done.manifest, parts=tuple(parts)), done.folder / "manifest.json")
    assert (stage_differences(done.folder, load_manifest(done.folder))[0] or 0) >= 1


def test_pads_stand_at_true_borders_only(tmp_path: Path) -> None:
    """Of three slices below each other the middle one's convolution pads left and right alone."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], name="c", auto_pad="SAME_UPPER"),
        helper.make_node("Flatten", ["y"], ["z"]),
    ]
    weights = {"w": whole_numbers(rng, 2, 3, 3, 5)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (1, 3, 9, 9))}, {"z": Kind.FLOAT}, weights)
    case = imported_block(model, tmp_path / "model")
    done, _ = check_tiles(case, grid_of(9, 9, 3, 1), tmp_path / "parts")
    graphs = parts_of(done)
    convs = [operators(graphs[name], "Conv")[0] for name in slices_of(done.manifest)]
    pads = [list(attribute(conv, "pads")) for conv in convs]
    assert pads == [[1, 2, 0, 2], [0, 2, 0, 2], [0, 2, 1, 2]]
    assert all(attribute(conv, "auto_pad") is None for conv in convs)


def cuts_in_slices(done: Split) -> int:
    """How many `Slice` operators the slices have."""
    graphs = parts_of(done)
    return sum(len(operators(graphs[name], "Slice")) for name in slices_of(done.manifest))


def test_a_tensor_is_cut_down_only_for_readers_that_need_less(tmp_path: Path) -> None:
    """Never in a chain; before the 1 x 1 convolutions beside a 3 x 3 one of the same tensor."""
    for make, some in ((vgg, False), (inception, True)):
        case = imported_block(make(0), tmp_path / "model")
        done, _ = check_tiles(case, grid_of(*output_size(case), 2, 2), tmp_path / "parts")
        assert bool(cuts_in_slices(done)) == some


def spatial(opset: int) -> Any:
    """A map with a constant map added, rows of it multiplied and channels put beside it."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Add", ["x", "map"], ["a"], name="map"),
        helper.make_node("Mul", ["a", "rows"], ["m"], name="rows"),
        helper.make_node("Add", ["m", "channels"], ["c"], name="channels"),
        helper.make_node("Concat", ["c", "beside"], ["y"], name="beside", axis=1),
        helper.make_node("Flatten", ["y"], ["z"], name="flat"),
    ]
    weights = {
        "map": whole_numbers(rng, 1, 1, 8, 6),
        "rows": whole_numbers(rng, 8, 1),
        "channels": whole_numbers(rng, 1, 3, 1, 1),
        "beside": whole_numbers(rng, 1, 2, 8, 6),
    }
    inputs = {"x": (Kind.FLOAT, (1, 3, 8, 6))}
    return graph_model(nodes, inputs, {"z": Kind.FLOAT}, weights, opset)


@pytest.mark.parametrize("opset", [9, 21])
def test_constants_along_the_map_are_cut_with_it(opset: int, tmp_path: Path) -> None:
    """Half the rows and half the columns of each, where it has any; the channels' stays whole."""
    case = imported_block(spatial(opset), tmp_path / "model")
    done, found = check_tiles(case, grid_of(8, 6, 2, 2), tmp_path / "parts")
    assert found.exact
    assert found.passed
    graph = parts_of(done)[slices_of(done.manifest)[0]]
    sizes = sorted(list(tensor.dims) for tensor in graph.initializer)
    assert sizes == [[1, 1, 4, 3], [1, 2, 4, 3], [1, 3, 1, 1], [4, 1]]


def test_what_a_norm_holds_of_each_channel_stays_whole(tmp_path: Path) -> None:
    """Six channels on a map of six columns: the scales are no row of it."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="relu"),
        helper.make_node("BatchNormalization", ["r", "s", "b", "m", "v"], ["n"], epsilon=0.0),
        helper.make_node("LRN", ["n"], ["y"], size=3, name="local"),
        helper.make_node("Flatten", ["y"], ["z"], name="flat"),
    ]
    weights = {name: whole_numbers(rng, 6) for name in ("s", "b", "m")}
    weights["v"] = np.full(6, 16.0, np.float32)
    model = graph_model(nodes, {"x": (Kind.FLOAT, (1, 6, 5, 6))}, {"z": Kind.FLOAT}, weights)
    case = imported_block(model, tmp_path / "model")
    done, found = check_tiles(case, grid_of(5, 6, 2, 2), tmp_path / "parts")
    assert found.exact
    assert found.passed
    graph = parts_of(done)[slices_of(done.manifest)[0]]
    assert [list(tensor.dims) for tensor in graph.initializer] == [[6]] * 4


def test_before_operator_set_10_borders_are_attributes(tmp_path: Path) -> None:
    """`Slice` has no inputs for them yet, and ONNX Runtime refuses what it does not know."""
    case = imported_block(spatial(9), tmp_path / "model")
    done, _ = check_tiles(case, grid_of(8, 6, 2, 2), tmp_path / "parts")
    cut = [graph for graph in parts_of(done).values() if operators(graph, "Slice")]
    assert len(cut) == 1
    assert all(len(node.input) == 1 for node in operators(cut[0], "Slice"))


def test_a_slice_of_padding_alone_reads_nothing(tmp_path: Path) -> None:
    """Pads of 4 around a kernel of 3: the first two rows of the output see no value at all."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["y"], name="c", pads=[4, 0, 0, 0]),
        helper.make_node("Flatten", ["y"], ["z"]),
    ]
    weights = {"w": whole_numbers(rng, 2, 3, 3, 3), "b": whole_numbers(rng, 2)}
    model = graph_model(nodes, {"x": (Kind.FLOAT, (1, 3, 6, 6))}, {"z": Kind.FLOAT}, weights)
    case = imported_block(model, tmp_path / "model")
    done, found = check_tiles(case, [(0, 2, 0, 4), (2, 8, 0, 4)], tmp_path / "parts")
    assert found.exact
    first = next(part for part in done.manifest.parts if part.slice is not None)
    assert first.inputs == ()


def test_the_manifest_says_what_slices_are(tmp_path: Path) -> None:
    """Rectangles, bytes and seconds of the plan's cost, and a join at the home."""
    case = imported_block(vgg(), tmp_path / "model")
    tiles = grid_of(*output_size(case), 2, 1)
    plan = stage_plan(case, stage_layers(case), tiles)
    done = split(case, plan, tmp_path / "parts")
    manifest = done.manifest
    (task,) = case.tasks
    (stage,) = decision_of(case, plan).tasks[0].stages
    work = stage_work(case, task, stage)
    parts = [part for part in manifest.parts if part.slice is not None]
    assert [part.node for part in parts] == ["box", "server"]
    assert [part.predicted_s for part in parts] == work.service_s.tolist()
    for index, part in enumerate(parts):
        assert part.slice is not None
        assert (part.slice.stage, part.slice.index) == (0, index)
        assert (*part.slice.rows, *part.slice.columns) == tiles[index]
        (given,), (made,) = map(manifest.tensor, part.inputs), map(manifest.tensor, part.outputs)
        assert given.bytes == pytest.approx(work.input_bytes[index])
        assert made.bytes == pytest.approx(work.output_bytes[index])
        assert made.region == tiles[index]
    # 22 rows are halved by the pool: 5 of 11 are rows 0 to 10, and two rows more through each
    # convolution below
    first = manifest.tensor(parts[0].inputs[0])
    assert first.region == (0, 2 * tiles[0][1] + 2, 0, 26)
    assert (first.maker or "").endswith("-box")
    cut, join = manifest.parts[0], manifest.parts[3]
    assert (cut.node, cut.layers, join.node, join.layers) == ("box", (), "box", ())
    assert manifest.predicted.period_s is None


def quantised() -> Any:
    """Two convolutions of bytes around a pooling; 120 stands for zero, in their padding too."""
    rng = np.random.default_rng(0)
    scales = ["s", "z", "w", "ws", "wz", "s", "z"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="q"),
        helper.make_node("QLinearConv", ["q", *scales], ["a"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["a"], ["p"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("QLinearConv", ["p", *scales], ["b"], name="second", pads=[1, 1, 1, 1]),
        helper.make_node("DequantizeLinear", ["b", "s", "z"], ["d"], name="d"),
    ]
    weights: dict[str, np.ndarray] = {
        "s": np.full((), 0.1, np.float32),
        "z": np.array(120, np.uint8),
        "ws": np.full((), 0.05, np.float32),
        "wz": np.array(0, np.int8),
        "w": rng.integers(-20, 20, (3, 3, 3, 3)).astype(np.int8),
    }
    return graph_model(nodes, {"x": (Kind.FLOAT, (1, 3, 9, 8))}, {"d": Kind.FLOAT}, weights, 13)


def test_quantised_layers_are_exact_in_slices(tmp_path: Path) -> None:
    """Their sums are whole numbers already, whatever the inputs."""
    case = imported_block(quantised(), tmp_path / "model")
    names = [layer.name for layer in case.models[0].layers[2:5]]
    split(case, stage_plan(case, names, grid_of(9, 8, 2, 2)), tmp_path / "parts")
    found = check_split(tmp_path / "parts")
    assert found.exact
    assert found.passed
    assert found.stages == {0: 0.0}


def three_dimensional() -> Any:
    """Elementwise operators on [1, 4, 6]: as if one channel of 4 x 6."""
    nodes: Sequence[Any] = [
        helper.make_node("Relu", ["x"], ["a"], name="a"),
        helper.make_node("Exp", ["a"], ["b"], name="b"),
        helper.make_node("Flatten", ["b"], ["c"], name="c"),
    ]
    return graph_model(nodes, {"x": (Kind.FLOAT, (1, 4, 6))}, {"c": Kind.FLOAT})


def test_what_is_no_map_in_the_model_is_refused(tmp_path: Path) -> None:
    """Its rows may be what a norm calls channels."""
    case = imported_block(three_dimensional(), tmp_path / "model")
    plan = stage_plan(case, ["a", "b"], grid_of(4, 6, 2, 1))
    with pytest.raises(InstanceError, match=r"layer a has output_shape = \[4, 6\], must be \[C, H"):
        split(case, plan, tmp_path / "parts")
