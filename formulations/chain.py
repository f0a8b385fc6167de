"""Models that are chains: every layer reads the one before it, and nothing else."""

from __future__ import annotations

from splitfog.instances.records import Model


def why_no_chain(model: Model) -> str | None:
    """Where a model branches; None of a chain.

    Parameters
    ----------
    model
        A task's.
    """
    order: list[int] = model.order.tolist()
    for layer, after in zip(order, [*order[1:], None], strict=True):
        if model.consumers[layer] != (() if after is None else (after,)):
            return f"model {model.name} is no chain: {_branch(model)}"
    return None


def _branch(model: Model) -> str:
    """Where a model is no chain."""
    for layer, (inputs, readers) in zip(
        model.layers, zip(model.inputs, model.consumers), strict=True
    ):
        if len(set(inputs)) > 1:
            return f"layer {layer.name} has {len(set(inputs))} inputs"
        if len(readers) > 1:
            return f"the tensor of layer {layer.name} has {len(readers)} consumers"
    return "it falls into several chains"


def chain_layers(model: Model) -> tuple[int, ...]:
    """The layers of a chain from the first to the last, its input left out.

    Parameters
    ----------
    model
        A chain.

    Returns
    -------
    tuple of int
        Positions in the model.
    """
    return tuple(layer for layer in model.order.tolist() if model.layers[layer].op != "input")


def tensor_bytes(model: Model) -> list[float]:
    """The bytes of a chain's tensors: what its first layer reads, then what every layer makes.

    Parameters
    ----------
    model
        A chain, of which a request executes every layer once.

    Returns
    -------
    list of float
        One more than there are layers; 0 first where the chain has no input.
    """
    order: list[int] = model.order.tolist()
    sizes = [float(model.output_bytes[layer]) for layer in order]
    return sizes if model.layers[order[0]].op == "input" else [0.0, *sizes]
