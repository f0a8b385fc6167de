"""How many values a pooling makes, where ONNX's shape inference is one off.

ONNX Runtime drops a last window that would start in the padding behind its input, and pads for
`auto_pad` as if nothing were dilated. The inference built into it does neither.
"""

from __future__ import annotations

from typing import Any

from splitfog.deployment.models.graphs import Shape, dims_of
from splitfog.deployment.models.operators import attribute, padding
from splitfog.deployment.models.tensor_types import Types, copied, set_shape, types_of, watched

POOLS = frozenset(("MaxPool", "AveragePool", "LpPool"))


def with_pool_sizes(model: Any, types: Types) -> Types:
    """Types of a model's tensors, those of such poolings and of all that follows corrected.

    Parameters
    ----------
    model
        As optimised; its nodes are in topological order.
    types
        As inferred.

    Returns
    -------
    dict
        `types` itself where no pooling is off. Else of one inference more for each that is, of a
        model that is given that pooling's output.
    """
    import onnx

    given = {value.name: value.type for value in model.graph.input}
    asked = None
    for node in model.graph.node:
        if node.op_type not in POOLS:
            continue
        sizes = _sizes(node, dims_of((given | types)[node.input[0]]))
        if sizes is None or dims_of(types[node.output[0]]) == sizes:
            continue
        if asked is None:
            asked = onnx.ModelProto()
            asked.CopyFrom(model)
            for value in asked.graph.output:  # said by the inference that was off
                value.ClearField("type")
        own = {name: copied(types[name]) for name in node.output if name}
        for name, type_ in own.items():
            set_shape(type_, sizes)
            asked.graph.input.append(onnx.helper.make_value_info(name, type_))
        asked.graph.node.remove(node)
        types = types | types_of(asked, watched(asked)) | own
    return types


def _sizes(node: Any, before: Shape | None) -> Shape | None:
    """Dimensions of what a pooling makes of an input; None where nothing can be said of them."""
    kernel = attribute(node, "kernel_shape")
    if kernel is None or before is None or len(before) != len(kernel) + 2:
        return None
    ones, axes = [1] * len(kernel), before[2:]
    strides, dilations = attribute(node, "strides", ones), attribute(node, "dilations", ones)
    pads = padding(node, axes, kernel, strides)
    ends = zip(pads[: len(axes)], pads[len(axes) :], strict=True)
    ceil = bool(attribute(node, "ceil_mode", 0))
    made = tuple(
        _size(*axis, ceil) for axis in zip(axes, ends, kernel, strides, dilations, strict=True)
    )
    return before[:2] + made if min(made) >= 0 else None


def _size(
    size: int, pads: tuple[int, int], kernel: int, stride: int, dilation: int, ceil: bool
) -> int:
    room = size + sum(pads) - (kernel - 1) * dilation - 1
    if not ceil:
        return int(room / stride) + 1  # towards 0: a window larger than all that it reads fits
    made = -(-room // stride) + 1
    return made - 1 if (made - 1) * stride >= size + pads[0] else made
