"""What ONNX operators are to us: the kind of layer, and its window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from splitfog.deployment.models.graphs import Shape
from splitfog.instances.records import Op, Window

DOMAINS = frozenset(("", "ai.onnx", "com.microsoft"))
"""Of operators whose names say what they are."""

CONVOLUTIONS = frozenset(("Conv", "ConvInteger", "QLinearConv", "FusedConv"))
BLOCKED_CONVOLUTIONS = frozenset(("NhwcConv", "NhwcFusedConv"))
PRODUCTS = frozenset(
    ("MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "FusedMatMulActivation",
     "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulNBits", "MatMulBnb4",
     "TransposeMatMul")
)  # fmt: skip
LINEARS = frozenset(("Gemm", "QGemm", "FusedGemm"))
ATTENTIONS = frozenset(("Attention", "QAttention", "MultiHeadAttention", "GroupQueryAttention"))
MAX_POOLS = frozenset(("MaxPool",))
AVERAGE_POOLS = frozenset(("AveragePool", "QLinearAveragePool"))
GLOBAL_POOLS = frozenset(
    ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "QLinearGlobalAveragePool")
)
LAYER_NORMS = frozenset(
    ("LayerNormalization", "SkipLayerNormalization", "InstanceNormalization", "GroupNormalization",
     "GroupNorm", "SkipGroupNorm", "SimplifiedLayerNormalization", "RMSNormalization",
     "SkipSimplifiedLayerNormalization", "EmbedLayerNormalization", "MeanVarianceNormalization")
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
RANDOM = frozenset(
    ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial",
     "Bernoulli")
)  # fmt: skip
DROPOUTS = frozenset(("Dropout", "BiasDropout", "BitmaskDropout", "BitmaskBiasDropout"))
SOFTMAXES = frozenset(("Softmax", "LogSoftmax"))

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
    "softmax": SOFTMAXES,
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


def random_operators(graph: Any) -> dict[str, str]:
    """By the name of a graph's node, the operator in it that draws random numbers in every run.

    A `Dropout` does so in training: where its third input may be true.
    """
    from splitfog.deployment.models.graphs import all_nodes, constants_of, inner_graphs

    def drawing(node: Any) -> Iterator[str]:
        inner = [each for own in inner_graphs(node) for each in all_nodes(own)]
        for each in (node, *inner):
            trains = each.input[-1] if each.op_type in DROPOUTS and len(each.input) > 2 else ""
            if each.op_type in RANDOM or (trains and _may_be_true(constants.get(trains))):
                yield each.op_type

    constants = constants_of(graph)
    found = {node.name: next(drawing(node), None) for node in graph.node}
    return {name: op for name, op in found.items() if op is not None}


def _may_be_true(constant: Any | None) -> bool:
    """Whether a truth value is true, or not known."""
    from onnx import numpy_helper

    return constant is None or bool(numpy_helper.to_array(constant).any())


def has_maps(graph: Any) -> bool:
    """Whether tensors of four dimensions are [batch, channels, rows, columns] throughout.

    Not so where some operators keep channels last or in blocks, as `--level all` makes them: a
    rectangle of a map is no slice of such a tensor.
    """
    return not any(
        node.domain not in DOMAINS | {"ai.onnx.ml"}
        or node.op_type.startswith("Nhwc")
        or attribute(node, "channels_last", 0)
        for node in graph.node
    )


def kind(node: Any, shape: Shape | None) -> Op:
    """The layer's op: by the operator's name, but `other` where its slices would not be its own.

    A map [C, H, W] may be cut into rectangles, so a norm over the whole of it and a concatenation
    along its rows or columns are `other`, and so are operators of domains that we do not know.

    Parameters
    ----------
    node
        The operator.
    shape
        `output_shape` of the layer.
    """
    op = _OP_OF.get(node.op_type, "other") if node.domain in DOMAINS else "other"
    is_map = shape is not None and len(shape) == 3
    if op == "norm" and is_map and node.op_type in LAYER_NORMS:
        return "other"
    if op == "concat" and is_map and attribute(node, "axis", 1) not in (1, -3):
        return "other"
    return op


def weight_position(node: Any) -> int:
    """Which input of a convolution holds its weights."""
    return 3 if node.op_type in ("QLinearConv", "QLinearConvTranspose") else 1


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
    top, left, bottom, right = padding(node, before[2:], kernel, stride)
    return Window(
        kernel=tuple(kernel),
        stride=stride,
        padding=(top, left, bottom, right),
        dilation=tuple(attribute(node, "dilations", (1, 1))),
        groups=attribute(node, "group", 1),
        ceil=bool(attribute(node, "ceil_mode", 0)),
        count_padding=bool(attribute(node, "count_include_pad", 0)),
    )


def padding(
    node: Any, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int]
) -> tuple[int, ...]:
    """How many values a window adds in front on each axis, then behind, `auto_pad` resolved.

    Poolings, as ONNX Runtime runs them, pad for `auto_pad` as if nothing were dilated.

    Parameters
    ----------
    node
        A convolution or a pooling.
    sizes, kernel, stride
        By axis, of what it reads and of its window.
    """
    auto = attribute(node, "auto_pad", b"NOTSET").decode()
    if auto == "NOTSET":
        return tuple(attribute(node, "pads", (0, 0) * len(sizes)))
    if auto == "VALID":
        return (0, 0) * len(sizes)
    ones = (1,) * len(sizes)
    dilation = attribute(node, "dilations", ones) if node.op_type in CONVOLUTIONS else ones
    before, after = [], []
    for size, length, step, apart in zip(sizes, kernel, stride, dilation, strict=True):
        made = -(-size // step)
        missing = max(0, (made - 1) * step + (length - 1) * apart + 1 - size)
        low = missing // 2 if auto == "SAME_UPPER" else missing - missing // 2
        before.append(low)
        after.append(missing - low)
    return (*before, *after)
