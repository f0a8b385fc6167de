"""Floating-point operations of ONNX operators.

Conventions are the zoo's: 2 FLOP a multiply-accumulate of convolutions, products and attention,
nothing for their biases; batch norm 2 a value, layer norm 7, activations 1, sums and products 1 for
each operand after the first, pooling 1 for each value under a window; what compares or moves data
counts 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from splitfog.deployment.models.graphs import Shape
from splitfog.deployment.models.operators import (
    ACTIVATIONS,
    ATTENTIONS,
    AVERAGE_POOLS,
    BLOCKED_CONVOLUTIONS,
    CONVOLUTIONS,
    GLOBAL_POOLS,
    LAYER_NORMS,
    LINEARS,
    MAX_POOLS,
    MULTIPLIES,
    PRODUCTS,
    SOFTMAXES,
    SUMS,
    attribute,
    weight_position,
)

ShapeOf = Callable[[str], Shape | None]
Shapes = Sequence[Shape | None]
Rule = Callable[[Any, float, Shapes], float | None]
"""FLOPs of a node by the number of values that it makes and the shapes of what it reads."""

MOVES = frozenset(
    ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "QLinearConcat", "Cast",
     "Split", "Slice", "Gather", "GatherElements", "GatherND", "Expand", "Tile", "Pad", "Identity",
     "Dropout", "CastLike", "BitCast", "Shape", "Size", "Constant", "ConstantOfShape", "EyeLike",
     "DepthToSpace", "SpaceToDepth", "Range", "ReorderInput", "ReorderOutput", "OneHot", "NonZero",
     "Scatter", "ScatterND", "ScatterElements", "TensorScatter", "ReverseSequence", "Compress",
     "Upsample", "CenterCropPad", "Trilu", "Unique", "MaxUnpool", "GatherBlockQuantized",
     "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceConstruct", "SequenceAt",
     "SequenceInsert", "SequenceErase", "SequenceLength", "SequenceEmpty", "ConcatFromSequence",
     "SplitToSequence", "StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch",
     "Equal", "Not", "And", "Or", "Xor", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
     "IsInf", "IsNaN", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor")
)  # fmt: skip
"""What computes nothing: it moves, chooses or compares."""

ELEMENTWISE = frozenset(
    ("Sub", "Div", "Mod", "Pow", "Where", "Ceil", "Floor", "Round", "Sign", "Sin", "Cos", "Tan",
     "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Shrink", "Hardmax",
     "Resize", "DynamicQuantizeLinear", "SwiGLU", "RotaryEmbedding", "LpNormalization")
)  # fmt: skip
"""One operation a value."""

OPERANDS = frozenset(("Max", "Min", "Mean")) | SUMS | MULTIPLIES
RECURRENT = {"RNN": 1, "GRU": 3, "LSTM": 4, "DynamicQuantizeLSTM": 4}
"""Gates of the recurrent operators: products of the input and of the state each."""


def flops(node: Any, shape_of: ShapeOf) -> float | None:
    """Floating-point operations of one run of a node; None if they are not known.

    Control flow is not known here: `work` adds up its graphs.

    Parameters
    ----------
    node
        The operator.
    shape_of
        Shape of a tensor or initialiser by name, None where unknown.
    """
    if node.op_type in MOVES:
        return 0.0
    made = [shape_of(name) for name in node.output if name]
    out = next((shape for shape in made if shape is not None), None)
    rule = _rule(node.op_type)
    if out is None or rule is None:
        return None
    return rule(node, float(prod(out)), [shape_of(name) if name else None for name in node.input])


def _rule(name: str) -> Rule | None:
    if name in _RULES:
        return _RULES[name]
    return _values_read if name.startswith("Reduce") else None


def _each(count: float) -> Rule:
    return lambda node, values, read: count * values


def _values_read(node: Any, values: float, read: Shapes) -> float:
    return float(prod(read[0])) if read and read[0] is not None else values


def _operands(node: Any, values: float, read: Shapes) -> float:
    more = 1 if node.op_type.startswith("QLinear") else sum(map(bool, node.input)) - 1
    return values * max(1, more)


def _pool(node: Any, values: float, read: Shapes) -> float:
    return values * float(prod(attribute(node, "kernel_shape", (1,))))


def _local_response(node: Any, values: float, read: Shapes) -> float:
    return values * float(attribute(node, "size", 1) + 2)


def _convolution(node: Any, values: float, read: Shapes) -> float | None:
    weight = _at(read, weight_position(node))
    return None if weight is None else 2 * values * prod(weight[1:])


def _transposed_convolution(node: Any, values: float, read: Shapes) -> float | None:
    before, weight = _at(read, 0), _at(read, weight_position(node))
    return None if before is None or weight is None else 2.0 * prod(before) * prod(weight[1:])


def _product(node: Any, values: float, read: Shapes) -> float | None:
    left = _at(read, 0)
    if not left:
        return None
    transposed = attribute(node, "transA", 0) and len(left) > 1
    return 2 * values * (left[-2] if transposed else left[-1])


def _einsum(node: Any, values: float, read: Shapes) -> float | None:
    terms = attribute(node, "equation", b"").decode().replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, read, strict=False):
        if shape is None or "." in term or len(term) != len(shape):
            return None
        sizes |= dict(zip(term, shape, strict=True))
    return 2.0 * prod(sizes.values()) * max(1, len(terms) - 1)


def _recurrent(node: Any, values: float, read: Shapes) -> float | None:
    """Data are [steps, batch, features], or batch first; weights begin with directions."""
    data, weight = _at(read, 0), _at(read, 1)
    hidden: int | None = attribute(node, "hidden_size")
    if data is None or len(data) != 3 or not weight or hidden is None:
        return None
    gates: int = weight[0] * RECURRENT[node.op_type]
    return 2.0 * data[0] * data[1] * gates * hidden * (data[2] + hidden)


def _attention(node: Any, values: float, read: Shapes) -> float | None:
    """Both products, of queries and keys and of weights and values; masks save nothing."""
    query = _at(read, 0)
    if query is None:
        return None
    if node.op_type == "GroupQueryAttention":
        return _grouped_attention(node, query, read)
    if node.op_type == "MultiHeadAttention":
        return _packed_attention(query, read)
    if node.domain in ("", "ai.onnx"):
        return _plain_attention(node, query, read)
    return _projected_attention(query, read)


def _plain_attention(node: Any, query: Shape, read: Shapes) -> float | None:
    """ONNX's own: [batch, heads, tokens, features], or [batch, tokens, heads x features]."""
    key, value, past = _at(read, 1), _at(read, 2), _at(read, 4)
    if key is None or value is None:
        return None
    before = past[2] if past else 0
    if len(query) == 4:
        batch, heads, tokens, features = query
        return 2.0 * batch * heads * tokens * (key[2] + before) * (features + value[3])
    heads = attribute(node, "q_num_heads", 1)
    wide: int = query[2] + value[2] // attribute(node, "kv_num_heads", heads) * heads
    return 2.0 * query[0] * query[1] * (key[1] + before) * wide


def _projected_attention(query: Shape, read: Shapes) -> float | None:
    """ONNX Runtime's, with the projection to queries, keys and values inside."""
    weight, past = _at(read, 1), _at(read, 4)
    if weight is None or len(query) != 3:
        return None
    batch, tokens, width = query
    keys = tokens + (past[3] if past and len(past) == 5 else 0)
    return 2.0 * batch * tokens * weight[-1] * (width + 2 * keys / 3)


def _packed_attention(query: Shape, read: Shapes) -> float | None:
    """Queries [batch, tokens, features], or with keys and values in one tensor of five axes."""
    key, value, past = _at(read, 1), _at(read, 2), _at(read, 6)
    width = query[2] if len(query) == 3 else query[2] * query[-1]
    keys = query[1]
    if key:
        keys = key[2] if len(key) == 4 else key[1]
    wide = value[2] if value and len(value) == 3 else width
    before = past[2] if past else 0
    return 2.0 * query[0] * query[1] * (keys + before) * (width + wide)


def _grouped_attention(node: Any, query: Shape, read: Shapes) -> float | None:
    """Queries alone, or with keys and values behind them on the last axis."""
    heads, others = attribute(node, "num_heads", 1), attribute(node, "kv_num_heads", 1)
    past = _at(read, 3)
    batch, tokens, width = query
    if not _at(read, 1):
        width = width * heads // (heads + 2 * others)
    return 4.0 * batch * tokens * (tokens + (past[2] if past else 0)) * width


def _at(read: Shapes, position: int) -> Shape | None:
    return read[position] if len(read) > position else None


_TABLE: Sequence[tuple[Rule, frozenset[str]]] = (
    (_convolution, CONVOLUTIONS | BLOCKED_CONVOLUTIONS | {"DeformConv"}),
    (_transposed_convolution, frozenset(("ConvTranspose", "QLinearConvTranspose"))),
    (_product, LINEARS | PRODUCTS),
    (_einsum, frozenset(("Einsum",))),
    (_attention, ATTENTIONS),
    (_recurrent, frozenset(RECURRENT)),
    (_pool, MAX_POOLS | AVERAGE_POOLS | {"LpPool", "NhwcMaxPool"}),
    (_values_read, GLOBAL_POOLS | {"ArgMax", "ArgMin", "CumSum", "CumProd", "QLinearReduceMean"}),
    (_local_response, frozenset(("LRN",))),
    (_each(2), frozenset(("BatchNormalization", "QuantizeLinear", "DequantizeLinear"))),
    (_each(7), LAYER_NORMS),
    (_each(3), SOFTMAXES | {"QLinearSoftmax"}),
    (_operands, OPERANDS),
    (_each(1), ACTIVATIONS | ELEMENTWISE),
)
_RULES: Mapping[str, Rule] = {name: rule for rule, names in _TABLE for name in names}
