"""The zoo: published figures, shapes, and what every layer carries."""

from __future__ import annotations

from math import prod

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from splitfog.instances import zoo
from splitfog.instances.records import Model, Window
from splitfog.instances.zoo.builder import Builder, window_output

# network, input, parameters, MAC: the figures of the usual definitions
FIGURES = [
    ("alexnet", 224, 61_100_840, 714_188_480),
    ("vgg-16", 224, 138_357_544, 15_470_264_320),
    ("resnet-18", 224, 11_689_512, 1_814_073_344),
    ("resnet-34", 224, 21_797_672, 3_663_761_408),
    ("resnet-50", 224, 25_557_032, 4_089_184_256),
    ("mobilenet-v2", 224, 3_504_872, 300_774_272),
    ("squeezenet-1.0", 224, 1_248_424, 818_924_576),
    ("googlenet", 224, 6_624_904, 1_498_376_192),
    ("inception-v3", 299, 23_834_568, 5_713_216_096),
    ("inception-v4", 299, 42_679_816, 12_253_974_624),
    ("darknet-53", 256, 41_609_928, 9_285_115_904),
    ("darknet-53", 224, 41_609_928, 7_109_156_864),
    ("nin", 224, 7_595_176, 1_100_188_800),
    ("nin", 227, 7_595_176, 1_105_996_320),
    ("tiny-yolov2", 416, 15_861_773, 3_485_520_896),
    ("vit-b-16", 224, 86_567_656, 17_563_828_224),
]

# shapes of the papers' tables and of the library definitions
SHAPES = [
    ("alexnet", "conv1", (64, 55, 55)),
    ("alexnet", "pool5", (256, 6, 6)),
    ("alexnet", "flatten", (9216,)),
    ("vgg-16", "conv5_3", (512, 14, 14)),
    ("vgg-16", "pool5", (512, 7, 7)),
    ("resnet-18", "pool1", (64, 56, 56)),
    ("resnet-18", "stage4.block2.relu", (512, 7, 7)),
    ("resnet-50", "stage3.block1.add", (1024, 14, 14)),
    ("mobilenet-v2", "block3.add", (24, 56, 56)),
    ("mobilenet-v2", "block17.project.norm", (320, 7, 7)),
    ("squeezenet-1.0", "pool1", (96, 54, 54)),
    ("squeezenet-1.0", "fire8.concat", (512, 27, 27)),
    ("squeezenet-1.0", "conv10", (1000, 13, 13)),
    ("googlenet", "inception3b.concat", (480, 28, 28)),
    ("googlenet", "inception4e.concat", (832, 14, 14)),
    ("googlenet", "inception5b.concat", (1024, 7, 7)),
    ("inception-v3", "mixed5d.concat", (288, 35, 35)),
    ("inception-v3", "mixed6e.concat", (768, 17, 17)),
    ("inception-v3", "mixed7c.concat", (2048, 8, 8)),
    ("inception-v4", "stem2.concat", (192, 71, 71)),
    ("inception-v4", "inception_a4.concat", (384, 35, 35)),
    ("inception-v4", "inception_b7.concat", (1024, 17, 17)),
    ("inception-v4", "inception_c3.concat", (1536, 8, 8)),
    ("darknet-53", "stage5.block4.add", (1024, 8, 8)),
    ("nin", "conv1", (96, 54, 54)),
    ("nin", "pool1", (96, 27, 27)),
    ("nin", "pool2", (256, 13, 13)),
    ("nin", "pool3", (384, 6, 6)),
    ("tiny-yolov2", "pool6", (512, 13, 13)),
    ("tiny-yolov2", "conv9", (125, 13, 13)),
    ("vit-b-16", "tokens", (197, 768)),
    ("vit-b-16", "block1.qkv", (197, 2304)),
    ("vit-b-16", "class_token", (768,)),
]
SPATIAL_OPS = {
    "conv", "max-pool", "average-pool", "norm", "activation", "add", "multiply", "concat",
    "identity",
}  # fmt: skip


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    """Every network at its usual size."""
    return {name: zoo.build(name) for name in zoo.names()}


def test_all_networks_have_figures() -> None:
    """The fourteen networks of the table are the zoo."""
    assert set(zoo.names()) == {name for name, *_ in FIGURES}
    assert len(zoo.names()) == 14


@pytest.mark.parametrize(("name", "size", "parameters", "macs"), FIGURES)
def test_figures_are_exact(name: str, size: int, parameters: int, macs: int) -> None:
    """Parameters and multiply-accumulates are the published ones, to the last digit."""
    model = zoo.build(name, size)
    assert (model.parameters, model.macs) == (parameters, macs)


@pytest.mark.parametrize(("name", "layer", "shape"), SHAPES)
def test_known_shapes(
    models: dict[str, Model], name: str, layer: str, shape: tuple[int, ...]
) -> None:
    """Well-known layers have their well-known shapes."""
    model = models[name]
    assert model.layers[model.index[layer]].output_shape == shape


@pytest.mark.parametrize("name", zoo.names())
def test_bytes_are_four_per_value(models: dict[str, Model], name: str) -> None:
    """Tensors and weights are float32, so their bytes are whole multiples of 4."""
    for layer in models[name].layers:
        assert layer.output_shape is not None
        assert layer.output_bytes == 4 * prod(layer.output_shape)
        assert layer.weight_bytes % 4 == 0


def axis_windows(
    size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int], ceil: bool
) -> int:
    """Count windows one by one, by sliding them over the padded axis."""
    before, after = pads
    reach = (kernel - 1) * dilation + 1
    start, count = -before, 0
    while start + reach <= size + after:
        start, count = start + stride, count + 1
    last_end = start - stride + reach
    if ceil and count and last_end < size + after and start < size:
        count += 1
    return count


def slid(height: int, width: int, window: Window) -> tuple[int, int]:
    """Output rows and columns, counted window by window."""
    top, left, bottom, right = window.padding
    rows, columns = (
        axis_windows(size, kernel, stride, dilation, pads, window.ceil)
        for size, kernel, stride, dilation, pads in zip(
            (height, width),
            window.kernel,
            window.stride,
            window.dilation,
            ((top, bottom), (left, right)),
            strict=True,
        )
    )
    return rows, columns


@pytest.mark.parametrize("name", zoo.names())
def test_windows_reproduce_shapes(models: dict[str, Model], name: str) -> None:
    """Every window, slid over its input's map, gives the layer's rows and columns."""
    model = models[name]
    windowed = [layer for layer in model.layers if layer.window is not None]
    assert {layer.op for layer in windowed} <= {"conv", "max-pool", "average-pool"}
    for layer in windowed:
        shape = model.layers[model.index[layer.inputs[0]]].output_shape
        assert shape is not None
        assert layer.output_shape is not None
        assert layer.window is not None
        assert layer.output_shape[1:] == slid(shape[1], shape[2], layer.window)


@pytest.mark.parametrize("name", zoo.names())
def test_weights_and_work_of_convolutions(models: dict[str, Model], name: str) -> None:
    """A convolution's work is 2 x weights without bias x output positions."""
    model = models[name]
    for layer in model.layers:
        if layer.op != "conv":
            continue
        shape = model.layers[model.index[layer.inputs[0]]].output_shape
        assert shape is not None
        assert layer.output_shape is not None
        assert layer.window is not None
        channels, rows, columns = layer.output_shape
        weights = channels * shape[0] // layer.window.groups * prod(layer.window.kernel)
        assert layer.weight_bytes / 4 - weights in (0, channels)
        assert layer.flops == 2 * weights * rows * columns


@pytest.mark.parametrize("name", zoo.names())
def test_layers_without_window_keep_the_map(models: dict[str, Model], name: str) -> None:
    """A spatial layer without a window has inputs of its own rows and columns."""
    model = models[name]
    for layer in model.layers:
        if layer.op not in SPATIAL_OPS or layer.window is not None:
            continue
        inputs = [model.layers[model.index[tensor]].output_shape for tensor in layer.inputs]
        assert all(shape is not None and layer.output_shape is not None for shape in inputs)
        assert {shape[1:] for shape in inputs if shape} == {(layer.output_shape or ())[1:]}


@pytest.mark.parametrize("name", zoo.names())
def test_one_input_one_result(models: dict[str, Model], name: str) -> None:
    """Every network reads one image and leaves one result, and every layer is used."""
    model = models[name]
    assert [layer.op for layer in model.layers].count("input") == 1
    assert model.results.sum() == 1
    assert len(model.order) == len(model.layers)


@pytest.mark.parametrize("name", zoo.names())
def test_write_and_read(models: dict[str, Model], name: str) -> None:
    """A network written as JSON and read is the same, and is written the same again."""
    written = msgspec.json.encode(models[name])
    read = msgspec.json.decode(written, type=Model)
    assert read == models[name]
    assert msgspec.json.encode(read) == written


def test_other_sizes() -> None:
    """Another input size changes work and shapes, not weights; ViT's positions do grow."""
    small = zoo.build("resnet-18", 160)
    assert small.name == "resnet-18-160"
    assert small.parameters == 11_689_512
    assert small.layers[0].output_shape == (3, 160, 160)
    # 384 / 16 = 24: 577 tokens in place of 197, 380 more positions of 768 values
    assert zoo.build("vit-b-16", 384).parameters == 86_567_656 + 380 * 768
    # AlexNet at 448: the last map is 13 x 13, no multiple of 6; at 416 it is 12 x 12
    assert zoo.build("alexnet", 416).parameters == 61_100_840


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("alexnet", 448, "13 x 13 is not a multiple of 6 x 6"),
        ("vgg-16", 64, "2 x 2 is not a multiple of 7 x 7"),
        ("vit-b-16", 225, "multiple of 16"),
        ("inception-v4", 60, "does not fit"),
        ("nin", 0, ">= 1"),
        ("nin", 224.0, "whole number"),
        ("nin", True, "whole number"),
    ],
)
def test_impossible_sizes(name: str, size: int, words: str) -> None:
    """A size that the architecture does not allow is refused with the reason."""
    with pytest.raises(ValueError, match=words) as error:
        zoo.build(name, size)
    assert name in str(error.value)


def test_unknown_network() -> None:
    """An unknown name is answered with the nearest and all known names."""
    with pytest.raises(LookupError, match=r"'resnet18', did you mean 'resnet-18'\? known: alexnet"):
        zoo.build("resnet18")
    with pytest.raises(LookupError, match="known: alexnet"):
        zoo.default_size("x")


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 3),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    ceil=st.booleans(),
)
def test_window_formula(
    size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int], ceil: bool
) -> None:
    """The formula agrees with sliding a window step by step, along either axis.

    Not for windows that lie in the padding altogether: ceil mode leaves those out.
    """
    assume(pads[1] <= (kernel - 1) * dilation)
    expected = axis_windows(size, kernel, stride, dilation, pads, ceil)
    rows = Window(
        kernel=(kernel, 1),
        stride=(stride, 1),
        dilation=(dilation, 1),
        padding=(pads[0], 0, pads[1], 0),
        ceil=ceil,
    )
    columns = Window(
        kernel=(1, kernel),
        stride=(1, stride),
        dilation=(1, dilation),
        padding=(0, pads[0], 0, pads[1]),
        ceil=ceil,
    )
    assert window_output(size, 9, rows) == (expected, 9)
    assert window_output(9, size, columns) == (9, expected)


def test_builder_dilation_groups_and_sides() -> None:
    """Dilation, groups and one-sided padding enter shapes, weights and work."""
    net = Builder("toy", 10)
    # a dilated 3 x 3 reaches 5: rows 10 + 1 - 5 + 1 = 7, columns 10 + 2 - 5 + 1 = 8
    tensor = net.conv("conv", net.input(), 6, 3, padding=(1, 0, 0, 2), dilation=2, groups=3)
    layer = net.model().layers[1]
    assert net.shape(tensor) == (6, 7, 8)
    assert layer.weight_bytes == 4 * (6 * 1 * 9 + 6)
    assert layer.flops == 2 * (6 * 1 * 9) * 7 * 8


def test_builder_work_outside_macs() -> None:
    """Elementwise and pooling layers count the work that the builder documents, and no MAC."""
    net = Builder("toy", 4)
    image = net.input()
    norm = net.batch_norm("norm", image)  # 2 x 48
    relu = net.activation("relu", norm)  # 48
    total = net.add("add", (image, norm, relu))  # 2 x 48
    product = net.multiply("multiply", (total, image))  # 48
    pool = net.average_pool("pool", product, 2, 2, count_padding=True)  # 3 x 2 x 2 outputs x 4
    net.global_pool("global", pool)  # 12
    work = {layer.name: layer.flops for layer in net.model().layers}
    assert work == {
        "input": 0, "norm": 96, "relu": 48, "add": 96, "multiply": 48, "pool": 48, "global": 12,
    }  # fmt: skip
    assert net.model().macs == 0
    assert net.model().parameters == 6


def test_builder_refuses_what_does_not_fit() -> None:
    """Groups that do not divide, maps or tensors that differ, and vectors as maps are errors."""
    net = Builder("toy", 8)
    image = net.input()
    small = net.max_pool("small", image, 2, 2)
    vector = net.flatten("vector", image)
    with pytest.raises(ValueError, match="2 groups do not divide 3"):
        net.conv("a", image, 4, 1, groups=2)
    with pytest.raises(ValueError, match="different sizes"):
        net.concat("b", (image, small))
    with pytest.raises(ValueError, match="different shapes"):
        net.add("c", (image, small))
    with pytest.raises(ValueError, match=r"vector is \[192\], not"):
        net.conv("d", vector, 4, 1)
    with pytest.raises(ValueError, match="does not fit a map of 4 x 4"):
        net.max_pool("e", small, 5, 1)
