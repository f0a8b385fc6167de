"""Floating-point operations of imported operators, those inside branches and loops included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from splitfog.deployment.models.flops import MOVES, flops
from splitfog.deployment.models.graphs import CONTROL_FLOW
from splitfog.deployment.models.mapping import Mapped
from splitfog.instances.records import Layer
from tests.cases.real.onnx_text import layers_of, model_of, normal, onnx

NOT_COUNTED = frozenset(
    ("AffineGrid", "Bernoulli", "BlackmanWindow", "CausalConvWithState", "Col2Im", "DFT", "Det",
     "GridSample", "HammingWindow", "HannWindow", "ImageDecoder", "LinearAttention", "MaxRoiPool",
     "MelWeightMatrix", "Multinomial", "NegativeLogLikelihoodLoss", "NonMaxSuppression",
     "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "RoiAlign", "STFT",
     "SequenceMap", "SoftmaxCrossEntropyLoss", "TfIdfVectorizer", "TopK")
)  # fmt: skip
"""Operators of ONNX whose work depends on values or is nobody's convention: they get a note."""

SHAPES = {
    "map": (1, 4, 10, 12),
    "made": (1, 6, 8, 10),
    "w": (6, 4, 3, 3),
    "turned": (4, 2, 3, 3),
    "tall": (1, 2, 12, 14),
    "a": (2, 5, 8),
    "b": (8, 7),
    "ab": (2, 5, 7),
    "at": (8, 5),
    "atb": (5, 7),
    "q": (2, 3, 4, 16),
    "k": (2, 3, 9, 16),
    "v": (2, 3, 9, 32),
    "tokens": (2, 4, 48),
    "few": (2, 9, 16),
    "qkv": (48, 144),
    "past": (2, 3, 5, 16),
    "few_past": (2, 1, 5, 16),
    "packed": (2, 4, 80),
    "none": (),
}


def node(kind: str, inputs: str, output: str, domain: str = "", **attributes: Any) -> Any:
    names = ["" if name == "-" else name for name in inputs.split()]
    return onnx.helper.make_node(kind, names, [output], domain=domain, **attributes)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (node("Conv", "map w", "made"), 2 * 480 * 4 * 9),
        (node("ConvTranspose", "map turned", "tall"), 2 * 480 * 2 * 9),
        (node("MatMul", "a b", "ab"), 2 * 70 * 8),
        (node("Gemm", "at b", "atb", transA=1), 2 * 35 * 8),
        (node("Einsum", "a b", "ab", equation="xij, jk -> xik"), 2 * 2 * 5 * 8 * 7),
        (node("Einsum", "a b", "ab", equation="...j,jk->...k"), None),
        (node("Relu", "map", "map"), 480),
        (node("Add", "map map", "map"), 480),
        (node("Sum", "map map map", "map"), 960),
        (node("Max", "map map map", "map"), 960),
        (node("Add", "map none", "map"), 480),
        (node("Sub", "map map", "map"), 480),
        (node("BatchNormalization", "map w w w w", "map"), 960),
        (node("LayerNormalization", "a b", "a"), 7 * 80),
        (node("LRN", "map", "map", size=5), 480 * 7),
        (node("MaxPool", "map", "made", kernel_shape=[3, 2]), 480 * 6),
        (node("GlobalAveragePool", "map", "none"), 480),
        (node("ReduceMean", "map", "none"), 480),
        (node("Softmax", "a", "a"), 240),
        (node("Transpose", "map", "map"), 0),
        (node("Less", "map map", "map"), 0),
        (node("GridSample", "map a", "map"), None),
        (node("Conv", "map unheard", "made"), None),
        (node("Conv", "map w", "unheard"), None),
        # 2 x 3 heads, 4 queries, 9 keys: 16 features of a key and 32 of a value
        (node("Attention", "q k v", "q"), 2 * 6 * 4 * 9 * (16 + 32)),
        (node("Attention", "q k v - past past", "q"), 2 * 6 * 4 * 14 * (16 + 32)),
        # 3 heads of 16; one of keys and values, of 16 each
        (
            node("Attention", "tokens few few", "tokens", q_num_heads=3, kv_num_heads=1),
            2 * 2 * 4 * 9 * (48 + 48),
        ),
        # the projection of 48 to 144, then two products of 4 x 4 x 48 for each of two
        (
            node("Attention", "tokens qkv", "tokens", "com.microsoft", num_heads=3),
            2 * 2 * 4 * 48 * 144 + 2 * 2 * (2 * 4 * 4 * 48),
        ),
        (
            node("MultiHeadAttention", "tokens tokens tokens", "tokens", "com.microsoft"),
            2 * 2 * 4 * 4 * (48 + 48),
        ),
        (
            node("MultiHeadAttention", "tokens k v", "tokens", "com.microsoft", num_heads=3),
            2 * 2 * 4 * 9 * (48 + 48),
        ),
        (
            node(
                "GroupQueryAttention", "tokens few few few_past few_past", "tokens",
                "com.microsoft", num_heads=3, kv_num_heads=1,
            ),
            4 * 2 * 4 * (4 + 5) * 48,
        ),
        # queries of 3 heads, and one head of keys and values behind them: 3 / 5 of 80
        (
            node(
                "GroupQueryAttention", "packed - - few_past few_past", "packed", "com.microsoft",
                num_heads=3, kv_num_heads=1,
            ),
            4 * 2 * 4 * (4 + 5) * 48,
        ),
    ],
    ids=lambda part: getattr(part, "op_type", ""),
)  # fmt: skip
def test_work_of_an_operator(made: Any, expected: float | None) -> None:
    """Two for each multiply-accumulate; None where a shape or the operator is not known."""
    assert flops(made, SHAPES.get) == expected


def test_every_operator_of_onnx_has_its_work() -> None:
    """Is counted, moves data only, or stands among those that nobody counts; not forgotten."""
    kinds = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    square = node("MatMul", "b b", "b")
    uncounted = set()
    for kind in kinds - MOVES - CONTROL_FLOW:
        shapes = {"x": (2, 4, 4), "q": (1, 2, 4, 4), "y": (2, 4, 4), "w": (1, 4, 4), "e": (4, 4)}
        names = {"Attention": "q q q", "Einsum": "e e"}.get(kind, "x w w w w w w w")
        made = node(kind, names, "y", hidden_size=4, equation="ij,jk->ik", kernel_shape=[2])
        if flops(made, shapes.get) is None:
            uncounted.add(kind)
    assert flops(square, SHAPES.get) is not None
    assert uncounted == NOT_COUNTED & kinds


def layer(found: Mapped, name: str) -> Layer:
    return found.model.layers[found.model.index[name]]


BRANCHES = """g (float[3,5] x) => (float[3,5] z) {
  s = ReduceSum<keepdims=0>(x) p = Greater(s, zero)
  z = If (p) <
    then_branch = t () => (float[3,5] a) { a = MatMul(x, w) },
    else_branch = e () => (float[3,5] b) { m = Neg(x) b = Mul(m, m) }> }"""


def test_a_choice_costs_its_larger_branch() -> None:
    """A product of [3, 5] and [5, 5], which the run on zeros does not take."""
    found = layers_of(model_of(BRANCHES, {"w": normal(5, 5), "zero": np.float32(0).reshape(())}))
    choice = layer(found, "z")
    assert (choice.op, choice.flops) == ("other", 2 * 15 * 5)
    assert choice.inputs == ("p", "x")  # said, and captured
    assert choice.weight_bytes == 100
    assert (found.needs_time, found.notes) == ((), ())


def test_weights_inside_a_branch_are_the_layers() -> None:
    """Initialisers of a branch's own, and its constants."""
    text = """g (bool p, float[3] x) => (float[3] z) {
      z = If (p) <
        then_branch = t () => (float[3] a) {
          c = Constant<value = float[3] {1,2,3}>() a = Add(x, c) },
        else_branch = e () => (float[3] b) { b = Neg(x) }> }"""
    assert layer(layers_of(model_of(text)), "z").weight_bytes == 12


def loop(
    rounds: str, begin: str, condition: str, body: str = "t = MatMul(h, w) n = Tanh(t)"
) -> Any:
    text = f"""g (float[2,4] x, int64 free) => (float[2,4] y) {{
      ten = Constant<value_int=10>() yes = Constant<value = bool {{1}}>()
      no = Constant<value = bool {{0}}>()
      y = Loop ({rounds}, {begin}, x) <
        body = b (int64 i, bool c, float[2,4] h) => (bool d, float[2,4] n) {{
          d = {condition} {body} }}> }}"""
    return model_of(text, {"w": normal(4, 4)})


ROUND = 2 * 8 * 4 + 8
"""A product of [2, 4] and [4, 4], and eight values bent."""


@pytest.mark.parametrize(
    ("made", "rounds"),
    [
        (loop("ten", "yes", "Identity(c)"), 10),
        (loop("ten", "", "Identity(c)"), 10),
        (loop("ten", "yes", "Constant<value = bool {1}>()"), 10),
        (loop("ten", "yes", "Constant<value = bool {0}>()"), None),
        (loop("ten", "no", "Identity(c)"), None),
        (loop("free", "yes", "Identity(c)"), None),
        (loop("", "yes", "Less(i, ten)"), None),
        (loop("ten", "yes", "Less(i, free)"), None),
    ],
)
def test_a_loop_costs_its_rounds(made: Any, rounds: int | None) -> None:
    """Where its number is a constant that no condition cuts short; else its time must be given."""
    found = layers_of(made)
    if rounds is None:
        assert found.needs_time == ("y",)
    else:
        assert found.needs_time == ()
        assert layer(found, "y").flops == rounds * ROUND


def test_a_loop_in_a_loop_costs_their_product() -> None:
    """The inner number of rounds is a constant of the outer body."""
    body = """three = Constant<value_int=3>() t = MatMul(h, w)
      n = Loop (three, , t) <
        body = inner (int64 j, bool p, float[2,4] u) => (bool q, float[2,4] v) {
          q = Identity(p) v = Exp(u) }>"""
    found = layers_of(loop("ten", "", "Identity(c)", body))
    assert layer(found, "y").flops == 10 * (2 * 8 * 4 + 3 * 8)


def test_what_grows_from_round_to_round_is_not_counted() -> None:
    """Its shape is another each time: a note says which work is missing."""
    text = """g (float[1,4] x) => (float[N,4] y) {
      three = Constant<value_int=3>()
      y = Loop (three, , x) <
        body = b (int64 i, bool c, float[M,4] h) => (bool d, float[K,4] n) {
          d = Identity(c) t = MatMul(h, w) n = Concat<axis=0>(h, t) }> }"""
    found = layers_of(model_of(text, {"w": normal(4, 4)}))
    assert layer(found, "y").output_shape == (8, 4)  # of the run: doubled three times
    assert layer(found, "y").flops == 0
    assert "MatMul" in found.notes[0]


@pytest.mark.parametrize(("axes", "dims"), [("", "7,2"), (", scan_input_axes=[1]", "2,7")])
def test_a_scan_costs_its_steps(axes: str, dims: str) -> None:
    """Seven, along the first axis or another; each multiplies, adds and bends two values."""
    text = f"""g (float[2] h, float[{dims}] xs) => (float[2] last, float[7,2] ys) {{
      last, ys = Scan (h, xs) <num_scan_inputs=1{axes},
        body = b (float[2] s, float[2] x) => (float[2] t, float[2] y) {{
          m = Mul(x, s) t = Add(m, s) y = Tanh(t) }}> }}"""
    assert layer(layers_of(model_of(text)), "last").flops == 7 * 6


def test_a_branch_in_a_branch_knows_its_shapes() -> None:
    """Of tensors that only the run of the branch alone tells: inference stops at the inner If."""
    text = """g (bool p, float[1,3,5] x) => (float[1,1,4] z) {
      z = If (p) <
        then_branch = t () => (float[1,1,4] a) {
          r = Size(x) k = Equal(r, fifteen)
          s = If (k) <
            then_branch = u () => (float[A,B,C] v) { v = Transpose<perm=[1,0,2]>(x) },
            else_branch = o () => (float[D,E] f) { f = Squeeze(x, zero) }>
          y, a = LSTM<hidden_size=4>(s, w, r4) },
        else_branch = e () => (float[1,1,4] b) { b = Identity(h) }> }"""
    weights = {
        "fifteen": np.array(15),
        "zero": np.array([0]),
        "w": normal(1, 16, 5),
        "r4": normal(1, 16, 4),
        "h": normal(1, 1, 4),
    }
    found = layers_of(model_of(text, weights))
    # 3 steps, 4 gates of 4 values, from 5 features and 4 of the state
    assert layer(found, "z").flops == 2 * 3 * 16 * (5 + 4)
    assert found.notes == ()
