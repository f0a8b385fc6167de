"""What ONNX operators are to us: the kind of layer, its window and its floating-point operations.

Conventions are the zoo's: 2 FLOP a multiply-accumulate of convolutions, products and attention,
nothing for their biases; batch norm 2 a value, layer norm 7, activations 1, sums and products 1 for
each operand after the first, pooling 1 for each value under a window; what moves data counts 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from splitfog.instances.records import Op, Window

Shape = tuple[int, ...]
ShapeOf = Callable[[str], Shape | None]

CONVOLUTIONS = frozenset(("Conv", "ConvInteger", "QLinearConv", "FusedConv", "NhwcFusedConv"))
PRODUCTS = frozenset(
    ("MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "MatMulIntegerToFloat",
     "DynamicQuantizeMatMul", "MatMulNBits", "TransposeMatMul")
)  # fmt: skip
LINEARS = frozenset(("Gemm", "QGemm", "FusedGemm"))
ATTENTIONS = frozenset(("Attention", "QAttention", "MultiHeadAttention", "GroupQueryAttention"))
MAX_POOLS = frozenset(("MaxPool", "NhwcMaxPool"))
AVERAGE_POOLS = frozenset(("AveragePool", "QLinearAveragePool"))
GLOBAL_POOLS = frozenset(
    ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "QLinearGlobalAveragePool")
)
LAYER_NORMS = frozenset(
    ("LayerNormalization", "SkipLayerNormalization", "InstanceNormalization", "GroupNormalization",
     "GroupNorm", "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization",
     "RMSNormalization", "EmbedLayerNormalization", "MeanVarianceNormalization")
)  # fmt: skip
LOCAL_NORMS = frozenset(("BatchNormalization", "LRN"))
ACTIVATIONS = frozenset(
    ("Relu", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Selu",
     "Celu", "Clip", "Softplus", "Softsign", "Gelu", "BiasGelu", "FastGelu", "QuickGelu", "Mish",
     "Swish", "ThresholdedRelu", "Erf", "Exp", "Log", "Sqrt", "Abs", "Neg", "Reciprocal",
     "QLinearSigmoid", "QLinearLeakyRelu")
)  # fmt: skip
SUMS = frozenset(("Add", "Sum", "QLinearAdd"))
MULTIPLIES = frozenset(("Mul", "QLinearMul"))
RECURRENT = {"RNN": 1, "GRU": 3, "LSTM": 4}
"""Gates of the recurrent operators: products of the input and of the state each."""

MOVES = frozenset(
    ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "QLinearConcat", "Cast",
     "Split", "Slice", "Gather", "GatherElements", "GatherND", "Expand", "Tile", "Pad", "Identity",
     "Dropout", "CastLike", "Shape", "Size", "Constant", "ConstantOfShape", "DepthToSpace", "Range",
     "SpaceToDepth", "ReorderInput", "ReorderOutput", "OneHot", "NonZero", "ScatterND", "EyeLike",
     "ScatterElements", "ReverseSequence", "Compress", "Optional", "OptionalGetElement", "Upsample",
     "SequenceConstruct", "SequenceAt", "SequenceInsert", "ConcatFromSequence", "SplitToSequence",
     "SequenceEmpty", "Equal", "Not", "And", "Or", "Less", "Greater")
)  # fmt: skip

_OPS: Mapping[Op, frozenset[str]] = {
    "conv": CONVOLUTIONS,
    "linear": LINEARS,
    "matmul": PRODUCTS,
    "attention": ATTENTIONS,
    "max-pool": MAX_POOLS,
    "average-pool": AVERAGE_POOLS,
    "global-pool": GLOBAL_POOLS,
    "norm": LOCAL_NORMS | LAYER_NORMS,
    "activation": ACTIVATIONS,
    "add": SUMS,
    "multiply": MULTIPLIES,
    "concat": frozenset(("Concat", "QLinearConcat")),
    "flatten": frozenset(("Flatten", "Reshape", "Squeeze", "Unsqueeze")),
    "softmax": frozenset(("Softmax", "LogSoftmax")),
    "embedding": frozenset(("Gather",)),
    "identity": frozenset(("Identity", "Dropout")),
}
_OP_OF: Mapping[str, Op] = {name: op for op, names in _OPS.items() for name in names}


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """The value of a node's attribute, or the default."""
    from onnx import helper

    for entry in node.attribute:
        if entry.name == name:
            return helper.get_attribute_value(entry)
    return default


def kind(node: Any, shape: Shape | None) -> Op:
    """The layer's op: by the operator's name, but `other` where its slices would not be its own.

    A map [C, H, W] may be cut into rectangles, so a norm over the whole of it and a concatenation
    along its rows or columns are `other`.

    Parameters
    ----------
    node
        The operator.
    shape
        `output_shape` of the layer.
    """
    op = _OP_OF.get(node.op_type, "other")
    is_map = shape is not None and len(shape) == 3
    if op == "norm" and is_map and node.op_type in LAYER_NORMS:
        return "other"
    if op == "concat" and is_map and attribute(node, "axis", 1) not in (1, -3):
        return "other"
    return op


def weight_position(node: Any) -> int:
    """Which input of a convolution holds its weights."""
    return 3 if node.op_type == "QLinearConv" else 1


def window(node: Any, before: Shape | None, weight: Shape | None) -> Window | None:
    """The sliding window of a two-dimensional convolution or pooling, `auto_pad` resolved.

    Parameters
    ----------
    node
        The operator.
    before, weight
        Shapes of the tensor it reads [batch, channels, rows, columns], and of its weights.
    """
    sliding = CONVOLUTIONS | MAX_POOLS | AVERAGE_POOLS
    if node.op_type not in sliding or before is None or len(before) != 4:
        return None
    kernel = attribute(node, "kernel_shape") or (weight[2:] if weight is not None else None)
    if kernel is None or len(kernel) != 2:
        return None
    stride = tuple(attribute(node, "strides", (1, 1)))
    dilation = tuple(attribute(node, "dilations", (1, 1)))
    return Window(
        kernel=tuple(kernel),
        stride=stride,
        padding=_padding(node, before[2:], kernel, stride, dilation),
        dilation=dilation,
        groups=attribute(node, "group", 1),
        ceil=bool(attribute(node, "ceil_mode", 0)),
        count_padding=bool(attribute(node, "count_include_pad", 0)),
    )


def _padding(
    node: Any, sizes: Shape, kernel: Any, stride: Any, dilation: Any
) -> tuple[int, int, int, int]:
    auto = attribute(node, "auto_pad", b"NOTSET").decode()
    if auto == "NOTSET":
        top, left, bottom, right = attribute(node, "pads", (0, 0, 0, 0))
        return top, left, bottom, right
    if auto == "VALID":
        return 0, 0, 0, 0
    before, after = [], []
    for axis in range(2):
        made = -(-sizes[axis] // stride[axis])
        span = (kernel[axis] - 1) * dilation[axis] + 1
        missing = max(0, (made - 1) * stride[axis] + span - sizes[axis])
        low = missing // 2 if auto == "SAME_UPPER" else missing - missing // 2
        before.append(low)
        after.append(missing - low)
    return before[0], before[1], after[0], after[1]


def flops(node: Any, shape_of: ShapeOf) -> float | None:
    """Floating-point operations of one run of a node; None if its operator is not known.

    Control flow is not known here: `mapping` adds up its graphs.

    Parameters
    ----------
    node
        The operator.
    shape_of
        Shape of a tensor or initialiser by name, None where unknown.
    """
    known = [shape_of(name) for name in node.output if name]
    out = next((shape for shape in known if shape is not None), None)
    if out is None:
        return 0.0 if node.op_type in MOVES else None
    values = float(prod(out))
    read = [shape_of(name) if name else None for name in node.input]
    name = node.op_type
    if name in CONVOLUTIONS:
        weight = read[weight_position(node)]
        return None if weight is None else 2.0 * values * prod(weight[1:])
    if name in ("ConvTranspose", "QLinearConvTranspose"):
        weight = read[1] if name == "ConvTranspose" else read[3]
        return None if weight is None or read[0] is None else 2.0 * prod(read[0]) * prod(weight[1:])
    if name in LINEARS | PRODUCTS:
        depth = _depth(node, read[0])
        return None if depth is None else 2.0 * values * depth
    if name == "Einsum":
        return _einsum(node, read)
    if name in ATTENTIONS:
        return _attention(node, read)
    if name in RECURRENT:
        return _recurrent(node, read)
    return _light(node, values, read)


def _depth(node: Any, left: Shape | None) -> int | None:
    if not left:
        return None
    transposed = attribute(node, "transA", 0)
    return left[-2] if transposed and len(left) > 1 else left[-1]


def _einsum(node: Any, read: list[Shape | None]) -> float | None:
    equation = attribute(node, "equation", b"").decode().replace(" ", "")
    terms = equation.split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, read, strict=False):
        if shape is None or "." in term or len(term) != len(shape):
            return None
        sizes |= dict(zip(term, shape, strict=True))
    return 2.0 * prod(sizes.values()) * max(1, len(terms) - 1)


def _attention(node: Any, read: list[Shape | None]) -> float | None:
    query = read[0]
    if query is None or len(query) != 3:
        return None
    batch, tokens, width = query
    if node.op_type in ("Attention", "QAttention"):
        weight = read[1]
        if weight is None:
            return None
        projection = 2.0 * batch * tokens * width * weight[-1]
        return projection + 4.0 * batch * tokens * tokens * weight[-1] / 3
    key = read[1] if len(read) > 1 and read[1] is not None else query
    return 4.0 * batch * tokens * key[1] * width


def _recurrent(node: Any, read: list[Shape | None]) -> float | None:
    data, weight = read[0], read[1] if len(read) > 1 else None
    hidden: int | None = attribute(node, "hidden_size")
    if data is None or weight is None or hidden is None:
        return None
    steps, directions = data[0] * data[1], weight[0]
    return 2.0 * steps * directions * RECURRENT[node.op_type] * hidden * (weight[2] + hidden)


def _light(node: Any, values: float, read: list[Shape | None]) -> float | None:
    name = node.op_type
    if name in MOVES:
        return 0.0
    if name in MAX_POOLS | AVERAGE_POOLS:
        taps: int = prod(attribute(node, "kernel_shape", (1,)))
        return values * taps
    if name in GLOBAL_POOLS or name.startswith("Reduce") or name in ("ArgMax", "ArgMin", "CumSum"):
        return float(prod(read[0])) if read and read[0] is not None else values
    if name in ("BatchNormalization", "QuantizeLinear", "DequantizeLinear"):
        return 2 * values
    if name == "LRN":
        return values * float(attribute(node, "size", 1) + 2)
    if name in LAYER_NORMS:
        return 7 * values
    if name in ("Softmax", "LogSoftmax", "QLinearSoftmax"):
        return 3 * values
    if name in SUMS | MULTIPLIES:
        return (
            values * max(1, sum(1 for entry in node.input if entry) - 1)
            if (not name.startswith("QLinear"))
            else values
        )
    if name in ACTIVATIONS or name in _ELEMENTWISE:
        return values
    return None if node.domain not in ("", "ai.onnx") else values


_ELEMENTWISE = frozenset(("DynamicQuantizeLinear", "Where", "Resize"))
