"""What becomes of an ONNX graph's operators, tensors, weights and names, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog.deployment.models.mapping import Mapped
from splitfog.deployment.models.reading import ModelDefect
from splitfog.instances.records import Layer, Window, changed
from tests.cases.real.onnx_text import canonical, layers_of, model_of, normal, onnx

Kind = onnx.TensorProto


def named(found: Mapped) -> dict[str, Layer]:
    return {layer.name: layer for layer in found.model.layers}


def test_inputs_are_layers_and_initialisers_are_not() -> None:
    """Of two inputs and a weight the inputs; a scalar of int64 has 8 bytes and no shape."""
    text = """g (float[2,3] x, int64 n) => (float[2,3] y) {
      m = Cast<to=1>(n) a = Mul(x, m) y = Add(a, w) }"""
    layers = named(layers_of(model_of(text, {"w": normal(3)})))
    assert {name: layer.output_bytes for name, layer in layers.items() if layer.op == "input"} == {
        "x": 24,
        "n": 8,
    }
    assert layers["n"].output_shape is None
    assert layers["y"].weight_bytes == 12
    assert layers["y"].inputs == ("a",)


def test_an_initialiser_that_is_also_an_input_is_none() -> None:
    """As files of IR 3 list them: nobody gives it."""
    model = model_of("g (float[2] x) => (float[2] y) { y = Add(x, w) }", {"w": normal(2)})
    model.graph.input.append(onnx.helper.make_tensor_value_info("w", Kind.FLOAT, [2]))
    model.ir_version = 3
    assert list(named(layers_of(model))) == ["x", "y"]


def test_an_input_with_the_name_of_a_node_is_told_apart() -> None:
    """The node keeps the name, the input gets `:in`; the tensor is the input's."""
    model = model_of("g (float[2] x) => (float[2] y) { a = Exp(x) y = Tanh(a) }")
    model.graph.node[0].name = "x"
    found = layers_of(model)
    assert [layer.name for layer in found.model.layers] == ["x:in", "x", "y"]
    assert found.model.layers[1].inputs == ("x:in",)
    assert found.tensor_of == {"x:in": "x", "x": "a", "y": "y"}


def test_names_are_own_ones_or_the_first_outputs() -> None:
    """A name that two nodes bear is nobody's; a unique one is kept even behind such an output."""
    model = model_of(
        "g (float[2] x) => (float[2] d) { a = Exp(x) b = Tanh(a) c = Sin(b) d = Cos(c) }"
    )
    for node, name in zip(model.graph.node, ("twice", "twice", "", "a"), strict=True):
        node.name = name
    # exp: `a` is taken by the last node, so its number; tanh: b; sin: c
    names = [layer.name for layer in layers_of(model).model.layers]
    assert names == ["x", "#0", "b", "c", "a"]


def test_several_used_outputs_are_identities_of_one_group() -> None:
    """The node has no bytes, the identities its tensors and no time, all of one node's choice."""
    text = """g (float[4,9] x) => (float[4,3] y) {
      a, b, c = Split<axis=1, num_outputs=3>(x) e = Exp(a) y = Mul(e, c) }"""
    layers = named(layers_of(model_of(text), tiers=("device", "cloud")))
    split = layers["a"]
    assert (split.op, split.output_bytes, split.inputs) == ("other", 0, ("x",))
    assert "b" not in layers  # nobody reads it
    for name, reader in (("a:out", "e"), ("c", "y")):
        assert layers[name].op == "identity"
        assert layers[name].inputs == ("a",)
        assert layers[name].output_bytes == 4 * 4 * 3
        assert layers[name].times_s == {"device": 0.0, "cloud": 0.0}
        assert name in layers[reader].inputs
    assert {layer.name for layer in layers.values() if layer.group} == {"a", "a:out", "c"}
    assert len({layers[name].group for name in ("a", "a:out", "c")}) == 1


def test_one_used_output_of_several_is_the_layers() -> None:
    """An LSTM of which only the last state is read: its bytes, and '' inputs are none."""
    text = """g (float[5,1,3] x, float[1,1,4] h) => (float[1,1,4] z) {
      y, last = LSTM<hidden_size=4>(x, w, r, , , h) z = Tanh(last) }"""
    found = layers_of(model_of(text, {"w": normal(1, 16, 3), "r": normal(1, 16, 4)}))
    lstm = named(found)["y"]
    assert lstm.inputs == ("x", "h")
    assert lstm.output_bytes == 16
    assert lstm.group is None
    assert found.tensor_of["y"] == "last"
    # 4 gates of 4 values, each a product with 3 features and 4 of the state, in 5 steps
    assert lstm.flops == 2 * 5 * 4 * 4 * (3 + 4)


def test_what_no_output_needs_goes() -> None:
    """Chains without an end, their weights and inputs: nothing counts them as results."""
    text = """g (float[2] x, float[2] unread) => (float[2] y) {
      a = Exp(x) dead = Tanh(x) end = Add(dead, w) lost = Neg(unread) y = Sin(a) }"""
    model, notes = canonical(model_of(text, {"w": normal(2)}))
    assert [node.op_type for node in model.graph.node] == ["Exp", "Sin"]
    assert not model.graph.initializer
    assert [value.name for value in model.graph.input] == ["x"]
    assert notes == ["input unread is read by nothing that an output needs"]


def test_an_output_that_is_read_too_is_a_result() -> None:
    """Also the identity of a node with several outputs; what nobody reads is one anyway."""
    text = """g (float[4,6] x) => (float[4,6] a, float[4,3] l, float[4,3] y) {
      a = Exp(x) l, r = Split<axis=1, num_outputs=2>(a) s = Add(l, r) y = Tanh(s) }"""
    layers = named(layers_of(model_of(text)))
    assert {name for name, layer in layers.items() if layer.result} == {"a", "l:out"}


def test_an_output_that_is_an_input_is_a_result() -> None:
    """Of the input layer."""
    layers = named(layers_of(model_of("g (float[2] x) => (float[2] x, float[2] y) { y = Exp(x) }")))
    assert layers["x"].result
    assert set(layers) == {"x", "y"}


@pytest.mark.parametrize("reader", ["", "c"])
def test_a_constant_output_is_a_layer_without_inputs(reader: str) -> None:
    """An identity that holds it as its weights, whether or not others read it, too."""
    text = f"g (float[2] x) => (float[2] y, float[2] c) {{ y = Add(x, {reader or 'x'}) }}"
    found = layers_of(model_of(text, {"c": normal(2)}))
    constant = named(found)["c"]
    assert (constant.op, constant.inputs, constant.weight_bytes) == ("identity", (), 8)
    assert found.tensor_of["c"] == "c"
    assert named(found)["y"].inputs == (("x", "x") if not reader else ("x",))


def test_a_tensor_read_twice_is_two_edges() -> None:
    """add(x, x)."""
    layers = named(layers_of(model_of("g (float[2] x) => (float[2] y) { y = Add(x, x) }")))
    assert layers["y"].inputs == ("x", "x")


def test_weights_shared_alike_have_a_name() -> None:
    """Two products with one matrix; their bytes are the matrix's, each."""
    text = "g (float[2,4] x) => (float[2,4] y) { a = MatMul(x, w) b = Exp(a) y = MatMul(b, w) }"
    found = layers_of(model_of(text, {"w": normal(4, 4)}))
    first, _, second = found.model.layers[1:]
    assert first.weights == second.weights == "weights of a"
    assert (first.weight_bytes, second.weight_bytes) == (64, 64)
    assert found.excess_bytes == 0


def test_weights_shared_in_part_are_counted_by_each() -> None:
    """The matrix twice, but the bias once: 64 bytes too many, which a note says."""
    text = "g (float[2,4] x) => (float[2,4] y) { a = Gemm(x, w, c) b = Exp(a) y = Gemm(b, w) }"
    found = layers_of(model_of(text, {"w": normal(4, 4), "c": normal(4)}))
    layers = named(found)
    assert (layers["a"].weight_bytes, layers["y"].weight_bytes) == (80, 64)
    assert layers["a"].weights is None
    assert found.excess_bytes == 64
    assert any("64 of 144 bytes" in note for note in found.notes)


def test_sparse_weights_weigh_as_they_are_held() -> None:
    """Written out: 4 values of 2 x 2, of which two were in the file."""
    model = model_of("g (float[2,2] x) => (float[2,2] y) { y = MatMul(x, w) }")
    values = onnx.helper.make_tensor("w", Kind.FLOAT, [2], [5.0, 7.0])
    at = onnx.helper.make_tensor("at", Kind.INT64, [2], [1, 2])
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, at, [2, 2]))
    made, _ = canonical(model)
    assert named(layers_of(model))["y"].weight_bytes == 16
    whole = onnx.numpy_helper.to_array(made.graph.initializer[0])
    assert whole.tolist() == [[0.0, 5.0], [7.0, 0.0]]


@pytest.mark.parametrize(
    ("element", "num_bytes"),
    [("float", 20), ("double", 40), ("float16", 10), ("int8", 5), ("int64", 40), ("bool", 5)],
)
def test_bytes_of_a_tensor(element: str, num_bytes: int) -> None:
    """Five values, of each type's size; a bool takes a byte."""
    kind = {"float": 1, "double": 11, "float16": 10, "int8": 3, "int64": 7, "bool": 9}[element]
    text = f"g (float[5] x) => ({element}[5] y) {{ a = Exp(x) y = Cast<to={kind}>(a) }}"
    last = layers_of(model_of(text)).model.layers[-1]
    assert last.output_bytes == num_bytes


def test_four_bits_are_packed() -> None:
    """Five values in three bytes, between quantising and back; five weights as well."""
    text = """g (float[5] x) => (float[5] y, float[5] z) {
      q = QuantizeLinear<output_dtype=22>(x, s) d = DequantizeLinear(q, s) y = Exp(d)
      v = DequantizeLinear(w, s) z = Mul(d, v) }"""
    model = model_of(text, {"s": np.float32(1).reshape(())})
    four = onnx.helper.make_tensor("w", Kind.INT4, [5], bytes([0x21, 0x43, 0x05]), raw=True)
    model.graph.initializer.append(four)
    layers = named(layers_of(model))
    assert layers["q"].output_bytes == 3


def test_strings_stay_where_they_are_made() -> None:
    """Between two casts: no bytes, and both in one group; the reader of numbers is free."""
    text = "g (float[2] x) => (float[2] z) { t = Cast<to=8>(x) y = Cast<to=1>(t) z = Exp(y) }"
    layers = named(layers_of(model_of(text)))
    assert layers["t"].output_bytes == 0
    assert layers["t"].group == layers["y"].group is not None
    assert layers["x"].group is layers["z"].group is None


def test_a_string_that_is_given_holds_its_readers_at_the_source() -> None:
    """In one group with the input layer, whose place is the source."""
    text = "g (string[2] s) => (float[2] z) { y = Cast<to=1>(s) z = Exp(y) }"
    layers = named(layers_of(model_of(text)))
    assert layers["s"].output_bytes == 0
    assert layers["s"].group == layers["y"].group is not None


def test_sequences_stay_where_they_are_made() -> None:
    """What makes one and all that read it are in one group; its elements travel."""
    text = """g (float[4] x) => (float[4] z, float[8] w) {
      a = Exp(x) s = SequenceConstruct(x, a) i = Constant<value_int=1>()
      y = SequenceAt(s, i) w = ConcatFromSequence<axis=0>(s) z = Tanh(y) }"""
    found = layers_of(model_of(text))
    layers = named(found)
    assert {name for name, layer in layers.items() if layer.group} == {"s", "y", "w"}
    assert (layers["s"].output_bytes, layers["y"].output_bytes) == (0, 16)


@pytest.mark.parametrize(
    ("body", "op"),
    [
        ("y = Relu(x)", "activation"),
        ("y = Add(x, x)", "add"),
        ("y = Sum(x, x, x)", "add"),
        ("y = Mul(x, x)", "multiply"),
        ("y = Concat<axis=1>(x, x)", "concat"),
        ("y = Concat<axis=2>(x, x)", "other"),
        ("y = Softmax(x)", "softmax"),
        ("y = GlobalAveragePool(x)", "global-pool"),
        ("y = MaxPool<kernel_shape=[2,2]>(x)", "max-pool"),
        ("y = AveragePool<kernel_shape=[2,2]>(x)", "average-pool"),
        ("y = LRN<size=3>(x)", "norm"),
        ("y = InstanceNormalization(x, c, c)", "other"),
        ("y = BatchNormalization(x, c, c, c, c)", "norm"),
        ("y = Conv(x, w)", "conv"),
        ("y = ConvTranspose(x, w)", "other"),
        ("y = Flatten(x)", "flatten"),
        ("y = Reshape(x, s)", "flatten"),
        ("y = Gather<axis=1>(x, s)", "embedding"),
        ("y = MatMul(x, x)", "matmul"),
        ("f = Flatten(x) y = Gemm(f, m)", "linear"),
        ("y = DepthToSpace<blocksize=2>(x)", "other"),
        ("y = Sub(x, x)", "other"),
    ],
)
def test_kinds_of_layers(body: str, op: str) -> None:
    """By the operator's name; where a rectangle of the output is no slice, `other`."""
    weights = {
        "c": np.abs(normal(4)) + 1,
        "w": normal(4, 4, 3, 3),
        "m": normal(256, 3),
        "s": np.array([2, -1] if "Reshape" in body else [0, 1]),
    }
    used = {name: value for name, value in weights.items() if f" {name}" in body}
    model = model_of(f"g (float[1,4,8,8] x) => (float y) {{ {body} }}", used)
    assert layers_of(model).model.layers[-1].op == op


def test_layer_norm_of_tokens_is_a_norm() -> None:
    """Of three dimensions, [tokens, features] without the batch: nobody may take it for a map."""
    text = "g (float[1,6,8] x) => (float[1,6,8] y) { y = LayerNormalization(x, s) }"
    last = layers_of(model_of(text, {"s": normal(8)})).model.layers[-1]
    assert (last.op, last.output_shape) == ("norm", (6, 8))


@pytest.mark.parametrize(
    ("dims", "shape"),
    [
        ("1,3,8,6", (3, 8, 6)),
        ("2,3,8,6", (2, 3, 8, 6)),
        ("1,8,6", (8, 6)),
        ("3,8,6", None),
        ("1,8", (1, 8)),
    ],
)
def test_three_dimensions_are_a_map_only_without_a_batch(
    dims: str, shape: tuple[int, ...] | None
) -> None:
    """Slices cut [C, H, W]; three dimensions of another meaning are not said."""
    text = f"g (float[{dims}] x) => (float[{dims}] y) {{ y = Exp(x) }}"
    assert [layer.output_shape for layer in layers_of(model_of(text)).model.layers] == [shape] * 2


def test_windows_of_an_explicit_convolution() -> None:
    """Pads in the order top, left, bottom, right; the kernel is the weights'."""
    text = """g (float[1,4,20,21] x) => (float y) {
      y = Conv<strides=[2,3], pads=[1,0,2,1], dilations=[2,1], group=2>(x, w) }"""
    last = layers_of(model_of(text, {"w": normal(6, 2, 3, 5)})).model.layers[-1]
    assert last.window == Window(
        kernel=(3, 5), stride=(2, 3), padding=(1, 0, 2, 1), dilation=(2, 1), groups=2
    )
    # rows: (20 + 3 - 5) / 2 + 1 = 10; columns: (21 + 1 - 5) / 3 + 1 = 6
    assert last.output_shape == (6, 10, 6)
    # 6 x 10 x 6 values, each 2 x 3 x 5 taps
    assert last.flops == 2 * 360 * 30


@pytest.mark.parametrize(
    ("auto", "padding"),
    # 10 rows, stride 3: 4 windows reach (4 - 1) 3 + 4 = 13, so 3 are missing; columns 11: 2
    [("SAME_UPPER", (1, 1, 2, 1)), ("SAME_LOWER", (2, 1, 1, 1)), ("VALID", (0, 0, 0, 0))],
)
def test_automatic_padding_is_resolved(auto: str, padding: tuple[int, ...]) -> None:
    """The odd one after the map, or before it."""
    text = f"""g (float[1,1,10,11] x) => (float y) {{
      y = MaxPool<kernel_shape=[4,4], strides=[3,3], auto_pad="{auto}">(x) }}"""
    window = layers_of(model_of(text)).model.layers[-1].window
    assert window is not None
    assert window.padding == padding


def test_pooling_says_its_ceiling_and_what_counts() -> None:
    """`ceil_mode` and `count_include_pad`."""
    text = """g (float[1,1,10,10] x) => (float y) {
      y = AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], ceil_mode=1,
        count_include_pad=1>(x) }"""
    window = layers_of(model_of(text)).model.layers[-1].window
    assert window == Window(
        kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), ceil=True, count_padding=True
    )


@pytest.mark.parametrize("text", ["float[1,3,9] x", "float[1,3,9,9,9] x"])
def test_other_convolutions_have_no_window(text: str) -> None:
    """Of one and three dimensions: work and shape, but nothing to slice."""
    dims = text.count(",") - 1
    weights = {"w": normal(2, 3, *[3] * dims)}
    last = layers_of(model_of(f"g ({text}) => (float y) {{ y = Conv(x, w) }}", weights))
    assert last.model.layers[-1].window is None
    assert last.model.layers[-1].flops == 2 * 2 * 7**dims * 3 * 3**dims


QDQ = """g (float[1,4,8,8] x) => (float[1,4,6,6] y) {
  q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) v = DequantizeLinear(w, s, zw)
  c = Conv(d, v) r = QuantizeLinear(c, s, z) y = DequantizeLinear(r, s, z) }"""
QDQ_WEIGHTS = {
    "s": np.float32(0.1).reshape(()),
    "z": np.uint8(3).reshape(()),
    "zw": np.int8(0).reshape(()),
    "w": np.ones((4, 4, 3, 3), np.int8),
}


@pytest.mark.parametrize(("level", "kind"), [("basic", "Conv"), ("extended", "QLinearConv")])
def test_a_quantised_convolution_is_one(level: str, kind: str) -> None:
    """With the work of the plain one, and weights of a byte each where it is fused."""
    model, _ = canonical(model_of(QDQ, QDQ_WEIGHTS), level)
    assert kind in {node.op_type for node in model.graph.node}
    layers = layers_of(model_of(QDQ, QDQ_WEIGHTS), level).model.layers
    (conv,) = (layer for layer in layers if layer.op == "conv")
    assert conv.flops == 2 * 4 * 36 * 4 * 9
    assert conv.window == Window(kernel=(3, 3))
    if level == "extended":
        # int8 weights; one scale for all, zero points of maps and of weights
        assert conv.weight_bytes == 144 + 4 + 1 + 1


def test_operators_of_whole_numbers() -> None:
    """MatMulInteger, ConvInteger, QLinearMatMul and what quantises on the way, by their work."""
    text = """g (float[4,8] x, uint8[1,2,5,5] p) => (int32[4,6] y, int32[1,3,3,3] c, uint8[4,6] m) {
      q, s, z = DynamicQuantizeLinear(x) y = MatMulInteger(q, w, z) c = ConvInteger(p, k)
      m = QLinearMatMul(q, s, z, w, one, zero, one, zero) }"""
    weights = {
        "w": np.ones((8, 6), np.uint8),
        "k": np.ones((3, 2, 3, 3), np.uint8),
        "one": np.float32(1).reshape(()),
        "zero": np.uint8(0).reshape(()),
    }
    layers = named(layers_of(model_of(text, weights)))
    assert (layers["y"].op, layers["y"].flops) == ("matmul", 2 * 4 * 6 * 8)
    assert (layers["m"].op, layers["m"].flops) == ("matmul", 2 * 4 * 6 * 8)
    assert (layers["c"].op, layers["c"].flops) == ("conv", 2 * 27 * 18)
    assert {layers[name].group for name in ("q", "q:out", "s", "z")} == {"q"}


def test_other_domains() -> None:
    """Operators of ONNX Runtime by their names; of unknown ones the work is 0, which is said."""
    text = """g (float[2,2] x, float[2,4] h) => (float[2,2] y, float[2,4] z) {
      y = com.microsoft.Inverse(x) z = com.microsoft.QuickGelu(h) }"""
    found = layers_of(model_of(text, domain="com.microsoft"))
    layers = named(found)
    assert (layers["y"].op, layers["y"].flops) == ("other", 0)
    assert (layers["z"].op, layers["z"].flops) == ("activation", 8)
    assert found.notes == ("the work of Inverse is not known and counted 0: measure it (profile)",)


def test_functions_of_the_file_are_taken_apart() -> None:
    """A function of the model's own domain becomes its operators."""
    model = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 21, "own": 1]>
      g (float[2] x) => (float[2] y) { y = own.twice(x) }
      <domain: "own", opset_import: ["": 21]> twice (a) => (b) { t = Relu(a) b = Tanh(t) }""")
    ops = [layer.op for layer in layers_of(model).model.layers]
    assert ops == ["input", "activation", "activation"]


@pytest.mark.parametrize("opset", [7, 9, 12, 13])
def test_old_operator_sets_are_read(opset: int) -> None:
    """Slices by attributes, sums over given axes: whatever the opset of the file has."""
    sliced = "Slice<starts=[0], ends=[4], axes=[2]>(x)" if opset < 10 else "Slice(x, a, b, c)"
    whole = {name: np.array([value]) for name, value in (("a", 0), ("b", 4), ("c", 2))}
    model = model_of(
        f"g (float[1,3,8,8] x) => (float[1,3,4,8] y) {{ s = {sliced} y = Relu(s) }}",
        {} if opset < 10 else whole,
        opset=opset,
    )
    model.ir_version = 4
    layers = named(layers_of(model))
    assert (layers["s"].op, layers["s"].output_shape) == ("other", (3, 4, 8))


def test_layouts_of_one_machine_are_no_maps() -> None:
    """At level `all` maps are held in blocks of channels, of which a rectangle is no slice.

    Their work stays: it is that of the plain convolution where channels fill the blocks.
    """
    text = "g (float[1,16,8,8] x) => (float[1,16,8,8] y) { y = Conv<pads=[1,1,1,1]>(x, w) }"
    model = model_of(text, {"w": normal(16, 16, 3, 3)})
    plain, blocked = layers_of(model, "extended"), layers_of(model, "all")
    made, _ = canonical(model, "all")
    if not any(node.domain == "com.microsoft.nchwc" for node in made.graph.node):
        pytest.skip("this machine's ONNX Runtime has no blocked layouts")
    work, expected = (sum(found.model.flops.tolist()) for found in (blocked, plain))
    assert work == expected
    for layer in blocked.model.layers:
        assert len(layer.output_shape or ()) == 4
        assert layer.window is None
        assert layer.op != "conv"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g (float[2,2] x) => (int64 y) { y = NonZero(x) }", "'y' of NonZero"),
        ("g (float[2,2] x, int64[2] s) => (float y) { y = Reshape(x, s) }", "'y' of Reshape"),
    ],
)
def test_a_shape_that_depends_on_values_is_refused(text: str, said: str) -> None:
    """With the tensor and the operator."""
    with pytest.raises(ModelDefect, match=f"tensor {said}.*unknown before it runs"):
        layers_of(model_of(text))


def test_a_tensor_of_unknown_rank_is_no_scalar() -> None:
    """ONNX Runtime tells no dimensions of both; a scalar has 4 bytes, the other is refused."""
    scalar = "g (float[2,2] x) => (float y) { y = ReduceSum<keepdims=0>(x) }"
    assert layers_of(model_of(scalar)).model.layers[-1].output_bytes == 4
    unknown = 'g (float[2,2] x) => (float y) { y = ai.onnx.ml.Normalizer<norm="L2">(x) }'
    with pytest.raises(ModelDefect, match="'y' of Normalizer"):
        layers_of(model_of(unknown, domain="ai.onnx.ml"))


def test_types_of_what_cannot_be_sent_are_kept() -> None:
    """A sequence of int64 stays one in the canonical file, so that parts that hold it load."""
    text = """g (int64[4] x) => (int64[4] y) {
      s = SequenceConstruct(x) i = Constant<value_int=0>() y = SequenceAt(s, i) }"""
    model, _ = canonical(model_of(text))
    types = {value.name: value.type for value in model.graph.value_info}
    element = types["s"].sequence_type.elem_type.tensor_type.elem_type
    assert element == Kind.INT64


def test_a_model_is_mapped_alike_each_time() -> None:
    """Whatever is asked twice is the same: `split` does it again for a plan."""
    model, _ = canonical(model_of(QDQ, QDQ_WEIGHTS), "extended")

    def found() -> Any:
        from splitfog.deployment.models.mapping import mapped

        return changed(mapped(model, "model", ("device",)))

    assert found() == found()
