"""What a layer does in its time: its kind and the figures that its time grows with."""

from __future__ import annotations

from splitfog.formulations.objective import is_one_execution
from splitfog.instances.records import Layer, Model
from splitfog.instances.times import Work


def layer_work(model: Model) -> dict[str, Work]:
    """The work of every layer but the inputs, by name.

    Parameters
    ----------
    model
        Executed once, every layer of it.

    Raises
    ------
    ValueError
        For a model with other passes.
    """
    if not is_one_execution(model):
        raise ValueError(
            f"model {model.name} is executed several times or in part (passes): the work of a "
            "layer is that of one execution"
        )
    sizes = model.output_bytes.tolist()
    return {
        layer.name: Work(
            kind=_kind(layer),
            flops=float(model.flops[position]),
            bytes_in=sum(sizes[tail] for tail in dict.fromkeys(tails)),
            bytes_out=sizes[position] + _outputs_apart(model, position),
            weight_bytes=layer.weight_bytes,
        )
        for position, (layer, tails) in enumerate(zip(model.layers, model.inputs, strict=True))
        if layer.op != "input"
    }


def is_output(model: Model, position: int) -> bool:
    """Whether a layer runs nothing: it is one of several outputs of the operator before it.

    Parameters
    ----------
    model, position
        The layer's.
    """
    layer = model.layers[position]
    if layer.op != "identity" or layer.group is None:
        return False
    operator = model.layers[model.inputs[position][0]]
    return operator.group == layer.group and operator.output_bytes == 0


def _outputs_apart(model: Model, position: int) -> float:
    """Bytes of the outputs that are layers of their own."""
    readers = model.consumers[position]
    return sum(float(model.output_bytes[own]) for own in readers if is_output(model, own))


def _kind(layer: Layer) -> str:
    """The op; convolutions apart by what they sum over, for they run at different speeds."""
    if layer.op != "conv" or layer.window is None or layer.output_shape is None:
        return layer.op
    if layer.window.groups > 1:
        channels = layer.output_shape[0]
        return "conv depthwise" if layer.window.groups == channels else "conv grouped"
    return "conv 1x1" if set(layer.window.kernel) == {1} else "conv kxk"
